//! A listener: one thread accepts, and hands each connection to the runtime that has the fewest.
//!
//! There is one single-threaded runtime for each core. A connection stays on its runtime, so nothing that serves
//! a request crosses threads; clients that keep their connections open are spread evenly.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{self, Runtime},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::Instant,
};
use tracing::warn;

use crate::{
    activity::{Activity, Phase, Verdict, Watch},
    connection::{self, Handler},
    limits::Limits,
    metrics::ConnectionCounts,
    shutdown::Shutdown,
    tls::Tls,
};

/// Connections the operating system may hold for us.
const BACKLOG: i32 = 1_024;

/// What a listener is made of, besides what it answers.
pub(crate) struct Parts {
    pub(crate) listen: SocketAddr,
    pub(crate) tls: Option<Arc<Tls>>,
    /// 0: one for each core.
    pub(crate) threads: usize,
    pub(crate) limits: Limits,
    pub(crate) counts: Arc<ConnectionCounts>,
}

/// Why a listener did not start.
#[derive(Debug)]
pub enum ServeError {
    /// The address cannot be listened on.
    Bind(SocketAddr, io::Error),
    /// Threads or their runtimes cannot be made.
    Start(io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Start(error) => write!(f, "cannot start threads for connections: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}

/// A listener at work.
#[must_use = "wait for it, or its requests are cut off when the process ends"]
pub struct Running {
    address: SocketAddr,
    scheme: &'static str,
    acceptor: thread::JoinHandle<()>,
    workers: Vec<thread::JoinHandle<usize>>,
}

/// How a listener ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections cut off because the drain timeout was over.
    pub cut_off: usize,
}

impl Running {
    /// The address, with the port that was given if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Such as `http://127.0.0.1:8000`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Blocks until the order to stop was given and every connection has ended or was cut off.
    pub fn wait(self) -> Drained {
        // A thread that panicked has nothing left to wait for.
        let _ = self.acceptor.join();
        Drained { cut_off: self.workers.into_iter().filter_map(|worker| worker.join().ok()).sum() }
    }
}

/// Starts a listener; it serves when this returns.
pub(crate) fn start<H: Handler>(
    parts: Parts,
    handler: &H,
    shutdown: &Shutdown,
) -> Result<Running, ServeError> {
    let Parts { listen, tls, threads, limits, counts } = parts;
    let socket = bind(listen).map_err(|error| ServeError::Bind(listen, error))?;
    let address = socket.local_addr().map_err(|error| ServeError::Bind(listen, error))?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let max_connections = limits.max_connections.clamp(1, Semaphore::MAX_PERMITS);
    let threads = match threads {
        0 => thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let protocol = Arc::new(connection::protocol(&limits));
    let mut lanes = Vec::with_capacity(threads);
    let mut workers = Vec::with_capacity(threads);
    for number in 0..threads {
        let (sender, arrivals) = mpsc::unbounded_channel();
        let worker = Worker {
            handler: handler.clone(),
            tls: tls.clone(),
            protocol: Arc::clone(&protocol),
            limits: limits.clone(),
            counts: Arc::clone(&counts),
            open: Vec::new(),
        };
        let (runtime, shutdown) = (new_runtime()?, shutdown.clone());
        let run = move || runtime.block_on(worker.run(arrivals, shutdown));
        workers.push(spawn(format!("reseal-http-{number}"), run)?);
        lanes.push(Lane { sender, connections: Arc::new(AtomicUsize::new(0)) });
    }
    let (runtime, shutdown) = (new_runtime()?, shutdown.clone());
    let places = Arc::new(Semaphore::new(max_connections));
    let accept = move || {
        runtime.block_on(async move {
            tokio::select! {
                () = shutdown.triggered() => {}
                () = accept(socket, places, lanes, counts) => {}
            }
        });
    };
    Ok(Running { address, scheme, acceptor: spawn("reseal-accept".to_owned(), accept)?, workers })
}

fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // So that a restart need not wait for the connections of the last run to be forgotten.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn new_runtime() -> Result<Runtime, ServeError> {
    runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(ServeError::Start)
}

fn spawn<T: Send + 'static>(
    name: String,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<thread::JoinHandle<T>, ServeError> {
    thread::Builder::new().name(name).spawn(run).map_err(ServeError::Start)
}

/// The way to one worker.
struct Lane {
    sender: mpsc::UnboundedSender<Arrival>,
    connections: Arc<AtomicUsize>,
}

/// A connection just accepted, with its places in the counts, which it gives back when dropped.
struct Arrival {
    stream: std::net::TcpStream,
    ip: IpAddr,
    places: Places,
}

struct Places {
    of_worker: Arc<AtomicUsize>,
    counts: Arc<ConnectionCounts>,
    _of_listener: OwnedSemaphorePermit,
}

impl Drop for Places {
    fn drop(&mut self) {
        self.of_worker.fetch_sub(1, Ordering::Relaxed);
        self.counts.closed();
    }
}

/// Accepts until dropped.
async fn accept(
    socket: std::net::TcpListener,
    places: Arc<Semaphore>,
    lanes: Vec<Lane>,
    counts: Arc<ConnectionCounts>,
) {
    /// When files or memory have run out, connections must end before new ones can be taken.
    const AFTER_FAILURE: Duration = Duration::from_millis(50);
    let listener = match TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => return warn!(%error, "cannot accept connections"),
    };
    loop {
        if places.available_permits() == 0 {
            warn!("as many connections are open as the limit allows; new ones wait");
        }
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(AFTER_FAILURE).await;
                continue;
            }
        };
        let fewest = lanes.iter().min_by_key(|lane| lane.connections.load(Ordering::Relaxed));
        let (Some(lane), Ok(stream)) = (fewest, without_delay(stream)) else { continue };
        lane.connections.fetch_add(1, Ordering::Relaxed);
        counts.opened();
        let places = Places {
            of_worker: Arc::clone(&lane.connections),
            counts: Arc::clone(&counts),
            _of_listener: place,
        };
        // Only a worker that has ended refuses; the connection is closed by being dropped.
        let _ = lane.sender.send(Arrival { stream, ip: address.ip().to_canonical(), places });
    }
}

