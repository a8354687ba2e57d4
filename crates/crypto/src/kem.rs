//! ML-KEM key pairs (FIPS 203), kept as the 64-byte seed d || z from which the whole key pair follows.
//!
//! The stored and exported form is PKCS#8 with the seed choice of RFC 9935 section 6: 86 bytes for every parameter
//! set. Decapsulation never says whether a ciphertext of the right length was any good: it answers with other bytes
//! then (implicit rejection, FIPS 203 algorithm 18).

use aws_lc_rs::kem::{
    Algorithm, Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_512, ML_KEM_768, ML_KEM_1024,
};
use reseal_types::{KeySpec, Reveal, SecretBytes};

use crate::{
    aws_lc, der,
    error::{CryptoError, InvalidCiphertext},
    random,
};

/// Length of the seed d || z.
const SEED: usize = 64;

/// An ML-KEM key pair, expanded and ready for use. Shared between threads.
pub struct KemKeyPair {
    decapsulation: DecapsulationKey,
    encapsulation: EncapsulationKey,
    ciphertext_length: usize,
    spki: Vec<u8>,
}

/// A shared secret and the ciphertext that carries it.
pub struct Encapsulated {
    /// 32 bytes.
    pub shared_secret: SecretBytes,
    /// 768, 1088 or 1568 bytes.
    pub ciphertext: Vec<u8>,
}

/// What belongs to one parameter set.
struct ParameterSet {
    algorithm: &'static Algorithm,
    /// The number that the library knows it by.
    nid: i32,
    /// The last byte of its object identifier, 2.16.840.1.101.3.4.4.n.
    number: u8,
    decapsulation_key: usize,
    encapsulation_key: usize,
    ciphertext: usize,
}

impl KemKeyPair {
    /// Makes a key pair and tests it against itself. Gives the private key as PKCS#8.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] when `spec` is not one of ML-KEM, [`CryptoError::Failure`] when the
    /// library fails or the pair is not consistent.
    pub fn generate(spec: KeySpec) -> Result<(SecretBytes, Self), CryptoError> {
        let set = parameter_set(spec)?;
        let seed = SecretBytes::generate(SEED, random::fill)?;
        let pkcs8 = set.pkcs8(&seed);
        let pair = Self::load(spec, &pkcs8).map_err(|_| CryptoError::Failure)?;
        pair.check_consistency()?;
        Ok((pkcs8, pair))
    }

    /// Reads the PKCS#8 form of a seed for exactly that parameter set.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] when `spec` is not one of ML-KEM, else [`CryptoError::InvalidKey`].
    pub fn load(spec: KeySpec, pkcs8: &SecretBytes) -> Result<Self, CryptoError> {
        let set = parameter_set(spec)?;
        let prefix = set.pkcs8_prefix();
        let seed = pkcs8.reveal(Reveal::ToCipher).strip_prefix(&prefix[..]).ok_or(CryptoError::InvalidKey)?;
        Self::expand(&set, seed.try_into().map_err(|_| CryptoError::InvalidKey)?)
    }

    fn expand(set: &ParameterSet, seed: &[u8; SEED]) -> Result<Self, CryptoError> {
        let lengths = (set.decapsulation_key, set.encapsulation_key);
        let (private, public) = aws_lc::ml_kem_key_pair(set.nid, seed, lengths)?;
        let decapsulation = DecapsulationKey::new(set.algorithm, private.reveal(Reveal::ToCipher));
        let encapsulation = EncapsulationKey::new(set.algorithm, &public);
        Ok(Self {
            decapsulation: decapsulation.map_err(|_| CryptoError::Failure)?,
            encapsulation: encapsulation.map_err(|_| CryptoError::Failure)?,
            ciphertext_length: set.ciphertext,
            spki: der::subject_public_key_info(&set.identifier(), &public),
        })
    }

    /// The public key as DER SubjectPublicKeyInfo (RFC 9935 section 4): 822, 1206 or 1590 bytes.
    pub fn public_key_der(&self) -> &[u8] {
        &self.spki
    }

