//! A key that a call was allowed to use. Cryptography with stored key material exists only here.

mod agreement;
mod external;
mod mac;
mod signing;

use std::sync::Arc;

use reseal_crypto::{ciphertext, error::CryptoError};
use reseal_types::{
    CiphertextHeader, EncryptionAlgorithm, EncryptionContext, KeyMaterialId, KeyState, KeyUsage, Origin,
    Reveal, SecretBytes, ciphertext_header::Suite,
};
pub(crate) use signing::ToSign;

use crate::{
    call::Call,
    env::{Env, offload},
    error::{Cause, Error, InvalidKeyUsage, InvalidState, Unsupported},
    key_store::Asked,
    keyring::{Key, Materials},
    operation::{KeyRule, OpSpec, StateRule, UsageRule},
    per_thread::Local,
};

/// A key together with the decision that the action on it is allowed. Made by `authorize` alone.
pub(crate) struct Permitted {
    key: Local<Key>,
    rule: &'static KeyRule,
    /// What a custom key store is told about the call.
    asked: Option<Asked>,
}

/// The permitted keys of a call, one for each rule of its operation.
pub(crate) struct Permits(Vec<Permitted>);

impl Permits {
    pub(super) fn new(permitted: Vec<Permitted>) -> Self {
        Self(permitted)
    }

    /// The permitted keys, as many as the operation has rules.
    pub(crate) fn into_array<const N: usize>(self) -> Result<[Permitted; N], Error> {
        self.0.try_into().map_err(|_| Error::Internal(Cause::Crypto("matching of keys to rules")))
    }

    /// The one permitted key.
    pub(crate) fn into_one(self) -> Result<Permitted, Error> {
        self.into_array::<1>().map(|[permitted]| permitted)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Local<Key>> {
        self.0.iter().map(|permitted| &permitted.key)
    }

    /// Checks the state of every key, then the usage of every key.
    pub(crate) fn check_state_and_usage(&self, spec: &OpSpec) -> Result<(), Error> {
        self.0.iter().try_for_each(|permitted| check_state(&permitted.key, permitted.rule.states))?;
        self.0.iter().try_for_each(|permitted| permitted.check_usage(spec))
    }
}

/// Whether a key in this state may be used so. Also for keys that a call reaches without an own rule.
pub(crate) fn check_state(key: &Key, rule: StateRule) -> Result<(), Error> {
    if let StateRule::Origin(origins, states) = rule {
        let origin = key.record.origin;
        if !origins.contains(&origin) {
            return Err(Error::Unsupported(Unsupported::OriginOf(key.arn().to_owned(), origin)));
        }
        return check_state(key, *states);
    }
    let state = key.state();
    let pending_deletion = matches!(state, KeyState::PendingDeletion | KeyState::PendingReplicaDeletion);
    let fits = match rule {
        StateRule::Any | StateRule::Origin(..) => true,
        StateRule::Usable => state == KeyState::Enabled,
        StateRule::Live => matches!(state, KeyState::Enabled | KeyState::Unavailable | KeyState::Updating),
        StateRule::NotPendingDeletion => !pending_deletion,
        StateRule::HasMaterial => !pending_deletion && state != KeyState::PendingImport,
        StateRule::HasPublicKey => {
            !pending_deletion && (state != KeyState::PendingImport || key.record.public_key.is_some())
        }
        StateRule::AnyWithMaterial => state != KeyState::PendingImport,
        StateRule::PendingDeletion => pending_deletion,
    };
    if fits {
        return Ok(());
    }
    let arn = key.arn().to_owned();
    match (rule, state) {
        (StateRule::PendingDeletion, _) => Err(Error::InvalidState(InvalidState::NotPendingDeletion(arn))),
        (StateRule::AnyWithMaterial, _) => {
            Err(Error::Unsupported(Unsupported::OriginOf(arn, key.record.origin)))
        }
        (_, KeyState::Disabled) => Err(Error::Disabled(arn)),
        (_, KeyState::Unavailable) if key.record.origin == Origin::ExternalKeyStore => {
            Err(Error::InvalidState(InvalidState::KeyStore(NOT_CONNECTED)))
        }
        (_, state) => Err(Error::InvalidState(InvalidState::Is(arn, state))),
    }
}

/// Source: "Troubleshooting external key stores" of the KMS developer guide.
const NOT_CONNECTED: &str = "This KMS key is in a custom key store that is not connected to its external key store \
    proxy. Connect the external key store and try the request again.";

impl Permitted {
    pub(super) fn new(key: Local<Key>, rule: &'static KeyRule, call: &Call, operation: &'static str) -> Self {
        let asked = external::asked(&key, call, operation);
        Self { key, rule, asked }
    }

    /// The key.
    pub(crate) fn key(&self) -> &Local<Key> {
        &self.key
    }

    /// The key, once it was used.
    pub(crate) fn into_key(self) -> Local<Key> {
        self.key
    }

    /// The key ARN, as responses carry it.
    pub(crate) fn arn(&self) -> String {
        self.key.arn().to_owned()
    }

    fn check_usage(&self, spec: &OpSpec) -> Result<(), Error> {
        let usage = self.key.usage();
        let wrong = |operation| {
            let key = self.arn();
            Error::InvalidKeyUsage(InvalidKeyUsage::Usage { key, usage, operation })
        };
        match self.rule.usage {
            Some(UsageRule::Needs(needed)) if usage != needed => Err(wrong(spec.name)),
            Some(UsageRule::Decrypts) if usage != KeyUsage::EncryptDecrypt => Err(Error::IncorrectKey),
            _ => Ok(()),
        }
    }

