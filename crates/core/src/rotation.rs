//! Rotation of key material, automatic and on demand: new material encrypts, old material goes on decrypting.

use reseal_types::{KeyMaterialId, SecretBytes, Timestamp};

use crate::{
    env::Env,
    error::{Error, InvalidState, Unsupported},
    keyring::key_arn,
    multi_region::put_material,
    operation::ServiceNote,
    permit::Permitted,
    record::{KeyRecord, MaterialEntry, MaterialRecord, Rotation, RotationKind},
    vault::Changes,
};

impl KeyRecord {
    /// Whether automatic rotation takes place: not for a key that is disabled or about to be deleted, and for related
    /// multi-Region keys in the Region of the primary alone.
    pub(crate) fn rotates(&self) -> bool {
        self.rotation.is_some() && self.enabled && !self.awaits_deletion() && self.is_primary()
    }

    /// Whether a rotation that should have taken place did not.
    pub(crate) fn rotation_is_overdue(&self, now: Timestamp) -> bool {
        self.is_primary() && self.rotation.is_some_and(|rotation| rotation.next <= now)
    }
}

/// Whether automatic rotation of this key can be switched on or off: AWS gives asymmetric and HMAC keys no text.
pub(crate) fn check_schedulable(permitted: &Permitted) -> Result<(), Error> {
    if !permitted.is_symmetric() {
        return Err(Error::Unsupported(Unsupported::NoText));
    }
    if !permitted.key().is_primary() {
        return Err(Error::Unsupported(Unsupported::NotPrimary(permitted.arn())));
    }
    Ok(())
}

/// Gives the key, and all keys related to it, new key material. A rotation by schedule starts the next period. The
/// caller writes `record` itself.
pub(crate) async fn rotate(
    env: &Env,
    changes: &mut Changes,
    record: &mut KeyRecord,
    kind: RotationKind,
) -> Result<Vec<ServiceNote>, Error> {
    let now = env.clock.now();
    let previous = record.current_material().map(|material| material.id);
    let (id, bytes) = new_material(env)?;
    record.materials.push(MaterialEntry::rotated(id, now, kind));
    if let (RotationKind::Automatic, Some(Rotation { period_days, next })) = (kind, &mut record.rotation) {
        *next = now.plus_days(*period_days);
    }
    put_material(changes, record, id, &MaterialRecord(bytes))?;
    finish(env, changes, record, kind, previous).await
}

/// Makes imported key material that waits for it current, in the key and in all keys related to it.
pub(crate) async fn rotate_imported(
    env: &Env,
    changes: &mut Changes,
    record: &mut KeyRecord,
) -> Result<Vec<ServiceNote>, Error> {
    let now = env.clock.now();
    let key = arn(env, record);
    let none = || Error::InvalidState(InvalidState::NothingPendingRotation(key.clone()));
    let pending = record.pending_material().filter(|pending| pending.is_here(now)).ok_or_else(none)?.id;
    if !env.is_imported_everywhere(record, pending).await? {
        return Err(none());
    }
    let previous = record.current_material().map(|material| material.id);
    let entry = record.materials.iter_mut().find(|entry| entry.id == pending).ok_or_else(none)?;
    if let Some(import) = &mut entry.import {
        import.pending = false;
    }
    entry.since = now;
    entry.rotation = Some(RotationKind::OnDemand);
    finish(env, changes, record, RotationKind::OnDemand, previous).await
}

async fn finish(
    env: &Env,
    changes: &mut Changes,
    record: &KeyRecord,
    kind: RotationKind,
    previous: Option<KeyMaterialId>,
) -> Result<Vec<ServiceNote>, Error> {
    let synchronized = env.change_related(changes, record, |related| related.share(record)).await?;
    let mut notes = vec![note(env, record, kind, previous)];
    notes.extend(synchronized);
    Ok(notes)
}

/// What the audit log says of a rotation.
fn note(env: &Env, record: &KeyRecord, kind: RotationKind, previous: Option<KeyMaterialId>) -> ServiceNote {
    let current = record.current_material().map(|material| material.id);
    let mut details =
        vec![("rotationType", kind.as_str().to_owned()), ("keyOrigin", record.origin.as_str().to_owned())];
    details.extend(previous.map(|id| ("previousKeyMaterialId", id.to_string())));
    details.extend(current.map(|id| ("currentKeyMaterialId", id.to_string())));
    ServiceNote {
        name: "RotateKey",
        region: record.region.clone(),
        account: record.account,
        key_arn: arn(env, record),
        details,
    }
}

fn arn(env: &Env, record: &KeyRecord) -> String {
    key_arn(&env.settings.partition, &record.region, record.account, record.id)
}

/// Fresh symmetric key material with an id of its own, random and never used again.
fn new_material(env: &Env) -> Result<(KeyMaterialId, SecretBytes), Error> {
    let id = new_material_id(env)?;
    let bytes = SecretBytes::generate(32, |bytes| env.entropy.fill_secret(bytes))?;
    Ok((id, bytes))
}

/// An id for key material.
pub(crate) fn new_material_id(env: &Env) -> Result<KeyMaterialId, Error> {
    let mut id = [0; 32];
    env.entropy.fill_public(&mut id)?;
    Ok(KeyMaterialId(id))
}
