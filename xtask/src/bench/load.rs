//! The load: keep-alive connections that send prepared bytes and read whole answers, one after the other.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Builder,
    task::JoinSet,
};

use super::process::Server;

/// How much of it.
pub(super) struct Load {
    pub(super) connections: usize,
    pub(super) duration: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// Server CPU per request, microseconds.
    pub(super) cpu_micros: f64,
    /// Answers per second.
    pub(super) per_second: f64,
}

impl Load {
    /// Sends `requests` in turn on every connection until the time is over. Every answer must be a 200.
    pub(super) fn run(&self, server: &Server, requests: &[Vec<u8>]) -> Result<Measured> {
        let requests: Arc<[Vec<u8>]> = requests.into();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let cpu = server.cpu_seconds()?;
        let start = Instant::now();
        let until = start + self.duration;
        let answers = runtime.block_on(async {
            let mut connections = JoinSet::new();
            for first in 0..self.connections {
                connections.spawn(drive(server.address.clone(), Arc::clone(&requests), first, until));
            }
            let mut answers = 0_u32;
            while let Some(done) = connections.join_next().await {
                answers += done??;
            }
            anyhow::Ok(answers)
        })?;
        let seconds = start.elapsed().as_secs_f64();
        let cpu = server.cpu_seconds()? - cpu;
        let answers = f64::from(answers);
        Ok(Measured { cpu_micros: cpu * 1e6 / answers, per_second: answers / seconds })
    }
}

async fn drive(address: String, requests: Arc<[Vec<u8>]>, first: usize, until: Instant) -> Result<u32> {
    let mut stream = TcpStream::connect(&address).await?;
    stream.set_nodelay(true)?;
    let (mut answers, mut buffer) = (0, vec![0; 64 * 1024]);
    for request in requests.iter().cycle().skip(first % requests.len()) {
        if Instant::now() >= until {
            break;
        }
        stream.write_all(request).await?;
        read_answer(&mut stream, &mut buffer).await?;
        answers += 1;
    }
    Ok(answers)
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
    let mut filled = 0;
    loop {
        let space = buffer.get_mut(filled..).context("the answer fits the buffer")?;
        let read = stream.read(space).await?;
        if read == 0 {
            bail!("the server closed the connection");
        }
        filled += read;
        let seen = buffer.get(..filled).context("filled")?;
        if let Some(end) = seen.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = std::str::from_utf8(seen.get(..end).context("head")?)?;
            if !head.starts_with("HTTP/1.1 200") {
                bail!("{}", String::from_utf8_lossy(seen));
            }
            let length = content_length(head).context("an answer has a length")?;
            if filled >= end + 4 + length {
                return Ok(());
            }
        }
    }
}

fn content_length(head: &str) -> Option<usize> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })
}
