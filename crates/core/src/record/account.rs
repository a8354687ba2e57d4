//! An account as it is stored.

use minicbor::{CborLen, Decode, Encode};
use reseal_types::{SecretBytes, Timestamp};

use super::{Record, decode_cbor, encode_cbor};

/// An account; its id is its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// When it was made.
    pub created: Timestamp,
    /// What its operator calls it; may be empty.
    pub name: String,
}

const FORM: u8 = 1;

#[derive(Encode, Decode, CborLen)]
struct StoredAccount {
    #[n(0)]
    created_millis: i64,
    #[n(1)]
    name: String,
}

impl Record for AccountRecord {
    fn encode(&self) -> SecretBytes {
        let stored = StoredAccount { created_millis: self.created.millis(), name: self.name.clone() };
        encode_cbor(FORM, &stored)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let stored: StoredAccount = decode_cbor(FORM, bytes)?;
        Some(Self { created: Timestamp::from_millis(stored.created_millis), name: stored.name })
    }
}
