//! RSA key pairs and RSAES-OAEP (RFC 8017 section 7.1) with an empty label.
//!
//! Hash and mask generation always use the same digest, as the KMS API reference defines RSAES_OAEP_SHA_1 and
//! RSAES_OAEP_SHA_256. Every decryption failure is the same error: the reason would let a caller decrypt
//! without the key (Manger's attack).

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{
        KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
        OaepPublicEncryptingKey, PrivateDecryptingKey,
    },
};
use reseal_types::{EncryptionAlgorithm, KeySpec, Reveal, SecretBytes};
use zeroize::Zeroizing;

use crate::{
    der,
    error::{CryptoError, InvalidCiphertext},
    random,
};

/// An RSA key pair, parsed and checked.
pub struct RsaKeyPair {
    private: OaepPrivateDecryptingKey,
    public: OaepPublicEncryptingKey,
    spki: Vec<u8>,
}

impl RsaKeyPair {
    /// Makes a key pair with public exponent 65537 and returns its PKCS#8 form (RFC 5208), after encrypting
    /// and decrypting with what was read back from that form. Takes 0.1 to 1 second.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] when `spec` is not RSA, [`CryptoError::Failure`] when the
    /// library fails or the pair is not consistent.
    pub fn generate(spec: KeySpec) -> Result<(SecretBytes, Self), CryptoError> {
        let size = match spec {
            KeySpec::Rsa2048 => KeySize::Rsa2048,
            KeySpec::Rsa3072 => KeySize::Rsa3072,
            KeySpec::Rsa4096 => KeySize::Rsa4096,
            _ => return Err(CryptoError::UnsupportedAlgorithm),
        };
        let der: Pkcs8V1Der<'_> = PrivateDecryptingKey::generate(size)?.as_der()?;
        let pkcs8 = SecretBytes::from(der.as_ref().to_vec());
        let pair = Self::load(spec, &pkcs8).map_err(|_| CryptoError::Failure)?;
        pair.check_consistency()?;
        Ok((pkcs8, pair))
    }

    /// Reads a PKCS#8 private key whose modulus has exactly the size that `spec` names. The library checks
    /// that the numbers of the key fit each other.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] when `spec` is not RSA, else [`CryptoError::InvalidKey`].
    pub fn load(spec: KeySpec, pkcs8: &SecretBytes) -> Result<Self, CryptoError> {
        let modulus_bytes = spec.rsa_modulus_bytes().ok_or(CryptoError::UnsupportedAlgorithm)?;
        let der = pkcs8.reveal(Reveal::ToCipher);
        if !der::is_one_sequence(der) {
            return Err(CryptoError::InvalidKey);
        }
        let private = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| CryptoError::InvalidKey)?;
        // Bits, not bytes: a modulus of 2047 bits also fills 256 bytes.
        if private.key_size_bits() != modulus_bytes * 8 {
            return Err(CryptoError::InvalidKey);
        }
        let public = private.public_key();
        let spki: PublicKeyX509Der<'_> = public.as_der()?;
        let spki = spki.as_ref().to_vec();
        Ok(Self {
            private: OaepPrivateDecryptingKey::new(private)?,
            public: OaepPublicEncryptingKey::new(public)?,
            spki,
        })
    }

    /// The public key as DER SubjectPublicKeyInfo (RFC 5280).
    pub fn public_key_der(&self) -> &[u8] {
        &self.spki
    }

    /// Encrypts with the public key. The result is exactly as long as the modulus.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`], or [`CryptoError::PlaintextLength`] when `plaintext` is empty
    /// or longer than the modulus less twice the hash less two.
    pub fn encrypt(&self, algorithm: EncryptionAlgorithm, plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let oaep = oaep(algorithm)?;
        if plaintext.is_empty() || plaintext.len() > self.public.max_plaintext_size(oaep) {
            return Err(CryptoError::PlaintextLength);
        }
        let mut ciphertext = vec![0; self.public.ciphertext_size()];
        self.public.encrypt(oaep, plaintext, &mut ciphertext, None)?;
        Ok(ciphertext)
    }

    /// Decrypts with the private key.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`], or [`CryptoError::InvalidCiphertext`] for every other reason.
    pub fn decrypt(
        &self,
        algorithm: EncryptionAlgorithm,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        let oaep = oaep(algorithm)?;
        let mut buffer = Zeroizing::new(vec![0; self.private.min_output_size()]);
        let plaintext =
            self.private.decrypt(oaep, ciphertext, &mut buffer, None).map_err(|_| InvalidCiphertext)?;
        Ok(SecretBytes::from(plaintext.to_vec()))
    }

    /// The pairwise consistency test of FIPS 140-3 for a key-transport pair.
    fn check_consistency(&self) -> Result<(), CryptoError> {
        let mut probe = [0; 32];
        random::fill(&mut probe)?;
        let ciphertext = self.encrypt(EncryptionAlgorithm::RsaesOaepSha256, &probe)?;
        let opened = self.decrypt(EncryptionAlgorithm::RsaesOaepSha256, &ciphertext);
        if opened.is_ok_and(|opened| opened.reveal(Reveal::ToCipher) == probe) {
            return Ok(());
        }
        Err(CryptoError::Failure)
    }
}

fn oaep(algorithm: EncryptionAlgorithm) -> Result<&'static OaepAlgorithm, CryptoError> {
    match algorithm {
        EncryptionAlgorithm::RsaesOaepSha1 => Ok(&OAEP_SHA1_MGF1SHA1),
        EncryptionAlgorithm::RsaesOaepSha256 => Ok(&OAEP_SHA256_MGF1SHA256),
        EncryptionAlgorithm::SymmetricDefault | EncryptionAlgorithm::Sm2pke => {
            Err(CryptoError::UnsupportedAlgorithm)
        }
    }
}
