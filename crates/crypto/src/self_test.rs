//! Known-answer tests of every primitive in use, run when the service starts (FIPS 140-3 calls them
//! cryptographic algorithm self-tests). They find a broken build, library or processor before it writes
//! anything.
//!
//! The service must not start when one fails. Answers are published ones or made by OpenSSL; none of the keys
//! here protects anything.

mod signatures;

use std::{error::Error, fmt};

use aws_lc_rs::hmac;
use reseal_types::{EncryptionAlgorithm, KeySpec, Reveal, SecretBytes};

use crate::{
    aead,
    agreement::AgreementKey,
    ciphertext,
    error::CryptoError,
    kdf::DerivationKey,
    kem::KemKeyPair,
    random, recipient,
    rsa::RsaKeyPair,
    self_test_answers::{self as given, Answers},
};

/// Which self-test failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelfTestError {
    /// The name of the algorithm.
    pub name: &'static str,
}

impl fmt::Display for SelfTestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the self-test of {} failed", self.name)
    }
}

impl Error for SelfTestError {}

/// Runs all self-tests, in a few milliseconds.
///
/// # Errors
/// The first that failed.
pub fn run() -> Result<(), SelfTestError> {
    check(&given::ANSWERS)
}

type Test = fn(&Answers) -> Result<bool, CryptoError>;

const TESTS: &[(&str, Test)] = &[
    ("random generator", |_| random_generator()),
    ("AES-256-GCM", aes_gcm),
    ("AES-256-CBC", aes_cbc),
    ("HMAC-SHA-224", |answers| hmac_of(hmac::HMAC_SHA224, answers.hmac_sha224)),
    ("HMAC-SHA-256", |answers| hmac_of(hmac::HMAC_SHA256, answers.hmac_sha256)),
    ("HMAC-SHA-384", |answers| hmac_of(hmac::HMAC_SHA384, answers.hmac_sha384)),
    ("HMAC-SHA-512", |answers| hmac_of(hmac::HMAC_SHA512, answers.hmac_sha512)),
    ("SP 800-108 key derivation", key_derivation),
    ("ciphertext suite 0x0001", suite_1),
    ("RSAES-OAEP", rsa_oaep),
    ("ECDH on P-256", ecdh),
    ("ML-KEM-768", ml_kem),
    ("RSASSA-PKCS1-v1_5 and RSASSA-PSS", signatures::rsassa),
    ("ECDSA", signatures::ecdsa),
    ("Ed25519", signatures::ed25519),
    ("Ed25519ph", signatures::ed25519ph),
    ("ML-DSA-65", signatures::ml_dsa),
    #[cfg(feature = "sm2")]
    ("SM2PKE", sm2_pke),
    #[cfg(feature = "sm2")]
    ("ECDH on the SM2 curve", sm2_agreement),
    #[cfg(feature = "sm2")]
    ("SM2DSA", signatures::sm2dsa),
];

fn check(answers: &Answers) -> Result<(), SelfTestError> {
    for (name, test) in TESTS {
        if !test(answers).unwrap_or(false) {
            return Err(SelfTestError { name });
        }
    }
    Ok(())
}

/// Two outputs differ, and none is all zeros.
fn random_generator() -> Result<bool, CryptoError> {
    let (mut one, mut two) = ([0; 32], [0; 32]);
    random::fill(&mut one)?;
    random::fill(&mut two)?;
    Ok(one != two && one != [0; 32] && two != [0; 32])
}

fn aes_gcm(answers: &Answers) -> Result<bool, CryptoError> {
    let (key, nonce) = (array::<32>(given::GCM_KEY)?, array::<12>(given::GCM_NONCE)?);
    let (associated, plaintext) = (bytes(given::GCM_ASSOCIATED)?, bytes(given::GCM_PLAINTEXT)?);
    let expected = bytes(answers.gcm_sealed)?;
    let mut sealed = Vec::new();
    aead::seal(&key, &nonce, &associated, &plaintext, &mut sealed)?;
    let opened = aead::open(&key, &nonce, &associated, &expected)?;
    let mut altered = expected.clone();
    altered.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    let refused = aead::open(&key, &nonce, &associated, &altered).is_err();
    Ok(sealed == expected && opened.reveal(Reveal::ToCipher) == plaintext && refused)
}

