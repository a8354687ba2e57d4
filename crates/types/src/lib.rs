//! The nouns of the KMS API: identifiers, key specs, algorithms, the encryption context, the header of a
//! ciphertext blob, and bytes that must stay secret.
//!
//! Everything here is parsed once, at the edge, and carried as a type from then on. No behaviour of the
//! service, no I/O and no clock belong in this crate.
#![forbid(unsafe_code)]

pub mod algorithm;
pub mod arn;
pub mod ciphertext_header;
pub mod context;
pub mod grant;
pub mod import;
pub mod key;
pub mod key_ref;
pub mod secret;
pub mod signing;
pub mod time;

pub use algorithm::{EncapsulationAlgorithm, EncryptionAlgorithm, KeyAgreementAlgorithm, MacAlgorithm};
pub use arn::{AccountId, Partition, Region};
pub use ciphertext_header::{CiphertextHeader, KeyMaterialId};
pub use context::EncryptionContext;
pub use grant::GrantId;
pub use import::{ExpirationModel, ImportType, WrappingAlgorithm, WrappingKeySpec};
pub use key::{KeySpec, KeyState, KeyUsage, Origin};
pub use key_ref::{AliasName, KeyId, KeyRef};
pub use secret::{Reveal, SecretBytes};
pub use signing::{MessageType, SigningAlgorithm};
pub use time::Timestamp;
