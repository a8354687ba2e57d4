//! The symmetric ciphertext blob, suite 0x0001. docs/ciphertext-format.md specifies it, byte for byte.
//!
//! A blob is header, commitment, ciphertext, tag. Every message has its own keys, derived from the key
//! material and the whole header with its random salt; the commitment binds the blob to exactly one key
//! material and encryption context, which AES-GCM alone does not do. What this file writes is read for
//! decades: it must never change for a suite that has been released.

use aws_lc_rs::hmac;
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
    scratch::with_joined,
};

/// Bytes of a blob on top of its plaintext.
pub const OVERHEAD: usize = HEADER_LEN + COMMITMENT_LEN + TAG_LEN;

/// Length of the key material of a symmetric KMS key.
pub const MATERIAL_LEN: usize = 32;

const COMMITMENT_LEN: usize = 32;
const LABEL: &[u8] = b"reseal v1 suite 1";
const COMMIT_PREFIX: &[u8] = b"commit";

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
        Ok(Self(DerivationKey::new(material.reveal(Reveal::ToCipher))))
    }
}

/// Makes the blob of `plaintext`.
///
/// `header.salt` must come fresh from the random generator for every call: it is what makes the message keys
/// unique. `context` is the canonical form of the encryption context.
///
/// # Errors
/// [`CryptoError::Failure`] when the library fails.
pub fn encrypt(
    material: &MaterialKey,
    header: &CiphertextHeader,
    context: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let Suite::DerivedAesGcm = header.suite;
    let header = header.to_bytes();
    let message = MessageKeys::derive(material, &header, context)?;
    let mut blob = Vec::with_capacity(OVERHEAD + plaintext.len());
    blob.extend_from_slice(&header);
    blob.extend_from_slice(&message.commitment);
    with_joined(&[&header, &message.commitment, context], |associated| {
        aead::seal(message.encryption_key()?, message.nonce()?, associated, plaintext, &mut blob)
    })?;
    Ok(blob)
}

/// Opens a blob.
///
/// The caller has chosen `material` by the header's ids; here the blob proves that they belong together.
///
/// # Errors
/// [`InvalidCiphertext`], whatever the reason: other material, other context, altered, cut or extended bytes.
pub fn decrypt(
    material: &MaterialKey,
    blob: &[u8],
    context: &[u8],
) -> Result<SecretBytes, InvalidCiphertext> {
    let Suite::DerivedAesGcm = CiphertextHeader::parse(blob).ok_or(InvalidCiphertext)?.suite;
    let (header, rest) = blob.split_first_chunk::<HEADER_LEN>().ok_or(InvalidCiphertext)?;
    let (commitment, sealed) = rest.split_first_chunk::<COMMITMENT_LEN>().ok_or(InvalidCiphertext)?;
    let message = MessageKeys::derive(material, header, context)?;
    if !digest::equal_in_constant_time(&message.commitment, commitment) {
        return Err(InvalidCiphertext);
    }
    with_joined(&[header, commitment, context], |associated| {
        aead::open(message.encryption_key()?, message.nonce()?, associated, sealed)
    })
}

/// What is derived for one message.
struct MessageKeys {
    /// Encryption key (32), commitment key (32), nonce (12).
    derived: Zeroizing<[u8; 76]>,
    commitment: [u8; COMMITMENT_LEN],
}

impl MessageKeys {
    fn derive(
        material: &MaterialKey,
        header: &[u8; HEADER_LEN],
        context: &[u8],
    ) -> Result<Self, CryptoError> {
        let context_digest = digest::sha256(context);
        let derived = with_joined(&[header, &context_digest], |bound| material.0.derive::<76>(LABEL, bound))?;
        let mut keys = Self { derived, commitment: [0; COMMITMENT_LEN] };
        let commitment_key = hmac::Key::new(hmac::HMAC_SHA256, keys.part::<32>(32)?);
        with_joined(&[COMMIT_PREFIX, header, &context_digest], |committed| {
            hmac::sign_to_buffer(&commitment_key, committed, &mut keys.commitment).map(|_| ())
        })?;
        Ok(keys)
    }

    fn encryption_key(&self) -> Result<&[u8; 32], CryptoError> {
        self.part(0)
    }

    fn nonce(&self) -> Result<&[u8; 12], CryptoError> {
        self.part(64)
    }

    fn part<const N: usize>(&self, offset: usize) -> Result<&[u8; N], CryptoError> {
        self.derived.get(offset..).and_then(<[u8]>::first_chunk).ok_or(CryptoError::Failure)
    }
}
