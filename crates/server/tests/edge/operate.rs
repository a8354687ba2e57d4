//! Starting, stopping, and defects.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use reseal_server::{Drained, Limits, ServeError, Shutdown, serve_metrics};

use crate::kit::{Server, signed, wait};

#[test]
fn a_defect_in_one_call_is_answered_and_counted_and_others_go_on() {
    let server = Server::start();
    let mut client = server.client();
    assert_eq!(client.send(&signed("ListKeys", "{}")).status, 200);
    server.stage.panic();
    // One that runs within its connection's task, and one that runs by itself.
    for operation in ["ListKeys", "CreateKey"] {
        client.send(&signed(operation, "{}")).check_error(
            500,
            "KMSInternalException",
            "The request was rejected because an internal error occurred.",
        );
    }
    server.stage.work();
    assert_eq!(client.send(&signed("ListKeys", "{}")).status, 200);
    let metrics =
        serve_metrics("127.0.0.1:0".parse().unwrap(), server.metrics.clone(), &server.shutdown).unwrap();
    let mut scraper = crate::kit::Client::new(TcpStream::connect(metrics.address()).unwrap());
    scraper.write(b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(scraper.read().body.contains("\nreseal_handler_panics_total 2\n"));
    drop(server);
    metrics.wait();
}

#[test]
fn internal_errors_say_nothing_of_their_cause() {
    let server = Server::start();
    server.audit.set_broken(true);
    server.send(&signed("ListKeys", "{}")).check_error(
        500,
        "KMSInternalException",
        "The request was rejected because an internal error occurred.",
    );
}

#[test]
fn a_change_whose_client_went_away_is_made_whole() {
    let server = Server::start();
    let created: serde_json::Value =
        serde_json::from_str(&server.send(&signed("CreateKey", "{}")).body).unwrap();
    let key = created["KeyMetadata"]["KeyId"].as_str().unwrap();
    let body = format!(r#"{{"KeyId":"{key}","Plaintext":"AAAA"}}"#);
    let encrypt = signed("Encrypt", &body);
    assert_eq!(server.send(&encrypt).status, 200);
    server.stage.hold_commits();
    let mut client = server.client();
    client.write(&signed("DisableKey", &format!(r#"{{"KeyId":"{key}"}}"#)).bytes());
    server.stage.held(1);
    drop(client);
    std::thread::sleep(Duration::from_millis(200));
    server.stage.release();
    // The store has the change; what memory holds must follow.
    let start = Instant::now();
    while server.send(&encrypt).status == 200 {
        assert!(start.elapsed() < Duration::from_secs(5), "the key is disabled in the store, yet it is used");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn stopping_finishes_what_is_in_flight_and_closes_what_is_idle() {
    let server = Server::start();
    let (mut idle, mut fresh, mut busy) = (server.client(), server.client(), server.client());
    assert_eq!(idle.send(&signed("ListKeys", "{}")).status, 200);
    server.stage.hold_reads();
    busy.write(&signed("ListKeys", "{}").bytes());
    server.stage.held(1);
    let (address, stage) = (server.address, server.stage.clone());
    let start = Instant::now();
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| server.stop());
        assert!(idle.is_closed() && fresh.is_closed());
        while TcpStream::connect(address).is_ok() {
            assert!(start.elapsed() < Duration::from_secs(5), "it still accepts connections");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(!stopping.is_finished());
        stage.release();
        let reply = busy.read();
        assert_eq!((reply.status, reply.get("connection")), (200, Some("close")));
        assert!(busy.is_closed());
        assert_eq!(stopping.join().unwrap(), Drained { cut_off: 0 });
    });
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn draining_has_an_end() {
    let server = Server::limited(Limits { drain_timeout: Duration::from_millis(300), ..Limits::default() });
    server.stage.hold_reads();
    let mut busy = server.client();
    busy.write(&signed("ListKeys", "{}").bytes());
    server.stage.held(1);
    let start = Instant::now();
    assert_eq!(server.stop(), Drained { cut_off: 1 });
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert!(busy.is_closed());
}

#[test]
fn an_address_in_use_is_said_at_once() {
    let server = Server::start();
    let taken = serve_metrics(server.address, server.metrics.clone(), &Shutdown::new());
    assert!(matches!(taken.err(), Some(ServeError::Bind(address, _)) if address == server.address));
}

#[test]
fn an_address_is_free_again_after_the_end() {
    let server = Server::start();
    let address = server.address;
    // The server closes first, so the operating system keeps the connection's end on the server's side.
    let mut client = server.client();
    assert_eq!(client.send(&signed("ListKeys", "{}")).status, 200);
    server.stop();
    assert!(client.is_closed());
    drop(client);
    let again = Server::with(|config| config.listen = address);
    assert_eq!(again.send(&signed("ListKeys", "{}")).status, 200);
}

#[test]
fn the_order_to_stop_is_seen_by_who_asks_later() {
    let shutdown = Shutdown::new();
    shutdown.clone().trigger();
    wait(shutdown.triggered());
}

#[test]
fn an_ipv4_client_of_an_ipv6_listener_is_shown_as_ipv4() {
    let Ok(probe) = std::net::TcpListener::bind("[::]:0") else { return };
    drop(probe);
    let server = Server::with(|config| config.listen = "[::]:0".parse().unwrap());
    let stream = TcpStream::connect(("127.0.0.1", server.address.port())).unwrap();
    assert_eq!(crate::kit::Client::new(stream).send(&signed("ListKeys", "{}")).status, 200);
    assert_eq!(server.calls()[0]["sourceIPAddress"], "127.0.0.1");
}
