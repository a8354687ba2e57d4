//! Wrapping of domain keys under a root key, bound to a context such as the kind of custodian and a version.
//!
//! Wrapped form: format 0x02 (1 byte), random salt (32), ciphertext (n), tag (16). Key (32) and nonce (12) of
//! AES-256-GCM are derived ([`crate::kdf`], HMAC-SHA-512) from the root key with label `reseal v1 domain key`
//! and the first 33 bytes as context. Associated data: those 33 bytes, u32 big-endian length of the context,
//! the context.

use reseal_types::{Reveal, SecretBytes};
use zeroize::Zeroizing;

use crate::{
    aead::{self, TAG_LEN},
    error::{CryptoError, SealError},
    kdf::DerivationKey,
    scratch::with_joined,
};

/// Length of a root key.
pub const ROOT_KEY_LEN: usize = 32;

const FORMAT: u8 = 0x02;
const HEADER_LEN: usize = 33;
const LABEL: &[u8] = b"reseal v1 domain key";

/// The key at the top, prepared for use.
pub struct RootKey(DerivationKey);

impl RootKey {
    /// Prepares 32 bytes.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] for any other length.
    pub fn new(key: &SecretBytes) -> Result<Self, CryptoError> {
        if key.len() != ROOT_KEY_LEN {
            return Err(CryptoError::InvalidKey);
        }
        Ok(Self(DerivationKey::hmac_sha512(key.reveal(Reveal::ToCipher))))
    }
}

/// Wraps `key`. `salt` must come fresh from the random generator.
///
/// # Errors
/// [`CryptoError::Failure`] when the library fails.
pub fn wrap(
    root: &RootKey,
    context: &[u8],
    salt: [u8; 32],
    key: &SecretBytes,
) -> Result<Vec<u8>, CryptoError> {
    let mut wrapped = Vec::with_capacity(HEADER_LEN + key.len() + TAG_LEN);
    wrapped.push(FORMAT);
    wrapped.extend_from_slice(&salt);
    let header = *wrapped.first_chunk().ok_or(CryptoError::Failure)?;
    with_keys(root, &header, context, |key_bytes, nonce, associated| {
        aead::seal(key_bytes, nonce, associated, key.reveal(Reveal::ToSeal), &mut wrapped)
    })?;
    Ok(wrapped)
}

/// Opens what [`wrap`] made under the same root key and context.
///
/// # Errors
/// [`SealError::Tampered`]: altered, of another context, or wrapped under another root key.
pub fn unwrap(root: &RootKey, context: &[u8], wrapped: &[u8]) -> Result<SecretBytes, SealError> {
    let (header, body) = wrapped.split_first_chunk::<HEADER_LEN>().ok_or(SealError::Tampered)?;
    if header.first() != Some(&FORMAT) {
        return Err(SealError::Tampered);
    }
    with_keys(root, header, context, |key, nonce, associated| Ok(aead::open(key, nonce, associated, body)?))
        .map_err(|_| SealError::Tampered)
}

fn with_keys<R>(
    root: &RootKey,
    header: &[u8; HEADER_LEN],
    context: &[u8],
    then: impl FnOnce(&[u8; 32], &[u8; 12], &[u8]) -> Result<R, CryptoError>,
) -> Result<R, CryptoError> {
    let derived: Zeroizing<[u8; 44]> = root.0.derive(LABEL, header)?;
    let key = derived.first_chunk().ok_or(CryptoError::Failure)?;
    let nonce = derived.last_chunk().ok_or(CryptoError::Failure)?;
    let context_len = u32::try_from(context.len()).map_err(|_| CryptoError::Failure)?.to_be_bytes();
    with_joined(&[header, &context_len, context], |associated| then(key, nonce, associated))
}
