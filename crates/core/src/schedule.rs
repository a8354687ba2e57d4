//! What is going to happen to a KMS key by itself, and when. Index entries under `due/` say so; they follow from the
//! key's record and change together with it, so that no job has to look at every key.

use crate::{
    record::{KeyRecord, Marker, place},
    store::RecordKey,
    vault::{Changes, VaultError},
};

/// Writes the record of a key, and the index entries that follow from it. `before` is what it replaces.
pub(crate) fn put_key(
    changes: &mut Changes,
    before: Option<&KeyRecord>,
    after: &KeyRecord,
) -> Result<(), VaultError> {
    let was = before.map(entries).transpose()?.unwrap_or_default();
    let is = entries(after)?;
    was.iter().filter(|entry| !is.contains(entry)).for_each(|entry| changes.delete(entry.clone()));
    is.into_iter().filter(|entry| !was.contains(entry)).for_each(|entry| changes.put(entry, &Marker));
    changes.put(place::key(&after.region, after.id)?, after);
    Ok(())
}

/// Deletes the record of a key, and the index entries that follow from it.
pub(crate) fn delete_key(changes: &mut Changes, record: &KeyRecord) -> Result<(), VaultError> {
    entries(record)?.into_iter().for_each(|entry| changes.delete(entry));
    changes.delete(place::key(&record.region, record.id)?);
    Ok(())
}

/// All that is due for a key at some time.
fn entries(record: &KeyRecord) -> Result<Vec<RecordKey>, VaultError> {
    let KeyRecord { region, id, .. } = record;
    let mut entries = Vec::new();
    if let Some(deletion) = record.deletion {
        entries.push(place::due_deletion(deletion.due, region, *id)?);
    }
    if let Some(rotation) = record.rotation.filter(|_| record.rotates()) {
        entries.push(place::due_rotation(rotation.next, region, *id)?);
    }
    for material in &record.materials {
        if let Some(end) = material.expires() {
            entries.push(place::due_expiry(end, region, *id, material.id)?);
        }
    }
    Ok(entries)
}
