//! ML-DSA (FIPS 204), pure and hedged, with an empty context. Kept as the 32-byte seed from which the whole key pair
//! follows.
//!
//! The external message representative is the 64 bytes mu of FIPS 204 algorithm 7, line 6, which the caller made:
//! SHAKE256(SHAKE256(public key, 64) || 0 || 0 || message, 64). Signatures made from it and from the message itself are
//! the same kind.

use std::sync::OnceLock;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{
        KeyPair as _, ML_DSA_44, ML_DSA_44_SIGNING, ML_DSA_65, ML_DSA_65_SIGNING, ML_DSA_87,
        ML_DSA_87_SIGNING, ParsedPublicKey, PqdsaKeyPair, PqdsaSigningAlgorithm, PqdsaVerificationAlgorithm,
    },
};
use reseal_types::{KeySpec, MessageType, Reveal, SecretBytes, SigningAlgorithm};

use crate::{aws_lc, error::CryptoError};

/// Length of the seed.
const SEED: usize = 32;

/// Length of the PKCS#8 form that holds the seed alone.
const PKCS8: usize = 54;

/// An ML-DSA key pair, expanded and ready for use.
pub struct MlDsaKey {
    set: ParameterSet,
    pair: PqdsaKeyPair,
    public: PublicHalf,
    /// The same pair for external message representatives, once one is asked for.
    for_mu: OnceLock<aws_lc::MlDsaKey>,
}

/// The half of it that checks signatures of whole messages.
pub(super) struct PublicHalf {
    key: ParsedPublicKey,
    spki: Vec<u8>,
}

struct ParameterSet {
    /// The number that the library knows it by.
    nid: i32,
    signing: &'static PqdsaSigningAlgorithm,
    verifying: &'static PqdsaVerificationAlgorithm,
}

/// A fresh private key as PKCS#8 with the seed alone.
pub(super) fn generate(spec: KeySpec) -> Result<SecretBytes, CryptoError> {
    let document = PqdsaKeyPair::generate(parameter_set(spec)?.signing)?.to_pkcs8v1()?;
    Ok(SecretBytes::from(document.as_ref().to_vec()))
}

impl MlDsaKey {
    /// Reads the PKCS#8 form of a seed for exactly that parameter set.
    pub(super) fn load(spec: KeySpec, pkcs8: &SecretBytes) -> Result<Self, CryptoError> {
        let set = parameter_set(spec)?;
        let der = pkcs8.reveal(Reveal::ToCipher);
        if der.len() != PKCS8 {
            return Err(CryptoError::InvalidKey);
        }
        let pair = PqdsaKeyPair::from_pkcs8(set.signing, der).map_err(|_| CryptoError::InvalidKey)?;
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
        let public = PublicHalf::new(spec, spki.as_ref().to_vec())?;
        Ok(Self { set, pair, public, for_mu: OnceLock::new() })
    }

    pub(super) fn public_key_der(&self) -> &[u8] {
        &self.public.spki
    }

    /// Whether checking a signature is quick; making one never is, the number of its attempts is random.
    pub(super) fn is_quick(&self) -> bool {
        self.set.nid != aws_lc::NID_MLDSA87
    }

    pub(super) fn sign(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        check(algorithm)?;
        let length = self.set.signing.signature_len();
        if message_type == MessageType::ExternalMu {
            let mu = message.try_into().map_err(|_| CryptoError::MessageLength)?;
            return self.for_mu()?.sign_mu(mu, length);
        }
        let mut signature = vec![0; length];
        self.pair.sign(message, &mut signature)?;
        Ok(signature)
    }

    pub(super) fn verify(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        check(algorithm)?;
        if message_type != MessageType::ExternalMu {
            return self.public.verify(message, signature);
        }
        let mu = message.try_into().map_err(|_| CryptoError::MessageLength)?;
        if self.for_mu()?.verify_mu(mu, signature)? { Ok(()) } else { Err(CryptoError::InvalidSignature) }
    }

    fn for_mu(&self) -> Result<&aws_lc::MlDsaKey, CryptoError> {
        if let Some(key) = self.for_mu.get() {
            return Ok(key);
        }
        let document = self.pair.to_pkcs8v1()?;
        let (_, seed) = document.as_ref().split_last_chunk::<SEED>().ok_or(CryptoError::Failure)?;
        let key = aws_lc::MlDsaKey::from_seed(self.set.nid, seed)?;
        Ok(self.for_mu.get_or_init(|| key))
    }
}

impl PublicHalf {
    pub(super) fn new(spec: KeySpec, spki: Vec<u8>) -> Result<Self, CryptoError> {
        let key = ParsedPublicKey::new(parameter_set(spec)?.verifying, &spki);
        Ok(Self { key: key.map_err(|_| CryptoError::InvalidKey)?, spki })
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        self.key.verify_sig(message, signature).map_err(|_| CryptoError::InvalidSignature)
    }
}

fn check(algorithm: SigningAlgorithm) -> Result<(), CryptoError> {
    if algorithm == SigningAlgorithm::MlDsaShake256 { Ok(()) } else { Err(CryptoError::UnsupportedAlgorithm) }
}

fn parameter_set(spec: KeySpec) -> Result<ParameterSet, CryptoError> {
    let of = |nid, signing, verifying| ParameterSet { nid, signing, verifying };
    match spec {
        KeySpec::MlDsa44 => Ok(of(aws_lc::NID_MLDSA44, &ML_DSA_44_SIGNING, &ML_DSA_44)),
        KeySpec::MlDsa65 => Ok(of(aws_lc::NID_MLDSA65, &ML_DSA_65_SIGNING, &ML_DSA_65)),
        KeySpec::MlDsa87 => Ok(of(aws_lc::NID_MLDSA87, &ML_DSA_87_SIGNING, &ML_DSA_87)),
        _ => Err(CryptoError::UnsupportedAlgorithm),
    }
}
