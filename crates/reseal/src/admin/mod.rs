//! Local administration: JSON over HTTP/1.1 on a unix socket in the data directory.
//!
//! The socket's mode, the directory's mode and the peer's uid each let nobody in but the service's own user and
//! root. There is no way to it over the network, and there must never be.

mod client;

use std::{
    convert::Infallible,
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt, net::UnixListener as StdListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
pub(crate) use client::call;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

use crate::{
    accounts,
    datadir::{DataDir, PRIVATE_FILE, own_uid},
    doctor::{Report, examine},
    explain,
    service::Service,
};

/// Makes an account.
pub(crate) const CREATE_ACCOUNT: &str = "/account/create";
/// Lists accounts.
pub(crate) const LIST_ACCOUNTS: &str = "/account/list";
/// Says why a call is allowed or refused.
pub(crate) const EXPLAIN: &str = "/explanation";
/// Looks at root key and store, as `reseal doctor` asks for.
pub(crate) const EXAMINE: &str = "/examination";

const MAX_BODY_BYTES: usize = 16 * 1_024;
const MAX_CONNECTIONS: usize = 16;
const TIME_TO_ASK: Duration = Duration::from_secs(10);
/// An examination of a large store takes minutes.
const TIME_PER_CONNECTION: Duration = Duration::from_mins(15);
/// What the address of a unix socket holds, less its final zero byte.
const MAX_PATH_BYTES: usize = 107;

/// The admin socket, listening. Its file is removed when this is dropped.
pub(crate) struct AdminSocket {
    listener: StdListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Listens. The caller holds the lock on the directory, so a socket file that is there is a dead one's.
    pub(crate) fn bind(directory: &DataDir) -> Result<Self> {
        let path = directory.admin_socket();
        let shown = path.display();
        let length = path.as_os_str().len();
        if length > MAX_PATH_BYTES {
            bail!(
                "the path of the admin socket {shown} has {length} bytes, a unix socket takes {MAX_PATH_BYTES}: choose a shorter --data-dir"
            );
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("the old admin socket {shown} cannot be removed"));
            }
            _ => {}
        }
        let cannot = || format!("the admin socket {shown} cannot be opened");
        let listener = StdListener::bind(&path).with_context(cannot)?;
        fs::set_permissions(&path, Permissions::from_mode(PRIVATE_FILE)).with_context(cannot)?;
        listener.set_nonblocking(true).with_context(cannot)?;
        Ok(Self { listener, path })
    }

    /// Answers until dropped.
    pub(crate) async fn serve(self, service: Service) {
        let listener = self.listener.try_clone().and_then(UnixListener::from_std);
        let listener = match listener {
            Ok(listener) => listener,
            Err(error) => return warn!(%error, "the admin socket cannot be served"),
        };
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            // The semaphore is never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let service = service.clone();
                    tokio::spawn(async move {
                        let _place = place;
                        serve_connection(stream, service).await;
                    });
                }
                Err(error) => {
                    warn!(%error, "a connection to the admin socket could not be accepted");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

async fn serve_connection(stream: UnixStream, service: Service) {
    match stream.peer_cred() {
        Ok(peer) if may_administrate(peer.uid()) => {}
        Ok(peer) => return warn!(uid = peer.uid(), "refused another user on the admin socket"),
        Err(error) => return warn!(%error, "refused an unknown user on the admin socket"),
    }
    let handler = service_fn(|request| async { Ok::<_, Infallible>(answer(request, &service).await) });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(TIME_TO_ASK)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), handler);
    match timeout(TIME_PER_CONNECTION, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a connection to the admin socket failed"),
        Err(_) => debug!("a connection to the admin socket took too long"),
    }
}

fn may_administrate(uid: u32) -> bool {
    uid == own_uid() || uid == 0
}

type Answer = Response<Full<Bytes>>;

async fn answer(request: Request<Incoming>, service: &Service) -> Answer {
    let env = &service.env;
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match (method, path.as_str()) {
        (Method::POST, CREATE_ACCOUNT) => match read(request).await {
            Ok(request) => reply(accounts::create(env, request).await.inspect(|account| {
                info!(account = account.account_id, "made an account");
            })),
            Err(error) => refuse(StatusCode::BAD_REQUEST, &error),
        },
        (Method::POST, EXPLAIN) => match read(request).await {
            Ok(subject) => reply(explain::answer(service, subject).await),
            Err(error) => refuse(StatusCode::BAD_REQUEST, &error),
        },
        (Method::GET, LIST_ACCOUNTS) => reply(accounts::list(env).await),
        (Method::GET, EXAMINE) => reply(Ok(Report { findings: examine(service).await })),
        (method, path) => {
            refuse(StatusCode::NOT_FOUND, &anyhow::anyhow!("{method} {path} is not served here"))
        }
    }
}

async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T> {
    let body = timeout(TIME_TO_ASK, Limited::new(request.into_body(), MAX_BODY_BYTES).collect()).await;
    let body = body
        .context("the request did not arrive in time")?
        .map_err(|error| anyhow::anyhow!(error))
        .context("the request cannot be read")?;
    serde_json::from_slice(&body.to_bytes()).context("the request is not what is expected here")
}

fn reply<T: Serialize>(result: Result<T>) -> Answer {
    let written = result.and_then(|value| Ok(serde_json::to_vec(&value)?));
    match written {
        Ok(body) => json_answer(StatusCode::OK, body),
        Err(error) => refuse(StatusCode::CONFLICT, &error),
    }
}

fn refuse(status: StatusCode, error: &anyhow::Error) -> Answer {
    json_answer(status, json!({ "Error": format!("{error:#}") }).to_string().into_bytes())
}

fn json_answer(status: StatusCode, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    answer
}
