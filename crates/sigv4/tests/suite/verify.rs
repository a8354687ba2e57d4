//! What is accepted, what is refused, and that a change of any signed part is noticed.

use crate::common::{NOW, Request, SCOPE, credentials, presigned, signed, unsigned};
use reseal_sigv4::{Error, RequestParts, presign, sign};

fn assert_mismatch(what: &str, request: &Request) {
    assert_eq!(request.verify(NOW), Err(Error::SignatureMismatch), "{what}");
}

#[test]
fn tampering_with_any_part_is_noticed() {
    type Change = fn(&mut Request);
    let changes: [(&str, Change); 9] = [
        ("method", |request| request.method = "PUT".to_owned()),
        ("path", |request| request.path = "/x".to_owned()),
        ("parameter", |request| request.query.push_str("&a=b")),
        ("body", |request| request.body[3] ^= 1),
        ("longer body", |request| request.body.push(b' ')),
        ("empty body", |request| request.body.clear()),
        ("target", |request| request.set("x-amz-target", "TrentService.DisableKey")),
        ("host", |request| request.set("host", "kms.example.interna1")),
        ("content type", |request| request.set("content-type", "text/plain")),
    ];
    for original in [signed(), presigned(300)] {
        original.verify(NOW).unwrap();
        for (what, change) in changes {
            let mut changed = original.clone();
            change(&mut changed);
            assert_mismatch(what, &changed);
        }
    }
}

#[test]
fn tampering_with_the_claim_is_noticed() {
    let original = signed();
    let header = original.get("authorization");
    let (before, signature) = header.split_at(header.len() - 64);
    let mut wrong: Vec<String> = (0..64).map(|at| flip_hex_digit(signature, at)).collect();
    wrong.extend([
        signature.to_uppercase(),
        signature[1..].to_owned(),
        format!("{signature}0"),
        "x".to_owned(),
    ]);
    for wrong in wrong {
        let mut changed = original.clone();
        changed.set("authorization", &format!("{before}{wrong}"));
        assert_mismatch(&wrong, &changed);
    }
    let mut later = original.clone();
    later.set("x-amz-date", "20260102T030406Z");
    assert_mismatch("date", &later);
    // The caller looks up the secret by this id: it is bound by the key, not by the text that is signed.
    let mut fewer = original.clone();
    fewer.set("authorization", &header.replace("content-type;", ""));
    fewer.remove("content-type");
    assert_mismatch("fewer signed headers", &fewer);

    let query = presigned(300).query;
    for (from, to) in
        [("X-Amz-Expires=300", "X-Amz-Expires=301"), ("T030405Z", "T030406Z"), ("%3Bx-amz-target", "")]
    {
        let mut changed = presigned(300);
        changed.query = query.replace(from, to);
        assert_ne!(changed.query, query);
        assert!(changed.verify(NOW).is_err(), "{from} to {to}");
    }
}

fn flip_hex_digit(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
    String::from_utf8(bytes).unwrap()
}

#[test]
fn both_forms_at_once_are_refused() {
    let mut both = signed();
    both.query = presigned(300).query;
    assert_eq!(both.verify(NOW), Err(Error::Ambiguous));
    let mut half = signed();
    half.query = "X-Amz-Signature=0".to_owned();
    assert_eq!(half.verify(NOW), Err(Error::Ambiguous));
    let mut two_tokens = unsigned();
    two_tokens.add("x-amz-security-token", "one");
    two_tokens.presign(Some("two"), 300);
    assert_eq!(two_tokens.verify(NOW), Err(Error::Ambiguous));
}

#[test]
fn the_clock_may_differ_by_five_minutes_inclusive() {
    let request = signed();
    for (offset, good) in [(0, true), (300, true), (301, false), (-300, true), (-301, false)] {
        match (request.verify(NOW + offset), good) {
            (Ok(_), true) => {}
            (Err(Error::Expired { seconds: 300, .. }), false) if offset > 0 => {}
            (Err(Error::NotYetCurrent { .. }), false) if offset < 0 => {}
            (other, _) => panic!("{offset}: {other:?}"),
        }
    }
    for extreme in [i64::MAX, i64::MIN] {
        assert!(request.verify(extreme).is_err());
    }
}

