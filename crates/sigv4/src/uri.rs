//! The canonical path and the canonical query string.
//!
//! A query string is read as a form is (`+` is a space, like in the AWS SDKs), so whoever reads parameters after
//! the signature was verified must do the same.

use std::borrow::Cow;

use crate::error::Error;

/// A decoded query parameter.
pub(crate) type Parameter<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// Appends the canonical URI: dot segments and empty segments removed (RFC 3986, section 5.2.4), then encoded once
/// more, since every service but S3 signs the path as it is sent.
pub(crate) fn write_path(out: &mut Vec<u8>, path: &str) {
    if path == "/" || path.is_empty() {
        out.push(b'/');
        return;
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    for segment in &segments {
        out.push(b'/');
        write_encoded(out, segment.as_bytes());
    }
    // What ended in a directory still does.
    if segments.is_empty() || matches!(path.rsplit('/').next(), Some("" | "." | "..")) {
        out.push(b'/');
    }
}

/// Decodes a query string. `MalformedQuery` for a `%` that is not followed by two hexadecimal digits.
pub(crate) fn parse_query(query: &str) -> Result<Vec<Parameter<'_>>, Error> {
    if query.is_empty() {
        return Ok(Vec::new()); // as in nearly every request
    }
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// Appends the canonical query string: encoded, sorted by encoded name and then by encoded value, without the
/// signature itself.
pub(crate) fn write_query(out: &mut Vec<u8>, parameters: &[Parameter<'_>]) {
    let kept = parameters.iter().filter(|(name, _)| name.as_ref() != b"X-Amz-Signature");
    let mut encoded: Vec<(Vec<u8>, Vec<u8>)> =
        kept.map(|(name, value)| (encoded(name), encoded(value))).collect();
    encoded.sort_unstable();
    for (position, (name, value)) in encoded.iter().enumerate() {
        if position > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

fn encoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    write_encoded(&mut out, bytes);
    out
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
fn write_encoded(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(*byte);
        } else {
            out.extend_from_slice(&[b'%', upper_hex(byte >> 4), upper_hex(byte & 0x0f)]);
        }
    }
}

fn upper_hex(nibble: u8) -> u8 {
    nibble + if nibble < 10 { b'0' } else { b'A' - 10 }
}

fn decode(text: &str) -> Result<Cow<'_, [u8]>, Error> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Ok(Cow::Borrowed(text.as_bytes()));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (bytes.next().and_then(hex_value), bytes.next().and_then(hex_value));
                let (Some(high), Some(low)) = (high, low) else { return Err(Error::MalformedQuery) };
                high << 4 | low
            }
            byte => byte,
        });
    }
    Ok(Cow::Owned(out))
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> String {
        let mut out = Vec::new();
        write_path(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    fn query(text: &str) -> Result<String, Error> {
        let mut out = Vec::new();
        write_query(&mut out, &parse_query(text)?);
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn paths() {
        for (given, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/a/./b/../c", "/a/c"),
            ("/../a", "/a"),
            ("/a//b/", "/a/b/"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a%20b", "/a%2520b"),
            ("/\u{e4}", "/%C3%A4"),
            ("a", "/a"),
        ] {
            assert_eq!(path(given), canonical, "{given}");
        }
    }

    #[test]
    fn queries() {
        for (given, canonical) in [
            ("", ""),
            ("&&", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1&a", "a=&a=1&a=2"),
            ("=x", "=x"),
            ("a=b=c", "a=b%3Dc"),
            ("a+b=%20c", "a%20b=%20c"),
            ("a=%e4%C3", "a=%E4%C3"),
            ("a%2d=~", "a-=~"),
            ("X-Amz-Signature=00&x=1", "x=1"),
            // Sorting looks at the encoded form: `%` comes before `-`, though a slash comes after it.
            ("a-=1&a/=1", "a%2F=1&a-=1"),
        ] {
            assert_eq!(query(given).as_deref(), Ok(canonical), "{given}");
        }
        for given in ["%", "a=%", "a=%1", "a=%zz", "%%20=1", "a=%1g"] {
            assert_eq!(query(given), Err(Error::MalformedQuery), "{given}");
        }
    }
}
