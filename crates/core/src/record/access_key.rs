//! An access key as it is stored.

use minicbor::{CborLen, Decode, Encode, bytes::ByteVec};
use reseal_types::{AccountId, Reveal, SecretBytes, Timestamp};
use zeroize::Zeroize;

use super::{Record, decode_cbor, encode_cbor};

/// A long-term access key of a user or of an account's root; its id is its place.
pub(crate) struct AccessKeyRecord {
    /// The account it belongs to.
    pub(crate) account: AccountId,
    /// The secret access key.
    pub(crate) secret: SecretBytes,
    /// When it was made.
    pub(crate) created: Timestamp,
    /// The user it belongs to; `None`: the root of the account.
    pub(crate) user: Option<UserRef>,
    /// Whether it may be used.
    pub(crate) active: bool,
}

/// A user: by name, and by unique id, so that a user made again under the same name is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserRef {
    pub(crate) name: String,
    pub(crate) id: String,
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
    #[n(3)]
    user: Option<(String, String)>,
    #[n(4)]
    inactive: Option<bool>,
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
            user: self.user.as_ref().map(|user| (user.name.clone(), user.id.clone())),
            inactive: (!self.active).then_some(true),
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
            user: stored.user.take().map(|(name, id)| UserRef { name, id }),
            active: stored.inactive != Some(true),
        })
    }
}
