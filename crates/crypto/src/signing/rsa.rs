//! RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 8017 sections 8.1 and 8.2).
//!
//! PSS masks with the hash of the message, and its salt is as long as the digest, in making and in checking, as the KMS
//! developer guide defines it.

use std::sync::OnceLock;

use aws_lc_rs::{
    digest::{self, Digest, SHA256, SHA384, SHA512},
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{
        KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
        RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
        RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256,
        RSA_PSS_SHA384, RSA_PSS_SHA512, RsaParameters, RsaSignatureEncoding,
    },
};
use reseal_types::{KeySpec, MessageType, Reveal, SecretBytes, SigningAlgorithm};

use crate::{der, error::CryptoError};

/// An RSA key pair for signatures.
pub struct RsaKey {
    private: KeyPair,
    public: PublicHalf,
}

/// The half of it that checks signatures.
pub(super) struct PublicHalf {
    spki: Vec<u8>,
    /// The key prepared for each of [`SCHEMES`], once it is asked for.
    prepared: [OnceLock<ParsedPublicKey>; SCHEMES.len()],
}

struct Scheme {
    algorithm: SigningAlgorithm,
    hash: &'static digest::Algorithm,
    signing: &'static RsaSignatureEncoding,
    verifying: &'static RsaParameters,
}

impl Scheme {
    const fn new(
        algorithm: SigningAlgorithm,
        hash: &'static digest::Algorithm,
        signing: &'static RsaSignatureEncoding,
        verifying: &'static RsaParameters,
    ) -> Self {
        Self { algorithm, hash, signing, verifying }
    }
}

static SCHEMES: [Scheme; 6] = {
    use SigningAlgorithm as Name;
    [
        Scheme::new(Name::RsassaPssSha256, &SHA256, &RSA_PSS_SHA256, &RSA_PSS_2048_8192_SHA256),
        Scheme::new(Name::RsassaPssSha384, &SHA384, &RSA_PSS_SHA384, &RSA_PSS_2048_8192_SHA384),
        Scheme::new(Name::RsassaPssSha512, &SHA512, &RSA_PSS_SHA512, &RSA_PSS_2048_8192_SHA512),
        Scheme::new(Name::RsassaPkcs1V15Sha256, &SHA256, &RSA_PKCS1_SHA256, &RSA_PKCS1_2048_8192_SHA256),
        Scheme::new(Name::RsassaPkcs1V15Sha384, &SHA384, &RSA_PKCS1_SHA384, &RSA_PKCS1_2048_8192_SHA384),
        Scheme::new(Name::RsassaPkcs1V15Sha512, &SHA512, &RSA_PKCS1_SHA512, &RSA_PKCS1_2048_8192_SHA512),
    ]
};

/// A fresh private key with public exponent 65537, as PKCS#8.
pub(super) fn generate(spec: KeySpec) -> Result<SecretBytes, CryptoError> {
    let size = match spec {
        KeySpec::Rsa2048 => KeySize::Rsa2048,
        KeySpec::Rsa3072 => KeySize::Rsa3072,
        KeySpec::Rsa4096 => KeySize::Rsa4096,
        _ => return Err(CryptoError::UnsupportedAlgorithm),
    };
    let der: Pkcs8V1Der<'_> = KeyPair::generate(size)?.as_der()?;
    Ok(SecretBytes::from(der.as_ref().to_vec()))
}

impl RsaKey {
    /// Reads a PKCS#8 private key whose modulus has exactly the size that `spec` names. The library checks that the
    /// numbers of the key fit each other.
    pub(super) fn load(spec: KeySpec, pkcs8: &SecretBytes) -> Result<Self, CryptoError> {
        let modulus_bytes = spec.rsa_modulus_bytes().ok_or(CryptoError::UnsupportedAlgorithm)?;
        let der = pkcs8.reveal(Reveal::ToCipher);
        if !der::is_one_sequence(der) {
            return Err(CryptoError::InvalidKey);
        }
        let private = KeyPair::from_pkcs8(der).map_err(|_| CryptoError::InvalidKey)?;
        let spki: PublicKeyX509Der<'_> = private.public_key().as_der()?;
        if !has_modulus_of(spki.as_ref(), modulus_bytes) {
            return Err(CryptoError::InvalidKey);
        }
        Ok(Self { private, public: PublicHalf::new(spki.as_ref().to_vec()) })
    }

    pub(super) fn public_key_der(&self) -> &[u8] {
        &self.public.spki
    }

    pub(super) fn sign(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (_, scheme) = scheme(algorithm)?;
        let mut signature = vec![0; self.private.public_modulus_len()];
        if message_type == MessageType::Digest {
            let digest = Digest::import_less_safe(message, scheme.hash)?;
            self.private.sign_digest(scheme.signing, &digest, &mut signature)?;
        } else {
            self.private.sign(scheme.signing, &SystemRandom::new(), message, &mut signature)?;
        }
        Ok(signature)
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
    pub(super) fn new(spki: Vec<u8>) -> Self {
        Self { spki, prepared: [const { OnceLock::new() }; SCHEMES.len()] }
    }

    pub(super) fn verify(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        let (index, scheme) = scheme(algorithm)?;
        let place = self.prepared.get(index).ok_or(CryptoError::Failure)?;
        let public = if let Some(public) = place.get() {
            public
        } else {
            let parsed = ParsedPublicKey::new(scheme.verifying, &self.spki);
            let parsed = parsed.map_err(|_| CryptoError::InvalidKey)?;
            place.get_or_init(|| parsed)
        };
        let right = if message_type == MessageType::Digest {
            public.verify_digest_sig(&Digest::import_less_safe(message, scheme.hash)?, signature)
        } else {
            public.verify_sig(message, signature)
        };
        right.map_err(|_| CryptoError::InvalidSignature)
    }
}

fn scheme(algorithm: SigningAlgorithm) -> Result<(usize, &'static Scheme), CryptoError> {
    let known = SCHEMES.iter().enumerate().find(|(_, scheme)| scheme.algorithm == algorithm);
    known.ok_or(CryptoError::UnsupportedAlgorithm)
}

/// Whether the modulus in a SubjectPublicKeyInfo, which the library wrote, has all its bits: a modulus of 2047 bits also
/// fills 256 bytes, but has no zero byte before it.
pub(super) fn has_modulus_of(spki: &[u8], bytes: usize) -> bool {
    /// SEQUENCE, AlgorithmIdentifier, BIT STRING and SEQUENCE come before it.
    const BEFORE: usize = 4 + 15 + 5 + 4;
    let Some([tag, form, high, low, zero]) = spki.get(BEFORE..).and_then(<[u8]>::first_chunk) else {
        return false;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    (*tag, *form, length, *zero) == (der::INTEGER, 0x82, bytes + 1, 0)
}
