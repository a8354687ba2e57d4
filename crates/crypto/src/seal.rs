//! Sealing of stored records: authenticated encryption bound to the place and the version of the record.
//!
//! Whoever can edit the store must not be able to read a record, change it, move it to another key, or pass
//! it off as another version. Sealed form, offsets in bytes:
//!
//! | offset | size | content |
//! |---|---|---|
//! | 0 | 1 | format, 0x01 |
//! | 1 | 4 | version of the domain key, big-endian |
//! | 5 | 32 | random salt |
//! | 37 | n | ciphertext |
//! | 37 + n | 16 | tag |
//!
//! Key (32) and nonce (12) of AES-256-GCM are derived ([`crate::kdf`], HMAC-SHA-512) from the domain key with
//! label `reseal v1 record` and the first 37 bytes as context. Associated data: those 37 bytes, u32 big-endian
//! length of the place, the place, u64 big-endian version of the record.

use reseal_types::{Reveal, SecretBytes};

use crate::{
    aead::{self, TAG_LEN},
    error::{CryptoError, SealError},
    kdf::DerivationKey,
    scratch::with_joined,
};

/// Bytes of a sealed record on top of its plaintext.
pub const OVERHEAD: usize = HEADER_LEN + TAG_LEN;

/// Length of a domain key.
pub const DOMAIN_KEY_LEN: usize = 32;

const FORMAT: u8 = 0x01;
const HEADER_LEN: usize = 37;
const LABEL: &[u8] = b"reseal v1 record";

/// A version of the key under which records are sealed, prepared for use.
pub struct DomainKey {
    version: u32,
    key: DerivationKey,
}

impl DomainKey {
    /// Prepares 32 bytes.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] for any other length.
    pub fn new(version: u32, key: &SecretBytes) -> Result<Self, CryptoError> {
        if key.len() != DOMAIN_KEY_LEN {
            return Err(CryptoError::InvalidKey);
        }
        Ok(Self { version, key: DerivationKey::hmac_sha512(key.reveal(Reveal::ToCipher)) })
    }

    /// Its version.
    pub const fn version(&self) -> u32 {
        self.version
    }
}

/// Seals `plaintext` for one place and version. `salt` must come fresh from the random generator.
///
/// # Errors
/// [`CryptoError::Failure`] when the library fails.
pub fn seal(
    domain: &DomainKey,
    place: &[u8],
    version: u64,
    salt: [u8; 32],
    plaintext: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let mut sealed = Vec::with_capacity(OVERHEAD + plaintext.len());
    sealed.push(FORMAT);
    sealed.extend_from_slice(&domain.version.to_be_bytes());
    sealed.extend_from_slice(&salt);
    let header = *sealed.first_chunk().ok_or(CryptoError::Failure)?;
    let record = RecordKey::derive(domain, &header)?;
    with_associated(&header, place, version, |associated| {
        aead::seal(record.key()?, record.nonce()?, associated, plaintext, &mut sealed)
    })?;
    Ok(sealed)
}

/// Opens what [`seal`] made for the same place and version.
///
/// # Errors
/// [`SealError::UnknownDomainKey`] when `domain_key_for` knows no such version, else [`SealError::Tampered`].
pub fn open<'a>(
    domain_key_for: impl Fn(u32) -> Option<&'a DomainKey>,
    place: &[u8],
    version: u64,
    sealed: &[u8],
) -> Result<SecretBytes, SealError> {
    let (header, body) = sealed.split_first_chunk::<HEADER_LEN>().ok_or(SealError::Tampered)?;
    let domain_version = domain_version(sealed).ok_or(SealError::Tampered)?;
    let domain = domain_key_for(domain_version).ok_or(SealError::UnknownDomainKey(domain_version))?;
    let opened = RecordKey::derive(domain, header).and_then(|record| {
        with_associated(header, place, version, |associated| {
            Ok(aead::open(record.key()?, record.nonce()?, associated, body)?)
        })
    });
    opened.map_err(|_| SealError::Tampered)
}

/// The version of the domain key that a sealed record claims, to find what must be sealed anew after a
/// rotation. `None` when the bytes have another format. A claim only: nothing has been authenticated.
pub fn domain_version(sealed: &[u8]) -> Option<u32> {
    let (&[FORMAT], rest) = sealed.split_first_chunk::<1>()? else {
        return None;
    };
    rest.first_chunk().copied().map(u32::from_be_bytes)
}

/// Key and nonce of one record.
struct RecordKey(zeroize::Zeroizing<[u8; 44]>);

impl RecordKey {
    fn derive(domain: &DomainKey, header: &[u8; HEADER_LEN]) -> Result<Self, CryptoError> {
        domain.key.derive(LABEL, header).map(Self)
    }

    fn key(&self) -> Result<&[u8; 32], CryptoError> {
        self.0.first_chunk().ok_or(CryptoError::Failure)
    }

    fn nonce(&self) -> Result<&[u8; 12], CryptoError> {
        self.0.last_chunk().ok_or(CryptoError::Failure)
    }
}

fn with_associated<R, E: From<CryptoError>>(
    header: &[u8; HEADER_LEN],
    place: &[u8],
    version: u64,
    then: impl FnOnce(&[u8]) -> Result<R, E>,
) -> Result<R, E> {
    let place_len = u32::try_from(place.len()).map_err(|_| CryptoError::Failure)?.to_be_bytes();
    with_joined(&[header, &place_len, place, &version.to_be_bytes()], |associated| then(associated))
}
