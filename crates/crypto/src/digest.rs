//! Digests and comparison.

use aws_lc_rs::constant_time::verify_slices_are_equal;

pub use crate::sha256::{HmacSha256, sha256, sha256_of_parts};

/// Whether both are the same bytes, in time that depends on the lengths only.
pub fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    verify_slices_are_equal(a, b).is_ok()
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
