//! Destroys KMS keys whose deletion window has passed: key material, metadata, policy, tags, aliases.

use tracing::{error, info};

use crate::{
    env::Env,
    error::{Cause, Error},
    multi_region::synchronized,
    operation::ServiceNote,
    ops::begin_window,
    pipeline::commit_service_notes,
    record::{KeyRecord, Marker, place},
    store::{RecordKey, StoreError},
    vault::{Changes, VaultError},
};

const PAGE: u16 = 100;

impl Env {
    /// Destroys every key that is due now; returns how many. A key that cannot be destroyed is reported and
    /// stays for the next step; it keeps no other from being destroyed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn destroy_due_keys(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let (mut destroyed, mut after) = (0, None);
        loop {
            let (page, more) = self.vault.scan::<Marker>(place::DUE_DELETIONS, after.as_ref(), PAGE).await?;
            let mut reached_future = false;
            for (due_place, marker) in &page {
                let Some(due) = Due::parse(due_place) else { continue };
                if due.millis > now.millis() {
                    reached_future = true;
                    break;
                }
                if marker.is_err() {
                    continue;
                }
                match self.destroy(due_place, &due).await {
                    Ok(true) => destroyed += 1,
                    Ok(false) => {}
                    Err(cause) => {
                        error!(place = %due_place, ?cause, "a key that is due could not be destroyed");
                    }
                }
            }
            after = page.into_iter().next_back().map(|(place, _)| place);
            if reached_future || !more || after.is_none() {
                return Ok(destroyed);
            }
        }
    }

    /// Whether the key was destroyed: not when its deletion was cancelled in the meantime.
    async fn destroy(&self, due_place: &RecordKey, due: &Due) -> Result<bool, Error> {
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
        for material in &record.materials {
            changes.destroy(place::material(&record.region, record.id, material.id)?);
        }
        for alias in &record.aliases {
            changes.delete(place::alias(record.account, &record.region, alias.as_str())?);
        }
        changes.delete(place::account_key(record.account, &record.region, record.id)?);
        changes.delete(due_place.clone());
        changes.delete(key.place()?);
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
                info!(key = key.arn(), "destroyed a key whose deletion window has passed");
                Ok(true)
            }
            // Somebody changed the key just now; the next step looks again.
            Err(Error::Internal(Cause::Vault(VaultError::Store(StoreError::Conflict)))) => Ok(false),
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
                begin_window(changes, &mut record, self.clock.now(), days)?;
            }
            changes.expect(key.place()?, Some(key.version));
            changes.put(key.place()?, &record);
            left = Some(synchronized(self, doomed, &set.primary));
        }
        Ok(left)
    }
}

/// What the place of a due entry says.
struct Due {
    millis: i64,
    region: reseal_types::Region,
    id: reseal_types::KeyId,
}

impl Due {
    fn parse(place: &RecordKey) -> Option<Self> {
        let text = std::str::from_utf8(place.as_bytes()).ok()?.strip_prefix(place::DUE_DELETIONS)?;
        let mut parts = text.split('/');
        let millis = i64::from_str_radix(parts.next()?, 16).ok()?;
        let region = reseal_types::Region::parse(parts.next()?)?;
        Some(Self { millis, region, id: parts.next()?.parse().ok()? })
    }
}
