//! Asymmetric key pairs for encryption, whatever their key spec.

use reseal_types::{EncryptionAlgorithm, KeySpec, SecretBytes};

#[cfg(feature = "sm2")]
use crate::sm2::Sm2KeyPair;
use crate::{error::CryptoError, rsa::RsaKeyPair};

/// A key pair, parsed, checked and ready for use. Shared between threads.
pub enum KeyPair {
    /// RSA of 2048, 3072 or 4096 bits.
    Rsa(Box<RsaKeyPair>),
    /// SM2.
    #[cfg(feature = "sm2")]
    Sm2(Box<Sm2KeyPair>),
}

/// A fresh key pair in the forms that are stored and published.
pub struct GeneratedKeyPair {
    /// The private key, PKCS#8.
    pub pkcs8: SecretBytes,
    /// The public key, DER SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
}

impl KeyPair {
    /// Makes a key pair and tests it against itself. Up to a second of work for RSA: not for an async thread.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] when no key pair of that spec can encrypt,
    /// [`CryptoError::Failure`] when the library fails.
    pub fn generate(spec: KeySpec) -> Result<GeneratedKeyPair, CryptoError> {
        let (pkcs8, pair) = match spec {
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => {
                let (pkcs8, pair) = RsaKeyPair::generate(spec)?;
                (pkcs8, Self::Rsa(Box::new(pair)))
            }
            #[cfg(feature = "sm2")]
            KeySpec::Sm2 => {
                let (pkcs8, pair) = Sm2KeyPair::generate()?;
                (pkcs8, Self::Sm2(Box::new(pair)))
            }
            _ => return Err(CryptoError::UnsupportedAlgorithm),
        };
        Ok(GeneratedKeyPair { pkcs8, spki: pair.public_key_der().to_vec() })
    }

    /// Reads a PKCS#8 private key that must be of exactly that spec.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`], or [`CryptoError::UnsupportedAlgorithm`] as in [`KeyPair::generate`].
    pub fn load(spec: KeySpec, pkcs8: &SecretBytes) -> Result<Self, CryptoError> {
        match spec {
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => {
                Ok(Self::Rsa(Box::new(RsaKeyPair::load(spec, pkcs8)?)))
            }
            #[cfg(feature = "sm2")]
            KeySpec::Sm2 => Ok(Self::Sm2(Box::new(Sm2KeyPair::load(pkcs8)?))),
            _ => Err(CryptoError::UnsupportedAlgorithm),
        }
    }

    /// The public key as DER SubjectPublicKeyInfo.
    pub fn public_key_der(&self) -> &[u8] {
        match self {
            Self::Rsa(pair) => pair.public_key_der(),
            #[cfg(feature = "sm2")]
            Self::Sm2(pair) => pair.public_key_der(),
        }
    }

    /// Encrypts with the public key.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] when the key has no such algorithm,
    /// [`CryptoError::PlaintextLength`] outside of 1 to the most the algorithm takes.
    pub fn encrypt(&self, algorithm: EncryptionAlgorithm, plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        match self {
            Self::Rsa(pair) => pair.encrypt(algorithm, plaintext),
            #[cfg(feature = "sm2")]
            Self::Sm2(pair) if algorithm == EncryptionAlgorithm::Sm2pke => pair.encrypt(plaintext),
            #[cfg(feature = "sm2")]
            Self::Sm2(_) => Err(CryptoError::UnsupportedAlgorithm),
        }
    }

    /// Decrypts with the private key. 0.2 to 1.5 milliseconds of work.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] when the key has no such algorithm, else
    /// [`CryptoError::InvalidCiphertext`] whatever the reason.
    pub fn decrypt(
        &self,
        algorithm: EncryptionAlgorithm,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        match self {
            Self::Rsa(pair) => pair.decrypt(algorithm, ciphertext),
            #[cfg(feature = "sm2")]
            Self::Sm2(pair) if algorithm == EncryptionAlgorithm::Sm2pke => Ok(pair.decrypt(ciphertext)?),
            #[cfg(feature = "sm2")]
            Self::Sm2(_) => Err(CryptoError::UnsupportedAlgorithm),
        }
    }
}
