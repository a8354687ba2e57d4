//! Signatures with a permitted key.

use std::sync::Arc;

use reseal_crypto::{error::CryptoError, signing::SigningKey};
use reseal_types::{MessageType, Reveal, SecretBytes, SigningAlgorithm};

use super::Permitted;
use crate::{
    env::{Env, offload},
    error::{Cause, Error, InvalidKeyUsage},
    keyring::Materials,
};

/// What is signed, and how.
pub(crate) struct ToSign {
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) message_type: MessageType,
    pub(crate) message: SecretBytes,
}

impl ToSign {
    fn message(&self) -> &[u8] {
        self.message.reveal(Reveal::ToCipher)
    }
}

impl Permitted {
    /// The signature.
    pub(crate) async fn sign(&self, env: &Env, what: ToSign) -> Result<Vec<u8>, Error> {
        let key = self.signing_key(env, &what).await?;
        let quick = key.signs_quickly();
        let work = move || key.sign(what.algorithm, what.message_type, what.message());
        let signed = if quick { work() } else { offload(env.workers.as_ref(), work).await? };
        signed.map_err(|_| Error::Internal(Cause::Crypto("signing")))
    }

    /// Checks a signature.
    ///
    /// # Errors
    /// [`Error::InvalidSignature`], whatever is wrong with it.
    pub(crate) async fn verify(&self, env: &Env, what: ToSign, signature: Vec<u8>) -> Result<(), Error> {
        let key = self.signing_key(env, &what).await?;
        let quick = key.verifies_quickly();
        let work = move || key.verify(what.algorithm, what.message_type, what.message(), &signature);
        let verified = if quick { work() } else { offload(env.workers.as_ref(), work).await? };
        verified.map_err(|error| match error {
            CryptoError::InvalidSignature => Error::InvalidSignature,
            _ => Error::Internal(Cause::Crypto("checking of a signature")),
        })
    }

    /// The key, once the algorithm is one of its spec and signs messages of that type and length.
    async fn signing_key(&self, env: &Env, what: &ToSign) -> Result<Arc<SigningKey>, Error> {
        let (spec, ToSign { algorithm, message_type, .. }) = (self.key.spec(), what);
        if !spec.signing_algorithms().contains(algorithm) {
            return Err(Error::InvalidKeyUsage(InvalidKeyUsage::Algorithm(algorithm.as_str(), spec)));
        }
        let lengths = algorithm.message_lengths(*message_type).ok_or_else(|| {
            Error::Validation(format!("Algorithm {algorithm} does not support message type {message_type}."))
        })?;
        if !lengths.contains(&what.message.len()) {
            return Err(Error::Validation(format!("Digest is invalid length for algorithm {algorithm}.")));
        }
        match self.key.materials(env).await? {
            Materials::Signing(key) => Ok(Arc::clone(key)),
            _ => Err(Self::of_another_kind()),
        }
    }
}
