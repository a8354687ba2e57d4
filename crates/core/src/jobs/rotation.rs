//! Gives new key material to KMS keys whose automatic rotation is due.

use tracing::{error, info};

use super::{
    due::{Due, Walk},
    is_conflict,
};
use crate::{
    env::Env,
    error::Error,
    pipeline::commit_service_notes,
    record::{RotationKind, place},
    rotation,
    schedule::put_key,
    vault::Changes,
};

impl Env {
    /// Rotates every key that is due now; returns how many. A key that cannot be rotated is reported and stays for
    /// the next step; it keeps no other from being rotated.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rotate_due_keys(&self) -> Result<usize, Error> {
        let mut walk = Walk::new(place::DUE_ROTATIONS, self.clock.now());
        let mut rotated = 0;
        while let Some(page) = walk.next(self).await? {
            for due in page {
                match self.rotate_due(&due).await {
                    Ok(true) => rotated += 1,
                    Ok(false) => {}
                    Err(cause) => {
                        error!(place = %due.place, ?cause, "a key that is due could not be rotated");
                    }
                }
            }
        }
        Ok(rotated)
    }

    /// Whether the key was rotated: not when its rotation was switched off in the meantime.
    async fn rotate_due(&self, due: &Due) -> Result<bool, Error> {
        let Some(key) = self.key(&due.region, due.id).await? else { return Ok(false) };
        let mut record = key.record.clone();
        let is_due = record.rotation.is_some_and(|rotation| rotation.next.millis() == due.millis);
        if !is_due || !record.rotates() {
            return Ok(false);
        }
        let mut changes = Changes::default();
        changes.expect(key.place()?, Some(key.version));
        let notes = rotation::rotate(self, &mut changes, &mut record, RotationKind::Automatic).await?;
        put_key(&mut changes, Some(&key.record), &record)?;
        match commit_service_notes(self, changes, &notes).await {
            Ok(()) => {
                info!(key = key.arn(), "rotated a key");
                Ok(true)
            }
            Err(error) if is_conflict(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
