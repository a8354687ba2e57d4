//! Ciphertext blobs of custom key stores: suite 0x0002 for external key stores, suite 0x0004 for clusters.
//! docs/ciphertext-format.md specifies them, byte for byte.
//!
//! Behind the header stands what AES-256-GCM outside of the service has made. Of an external key store that is the
//! second of two encryptions: the first is done here, as in suite 0x0001, so that neither the key manager nor the
//! service alone can read a message. What this file writes is read for decades: it must never change for a suite
//! that has been released.

use reseal_types::{
    CiphertextHeader, SecretBytes,
    ciphertext_header::{HEADER_LEN, Suite},
};

use crate::{
    aead::TAG_LEN,
    ciphertext::{MaterialKey, open_body, seal_body},
    digest,
    error::{CryptoError, InvalidCiphertext},
};

/// What AES-256-GCM outside of the service has made. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// 12 or 16 bytes.
    pub iv: Vec<u8>,
    /// What an external key manager wants to see again: at most 20 bytes.
    pub metadata: Vec<u8>,
    /// The authentication tag.
    pub tag: [u8; TAG_LEN],
    /// As long as the plaintext.
    pub ciphertext: Vec<u8>,
}

/// The longest [`Foreign::metadata`].
pub const MAX_METADATA_LEN: usize = 20;

/// The lengths of an IV that the format takes.
pub const IV_LENS: [usize; 2] = [12, 16];

/// As long as that of suite 0x0001, and for the same reason.
const LABEL: &[u8; 14] = b"reseal suite 2";

/// The first of the two encryptions of suite 0x0002: what the external key manager is to encrypt.
///
/// `header.salt` must come fresh from the random generator for every call. `context` is the canonical form of the
/// encryption context.
///
/// # Errors
/// [`CryptoError::PlaintextLength`] without plaintext, [`CryptoError::Failure`] when the library fails or the header
/// is one of another suite.
pub fn seal_inner(
    material: &MaterialKey,
    header: &CiphertextHeader,
    context: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    if header.suite != Suite::ExternalKeyStore {
        return Err(CryptoError::Failure);
    }
    let mut inner = Vec::with_capacity(plaintext.len() + 32 + TAG_LEN);
    seal_body(material, LABEL, &header.to_bytes(), context, plaintext, &mut inner)?;
    Ok(inner)
}

/// Opens what [`seal_inner`] made with the same material, header and context.
///
/// # Errors
/// [`InvalidCiphertext`], whatever the reason.
pub fn open_inner(
    material: &MaterialKey,
    header: &CiphertextHeader,
    context: &[u8],
    inner: &[u8],
) -> Result<SecretBytes, InvalidCiphertext> {
    if header.suite != Suite::ExternalKeyStore {
        return Err(InvalidCiphertext);
    }
    open_body(material, LABEL, &header.to_bytes(), context, inner)
}

/// The associated data of the encryption outside. The external key manager sees the header, the context stays here,
/// bound by the inner encryption; a cluster does all of it, and gets a digest of both.
pub fn associated_data(header: &CiphertextHeader, context: &[u8]) -> Vec<u8> {
    let bytes = header.to_bytes();
    match header.suite {
        Suite::Cluster => digest::sha256_of_parts(&[&bytes, context]).to_vec(),
        Suite::ExternalKeyStore | Suite::DerivedAesGcm => bytes.to_vec(),
    }
}

/// The blob.
///
/// # Errors
/// [`CryptoError::InvalidCiphertext`] when the parts do not have lengths that the format takes.
pub fn assemble(header: &CiphertextHeader, foreign: &Foreign) -> Result<Vec<u8>, CryptoError> {
    let Foreign { iv, metadata, tag, ciphertext } = foreign;
    if !is_external(header.suite) || !fits(header.suite, foreign) {
        return Err(CryptoError::InvalidCiphertext);
    }
    let length = |part: &[u8]| u8::try_from(part.len()).map_err(|_| CryptoError::InvalidCiphertext);
    let (iv_length, metadata_length) = (length(iv)?, length(metadata)?);
    let parts: [&[u8]; 7] =
        [&header.to_bytes(), &[iv_length], iv, &[metadata_length], metadata, tag, ciphertext];
    Ok(parts.concat())
}

/// The header of a blob, and what was made outside.
///
/// # Errors
/// [`InvalidCiphertext`] for anything that [`assemble`] does not make.
pub fn take_apart(blob: &[u8]) -> Result<(CiphertextHeader, Foreign), InvalidCiphertext> {
    let header = CiphertextHeader::parse(blob).filter(|header| is_external(header.suite));
    let (header, rest) = (header.ok_or(InvalidCiphertext)?, blob.get(HEADER_LEN..));
    let (iv, rest) = counted(rest.ok_or(InvalidCiphertext)?)?;
    let (metadata, rest) = counted(rest)?;
    let (tag, ciphertext) = rest.split_first_chunk().ok_or(InvalidCiphertext)?;
    let (iv, metadata, ciphertext) = (iv.to_vec(), metadata.to_vec(), ciphertext.to_vec());
    let foreign = Foreign { iv, metadata, tag: *tag, ciphertext };
    if fits(header.suite, &foreign) { Ok((header, foreign)) } else { Err(InvalidCiphertext) }
}

/// As many bytes as the first one says, and what follows them.
fn counted(bytes: &[u8]) -> Result<(&[u8], &[u8]), InvalidCiphertext> {
    let (&length, rest) = bytes.split_first().ok_or(InvalidCiphertext)?;
    rest.split_at_checked(usize::from(length)).ok_or(InvalidCiphertext)
}

fn is_external(suite: Suite) -> bool {
    matches!(suite, Suite::ExternalKeyStore | Suite::Cluster)
}

/// A cluster has no metadata.
fn fits(suite: Suite, foreign: &Foreign) -> bool {
    let metadata = if suite == Suite::ExternalKeyStore { MAX_METADATA_LEN } else { 0 };
    IV_LENS.contains(&foreign.iv.len())
        && foreign.metadata.len() <= metadata
        && !foreign.ciphertext.is_empty()
}
