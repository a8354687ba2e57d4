//! A KMS key as it is stored: metadata, policy, tags, aliases, and the list of its key material versions.
//!
//! Policy, tags and aliases live in the key's own record, so that one version stands for everything an
//! authorization decision about the key depends on. Secret bytes live in records of their own.

use minicbor::{CborLen, Decode, Encode, bytes::ByteVec};
use reseal_types::{AccountId, AliasName, KeyId, KeySpec, KeyUsage, Origin, Region, SecretBytes, Timestamp};

use super::{
    GrantCount, MaterialEntry, MultiRegion, PolicyText, Record, decode_cbor, encode_cbor,
    material::StoredMaterialEntry, multi_region::StoredMultiRegion,
};

/// A KMS key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyRecord {
    pub(crate) id: KeyId,
    pub(crate) region: Region,
    pub(crate) account: AccountId,
    pub(crate) spec: KeySpec,
    pub(crate) usage: KeyUsage,
    pub(crate) origin: Origin,
    pub(crate) created: Timestamp,
    pub(crate) enabled: bool,
    pub(crate) deletion: Option<Deletion>,
    pub(crate) description: String,
    pub(crate) policy: PolicyText,
    /// In the order in which the keys were first set.
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) aliases: Vec<AliasName>,
    /// Oldest first. Current is the last one that does not wait for rotation.
    pub(crate) materials: Vec<MaterialEntry>,
    pub(crate) rotation: Option<Rotation>,
    /// DER SubjectPublicKeyInfo of an asymmetric key.
    pub(crate) public_key: Option<Vec<u8>>,
    /// The keys that make up a multi-Region key; `None` for a single-Region key.
    pub(crate) multi_region: Option<MultiRegion>,
    /// The custom key store it belongs to.
    pub(crate) stored_in: Option<StoredIn>,
    /// Grants stand in records of their own; every change of them is also one of this record.
    pub(crate) grants: GrantCount,
}

impl KeyRecord {
    /// Takes over from a related key of the same multi-Region key what all of them share. The rest is a key's own:
    /// policy, description, tags, aliases, state, deletion.
    pub(crate) fn share(&mut self, with: &Self) {
        self.materials = with.shared_materials(&self.materials);
        self.rotation = with.rotation;
        if let (Some(own), Some(with)) = (&mut self.multi_region, &with.multi_region) {
            own.primary.clone_from(&with.primary);
            own.replicas.clone_from(&with.replicas);
        }
    }

    /// The list of key material for a related key that has `own` so far. What a key imported it does not share.
    pub(crate) fn shared_materials(&self, own: &[MaterialEntry]) -> Vec<MaterialEntry> {
        let own = |id| own.iter().find(|entry| entry.id == id);
        self.materials.iter().map(|entry| entry.shared(own(entry.id))).collect()
    }

    /// Whether what related keys share is changed here: true for every key but a multi-Region replica.
    pub(crate) fn is_primary(&self) -> bool {
        self.multi_region.as_ref().is_none_or(|set| set.primary == self.region)
    }

    /// Whether the key is pending deletion, or will be once its replicas are gone.
    pub(crate) fn awaits_deletion(&self) -> bool {
        self.deletion.is_some() || self.waiting_days().is_some()
    }

    /// Whether the deletion of this multi-Region primary waits for its replicas; the window in days.
    pub(crate) fn waiting_days(&self) -> Option<u32> {
        self.multi_region.as_ref()?.waiting_days
    }
}

/// The custom key store of a KMS key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredIn {
    /// `CustomKeyStoreId`
    pub(crate) store: String,
    /// `XksKeyId`, in an external key store.
    pub(crate) external_key: Option<String>,
}

/// A running deletion window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deletion {
    pub(crate) due: Timestamp,
    pub(crate) window_days: u32,
}

/// Automatic rotation, switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rotation {
    pub(crate) period_days: u32,
    /// When key material is due to change next. The clock runs on while the key is disabled.
    pub(crate) next: Timestamp,
}

const FORM: u8 = 1;

#[derive(Encode, Decode, CborLen)]
struct StoredKey {
    #[n(0)]
    id: String,
    #[n(1)]
    region: String,
    #[n(2)]
    account: String,
    #[n(3)]
    spec: String,
    #[n(4)]
    usage: String,
    #[n(5)]
    origin: String,
    #[n(6)]
    created_millis: i64,
    #[n(7)]
    enabled: bool,
    #[n(8)]
    deletion: Option<(i64, u32)>,
    #[n(9)]
    description: String,
    #[n(10)]
    policy: String,
    #[n(11)]
    tags: Vec<(String, String)>,
    #[n(12)]
    aliases: Vec<String>,
    #[n(13)]
    materials: Vec<StoredMaterialEntry>,
    #[n(14)]
    public_key: Option<ByteVec>,
    #[n(15)]
    rotation: Option<(u32, i64)>,
    #[n(17)]
    multi_region: Option<StoredMultiRegion>,
    /// Key store and external key.
    #[n(18)]
    stored_in: Option<(String, Option<String>)>,
    #[n(19)]
    grants: Option<(u32, u64)>,
    /// Whom the policy named.
    #[n(20)]
    policy_names: Option<Vec<(String, String)>>,
}

