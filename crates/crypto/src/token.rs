//! Signatures of JSON web tokens: RS256 and ES256 (RFC 7518, sections 3.3 and 3.4), verified only.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};

use crate::error::CryptoError;

/// The public key of an issuer, good for one algorithm.
pub struct TokenKey(Key);

enum Key {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(ParsedPublicKey),
}

/// The signature is not that of the key. There is one answer for every way to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidSignature;

impl std::fmt::Display for InvalidSignature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the signature is not valid")
    }
}

impl std::error::Error for InvalidSignature {}

const COORDINATE: usize = 32;
/// RSA of 2048 to 8192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1_024;

impl TokenKey {
    /// An RSA key for RS256, from modulus and exponent, big-endian.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] outside 2048 to 8192 bits.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, CryptoError> {
        let significant =
            |bytes: &[u8]| bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
        let (modulus, exponent) = (significant(modulus), significant(exponent));
        if !MODULUS.contains(&modulus.len()) || !(1..=8).contains(&exponent.len()) {
            return Err(CryptoError::InvalidKey);
        }
        Ok(Self(Key::Rsa { modulus, exponent }))
    }

    /// A point of the curve P-256 for ES256, from its coordinates, 32 bytes each.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] for anything that is no such point.
    pub fn p256(x: &[u8], y: &[u8]) -> Result<Self, CryptoError> {
        if x.len() != COORDINATE || y.len() != COORDINATE {
            return Err(CryptoError::InvalidKey);
        }
        let point = [&[0x04], x, y].concat();
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        key.map(|key| Self(Key::P256(key))).map_err(|_| CryptoError::InvalidKey)
    }

    /// The algorithm's name in tokens.
    pub fn algorithm(&self) -> &'static str {
        match self.0 {
            Key::Rsa { .. } => "RS256",
            Key::P256(_) => "ES256",
        }
    }

    /// Verifies a signature over `message`.
    ///
    /// # Errors
    /// [`InvalidSignature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let verified = match &self.0 {
            Key::Rsa { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
            Key::P256(key) => key.verify_sig(message, signature),
        };
        verified.map_err(|_| InvalidSignature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex).unwrap()
    }

    const CLAIMS: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    fn check(key: &TokenKey, algorithm: &str, header: &str, signature: &str) {
        assert_eq!(key.algorithm(), algorithm);
        let message = format!("{header}.{CLAIMS}");
        let mut signature = bytes(signature);
        assert_eq!(key.verify(message.as_bytes(), &signature), Ok(()));
        assert_eq!(key.verify(format!("{message}x").as_bytes(), &signature), Err(InvalidSignature));
        signature[9] ^= 1;
        assert_eq!(key.verify(message.as_bytes(), &signature), Err(InvalidSignature));
        assert_eq!(key.verify(message.as_bytes(), b""), Err(InvalidSignature));
    }

    #[test]
    fn rs256_of_rfc_7515_appendix_a_2() {
        let modulus = "a1f8160ae2e3c9b465ce8d2d656263362b927dbe29e1f02477fc1625cc90a136e38bd93497c5b6ea63dd7711e67c7429\
            f956b0fb8a8f089adc4b69893cc1333f53edd019b87784252fec914fe4857769594bea4280d32c0f55bf62944f130396bc6e9bdf6ebd\
            d2bda3678eeca0c668f701b38dbffb38c8342ce2fe6d27fade4a5a4874979dd4b9cf9adec4c75b05852c2c0f5ef8a5c1750392f944e8\
            ed64c110c6b647609aa4783aeb9c6c9ad755313050638b83665c6f6f7a82a396702a1f641b82d3ebf2392219491fb686872c5716f50a\
            f8358d9a8b9d17c340728f7f87d89a18d8fcab67ad84590c2ecf759339363c07034d6f606f9e21e05456cae5e9a1";
        let signature = "702e218943e88fd11eb5d82dbf7845f34106ae1b81fff7731116add1717d83656d420afd3c96eedd73a2663e5166687b\
            000b87226e0187ed1073f945e582adfcef16d85a798ee8c66ddb3db8975b17d09402beedd5d9d97007108db28160d5f8040ca7445762\
            b81fbe7ff9d92e0ae76f24f25b33bbe6f44ae61eb1040acb20044d3ef9128ed40130795bd4bd3b41eecad066ab651981fde48df77f37\
            2dc38b9fafdd3befb18b5da3cc3c2eb02f9e3a41d612caad15911273a05f23b9e838faaf849d698429ef5a1e88798236c3d40e604522\
            a544c8f27a7a2db80663d16cf7caea56de405cb2215a45b2c25566b55ac1a748a070dfc8a32a469543d019eefb47";
        let key = TokenKey::rsa(&bytes(modulus), &[1, 0, 1]).unwrap();
        check(&key, "RS256", "eyJhbGciOiJSUzI1NiJ9", signature);
    }

    #[test]
    fn es256_of_rfc_7515_appendix_a_3() {
        let key = TokenKey::p256(
            &bytes("7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445"),
            &bytes("c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5ad"),
        );
        let signature = "0ed1215379636c483c2f7f155807d402a3b228033af97c7e17819ac3169ea665\
            c50a07d38c3c70e5d8f12daf084a5480a66590c5f293509a8f3f7f8a83a354d5";
        check(&key.unwrap(), "ES256", "eyJhbGciOiJFUzI1NiJ9", signature);
    }

    #[test]
    fn keys_that_are_refused() {
        assert!(TokenKey::rsa(&[0xff; 255], &[1, 0, 1]).is_err());
        assert!(TokenKey::rsa(&[0; 256], &[1, 0, 1]).is_err());
        assert!(TokenKey::rsa(&[0xff; 256], &[]).is_err());
        assert!(TokenKey::rsa(&[0xff; 256], &[1, 0, 1]).is_ok());
        assert!(TokenKey::p256(&[1; 32], &[1; 32]).is_err(), "not on the curve");
        assert!(TokenKey::p256(&[1; 31], &[1; 32]).is_err());
    }
}
