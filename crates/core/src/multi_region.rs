//! Multi-Region keys: what related keys share changes in all of them with one commit.
//!
//! Each related key is a KMS key of its own in its Region, with its own sealed copies of the key material, so that
//! the destruction of one destroys nothing of another.

use reseal_types::{KeyMaterialId, Region};

use crate::{
    env::Env,
    error::Error,
    keyring::{Key, key_arn},
    operation::ServiceNote,
    per_thread::Local,
    record::{KeyRecord, MaterialRecord, MultiRegion, place},
    schedule::put_key,
    vault::{Changes, VaultError},
};

impl Env {
    /// The key related to `record` that stands in `region`.
    pub(crate) async fn related_key(&self, record: &KeyRecord, region: &Region) -> Result<Local<Key>, Error> {
        let key = self.key(region, record.id).await?.filter(|key| key.record.account == record.account);
        match key {
            Some(key) => Ok(key),
            None => Err(VaultError::Tampered(place::key(region, record.id)?).into()),
        }
    }

    /// Applies `change` to all keys related to `record`, which itself is not among them. Tells of it when there are
    /// any.
    pub(crate) async fn change_related(
        &self,
        changes: &mut Changes,
        record: &KeyRecord,
        change: impl Fn(&mut KeyRecord) + Send,
    ) -> Result<Option<ServiceNote>, Error> {
        let Some(set) = &record.multi_region else { return Ok(None) };
        let mut changed = false;
        for region in set.regions().filter(|region| **region != record.region) {
            let key = self.related_key(record, region).await?;
            let mut related = key.record.clone();
            change(&mut related);
            changes.expect(key.place()?, Some(key.version));
            put_key(changes, Some(&key.record), &related)?;
            changed = true;
        }
        Ok(changed.then(|| synchronized(self, record, &set.primary)))
    }
}

/// Writes key material for the key and for all keys related to it.
pub(crate) fn put_material(
    changes: &mut Changes,
    record: &KeyRecord,
    id: KeyMaterialId,
    material: &MaterialRecord,
) -> Result<(), VaultError> {
    let related = record.multi_region.iter().flat_map(MultiRegion::regions);
    for region in std::iter::once(&record.region).chain(related.filter(|region| **region != record.region)) {
        changes.put(place::material(region, record.id, id)?, material);
    }
    Ok(())
}

/// Writes a copy of each version of key material that `replica` lists, taken from `source`. What was imported the owner
/// imports there, too.
pub(crate) async fn copy_materials(
    env: &Env,
    changes: &mut Changes,
    source: &KeyRecord,
    replica: &KeyRecord,
) -> Result<(), VaultError> {
    for entry in replica.materials.iter().filter(|entry| entry.import.is_none()) {
        let place = place::material(&source.region, source.id, entry.id)?;
        let held = env.vault.read::<MaterialRecord>(&place).await?;
        let material = held.ok_or(VaultError::Tampered(place))?.record;
        changes.put(place::material(&replica.region, replica.id, entry.id)?, &material);
    }
    Ok(())
}

/// What the audit log says when related keys were brought into step: it names the primary, as AWS does.
pub(crate) fn synchronized(env: &Env, record: &KeyRecord, primary: &Region) -> ServiceNote {
    ServiceNote {
        name: "SynchronizeMultiRegionKey",
        region: primary.clone(),
        account: record.account,
        key_arn: key_arn(&env.settings.partition, primary, record.account, record.id),
        details: Vec::new(),
    }
}
