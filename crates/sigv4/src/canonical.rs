//! The canonical request and the string to sign ("Create a signed AWS API request", IAM User Guide).
//!
//! Only what the signature covers is read; nothing is decided here.

use memchr::memchr;

use crate::encode::sha256_hex;
use crate::signed_headers::{Lines, SignedHeaders};
use crate::time::Timestamp;
use crate::uri::{Parameter, write_path, write_query};
use crate::{ALGORITHM, RequestParts};

/// Appends the canonical request; `payload_hash` is the SHA-256 of the body in hexadecimal.
pub(crate) fn write_request(
    out: &mut Vec<u8>,
    parts: &RequestParts<'_>,
    parameters: &[Parameter<'_>],
    signed: &SignedHeaders<'_>,
    lines: &Lines,
    payload_hash: &[u8; 64],
) {
    out.extend_from_slice(parts.method.as_bytes());
    out.push(b'\n');
    write_path(out, parts.path);
    out.push(b'\n');
    if !parameters.is_empty() {
        write_query(out, parameters);
    }
    out.push(b'\n');
    for (name, values) in signed.with_values(lines, parts) {
        write_header(out, name, values);
    }
    out.push(b'\n');
    out.extend_from_slice(signed.as_str().as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload_hash);
}

/// Replaces the canonical request in `buffer` by its string to sign.
pub(crate) fn replace_by_string_to_sign(buffer: &mut Vec<u8>, time: Timestamp, scope: &str) {
    let hash = sha256_hex(buffer);
    buffer.clear();
    for line in [ALGORITHM.as_bytes(), time.as_bytes(), scope.as_bytes()] {
        buffer.extend_from_slice(line);
        buffer.push(b'\n');
    }
    buffer.extend_from_slice(&hash);
}

/// All lines of one name as one line, their values joined by commas.
fn write_header<'p>(out: &mut Vec<u8>, name: &str, values: impl Iterator<Item = &'p [u8]>) {
    out.extend_from_slice(name.as_bytes());
    let mut separator = b':';
    for value in values {
        out.push(separator);
        write_value(out, value);
        separator = b',';
    }
    out.push(b'\n');
}

/// Trims white space at both ends and makes one space of every run of spaces.
fn write_value(out: &mut Vec<u8>, value: &[u8]) {
    let value = value.trim_ascii();
    // Most values have no space, the long ones (session tokens) among them, and this looks at many bytes at a time.
    if memchr(b' ', value).is_none() {
        out.extend_from_slice(value);
        return;
    }
    let mut previous = 0;
    for byte in value {
        if *byte != b' ' || previous != b' ' {
            out.push(*byte);
        }
        previous = *byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_values() {
        for (given, canonical) in [
            ("", ""),
            ("   ", ""),
            ("a", "a"),
            ("  a  b   c ", "a b c"),
            ("\t a\t", "a"),
            ("\"a   b\"", "\"a b\""),
            ("a\t\tb", "a\t\tb"),
        ] {
            let mut out = Vec::new();
            write_value(&mut out, given.as_bytes());
            assert_eq!(String::from_utf8(out).unwrap(), canonical, "{given:?}");
        }
    }

    #[test]
    fn repeated_headers_are_joined_in_wire_order() {
        let headers: &[(&str, &[u8])] = &[("a", b" 2 "), ("b", b"x"), ("a", b""), ("a", b"1  1")];
        let parts = RequestParts { method: "POST", path: "/", query: "a=b", headers };
        let signed = SignedHeaders::parse("a;b".into()).unwrap();
        let mut out = Vec::new();
        write_request(&mut out, &parts, &[], &signed, &signed.locate(&parts).unwrap(), &[b'0'; 64]);
        let expected = format!("POST\n/\n\na:2,,1 1\nb:x\n\na;b\n{}", "0".repeat(64));
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
