//! What a client may not take: space, time, places.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use reseal_server::Limits;

use crate::kit::{Client, PATIENCE, Request, Server, call, signed};

const TOO_LARGE: &str = "RequestEntityTooLarge";

fn quick() -> Limits {
    Limits {
        head_timeout: Duration::from_millis(300),
        body_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(600),
        ..Limits::default()
    }
}

fn long(length: usize) -> Request {
    let mut request = call("ListKeys", "");
    request.body = vec![b' '; length];
    request
}

fn assert_no_answer_yet(client: &mut Client<TcpStream>) {
    client.stream().set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let error = client.stream().read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    client.stream().set_read_timeout(Some(PATIENCE)).unwrap();
}

#[test]
fn the_longest_body_is_read() {
    let server = Server::start();
    // Spaces are a body of the right length and not JSON, and that is found out after the signature was checked.
    let reply = server.send(&long(1_048_576).sign());
    assert_eq!((reply.status, reply.error().0.as_str()), (400, "SerializationException"));
}

#[test]
fn a_body_too_long_is_refused_readably() {
    let server = Server::start();
    let mut client = server.client();
    for length in [1_048_577, 2 * 1_048_576] {
        // The whole body is sent before the answer is read, and the connection goes on.
        client.send(&long(length).sign()).check_error(413, TOO_LARGE, "The request body is too large.");
    }
    let mut bytes = long(0).head("transfer-encoding: chunked");
    let chunk = vec![b' '; 65_536];
    for _ in 0..32 {
        bytes.extend_from_slice(b"10000\r\n");
        bytes.extend_from_slice(&chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    client.write(&bytes);
    client.read().check_error(413, TOO_LARGE, "The request body is too large.");
    assert_eq!(client.send(&signed("ListKeys", "{}")).status, 200);
}

#[test]
fn a_client_that_asks_first_is_told_before_it_sends() {
    let server = Server::start();
    let mut client = server.client();
    client.write(&long(0).head("expect: 100-continue\r\ncontent-length: 9000000"));
    client.read().check_error(413, TOO_LARGE, "The request body is too large.");
    let request = signed("ListKeys", "{}");
    let mut client = server.client();
    client.write(&request.head("expect: 100-continue\r\ncontent-length: 2"));
    assert_eq!(client.read().status, 100);
    client.write(b"{}");
    assert_eq!(client.read().status, 200);
}

#[test]
fn what_is_thrown_away_has_an_end() {
    let server =
        Server::limited(Limits { max_body_bytes: 1_000, max_discarded_bytes: 100_000, ..Limits::default() });
    let mut client = server.client();
    client.write(&long(0).head("content-length: 1000000000"));
    let block = vec![b' '; 1_000_000];
    let sent = (0..1_000).take_while(|_| client.stream().write_all(&block).is_ok()).count();
    assert!(sent < 100, "the server took {sent} MB");
    assert!(server.send(&signed("ListKeys", "{}")).status == 200);
}

#[test]
fn large_bodies_take_turns() {
    let server = Server::limited(Limits {
        max_large_bodies: 1,
        body_timeout: Duration::from_secs(2),
        ..Limits::default()
    });
    let mut holder = server.client();
    let request = long(100_000);
    holder.write(&request.bytes()[..90_000]);
    std::thread::sleep(Duration::from_millis(200));
    let mut waiting = server.client();
    waiting.write(&request.bytes());
    assert_eq!(server.send(&signed("ListKeys", "{}")).status, 200, "small ones do not wait");
    assert_no_answer_yet(&mut waiting);
    // The holder runs out of its time, and its place goes to the next.
    assert_eq!(holder.read().error().0, "RequestTimeout");
    assert_eq!(waiting.read().error().0, "MissingAuthenticationTokenException");
}

#[test]
fn heads_are_limited_in_lines_and_bytes() {
    let server = Server::start();
    let mut many = signed("ListKeys", "{}");
    for number in many.headers.len()..64 {
        many.headers.push((format!("a-{number}"), "1".to_owned()));
    }
    // Content-Length is the 65th.
    server.send(&many).check_error(431, "MalformedHttpRequestException", "The request has too many headers.");
    many.headers.pop();
    assert_eq!(server.send(&many).status, 200);

    for length in [100_000, 1_000_000] {
        let mut client = server.client();
        let value = "a".repeat(length);
        let _ = client.stream().write_all(format!("POST / HTTP/1.1\r\nhost: a\r\nlong: {value}").as_bytes());
        let mut answer = Vec::new();
        let _ = client.stream().read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "), "{}", answer.escape_ascii());
    }
}

#[test]
fn a_head_that_never_ends_is_cut_off() {
    // Much sooner than an idle connection would be.
    let server = Server::limited(Limits { idle_timeout: PATIENCE, ..quick() });
    let (mut silent, mut dripping, mut second) = (server.client(), server.client(), server.client());
    assert_eq!(second.send(&signed("ListKeys", "{}")).status, 200);
    let start = Instant::now();
    let mut bytes = signed("ListKeys", "{}").bytes().into_iter();
    for client in [&mut dripping, &mut second] {
        client.write(b"POST / HTTP/1.1\r\n");
    }
    // A byte now and then does not buy more time.
    while start.elapsed() < Duration::from_millis(800) {
        let byte = [bytes.next().unwrap()];
        let alive = dripping.stream().write_all(&byte).is_ok() | second.stream().write_all(&byte).is_ok();
        if !alive {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(silent.is_closed() && dripping.is_closed() && second.is_closed());
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_body_that_never_ends_is_answered_and_cut_off() {
    let server = Server::limited(quick());
    let mut client = server.client();
    client.write(&signed("ListKeys", "{}").head("content-length: 3"));
    client.write(b"{}");
    client.read().check_error(408, "RequestTimeout", "The request body did not arrive in time.");
    assert!(client.is_closed());
}

#[test]
fn an_idle_connection_is_closed_and_a_used_one_is_not() {
    let server = Server::limited(quick());
    let (mut idle, mut used) = (server.client(), server.client());
    let request = signed("ListKeys", "{}");
    assert_eq!(idle.send(&request).status, 200);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1_500) {
        assert_eq!(used.send(&request).status, 200);
        std::thread::sleep(Duration::from_millis(150));
    }
    assert!(idle.is_closed());
    assert!(start.elapsed() < Duration::from_secs(4), "it should have been closed long ago");
}

#[test]
fn a_call_in_flight_is_waited_for() {
    let server = Server::limited(quick());
    server.stage.hold_reads();
    let mut client = server.client();
    client.write(&signed("ListKeys", "{}").bytes());
    server.stage.held(1);
    std::thread::sleep(Duration::from_millis(1_500));
    server.stage.release();
    assert_eq!(client.read().status, 200);
}

#[test]
fn more_connections_than_the_limit_wait_for_their_turn() {
    let server = Server::limited(Limits { max_connections: 3, ..Limits::default() });
    let request = signed("ListKeys", "{}");
    let mut open: Vec<_> = (0..3).map(|_| server.client()).collect();
    for client in &mut open {
        assert_eq!(client.send(&request).status, 200);
    }
    let mut waiting = server.client();
    waiting.write(&request.bytes());
    assert_no_answer_yet(&mut waiting);
    drop(open.pop());
    assert_eq!(waiting.read().status, 200);
}

#[test]
fn many_connections_are_served_at_once() {
    let server = Server::start();
    let request = signed("GenerateRandom", r#"{"NumberOfBytes":16}"#);
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let (mut first, mut second) = (server.client(), server.client());
                for _ in 0..10 {
                    assert_eq!(first.send(&request).status, 200);
                    assert_eq!(second.send(&request).status, 200);
                }
            });
        }
    });
    assert_eq!(server.calls().len(), 64 * 20);
}
