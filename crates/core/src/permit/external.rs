//! Encryption with KMS keys of custom key stores: part of it is done where their keys are.

use reseal_crypto::external::{self, Foreign};
use reseal_types::{CiphertextHeader, EncryptionContext, Reveal, SecretBytes, ciphertext_header::Suite};

use super::{Decrypted, Encrypted, Permitted};
use crate::{
    call::Call,
    env::Env,
    error::{Cause, Error},
    key_store::{Asked, BackingKey, KeyStore, KeyStoreFault, ProxyFault},
    keyring::{External, Key},
};

/// On whose behalf a key store will be asked to use this key; none for keys of the service itself.
pub(super) fn asked(key: &Key, call: &Call, operation: &'static str) -> Option<Asked> {
    key.record.stored_in.as_ref().map(|_| Asked {
        principal: Some(call.caller.arn().to_owned()),
        operation,
        request_id: call.request_id.to_string(),
        key_arn: Some(key.arn().to_owned()),
    })
}

impl Permitted {
    /// Encrypts; what comes out names the key as any ciphertext does.
    pub(super) async fn encrypt_in_store(
        &self,
        env: &Env,
        held: &External,
        context: &EncryptionContext,
        plaintext: SecretBytes,
        data_key: bool,
    ) -> Result<Encrypted, Error> {
        let failed = |_| Error::Internal(Cause::Crypto("encryption"));
        let (backend, key, asked) = self.outside(held)?;
        let mut salt = [0; 32];
        env.entropy.fill_public(&mut salt)?;
        let suite = if held.inner.is_some() { Suite::ExternalKeyStore } else { Suite::Cluster };
        let key_id = self.key.record.id;
        let header = CiphertextHeader { suite, data_key, key_id, material_id: held.id, salt };
        let context = context.canonical_bytes();
        let message = match &held.inner {
            Some(material) => {
                let plain = plaintext.reveal(Reveal::ToCipher);
                SecretBytes::from(external::seal_inner(material, &header, context, plain).map_err(failed)?)
            }
            None => plaintext,
        };
        let (length, associated) = (message.len(), external::associated_data(&header, context));
        let foreign = backend.encrypt(&key, message, &associated, asked).await;
        let foreign = foreign.map_err(KeyStoreFault::at_use)?;
        let blob = external::assemble(&header, &foreign);
        match blob {
            Ok(blob) if foreign.ciphertext.len() == length => Ok(Encrypted { blob, material: None }),
            _ => Err(KeyStoreFault::from(ProxyFault::InvalidResponse).at_use()),
        }
    }

    /// Decrypts what `encrypt_in_store` made under the same key.
    pub(super) async fn decrypt_in_store(
        &self,
        held: &External,
        context: &EncryptionContext,
        blob: &[u8],
    ) -> Result<Decrypted, Error> {
        let header = CiphertextHeader::parse(blob).ok_or(Error::InvalidCiphertext)?;
        if header.key_id != self.key.record.id {
            return Err(Error::IncorrectKey);
        }
        let (header, foreign): (_, Foreign) =
            external::take_apart(blob).map_err(|_| Error::InvalidCiphertext)?;
        let suite = if held.inner.is_some() { Suite::ExternalKeyStore } else { Suite::Cluster };
        if header.suite != suite || header.material_id != held.id {
            return Err(Error::InvalidCiphertext);
        }
        let (backend, key, asked) = self.outside(held)?;
        let context = context.canonical_bytes();
        let associated = external::associated_data(&header, context);
        let opened = backend.decrypt(&key, foreign, &associated, asked).await;
        let opened = opened.map_err(KeyStoreFault::at_use)?;
        let plaintext = match &held.inner {
            Some(material) => {
                let inner = opened.reveal(Reveal::ToCipher);
                let plaintext = external::open_inner(material, &header, context, inner);
                plaintext.map_err(|_| Error::InvalidCiphertext)?
            }
            None => opened,
        };
        Ok(Decrypted { plaintext, material: None })
    }

    /// Where the key is, as which it is known there, and on whose behalf it is used.
    fn outside(&self, held: &External) -> Result<(&dyn KeyStore, BackingKey, &Asked), Error> {
        let lost = || Error::Internal(Cause::Crypto("finding of the custom key store of a key"));
        let store = self.key.store.as_deref().ok_or_else(lost)?;
        let backend = store.backend().map_err(KeyStoreFault::at_use)?;
        let key = self.key.backing_key(held.id).ok_or_else(lost)?;
        Ok((backend, key, self.asked.as_ref().ok_or_else(lost)?))
    }
}
