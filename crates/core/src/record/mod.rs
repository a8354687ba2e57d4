//! Stored forms: what a record looks like as bytes, and where it stands.
//!
//! A stored form is a version byte and CBOR with numbered fields. A form that was ever written stays
//! readable: a new one gets a new version byte, the decoder of the old one stays. Domain types are not
//! stored themselves; each record converts.

mod access_key;
mod account;
mod alias;
mod grant;
mod identity;
mod key;
mod key_store;
mod last_use;
mod managed_policy;
mod material;
mod multi_region;
mod oidc_provider;
mod outbox;
mod policy_text;
mod small;

pub(crate) use access_key::{AccessKeyRecord, UserRef};
pub use account::AccountRecord;
pub(crate) use alias::AliasRecord;
pub(crate) use grant::{ContextTerm, GrantCount, GrantPointer, GrantRecord, GrantTerms, Meant, Party};
pub use identity::{AccessKeyEntry, IdentityKind, IdentityRecord, RoleFacts};
pub(crate) use key::{Deletion, KeyRecord, Rotation, StoredIn};
pub(crate) use key_store::{Connection, ConnectionError, KeyStoreRecord};
pub(crate) use last_use::LastUseRecord;
pub use managed_policy::{ManagedPolicyRecord, PolicyVersion};
pub(crate) use material::{Imported, MaterialEntry, RotationKind};
use minicbor::{CborLen, Decode, Encode};
pub(crate) use multi_region::MultiRegion;
pub use oidc_provider::OidcProviderRecord;
pub(crate) use outbox::OutboxRecord;
pub use policy_text::PolicyText;
use reseal_types::{AccountId, GrantId, KeyId, KeyMaterialId, Region, SecretBytes, Timestamp};
pub(crate) use small::{Marker, MaterialRecord, MomentRecord, RevisionRecord};

use crate::store::RecordKey;

/// A record that can be sealed and stored.
pub trait Record: Sized {
    /// The plaintext bytes of the record.
    fn encode(&self) -> SecretBytes;

    /// Reads any form that was ever written; `None` when the bytes are none of them.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// A version byte and CBOR, written in place: no partial copy of a secret is left behind by growing.
pub(crate) fn encode_cbor<T: Encode<()> + CborLen<()>>(form: u8, value: &T) -> SecretBytes {
    let mut bytes = Vec::with_capacity(1 + minicbor::len(value));
    bytes.push(form);
    // Writing to a vector cannot fail; a record cut short would be refused when read.
    let _: Result<(), _> = minicbor::encode(value, &mut bytes);
    SecretBytes::from(bytes)
}

pub(crate) fn decode_cbor<'b, T: Decode<'b, ()>>(form: u8, bytes: &'b [u8]) -> Option<T> {
    let (&found, rest) = bytes.split_first()?;
    (found == form).then(|| minicbor::decode(rest).ok())?
}

/// The places of all records. Plain text, bound to each record by its seal.
pub(crate) mod place {
    use super::{AccountId, GrantId, IdentityKind, KeyId, KeyMaterialId, RecordKey, Region, Timestamp};
    use crate::vault::VaultError;

    type Place = Result<RecordKey, VaultError>;

    /// Every part is bounded by its type, far below the longest key a store takes.
    fn place(text: &str) -> Place {
        RecordKey::new(text.as_bytes()).ok_or(VaultError::PlaceTooLong)
    }

    pub(crate) fn key(region: &Region, id: KeyId) -> Place {
        place(&format!("key/{region}/{id}"))
    }

    pub(crate) fn material(region: &Region, id: KeyId, material: KeyMaterialId) -> Place {
        place(&format!("material/{region}/{id}/{material}"))
    }

    pub(crate) fn alias(account: AccountId, region: &Region, name: &str) -> Place {
        place(&format!("{}{name}", alias_prefix(account, region)))
    }

    pub(crate) fn alias_prefix(account: AccountId, region: &Region) -> String {
        format!("alias/{account}/{region}/")
    }

    /// All that belongs to the grants on a key.
    pub(crate) fn grants(region: &Region, key: KeyId) -> String {
        format!("grant/{region}/{key}/")
    }

    /// The grants themselves: how the last parts of their places begin.
    pub(crate) const GRANTS_TO: &str = "to/";

    /// The grants of one grantee, whom a digest stands for, in order of creation: the last part of their places.
    pub(crate) fn grants_to(grantee: &str) -> String {
        format!("{GRANTS_TO}{grantee}/")
    }

    /// The last part of a grant's place.
    pub(crate) fn grant_to(grantee: &str, serial: u64) -> String {
        format!("{GRANTS_TO}{grantee}/{serial:016x}")
    }

    /// A place among the grants on a key, by its last part.
    pub(crate) fn grant(region: &Region, key: KeyId, last: &str) -> Place {
        place(&format!("grant/{region}/{key}/{last}"))
    }

    /// Leads to grants in order of creation: the last part.
    pub(crate) const GRANTS_IN_ORDER: &str = "n/";

    pub(crate) fn grant_in_order(region: &Region, key: KeyId, serial: u64) -> Place {
        place(&format!("grant/{region}/{key}/{GRANTS_IN_ORDER}{serial:016x}"))
    }

    pub(crate) fn grant_by_id(region: &Region, key: KeyId, id: GrantId) -> Place {
        place(&format!("grant/{region}/{key}/id/{id}"))
    }

    /// By a digest of all terms of a named grant.
    pub(crate) fn grant_by_terms(region: &Region, key: KeyId, digest: &str) -> Place {
        place(&format!("grant/{region}/{key}/terms/{digest}"))
    }