fn hmac_of(algorithm: hmac::Algorithm, expected: &str) -> Result<bool, CryptoError> {
    let key = hmac::Key::new(algorithm, given::HMAC_KEY);
    Ok(hmac::sign(&key, given::HMAC_MESSAGE).as_ref() == bytes(expected)?)
}

fn key_derivation(answers: &Answers) -> Result<bool, CryptoError> {
    let sha256 = DerivationKey::hmac_sha256(&bytes(given::KDF_SHA256_KEY)?);
    let sha512 = DerivationKey::hmac_sha512(&bytes(given::KDF_SHA512_KEY)?);
    let mut right = true;
    for (key, input, expected) in [
        (sha256, given::KDF_SHA256_FIXED_INPUT, answers.kdf_sha256_output),
        (sha512, given::KDF_SHA512_FIXED_INPUT, answers.kdf_sha512_output),
    ] {
        let expected = bytes(expected)?;
        let mut output = vec![0; expected.len()];
        key.counter_mode(&[&[0; 4], &bytes(input)?], &mut output)?;
        right &= output == expected;
    }
    Ok(right)
}

fn suite_1(answers: &Answers) -> Result<bool, CryptoError> {
    let material = ciphertext::MaterialKey::new(&SecretBytes::from(bytes(given::SUITE_1_MATERIAL)?))?;
    let context = bytes(given::SUITE_1_CONTEXT)?;
    let opened = ciphertext::decrypt(&material, &bytes(given::SUITE_1_BLOB)?, &context)?;
    let refused = ciphertext::decrypt(&material, &bytes(given::SUITE_1_BLOB)?, &[0; 4]).is_err();
    Ok(opened.reveal(Reveal::ToCipher) == bytes(answers.suite_1_plaintext)? && refused)
}

fn rsa_oaep(answers: &Answers) -> Result<bool, CryptoError> {
    let pair = RsaKeyPair::load(KeySpec::Rsa2048, &SecretBytes::from(given::RSA_PKCS8.to_vec()))?;
    let mut right = true;
    for (algorithm, ciphertext) in [
        (EncryptionAlgorithm::RsaesOaepSha1, given::RSA_OAEP_SHA_1),
        (EncryptionAlgorithm::RsaesOaepSha256, given::RSA_OAEP_SHA_256),
    ] {
        right &= pair.decrypt(algorithm, ciphertext)?.reveal(Reveal::ToCipher) == answers.rsa_plaintext;
    }
    Ok(right)
}

#[cfg(feature = "sm2")]
fn sm2_pke(answers: &Answers) -> Result<bool, CryptoError> {
    let pair = crate::sm2::Sm2KeyPair::load(&SecretBytes::from(given::SM2_PKCS8.to_vec()))?;
    let opened = pair.decrypt(given::SM2_CIPHERTEXT)?;
    Ok(opened.reveal(Reveal::ToCipher) == answers.sm2_plaintext)
}

fn aes_cbc(answers: &Answers) -> Result<bool, CryptoError> {
    let (key, vector) = (array::<32>(given::CBC_KEY)?, array::<16>(given::CBC_VECTOR)?);
    let plaintext = SecretBytes::from(bytes(given::CBC_PLAINTEXT)?);
    let ciphertext = recipient::encrypt_content(&key, &vector, &plaintext)?;
    Ok(ciphertext.get(..16) == Some(&bytes(answers.cbc_first_block)?))
}

fn ecdh(answers: &Answers) -> Result<bool, CryptoError> {
    agreed(KeySpec::EccNistP256, given::ECDH_PKCS8, given::ECDH_PEER, answers.ecdh_p256)
}

#[cfg(feature = "sm2")]
fn sm2_agreement(answers: &Answers) -> Result<bool, CryptoError> {
    agreed(KeySpec::Sm2, given::SM2_AGREEMENT_PKCS8, given::SM2_AGREEMENT_PEER, answers.sm2_agreement)
}