    /// Whether the key is one that makes data keys and takes an encryption context.
    pub(crate) fn is_symmetric(&self) -> bool {
        self.key.is_symmetric()
    }

    /// Checks that the algorithm is one of the key's spec, and that an encryption context comes only with
    /// symmetric encryption.
    pub(crate) fn check_algorithm(
        &self,
        algorithm: EncryptionAlgorithm,
        context: &EncryptionContext,
    ) -> Result<(), Error> {
        let spec = self.key.spec();
        if !spec.encryption_algorithms().contains(&algorithm) {
            return Err(Error::InvalidKeyUsage(InvalidKeyUsage::Algorithm(algorithm.as_str(), spec)));
        }
        if algorithm != EncryptionAlgorithm::SymmetricDefault && !context.is_empty() {
            return Err(Error::Validation(format!(
                "An encryption context cannot be used with algorithm {algorithm}."
            )));
        }
        Ok(())
    }

    /// Checks that `length` plaintext bytes fit.
    pub(crate) fn check_plaintext(&self, algorithm: EncryptionAlgorithm, length: usize) -> Result<(), Error> {
        let spec = self.key.spec();
        let most = spec.max_plaintext_bytes(algorithm);
        if length > most {
            return Err(Error::Validation(format!(
                "Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {most} bytes."
            )));
        }
        Ok(())
    }

    /// The material is not what spec and usage of the key say: a defect, since both were checked.
    fn of_another_kind() -> Error {
        Error::Internal(Cause::Crypto("matching of key material to usage"))
    }

    /// Encrypts under the current key material; symmetric blobs say whether they hold a data key.
    pub(crate) async fn encrypt(
        &self,
        env: &Env,
        algorithm: EncryptionAlgorithm,
        context: &EncryptionContext,
        plaintext: SecretBytes,
        data_key: bool,
    ) -> Result<Encrypted, Error> {
        self.check_algorithm(algorithm, context)?;
        self.check_plaintext(algorithm, plaintext.len())?;
        let failed = |_| Error::Internal(Cause::Crypto("encryption"));
        match self.key.materials(env).await? {
            Materials::Symmetric(versions) => {
                let (id, material) = versions.last().ok_or_else(|| failed(CryptoError::Failure))?;
                let mut salt = [0; 32];
                env.entropy.fill_public(&mut salt)?;
                let header = CiphertextHeader {
                    suite: Suite::DerivedAesGcm,
                    data_key,
                    key_id: self.key.record.id,
                    material_id: *id,
                    salt,
                };
                let context = context.canonical_bytes();
                let plain = plaintext.reveal(Reveal::ToCipher);
                let blob = ciphertext::encrypt(material, &header, context, plain).map_err(failed)?;
                Ok(Encrypted { blob, material: Some(*id) })
            }
            Materials::Pair(pair) => {
                let pair = Arc::clone(pair);
                let work = move || pair.encrypt(algorithm, plaintext.reveal(Reveal::ToCipher));
                let blob = Box::pin(offload(env.workers.as_ref(), work)).await?.map_err(failed)?;
                Ok(Encrypted { blob, material: None })
            }
            Materials::External(held) => {
                Box::pin(self.encrypt_in_store(env, held, context, plaintext, data_key)).await
            }
            _ => Err(Self::of_another_kind()),
        }
    }

    /// Decrypts with whichever retained key material the blob names.
    ///
    /// # Errors
    /// [`Error::IncorrectKey`] when the blob names another key; else one error for every way to fail.
    pub(crate) async fn decrypt(
        &self,
        env: &Env,
        algorithm: EncryptionAlgorithm,
        context: &EncryptionContext,
        blob: Vec<u8>,
    ) -> Result<Decrypted, Error> {
        self.check_algorithm(algorithm, context)?;
        match self.key.materials(env).await? {
            Materials::Symmetric(versions) => {
                let header = CiphertextHeader::parse(&blob).ok_or(Error::InvalidCiphertext)?;
                if header.key_id != self.key.record.id {
                    return Err(Error::IncorrectKey);
                }
                let id = header.material_id;
                let material = versions.iter().find(|(known, _)| *known == id);
                let (_, material) = material.ok_or(Error::InvalidCiphertext)?;
                let plaintext = ciphertext::decrypt(material, &blob, context.canonical_bytes());
                let plaintext = plaintext.map_err(|_| Error::InvalidCiphertext)?;
                Ok(Decrypted { plaintext, material: Some(id) })
            }
            Materials::Pair(pair) => {
                let pair = Arc::clone(pair);
                let work = move || pair.decrypt(algorithm, &blob);
                let decrypted = Box::pin(offload(env.workers.as_ref(), work)).await?;
                let plaintext = decrypted.map_err(|_| Error::InvalidCiphertext)?;
                // Made outside, of nothing at all: the API has no plaintext of no bytes.
                if plaintext.is_empty() {
                    return Err(Error::InvalidCiphertext);
                }
                Ok(Decrypted { plaintext, material: None })
            }
            Materials::External(held) => Box::pin(self.decrypt_in_store(held, context, &blob)).await,
            _ => Err(Self::of_another_kind()),
        }
    }
}

/// A ciphertext, with the id of the key material when the key is symmetric.
pub(crate) struct Encrypted {
    pub(crate) blob: Vec<u8>,
    pub(crate) material: Option<KeyMaterialId>,
}

/// A plaintext, with the id of the key material when the key is symmetric.
pub(crate) struct Decrypted {
    pub(crate) plaintext: SecretBytes,
    pub(crate) material: Option<KeyMaterialId>,
}
