//! ECDSA (FIPS 186-5) on the NIST curves and on secp256k1 (SEC 2), each with the hash of its size.
//!
//! Signatures are DER, SEQUENCE { INTEGER r, INTEGER s } (RFC 3279 section 2.2.3); s is not made small.

use aws_lc_rs::{
    digest::{self, Digest, SHA256, SHA384, SHA512},
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256K1_SHA256_ASN1,
        ECDSA_P256K1_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
        EcdsaVerificationAlgorithm, KeyPair as _, ParsedPublicKey,
    },
};
use reseal_types::{KeySpec, MessageType, Reveal, SecretBytes, SigningAlgorithm};

use crate::{der, error::CryptoError};

/// An elliptic-curve key pair for signatures.
pub struct EcdsaKey {
    private: EcdsaKeyPair,
    public: PublicHalf,
}

/// The half of it that checks signatures.
pub(super) struct PublicHalf {
    curve: &'static Curve,
    key: ParsedPublicKey,
    spki: Vec<u8>,
}

struct Curve {
    algorithm: SigningAlgorithm,
    hash: &'static digest::Algorithm,
    signing: &'static EcdsaSigningAlgorithm,
    verifying: &'static EcdsaVerificationAlgorithm,
    is_quick: bool,
}

static P256: Curve = Curve {
    algorithm: SigningAlgorithm::EcdsaSha256,
    hash: &SHA256,
    signing: &ECDSA_P256_SHA256_ASN1_SIGNING,
    verifying: &ECDSA_P256_SHA256_ASN1,
    is_quick: true,
};
static P384: Curve = Curve {
    algorithm: SigningAlgorithm::EcdsaSha384,
    hash: &SHA384,
    signing: &ECDSA_P384_SHA384_ASN1_SIGNING,
    verifying: &ECDSA_P384_SHA384_ASN1,
    is_quick: false,
};
static P521: Curve = Curve {
    algorithm: SigningAlgorithm::EcdsaSha512,
    hash: &SHA512,
    signing: &ECDSA_P521_SHA512_ASN1_SIGNING,
    verifying: &ECDSA_P521_SHA512_ASN1,
    is_quick: false,
};
static P256K1: Curve = Curve {
    algorithm: SigningAlgorithm::EcdsaSha256,
    hash: &SHA256,
    signing: &ECDSA_P256K1_SHA256_ASN1_SIGNING,
    verifying: &ECDSA_P256K1_SHA256_ASN1,
    is_quick: false,
};

/// A fresh private key as PKCS#8, with the public key in it.
pub(super) fn generate(spec: KeySpec) -> Result<SecretBytes, CryptoError> {
    let document = EcdsaKeyPair::generate(curve(spec)?.signing)?.to_pkcs8v1()?;
    Ok(SecretBytes::from(document.as_ref().to_vec()))
}

impl EcdsaKey {
    /// Reads a PKCS#8 private key that must be on exactly that curve. The library checks that a public key in it
    /// fits.
    pub(super) fn load(spec: KeySpec, pkcs8: &SecretBytes) -> Result<Self, CryptoError> {
        let curve = curve(spec)?;
        let der = pkcs8.reveal(Reveal::ToCipher);
        if !der::is_one_sequence(der) {
            return Err(CryptoError::InvalidKey);
        }
        let private = EcdsaKeyPair::from_pkcs8(curve.signing, der).map_err(|_| CryptoError::InvalidKey)?;
        let spki: PublicKeyX509Der<'_> = private.public_key().as_der()?;
        let public = PublicHalf::new(spec, spki.as_ref().to_vec())?;
        Ok(Self { private, public })
    }

    /// With the uncompressed point.
    pub(super) fn public_key_der(&self) -> &[u8] {
        &self.public.spki
    }

    /// Whether the curve is one that the library is fast on.
    pub(super) fn is_quick(&self) -> bool {
        self.public.curve.is_quick
    }

    pub(super) fn sign(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.public.check(algorithm)?;
        let signature = if message_type == MessageType::Digest {
            self.private.sign_digest(&Digest::import_less_safe(message, self.public.curve.hash)?)?
        } else {
            self.private.sign(&SystemRandom::new(), message)?
        };
        Ok(signature.as_ref().to_vec())
    }

    pub(super) fn verify(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.public.verify(algorithm, message_type, message, signature)
    }
}

impl PublicHalf {
    pub(super) fn new(spec: KeySpec, spki: Vec<u8>) -> Result<Self, CryptoError> {
        let curve = curve(spec)?;
        let key = ParsedPublicKey::new(curve.verifying, &spki).map_err(|_| CryptoError::InvalidKey)?;
        Ok(Self { curve, key, spki })
    }

    pub(super) fn verify(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.check(algorithm)?;
        let right = if message_type == MessageType::Digest {
            self.key.verify_digest_sig(&Digest::import_less_safe(message, self.curve.hash)?, signature)
        } else {
            self.key.verify_sig(message, signature)
        };
        right.map_err(|_| CryptoError::InvalidSignature)
    }

    fn check(&self, algorithm: SigningAlgorithm) -> Result<(), CryptoError> {
        if self.curve.algorithm == algorithm { Ok(()) } else { Err(CryptoError::UnsupportedAlgorithm) }
    }
}

fn curve(spec: KeySpec) -> Result<&'static Curve, CryptoError> {
    match spec {
        KeySpec::EccNistP256 => Ok(&P256),
        KeySpec::EccNistP384 => Ok(&P384),
        KeySpec::EccNistP521 => Ok(&P521),
        KeySpec::EccSecgP256k1 => Ok(&P256K1),
        _ => Err(CryptoError::UnsupportedAlgorithm),
    }
}
