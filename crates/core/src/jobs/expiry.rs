//! Destroys imported key material that has expired. No call has used it since: this only makes it true for the store.

use reseal_types::KeyMaterialId;
use tracing::{error, info};

use super::{
    due::{Due, Walk},
    is_conflict,
};
use crate::{
    env::Env, error::Error, imported::discard, operation::ServiceNote, pipeline::commit_service_notes,
    record::place, schedule::put_key, vault::Changes,
};

impl Env {
    /// Destroys all imported key material that is due now; returns how much of it. What cannot be destroyed is
    /// reported and stays for the next step; it keeps nothing else from being destroyed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn destroy_expired_material(&self) -> Result<usize, Error> {
        let mut walk = Walk::new(place::DUE_EXPIRIES, self.clock.now());
        let mut destroyed = 0;
        while let Some(page) = walk.next(self).await? {
            for due in page {
                match self.expire(&due).await {
                    Ok(true) => destroyed += 1,
                    Ok(false) => {}
                    Err(cause) => {
                        error!(place = %due.place, ?cause, "expired key material could not be destroyed");
                    }
                }
            }
        }
        Ok(destroyed)
    }

    /// Whether key material was destroyed: not when it was imported again in the meantime.
    async fn expire(&self, due: &Due) -> Result<bool, Error> {
        // Read from the store, not from memory: this cannot be taken back.
        self.forget(&place::key(&due.region, due.id)?);
        let Some(key) = self.key(&due.region, due.id).await? else { return Ok(false) };
        let mut record = key.record.clone();
        let is_due = |id: KeyMaterialId| due.rest.as_deref() == Some(id.to_string().as_str());
        let expired = record.materials.iter().find(|entry| is_due(entry.id));
        let expired = expired.filter(|entry| entry.expires().is_some_and(|end| end.millis() == due.millis));
        let Some(id) = expired.map(|entry| entry.id) else { return Ok(false) };
        let mut changes = Changes::default();
        changes.expect(key.place()?, Some(key.version));
        let told = key.is_symmetric().then(|| ("keyMaterialId", id.to_string()));
        let mut notes = vec![ServiceNote {
            name: "DeleteExpiredKeyMaterial",
            region: record.region.clone(),
            account: record.account,
            key_arn: key.arn().to_owned(),
            details: told.into_iter().collect(),
        }];
        notes.extend(discard(self, &mut changes, &mut record, id).await?);
        put_key(&mut changes, Some(&key.record), &record)?;
        match commit_service_notes(self, changes, &notes).await {
            Ok(()) => {
                info!(key = key.arn(), "destroyed imported key material that has expired");
                Ok(true)
            }
            Err(error) if is_conflict(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
