//! Lower-case hexadecimal of SHA-256 values, and showing bytes of a client inside a message.

use memchr::memchr;
use reseal_crypto::digest::sha256;

/// The SHA-256 of `data` in lower-case hexadecimal.
pub(crate) fn sha256_hex(data: &[u8]) -> [u8; 64] {
    hex_lower(&sha256(data))
}

/// Lower-case hexadecimal.
pub(crate) fn hex_lower(bytes: &[u8; 32]) -> [u8; 64] {
    let mut text = [b'0'; 64];
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [hex_digit(byte >> 4), hex_digit(byte & 0x0f)];
    }
    text
}

/// At most 64 bytes of what a client sent, fit for a message: anything but printable ASCII is escaped.
pub(crate) fn shown(bytes: &[u8]) -> Box<str> {
    bytes.iter().take(64).flat_map(|byte| byte.escape_ascii()).map(char::from).collect()
}

/// Whether every byte is a space or a visible ASCII character.
pub(crate) fn is_printable(bytes: &[u8]) -> bool {
    // Without branches, so that long values (session tokens) are checked many bytes at a time.
    let outside = bytes.iter().map(|byte| u8::from(byte.wrapping_sub(b' ') > b'~' - b' '));
    outside.fold(0, |found, one| found | one) == 0
}

/// `bytes` as text if they are printable ASCII.
pub(crate) fn printable(bytes: &[u8]) -> Option<&str> {
    if is_printable(bytes) { std::str::from_utf8(bytes).ok() } else { None }
}

/// What stands before the first `separator`, an ASCII character, and what behind it; nothing is behind if there is
/// none.
pub(crate) fn cut(text: &str, separator: u8) -> (&str, &str) {
    let at = memchr(separator, text.as_bytes()).unwrap_or(text.len());
    (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default())
}

fn hex_digit(nibble: u8) -> u8 {
    nibble + if nibble < 10 { b'0' } else { b'a' - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_agrees_with_the_hex_crate() {
        let bytes: [u8; 32] = std::array::from_fn(|n| u8::try_from(n * 8).unwrap());
        let text = hex_lower(&bytes);
        assert_eq!(text.as_slice(), hex::encode(bytes).as_bytes());
        assert_eq!(&sha256_hex(b"")[..16], b"e3b0c44298fc1c14");
    }

    #[test]
    fn printable_is_ascii_from_space_to_tilde() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_printable(&[b'a', byte, b'b']), byte == b' ' || byte.is_ascii_graphic(), "{byte}");
        }
        assert!(is_printable(b""));
    }

    #[test]
    fn messages_show_printable_text_of_bounded_length() {
        assert_eq!(&*shown(b"a\n\xff"), "a\\n\\xff");
        assert_eq!(shown(&[b'x'; 1000]).len(), 64);
    }
}
