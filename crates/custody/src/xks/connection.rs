//! HTTP/1.1 over TLS to one proxy, over connections that are kept.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use reseal_core::key_store::ProxyFault;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;
use tracing::debug;

/// Connections to one proxy. A call has one for itself.
pub(super) struct Connections {
    address: String,
    name: ServerName<'static>,
    tls: TlsConnector,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    sender: SendRequest<Full<Bytes>>,
    since: Instant,
}

/// A connection that nobody used for so long is not trusted to be there still.
const KEPT: Duration = Duration::from_secs(30);
const AFTER_ANSWER: Duration = Duration::from_millis(10);
/// The longest answer of the API is below 7 KiB.
const MOST_BYTES: usize = 64 * 1024;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PostError {
    /// No connection.
    Unreachable,
    /// No TLS.
    Tls,
    /// The connection broke before the answer was there: a fresh one may do better.
    Broken,
    /// The answer is too long, or not HTTP.
    Senseless,
}

impl PostError {
    pub(super) fn fault(self) -> ProxyFault {
        match self {
            Self::Unreachable | Self::Broken => ProxyFault::Unreachable,
            Self::Tls => ProxyFault::Tls,
            Self::Senseless => ProxyFault::InvalidResponse,
        }
    }
}

impl Connections {
    pub(super) fn new(address: String, name: ServerName<'static>, tls: Arc<ClientConfig>) -> Self {
        Self { address, name, tls: TlsConnector::from(tls), idle: Mutex::default() }
    }

    /// Forgets the connections that are kept: one of them was broken, and the others are as old.
    pub(super) fn drop_idle(&self) {
        self.idle().clear();
    }

    /// Sends a request over a kept connection or a fresh one; gives status and body of the answer.
    pub(super) async fn post(
        &self,
        path: &str,
        headers: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<(u16, Bytes), PostError> {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(body)).map_err(|_| PostError::Senseless)?;
        let mut sender = match self.take() {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let answer = sender.send_request(request).await.map_err(|error| self.broken(&error))?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<hyper::Error>() {
            Some(error) => self.broken(error),
            None => PostError::Senseless,
        })?;
        // The answer is there: a connection that is not free again at once is not worth waiting for.
        if let Ok(Ok(())) = timeout(AFTER_ANSWER, sender.ready()).await {
            self.idle().push(Idle { sender, since: Instant::now() });
        }
        Ok((status, body.to_bytes()))
    }

    fn broken(&self, error: &hyper::Error) -> PostError {
        self.note(error);
        if error.is_parse() { PostError::Senseless } else { PostError::Broken }
    }

    fn take(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle();
        idle.retain(|idle| idle.since.elapsed() < KEPT && !idle.sender.is_closed());
        // The one used last: the others may grow old.
        idle.pop().map(|idle| idle.sender)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, PostError> {
        let unreachable = |error: std::io::Error| {
            self.note(&error);
            PostError::Unreachable
        };
        let stream = TcpStream::connect(&self.address).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let stream = self.tls.connect(self.name.clone(), stream).await.map_err(|error| {
            self.note(&error);
            PostError::Tls
        })?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(&error))?;
        // Ends when the sender is dropped, or the other side closes.
        tokio::spawn(connection);
        Ok(sender)
    }

    /// For whoever looks for the reason; callers are told in general terms only.
    fn note(&self, error: &dyn fmt::Display) {
        debug!(proxy = self.address, %error, "an external key store proxy was not reached");
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
