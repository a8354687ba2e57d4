//! IAM users, roles and groups as they are stored: one form for the three.
//!
//! Policies, attachments, boundary and tags live in the record itself, so that one version stands for all that an
//! authorization decision takes from it. Secrets of access keys live in records of their own.

use minicbor::{CborLen, Decode, Encode};
use reseal_types::{AccountId, SecretBytes, Timestamp};

use super::{PolicyText, Record, decode_cbor, encode_cbor};

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdentityKind {
    /// An IAM user.
    User,
    /// An IAM role.
    Role,
    /// An IAM group.
    Group,
}

/// A user, role or group. Names are unique within an account and kind, without regard to letter case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRecord {
    /// Which of the three.
    pub kind: IdentityKind,
    /// The account it belongs to.
    pub account: AccountId,
    /// Its name, in the case in which it was given.
    pub name: String,
    /// `/`, or a path that begins and ends with it.
    pub path: String,
    /// The unique id, such as `AIDA...`; never used twice.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Inline policies by name: JSON texts as their author wrote them.
    pub inline: Vec<(String, String)>,
    /// ARNs of attached managed policies.
    pub attached: Vec<String>,
    /// ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// In the order in which the keys were first set.
    pub tags: Vec<(String, String)>,
    /// Access keys of a user.
    pub access_keys: Vec<AccessKeyEntry>,
    /// Names of the groups that a user is in.
    pub groups: Vec<String>,
    /// What only roles have.
    pub role: Option<RoleFacts>,
}

/// An access key as its user's record lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeyEntry {
    /// The access key id.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it may be used.
    pub active: bool,
}

/// What only roles have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleFacts {
    /// The trust policy.
    pub trust: PolicyText,
    /// May be empty.
    pub description: String,
    /// The longest session, in seconds.
    pub max_session_seconds: u32,
}

const FORM: u8 = 1;

#[derive(Encode, Decode, CborLen)]
struct StoredIdentity {
    #[n(0)]
    kind: u8,
    #[n(1)]
    account: String,
    #[n(2)]
    name: String,
    #[n(3)]
    path: String,
    #[n(4)]
    id: String,
    #[n(5)]
    created_millis: i64,
    #[n(6)]
    inline: Vec<(String, String)>,
    #[n(7)]
    attached: Vec<String>,
    #[n(8)]
    boundary: Option<String>,
    #[n(9)]
    tags: Vec<(String, String)>,
    #[n(10)]
    access_keys: Vec<(String, i64, bool)>,
    #[n(11)]
    groups: Vec<String>,
    #[n(12)]
    role: Option<(String, String, u32)>,
    /// Whom the trust policy named.
    #[n(13)]
    trust_names: Option<Vec<(String, String)>>,
}

const USER: u8 = 1;
const ROLE: u8 = 2;
const GROUP: u8 = 3;

impl Record for IdentityRecord {
    fn encode(&self) -> SecretBytes {
        let stored = StoredIdentity {
            kind: match self.kind {
                IdentityKind::User => USER,
                IdentityKind::Role => ROLE,
                IdentityKind::Group => GROUP,
            },
            account: self.account.to_string(),
            name: self.name.clone(),
            path: self.path.clone(),
            id: self.id.clone(),
            created_millis: self.created.millis(),
            inline: self.inline.clone(),
            attached: self.attached.clone(),
            boundary: self.boundary.clone(),
            tags: self.tags.clone(),
            access_keys: self
                .access_keys
                .iter()
                .map(|key| (key.id.clone(), key.created.millis(), key.active))
                .collect(),
            groups: self.groups.clone(),
            role: self
                .role
                .as_ref()
                .map(|role| (role.trust.text.clone(), role.description.clone(), role.max_session_seconds)),
            trust_names: self
                .role
                .as_ref()
                .map(|role| role.trust.named.clone())
                .filter(|named| !named.is_empty()),
        };
        encode_cbor(FORM, &stored)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let stored: StoredIdentity = decode_cbor(FORM, bytes)?;
        let key =
            |(id, created, active)| AccessKeyEntry { id, created: Timestamp::from_millis(created), active };
        let named = stored.trust_names.unwrap_or_default();
        let role = |(text, description, max_session_seconds)| RoleFacts {
            trust: PolicyText { text, named },
            description,
            max_session_seconds,
        };
        Some(Self {
            kind: match stored.kind {
                USER => IdentityKind::User,
                ROLE => IdentityKind::Role,
                GROUP => IdentityKind::Group,
                _ => return None,
            },
            account: AccountId::parse(&stored.account)?,
            name: stored.name,
            path: stored.path,
            id: stored.id,
            created: Timestamp::from_millis(stored.created_millis),
            inline: stored.inline,
            attached: stored.attached,
            boundary: stored.boundary,
            tags: stored.tags,
            access_keys: stored.access_keys.into_iter().map(key).collect(),
            groups: stored.groups,
            role: stored.role.map(role),
        })
    }
}

#[cfg(test)]
mod tests {
    use reseal_types::Reveal;

    use super::*;

    #[test]
    fn keeps_everything() {
        let record = IdentityRecord {
            kind: IdentityKind::Role,
            account: AccountId::parse("111122223333").unwrap(),
            name: "Deployer".to_owned(),
            path: "/ci/".to_owned(),
            id: "AROAEXAMPLE".to_owned(),
            created: Timestamp::from_millis(5),
            inline: vec![("p".to_owned(), "{}".to_owned())],
            attached: vec!["arn".to_owned()],
            boundary: Some("boundary".to_owned()),
            tags: vec![("k".to_owned(), "v".to_owned())],
            access_keys: vec![AccessKeyEntry {
                id: "AKIA".to_owned(),
                created: Timestamp::from_millis(6),
                active: false,
            }],
            groups: vec!["g".to_owned()],
            role: Some(RoleFacts {
                trust: PolicyText { text: "{}".to_owned(), named: vec![("arn".to_owned(), "id".to_owned())] },
                description: "d".to_owned(),
                max_session_seconds: 3_600,
            }),
        };
        let bytes = record.encode();
        assert_eq!(IdentityRecord::decode(bytes.reveal(Reveal::ToSeal)), Some(record));
        assert!(IdentityRecord::decode(b"\x02").is_none());
    }
}