fn agreed(spec: KeySpec, pkcs8: &str, peer: &str, expected: &str) -> Result<bool, CryptoError> {
    let key = AgreementKey::load(spec, &SecretBytes::from(bytes(pkcs8)?))?;
    let secret = key.agree(&bytes(peer)?)?;
    Ok(secret.reveal(Reveal::ToCipher) == bytes(expected)?)
}

/// Decapsulates, and is given other bytes for a ciphertext that was altered.
fn ml_kem(answers: &Answers) -> Result<bool, CryptoError> {
    let pair = KemKeyPair::load(KeySpec::MlKem768, &SecretBytes::from(bytes(given::ML_KEM_PKCS8)?))?;
    let expected = bytes(answers.ml_kem_768)?;
    let opened = pair.decapsulate(given::ML_KEM_CIPHERTEXT)?;
    let mut altered = given::ML_KEM_CIPHERTEXT.to_vec();
    altered.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    let rejected = pair.decapsulate(&altered)?;
    Ok(opened.reveal(Reveal::ToCipher) == expected && rejected.reveal(Reveal::ToCipher) != expected)
}

fn bytes(digits: &str) -> Result<Vec<u8>, CryptoError> {
    hex::decode(digits).map_err(|_| CryptoError::Failure)
}

fn array<const N: usize>(digits: &str) -> Result<[u8; N], CryptoError> {
    bytes(digits)?.try_into().map_err(|_| CryptoError::Failure)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    #[expect(clippy::print_stdout, reason = "how long it takes is worth seeing")]
    fn passes() {
        let start = Instant::now();
        assert_eq!(run(), Ok(()));
        println!("self-test: {:?}", start.elapsed());
    }

    #[test]
    fn each_test_can_fail() {
        const RIGHT: Answers = given::ANSWERS;
        const WRONG: &str = "00";
        let mut cases = vec![
            ("AES-256-GCM", Answers { gcm_sealed: WRONG, ..RIGHT }),
            ("AES-256-CBC", Answers { cbc_first_block: WRONG, ..RIGHT }),
            ("HMAC-SHA-224", Answers { hmac_sha224: WRONG, ..RIGHT }),
            ("HMAC-SHA-256", Answers { hmac_sha256: WRONG, ..RIGHT }),
            ("HMAC-SHA-384", Answers { hmac_sha384: WRONG, ..RIGHT }),
            ("HMAC-SHA-512", Answers { hmac_sha512: WRONG, ..RIGHT }),
            ("SP 800-108 key derivation", Answers { kdf_sha256_output: WRONG, ..RIGHT }),
            ("SP 800-108 key derivation", Answers { kdf_sha512_output: WRONG, ..RIGHT }),
            ("ciphertext suite 0x0001", Answers { suite_1_plaintext: WRONG, ..RIGHT }),
            ("RSAES-OAEP", Answers { rsa_plaintext: b"", ..RIGHT }),
            ("ECDH on P-256", Answers { ecdh_p256: WRONG, ..RIGHT }),
            ("ML-KEM-768", Answers { ml_kem_768: WRONG, ..RIGHT }),
            ("RSASSA-PKCS1-v1_5 and RSASSA-PSS", Answers { rsassa_message: b"x", ..RIGHT }),
            ("ECDSA", Answers { ecdsa_message: b"x", ..RIGHT }),
            ("Ed25519", Answers { ed25519: WRONG, ..RIGHT }),
            ("Ed25519ph", Answers { ed25519ph: WRONG, ..RIGHT }),
            ("ML-DSA-65", Answers { ml_dsa_message: b"x", ..RIGHT }),
        ];
        if cfg!(feature = "sm2") {
            cases.push(("SM2PKE", Answers { sm2_plaintext: b"", ..RIGHT }));
            cases.push(("ECDH on the SM2 curve", Answers { sm2_agreement: WRONG, ..RIGHT }));
            cases.push(("SM2DSA", Answers { sm2dsa_message: b"x", ..RIGHT }));
        }
        for (name, answers) in &cases {
            assert_eq!(check(answers), Err(SelfTestError { name }));
        }
        // The key derivation has two answers, the random generator none to get wrong.
        assert_eq!(cases.len(), TESTS.len());
    }
}
