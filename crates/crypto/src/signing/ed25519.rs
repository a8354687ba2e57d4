//! Ed25519 of the message itself, and Ed25519ph, both with 64 bytes R || S (RFC 8032).
//!
//! Ed25519ph hashes what it is given with SHA-512. KMS gives it the digest that the caller sent: the message of the
//! scheme is that digest, and it is hashed once more. Its context is empty.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey},
};
use reseal_types::{Reveal, SecretBytes, SigningAlgorithm};

use crate::{aws_lc, der, error::CryptoError};

/// Length of the seed, and of the public key.
const HALF: usize = 32;

/// An Ed25519 key pair.
pub struct Ed25519Key {
    pair: Ed25519KeyPair,
    /// Seed and public key, as the library takes them for Ed25519ph.
    expanded: SecretBytes,
    public: PublicHalf,
}

/// The half of it that checks signatures.
pub(super) struct PublicHalf {
    key: ParsedPublicKey,
    spki: Vec<u8>,
}

/// A fresh private key as PKCS#8 without the public key: 48 bytes (RFC 8410 section 7).
pub(super) fn generate() -> Result<SecretBytes, CryptoError> {
    let document = Ed25519KeyPair::generate()?.to_pkcs8v1()?;
    Ok(SecretBytes::from(document.as_ref().to_vec()))
}

impl Ed25519Key {
    /// Reads a PKCS#8 private key, with or without its public key.
    pub(super) fn load(pkcs8: &SecretBytes) -> Result<Self, CryptoError> {
        let der = pkcs8.reveal(Reveal::ToCipher);
        if !der::is_one_sequence(der) {
            return Err(CryptoError::InvalidKey);
        }
        let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| CryptoError::InvalidKey)?;
        let bare = pair.to_pkcs8v1()?;
        let (_, seed) = bare.as_ref().split_last_chunk::<HALF>().ok_or(CryptoError::Failure)?;
        let expanded = SecretBytes::from([seed, pair.public_key().as_ref()].concat());
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
        let public = PublicHalf::new(spki.as_ref().to_vec())?;
        Ok(Self { pair, expanded, public })
    }

    pub(super) fn public_key_der(&self) -> &[u8] {
        &self.public.spki
    }

    pub(crate) fn sign(&self, algorithm: SigningAlgorithm, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        match algorithm {
            SigningAlgorithm::Ed25519Sha512 => Ok(self.pair.try_sign(message)?.as_ref().to_vec()),
            SigningAlgorithm::Ed25519PhSha512 => {
                let private = self.expanded.reveal(Reveal::ToCipher);
                let private = private.try_into().map_err(|_| CryptoError::Failure)?;
                Ok(aws_lc::ed25519ph_sign(private, message)?.to_vec())
            }
            _ => Err(CryptoError::UnsupportedAlgorithm),
        }
    }

    pub(crate) fn verify(
        &self,
        algorithm: SigningAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.public.verify(algorithm, message, signature)
    }
}

impl PublicHalf {
    pub(super) fn new(spki: Vec<u8>) -> Result<Self, CryptoError> {
        let key = ParsedPublicKey::new(&ED25519, &spki).map_err(|_| CryptoError::InvalidKey)?;
        Ok(Self { key, spki })
    }

    pub(super) fn verify(
        &self,
        algorithm: SigningAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        let right = match algorithm {
            SigningAlgorithm::Ed25519Sha512 => self.key.verify_sig(message, signature).is_ok(),
            SigningAlgorithm::Ed25519PhSha512 => {
                let (_, public) = self.spki.split_last_chunk::<HALF>().ok_or(CryptoError::Failure)?;
                signature
                    .try_into()
                    .is_ok_and(|signature| aws_lc::ed25519ph_verify(public, message, signature))
            }
            _ => return Err(CryptoError::UnsupportedAlgorithm),
        };
        if right { Ok(()) } else { Err(CryptoError::InvalidSignature) }
    }
}
