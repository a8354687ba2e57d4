//! Digests and comparison.

use aws_lc_rs::digest;
use subtle::ConstantTimeEq;

/// SHA-256 of `bytes` (FIPS 180-4).
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut output = [0; 32];
    // In one step: a context that takes parts allocates.
    for (to, from) in output.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
        *to = *from;
    }
    output
}

/// Whether both are the same bytes, in time that depends on the lengths only.
pub fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4 example values.
    #[test]
    fn published_answers() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(sha256(b"abc")), abc);
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex::encode(sha256(b"")), empty);
    }

    #[test]
    fn compares_by_value() {
        assert!(equal_in_constant_time(b"same", b"same"));
        assert!(!equal_in_constant_time(b"same", b"sama"));
        assert!(!equal_in_constant_time(b"same", b"sam"));
    }
}
