//! An alias as it is stored.

use minicbor::{CborLen, Decode, Encode};
use reseal_types::{KeyId, SecretBytes, Timestamp};

use super::{Record, decode_cbor, encode_cbor};

/// An alias; its name, account and Region are its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AliasRecord {
    pub(crate) target: KeyId,
    pub(crate) created: Timestamp,
    /// When it was last associated with a key.
    pub(crate) updated: Timestamp,
}

const FORM: u8 = 1;

#[derive(Encode, Decode, CborLen)]
struct StoredAlias {
    #[n(0)]
    target: String,
    #[n(1)]
    created_millis: i64,
    #[n(2)]
    updated_millis: i64,
}

impl Record for AliasRecord {
    fn encode(&self) -> SecretBytes {
        let stored = StoredAlias {
            target: self.target.to_string(),
            created_millis: self.created.millis(),
            updated_millis: self.updated.millis(),
        };
        encode_cbor(FORM, &stored)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let stored: StoredAlias = decode_cbor(FORM, bytes)?;
        Some(Self {
            target: stored.target.parse().ok()?,
            created: Timestamp::from_millis(stored.created_millis),
            updated: Timestamp::from_millis(stored.updated_millis),
        })
    }
}
