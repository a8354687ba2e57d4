//! Imported key material: it comes, goes and comes back. A key can be used while all that it is permanently
//! associated with is here; what waits for a rotation does not count.

use reseal_crypto::{error::CryptoError, import};
use reseal_types::{ExpirationModel, ImportType, KeyMaterialId, KeySpec, Origin, SecretBytes, Timestamp};

use crate::{
    env::{Env, offload},
    error::{Cause, Error, InvalidState, Unsupported},
    import_token::ImportToken,
    material,
    operation::ServiceNote,
    record::{Imported, KeyRecord, MaterialEntry, MultiRegion, place},
    vault::{Changes, VaultError},
};

impl KeyRecord {
    /// The versions of key material that are the key's for good, oldest first.
    pub(crate) fn associated(&self) -> impl DoubleEndedIterator<Item = &MaterialEntry> {
        self.materials.iter().filter(|entry| !entry.is_pending())
    }

    /// The version of key material that encrypts.
    pub(crate) fn current_material(&self) -> Option<&MaterialEntry> {
        self.associated().next_back()
    }

    /// Imported key material that waits for a rotation.
    pub(crate) fn pending_material(&self) -> Option<&MaterialEntry> {
        self.materials.iter().find(|entry| entry.is_pending())
    }

    /// Whether imported key material is missing at that time.
    pub(crate) fn lacks_material(&self, now: Timestamp) -> bool {
        let here = self.current_material().is_some() && self.associated().all(|entry| entry.is_here(now));
        self.origin == Origin::External && !here
    }

    /// `ExpirationModel` and `ValidTo` of the key: the earliest end of all that is here for good.
    pub(crate) fn expiration(&self, now: Timestamp) -> Option<(ExpirationModel, Option<Timestamp>)> {
        if self.origin != Origin::External {
            return None;
        }
        let here = || self.associated().filter(|entry| entry.is_here(now));
        here().next()?;
        let end = here().filter_map(MaterialEntry::expires).min();
        Some((model(end), end))
    }
}

/// `ExpirationModel` of key material that goes at `end`, if it does.
pub(crate) fn model(end: Option<Timestamp>) -> ExpirationModel {
    end.map_or(ExpirationModel::DoesNotExpire, |_| ExpirationModel::Expires)
}

