//! HTTP/2, with prior knowledge on a plain connection.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{client::conn::http2, header::HeaderName};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reseal_server::Limits;
use tokio::net::TcpStream;

use crate::kit::{Request, Server, call, signed, wait};

type Sender = http2::SendRequest<Full<Bytes>>;

pub(crate) async fn connect(address: SocketAddr) -> (Sender, tokio::task::JoinHandle<()>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let task = tokio::spawn(async { connection.await.unwrap_or_default() });
    (sender, task)
}

/// As HTTP/2 sends it: the host in `:authority`.
pub(crate) fn convert(request: &Request) -> hyper::Request<Full<Bytes>> {
    let uri = format!("http://{}{}?{}", request.get("host"), request.path, request.query);
    let mut converted = hyper::Request::builder().method(request.method).uri(uri.trim_end_matches('?'));
    for (name, value) in request.headers.iter().filter(|(name, _)| name != "host") {
        converted = converted.header(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
    }
    converted.body(Full::from(request.body.clone())).unwrap()
}

async fn send(sender: &mut Sender, request: &Request) -> (u16, String) {
    let reply = sender.send_request(convert(request)).await.unwrap();
    let status = reply.status().as_u16();
    assert_eq!(reply.headers().get("x-amzn-requestid").unwrap().len(), 36);
    assert!(reply.headers().contains_key("date"));
    let body = reply.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn the_authority_is_the_signed_host() {
    let server = Server::start();
    wait(async {
        let (mut sender, _task) = connect(server.address).await;
        let (status, body) = send(&mut sender, &signed("ListKeys", "{}")).await;
        assert_eq!(status, 200, "{body}");
        let other = call("ListKeys", "{}").set("host", "kms.other");
        let (status, body) = send(&mut sender, &signed("ListKeys", "{}").set("host", "kms.other")).await;
        assert_eq!(status, 400);
        assert!(body.contains("InvalidSignatureException"), "{body}");
        // Two hosts, of which the second is the signed one.
        let mut two = convert(&other.sign());
        *two.uri_mut() = "http://kms.test/".parse().unwrap();
        two.headers_mut().insert("host", "kms.other".parse().unwrap());
        let reply = sender.send_request(two).await.unwrap();
        assert_eq!(reply.status(), 400);
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        assert!(body.ends_with(br#""message":"'Host' must not be given more than once."}"#), "{body:?}");
        // The same host twice is one host.
        let mut same = convert(&signed("ListKeys", "{}"));
        same.headers_mut().insert("host", "kms.test".parse().unwrap());
        assert_eq!(sender.send_request(same).await.unwrap().status(), 200);
    });
}

#[test]
fn a_body_too_long_is_refused_readably() {
    let server = Server::start();
    wait(async {
        let (mut sender, _task) = connect(server.address).await;
        let mut long = call("ListKeys", "");
        long.body = vec![b' '; 2 * 1_048_576];
        let (status, body) = send(&mut sender, &long).await;
        assert_eq!((status, body.contains("RequestEntityTooLarge")), (413, true));
        assert_eq!(send(&mut sender, &signed("ListKeys", "{}")).await.0, 200);
    });
}

#[test]
fn requests_of_a_connection_are_served_together_up_to_the_limit() {
    let server = Server::limited(Limits { max_streams: 3, ..Limits::default() });
    wait(async {
        let (mut sender, _task) = connect(server.address).await;
        // After the first answer the client knows the limit.
        assert_eq!(send(&mut sender, &signed("ListKeys", "{}")).await.0, 200);
        server.stage.hold_reads();
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let mut sender = sender.clone();
            calls.spawn(async move { send(&mut sender, &signed("ListKeys", "{}")).await.0 });
        }
        let stage = server.stage.clone();
        tokio::task::spawn_blocking(move || stage.held(3)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(server.stage.waiting(), 3);
        server.stage.release();
        while let Some(status) = calls.join_next().await {
            assert_eq!(status.unwrap(), 200);
        }
    });
}

#[test]
fn stopping_finishes_what_is_in_flight() {
    let server = Server::start();
    server.stage.hold_reads();
    wait(async {
        let (mut sender, task) = connect(server.address).await;
        let (_idle, idle_task) = connect(server.address).await;
        let stage = server.stage.clone();
        let call = tokio::spawn(async move { send(&mut sender, &signed("ListKeys", "{}")).await.0 });
        tokio::task::spawn_blocking({
            let stage = stage.clone();
            move || stage.held(1)
        })
        .await
        .unwrap();
        let stopping = tokio::task::spawn_blocking(move || server.stop());
        idle_task.await.unwrap();
        assert!(!call.is_finished() && !stopping.is_finished());
        stage.release();
        assert_eq!(call.await.unwrap(), 200);
        task.await.unwrap();
        assert_eq!(stopping.await.unwrap().cut_off, 0);
    });
}

#[test]
fn an_idle_connection_is_told_to_go() {
    let server = Server::limited(Limits {
        head_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(300),
        ..Limits::default()
    });
    wait(async {
        let (mut used, used_task) = connect(server.address).await;
        assert_eq!(send(&mut used, &signed("ListKeys", "{}")).await.0, 200);
        let (_unused, unused_task) = connect(server.address).await;
        used_task.await.unwrap();
        unused_task.await.unwrap();
    });
}
