//! A KMS key in the making whose key material is to be in a custom key store.

use std::sync::Arc;

use reseal_types::{KeyId, KeyMaterialId, KeySpec, KeyUsage, Origin, SecretBytes};

use super::{Asked, Backing, BackingKey, HeldStore, KeyStoreFault};
use crate::{
    call::Call,
    env::Env,
    error::{Error, KeyStoreRefusal},
    material,
    record::{Marker, StoredIn, place},
    vault::Changes,
};

/// The custom key store that a new key goes to.
pub(crate) struct Destination {
    pub(crate) store: Arc<HeldStore>,
    pub(crate) stored_in: StoredIn,
}

impl Destination {
    /// Finds the key store that a request names, and checks that it can take the key.
    pub(crate) async fn find(
        env: &Env,
        call: &Call,
        origin: Origin,
        stored_in: StoredIn,
    ) -> Result<Self, Error> {
        let store = env.known_key_store(call.caller.account(), &call.region, &stored_in.store).await?;
        match (&store.record.backing, origin) {
            (Backing::Cluster(_), Origin::AwsCloudhsm) | (Backing::Proxy(_), Origin::ExternalKeyStore) => {}
            _ => {
                let text = format!("Origin {origin} does not fit the type of the custom key store.");
                return Err(Error::Validation(text));
            }
        }
        if !store.is_connected() {
            let words = match &store.record.backing {
                Backing::Cluster(_) => {
                    "This custom key store is not connected to its CloudHSM cluster. Connect the custom key store and \
                     try the request again."
                }
                Backing::Proxy(_) => {
                    "This external key store is not connected to its external key store proxy. Connect the external \
                     key store and try the request again."
                }
            };
            return Err(Error::KeyStore(KeyStoreRefusal::InvalidState, words.into()));
        }
        let found = Self { store, stored_in };
        found.check_external_key(env).await?;
        Ok(found)
    }

    async fn check_external_key(&self, env: &Env) -> Result<(), Error> {
        let Some(id) = &self.stored_in.external_key else { return Ok(()) };
        let record = &self.store.record;
        let place = place::external_key(record.account, &record.region, &record.id, id)?;
        if env.vault.read::<Marker>(&place).await?.is_none() {
            return Ok(());
        }
        Err(Error::KeyStore(
            KeyStoreRefusal::ExternalKeyInUse,
            "The external key is already associated with another KMS key in this external key store.".into(),
        ))
    }

    /// Has the key store make the key, or vouch for it; gives the key material that the service has of its own besides
    /// an external key. A key made for a call that fails afterwards stays behind unused, labelled with the ARN of a KMS
    /// key that never was.
    pub(crate) async fn provide(
        &self,
        env: &Env,
        call: &Call,
        arn: &str,
        material_id: KeyMaterialId,
    ) -> Result<Option<SecretBytes>, Error> {
        let asked = Asked {
            principal: Some(call.caller.arn().to_owned()),
            operation: "CreateKey",
            request_id: call.request_id.to_string(),
            // Proxies are told of a KMS key only when it is used.
            key_arn: None,
        };
        let key = match &self.stored_in.external_key {
            Some(id) => BackingKey::External(id.clone()),
            None => BackingKey::InCluster { id: material_id.0, label: arn.to_owned() },
        };
        let provided = match self.store.backend() {
            Ok(backend) => backend.provide_key(&key, &asked).await,
            Err(fault) => Err(fault),
        };
        provided.map_err(KeyStoreFault::at_key_creation)?;
        match key {
            BackingKey::InCluster { .. } => Ok(None),
            BackingKey::External(_) => {
                let own =
                    material::generate(env, KeySpec::SymmetricDefault, KeyUsage::EncryptDecrypt).await?;
                Ok(Some(own.bytes))
            }
        }
    }

    /// Notes the key as one of the key store. Fails at the commit if the key store changes meanwhile.
    pub(crate) fn enter(&self, id: KeyId, changes: &mut Changes) -> Result<(), Error> {
        let record = &self.store.record;
        changes.expect(self.store.place()?, Some(self.store.version));
        changes.put(place::key_store_key(record.account, &record.region, &record.id, id)?, &Marker);
        if let Some(external) = &self.stored_in.external_key {
            let place = place::external_key(record.account, &record.region, &record.id, external)?;
            changes.expect(place.clone(), None);
            changes.put(place, &Marker);
        }
        Ok(())
    }
}
