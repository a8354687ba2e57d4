//! The other end of the admin socket: what commands use while the service runs.

use std::{io::ErrorKind, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{net::UnixStream, time::timeout};

use crate::datadir::DataDir;

const MAX_ANSWER_BYTES: usize = 64 * 1_024 * 1_024;
/// As long as the service itself allows.
const PATIENCE: Duration = Duration::from_mins(15);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    error: String,
}

/// Asks the running service; `None` when none listens.
pub(crate) async fn call<T: DeserializeOwned>(
    directory: &DataDir,
    method: Method,
    path: &str,
    request: &impl Serialize,
) -> Result<Option<T>> {
    let socket = directory.admin_socket();
    let stream = match UnixStream::connect(&socket).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be used", socket.display()));
        }
    };
    let exchange = exchange(stream, method, path, serde_json::to_vec(request)?);
    let (status, body) = timeout(PATIENCE, exchange).await.context("the service does not answer")??;
    if status != StatusCode::OK {
        let refusal: Refusal = serde_json::from_slice(&body)
            .map_err(|_| anyhow!("the service answered with status {status} on its admin socket"))?;
        bail!(refusal.error);
    }
    let answer = serde_json::from_slice(&body);
    answer.map(Some).context("the service's answer is not understood: is it of another version?")
}

async fn exchange(
    stream: UnixStream,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Result<(StatusCode, Bytes)> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let body = if method == Method::GET { Full::default() } else { Full::new(Bytes::from(body)) };
    let request = Request::builder().method(method).uri(path).header(HOST, "localhost").body(body)?;
    let answer = sender.send_request(request).await.context("the service hung up on its admin socket")?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
    connection.abort();
    Ok((status, body.map_err(|error| anyhow!(error))?.to_bytes()))
}
