//! Random requests, signed by AWS's own signer: each must be verified, and ours must make the same signature.

use std::time::{Duration, SystemTime};

use crate::common::{ACCESS_KEY_ID, NOW, Request, SECRET};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use proptest::prelude::*;

/// Adds to the request what AWS's signer says must be added.
fn sign_by_oracle(request: &mut Request, token: Option<&str>, expires: Option<u32>) {
    let identity = Credentials::new(ACCESS_KEY_ID, SECRET, token.map(str::to_owned), None, "test").into();
    let mut settings = SigningSettings::default();
    if let Some(seconds) = expires {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(seconds.into()));
    }
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.try_into().unwrap());
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("kms")
        .time(time)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = format!("https://kms.example.internal{}?{}", request.path, request.query);
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), std::str::from_utf8(value).unwrap()))
        .collect();
    let body = SignableBody::Bytes(&request.body);
    let signable = SignableRequest::new(&request.method, &uri, headers.into_iter(), body).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let (headers, parameters) = instructions.into_parts();
    for header in headers {
        request.add(header.name(), header.value());
    }
    let query = [request.query.clone()].into_iter().filter(|query| !query.is_empty());
    let added = parameters.iter().map(|(name, value)| format!("{name}={}", encode(value.as_bytes())));
    request.query = query.chain(added).collect::<Vec<_>>().join("&");
}

fn encode(bytes: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    bytes.iter().map(one).collect()
}

/// Parameters of any text, encoded more or less eagerly.
fn query() -> impl Strategy<Value = String> {
    let eager = any::<String>().prop_map(|text| encode(text.as_bytes()));
    let text = prop_oneof![eager, "[a-zA-Z0-9_.~+/:@-]{0,8}"];
    let pair = (text.clone(), proptest::option::of(text)).prop_map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        None => name,
    });
    proptest::collection::vec(pair, 0..6).prop_map(|pairs| pairs.join("&"))
}

fn request() -> impl Strategy<Value = Request> {
    let segment = prop_oneof![
        Just(".".to_owned()),
        Just("..".to_owned()),
        Just(String::new()),
        "[a-z0-9._~:@%!$,-]{0,6}"
    ];
    let path =
        proptest::collection::vec(segment, 0..5).prop_map(|segments| format!("/{}", segments.join("/")));
    let header = ("x-[a-z0-9-]{1,3}", "[ -~]{0,12}|[a-c ]{0,20}");
    let headers = proptest::collection::vec(header, 0..8);
    let body = proptest::collection::vec(any::<u8>(), 0..200);
    let method = proptest::sample::select(vec!["POST", "GET", "PUT"]);
    (method, path, query(), headers, body, any::<bool>()).prop_map(
        |(method, path, query, headers, body, kms)| {
            let mut request = if kms {
                crate::common::unsigned()
            } else {
                Request { headers: Vec::new(), ..crate::common::unsigned() }
            };
            request.set("host", "kms.example.internal");
            for (name, value) in &headers {
                request.add(name, value);
            }
            Request { method: method.to_owned(), path, query, body, ..request }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn header_form(request in request(), token in proptest::option::of("[!-~]{1,60}")) {
        let mut theirs = request.clone();
        sign_by_oracle(&mut theirs, token.as_deref(), None);
        let mut ours = request;
        ours.sign(token.as_deref());
        prop_assert_eq!(ours.get("authorization"), theirs.get("authorization"));
        prop_assert_eq!(theirs.verify(NOW), Ok(token.clone()));
        prop_assert_eq!(ours.verify(NOW), Ok(token));
        theirs.body.push(0);
        prop_assert_eq!(theirs.verify(NOW), Err(reseal_sigv4::Error::SignatureMismatch));
    }

    #[test]
    fn query_form(request in request(), token in proptest::option::of("[ -~]{1,60}"), expires in 1u32..=604_800) {
        let mut theirs = request.clone();
        sign_by_oracle(&mut theirs, token.as_deref(), Some(expires));
        let mut ours = request;
        ours.presign(token.as_deref(), expires);
        let signature = |query: &str| query.rsplit_once("X-Amz-Signature=").unwrap().1.get(..64).map(str::to_owned);
        prop_assert_eq!(signature(&ours.query), signature(&theirs.query));
        prop_assert_eq!(theirs.verify(NOW), Ok(token.clone()));
        prop_assert_eq!(ours.verify(NOW), Ok(token));
        theirs.method.push('X');
        prop_assert_eq!(theirs.verify(NOW), Err(reseal_sigv4::Error::SignatureMismatch));
    }
}
