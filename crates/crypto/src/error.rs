//! What can go wrong in this crate. No variant carries secret bytes or says which check of a decryption
//! failed.

use std::{error::Error, fmt};

use aws_lc_rs::error::Unspecified;

/// Why an operation was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CryptoError {
    /// The key has the wrong length, encoding, type or size, or is inconsistent.
    InvalidKey,
    /// A key of this spec has no such algorithm.
    UnsupportedAlgorithm,
    /// The plaintext is empty or longer than the algorithm takes under this key.
    PlaintextLength,
    /// The algorithm signs no message of this type and length.
    MessageLength,
    /// The signature was not made by this key, algorithm and message, or was altered.
    InvalidSignature,
    /// The ciphertext was not made by this key and algorithm, or was altered.
    InvalidCiphertext,
    /// The library could not do its work: no memory, no randomness, or its own self-test failed.
    Failure,
}

impl fmt::Display for CryptoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidKey => "the key is not valid",
            Self::UnsupportedAlgorithm => "the key has no such algorithm",
            Self::PlaintextLength => "the plaintext is empty or too long",
            Self::MessageLength => "the algorithm signs no such message",
            Self::InvalidSignature => "the signature is not valid",
            Self::InvalidCiphertext => "the ciphertext is not valid",
            Self::Failure => "the cryptographic library failed",
        })
    }
}

impl Error for CryptoError {}

impl From<Unspecified> for CryptoError {
    fn from(_: Unspecified) -> Self {
        Self::Failure
    }
}

impl From<InvalidCiphertext> for CryptoError {
    fn from(_: InvalidCiphertext) -> Self {
        Self::InvalidCiphertext
    }
}

/// The one answer for every way in which a decryption can fail. More detail would be an oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidCiphertext;

impl fmt::Display for InvalidCiphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ciphertext is not valid")
    }
}

impl Error for InvalidCiphertext {}

impl From<Unspecified> for InvalidCiphertext {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

impl From<CryptoError> for InvalidCiphertext {
    fn from(_: CryptoError) -> Self {
        Self
    }
}

/// Why a sealed record or a wrapped key was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealError {
    /// It names a domain key version that is not at hand.
    UnknownDomainKey(u32),
    /// It was altered, cut, moved from another place or version, or sealed under another key.
    Tampered,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownDomainKey(version) => write!(f, "sealed under unknown domain key version {version}"),
            Self::Tampered => f.write_str("the sealed record is not authentic"),
        }
    }
}

impl Error for SealError {}