#[test]
fn a_presigned_request_is_valid_for_its_time() {
    for (expires, offset, good) in [
        (60, 60, true),
        (60, 61, false),
        (60, -300, true),
        (60, -301, false),
        (604_800, 604_800, true),
        (604_800, 604_801, false),
        (1, 1, true),
        (1, 2, false),
    ] {
        assert_eq!(presigned(expires).verify(NOW + offset).is_ok(), good, "{expires} {offset}");
    }
    for bad in ["0", "604801", "", "x", "-1", "+60", "60.0", "0000060", "99999999999999999999"] {
        let mut request = presigned(60);
        request.query = request.query.replace("X-Amz-Expires=60", &format!("X-Amz-Expires={bad}"));
        let expected = match bad {
            "" => Error::QueryIncomplete { missing: vec!["X-Amz-Expires"] },
            _ => Error::MalformedExpires,
        };
        assert_eq!(request.verify(NOW), Err(expected), "{bad}");
    }
}

#[test]
fn presigned_parameters_that_are_missing_or_repeated_or_malformed() {
    let query = presigned(300).query;
    let parameters: Vec<&str> = query.split('&').collect();
    for left_out in &parameters {
        let kept: Vec<&str> = parameters.iter().filter(|kept| kept != &left_out).copied().collect();
        let request = Request { query: kept.join("&"), ..presigned(300) };
        let name = left_out.split('=').next().unwrap();
        let Err(Error::QueryIncomplete { missing }) = request.verify(NOW) else { panic!("{name}") };
        assert_eq!(missing, [name]);
        let twice = Request { query: format!("{query}&{left_out}"), ..presigned(300) };
        assert!(matches!(twice.verify(NOW), Err(Error::Repeated(repeated)) if repeated == name), "{name}");
    }
    for (from, to, error) in [
        (
            "AWS4-HMAC-SHA256",
            "AWS4-ECDSA-P256-SHA256",
            Error::UnsupportedAlgorithm("AWS4-ECDSA-P256-SHA256".into()),
        ),
        ("AKID", "%FF", Error::NotPrintable("X-Amz-Credential")),
        ("AKID", "%2G", Error::MalformedQuery),
        ("T030405Z", "", Error::MalformedDate("20260102".into())),
    ] {
        assert_eq!(Request { query: query.replace(from, to), ..presigned(300) }.verify(NOW), Err(error));
    }
    let long = Request { query: "a".repeat(17 * 1024), ..unsigned() };
    assert_eq!(long.verify(NOW), Err(Error::TooLong { what: "query string", limit: 16 * 1024 }));
    let long = Request { path: "/a".repeat(4 * 1024), ..unsigned() };
    assert_eq!(long.verify(NOW), Err(Error::TooLong { what: "path", limit: 4 * 1024 }));
}

#[test]
fn declared_payload_hashes() {
    let hash = "07906c0840c4b5473e6e24f1a2d98e74ad19d0ea2ad64385a56bb3c28d438f00"; // of the body of `unsigned`
    let verify = |value: &str| {
        let mut request = unsigned();
        request.add("x-amz-content-sha256", value);
        request.sign(None);
        request.verify(NOW)
    };
    assert_eq!(verify(hash), Ok(None));
    for wrong in [hash.replace('0', "1"), hash.to_uppercase(), String::new(), hash[1..].to_owned()] {
        assert_eq!(verify(&wrong), Err(Error::PayloadHashMismatch), "{wrong}");
    }
    for name in
        ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"]
    {
        assert_eq!(verify(name), Err(Error::UnsupportedPayload(name.into())));
    }
    let in_query = |value: &str| {
        let mut request = Request { query: format!("X-Amz-Content-Sha256={value}"), ..unsigned() };
        request.presign(None, 300);
        request.verify(NOW)
    };
    assert_eq!(in_query(hash), Ok(None));
    assert_eq!(in_query("UNSIGNED-PAYLOAD"), Err(Error::UnsupportedPayload("UNSIGNED-PAYLOAD".into())));
}

#[test]
fn headers_proxies_change_do_not_matter() {
    let mut request = signed();
    request.set("user-agent", "other");
    request.add("x-amzn-trace-id", "Root=1-2-3");
    request.add("expect", "100-continue");
    request.add("connection", "keep-alive");
    request.add("x-forwarded-for", "192.0.2.1");
    request.headers.reverse();
    request.verify(NOW).unwrap();
    request.add("x-amz-injected", "1");
    assert_eq!(request.verify(NOW), Err(Error::HeaderNotSigned("x-amz-injected".into())));
}

#[test]
fn session_tokens() {
    let token = "TOKENEXAMPLE/+= two";
    for presign in [false, true] {
        let mut request = unsigned();
        if presign {
            request.presign(Some(token), 300);
        } else {
            request.sign(Some(token));
        }
        assert_eq!(request.verify(NOW), Ok(Some(token.to_owned())));
    }
    let mut request = unsigned();
    request.sign(Some(token));
    request.set("x-amz-security-token", "OTHER");
    assert_mismatch("token", &request);
    request.set("x-amz-security-token", "t\u{f6}ken");
    assert_eq!(request.verify(NOW), Err(Error::NotPrintable("X-Amz-Security-Token")));
    let mut added = signed();
    added.add("x-amz-security-token", token);
    assert_eq!(added.verify(NOW), Err(Error::HeaderNotSigned("x-amz-security-token".into())));
}

