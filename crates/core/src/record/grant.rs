//! A grant as it is stored, and the entries that lead to it.
//!
//! A grant stands among those of its grantee on its key, in order of creation, so that one scan finds all that can
//! speak for a caller. Every other way to it (by id, in order of creation, by equal parameters, by retiring
//! principal) is an entry that holds the rest of its place.

use minicbor::{CborLen, Decode, Encode, bytes::ByteVec};
use reseal_crypto::digest::sha256;
use reseal_policy::{GrantOperation, GrantOperations, Principal};
use reseal_types::{AccountId, EncryptionContext, GrantId, Reveal, SecretBytes, Timestamp};

use super::{Record, decode_cbor, encode_cbor, small::prefixed};

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GrantRecord {
    pub(crate) id: GrantId,
    /// Which of the key's grants it is, in order of creation.
    pub(crate) serial: u64,
    pub(crate) created: Timestamp,
    /// The account under which it was issued: that of the key.
    pub(crate) issuing_account: AccountId,
    pub(crate) terms: GrantTerms,
}

/// What a caller asked a grant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GrantTerms {
    pub(crate) grantee: Party,
    pub(crate) retiring: Option<Party>,
    pub(crate) operations: GrantOperations,
    pub(crate) context: Option<ContextTerm>,
    pub(crate) source_arn: Option<String>,
    pub(crate) name: Option<String>,
    /// The unique ids of the users or roles behind `grantee` and `retiring`, where they are of accounts here. A
    /// principal made again under the same name is not the one that was meant.
    pub(crate) meant: Meant,
}

/// Unique ids of the principals that a grant names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Meant {
    pub(crate) grantee: Option<String>,
    pub(crate) retiring: Option<String>,
}

/// Someone whom a grant names, as named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Party {
    /// By ARN.
    Principal(String),
    /// A service principal, such as `logs.eu-west-1.amazonaws.com`.
    Service(String),
}

/// A constraint on the encryption context; its context is never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContextTerm {
    /// Whether the context must be just this one, or may have more pairs.
    pub(crate) exact: bool,
    pub(crate) context: EncryptionContext,
}

/// How many grants a key has, and how many it ever had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct GrantCount {
    pub(crate) live: u32,
    pub(crate) ever: u64,
}

impl Party {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Principal(text) | Self::Service(text) => text,
        }
    }

    /// The ARN; `None` for a service.
    pub(crate) fn principal(&self) -> Option<&str> {
        match self {
            Self::Principal(arn) => Some(arn),
            Self::Service(_) => None,
        }
    }

    /// The service; `None` for a principal with an ARN.
    pub(crate) fn service(&self) -> Option<&str> {
        match self {
            Self::Principal(_) => None,
            Self::Service(name) => Some(name),
        }
    }

    /// As the policy engine knows it.
    pub(crate) fn parse(&self) -> Option<Principal> {
        match self {
            Self::Principal(arn) => Principal::parse(arn),
            Self::Service(name) => Principal::parse_service(name),
        }
    }
}

/// Where a grant stands: the last part of its place, after the key's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GrantPointer(pub(crate) String);

const FORM: u8 = 1;

#[derive(Encode, Decode, CborLen)]
struct StoredGrant {
    #[n(0)]
    id: ByteVec,
    #[n(1)]
    serial: u64,
    #[n(2)]
    created_millis: i64,
    #[n(3)]
    issuing_account: String,
    #[n(4)]
    terms: StoredTerms,
}

#[derive(Encode, Decode, CborLen)]
struct StoredTerms {
    #[n(0)]
    grantee: StoredParty,
    #[n(1)]
    retiring: Option<StoredParty>,
    #[n(2)]
    operations: Vec<String>,
    #[n(3)]
    context: Option<StoredContextTerm>,
    #[n(4)]
    source_arn: Option<String>,
    #[n(5)]
    name: Option<String>,
    #[n(6)]
    grantee_id: Option<String>,
    #[n(7)]
    retiring_id: Option<String>,
}

#[derive(Encode, Decode, CborLen)]
struct StoredParty {
    #[n(0)]
    service: bool,
    #[n(1)]
    text: String,
}

#[derive(Encode, Decode, CborLen)]
struct StoredContextTerm {
    #[n(0)]
    exact: bool,
    #[n(1)]
    pairs: Vec<(String, String)>,
}

impl From<&Party> for StoredParty {
    fn from(party: &Party) -> Self {
        Self { service: party.service().is_some(), text: party.as_str().to_owned() }
    }
}

impl From<StoredParty> for Party {
    fn from(stored: StoredParty) -> Self {
        if stored.service { Self::Service(stored.text) } else { Self::Principal(stored.text) }
    }
}

impl From<&GrantTerms> for StoredTerms {
    fn from(terms: &GrantTerms) -> Self {
        let context = |term: &ContextTerm| StoredContextTerm {
            exact: term.exact,
            pairs: term.context.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        };
        Self {
            grantee: StoredParty::from(&terms.grantee),
            retiring: terms.retiring.as_ref().map(StoredParty::from),
            operations: terms.operations.iter().map(|operation| operation.name().to_owned()).collect(),
            context: terms.context.as_ref().map(context),
            source_arn: terms.source_arn.clone(),
            name: terms.name.clone(),
            grantee_id: terms.meant.grantee.clone(),
            retiring_id: terms.meant.retiring.clone(),
        }
    }
}

