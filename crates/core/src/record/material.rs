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
        Self { id, since, rotation: None }
    }

    /// Key material that takes the place of older one.
    pub(crate) const fn rotated(id: KeyMaterialId, since: Timestamp, kind: RotationKind) -> Self {
        Self { id, since, rotation: Some(kind) }
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
        }
    }
}

impl StoredMaterialEntry {
    pub(super) fn parse(&self) -> Option<MaterialEntry> {
        let rotation = match self.rotation {
            None => None,
            Some(AUTOMATIC) => Some(RotationKind::Automatic),
            Some(ON_DEMAND) => Some(RotationKind::OnDemand),
            Some(_) => return None,
        };
        let id = KeyMaterialId(self.id.as_slice().try_into().ok()?);
        Some(MaterialEntry { id, since: Timestamp::from_millis(self.since_millis), rotation })
    }
}