impl Env {
    /// Whether all keys related to `record` have the key material, too.
    pub(crate) async fn is_imported_everywhere(
        &self,
        record: &KeyRecord,
        id: KeyMaterialId,
    ) -> Result<bool, Error> {
        let now = self.clock.now();
        for region in record.multi_region.iter().flat_map(MultiRegion::regions) {
            if *region == record.region {
                continue;
            }
            let related = self.related_key(record, region).await?;
            if !related.record.materials.iter().any(|entry| entry.id == id && entry.is_here(now)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Takes the bytes of imported key material away from the key. What it is permanently associated with it stays
/// associated with; what waits for a rotation is forgotten, by a primary together with its replicas. The caller writes
/// `record` itself.
pub(crate) async fn discard(
    env: &Env,
    changes: &mut Changes,
    record: &mut KeyRecord,
    id: KeyMaterialId,
) -> Result<Option<ServiceNote>, Error> {
    let pending = record.pending_material().is_some_and(|pending| pending.id == id);
    if pending && record.is_primary() {
        record.materials.retain(|entry| entry.id != id);
        destroy_everywhere(changes, record, id)?;
        return env.change_related(changes, record, |related| related.share(record)).await;
    }
    let entry = record.materials.iter_mut().find(|entry| entry.id == id);
    if let Some(import) = entry.and_then(|entry| entry.import.as_mut()) {
        import.present = false;
        import.valid_to = None;
    }
    changes.destroy(place::material(&record.region, record.id, id)?);
    Ok(None)
}

fn destroy_everywhere(
    changes: &mut Changes,
    record: &KeyRecord,
    id: KeyMaterialId,
) -> Result<(), VaultError> {
    let related = record.multi_region.iter().flat_map(MultiRegion::regions);
    for region in std::iter::once(&record.region).chain(related.filter(|region| **region != record.region)) {
        changes.destroy(place::material(region, record.id, id)?);
    }
    Ok(())
}

/// Key material out of its wrapping, checked.
pub(crate) struct Unwrapped {
    pub(crate) id: KeyMaterialId,
    pub(crate) bytes: SecretBytes,
    /// DER SubjectPublicKeyInfo of an asymmetric key.
    pub(crate) public_key: Option<Vec<u8>>,
}

/// Takes key material out of its wrapping.
///
/// # Errors
/// [`Error::InvalidCiphertext`] when it does not open, [`Error::IncorrectKeyMaterial`] when what is inside does not fit
/// the key.
pub(crate) async fn take_out(
    env: &Env,
    key: &KeyRecord,
    token: ImportToken,
    wrapped: Vec<u8>,
) -> Result<Unwrapped, Error> {
    let KeyRecord { id, spec, usage, .. } = *key;
    let work = move || {
        let failed = || Error::Internal(Cause::Crypto("unwrapping of key material"));
        let ImportToken { algorithm, spec: wrapping, private_key, .. } = token;
        let unwrapped = import::unwrap(wrapping, &private_key, algorithm, &wrapped);
        let bytes = unwrapped.map_err(|error| match error {
            CryptoError::InvalidCiphertext => Error::InvalidCiphertext,
            _ => failed(),
        })?;
        let public_key = material::inspect(spec, usage, &bytes).map_err(|_| Error::IncorrectKeyMaterial)?;
        // An asymmetric key can be written in several ways, but has one public key.
        let known_by = public_key.clone().map(SecretBytes::from);
        let id = import::material_id(id, known_by.as_ref().unwrap_or(&bytes)).map_err(|_| failed())?;
        Ok(Unwrapped { id, bytes, public_key })
    };
    offload(env.workers.as_ref(), work).await?
}

/// Key material to be imported, as far as the key's record tells of it.
pub(crate) struct Import {
    pub(crate) id: KeyMaterialId,
    pub(crate) kind: Option<ImportType>,
    /// What the caller says its id is.
    pub(crate) expected: Option<KeyMaterialId>,
    pub(crate) valid_to: Option<Timestamp>,
    pub(crate) description: Option<String>,
}

/// Enters key material that is imported into the record of its key, whose ARN is `arn`. Gives whether that changes what
/// related multi-Region keys share.
///
/// # Errors
/// [`Error::IncorrectKeyMaterial`] when it is not what the key had before, or is and should not be.
pub(crate) fn admit(
    record: &mut KeyRecord,
    import: Import,
    arn: String,
    now: Timestamp,
) -> Result<bool, Error> {
    let Import { id, expected, valid_to, description, .. } = import;
    let first = record.materials.is_empty();
    let default = if first && expected.is_none() { ImportType::New } else { ImportType::Existing };
    let kind = import.kind.unwrap_or(default);
    let known = record.materials.iter().any(|entry| entry.id == id);
    if expected.is_some_and(|expected| expected != id) || known != (kind == ImportType::Existing) {
        return Err(Error::IncorrectKeyMaterial);
    }
    let lacked = record.lacks_material(now);
    if !known {
        make_room(record, id, arn.clone())?;
        let import = Imported { present: false, valid_to: None, description: None, pending: !first };
        let entry = MaterialEntry { import: Some(import), ..MaterialEntry::first(id, now) };
        record.materials.push(entry);
    }
    let is_primary = record.is_primary();
    let entry = record.materials.iter_mut().find(|entry| entry.id == id);
    let stored = entry.and_then(|entry| entry.import.as_mut()).ok_or(Error::IncorrectKeyMaterial)?;
    stored.present = true;
    stored.valid_to = valid_to;
    let described = description.is_some_and(|text| stored.describe(text));
    if described && !is_primary {
        return Err(Error::Unsupported(Unsupported::NotPrimary(arn)));
    }
    // Pending import ends in Enabled, as in the table of key states, unless more is missing.
    if lacked && !record.lacks_material(now) {
        record.enabled = true;
    }
    Ok(!known || described)
}

/// Whether new key material may come: by way of the primary, and while none other waits.
fn make_room(record: &KeyRecord, new: KeyMaterialId, key: String) -> Result<(), Error> {
    if record.materials.is_empty() {
        return Ok(());
    }
    if record.spec != KeySpec::SymmetricDefault {
        return Err(Error::IncorrectKeyMaterial);
    }
    if !record.is_primary() {
        return Err(Error::Unsupported(Unsupported::NotPrimary(key)));
    }
    match record.pending_material() {
        Some(pending) => {
            Err(Error::InvalidState(InvalidState::PendingRotation { key, new, pending: pending.id }))
        }
        None => Ok(()),
    }
}

impl Imported {
    /// Sets the description; gives whether it was another one.
    fn describe(&mut self, text: String) -> bool {
        let text = Some(text).filter(|text| !text.is_empty());
        let other = self.description != text;
        self.description = text;
        other
    }
}
