//! An OIDC identity provider as it is stored: whose tokens an account takes.

use minicbor::{CborLen, Decode, Encode};
use reseal_types::{AccountId, SecretBytes, Timestamp};

use super::{Record, decode_cbor, encode_cbor};

/// An OIDC provider. The keys of its issuer come from the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcProviderRecord {
    /// The account it belongs to.
    pub account: AccountId,
    /// The issuer's URL without `https://`.
    pub issuer: String,
    /// Audiences that are accepted.
    pub client_ids: Vec<String>,
    /// As given; certificates are checked by other means.
    pub thumbprints: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// In the order in which the keys were first set.
    pub tags: Vec<(String, String)>,
}

const FORM: u8 = 1;

#[derive(Encode, Decode, CborLen)]
struct StoredProvider {
    #[n(0)]
    account: String,
    #[n(1)]
    issuer: String,
    #[n(2)]
    client_ids: Vec<String>,
    #[n(3)]
    thumbprints: Vec<String>,
    #[n(4)]
    created_millis: i64,
    #[n(5)]
    tags: Vec<(String, String)>,
}

impl Record for OidcProviderRecord {
    fn encode(&self) -> SecretBytes {
        let stored = StoredProvider {
            account: self.account.to_string(),
            issuer: self.issuer.clone(),
            client_ids: self.client_ids.clone(),
            thumbprints: self.thumbprints.clone(),
            created_millis: self.created.millis(),
            tags: self.tags.clone(),
        };
        encode_cbor(FORM, &stored)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let stored: StoredProvider = decode_cbor(FORM, bytes)?;
        Some(Self {
            account: AccountId::parse(&stored.account)?,
            issuer: stored.issuer,
            client_ids: stored.client_ids,
            thumbprints: stored.thumbprints,
            created: Timestamp::from_millis(stored.created_millis),
            tags: stored.tags,
        })
    }
}