impl Record for KeyRecord {
    fn encode(&self) -> SecretBytes {
        let stored = StoredKey {
            id: self.id.to_string(),
            region: self.region.to_string(),
            account: self.account.to_string(),
            spec: self.spec.to_string(),
            usage: self.usage.to_string(),
            origin: self.origin.to_string(),
            created_millis: self.created.millis(),
            enabled: self.enabled,
            deletion: self.deletion.map(|deletion| (deletion.due.millis(), deletion.window_days)),
            description: self.description.clone(),
            policy: self.policy.text.clone(),
            tags: self.tags.clone(),
            aliases: self.aliases.iter().map(AliasName::to_string).collect(),
            materials: self.materials.iter().map(StoredMaterialEntry::from).collect(),
            public_key: self.public_key.clone().map(ByteVec::from),
            rotation: self.rotation.map(|rotation| (rotation.period_days, rotation.next.millis())),
            multi_region: self.multi_region.as_ref().map(StoredMultiRegion::from),
            stored_in: self.stored_in.as_ref().map(|held| (held.store.clone(), held.external_key.clone())),
            grants: Some((self.grants.live, self.grants.ever)).filter(|(_, ever)| *ever > 0),
            policy_names: Some(self.policy.named.clone()).filter(|named| !named.is_empty()),
        };
        encode_cbor(FORM, &stored)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let stored: StoredKey = decode_cbor(FORM, bytes)?;
        let deletion = |(due, window_days)| Deletion { due: Timestamp::from_millis(due), window_days };
        let rotation = |(period_days, next)| Rotation { period_days, next: Timestamp::from_millis(next) };
        let (id, region): (KeyId, _) = (stored.id.parse().ok()?, Region::parse(&stored.region)?);
        let multi_region = match stored.multi_region {
            Some(multi_region) => Some(multi_region.parse()?),
            None => id.is_multi_region().then(|| MultiRegion::alone(region.clone())),
        };
        Some(Self {
            id,
            region,
            account: AccountId::parse(&stored.account)?,
            spec: KeySpec::parse(&stored.spec)?,
            usage: KeyUsage::parse(&stored.usage)?,
            origin: Origin::parse(&stored.origin)?,
            created: Timestamp::from_millis(stored.created_millis),
            enabled: stored.enabled,
            deletion: stored.deletion.map(deletion),
            description: stored.description,
            policy: PolicyText { text: stored.policy, named: stored.policy_names.unwrap_or_default() },
            tags: stored.tags,
            aliases: stored.aliases.iter().map(|name| AliasName::parse(name).ok()).collect::<Option<_>>()?,
            materials: stored.materials.into_iter().map(StoredMaterialEntry::parse).collect::<Option<_>>()?,
            public_key: stored.public_key.map(Vec::from),
            rotation: stored.rotation.map(rotation),
            multi_region,
            stored_in: stored.stored_in.map(|(store, external_key)| StoredIn { store, external_key }),
            grants: stored.grants.map(|(live, ever)| GrantCount { live, ever }).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use reseal_types::KeyMaterialId;

    use super::*;
    use crate::record::{Imported, RotationKind};

    #[test]
    fn round_trips() {
        let record = KeyRecord {
            id: "1234abcd-12ab-34cd-56ef-1234567890ab".parse().unwrap(),
            region: Region::parse("eu-west-1").unwrap(),
            account: AccountId::parse("111122223333").unwrap(),
            spec: KeySpec::Rsa2048,
            usage: KeyUsage::SignVerify,
            origin: Origin::AwsKms,
            created: Timestamp::from_millis(1),
            enabled: true,
            deletion: Some(Deletion { due: Timestamp::from_millis(2), window_days: 7 }),
            description: "d".to_owned(),
            policy: PolicyText { text: "{}".to_owned(), named: vec![("arn".to_owned(), "id".to_owned())] },
            tags: vec![("k".to_owned(), String::new())],
            aliases: vec![AliasName::parse("alias/a").unwrap()],
            materials: vec![
                MaterialEntry::first(KeyMaterialId([6; 32]), Timestamp::from_millis(1)),
                MaterialEntry::rotated(
                    KeyMaterialId([7; 32]),
                    Timestamp::from_millis(3),
                    RotationKind::OnDemand,
                ),
                MaterialEntry {
                    import: Some(Imported {
                        present: true,
                        valid_to: Some(Timestamp::from_millis(5)),
                        description: Some("d".to_owned()),
                        pending: true,
                    }),
                    ..MaterialEntry::first(KeyMaterialId([8; 32]), Timestamp::from_millis(1))
                },
            ],
            public_key: Some(vec![1, 2, 3]),
            rotation: Some(Rotation { period_days: 90, next: Timestamp::from_millis(4) }),
            multi_region: None,
            stored_in: Some(StoredIn { store: "cks-1".to_owned(), external_key: Some("x".to_owned()) }),
            grants: GrantCount { live: 1, ever: 3 },
        };
        let bytes = record.encode();
        let bytes = bytes.reveal(reseal_types::Reveal::ToSeal);
        assert_eq!(KeyRecord::decode(bytes), Some(record));
        assert_eq!(KeyRecord::decode(&bytes[1..]), None, "the version byte is part of the form");
    }
}
