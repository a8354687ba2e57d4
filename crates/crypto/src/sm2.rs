//! SM2 key pairs, and public-key encryption with them (GB/T 32918.4, GM/T 0003.4) with SM3.
//!
//! Ciphertexts are the DER form of GM/T 0009: SEQUENCE { INTEGER x, INTEGER y, OCTET STRING hash, OCTET
//! STRING ciphertext }, the order C1, C3, C2. The implementation is RustCrypto's: it is not audited and not
//! validated, which is why SM2 is a cargo feature of its own.

mod agreement;
mod signing;

use reseal_types::{Reveal, SecretBytes};
use sm2::{
    PublicKey, SecretKey,
    elliptic_curve::{
        Generate,
        rand_core::{TryCryptoRng, TryRng},
    },
    pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, der::Decode},
    pke::{Cipher, DecryptingKey, EncryptingKey},
};

use crate::{
    error::{CryptoError, InvalidCiphertext},
    random,
};

/// The most plaintext bytes that SM2PKE takes under a KMS key.
const MAX_PLAINTEXT: usize = 1024;

/// An SM2 key pair, parsed and checked.
pub struct Sm2KeyPair {
    // Of the library's types only this one overwrites itself when dropped, so the decrypting key is made anew
    // for each call.
    private: SecretKey,
    public: PublicKey,
    spki: Vec<u8>,
}

impl Sm2KeyPair {
    /// Makes a key pair and returns its PKCS#8 form (RFC 5208), after encrypting and decrypting with what was
    /// read back from that form.
    ///
    /// # Errors
    /// [`CryptoError::Failure`] when there is no randomness or the pair is not consistent.
    pub fn generate() -> Result<(SecretBytes, Self), CryptoError> {
        let private = SecretKey::try_generate_from_rng(&mut Drbg)?;
        let der = private.to_pkcs8_der().map_err(|_| CryptoError::Failure)?;
        let pkcs8 = SecretBytes::from(der.as_bytes().to_vec());
        let pair = Self::load(&pkcs8).map_err(|_| CryptoError::Failure)?;
        pair.check_consistency()?;
        Ok((pkcs8, pair))
    }

    /// Reads a PKCS#8 private key on the SM2 curve.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] for anything else.
    pub fn load(pkcs8: &SecretBytes) -> Result<Self, CryptoError> {
        let private =
            SecretKey::from_pkcs8_der(pkcs8.reveal(Reveal::ToCipher)).map_err(|_| CryptoError::InvalidKey)?;
        let public = private.public_key();
        let spki = public.to_public_key_der().map_err(|_| CryptoError::InvalidKey)?.into_vec();
        Ok(Self { private, public, spki })
    }

    /// The public key as DER SubjectPublicKeyInfo (RFC 5280), 91 bytes.
    pub fn public_key_der(&self) -> &[u8] {
        &self.spki
    }

    /// Encrypts with the public key.
    ///
    /// # Errors
    /// [`CryptoError::PlaintextLength`] when `plaintext` is empty or longer than 1024 bytes.
    pub fn encrypt(&self, plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        if plaintext.is_empty() || plaintext.len() > MAX_PLAINTEXT {
            return Err(CryptoError::PlaintextLength);
        }
        EncryptingKey::new(self.public).encrypt_der(&mut Drbg, plaintext).map_err(|_| CryptoError::Failure)
    }

    /// Decrypts with the private key.
    ///
    /// # Errors
    /// [`InvalidCiphertext`], whatever the reason.
    pub fn decrypt(&self, ciphertext: &[u8]) -> Result<SecretBytes, InvalidCiphertext> {
        let cipher = Cipher::<sm2::Sm2>::from_der(ciphertext).map_err(|_| InvalidCiphertext)?;
        let key = DecryptingKey::new(self.private.clone());
        // In place: what a wrong hash refuses may still be close to a plaintext, and is overwritten here.
        SecretBytes::generate(cipher.c2().len(), |plaintext| {
            key.decrypt_cipher_with_buf(&cipher, plaintext).map(|_| ()).map_err(|_| InvalidCiphertext)
        })
    }

    fn check_consistency(&self) -> Result<(), CryptoError> {
        let mut probe = [0; 32];
        random::fill(&mut probe)?;
        let opened = self.decrypt(&self.encrypt(&probe)?);
        if opened.is_ok_and(|opened| opened.reveal(Reveal::ToCipher) == probe) {
            return Ok(());
        }
        Err(CryptoError::Failure)
    }
}

/// The generator of AWS-LC, as the SM2 library wants to see one.
struct Drbg;

impl TryRng for Drbg {
    type Error = CryptoError;

    fn try_next_u32(&mut self) -> Result<u32, CryptoError> {
        let mut bytes = [0; 4];
        random::fill(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, CryptoError> {
        let mut bytes = [0; 8];
        random::fill(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), CryptoError> {
        random::fill(bytes)
    }
}

impl TryCryptoRng for Drbg {}
