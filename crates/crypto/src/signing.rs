//! Key pairs for signatures, whatever their key spec.
//!
//! A message comes as it is, as its digest, or for ML-DSA as its message representative; what an algorithm takes is
//! data in `reseal-types`. Private keys are PKCS#8, of ML-DSA and Ed25519 the seed form; public keys are DER
//! SubjectPublicKeyInfo. Every way in which a signature can be wrong is one error.

mod ecdsa;
mod ed25519;
mod ml_dsa;
mod rsa;

use reseal_types::{KeySpec, MessageType, SecretBytes, SigningAlgorithm};

#[cfg(feature = "sm2")]
use crate::sm2::Sm2KeyPair;
use crate::{asymmetric::GeneratedKeyPair, error::CryptoError, random};

/// A key pair, parsed, checked and ready for use. Shared between threads.
pub enum SigningKey {
    /// RSA of 2048, 3072 or 4096 bits.
    Rsa(Box<rsa::RsaKey>),
    /// On P-256, P-384, P-521 or secp256k1.
    Ecdsa(Box<ecdsa::EcdsaKey>),
    /// Ed25519.
    Ed25519(Box<ed25519::Ed25519Key>),
    /// ML-DSA-44, ML-DSA-65 or ML-DSA-87.
    MlDsa(Box<ml_dsa::MlDsaKey>),
    /// SM2.
    #[cfg(feature = "sm2")]
    Sm2(Box<Sm2KeyPair>),
}

impl SigningKey {
    /// Makes a key pair and tests it against itself. Up to some seconds of work for RSA: not for an async thread.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] when no key of that spec signs, [`CryptoError::Failure`] when the library
    /// fails or the pair is not consistent.
    pub fn generate(spec: KeySpec) -> Result<GeneratedKeyPair, CryptoError> {
        let pkcs8 = match spec {
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => rsa::generate(spec)?,
            KeySpec::EccNistEdwards25519 => ed25519::generate()?,
            KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => ml_dsa::generate(spec)?,
            #[cfg(feature = "sm2")]
            KeySpec::Sm2 => Sm2KeyPair::generate()?.0,
            _ => ecdsa::generate(spec)?,
        };
        let key = Self::load(spec, &pkcs8).map_err(|_| CryptoError::Failure)?;
        key.check_consistency(spec)?;
        Ok(GeneratedKeyPair { pkcs8, spki: key.public_key_der().to_vec() })
    }

    /// Reads a PKCS#8 private key that must be of exactly that spec.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`], or [`CryptoError::UnsupportedAlgorithm`] as in [`SigningKey::generate`].
    pub fn load(spec: KeySpec, pkcs8: &SecretBytes) -> Result<Self, CryptoError> {
        Ok(match spec {
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => {
                Self::Rsa(Box::new(rsa::RsaKey::load(spec, pkcs8)?))
            }
            KeySpec::EccNistEdwards25519 => Self::Ed25519(Box::new(ed25519::Ed25519Key::load(pkcs8)?)),
            KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => {
                Self::MlDsa(Box::new(ml_dsa::MlDsaKey::load(spec, pkcs8)?))
            }
            #[cfg(feature = "sm2")]
            KeySpec::Sm2 => Self::Sm2(Box::new(Sm2KeyPair::load(pkcs8)?)),
            _ => Self::Ecdsa(Box::new(ecdsa::EcdsaKey::load(spec, pkcs8)?)),
        })
    }

    /// The public key as DER SubjectPublicKeyInfo (RFC 5280).
    pub fn public_key_der(&self) -> &[u8] {
        match self {
            Self::Rsa(key) => key.public_key_der(),
            Self::Ecdsa(key) => key.public_key_der(),
            Self::Ed25519(key) => key.public_key_der(),
            Self::MlDsa(key) => key.public_key_der(),
            #[cfg(feature = "sm2")]
            Self::Sm2(key) => key.public_key_der(),
        }
    }

    /// Signs. Some microseconds to some milliseconds of work, see [`SigningKey::signs_quickly`].
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] when the key has no such algorithm, [`CryptoError::MessageLength`] when the
    /// algorithm takes no message of that type or length.
    pub fn sign(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        check_message(algorithm, message_type, message)?;
        match self {
            Self::Rsa(key) => key.sign(algorithm, message_type, message),
            Self::Ecdsa(key) => key.sign(algorithm, message_type, message),
            Self::Ed25519(key) => key.sign(algorithm, message),
            Self::MlDsa(key) => key.sign(algorithm, message_type, message),
            #[cfg(feature = "sm2")]
            Self::Sm2(key) => key.sign(algorithm, message_type, message),
        }
    }

    /// Checks a signature.
    ///
    /// # Errors
    /// As in [`SigningKey::sign`], and [`CryptoError::InvalidSignature`] whatever is wrong with the signature.
    pub fn verify(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        check_message(algorithm, message_type, message)?;
        match self {
            Self::Rsa(key) => key.verify(algorithm, message_type, message, signature),
            Self::Ecdsa(key) => key.verify(algorithm, message_type, message, signature),
            Self::Ed25519(key) => key.verify(algorithm, message, signature),
            Self::MlDsa(key) => key.verify(algorithm, message_type, message, signature),
            #[cfg(feature = "sm2")]
            Self::Sm2(key) => key.verify(algorithm, message_type, message, signature),
        }
    }

    /// Whether signing takes well under 100 microseconds, so that it needs no thread of its own.
    pub fn signs_quickly(&self) -> bool {
        match self {
            Self::Ecdsa(key) => key.is_quick(),
            Self::Ed25519(_) => true,
            Self::Rsa(_) | Self::MlDsa(_) => false,
            #[cfg(feature = "sm2")]
            Self::Sm2(_) => false,
        }
    }

    /// The same of checking a signature.
    pub fn verifies_quickly(&self) -> bool {
        match self {
            Self::Ecdsa(key) => key.is_quick(),
            Self::Ed25519(_) | Self::Rsa(_) => true,
            Self::MlDsa(key) => key.is_quick(),
            #[cfg(feature = "sm2")]
            Self::Sm2(_) => false,
        }
    }

    /// The pairwise consistency test of FIPS 140-3 for a signature pair.
    fn check_consistency(&self, spec: KeySpec) -> Result<(), CryptoError> {
        let mut probe = [0; 32];
        random::fill(&mut probe)?;
        let algorithm = *spec.signing_algorithms().first().ok_or(CryptoError::UnsupportedAlgorithm)?;
        let signature = self.sign(algorithm, MessageType::Raw, &probe)?;
        self.verify(algorithm, MessageType::Raw, &probe, &signature).map_err(|_| CryptoError::Failure)
    }
}

fn check_message(
    algorithm: SigningAlgorithm,
    message_type: MessageType,
    message: &[u8],
) -> Result<(), CryptoError> {
    match algorithm.message_lengths(message_type) {
        Some(lengths) if lengths.contains(&message.len()) => Ok(()),
        _ => Err(CryptoError::MessageLength),
    }
}

#[cfg(test)]
mod tests;
