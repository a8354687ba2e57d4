//! The signing key: derived from a secret access key for one day, Region and service.
//!
//! Neither the secret nor the key can be read back or printed; what lies between them is wiped.

use reseal_crypto::digest::{HmacSha256, equal_in_constant_time};
use zeroize::Zeroizing;

use crate::TERMINATOR;
use crate::encode::hex_lower;
use crate::error::Error;

/// A prepared HMAC key for one credential scope. It is worth keeping: deriving costs four HMACs, using it one.
///
/// It cannot be printed:
///
/// ```compile_fail,E0277
/// fn is_printable<T: std::fmt::Debug>() {}
/// is_printable::<reseal_sigv4::SigningKey>();
/// ```
pub struct SigningKey(HmacSha256);

impl SigningKey {
    /// Derives the key for `date` (`YYYYMMDD`), `region` and `service`.
    pub fn derive(secret_access_key: &[u8], date: &str, region: &str, service: &str) -> Self {
        Self(HmacSha256::new(derive_bytes(secret_access_key, date, region, service).as_slice()))
    }

    /// The signature of a string to sign, in lower-case hexadecimal.
    pub(crate) fn sign_hex(&self, string_to_sign: &[u8]) -> [u8; 64] {
        let mut mac = [0; 32];
        self.0.mac_into(string_to_sign, &mut mac);
        hex_lower(&mac)
    }

    /// Compares a signature in lower-case hexadecimal with the right one, in constant time.
    pub(crate) fn verify_hex(&self, string_to_sign: &[u8], signature: &[u8]) -> Result<(), Error> {
        let is_right = equal_in_constant_time(&self.sign_hex(string_to_sign), signature);
        if is_right { Ok(()) } else { Err(Error::SignatureMismatch) }
    }
}

fn derive_bytes(secret: &[u8], date: &str, region: &str, service: &str) -> Zeroizing<[u8; 32]> {
    let mut prefixed = Zeroizing::new(Vec::with_capacity(4 + secret.len())); // exact: growing would leave a copy
    prefixed.extend_from_slice(b"AWS4");
    prefixed.extend_from_slice(secret);
    let mut bytes = Zeroizing::new([0; 32]);
    HmacSha256::new(&prefixed).mac_into(date.as_bytes(), &mut bytes);
    for part in [region, service, TERMINATOR] {
        HmacSha256::new(bytes.as_slice()).mac_into(part.as_bytes(), &mut bytes);
    }
    bytes
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The bytes of a signing key in hexadecimal, for the tests over published vectors.
    pub(crate) fn derived_hex(secret: &str, date: &str, region: &str, service: &str) -> String {
        hex::encode(derive_bytes(secret.as_bytes(), date, region, service))
    }

    /// The example of "Create a signed AWS API request", IAM User Guide.
    #[test]
    fn documented_example() {
        assert_eq!(
            derived_hex("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam"),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }
}
