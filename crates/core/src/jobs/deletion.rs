//! Destroys KMS keys whose deletion window has passed: key material, metadata, policy, tags, aliases, grants.

use tracing::{error, info};

use super::{
    due::{Due, Walk},
    is_conflict,
};
use crate::{
    env::Env,
    error::{Cause, Error},
    grants,
    multi_region::synchronized,
    operation::ServiceNote,
    ops::begin_window,
    pipeline::commit_service_notes,
    record::{KeyRecord, place},
    schedule::{delete_key, put_key},
    vault::{Changes, VaultError},
};

impl Env {
    /// Destroys every key that is due now; returns how many. A key that cannot be destroyed is reported and
    /// stays for the next step; it keeps no other from being destroyed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn destroy_due_keys(&self) -> Result<usize, Error> {
        let mut walk = Walk::new(place::DUE_DELETIONS, self.clock.now());
        let mut destroyed = 0;
        while let Some(page) = walk.next(self).await? {
            for due in page {
                match self.destroy(&due).await {
                    Ok(true) => destroyed += 1,
                    Ok(false) => {}
                    Err(cause) => {
                        error!(place = %due.place, ?cause, "a key that is due could not be destroyed");
                    }
                }
            }
        }
        Ok(destroyed)
    }

    /// Whether the key was destroyed: not when its deletion was cancelled in the meantime.
    async fn destroy(&self, due: &Due) -> Result<bool, Error> {
        // Read from the store, not from memory: this cannot be taken back.
        self.forget(&place::key(&due.region, due.id)?);
        let Some(key) = self.key(&due.region, due.id).await? else {
            return Ok(false);
        };
        let record = &key.record;
        let is_due = record.deletion.is_some_and(|deletion| deletion.due.millis() == due.millis);
        if !is_due || record.deletion.is_some_and(|deletion| deletion.due > self.clock.now()) {
            return Ok(false);
        }
        let mut changes = Changes::default();
        changes.expect(key.place()?, Some(key.version));
        grants::delete_all(self, &mut changes, &key).await?;
        for material in &record.materials {
            changes.destroy(place::material(&record.region, record.id, material.id)?);
        }
        for alias in &record.aliases {
            changes.delete(place::alias(record.account, &record.region, alias.as_str())?);
        }
        changes.delete(place::account_key(record.account, &record.region, record.id)?);
        if let Some(held) = &record.stored_in {
            let (account, region, store) = (record.account, &record.region, &held.store);
            changes.delete(place::key_store_key(account, region, store, record.id)?);
            if let Some(external) = &held.external_key {
                changes.delete(place::external_key(account, region, store, external)?);
            }
        }
        changes.delete(place::last_use(&record.region, record.id)?);
        delete_key(&mut changes, record)?;
        let mut notes = vec![ServiceNote {
            name: "DeleteKey",
            region: record.region.clone(),
            account: record.account,
            key_arn: key.arn().to_owned(),
            details: Vec::new(),
        }];
        notes.extend(self.leave_related(&mut changes, record).await?);
        match commit_service_notes(self, changes, &notes).await {
            Ok(()) => {
                self.destroy_backing_key(&key);
                info!(key = key.arn(), "destroyed a key whose deletion window has passed");
                Ok(true)
            }
            // Somebody changed the key just now; the next step looks again.
            Err(error) if is_conflict(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Env {
    /// Takes a multi-Region key that is about to be destroyed off the lists of the keys related to it. The last
    /// replica to go starts the deletion window of a primary that waits for it.
    async fn leave_related(
        &self,
        changes: &mut Changes,
        doomed: &KeyRecord,
    ) -> Result<Option<ServiceNote>, Error> {
        let Some(set) = &doomed.multi_region else { return Ok(None) };
        let mut left = None;
        for region in set.regions().filter(|region| **region != doomed.region) {
            let key = match self.related_key(doomed, region).await {
                Ok(key) => key,
                // A damaged record must not keep key material of another Region from being destroyed.
                Err(Error::Internal(Cause::Vault(VaultError::Tampered(place)))) => {
                    error!(%place, "a multi-Region key that is destroyed stays on the list of a damaged record");
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut record = key.record.clone();
            let waited = record.multi_region.as_mut().and_then(|set| {
                set.remove(&doomed.region);
                if set.replicas.is_empty() { set.waiting_days.take() } else { None }
            });
            if let Some(days) = waited {
                begin_window(&mut record, self.clock.now(), days);
            }
            changes.expect(key.place()?, Some(key.version));
            put_key(changes, Some(&key.record), &record)?;
            left = Some(synchronized(self, doomed, &set.primary));
        }
        Ok(left)
    }
}
