//! One connection: TLS if there is any, then HTTP/1.1 or HTTP/2 until either side has enough.

use std::{
    convert::Infallible,
    future::poll_fn,
    net::IpAddr,
    pin::{Pin, pin},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, Version, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use reseal_core::per_thread::Own;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use crate::{
    activity::{Activity, Phase, Watched},
    limits::Limits,
    tls::{Tls, TlsSession},
};

/// The one form of answer: its whole body at once.
pub(crate) type Answer = Response<Full<Bytes>>;

/// What answers requests. Clones share their state.
pub(crate) trait Handler: Own + Send + Sync + 'static {
    /// Answers one request. There is no failure: that is an answer too.
    fn handle(self, request: Request<Incoming>, peer: Arc<Peer>) -> Answering;
}

/// An answer to come, boxed where it is made: hyper moves it once more, and every byte of it would be copied then.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The other end of a connection.
pub(crate) struct Peer {
    /// Its address, IPv4 in its own form. Forwarding headers are not believed: anyone can send them.
    pub(crate) ip: IpAddr,
    /// Set once the handshake is done, if there is one.
    pub(crate) tls: OnceLock<TlsSession>,
}

/// The settings of hyper for a listener.
pub(crate) fn protocol(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        // Ours tells a slow head from an idle connection, see `activity`.
        .header_read_timeout(None)
        .max_buf_size(limits.max_head_bytes.max(8_192))
        // Answers are short: copying head and body together costs less than handing the kernel two pieces.
        .writev(false);
    // Up to hyper's default of 100 the lines need no memory of their own; the edge refuses them above the limit.
    if limits.max_headers > 100 {
        builder.http1().max_headers(limits.max_headers);
    }
    builder
        .http2()
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(u32::try_from(limits.max_head_bytes).unwrap_or(u32::MAX));
    builder
}

/// Serves one connection to its end.
pub(crate) async fn serve<H: Handler>(
    stream: TcpStream,
    ip: IpAddr,
    activity: Arc<Activity>,
    tls: Option<Arc<Tls>>,
    protocol: Arc<auto::Builder<TokioExecutor>>,
    handler: H,
) {
    let peer = Arc::new(Peer { ip, tls: OnceLock::new() });
    let Some(tls) = tls else { return speak(stream, peer, activity, &protocol, handler).await };
    match TlsAcceptor::from(tls.current()).accept(stream).await {
        Ok(stream) => {
            let _ = peer.tls.set(TlsSession::of(stream.get_ref().1));
            activity.enter(Phase::Head);
            speak(stream, peer, activity, &protocol, handler).await;
        }
        Err(error) => debug!(client = %ip, %error, "a TLS handshake failed"),
    }
}

async fn speak<S, H>(
    stream: S,
    peer: Arc<Peer>,
    activity: Arc<Activity>,
    protocol: &auto::Builder<TokioExecutor>,
    handler: H,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let ip = peer.ip;
    let requests = Arc::clone(&activity);
    let service = service_fn(move |request: Request<Incoming>| {
        let in_flight = requests.begin(request.version() == Version::HTTP_2);
        let answer = handler.clone().handle(request, Arc::clone(&peer));
        async move {
            let answer = answer.await;
            drop(in_flight);
            Ok::<_, Infallible>(answer)
        }
    });
    let stream = TokioIo::new(Watched { stream, activity: Arc::clone(&activity) });
    let mut connection = pin!(protocol.serve_connection(stream, service));
    let mut leaving = false;
    let ended = poll_fn(|context| {
        if !leaving && activity.asked_to_leave(context) {
            leaving = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(context)
    });
    // Clients come and go as they like: not worth more than this.
    if let Err(error) = ended.await {
        debug!(client = %ip, %error, "a connection ended early");
    }
}
