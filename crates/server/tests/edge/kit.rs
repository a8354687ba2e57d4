//! A server in this process, a client that says exactly what it is told to, and a store that can be held up.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use reseal_core::{
    identity::AccountChoice,
    store::{Batch, MemoryStore, Page, RecordKey, Store, StoreError, Versioned},
    testkit::{FixedClock, MemoryAudit, World},
};
use reseal_identity::Issuers;
use reseal_server::{Check, Config, Drained, Hooks, IssuerKeys, Limits, Metrics, Running, Shutdown, serve};
use reseal_sigv4::{Credentials, RequestParts, Scope};
use reseal_types::{AccountId, SecretBytes};
use tokio::sync::Semaphore;

/// 2026-01-02T03:04:05Z, when every world begins.
pub(crate) const NOW: i64 = 1_767_323_045;
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const ACCESS_KEY_ID: &str = "AKIAEXAMPLEEXAMPLE00";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// No test waits longer than this for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn account() -> AccountId {
    AccountId::parse(ACCOUNT).unwrap()
}

/// Runs a future to its end.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("it took too long") })
}

/// A store that can be held up, or made to panic.
#[derive(Default)]
pub(crate) struct Stage {
    inner: MemoryStore,
    mode: AtomicU8,
    entered: std::sync::Condvar,
    waiting: Mutex<usize>,
    released: Gate,
}

pub(crate) struct Gate(Semaphore);

impl Default for Gate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

const HOLD_READS: u8 = 1;
const HOLD_COMMITS: u8 = 2;
const PANIC: u8 = 3;

impl Stage {
    pub(crate) fn hold_reads(&self) {
        self.mode.store(HOLD_READS, Ordering::SeqCst);
    }

    pub(crate) fn hold_commits(&self) {
        self.mode.store(HOLD_COMMITS, Ordering::SeqCst);
    }

    pub(crate) fn panic(&self) {
        self.mode.store(PANIC, Ordering::SeqCst);
    }

    pub(crate) fn work(&self) {
        self.mode.store(0, Ordering::SeqCst);
    }

    /// Waits until as many calls are held up.
    pub(crate) fn held(&self, count: usize) {
        let waiting = self.waiting.lock().unwrap();
        let waited = self.entered.wait_timeout_while(waiting, PATIENCE, |waiting| *waiting < count);
        assert!(!waited.unwrap().1.timed_out(), "nothing was held up");
    }

    /// How many calls were held up so far.
    pub(crate) fn waiting(&self) -> usize {
        *self.waiting.lock().unwrap()
    }

    pub(crate) fn release(&self) {
        self.work();
        self.released.0.add_permits(1_000);
    }

    async fn enter(&self, held: u8) {
        let mode = self.mode.load(Ordering::SeqCst);
        assert_ne!(mode, PANIC, "this panic is part of a test");
        if mode == held {
            *self.waiting.lock().unwrap() += 1;
            self.entered.notify_all();
            self.released.0.acquire().await.unwrap().forget();
        }
    }
}

#[async_trait]
impl Store for Stage {
    async fn get(&self, key: &RecordKey) -> Result<Option<Versioned>, StoreError> {
        self.enter(HOLD_READS).await;
        self.inner.get(key).await
    }

    async fn scan(&self, prefix: &[u8], after: Option<&RecordKey>, limit: u16) -> Result<Page, StoreError> {
        self.enter(HOLD_READS).await;
        self.inner.scan(prefix, after, limit).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let result = self.inner.commit(batch).await;
        self.enter(HOLD_COMMITS).await;
        result
    }
}

/// A server with one account, on a free port.
pub(crate) struct Server {
    running: Option<Running>,
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) audit: Arc<MemoryAudit>,
    pub(crate) stage: Arc<Stage>,
    pub(crate) notes: Arc<Mutex<Vec<(IpAddr, &'static str)>>>,
    pub(crate) checks: Arc<Mutex<Vec<Check>>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn limited(limits: Limits) -> Self {
        Self::with(|config| config.limits = limits)
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let stage = Arc::new(Stage::default());
        let World { env, clock, audit, .. } = wait(World::over(stage.clone(), 1));
        let choice = AccountChoice {
            account: Some(account()),
            access_key_id: Some(ACCESS_KEY_ID.to_owned()),
            secret_access_key: Some(SecretBytes::from(SECRET.as_bytes().to_vec())),
            name: String::new(),
        };
        wait(env.create_account(choice)).unwrap();
        let (metrics, shutdown) = (Arc::new(Metrics::new()), Shutdown::new());
        let mut config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            tls: None,
            threads: 2,
            limits: Limits::default(),
            dev: None,
        };
        change(&mut config);
        let (notes, checks) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<Mutex<Vec<Check>>>::default());
        let (noted, checked) = (Arc::clone(&notes), Arc::clone(&checks));
        let hooks = Hooks {
            ready: Arc::new(move || {
                let checks = checked.lock().unwrap().clone();
                Box::pin(async { checks })
            }),
            failed_authentication: Arc::new(move |ip, code| noted.lock().unwrap().push((ip, code))),
            issuers: Issuers::new(Arc::new(IssuerKeys::new(&[], std::path::Path::new("/nowhere")).unwrap())),
        };
        let running = serve(config, Arc::new(env), hooks, Arc::clone(&metrics), &shutdown).unwrap();
        let address = running.address();
        Self { running: Some(running), address, shutdown, metrics, clock, audit, stage, notes, checks }
    }

    pub(crate) fn url(&self) -> String {
        self.running.as_ref().unwrap().url()
    }

    pub(crate) fn client(&self) -> Client<TcpStream> {
        Client::new(self.connect())
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// The audit records of API calls, oldest first; making the account is recorded too, and is not one.
    pub(crate) fn calls(&self) -> Vec<serde_json::Value> {
        let mut records = self.audit.records();
        records.retain(|record| record["eventType"] == "AwsApiCall");
        records
    }

    /// Sends one request on a connection of its own.
    pub(crate) fn send(&self, request: &Request) -> Reply {
        self.client().send(request)
    }

    /// Gives the order to stop and waits for the end.
    pub(crate) fn stop(mut self) -> Drained {
        self.shutdown.trigger();
        self.running.take().unwrap().wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.trigger();
        self.stage.release();
    }
}

