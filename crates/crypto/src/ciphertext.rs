//! The symmetric ciphertext blob, suite 0x0001. docs/ciphertext-format.md specifies it, byte for byte.
//!
//! A blob is header, commitment, ciphertext, tag. Every message has its own key, derived from the key material
//! and from all of header (with its random salt) and encryption context; the commitment, derived with it, ties
//! the blob to exactly these, which AES-GCM alone does not do. What this file writes is read for decades: it
//! must never change for a suite that has been released.

use reseal_types::{
    CiphertextHeader, Reveal, SecretBytes,
    ciphertext_header::{HEADER_LEN, Suite},
};
use zeroize::Zeroizing;

use crate::{
    aead::{self, TAG_LEN},
    digest,
    error::{CryptoError, InvalidCiphertext},
    kdf::DerivationKey,
};

/// Bytes of a blob on top of its plaintext.
pub const OVERHEAD: usize = HEADER_LEN + COMMITMENT_LEN + TAG_LEN;

/// Length of the key material of a symmetric KMS key.
pub const MATERIAL_LEN: usize = 32;

const COMMITMENT_LEN: usize = 32;

/// As long as it is so that each input of HMAC-SHA-256 (4 + 14 + 1 + 32 + 4 bytes) fills one block exactly.
const LABEL: &[u8; 14] = b"reseal suite 1";

/// Constant, because no two messages have the same key.
const NONCE: &[u8; 12] = &[0; 12];

/// Symmetric key material, prepared for use.
pub struct MaterialKey(DerivationKey);

impl MaterialKey {
    /// Prepares 32 bytes of key material.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] for any other length.
    pub fn new(material: &SecretBytes) -> Result<Self, CryptoError> {
        if material.len() != MATERIAL_LEN {
            return Err(CryptoError::InvalidKey);
        }
        Ok(Self(DerivationKey::hmac_sha256(material.reveal(Reveal::ToCipher))))
    }
}

/// Makes the blob of `plaintext`, at least one byte.
///
/// `header.salt` must come fresh from the random generator for every call: it alone makes the key of the
/// message unique, and two messages under one key would reveal each other. `context` is the canonical form of
/// the encryption context.
///
/// # Errors
/// [`CryptoError::PlaintextLength`] without plaintext, [`CryptoError::Failure`] when the library fails.
pub fn encrypt(
    material: &MaterialKey,
    header: &CiphertextHeader,
    context: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    if header.suite != Suite::DerivedAesGcm {
        return Err(CryptoError::Failure);
    }
    let header = header.to_bytes();
    let mut blob = Vec::with_capacity(OVERHEAD + plaintext.len());
    blob.extend_from_slice(&header);
    seal_body(material, LABEL, &header, context, plaintext, &mut blob)?;
    Ok(blob)
}

/// Appends commitment, ciphertext and tag.
pub(crate) fn seal_body(
    material: &MaterialKey,
    label: &[u8; 14],
    header: &[u8; HEADER_LEN],
    context: &[u8],
    plaintext: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), CryptoError> {
    if plaintext.is_empty() {
        return Err(CryptoError::PlaintextLength);
    }
    let message = MessageKey::derive(material, label, header, context)?;
    out.extend_from_slice(message.commitment()?);
    aead::seal(message.encryption_key()?, NONCE, message.commitment()?, plaintext, out)
}

/// Opens a blob.
///
/// The caller has chosen `material` by the header's ids; here the blob proves that they belong together.
///
/// # Errors
/// [`InvalidCiphertext`], whatever the reason: other material, other context, altered, cut or extended bytes,
/// nothing inside.
pub fn decrypt(
    material: &MaterialKey,
    blob: &[u8],
    context: &[u8],
) -> Result<SecretBytes, InvalidCiphertext> {
    if CiphertextHeader::parse(blob).ok_or(InvalidCiphertext)?.suite != Suite::DerivedAesGcm {
        return Err(InvalidCiphertext);
    }
    let (header, body) = blob.split_first_chunk::<HEADER_LEN>().ok_or(InvalidCiphertext)?;
    open_body(material, LABEL, header, context, body)
}

/// Opens commitment, ciphertext and tag.
pub(crate) fn open_body(
    material: &MaterialKey,
    label: &[u8; 14],
    header: &[u8; HEADER_LEN],
    context: &[u8],
    body: &[u8],
) -> Result<SecretBytes, InvalidCiphertext> {
    let (commitment, sealed) = body.split_first_chunk::<COMMITMENT_LEN>().ok_or(InvalidCiphertext)?;
    if sealed.len() <= TAG_LEN {
        return Err(InvalidCiphertext);
    }
    let message = MessageKey::derive(material, label, header, context)?;
    if !digest::equal_in_constant_time(message.commitment()?, commitment) {
        return Err(InvalidCiphertext);
    }
    aead::open(message.encryption_key()?, NONCE, commitment, sealed)
}

/// What is derived for one message: encryption key (32 bytes), commitment (32 bytes).
struct MessageKey(Zeroizing<[u8; 64]>);

impl MessageKey {
    fn derive(
        material: &MaterialKey,
        label: &[u8; 14],
        header: &[u8; HEADER_LEN],
        context: &[u8],
    ) -> Result<Self, CryptoError> {
        let bound = digest::sha256_of_parts(&[header, context]);
        material.0.derive(label, &bound).map(Self)
    }

    fn encryption_key(&self) -> Result<&[u8; 32], CryptoError> {
        self.0.first_chunk().ok_or(CryptoError::Failure)
    }

    fn commitment(&self) -> Result<&[u8; COMMITMENT_LEN], CryptoError> {
        self.0.last_chunk().ok_or(CryptoError::Failure)
    }
}