/// Takes the stream off this runtime, ready to be given to another.
fn without_delay(stream: TcpStream) -> io::Result<std::net::TcpStream> {
    stream.set_nodelay(true)?;
    stream.into_std()
}

/// One runtime with its connections.
struct Worker<H> {
    handler: H,
    tls: Option<Arc<Tls>>,
    protocol: Arc<hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>>,
    limits: Limits,
    counts: Arc<ConnectionCounts>,
    open: Vec<Open>,
}

struct Open {
    task: tokio::task::JoinHandle<()>,
    activity: Arc<Activity>,
    watch: Watch,
}

impl<H: Handler> Worker<H> {
    /// Serves until the order to stop, then drains; returns how many connections were cut off.
    async fn run(mut self, mut arrivals: mpsc::UnboundedReceiver<Arrival>, shutdown: Shutdown) -> usize {
        let tick = self.limits.tick();
        let mut ticks = tokio::time::interval(tick);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stop = std::pin::pin!(shutdown.triggered());
        self.handler = self.handler.own();
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(arrival) = arrivals.recv() => self.open(arrival),
                _ = ticks.tick() => self.look(),
            }
        }
        drop(arrivals);
        self.drain().await
    }

    fn open(&mut self, arrival: Arrival) {
        let Arrival { stream, ip, places } = arrival;
        let stream = match TcpStream::from_std(stream) {
            Ok(stream) => stream,
            Err(error) => return warn!(%error, "a connection could not be taken over"),
        };
        let phase = if self.tls.is_some() { Phase::Handshake } else { Phase::Head };
        let activity = Arc::new(Activity::new(phase));
        let serve = connection::serve(
            stream,
            ip,
            Arc::clone(&activity),
            self.tls.clone(),
            Arc::clone(&self.protocol),
            self.handler.clone(),
        );
        let task = tokio::spawn(async move {
            serve.await;
            drop(places);
        });
        let watch = Watch::new(&activity, Instant::now().into_std());
        self.open.push(Open { task, activity, watch });
    }

    /// Looks at every connection: timeouts are kept here.
    fn look(&mut self) {
        let now = Instant::now().into_std();
        let (limits, counts) = (&self.limits, &self.counts);
        self.open.retain_mut(|open| {
            if open.task.is_finished() {
                return false;
            }
            match open.watch.look(&open.activity, limits, now) {
                Verdict::Stay => true,
                Verdict::Leave => {
                    open.activity.leave();
                    true
                }
                Verdict::Cut => {
                    counts.timed_out();
                    open.task.abort();
                    false
                }
            }
        });
    }

    async fn drain(&mut self) -> usize {
        let deadline = Instant::now() + self.limits.drain_timeout;
        for open in &self.open {
            match open.activity.phase() {
                Phase::Handshake => open.task.abort(),
                Phase::Head | Phase::Busy | Phase::Idle => open.activity.leave(),
            }
        }
        let mut cut_off = 0;
        for open in &mut self.open {
            if tokio::time::timeout_at(deadline, &mut open.task).await.is_err() {
                open.task.abort();
                cut_off += 1;
            }
        }
        cut_off
    }
}