    /// Makes a shared secret and its ciphertext with the public key.
    ///
    /// # Errors
    /// [`CryptoError::Failure`] when the library fails.
    pub fn encapsulate(&self) -> Result<Encapsulated, CryptoError> {
        let (ciphertext, secret) = self.encapsulation.encapsulate()?;
        let shared_secret = SecretBytes::from(secret.as_ref().to_vec());
        Ok(Encapsulated { shared_secret, ciphertext: ciphertext.as_ref().to_vec() })
    }

    /// The shared secret that `ciphertext` carries, 32 bytes; other bytes that follow from the key and the
    /// ciphertext when it was made for another key or altered.
    ///
    /// # Errors
    /// [`CryptoError::InvalidCiphertext`] when the length is not that of the parameter set.
    pub fn decapsulate(&self, ciphertext: &[u8]) -> Result<SecretBytes, CryptoError> {
        if ciphertext.len() != self.ciphertext_length {
            return Err(InvalidCiphertext.into());
        }
        let secret = self.decapsulation.decapsulate(Ciphertext::from(ciphertext))?;
        Ok(SecretBytes::from(secret.as_ref().to_vec()))
    }

    /// The pairwise consistency test of FIPS 140-3 for a key-encapsulation pair.
    fn check_consistency(&self) -> Result<(), CryptoError> {
        let Encapsulated { shared_secret, ciphertext } = self.encapsulate()?;
        let opened = self.decapsulate(&ciphertext)?;
        if opened.ct_eq(&shared_secret) { Ok(()) } else { Err(CryptoError::Failure) }
    }
}

impl ParameterSet {
    /// The content of the AlgorithmIdentifier: the object identifier, no parameters.
    fn identifier(&self) -> [u8; 11] {
        [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, self.number]
    }

    /// All of the PKCS#8 form but the seed at its end: version 0, the algorithm, and the seed as `[0]` within the
    /// octet string.
    fn pkcs8_prefix(&self) -> Vec<u8> {
        let algorithm = der::value(der::SEQUENCE, &[&self.identifier()]);
        let version = der::value(der::INTEGER, &[&[0]]);
        let seed = der::value(der::CONTEXT_0, &[&[0; SEED]]);
        let whole =
            der::value(der::SEQUENCE, &[&version, &algorithm, &der::value(der::OCTET_STRING, &[&seed])]);
        whole.strip_suffix(&[0; SEED]).map(<[u8]>::to_vec).unwrap_or_default()
    }

    fn pkcs8(&self, seed: &SecretBytes) -> SecretBytes {
        let prefix = self.pkcs8_prefix();
        let mut pkcs8 = Vec::with_capacity(prefix.len() + SEED);
        pkcs8.extend_from_slice(&prefix);
        pkcs8.extend_from_slice(seed.reveal(Reveal::ToSeal));
        SecretBytes::from(pkcs8)
    }
}

/// Sizes: FIPS 203 table 3. Identifiers: NIST's Computer Security Objects Register.
fn parameter_set(spec: KeySpec) -> Result<ParameterSet, CryptoError> {
    let of = |algorithm, nid, number, decapsulation_key, encapsulation_key, ciphertext| ParameterSet {
        algorithm,
        nid,
        number,
        decapsulation_key,
        encapsulation_key,
        ciphertext,
    };
    match spec {
        KeySpec::MlKem512 => Ok(of(&ML_KEM_512, aws_lc::NID_MLKEM512, 1, 1632, 800, 768)),
        KeySpec::MlKem768 => Ok(of(&ML_KEM_768, aws_lc::NID_MLKEM768, 2, 2400, 1184, 1088)),
        KeySpec::MlKem1024 => Ok(of(&ML_KEM_1024, aws_lc::NID_MLKEM1024, 3, 3168, 1568, 1568)),
        _ => Err(CryptoError::UnsupportedAlgorithm),
    }
}

#[cfg(test)]
mod tests;
