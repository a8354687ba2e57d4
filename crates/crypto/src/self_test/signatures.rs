//! Self-tests of signatures. What is deterministic must come out as published; of the rest, a signature made elsewhere must
//! hold for its message and for no other, and so must one made here.

use reseal_types::{KeySpec, MessageType, SecretBytes, SigningAlgorithm};

use super::{bytes, given};
use crate::{error::CryptoError, self_test_answers::Answers, signing::SigningKey};

type Outcome = Result<bool, CryptoError>;

pub(super) fn rsassa(answers: &Answers) -> Outcome {
    let key = load(KeySpec::Rsa2048, given::RSA_PKCS8)?;
    let message = answers.rsassa_message;
    let pkcs1 = key.sign(SigningAlgorithm::RsassaPkcs1V15Sha256, MessageType::Raw, message)?;
    Ok(pkcs1 == given::RSASSA_PKCS1
        && holds(&key, SigningAlgorithm::RsassaPkcs1V15Sha256, message, given::RSASSA_PKCS1)?
        && holds(&key, SigningAlgorithm::RsassaPssSha256, message, given::RSASSA_PSS)?)
}

pub(super) fn ecdsa(answers: &Answers) -> Outcome {
    let mut right = true;
    for (spec, pkcs8, signature) in [
        (KeySpec::EccNistP256, given::P256_PKCS8, given::P256),
        (KeySpec::EccNistP384, given::P384_PKCS8, given::P384),
        (KeySpec::EccNistP521, given::P521_PKCS8, given::P521),
        (KeySpec::EccSecgP256k1, given::P256K1_PKCS8, given::P256K1),
    ] {
        let key = load(spec, pkcs8)?;
        for algorithm in spec.signing_algorithms() {
            right &= holds(&key, *algorithm, answers.ecdsa_message, signature)?;
        }
    }
    Ok(right)
}

pub(super) fn ed25519(answers: &Answers) -> Outcome {
    let key = load(KeySpec::EccNistEdwards25519, &bytes(given::ED25519_PKCS8)?)?;
    let expected = bytes(answers.ed25519)?;
    let signature = key.sign(SigningAlgorithm::Ed25519Sha512, MessageType::Raw, given::ED25519_MESSAGE)?;
    Ok(signature == expected
        && holds(&key, SigningAlgorithm::Ed25519Sha512, given::ED25519_MESSAGE, &expected)?)
}

/// By the primitive: the API gives it 64 bytes, the published message has three.
pub(super) fn ed25519ph(answers: &Answers) -> Outcome {
    let SigningKey::Ed25519(key) = load(KeySpec::EccNistEdwards25519, &bytes(given::ED25519PH_PKCS8)?)?
    else {
        return Ok(false);
    };
    let algorithm = SigningAlgorithm::Ed25519PhSha512;
    let expected = bytes(answers.ed25519ph)?;
    let signature = key.sign(algorithm, given::ED25519PH_MESSAGE)?;
    Ok(signature == expected
        && key.verify(algorithm, given::ED25519PH_MESSAGE, &expected).is_ok()
        && key.verify(algorithm, b"abd", &expected).is_err())
}

pub(super) fn ml_dsa(answers: &Answers) -> Outcome {
    let key = load(KeySpec::MlDsa65, &bytes(given::ML_DSA_PKCS8)?)?;
    let (algorithm, mu) = (SigningAlgorithm::MlDsaShake256, bytes(given::ML_DSA_MU)?);
    let of_mu = key.sign(algorithm, MessageType::ExternalMu, &mu)?;
    Ok(holds(&key, algorithm, answers.ml_dsa_message, given::ML_DSA)?
        && holds(&key, algorithm, answers.ml_dsa_message, &of_mu)?
        && key.verify(algorithm, MessageType::ExternalMu, &mu, given::ML_DSA).is_ok())
}

#[cfg(feature = "sm2")]
pub(super) fn sm2dsa(answers: &Answers) -> Outcome {
    let key = load(KeySpec::Sm2, given::SM2_PKCS8)?;
    holds(&key, SigningAlgorithm::Sm2dsa, answers.sm2dsa_message, given::SM2DSA)
}

fn load(spec: KeySpec, pkcs8: &[u8]) -> Result<SigningKey, CryptoError> {
    SigningKey::load(spec, &SecretBytes::from(pkcs8.to_vec()))
}

/// Whether a signature holds for its message and for no other, and one made here as well.
fn holds(key: &SigningKey, algorithm: SigningAlgorithm, message: &[u8], signature: &[u8]) -> Outcome {
    let ours = key.sign(algorithm, MessageType::Raw, message)?;
    let is_right = |message, signature| key.verify(algorithm, MessageType::Raw, message, signature).is_ok();
    Ok(is_right(message, signature)
        && !is_right(b"another message", signature)
        && is_right(message, &ours)
        && !is_right(b"another message", &ours))
}