#[test]
fn forms_of_the_header_and_the_date_that_are_accepted() {
    let mut request = signed();
    let header = request.get("authorization");
    request.set("authorization", &format!("  {}  ", header.replace(", ", ",")));
    request.verify(NOW).unwrap();
    request.set("authorization", &header.replace(", ", "  ,   "));
    request.verify(NOW).unwrap();
    let (algorithm, fields) = header.split_once(' ').unwrap();
    let reversed: Vec<&str> = fields.split(", ").collect::<Vec<_>>().into_iter().rev().collect();
    request.set("authorization", &format!("{algorithm} {}", reversed.join(", ")));
    request.verify(NOW).unwrap();
    // `X-Amz-Date` goes before `Date`.
    request.add("date", "Thu, 01 Jan 1998 00:00:00 GMT");
    request.verify(NOW).unwrap();
}

/// A client that signs `Date` instead of `X-Amz-Date`, in either form.
#[test]
fn date_instead_of_x_amz_date() {
    for date in ["20260102T030405Z", "Fri, 02 Jan 2026 03:04:05 GMT"] {
        let mut request = unsigned();
        request.add("date", date);
        let signed = request.with_parts(|parts| sign_with_date(parts, &request.body));
        request.add("authorization", &signed);
        request.verify(NOW).unwrap();
        request.set("date", "20260102T030406Z");
        assert_mismatch("date", &request);
    }
}

/// Signs by the documented steps, written out once more.
fn sign_with_date(parts: RequestParts<'_>, body: &[u8]) -> String {
    use aws_lc_rs::{digest, hmac};
    let sha256 = |data: &[u8]| hex::encode(digest::digest(&digest::SHA256, data));
    let hmac = |key: &[u8], data: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data.as_bytes());
    let names = "content-type;date;host;x-amz-target";
    let mut canonical = "POST\n/\n\n".to_owned();
    for name in names.split(';') {
        let (_, value) = parts.headers.iter().find(|(present, _)| *present == name).unwrap();
        canonical.extend([name, ":", std::str::from_utf8(value).unwrap(), "\n"]);
    }
    canonical.extend(["\n", names, "\n", &sha256(body)]);
    let scope = "20260102/us-east-1/kms/aws4_request";
    let string_to_sign =
        format!("AWS4-HMAC-SHA256\n20260102T030405Z\n{scope}\n{}", sha256(canonical.as_bytes()));
    let first = format!("AWS4{}", crate::common::SECRET);
    let mut key = first.into_bytes();
    for part in scope.split('/') {
        key = hmac(&key, part).as_ref().to_vec();
    }
    let signature = hex::encode(hmac(&key, &string_to_sign));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        crate::common::ACCESS_KEY_ID
    )
}

#[test]
fn signing_refuses_what_would_not_be_verified() {
    let with = |change: fn(&mut Request)| {
        let mut request = unsigned();
        change(&mut request);
        let header_form = request.with_parts(|parts| sign(parts, b"", &credentials(None), &SCOPE, NOW).err());
        let query_form =
            request.with_parts(|parts| presign(parts, b"", &credentials(None), &SCOPE, NOW, 1).err());
        (header_form, query_form)
    };
    let no_host = Some(Error::HostNotSigned);
    assert_eq!(with(|request| request.remove("host")), (no_host.clone(), no_host));
    assert_eq!(with(|request| request.add("x-amz-date", "x")).0, Some(Error::Repeated("X-Amz-Date")));
    assert_eq!(with(|request| request.add("authorization", "x")).0, Some(Error::Repeated("Authorization")));
    assert!(matches!(with(|request| request.add("Host", "x")).0, Some(Error::MalformedSignedHeaders(_))));
    let malformed = Some(Error::MalformedQuery);
    assert_eq!(with(|request| request.query = "%".to_owned()), (malformed.clone(), malformed));
    assert_eq!(
        with(|request| request.query = "X-Amz-Signature=0".to_owned()).1,
        Some(Error::Repeated("X-Amz-Signature"))
    );
    for expires in [0, 604_801] {
        let error = unsigned()
            .with_parts(|parts| presign(parts, b"", &credentials(None), &SCOPE, NOW, expires).err());
        assert_eq!(error, Some(Error::MalformedExpires));
    }
}
