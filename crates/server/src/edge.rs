//! The service as a handler of requests. The order of the stages is AWS's: size, target, signature, then the
//! operation's own checks in `reseal-core`.

mod query;

use std::{
    future::poll_fn,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Instant,
};

use hyper::{Request, body::Incoming, http::request::Parts};
use reseal_core::{
    boxed::box_in_place,
    call::{Call, RequestId},
    env::Env,
    error::Error as CoreError,
    ops::{Entry, Reply},
    per_thread::{Local, Own},
};

use reseal_identity::{Fault, Issuers};

use crate::{
    authenticate::{DevMode, FailedAuthentication, Presented, Scope, authenticate},
    body::{Bodies, Body},
    connection::{Answer, Answering, Handler, Peer},
    frame::Frame,
    health::{self, Checks},
    limits::Limits,
    listener::{self, Running, ServeError},
    metrics::Metrics,
    shutdown::Shutdown,
    tls::Tls,
    wire::{self, Failure},
};

/// Settings of the service's listener.
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// TLS; `None`: plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// Threads that serve; 0: one for each core.
    pub threads: usize,
    /// Limits.
    pub limits: Limits,
    /// Development mode.
    pub dev: Option<DevMode>,
}

/// What the edge asks and tells the rest of the process.
pub struct Hooks {
    /// For `/_reseal/health/ready`.
    pub ready: Checks,
    /// Told of every request that was not authenticated, for the aggregated audit record: the source address and
    /// the name of the error, one of a closed set. Called on the serving thread: must not block.
    pub failed_authentication: Arc<FailedAuthentication>,
    /// Whose web identity tokens can be verified.
    pub issuers: Issuers,
}

/// Starts the service; it serves when this returns.
///
/// # Errors
/// [`ServeError`] when the listener does not start.
pub fn serve(
    config: Config,
    env: Arc<Env>,
    hooks: Hooks,
    metrics: Arc<Metrics>,
    shutdown: &Shutdown,
) -> Result<Running, ServeError> {
    let Config { listen, tls, threads, limits, dev } = config;
    let counts = Arc::clone(&metrics.connections);
    let max_headers = limits.max_headers;
    let bodies = Bodies::new(limits.clone());
    let edge = Edge(Local::new(Inner { env, hooks, metrics, bodies, max_headers, dev }));
    listener::start(listener::Parts { listen, tls, threads, limits, counts }, &edge, shutdown)
}

#[derive(Clone)]
struct Edge(Local<Inner>);

struct Inner {
    env: Arc<Env>,
    hooks: Hooks,
    metrics: Arc<Metrics>,
    bodies: Bodies,
    max_headers: usize,
    dev: Option<DevMode>,
}

impl Own for Edge {
    fn own(&self) -> Self {
        Self(self.0.own())
    }
}

impl Handler for Edge {
    fn handle(self, request: Request<Incoming>, peer: Arc<Peer>) -> Answering {
        let Self(inner) = self;
        box_in_place(|| async move {
            let (request, body) = request.into_parts();
            inner.answer(&request, body, &peer).await
        })
    }
}

impl Inner {
    async fn answer(&self, request: &Parts, body: Incoming, peer: &Peer) -> Answer {
        let request_id = RequestId::random(self.env.entropy());
        let mut answer = match Frame::of(request) {
            Frame::Live => health::live(),
            Frame::Ready => Box::pin(health::ready(&self.hooks.ready)).await,
            frame @ (Frame::Form | Frame::FormInQuery) => {
                let request_id = request_id.as_ref().map_err(|error| CoreError::from(*error));
                Box::pin(self.query(matches!(frame, Frame::Form), request, body, peer, request_id)).await
            }
            frame @ (Frame::Operation(_) | Frame::UnknownOperation | Frame::Nowhere) => {
                let request_id = request_id.as_ref().map_err(|error| CoreError::from(*error));
                self.call(&frame, request, body, peer, request_id).await
            }
        };
        wire::mark(&mut answer, request_id.as_ref().ok(), self.dev.is_some());
        answer
    }

    async fn call(
        &self,
        frame: &Frame,
        request: &Parts,
        body: Incoming,
        peer: &Peer,
        request_id: Result<&RequestId, CoreError>,
    ) -> Answer {
        let started = Instant::now();
        let metrics = match frame {
            Frame::Operation(entry) => self.metrics.operation(entry),
            _ => &self.metrics.no_operation,
        };
        let id = request_id.as_ref().ok().copied();
        let outcome = self.attempt(frame, request, body, peer, request_id).await;
        metrics.observe(started.elapsed(), outcome.as_ref().err().map(Failure::code));
        match outcome {
            Ok(reply) => wire::success(reply),
            Err(failure) => {
                failure.log(id);
                wire::failure(&failure)
            }
        }
    }

    async fn attempt(
        &self,
        frame: &Frame,
        request: &Parts,
        body: Incoming,
        peer: &Peer,
        request_id: Result<&RequestId, CoreError>,
    ) -> Result<Reply, Failure> {
        if request.headers.len() > self.max_headers {
            return Err(Failure::TooManyHeaders);
        }
        let body = self.bodies.read(&request.headers, body).await?;
        let entry = match frame {
            Frame::Operation(entry) => *entry,
            Frame::UnknownOperation => return Err(Failure::UnknownOperation),
            _ => return Err(Failure::Nowhere),
        };
        let id = *request_id?;
        let call = authenticate(self.presented(Scope::Kms, request, peer, id, &body)).await;
        let call = call.inspect_err(|failure| self.note(failure, peer))?;
        self.handle(entry, call, body).await
    }

    fn presented<'r>(
        &'r self,
        scope: Scope,
        request: &'r Parts,
        peer: &'r Peer,
        request_id: RequestId,
        body: &'r Body,
    ) -> Presented<'r> {
        let Self { env, dev, .. } = self;
        Presented { env, dev: *dev, scope, request, peer, request_id, body: &body.bytes }
    }

    fn note(&self, failure: &Failure, peer: &Peer) {
        let code = match failure {
            Failure::Signature(error) => error.code(),
            // A token that was not accepted.
            Failure::Action(fault @ Fault::Answer(..)) => fault.code(),
            _ => return,
        };
        self.metrics.authentication_failed(code);
        (self.hooks.failed_authentication)(peer.ip, code);
    }

    /// Runs the operation. A client that goes away takes its request with it, but never a change half made:
    /// memory would not learn of what the store already has. So changes run as tasks of their own.
    async fn handle(&self, entry: &'static Entry, call: Call, body: Body) -> Result<Reply, Failure> {
        let caught = if entry.spec.read_only {
            run(|| entry.handle(&self.env, &call, &body.bytes)).await
        } else {
            let env = Arc::clone(&self.env);
            let change = tokio::spawn(async move { run(|| entry.handle(&env, &call, &body.bytes)).await });
            change.await.ok().flatten()
        };
        let Some(result) = caught else {
            self.metrics.handler_panicked();
            return Err(Failure::Panicked);
        };
        result.map_err(Failure::Call)
    }
}

/// A result to come.
type Handling<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// The operation's result; `None` if it panicked. A defect in one call must not end the others.
async fn run<'a, T, E>(handle: impl FnOnce() -> Handling<'a, T, E> + Send) -> Option<Result<T, E>> {
    let mut handling = catch_unwind(AssertUnwindSafe(handle)).ok()?;
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(context))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}
