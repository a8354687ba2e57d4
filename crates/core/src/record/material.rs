//! What a KMS key's record says of one version of its key material. The bytes are in a record of their own.

use minicbor::{CborLen, Decode, Encode, bytes::ByteVec};
use reseal_types::{KeyMaterialId, Timestamp};

/// One version of key material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MaterialEntry {
    pub(crate) id: KeyMaterialId,
    /// When it became current.
    pub(crate) since: Timestamp,
    /// `None` for the first version.
    pub(crate) rotation: Option<RotationKind>,
    /// Of imported key material only.
    pub(crate) import: Option<Imported>,
}

/// What is known of imported key material. It can go and come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Imported {
    /// Whether the bytes are here. Each of related multi-Region keys has its own.
    pub(crate) present: bool,
    /// When bytes that are here go, if they do. Each of related multi-Region keys has its own.
    pub(crate) valid_to: Option<Timestamp>,
    pub(crate) description: Option<String>,
    /// Whether it waits for a rotation to make it current. Until then it neither encrypts nor decrypts, and the key can
    /// lose it for good.
    pub(crate) pending: bool,
}

/// What brought a new version of key material.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RotationKind {
    Automatic,
    OnDemand,
}

impl MaterialEntry {
    /// The key material that a key begins with.
    pub(crate) const fn first(id: KeyMaterialId, since: Timestamp) -> Self {
        Self { id, since, rotation: None, import: None }
    }

    /// Key material that takes the place of older one.
    pub(crate) const fn rotated(id: KeyMaterialId, since: Timestamp, kind: RotationKind) -> Self {
        Self { id, since, rotation: Some(kind), import: None }
    }

    /// Whether it waits for a rotation to make it current.
    pub(crate) fn is_pending(&self) -> bool {
        self.import.as_ref().is_some_and(|import| import.pending)
    }

    /// When the bytes go, if they are here and do.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        self.import.as_ref().filter(|import| import.present)?.valid_to
    }

    /// Whether the bytes are here at that time. They count as gone from the moment on at which they expire.
    pub(crate) fn is_here(&self, now: Timestamp) -> bool {
        let present = self.import.as_ref().is_none_or(|import| import.present);
        present && self.expires().is_none_or(|end| now < end)
    }

    /// The same in a related multi-Region key that has `own`: its bytes, and when they go, are its own affair.
    pub(super) fn shared(&self, own: Option<&Self>) -> Self {
        let mut shared = self.clone();
        if let Some(import) = &mut shared.import {
            let own = own.and_then(|own| own.import.as_ref());
            import.present = own.is_some_and(|own| own.present);
            import.valid_to = own.and_then(|own| own.valid_to);
        }
        shared
    }
}

impl RotationKind {
    /// `RotationType` of the API.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "AUTOMATIC",
            Self::OnDemand => "ON_DEMAND",
        }
    }
}

#[derive(Encode, Decode, CborLen)]
pub(super) struct StoredMaterialEntry {
    #[n(0)]
    id: ByteVec,
    #[n(1)]
    since_millis: i64,
    #[n(2)]
    rotation: Option<u8>,
    #[n(3)]
    import: Option<StoredImport>,
}

#[derive(Encode, Decode, CborLen)]
struct StoredImport {
    #[n(0)]
    present: bool,
    #[n(1)]
    valid_to_millis: Option<i64>,
    #[n(2)]
    description: Option<String>,
    #[n(3)]
    pending: bool,
}

const ON_DEMAND: u8 = 1;
const AUTOMATIC: u8 = 2;

impl From<&MaterialEntry> for StoredMaterialEntry {
    fn from(material: &MaterialEntry) -> Self {
        let code = |kind| match kind {
            RotationKind::Automatic => AUTOMATIC,
            RotationKind::OnDemand => ON_DEMAND,
        };
        Self {
            id: material.id.0.to_vec().into(),
            since_millis: material.since.millis(),
            rotation: material.rotation.map(code),
            import: material.import.as_ref().map(StoredImport::from),
        }
    }
}

impl From<&Imported> for StoredImport {
    fn from(import: &Imported) -> Self {
        Self {
            present: import.present,
            valid_to_millis: import.valid_to.map(Timestamp::millis),
            description: import.description.clone(),
            pending: import.pending,
        }
    }
}

impl From<StoredImport> for Imported {
    fn from(stored: StoredImport) -> Self {
        Self {
            present: stored.present,
            valid_to: stored.valid_to_millis.map(Timestamp::from_millis),
            description: stored.description,
            pending: stored.pending,
        }
    }
}

impl StoredMaterialEntry {
    pub(super) fn parse(self) -> Option<MaterialEntry> {
        let rotation = match self.rotation {
            None => None,
            Some(AUTOMATIC) => Some(RotationKind::Automatic),
            Some(ON_DEMAND) => Some(RotationKind::OnDemand),
            Some(_) => return None,
        };
        let id = KeyMaterialId(self.id.as_slice().try_into().ok()?);
        let since = Timestamp::from_millis(self.since_millis);
        Some(MaterialEntry { id, since, rotation, import: self.import.map(Imported::from) })
    }
}
