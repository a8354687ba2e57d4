//! The yardstick: hyper and nothing else. Reads the body whole, answers constant bytes, one runtime per core.

use std::{convert::Infallible, net::TcpListener, thread};

use anyhow::Result;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Bytes, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;

/// About as many bytes as a ReEncrypt answer has.
const ANSWER: [u8; 500] = [b'.'; 500];

/// Serves until the process is ended.
pub(crate) fn run() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("echo: listening on http://{}", listener.local_addr()?);
    let cores = thread::available_parallelism()?.get();
    let mut senders = Vec::new();
    for _ in 0..cores {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        thread::spawn(move || worker(receiver));
        senders.push(sender);
    }
    // Connections go to the runtimes in turn.
    for (index, stream) in listener.incoming().enumerate() {
        if let (Ok(stream), Some(sender)) = (stream, senders.get(index % cores)) {
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            sender.send(stream)?;
        }
    }
    Ok(())
}

fn worker(mut streams: tokio::sync::mpsc::UnboundedReceiver<std::net::TcpStream>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        while let Some(stream) = streams.recv().await {
            let stream = tokio::net::TcpStream::from_std(stream)?;
            tokio::task::spawn_local(async move {
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
                // A client that goes away ends its connection; nobody needs to know.
                let _ = connection.await;
            });
        }
        Ok(())
    })
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await;
    let answer: &'static [u8] = if body.is_ok() { &ANSWER } else { &[] };
    Ok(Response::new(Full::new(Bytes::from_static(answer))))
}
