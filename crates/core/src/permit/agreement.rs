//! Shared secrets: key agreement and key encapsulation with a permitted key.

use std::sync::Arc;

use reseal_crypto::{
    error::CryptoError,
    kem::{Encapsulated, KemKeyPair},
};
use reseal_types::{EncapsulationAlgorithm, KeyAgreementAlgorithm, SecretBytes};

use super::Permitted;
use crate::{
    env::{Env, offload},
    error::{Cause, Error, InvalidKeyUsage},
    keyring::Materials,
};

impl Permitted {
    /// The secret shared with the owner of a public key, a DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`Error::Validation`] without a text, as AWS has it, when the public key is not one on the curve of this key.
    pub(crate) async fn derive_shared_secret(
        &self,
        env: &Env,
        algorithm: KeyAgreementAlgorithm,
        public_key: Vec<u8>,
    ) -> Result<SecretBytes, Error> {
        let spec = self.key.spec();
        if spec.key_agreement_algorithm() != Some(algorithm) {
            return Err(Error::InvalidKeyUsage(InvalidKeyUsage::Algorithm(algorithm.as_str(), spec)));
        }
        let Materials::Agreement(key) = self.key.materials(env).await? else {
            return Err(Self::of_another_kind());
        };
        let key = Arc::clone(key);
        let agreed = offload(env.workers.as_ref(), move || key.agree(&public_key)).await?;
        agreed.map_err(|error| match error {
            CryptoError::InvalidKey => Error::Validation(String::new()),
            _ => Error::Internal(Cause::Crypto("key agreement")),
        })
    }

    /// A fresh shared secret and the ciphertext that carries it to the owner of the private key.
    pub(crate) async fn encapsulate(
        &self,
        env: &Env,
        algorithm: EncapsulationAlgorithm,
    ) -> Result<Encapsulated, Error> {
        let pair = self.kem_key(env, algorithm).await?;
        pair.encapsulate().map_err(|_| Error::Internal(Cause::Crypto("encapsulation")))
    }

    /// The shared secret that a ciphertext carries; other bytes when it was not made for this key.
    ///
    /// # Errors
    /// [`Error::InvalidCiphertext`] when the length is not that of the key spec, and only then.
    pub(crate) async fn decapsulate(
        &self,
        env: &Env,
        algorithm: EncapsulationAlgorithm,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, Error> {
        let pair = self.kem_key(env, algorithm).await?;
        pair.decapsulate(ciphertext).map_err(|error| match error {
            CryptoError::InvalidCiphertext => Error::InvalidCiphertext,
            _ => Error::Internal(Cause::Crypto("decapsulation")),
        })
    }

    async fn kem_key(&self, env: &Env, algorithm: EncapsulationAlgorithm) -> Result<&KemKeyPair, Error> {
        let spec = self.key.spec();
        if spec.encapsulation_algorithm() != Some(algorithm) {
            return Err(Error::InvalidKeyUsage(InvalidKeyUsage::Algorithm(algorithm.as_str(), spec)));
        }
        match self.key.materials(env).await? {
            Materials::Kem(pair) => Ok(pair),
            _ => Err(Self::of_another_kind()),
        }
    }
}
