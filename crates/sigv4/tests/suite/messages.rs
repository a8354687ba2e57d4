//! The exact text and the exception name of every error, and that each is reached by the request that deserves it.

use crate::common::{NOW, Request, signed};
use reseal_sigv4::{AuthorizationPart, Error, Timestamp};

fn timestamp(text: &str) -> Timestamp {
    Timestamp::parse_basic(text.as_bytes()).unwrap()
}

const INCOMPLETE: &str = "IncompleteSignatureException";
const INVALID: &str = "InvalidSignatureException";

/// Every variant with AWS's name and text. `exhaustive` below fails to compile for a variant nobody thought of.
fn table() -> Vec<(Error, &'static str, &'static str)> {
    let signed = timestamp("20260102T030405Z");
    let mut table = incomplete();
    table.extend([
        (Error::MissingAuthenticationToken, "MissingAuthenticationTokenException", "Missing Authentication Token"),
        (Error::UnrecognizedClient, "UnrecognizedClientException", "The security token included in the request is invalid."),
        (Error::ExpiredToken, "ExpiredTokenException", "The security token included in the request is expired"),
        (Error::MalformedQuery, "MalformedHttpRequestException", "The query string is not correctly percent-encoded."),
        (
            Error::SignatureMismatch,
            INVALID,
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        ),
        (
            Error::Expired { signed, now: timestamp("20260102T031005Z"), seconds: 300 },
            INVALID,
            "Signature expired: 20260102T030405Z is now earlier than 20260102T030505Z (20260102T031005Z - 5 min.)",
        ),
        (
            Error::Expired { signed, now: timestamp("20260102T031005Z"), seconds: 90 },
            INVALID,
            "Signature expired: 20260102T030405Z is now earlier than 20260102T030835Z (20260102T031005Z - 90 sec.)",
        ),
        (
            Error::NotYetCurrent { signed, now: timestamp("20260102T025800Z") },
            INVALID,
            "Signature not yet current: 20260102T030405Z is still later than 20260102T030300Z (20260102T025800Z + 5 min.)",
        ),
        (Error::ScopeRegion("mars-1".into()), INVALID, "Credential should be scoped to a valid region, not 'mars-1'."),
        (
            Error::ScopeService { expected: "kms".into() },
            INVALID,
            "Credential should be scoped to correct service: 'kms'.",
        ),
        (
            Error::ScopeTerminator("aws5".into()),
            INVALID,
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'.",
        ),
        (
            Error::ScopeDate { scope: "20260101".into(), signed },
            INVALID,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260101' != '20260102', from '20260102T030405Z'.",
        ),
        (Error::HostNotSigned, INVALID, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
        (
            Error::HeaderNotSigned("x-amz-target".into()),
            INVALID,
            "There were headers present in the request which were not signed: 'x-amz-target'",
        ),
        (
            Error::SignedHeaderAbsent("x-a".into()),
            INVALID,
            "There were signed headers which are not present in the request: 'x-a'",
        ),
        (
            Error::PayloadHashMismatch,
            INVALID,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
        (
            Error::UnsupportedPayload("UNSIGNED-PAYLOAD".into()),
            INVALID,
            "The value of 'x-amz-content-sha256' must be the SHA-256 of the request body, not 'UNSIGNED-PAYLOAD'.",
        ),
    ]);
    table
}

fn incomplete() -> Vec<(Error, &'static str, &'static str)> {
    use AuthorizationPart::{Credential, Date, Signature, SignedHeaders};
    let rows = [
        (
            Error::AuthorizationIncomplete {
                missing: vec![Credential, Signature, SignedHeaders, Date],
                header: "x".into(),
            },
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=x",
        ),
        (
            Error::AuthorizationIncomplete {
                missing: vec![Signature],
                header: "AWS4-HMAC-SHA256 a=b".into(),
            },
            "Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256 a=b",
        ),
        (
            Error::QueryIncomplete { missing: vec!["X-Amz-Date", "X-Amz-Expires"] },
            "AWS query-string parameters must include 'X-Amz-Date'. AWS query-string parameters must include 'X-Amz-Expires'. Re-examine the query-string parameters.",
        ),
        (
            Error::NotKeyValue { pair: "xyz".into(), header: "Bearer xyz".into() },
            "'xyz' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer xyz'.",
        ),
        (
            Error::UnsupportedAlgorithm("AWS4-HMAC-SHA1".into()),
            "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'.",
        ),
        (
            Error::MalformedCredential("a/b".into()),
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b'",
        ),
        (
            Error::MalformedDate("today".into()),
            "Date must be in ISO-8601 'basic format'. Got 'today'. See http://en.wikipedia.org/wiki/ISO_8601",
        ),
        (Error::MalformedExpires, "X-Amz-Expires must be a number of seconds from 1 to 604800."),
        (
            Error::MalformedSignedHeaders("b;a".into()),
            "'SignedHeaders' must be a sorted list of distinct lower-case header names separated by ';', got 'b;a'.",
        ),
        (
            Error::Ambiguous,
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the Authorization header should be specified",
        ),
        (Error::Repeated("X-Amz-Date"), "'X-Amz-Date' must not be given more than once."),
        (Error::NotPrintable("Authorization"), "'Authorization' must consist of printable ASCII characters."),
        (Error::TooLong { what: "path", limit: 9 }, "'path' is too long, the limit is 9."),
    ];
    rows.into_iter().map(|(error, text)| (error, INCOMPLETE, text)).collect()
}

#[test]
fn every_text_and_code() {
    let table = table();
    for (error, code, text) in &table {
        assert_eq!(error.to_string(), *text);
        assert_eq!(error.code(), *code, "{error:?}");
    }
    let mut seen: Vec<u8> = table.iter().map(|(error, ..)| exhaustive(error)).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, (0..28).collect::<Vec<u8>>(), "a variant has no row");
}

/// A number for each variant, without gaps.
fn exhaustive(error: &Error) -> u8 {
    match error {
        Error::MissingAuthenticationToken => 0,
        Error::AuthorizationIncomplete { .. } => 1,
        Error::QueryIncomplete { .. } => 2,
        Error::NotKeyValue { .. } => 3,
        Error::UnsupportedAlgorithm(_) => 4,
        Error::MalformedCredential(_) => 5,
        Error::MalformedDate(_) => 6,
        Error::MalformedExpires => 7,
        Error::MalformedSignedHeaders(_) => 8,
        Error::Ambiguous => 9,
        Error::Repeated(_) => 10,
        Error::NotPrintable(_) => 11,
        Error::TooLong { .. } => 12,
        Error::MalformedQuery => 13,
        Error::Expired { .. } => 14,
        Error::NotYetCurrent { .. } => 15,
        Error::ScopeRegion(_) => 16,
        Error::ScopeService { .. } => 17,
        Error::ScopeTerminator(_) => 18,
        Error::ScopeDate { .. } => 19,
        Error::HostNotSigned => 20,
        Error::HeaderNotSigned(_) => 21,
        Error::SignedHeaderAbsent(_) => 22,
        Error::PayloadHashMismatch => 23,
        Error::UnsupportedPayload(_) => 24,
        Error::SignatureMismatch => 25,
        Error::UnrecognizedClient => 26,
        Error::ExpiredToken => 27,
    }
}

fn refused(change: impl FnOnce(&mut Request)) -> Error {
    let mut request = signed();
    request.verify(NOW).expect("the request is good before the change");
    change(&mut request);
    request.verify(NOW).expect_err("accepted after the change")
}

fn with_authorization(value: &str) -> Error {
    refused(|request| request.set("authorization", value))
}

#[test]
fn unusable_authorization_headers() {
    use AuthorizationPart::{Credential, Date, Signature, SignedHeaders};
    assert_eq!(refused(|request| request.remove("authorization")), Error::MissingAuthenticationToken);
    for header in ["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ,", "token", ""] {
        let missing = vec![Credential, Signature, SignedHeaders];
        assert_eq!(
            with_authorization(header),
            Error::AuthorizationIncomplete { missing, header: header.trim().into() }
        );
    }
    let header = "AWS4-HMAC-SHA256 Credential=, SignedHeaders=host";
    let missing = vec![Credential, Signature, Date];
    let error = refused(|request| {
        request.remove("x-amz-date");
        request.set("authorization", header);
    });
    assert_eq!(error, Error::AuthorizationIncomplete { missing, header: header.into() });
    let (pair, header) = ("dXNlcjpwYXNz".into(), "Basic dXNlcjpwYXNz".into());
    assert_eq!(with_authorization("Basic dXNlcjpwYXNz"), Error::NotKeyValue { pair, header });

    let good = signed().get("authorization");
    assert_eq!(
        with_authorization(&good.replace("SHA256", "SHA1")),
        Error::UnsupportedAlgorithm("AWS4-HMAC-SHA1".into())
    );
    assert_eq!(with_authorization(&format!("{good}, Credential=x")), Error::Repeated("Credential"));
    assert_eq!(with_authorization(&format!("{good}\u{e9}")), Error::NotPrintable("Authorization"));
    assert_eq!(with_authorization(&"x".repeat(9000)), Error::TooLong { what: "Authorization", limit: 8192 });
    assert_eq!(
        with_authorization(&good.replace("AKIDEXAMPLE/", "AKID/EXAMPLE/")),
        Error::MalformedCredential("AKID/EXAMPLE/20260102/us-east-1/kms/aws4_request".into())
    );
    assert_eq!(
        with_authorization(&good.replace("host;", "host;host;")),
        Error::MalformedSignedHeaders("content-type;host;host;x-amz-date;x-amz-target".into())
    );
    assert_eq!(
        with_authorization(&good.replace("x-amz-date;x-amz-target", "x-amz-target;x-amz-date")),
        Error::MalformedSignedHeaders("content-type;host;x-amz-target;x-amz-date".into())
    );
    assert_eq!(
        with_authorization(&good.replace(";host;", ";host;not-there;")),
        Error::SignedHeaderAbsent("not-there".into())
    );
}

#[test]
fn repeated_headers() {
    for (name, shown) in [
        ("authorization", "Authorization"),
        ("x-amz-date", "X-Amz-Date"),
        ("host", "Host"),
        ("x-amz-target", "X-Amz-Target"),
        ("content-type", "Content-Type"),
    ] {
        assert_eq!(
            refused(|request| {
                let value = request.get(name);
                request.add(name, &value);
            }),
            Error::Repeated(shown)
        );
    }
    for (name, shown) in [
        ("date", "Date"),
        ("x-amz-security-token", "X-Amz-Security-Token"),
        ("x-amz-content-sha256", "X-Amz-Content-Sha256"),
    ] {
        assert_eq!(
            refused(|request| {
                request.add(name, "a");
                request.add(name, "b");
            }),
            Error::Repeated(shown)
        );
    }
}

#[test]
fn dates() {
    for (given, shown) in [
        ("20260102", "20260102"),
        ("\u{1}", "\\x01"),
        ("Fri, 02 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:04:05 GMT"),
    ] {
        assert_eq!(refused(|request| request.set("x-amz-date", given)), Error::MalformedDate(shown.into()));
    }
    let yesterday = refused(|request| request.set("x-amz-date", "20260101T235959Z"));
    let signed = timestamp("20260101T235959Z");
    assert_eq!(yesterday, Error::ScopeDate { scope: "20260102".into(), signed });
}

#[test]
fn scopes() {
    let good = signed().get("authorization");
    for (from, to, error) in [
        ("us-east-1", "mars-1", Error::ScopeRegion("mars-1".into())),
        ("us-east-1", "", Error::ScopeRegion("".into())),
        ("/kms/", "/s3/", Error::ScopeService { expected: "kms".into() }),
        ("/kms/", "//", Error::ScopeService { expected: "kms".into() }),
        ("aws4_request", "aws4_reques", Error::ScopeTerminator("aws4_reques".into())),
        ("aws4_request", "", Error::ScopeTerminator("".into())),
    ] {
        assert_eq!(with_authorization(&good.replace(from, to)), error);
    }
    let other_day = with_authorization(&good.replace("/20260102/", "/20260103/"));
    assert_eq!(
        other_day,
        Error::ScopeDate { scope: "20260103".into(), signed: timestamp("20260102T030405Z") }
    );
}
