//! A customer managed policy as it is stored, with all its versions.

use minicbor::{CborLen, Decode, Encode};
use reseal_types::{AccountId, SecretBytes, Timestamp};

use super::{Record, decode_cbor, encode_cbor};

/// A managed policy. Names are unique within an account, whatever the path and without regard to letter case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedPolicyRecord {
    /// The account it belongs to.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// `/`, or a path that begins and ends with it.
    pub path: String,
    /// The unique id, `ANPA...`.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// When its versions last changed.
    pub updated: Timestamp,
    /// May be empty.
    pub description: String,
    /// Oldest first.
    pub versions: Vec<PolicyVersion>,
    /// The number of the version in force.
    pub default_version: u32,
    /// The number of the next version; numbers are not used twice.
    pub next_version: u32,
    /// How many users, roles and groups it is attached to.
    pub attachments: u32,
    /// How many users and roles have it as permissions boundary.
    pub boundaries: u32,
    /// In the order in which the keys were first set.
    pub tags: Vec<(String, String)>,
}

/// One version of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersion {
    /// 5 for `v5`.
    pub number: u32,
    /// JSON text as its author wrote it.
    pub document: String,
    /// When it was made.
    pub created: Timestamp,
}

impl ManagedPolicyRecord {
    /// The version in force.
    pub fn in_force(&self) -> Option<&PolicyVersion> {
        self.versions.iter().find(|version| version.number == self.default_version)
    }
}

const FORM: u8 = 1;

#[derive(Encode, Decode, CborLen)]
struct StoredManagedPolicy {
    #[n(0)]
    account: String,
    #[n(1)]
    name: String,
    #[n(2)]
    path: String,
    #[n(3)]
    id: String,
    #[n(4)]
    created_millis: i64,
    #[n(5)]
    updated_millis: i64,
    #[n(6)]
    description: String,
    #[n(7)]
    versions: Vec<(u32, String, i64)>,
    #[n(8)]
    default_version: u32,
    #[n(9)]
    next_version: u32,
    #[n(10)]
    attachments: u32,
    #[n(11)]
    boundaries: u32,
    #[n(12)]
    tags: Vec<(String, String)>,
}

impl Record for ManagedPolicyRecord {
    fn encode(&self) -> SecretBytes {
        let version =
            |version: &PolicyVersion| (version.number, version.document.clone(), version.created.millis());
        let stored = StoredManagedPolicy {
            account: self.account.to_string(),
            name: self.name.clone(),
            path: self.path.clone(),
            id: self.id.clone(),
            created_millis: self.created.millis(),
            updated_millis: self.updated.millis(),
            description: self.description.clone(),
            versions: self.versions.iter().map(version).collect(),
            default_version: self.default_version,
            next_version: self.next_version,
            attachments: self.attachments,
            boundaries: self.boundaries,
            tags: self.tags.clone(),
        };
        encode_cbor(FORM, &stored)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let stored: StoredManagedPolicy = decode_cbor(FORM, bytes)?;
        let version = |(number, document, created)| PolicyVersion {
            number,
            document,
            created: Timestamp::from_millis(created),
        };
        Some(Self {
            account: AccountId::parse(&stored.account)?,
            name: stored.name,
            path: stored.path,
            id: stored.id,
            created: Timestamp::from_millis(stored.created_millis),
            updated: Timestamp::from_millis(stored.updated_millis),
            description: stored.description,
            versions: stored.versions.into_iter().map(version).collect(),
            default_version: stored.default_version,
            next_version: stored.next_version,
            attachments: stored.attachments,
            boundaries: stored.boundaries,
            tags: stored.tags,
        })
    }
}