/// A request before it is bytes.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A call of an operation, not signed.
pub(crate) fn call(operation: &str, body: &str) -> Request {
    let headers = [
        ("host", "kms.test"),
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", &format!("TrentService.{operation}")),
        ("user-agent", "edge-test"),
    ];
    Request {
        method: "POST",
        path: "/".to_owned(),
        query: String::new(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: body.as_bytes().to_vec(),
    }
}

/// A signed call of an operation.
pub(crate) fn signed(operation: &str, body: &str) -> Request {
    call(operation, body).sign()
}

/// Whom a request is signed by and what for.
pub(crate) struct Signer {
    pub(crate) access_key_id: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) token: Option<&'static str>,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
    pub(crate) at: i64,
}

impl Default for Signer {
    fn default() -> Self {
        Self {
            access_key_id: ACCESS_KEY_ID,
            secret: SECRET,
            token: None,
            region: "us-east-1",
            service: "kms",
            at: NOW,
        }
    }
}

impl Request {
    pub(crate) fn sign(self) -> Self {
        self.sign_by(&Signer::default())
    }

    pub(crate) fn sign_by(mut self, signer: &Signer) -> Self {
        let added = self.with_parts(|parts, body| {
            reseal_sigv4::sign(parts, body, &signer.credentials(), &signer.scope(), signer.at).unwrap()
        });
        self.headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self
    }

    pub(crate) fn presign(mut self, signer: &Signer, expires: u32) -> Self {
        self.query = self.with_parts(|parts, body| {
            reseal_sigv4::presign(parts, body, &signer.credentials(), &signer.scope(), signer.at, expires)
                .unwrap()
        });
        self
    }

    fn with_parts<T>(&self, use_them: impl FnOnce(RequestParts<'_>, &[u8]) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let (path, query) = (&self.path, &self.query);
        use_them(RequestParts { method: self.method, path, query, headers: &headers }, &self.body)
    }

    /// Replaces a header, or removes it.
    pub(crate) fn set(mut self, name: &str, value: impl Into<Option<&'static str>>) -> Self {
        self.headers.retain(|(present, _)| present != name);
        self.headers.extend(value.into().map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        &self.headers.iter().find(|(present, _)| present == name).unwrap().1
    }

    pub(crate) fn head(&self, framing: &str) -> Vec<u8> {
        let question = if self.query.is_empty() { "" } else { "?" };
        let first = format!("{} {}{question}{} HTTP/1.1\r\n", self.method, self.path, self.query);
        let mut head = first.into_bytes();
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        write!(head, "{framing}\r\n\r\n").unwrap();
        head
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head(&format!("content-length: {}", self.body.len()));
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

impl Signer {
    fn credentials(&self) -> Credentials<'static> {
        Credentials {
            access_key_id: self.access_key_id,
            secret_access_key: self.secret.as_bytes(),
            session_token: self.token,
        }
    }

    fn scope(&self) -> Scope<'static> {
        Scope { region: self.region, service: self.service }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(present, _)| present == name).map(|(_, value)| value.as_str())
    }

    /// The exception and its text; the body must hold these two and nothing else.
    pub(crate) fn error(&self) -> (String, Option<String>) {
        let serde_json::Value::Object(mut body) = serde_json::from_str(&self.body).unwrap() else {
            panic!("{self:?}")
        };
        let name = body.remove("__type").unwrap().as_str().unwrap().to_owned();
        let message = body.remove("message").map(|message| message.as_str().unwrap().to_owned());
        assert!(body.is_empty(), "{body:?}");
        (name, message)
    }

    #[track_caller]
    pub(crate) fn check_error(&self, status: u16, name: &str, message: impl Into<Option<&'static str>>) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.error(), (name.to_owned(), message.into().map(str::to_owned)));
    }
}

/// A connection of HTTP/1.1.
pub(crate) struct Client<S>(BufReader<S>);

impl<S: Read + Write> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    pub(crate) fn stream(&mut self) -> &mut S {
        self.0.get_mut()
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
        self.0.get_mut().flush().unwrap();
    }

    pub(crate) fn send(&mut self, request: &Request) -> Reply {
        self.write(&request.bytes());
        self.read()
    }

    pub(crate) fn read(&mut self) -> Reply {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("not a status line: {line:?}"));
        let status = status.parse().unwrap();
        let mut headers = Vec::new();
        loop {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut reply = Reply { status, headers, body: String::new() };
        if status == 100 {
            return reply;
        }
        let mut body = vec![0; reply.get("content-length").unwrap().parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        reply.body = String::from_utf8(body).unwrap();
        reply
    }

    /// Whether the server has closed the connection, or does so before patience is over.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.0.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}
