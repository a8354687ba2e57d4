//! Attestation documents of Nitro Enclaves and NitroTPM: who may be answered in secret, and what runs there.
//!
//! A document is a COSE_Sign1 (RFC 9052) over a CBOR map, signed with ES384 by a certificate that leads to a root.
//! Source: "Verifying the root of trust" of the Nitro Enclaves user guide, and the attestation process description of
//! the Nitro Security Module API. Nothing of a document is used before its signature and its certificates held.
//!
//! The time comes from outside, and so do the roots. KMS gives out no nonces, so that a nonce in a document says
//! nothing here; what stands against replay is the age of the document, and that only the holder of its RSA key can
//! read an answer.

mod chain;
mod document;

use std::fmt;

pub use chain::{NoRoots, Roots};
use document::Document;
use reseal_types::Timestamp;

use crate::recipient::RecipientKey;

/// Where a document comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// A Nitro Enclave.
    Enclave,
    /// An EC2 instance with NitroTPM.
    NitroTpm,
}

/// What a valid document says.
pub struct Attested {
    /// The Nitro Security Module that issued it.
    pub module_id: String,
    /// Enclave or instance.
    pub platform: Platform,
    /// Platform configuration registers: index and digest, in ascending order.
    pub registers: Vec<(u8, Vec<u8>)>,
    /// The RSA key that answers are encrypted to.
    pub recipient: RecipientKey,
}

/// Why a document is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttestationError {
    /// Not a COSE_Sign1 with an attestation document in it, or a member out of its bounds.
    Malformed,
    /// The certificate does not lead to a root, or a certificate on the way is not valid at this time.
    Certificate,
    /// The signature is not that of the certificate.
    Signature,
    /// Issued too long ago, or in the future.
    Age,
    /// No RSA public key to encrypt an answer to.
    PublicKey,
}

impl fmt::Display for AttestationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is malformed",
            Self::Certificate => "its certificate is not trusted",
            Self::Signature => "its signature is not valid",
            Self::Age => "it was issued too long ago or in the future",
            Self::PublicKey => "it has no RSA public key of at least 2048 bits",
        })
    }
}

impl std::error::Error for AttestationError {}

/// Checks a document at the time `now`: at most `window_millis` old, and no more than that in the future. Up to a few
/// milliseconds of work.
///
/// # Errors
/// The first thing that does not hold.
pub fn verify(
    bytes: &[u8],
    roots: &Roots,
    now: Timestamp,
    window_millis: i64,
) -> Result<Attested, AttestationError> {
    let signed = document::Signed::parse(bytes)?;
    let document = Document::parse(signed.payload)?;
    let public_key = roots.verify(document.certificate, &document.bundle, now)?;
    signed.verify(&public_key)?;
    let age = i128::from(now.millis()) - i128::from(document.timestamp);
    if age.abs() > i128::from(window_millis) {
        return Err(AttestationError::Age);
    }
    let public_key = document.public_key.ok_or(AttestationError::PublicKey)?;
    let recipient = RecipientKey::from_der(public_key).map_err(|_| AttestationError::PublicKey)?;
    Ok(Attested {
        module_id: document.module_id.to_owned(),
        platform: document.platform,
        registers: document.registers.into_iter().map(|(index, digest)| (index, digest.to_vec())).collect(),
        recipient,
    })
}

impl Attested {
    /// What policies may ask: each name behind `kms:RecipientAttestation:` with its value, lower-case hexadecimal.
    /// The image of an enclave is its register 0.
    pub fn measurements(&self) -> Vec<(String, String)> {
        let prefix = match self.platform {
            Platform::Enclave => "PCR",
            Platform::NitroTpm => "NitroTPMPCR",
        };
        let named = |(index, digest): &(u8, Vec<u8>)| (format!("{prefix}{index}"), hex::encode(digest));
        let image = self.image_digest().map(|digest| ("ImageSha384".to_owned(), digest));
        image.into_iter().chain(self.registers.iter().map(named)).collect()
    }

    /// The digest of an enclave's image, lower-case hexadecimal.
    pub fn image_digest(&self) -> Option<String> {
        let first = self.registers.first().filter(|(index, _)| *index == 0);
        first.filter(|_| self.platform == Platform::Enclave).map(|(_, digest)| hex::encode(digest))
    }
}

#[cfg(test)]
mod tests;