    /// Leads to the grants that a principal, whom a digest stands for, may retire.
    pub(crate) fn retirable_prefix(region: &Region, retiring: &str) -> String {
        format!("retirable/{region}/{retiring}/")
    }

    pub(crate) fn retirable(region: &Region, retiring: &str, key: KeyId, serial: u64) -> Place {
        place(&format!("{}{key}/{serial:016x}", retirable_prefix(region, retiring)))
    }

    pub(crate) fn account_key(account: AccountId, region: &Region, id: KeyId) -> Place {
        place(&format!("{}{id}", account_key_prefix(account, region)))
    }

    pub(crate) const ACCOUNT_KEYS: &str = "account-key/";

    pub(crate) fn account_key_prefix(account: AccountId, region: &Region) -> String {
        format!("{ACCOUNT_KEYS}{account}/{region}/")
    }

    /// All custom key stores, of every account and Region.
    pub(crate) const KEY_STORES: &str = "key-store/";

    pub(crate) fn key_store(account: AccountId, region: &Region, id: &str) -> Place {
        place(&format!("{}{id}", key_store_prefix(account, region)))
    }

    pub(crate) fn key_store_prefix(account: AccountId, region: &Region) -> String {
        format!("{KEY_STORES}{account}/{region}/")
    }

    /// Rewritten by every change of what must be unique among the custom key stores of an account and Region.
    pub(crate) fn key_store_guard(account: AccountId, region: &Region) -> Place {
        place(&format!("key-store-guard/{account}/{region}"))
    }

    /// The KMS keys of a custom key store.
    pub(crate) fn key_store_keys_prefix(account: AccountId, region: &Region, store: &str) -> String {
        format!("key-store-key/{account}/{region}/{store}/")
    }

    pub(crate) fn key_store_key(account: AccountId, region: &Region, store: &str, id: KeyId) -> Place {
        place(&format!("{}{id}", key_store_keys_prefix(account, region, store)))
    }

    /// An external key, which one KMS key of its key store may use.
    pub(crate) fn external_key(account: AccountId, region: &Region, store: &str, id: &str) -> Place {
        place(&format!("external-key/{account}/{region}/{store}/{id}"))
    }

    pub(crate) const ACCOUNTS: &str = "account/";

    pub(crate) fn account(account: AccountId) -> Place {
        place(&format!("{ACCOUNTS}{account}"))
    }

    pub(crate) fn access_key(id: &str) -> Place {
        place(&format!("access-key/{id}"))
    }

    /// Users, roles and groups of an account, by lower-case name.
    pub(crate) fn identity_prefix(account: AccountId, kind: IdentityKind) -> String {
        let kind = match kind {
            IdentityKind::User => "user",
            IdentityKind::Role => "role",
            IdentityKind::Group => "group",
        };
        format!("{kind}/{account}/")
    }

    pub(crate) fn identity(account: AccountId, kind: IdentityKind, name: &str) -> Place {
        place(&format!("{}{}", identity_prefix(account, kind), name.to_ascii_lowercase()))
    }

    /// Users of a group, by lower-case names.
    pub(crate) fn member_prefix(account: AccountId, group: &str) -> String {
        format!("group-member/{account}/{}/", group.to_ascii_lowercase())
    }

    pub(crate) fn member(account: AccountId, group: &str, user: &str) -> Place {
        place(&format!("{}{}", member_prefix(account, group), user.to_ascii_lowercase()))
    }

    pub(crate) fn managed_policy_prefix(account: AccountId) -> String {
        format!("managed-policy/{account}/")
    }

    pub(crate) fn managed_policy(account: AccountId, name: &str) -> Place {
        place(&format!("{}{}", managed_policy_prefix(account), name.to_ascii_lowercase()))
    }

    pub(crate) fn oidc_provider_prefix(account: AccountId) -> String {
        format!("oidc-provider/{account}/")
    }

    pub(crate) fn oidc_provider(account: AccountId, issuer: &str) -> Place {
        place(&format!("{}{issuer}", oidc_provider_prefix(account)))
    }

    pub(crate) const DUE_DELETIONS: &str = "due/deletion/";

    pub(crate) fn due_deletion(due: Timestamp, region: &Region, id: KeyId) -> Place {
        place(&format!("{DUE_DELETIONS}{:016x}/{region}/{id}", due.millis()))
    }

    pub(crate) const DUE_ROTATIONS: &str = "due/rotation/";

    pub(crate) fn due_rotation(due: Timestamp, region: &Region, id: KeyId) -> Place {
        place(&format!("{DUE_ROTATIONS}{:016x}/{region}/{id}", due.millis()))
    }

    pub(crate) const DUE_EXPIRIES: &str = "due/expiry/";

    pub(crate) fn due_expiry(due: Timestamp, region: &Region, id: KeyId, material: KeyMaterialId) -> Place {
        place(&format!("{DUE_EXPIRIES}{:016x}/{region}/{id}/{material}", due.millis()))
    }

    pub(crate) fn last_use(region: &Region, id: KeyId) -> Place {
        place(&format!("last-use/{region}/{id}"))
    }

    pub(crate) const OUTBOX: &str = "outbox/";

    pub(crate) fn outbox(at: Timestamp, event_id: &str) -> Place {
        place(&format!("{OUTBOX}{:016x}/{event_id}", at.millis()))
    }

    /// When tracking of last uses began.
    pub(crate) fn tracking() -> Place {
        place("meta/tracking")
    }

    pub(crate) fn revision() -> Place {
        place("meta/revision")
    }

    pub(crate) const DOMAIN_KEYS: &str = "domain-key/";

    pub(crate) fn domain_key(version: u32) -> Place {
        place(&format!("{DOMAIN_KEYS}{version:08x}"))
    }
}
