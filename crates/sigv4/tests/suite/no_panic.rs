//! Whatever bytes arrive, the answer is an error and not a panic. (A valid signature cannot be guessed.)

use crate::common::{NOW, Request};
use proptest::prelude::*;
use reseal_sigv4::Timestamp;

/// Bytes that look like the real thing to different degrees.
fn bytes(like: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let mutated =
        (any::<proptest::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(move |(at, byte, cut)| {
            let mut bytes = like.as_bytes().to_vec();
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] = byte;
            }
            bytes
        });
    let pieces = proptest::sample::select(vec![
        "AWS4-HMAC-SHA256",
        " ",
        ",",
        "=",
        ";",
        "/",
        "Credential=",
        "SignedHeaders=",
        "Signature=",
        "host",
        "X-Amz-Date",
        "20260102",
        "T030405Z",
        "%",
        "&",
        "X-Amz-Signature=",
        "X-Amz-Expires=",
        "0",
        "aws4_request",
        "\u{7f}",
        "\u{e4}",
    ]);
    let assembled = proptest::collection::vec(pieces, 0..20).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![mutated, assembled, proptest::collection::vec(any::<u8>(), 0..200)]
}

const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/kms/aws4_request, SignedHeaders=host;x-amz-date, Signature=7c3817acba61d99980d74011ff888c9b051023c0706f91842e173c397fe4decb";
const QUERY: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Fus-east-1%2Fkms%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Signature=b5c831b1a8f9581d954e632a77104bf97f6b2a0ac38c27eb21a26688d93b53f4";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn header_form(
        authorization in bytes(AUTHORIZATION),
        date in bytes("20260102T030405Z"),
        path in bytes("/a/../b"),
        other in proptest::collection::vec((bytes("x-amz-target"), bytes("  a  b ")), 0..4),
        now in prop_oneof![Just(NOW), any::<i64>()],
    ) {
        let mut headers = vec![("host".to_owned(), b"h".to_vec()), ("authorization".to_owned(), authorization)];
        headers.push(("x-amz-date".to_owned(), date));
        headers.extend(other.into_iter().map(|(name, value)| (text(&name), value)));
        let request = Request { path: text(&path), headers, ..crate::common::unsigned() };
        let error = request.verify(now).unwrap_err();
        prop_assert!(!error.to_string().is_empty() && !error.code().is_empty());
    }

    #[test]
    fn query_form(query in bytes(QUERY), now in prop_oneof![Just(NOW), any::<i64>()]) {
        let headers = vec![("host".to_owned(), b"h".to_vec())];
        let request = Request { query: text(&query), headers, ..crate::common::unsigned() };
        let error = request.verify(now).unwrap_err();
        prop_assert!(!error.to_string().is_empty());
    }

    #[test]
    fn dates(basic in bytes("20260102T030405Z"), http in bytes("Fri, 02 Jan 2026 03:04:05 GMT"), unix in any::<i64>()) {
        if let Some(read) = Timestamp::parse_basic(&basic) {
            prop_assert_eq!(read.as_str().as_bytes(), basic);
        }
        if let Some(read) = Timestamp::parse_http(&http) {
            prop_assert_eq!(Some(read), Timestamp::parse_basic(read.as_str().as_bytes()));
        }
        let made = Timestamp::from_unix(unix);
        prop_assert_eq!(Some(made), Timestamp::parse_basic(made.as_str().as_bytes()));
    }
}
