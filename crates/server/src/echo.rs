//! A bare HTTP echo on the same acceptor and runtimes: reads the body whole and answers constant bytes. The
//! benchmarks measure the service beside it.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode, body::Incoming};

use crate::{
    connection::{Answer, Handler, Peer},
    limits::Limits,
    listener::{self, Running, ServeError},
    shutdown::Shutdown,
};

/// What it answers: about as many bytes as a ReEncrypt answer has.
static ANSWER: [u8; 500] = [b'.'; 500];

/// Starts the echo on `threads` threads (0: one for each core).
///
/// # Errors
/// [`ServeError`] when the listener does not start.
pub fn serve(listen: SocketAddr, threads: usize, shutdown: &Shutdown) -> Result<Running, ServeError> {
    let limits = Limits::default();
    let parts = listener::Parts { listen, tls: None, threads, limits, counts: Arc::default() };
    listener::start(parts, &Echo, shutdown)
}

#[derive(Clone)]
struct Echo;

impl Handler for Echo {
    async fn handle(self, request: Request<Incoming>, _peer: Arc<Peer>) -> Answer {
        if request.into_body().collect().await.is_err() {
            let mut answer = Answer::default();
            *answer.status_mut() = StatusCode::BAD_REQUEST;
            return answer;
        }
        Answer::new(Full::new(Bytes::from_static(&ANSWER)))
    }
}
