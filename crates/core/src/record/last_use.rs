//! The last use of a KMS key. A record of its own: a use changes nothing that decides about the key.

use minicbor::{CborLen, Decode, Encode};
use reseal_types::{SecretBytes, Timestamp};

use super::{Record, decode_cbor, encode_cbor};

/// Which call used a key last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastUseRecord {
    pub(crate) operation: String,
    pub(crate) at: Timestamp,
    /// Of the audit record in the log of the key's owner.
    pub(crate) event_id: String,
    pub(crate) request_id: String,
}

const FORM: u8 = 1;

#[derive(Encode, Decode, CborLen)]
struct StoredLastUse {
    #[n(0)]
    operation: String,
    #[n(1)]
    at_millis: i64,
    #[n(2)]
    event_id: String,
    #[n(3)]
    request_id: String,
}

impl Record for LastUseRecord {
    fn encode(&self) -> SecretBytes {
        let stored = StoredLastUse {
            operation: self.operation.clone(),
            at_millis: self.at.millis(),
            event_id: self.event_id.clone(),
            request_id: self.request_id.clone(),
        };
        encode_cbor(FORM, &stored)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let StoredLastUse { operation, at_millis, event_id, request_id } = decode_cbor(FORM, bytes)?;
        Some(Self { operation, at: Timestamp::from_millis(at_millis), event_id, request_id })
    }
}

#[cfg(test)]
mod tests {
    use reseal_types::Reveal;

    use super::*;

    #[test]
    fn round_trips() {
        let record = LastUseRecord {
            operation: "Sign".to_owned(),
            at: Timestamp::from_millis(-7),
            event_id: "e".to_owned(),
            request_id: "r".to_owned(),
        };
        assert_eq!(LastUseRecord::decode(record.encode().reveal(Reveal::ToSeal)), Some(record));
    }
}
