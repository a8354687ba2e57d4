//! Cryptography: bytes in, bytes out.
//!
//! Every primitive comes from AWS-LC, except SM2; of SHA-256, which every call needs many times, it is the block
//! function. This crate adds the formats around them: the symmetric ciphertext blobs ([`ciphertext`], [`external`]),
//! sealed records ([`mod@seal`]), wrapped domain keys ([`mod@wrap`]), and
//! prepared asymmetric keys ([`asymmetric`]). It must never read a clock, a file or the network, and never decide who
//! may use a key.
#![deny(unsafe_code)]

mod aead;
pub mod agreement;
pub mod asymmetric;
pub mod attestation;
mod aws_lc;
pub mod ciphertext;
mod der;
pub mod digest;
pub mod error;
pub mod external;
pub mod import;
pub mod kdf;
pub mod kem;
pub mod mac;
pub mod random;
pub mod recipient;
pub mod rsa;
mod scratch;
pub mod seal;
pub mod self_test;
mod self_test_answers;
mod sha256;
pub mod signing;
#[cfg(feature = "sm2")]
pub mod sm2;
pub mod token;
pub mod wrap;

pub use asymmetric::{GeneratedKeyPair, KeyPair};
pub use ciphertext::{MaterialKey, decrypt, encrypt};
pub use error::{CryptoError, InvalidCiphertext, SealError};
pub use random::RandomPool;
pub use seal::{DomainKey, open, seal};
pub use wrap::{RootKey, unwrap, wrap};
