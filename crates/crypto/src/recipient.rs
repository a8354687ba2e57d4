//! Answers for an attested recipient: CMS EnvelopedData (RFC 5652 section 6) in DER, encrypted so that only the
//! holder of the RSA key in an attestation document opens it.
//!
//! One KeyTransRecipientInfo, named by subject key identifier, with the content key under RSAES-OAEP with SHA-256
//! (RFC 8017); the content under AES-256 in CBC mode (RFC 3565). What the enclave SDKs of AWS read.

use aws_lc_rs::{
    cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey},
    digest,
    encoding::{AsDer, PublicKeyX509Der},
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey},
};
use reseal_types::{Reveal, SecretBytes};
use zeroize::Zeroizing;

use crate::{
    der::{self, CONTEXT_0, CONTEXT_0_CONSTRUCTED, INTEGER, OCTET_STRING, SEQUENCE, SET},
    error::CryptoError,
    random,
};

/// `id-data` and `id-envelopedData` of CMS, `id-RSAES-OAEP`, `id-sha256`, `id-mgf1`, `id-aes256-CBC`.
const DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const ENVELOPED_DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03];
const RSAES_OAEP: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07];
const MGF1: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08];
const SHA256: &[u8] = &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const AES256_CBC: &[u8] = &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
const NULL: &[u8] = &[0x05, 0x00];
const CONTEXT_1_CONSTRUCTED: u8 = 0xa1;

/// The block length of AES.
const BLOCK: usize = 16;

/// An RSA public key that answers are encrypted to.
pub struct RecipientKey {
    public: OaepPublicEncryptingKey,
    /// SHA-1 of the key itself (RFC 5280 section 4.2.1.2, method 1).
    identifier: Vec<u8>,
}

impl RecipientKey {
    /// Reads a DER SubjectPublicKeyInfo with an RSA key of 2,048 to 8,192 bits.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] for anything else.
    pub fn from_der(spki: &[u8]) -> Result<Self, CryptoError> {
        let public = PublicEncryptingKey::from_der(spki).map_err(|_| CryptoError::InvalidKey)?;
        let canonical: PublicKeyX509Der<'_> = public.as_der()?;
        // The library ignores what follows a key.
        if canonical.as_ref() != spki {
            return Err(CryptoError::InvalidKey);
        }
        let key = key_bits(spki).ok_or(CryptoError::InvalidKey)?;
        let identifier = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, key).as_ref().to_vec();
        Ok(Self { public: OaepPublicEncryptingKey::new(public)?, identifier })
    }

    /// Encrypts to the holder of the private key: a DER ContentInfo.
    ///
    /// # Errors
    /// [`CryptoError::Failure`] when the library fails.
    pub fn encrypt(&self, plaintext: &SecretBytes) -> Result<Vec<u8>, CryptoError> {
        let mut content_key = Zeroizing::new([0; 32]);
        random::fill(&mut *content_key)?;
        let mut vector = [0; BLOCK];
        random::fill(&mut vector)?;
        let content = encrypt_content(&content_key, &vector, plaintext)?;
        let mut wrapped = vec![0; self.public.ciphertext_size()];
        self.public.encrypt(&OAEP_SHA256_MGF1SHA256, &*content_key, &mut wrapped, None)?;

        let recipient = der::value(
            SEQUENCE,
            &[
                &der::value(INTEGER, &[&[2]]),
                &der::value(CONTEXT_0, &[&self.identifier]),
                &oaep_with_sha256(),
                &der::value(OCTET_STRING, &[&wrapped]),
            ],
        );
        let encrypted_content = der::value(
            SEQUENCE,
            &[
                DATA,
                &der::value(SEQUENCE, &[AES256_CBC, &der::value(OCTET_STRING, &[&vector])]),
                &der::value(CONTEXT_0, &[&content]),
            ],
        );
        let enveloped = der::value(
            SEQUENCE,
            &[&der::value(INTEGER, &[&[2]]), &der::value(SET, &[&recipient]), &encrypted_content],
        );
        Ok(der::value(SEQUENCE, &[ENVELOPED_DATA, &der::value(CONTEXT_0_CONSTRUCTED, &[&enveloped])]))
    }
}

/// AES-256-CBC with the padding of RFC 5652 section 6.3. `vector` must come fresh from the random generator.
pub(crate) fn encrypt_content(
    key: &[u8; 32],
    vector: &[u8; BLOCK],
    plaintext: &SecretBytes,
) -> Result<Vec<u8>, CryptoError> {
    // Room for the padding, so that the buffer never moves and leaves a copy behind.
    let mut buffer = Zeroizing::new(Vec::with_capacity(plaintext.len() + BLOCK));
    buffer.extend_from_slice(plaintext.reveal(Reveal::ToCipher));
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, key)?)?;
    key.less_safe_encrypt(&mut *buffer, EncryptionContext::Iv128(vector.into()))?;
    Ok(std::mem::take(&mut *buffer))
}

/// The AlgorithmIdentifier of RSAES-OAEP with SHA-256 for hash and mask (RFC 4055 section 4.1).
fn oaep_with_sha256() -> Vec<u8> {
    let sha256 = der::value(SEQUENCE, &[SHA256, NULL]);
    let mask = der::value(SEQUENCE, &[MGF1, &sha256]);
    let parameters = der::value(
        SEQUENCE,
        &[&der::value(CONTEXT_0_CONSTRUCTED, &[&sha256]), &der::value(CONTEXT_1_CONSTRUCTED, &[&mask])],
    );
    der::value(SEQUENCE, &[RSAES_OAEP, &parameters])
}

/// The content of the bit string at the end of a canonical SubjectPublicKeyInfo of RSA.
fn key_bits(spki: &[u8]) -> Option<&[u8]> {
    /// rsaEncryption with NULL parameters, then the tag of the bit string.
    const BEFORE: &[u8] =
        &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03];
    // Outer header of four bytes: such a key has more than 255 bytes and fewer than 65,536.
    let bit_string = spki.get(4..)?.strip_prefix(BEFORE)?;
    match bit_string {
        [0x82, _, _, 0x00, key @ ..] => Some(key),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