impl StoredTerms {
    fn parse(self) -> Option<GrantTerms> {
        let context = match self.context {
            None => None,
            Some(term) => {
                Some(ContextTerm { exact: term.exact, context: EncryptionContext::new(term.pairs).ok()? })
            }
        };
        let operations = self.operations.iter().map(|name| GrantOperation::parse(name));
        Some(GrantTerms {
            grantee: self.grantee.into(),
            retiring: self.retiring.map(Party::from),
            operations: operations.collect::<Option<_>>()?,
            context,
            source_arn: self.source_arn,
            name: self.name,
            meant: Meant { grantee: self.grantee_id, retiring: self.retiring_id },
        })
    }
}

impl Record for GrantRecord {
    fn encode(&self) -> SecretBytes {
        let stored = StoredGrant {
            id: self.id.0.to_vec().into(),
            serial: self.serial,
            created_millis: self.created.millis(),
            issuing_account: self.issuing_account.to_string(),
            terms: StoredTerms::from(&self.terms),
        };
        encode_cbor(FORM, &stored)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let stored: StoredGrant = decode_cbor(FORM, bytes)?;
        Some(Self {
            id: GrantId(stored.id.as_slice().try_into().ok()?),
            serial: stored.serial,
            created: Timestamp::from_millis(stored.created_millis),
            issuing_account: AccountId::parse(&stored.issuing_account)?,
            terms: stored.terms.parse()?,
        })
    }
}

impl Record for GrantPointer {
    fn encode(&self) -> SecretBytes {
        prefixed(FORM, self.0.as_bytes())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (&FORM, rest) = bytes.split_first()? else { return None };
        Some(Self(std::str::from_utf8(rest).ok()?.to_owned()))
    }
}

impl GrantTerms {
    /// The grantee, if a caller with that unique id can be the one that is meant.
    pub(crate) fn grantee_as(&self, id: &str) -> Option<&Party> {
        Some(&self.grantee).filter(|_| is_meant(self.meant.grantee.as_deref(), id))
    }

    /// The retiring principal, if a caller with that unique id can be the one that is meant.
    pub(crate) fn retiring_as(&self, id: &str) -> Option<&Party> {
        self.retiring.as_ref().filter(|_| is_meant(self.meant.retiring.as_deref(), id))
    }

    /// A digest that is equal for equal terms and for no others: the stored form can be read back.
    pub(crate) fn digest(&self) -> [u8; 32] {
        sha256(encode_cbor(FORM, &StoredTerms::from(self)).reveal(Reveal::ToSeal))
    }
}

fn is_meant(meant: Option<&str>, id: &str) -> bool {
    meant.is_none_or(|meant| meant == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let pairs = vec![("a".to_owned(), "b".to_owned())];
        let record = GrantRecord {
            id: GrantId([7; 32]),
            serial: 3,
            created: Timestamp::from_millis(1),
            issuing_account: AccountId::parse("111122223333").unwrap(),
            terms: GrantTerms {
                grantee: Party::Principal("arn:aws:iam::111122223333:root".to_owned()),
                retiring: Some(Party::Service("logs.amazonaws.com".to_owned())),
                operations: [GrantOperation::Decrypt, GrantOperation::RetireGrant].into_iter().collect(),
                context: Some(ContextTerm { exact: true, context: EncryptionContext::new(pairs).unwrap() }),
                source_arn: Some("arn:aws:s3:::bucket".to_owned()),
                name: Some("n".to_owned()),
                meant: Meant { grantee: Some("AIDA".to_owned()), retiring: None },
            },
        };
        let bytes = record.encode();
        let bytes = bytes.reveal(Reveal::ToSeal);
        assert_eq!(GrantRecord::decode(bytes), Some(record.clone()));
        assert_eq!(GrantRecord::decode(&bytes[1..]), None);
        let mut other = record.terms.clone();
        other.retiring = None;
        assert_ne!(other.digest(), record.terms.digest());
        let mut other = record.terms.clone();
        other.meant.grantee = Some("AIDB".to_owned());
        assert_ne!(other.digest(), record.terms.digest(), "a retry is of the same principal");
        assert!(other.grantee_as("AIDB").is_some() && other.grantee_as("AIDA").is_none());
        assert!(other.retiring_as("anyone").is_some());
    }

    /// Grants without ids are stored as they were before there were ids.
    #[test]
    fn what_was_stored_without_ids_reads_and_is_found() {
        let mut old = vec![FORM];
        let party = (false, "arn:aws:iam::111122223333:user/a");
        let terms = (party, None::<u8>, ["Decrypt"], None::<u8>, None::<u8>, "n");
        let record = (minicbor::bytes::ByteArray::from([7; 32]), 3_u64, 1_i64, "111122223333", terms);
        minicbor::encode(record, &mut old).unwrap();
        let read = GrantRecord::decode(&old).unwrap();
        assert_eq!(read.terms.meant, Meant::default());
        assert_eq!(read.encode().reveal(Reveal::ToSeal), old);
        let mut of_terms = vec![FORM];
        minicbor::encode(terms, &mut of_terms).unwrap();
        assert_eq!(read.terms.digest(), sha256(&of_terms));
    }

    #[test]
    fn pointers_round_trip() {
        let pointer = GrantPointer("to/ab/1".to_owned());
        let bytes = pointer.encode();
        assert_eq!(GrantPointer::decode(bytes.reveal(Reveal::ToSeal)), Some(pointer));
        assert_eq!(GrantPointer::decode(&[]), None);
        assert_eq!(GrantPointer::decode(&[2, b'a']), None);
    }
}
