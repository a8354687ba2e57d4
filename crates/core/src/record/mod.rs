//! Stored forms: what a record looks like as bytes, and where it stands.
//!
//! A stored form is a version byte and CBOR with numbered fields. A form that was ever written stays
//! readable: a new one gets a new version byte, the decoder of the old one stays. Domain types are not
//! stored themselves; each record converts.

mod access_key;
mod account;
mod alias;
mod key;
mod multi_region;
mod outbox;
mod small;

pub(crate) use access_key::AccessKeyRecord;
pub use account::AccountRecord;
pub(crate) use alias::AliasRecord;
pub(crate) use key::{Deletion, KeyRecord, MaterialEntry, RotationKind};
use minicbor::{CborLen, Decode, Encode};
pub(crate) use multi_region::MultiRegion;
pub(crate) use outbox::OutboxRecord;
use reseal_types::{AccountId, KeyId, KeyMaterialId, Region, SecretBytes, Timestamp};
pub(crate) use small::{Marker, MaterialRecord, RevisionRecord};

use crate::store::RecordKey;

/// A record that can be sealed and stored.
pub(crate) trait Record: Sized {
    /// The plaintext bytes of the record.
    fn encode(&self) -> SecretBytes;

    /// Reads any form that was ever written; `None` when the bytes are none of them.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// A version byte and CBOR, written in place: no partial copy of a secret is left behind by growing.
fn encode_cbor<T: Encode<()> + CborLen<()>>(form: u8, value: &T) -> SecretBytes {
    let mut bytes = Vec::with_capacity(1 + minicbor::len(value));
    bytes.push(form);
    // Writing to a vector cannot fail; a record cut short would be refused when read.
    let _: Result<(), _> = minicbor::encode(value, &mut bytes);
    SecretBytes::from(bytes)
}

fn decode_cbor<'b, T: Decode<'b, ()>>(form: u8, bytes: &'b [u8]) -> Option<T> {
    let (&found, rest) = bytes.split_first()?;
    (found == form).then(|| minicbor::decode(rest).ok())?
}

/// The places of all records. Plain text, bound to each record by its seal.
pub(crate) mod place {
    use super::{AccountId, KeyId, KeyMaterialId, RecordKey, Region, Timestamp};
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

    pub(crate) fn account_key(account: AccountId, region: &Region, id: KeyId) -> Place {
        place(&format!("{}{id}", account_key_prefix(account, region)))
    }

    pub(crate) const ACCOUNT_KEYS: &str = "account-key/";

    pub(crate) fn account_key_prefix(account: AccountId, region: &Region) -> String {
        format!("{ACCOUNT_KEYS}{account}/{region}/")
    }

    pub(crate) const ACCOUNTS: &str = "account/";

    pub(crate) fn account(account: AccountId) -> Place {
        place(&format!("{ACCOUNTS}{account}"))
    }

    pub(crate) fn access_key(id: &str) -> Place {
        place(&format!("access-key/{id}"))
    }

    pub(crate) const DUE_DELETIONS: &str = "due/deletion/";

    pub(crate) fn due_deletion(due: Timestamp, region: &Region, id: KeyId) -> Place {
        place(&format!("{DUE_DELETIONS}{:016x}/{region}/{id}", due.millis()))
    }

    pub(crate) const OUTBOX: &str = "outbox/";

    pub(crate) fn outbox(at: Timestamp, event_id: &str) -> Place {
        place(&format!("{OUTBOX}{:016x}/{event_id}", at.millis()))
    }

    pub(crate) fn revision() -> Place {
        place("meta/revision")
    }

    pub(crate) const DOMAIN_KEYS: &str = "domain-key/";

    pub(crate) fn domain_key(version: u32) -> Place {
        place(&format!("{DOMAIN_KEYS}{version:08x}"))
    }
}
