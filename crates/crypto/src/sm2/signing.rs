//! SM2 signatures (GB/T 32918.2) with SM3, as DER SEQUENCE { r, s }.
//!
//! The digest of a message covers the identity of the signer and the public key: SM3(Z || message). For whole messages
//! the identity is the one that GM/T 0009 gives when none is agreed on; who sends a digest has made it with an identity
//! of their own.

use reseal_types::{MessageType, SigningAlgorithm};
use sm2::dsa::{
    Signature, SigningKey, VerifyingKey,
    signature::{
        RandomizedSigner, Verifier,
        hazmat::{PrehashVerifier, RandomizedPrehashSigner},
    },
};

use super::{Drbg, Sm2KeyPair};
use crate::error::CryptoError;

/// The identity of the signer of a whole message (GM/T 0009 section 10).
const IDENTITY: &str = "1234567812345678";

impl Sm2KeyPair {
    /// Signs, see [`crate::signing::SigningKey::sign`]. The nonce follows from the key, the digest and fresh randomness.
    pub(crate) fn sign(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        check(algorithm)?;
        let failed = |_| CryptoError::Failure;
        // Made anew for each call, as for decryption: the library does not overwrite it.
        let key = SigningKey::new(IDENTITY, &self.private).map_err(failed)?;
        let signature: Signature = if message_type == MessageType::Digest {
            key.sign_prehash_with_rng(&mut Drbg, message).map_err(failed)?
        } else {
            key.try_sign_with_rng(&mut Drbg, message).map_err(failed)?
        };
        Ok(signature.to_der().to_vec())
    }

    /// Checks a signature, see [`crate::signing::SigningKey::verify`].
    pub(crate) fn verify(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        check(algorithm)?;
        let key = VerifyingKey::new(IDENTITY, self.public).map_err(|_| CryptoError::Failure)?;
        let signature = Signature::from_der(signature).map_err(|_| CryptoError::InvalidSignature)?;
        let right = if message_type == MessageType::Digest {
            key.verify_prehash(message, &signature)
        } else {
            key.verify(message, &signature)
        };
        right.map_err(|_| CryptoError::InvalidSignature)
    }
}

fn check(algorithm: SigningAlgorithm) -> Result<(), CryptoError> {
    if algorithm == SigningAlgorithm::Sm2dsa { Ok(()) } else { Err(CryptoError::UnsupportedAlgorithm) }
}
