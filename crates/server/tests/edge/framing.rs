//! What is recognised, in which order it is checked, and the form of answers.

use reseal_server::{Check, serve_metrics};

use crate::kit::{Client, Server, call, signed};

const EXCEPTION: &str = "UnknownOperationException";

#[test]
fn a_signed_call_is_answered_in_the_form_of_aws() {
    let server = Server::start();
    assert_eq!(server.url(), format!("http://{}", server.address));
    let reply = server.send(&signed("GenerateRandom", r#"{"NumberOfBytes":16}"#));
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.body.starts_with(r#"{"Plaintext":""#), "{reply:?}");
    let id = reply.get("x-amzn-requestid").unwrap().to_owned();
    for (name, value) in [
        ("content-type", "application/x-amz-json-1.1"),
        ("cache-control", "no-cache, no-store, must-revalidate, private"),
        ("expires", "0"),
        ("pragma", "no-cache"),
    ] {
        assert_eq!(reply.get(name), Some(value));
    }
    assert!(reply.get("date").unwrap().ends_with(" GMT"));
    assert_eq!(reply.get("x-reseal-dev-mode"), None);
    assert_eq!((id.len(), &id[14..15]), (36, "4"));

    let records = server.calls();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record["requestID"], id);
    assert_eq!(record["sourceIPAddress"], "127.0.0.1");
    assert_eq!(record["userAgent"], "edge-test");
    assert_eq!(record["awsRegion"], "us-east-1");
}

#[test]
fn a_change_is_made_and_an_operation_without_output_answers_nothing() {
    let server = Server::start();
    let mut client = server.client();
    let created = client.send(&signed("CreateKey", "{}"));
    assert_eq!(created.status, 200, "{created:?}");
    let created: serde_json::Value = serde_json::from_str(&created.body).unwrap();
    let key = created["KeyMetadata"]["KeyId"].as_str().unwrap();
    let disabled = client.send(&signed("DisableKey", &format!(r#"{{"KeyId":"{key}"}}"#)));
    assert_eq!((disabled.status, disabled.body.as_str()), (200, ""));
    assert_eq!(disabled.get("content-length"), Some("0"));
    let refused = client.send(&signed("Encrypt", &format!(r#"{{"KeyId":"{key}","Plaintext":"AAAA"}}"#)));
    assert_eq!((refused.status, refused.error().0.as_str()), (400, "DisabledException"));
}

#[test]
fn requests_are_told_apart() {
    let server = Server::start();
    let mut client = server.client();
    let valid = || call("ListKeys", "{}");
    for unknown in [
        valid().set("x-amz-target", None),
        valid().set("x-amz-target", "TrentService.listkeys"),
        valid().set("x-amz-target", "TrentService.Nonsense"),
        valid().set("x-amz-target", "TrentService."),
        valid().set("x-amz-target", "trentservice.ListKeys"),
        valid().set("x-amz-target", "TrentService.ListKeys "),
        valid().set("x-amz-target", "ListKeys"),
        valid().set("x-amz-target", "DynamoDB_20120810.ListTables"),
    ] {
        let unsigned = client.send(&unknown);
        // Trailing white space is not part of a header's value.
        if unknown.headers.iter().any(|(_, value)| value.ends_with(' ')) {
            assert_eq!(unsigned.error().0, "MissingAuthenticationTokenException");
            continue;
        }
        unsigned.check_error(400, EXCEPTION, None);
        client.send(&unknown.sign()).check_error(400, EXCEPTION, None);
    }
    let mut elsewhere = valid().sign();
    for path in
        ["/x", "//", "/_reseal", "/_reseal/health", "/_reseal/metrics", "/service/KMS/operation/ListKeys"]
    {
        elsewhere.path = path.to_owned();
        client.send(&elsewhere).check_error(404, EXCEPTION, None);
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let mut other = valid().sign();
        other.method = method;
        client.send(&other).check_error(404, EXCEPTION, None);
    }
}

/// IAM and STS speak in forms and are answered in XML, also where they ask for what is not there.
#[test]
fn a_form_without_a_target_is_answered_in_xml() {
    let server = Server::start();
    let mut client = server.client();
    let form = |body: &str| {
        call("ListKeys", body)
            .set("x-amz-target", None)
            .set("content-type", "application/x-www-form-urlencoded; charset=utf-8")
    };
    for (body, code) in [
        ("Action=ListKeys&Version=2014-11-01", "InvalidAction"),
        ("Action=Nonsense&Version=2011-06-15", "InvalidAction"),
        ("Action=GetAccessKeyLastUsed&AccessKeyId=AKIAEXAMPLEEXAMPLE00&Version=2010-05-08", "InvalidAction"),
        ("", "InvalidAction"),
    ] {
        for request in [form(body), form(body).sign()] {
            let reply = client.send(&request);
            assert_eq!((reply.status, reply.get("content-type")), (400, Some("text/xml")), "{reply:?}");
            assert!(reply.body.contains(&format!("<Code>{code}</Code>")), "{body}: {reply:?}");
            assert!(reply.body.contains("<ErrorResponse"), "{reply:?}");
        }
    }
    // With a target it is a call of the JSON protocol, whatever its body calls itself.
    let targeted = call("ListKeys", "{}").set("content-type", "application/x-www-form-urlencoded").sign();
    assert_eq!(client.send(&targeted).status, 200);
}

#[test]
fn a_second_target_is_refused() {
    let server = Server::start();
    let mut two = call("ListKeys", "{}").sign();
    two.headers.push(("x-amz-target".to_owned(), "TrentService.DisableKey".to_owned()));
    let reply = server.send(&two);
    reply.check_error(
        400,
        "IncompleteSignatureException",
        "'X-Amz-Target' must not be given more than once.",
    );
}

#[test]
fn the_order_of_checks() {
    let server = Server::start();
    let unsigned = call("ListKeys", "not json");
    server.send(&unsigned).check_error(
        400,
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    );
    assert_eq!(server.send(&unsigned.clone().sign()).error().0, "SerializationException");
    let mut long = unsigned.set("x-amz-target", None);
    long.body = vec![b' '; 1_048_577];
    server.send(&long).check_error(413, "RequestEntityTooLarge", "The request body is too large.");
}

#[test]
fn bodies_of_every_framing() {
    let server = Server::start();
    let mut client = server.client();
    let request = signed("GenerateRandom", r#"{"NumberOfBytes":16}"#);
    for size in [1, 7, 1_000] {
        let mut bytes = request.head("transfer-encoding: chunked");
        for chunk in request.body.chunks(size) {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        client.write(&bytes);
        assert_eq!(client.read().status, 200);
    }
    for split in [1, 10, 100, request.bytes().len() - 1] {
        let bytes = request.bytes();
        client.write(&bytes[..split]);
        std::thread::sleep(std::time::Duration::from_millis(20));
        client.write(&bytes[split..]);
        assert_eq!(client.read().status, 200);
    }
    // No body at all is an empty object.
    let empty = signed("ListKeys", "");
    assert_eq!(client.send(&empty).status, 200);
    client.write(&[request.bytes(), empty.bytes()].concat());
    assert!(client.read().body.starts_with(r#"{"Plaintext"#));
    assert!(client.read().body.starts_with(r#"{"Keys"#));
}

#[test]
fn broken_http_is_refused_and_harms_nobody() {
    let server = Server::start();
    for garbage in [
        &b"\0\0\0\0\0\0\0\0\r\n\r\n"[..],
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage instead of a frame................",
    ] {
        let mut client = server.client();
        client.write(garbage);
        let mut all = Vec::new();
        let _ = std::io::Read::read_to_end(client.stream(), &mut all);
        if garbage.starts_with(b"POST") {
            assert!(all.starts_with(b"HTTP/1.1 400 "), "{}", all.escape_ascii());
        }
    }
    assert_eq!(server.send(&signed("ListKeys", "{}")).status, 200);
}

#[test]
fn health() {
    let server = Server::start();
    let get = |path: &str| {
        let mut request = call("", "").set("x-amz-target", None).set("content-type", None);
        (request.method, request.path) = ("GET", path.to_owned());
        server.send(&request)
    };
    let live = get("/_reseal/health/live");
    assert_eq!((live.status, live.body.as_str()), (200, r#"{"status":"live"}"#));
    let check = |name, working| Check { name, working };
    *server.checks.lock().unwrap() = vec![check("store", true), check("audit", true)];
    let ready = get("/_reseal/health/ready");
    let body = r#"{"status":"ready","checks":{"store":true,"audit":true}}"#;
    assert_eq!((ready.status, ready.body.as_str()), (200, body));
    *server.checks.lock().unwrap() = vec![check("store", true), check("audit", false)];
    let not_ready = get("/_reseal/health/ready");
    let body = r#"{"status":"not ready","checks":{"store":true,"audit":false}}"#;
    assert_eq!((not_ready.status, not_ready.body.as_str()), (503, body));
}

#[test]
fn metrics_have_a_listener_of_their_own() {
    let server = Server::start();
    let mut client = server.client();
    client.send(&signed("ListKeys", "{}"));
    client.send(&signed("ListKeys", r#"{"Limit":0}"#));
    client.send(&call("ListKeys", "{}"));
    client.send(&call("Nonsense", "{}"));
    let address = "127.0.0.1:0".parse().unwrap();
    let metrics = serve_metrics(address, server.metrics.clone(), &server.shutdown).unwrap();
    let get = |request_line: &str| {
        let mut client = Client::new(std::net::TcpStream::connect(metrics.address()).unwrap());
        client.write(format!("{request_line} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes());
        client.read()
    };
    let reply = get("GET /metrics");
    assert_eq!(
        (reply.status, reply.get("content-type")),
        (200, Some("text/plain; version=0.0.4; charset=utf-8"))
    );
    for line in [
        "reseal_requests_total{operation=\"ListKeys\"} 3",
        "reseal_requests_total{operation=\"none\"} 1",
        "reseal_request_errors_total{operation=\"ListKeys\",error=\"ValidationException\"} 1",
        "reseal_request_errors_total{operation=\"ListKeys\",error=\"MissingAuthenticationTokenException\"} 1",
        "reseal_request_errors_total{operation=\"none\",error=\"UnknownOperationException\"} 1",
        "reseal_failed_authentications_total{error=\"MissingAuthenticationTokenException\"} 1",
        "reseal_request_duration_seconds_count{operation=\"ListKeys\"} 3",
        "reseal_connections 1",
    ] {
        assert!(reply.body.lines().any(|written| written == line), "{line}\n{}", reply.body);
    }
    assert_eq!(get("GET /").status, 404);
    assert_eq!(get("POST /metrics").status, 405);
    server.shutdown.trigger();
    metrics.wait();
}
