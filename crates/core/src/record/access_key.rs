//! An access key as it is stored.

use minicbor::{CborLen, Decode, Encode, bytes::ByteVec};
use reseal_types::{AccountId, Reveal, SecretBytes, Timestamp};
use zeroize::Zeroize;

use super::{Record, decode_cbor, encode_cbor};

/// A long-term access key of an account's root; its id is its place.
pub(crate) struct AccessKeyRecord {
    /// The account it belongs to.
    pub(crate) account: AccountId,
    /// The secret access key.
    pub(crate) secret: SecretBytes,
    /// When it was made.
    pub(crate) created: Timestamp,
}

const FORM: u8 = 1;

#[derive(Encode, Decode, CborLen)]
struct StoredAccessKey {
    #[n(0)]
    account: String,
    #[n(1)]
    secret: ByteVec,
    #[n(2)]
    created_millis: i64,
}

impl Drop for StoredAccessKey {
    fn drop(&mut self) {
        self.secret.as_mut_slice().zeroize();
    }
}

impl Record for AccessKeyRecord {
    fn encode(&self) -> SecretBytes {
        let stored = StoredAccessKey {
            account: self.account.to_string(),
            secret: self.secret.reveal(Reveal::ToSeal).to_vec().into(),
            created_millis: self.created.millis(),
        };
        encode_cbor(FORM, &stored)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut stored: StoredAccessKey = decode_cbor(FORM, bytes)?;
        let secret = Vec::from(std::mem::replace(&mut stored.secret, Vec::new().into()));
        Some(Self {
            account: AccountId::parse(&stored.account)?,
            secret: SecretBytes::from(secret),
            created: Timestamp::from_millis(stored.created_millis),
        })
    }
}
