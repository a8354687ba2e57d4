//! Who is let in, and AWS's exact words for who is not.

use std::net::{IpAddr, Ipv4Addr};

use reseal_server::DevMode;
use reseal_types::Timestamp;

use crate::kit::{ACCESS_KEY_ID, NOW, Request, Server, Signer, account, call, signed};

const INCOMPLETE: &str = "IncompleteSignatureException";
const INVALID: &str = "InvalidSignatureException";
const UNRECOGNIZED: &str = "UnrecognizedClientException";
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check \
    your AWS Secret Access Key and signing method. Consult the service documentation for details.";
const INVALID_TOKEN: &str = "The security token included in the request is invalid.";

fn list_keys() -> Request {
    call("ListKeys", "{}")
}

fn by(signer: &Signer) -> Request {
    list_keys().sign_by(signer)
}

type Refusal = (Request, &'static str, &'static str);

/// What cannot be understood.
fn malformed() -> Vec<Refusal> {
    vec![
        (list_keys(), "MissingAuthenticationTokenException", "Missing Authentication Token"),
        (
            list_keys().set("authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e"),
            INCOMPLETE,
            "Authorization header requires 'Signature' parameter. Authorization header requires \
             'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a \
             'Date' header. Authorization=AWS4-HMAC-SHA256 Credential=a/b/c/d/e",
        ),
        (
            list_keys().set("authorization", "Bearer xyz"),
            INCOMPLETE,
            "'xyz' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer xyz'.",
        ),
        (
            signed("ListKeys", "{}")
                .set("authorization", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=00"),
            INCOMPLETE,
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b'",
        ),
    ]
}

/// What is signed for another place or time, or not signed in all its parts.
fn out_of_scope() -> Vec<Refusal> {
    vec![
        (
            by(&Signer { region: "mars-north-1", ..Signer::default() }),
            INVALID,
            "Credential should be scoped to a valid region, not 'mars-north-1'.",
        ),
        (
            by(&Signer {
                region: "mars-north-1",
                access_key_id: "AKIANOBODYSKEY000000",
                ..Signer::default()
            }),
            INVALID,
            "Credential should be scoped to a valid region, not 'mars-north-1'.",
        ),
        (
            by(&Signer { service: "s3", ..Signer::default() }),
            INVALID,
            "Credential should be scoped to correct service: 'kms'.",
        ),
        (
            by(&Signer { at: NOW - 301, ..Signer::default() }),
            INVALID,
            "Signature expired: 20260102T025904Z is now earlier than 20260102T025905Z (20260102T030405Z - 5 min.)",
        ),
        (
            by(&Signer { at: NOW + 301, ..Signer::default() }),
            INVALID,
            "Signature not yet current: 20260102T030906Z is still later than 20260102T030905Z (20260102T030405Z + 5 min.)",
        ),
        (
            signed("ListKeys", "{}").set("x-amz-date", "20260103T030405Z"),
            INVALID,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260102' \
             != '20260103', from '20260103T030405Z'.",
        ),
        (
            signed("ListKeys", "{}").set("x-amz-extra", "1"),
            INVALID,
            "There were headers present in the request which were not signed: 'x-amz-extra'",
        ),
    ]
}

/// What its owner has not signed.
fn wrong() -> Vec<Refusal> {
    vec![
        (signed("ListKeys", "{}").set("x-amz-target", "TrentService.CreateKey"), INVALID, MISMATCH),
        (signed("ListKeys", "{}").set("host", "kms.other"), INVALID, MISMATCH),
        (by(&Signer { secret: "another secret", ..Signer::default() }), INVALID, MISMATCH),
        (
            by(&Signer { access_key_id: "AKIANOBODYSKEY000000", ..Signer::default() }),
            UNRECOGNIZED,
            INVALID_TOKEN,
        ),
        (by(&Signer { access_key_id: "?", ..Signer::default() }), UNRECOGNIZED, INVALID_TOKEN),
        (by(&Signer { token: Some("a token"), ..Signer::default() }), UNRECOGNIZED, INVALID_TOKEN),
        (
            by(&Signer { token: Some("a token"), secret: "another", ..Signer::default() }),
            UNRECOGNIZED,
            INVALID_TOKEN,
        ),
        (
            list_keys().set("x-amz-content-sha256", "UNSIGNED-PAYLOAD").sign(),
            INVALID,
            "The value of 'x-amz-content-sha256' must be the SHA-256 of the request body, not 'UNSIGNED-PAYLOAD'.",
        ),
    ]
}

#[test]
fn every_refusal_has_the_name_and_text_of_aws() {
    let server = Server::start();
    let mut client = server.client();
    let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
    for (request, name, message) in [malformed(), out_of_scope(), wrong()].concat() {
        client.send(&request).check_error(400, name, message);
        assert_eq!(server.notes.lock().unwrap().pop().unwrap(), (localhost, name));
    }
    let mut changed_body = signed("ListKeys", r#"{"Limit":1}"#);
    changed_body.body = br#"{"Limit":2}"#.to_vec();
    client.send(&changed_body).check_error(400, INVALID, MISMATCH);
    // None of these is recorded one by one, so that a stranger cannot fill the disk.
    assert_eq!(server.calls(), Vec::<serde_json::Value>::new());
    assert_eq!(client.send(&signed("ListKeys", "{}")).status, 200);
}

#[test]
fn the_clock_is_the_servers_and_may_differ_by_five_minutes() {
    let server = Server::start();
    let request = signed("ListKeys", "{}");
    for (offset, status) in [(300, 200), (-300, 200), (301, 400), (-301, 400)] {
        server.clock.set(Timestamp::from_millis((NOW + offset) * 1_000));
        assert_eq!(server.send(&request).status, status, "{offset}");
    }
}

#[test]
fn a_presigned_call_works_until_it_expires() {
    let server = Server::start();
    let request = list_keys().presign(&Signer::default(), 60);
    assert_eq!(server.send(&request).status, 200);
    server.clock.set(Timestamp::from_millis((NOW + 61) * 1_000));
    server.send(&request).check_error(
        400,
        INVALID,
        "Signature expired: 20260102T030405Z is now earlier than 20260102T030406Z (20260102T030506Z - 1 min.)",
    );
    let mut both = signed("ListKeys", "{}");
    both.query = list_keys().presign(&Signer::default(), 60).query;
    assert_eq!(server.send(&both).error().0, INCOMPLETE);
}

#[test]
fn any_served_region_may_be_in_the_scope_and_is_the_calls_region() {
    let server = Server::start();
    for region in ["us-east-1", "us-west-2", "eu-central-1"] {
        assert_eq!(server.send(&by(&Signer { region, ..Signer::default() })).status, 200);
        assert_eq!(server.calls().last().unwrap()["awsRegion"], region);
    }
}

#[test]
fn every_operation_refuses_who_is_not_authenticated() {
    let server = Server::start();
    let mut client = server.client();
    for entry in reseal_core::ops::all() {
        let name = entry.spec.name;
        assert_eq!(client.send(&call(name, "{}")).error().0, "MissingAuthenticationTokenException", "{name}");
        let wrong = call(name, "{}").sign_by(&Signer { secret: "another secret", ..Signer::default() });
        assert_eq!(client.send(&wrong).error().0, INVALID, "{name}");
    }
}

#[test]
fn development_mode_checks_no_signature_and_says_so() {
    let server = Server::with(|config| config.dev = Some(DevMode { account: account() }));
    let says_so = |request: &Request, status| {
        let reply = server.send(request);
        assert_eq!(reply.status, status, "{reply:?}");
        assert_eq!(reply.get("x-reseal-dev-mode"), Some("signatures are not checked"));
        reply
    };
    let stranger = Signer {
        access_key_id: "test",
        secret: "test",
        token: Some("any"),
        at: NOW - 100_000,
        ..Signer::default()
    };
    says_so(&by(&stranger), 200);
    let record = server.calls().pop().unwrap();
    assert_eq!(record["userIdentity"]["arn"], "arn:aws:iam::111122223333:root");
    assert_eq!(record["userIdentity"]["accessKeyId"], "test");
    says_so(&list_keys(), 400).check_error(
        400,
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    );
    says_so(&by(&Signer { region: "mars-north-1", ..Signer::default() }), 400).check_error(
        400,
        INVALID,
        "Credential should be scoped to a valid region, not 'mars-north-1'.",
    );
    says_so(&call("Nonsense", "{}"), 400);
}

#[test]
fn a_good_signature_stays_good_from_memory() {
    let server = Server::with(|config| config.threads = 1);
    let mut client = server.client();
    for _ in 0..3 {
        assert_eq!(client.send(&signed("ListKeys", "{}")).status, 200);
        let wrong = by(&Signer { secret: "another secret", ..Signer::default() });
        client.send(&wrong).check_error(400, INVALID, MISMATCH);
    }
    assert_eq!(server.calls().len(), 3);
    assert_eq!(server.calls()[0]["userIdentity"]["accessKeyId"], ACCESS_KEY_ID);
}
