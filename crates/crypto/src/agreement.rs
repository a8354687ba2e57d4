//! Key agreement by Diffie-Hellman on elliptic curves: the NIST curves (SP 800-56A, cofactor 1) and SM2.
//!
//! The shared secret is the x coordinate of the common point, big-endian, as long as a field element, with nothing
//! done to it. The peer's public key must be a DER SubjectPublicKeyInfo on the same named curve; points off the
//! curve and the point at infinity are refused, all with one error.

use aws_lc_rs::{
    agreement::{self, Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey, UnparsedPublicKey},
    encoding::{AsBigEndian, AsDer, EcPublicKeyUncompressedBin, Pkcs8V1Der},
};
use reseal_types::{KeySpec, Reveal, SecretBytes};

#[cfg(feature = "sm2")]
use crate::sm2::Sm2KeyPair;
use crate::{der, error::CryptoError};

/// The contents of the AlgorithmIdentifier: id-ecPublicKey and the named curve (RFC 5480 section 2.1.1).
const P256: &[u8] = &[
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07,
];
const P384: &[u8] =
    &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] =
    &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];

/// A private key for key agreement, parsed, checked and ready for use. Shared between threads.
pub enum AgreementKey {
    /// On P-256, P-384 or P-521.
    Nist(Box<NistKey>),
    /// On the SM2 curve.
    #[cfg(feature = "sm2")]
    Sm2(Box<Sm2KeyPair>),
}

/// A private key on a NIST curve.
pub struct NistKey {
    curve: &'static Curve,
    private: PrivateKey,
    spki: Vec<u8>,
}

struct Curve {
    ecdh: &'static Algorithm,
    /// The content of the AlgorithmIdentifier of its public keys.
    identifier: &'static [u8],
    /// Length of a field element.
    field: usize,
}

static CURVES: [Curve; 3] = [
    Curve { ecdh: &ECDH_P256, identifier: P256, field: 32 },
    Curve { ecdh: &ECDH_P384, identifier: P384, field: 48 },
    Curve { ecdh: &ECDH_P521, identifier: P521, field: 66 },
];

impl AgreementKey {
    /// Makes a key pair and agrees with itself by way of what was read back. Gives the private key as PKCS#8.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] when no key of that spec agrees on secrets, [`CryptoError::Failure`]
    /// when the library fails or the pair is not consistent.
    pub fn generate(spec: KeySpec) -> Result<(SecretBytes, Self), CryptoError> {
        let pkcs8 = match spec {
            #[cfg(feature = "sm2")]
            KeySpec::Sm2 => Sm2KeyPair::generate()?.0,
            _ => {
                let private = PrivateKey::generate(curve(spec)?.ecdh)?;
                let der: Pkcs8V1Der<'_> = private.as_der()?;
                SecretBytes::from(der.as_ref().to_vec())
            }
        };
        let key = Self::load(spec, &pkcs8).map_err(|_| CryptoError::Failure)?;
        key.check_consistency(spec)?;
        Ok((pkcs8, key))
    }

    /// Reads a PKCS#8 private key that must be on exactly that curve.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`], or [`CryptoError::UnsupportedAlgorithm`] as in [`AgreementKey::generate`].
    pub fn load(spec: KeySpec, pkcs8: &SecretBytes) -> Result<Self, CryptoError> {
        #[cfg(feature = "sm2")]
        if spec == KeySpec::Sm2 {
            return Ok(Self::Sm2(Box::new(Sm2KeyPair::load(pkcs8)?)));
        }
        let curve = curve(spec)?;
        let der = pkcs8.reveal(Reveal::ToCipher);
        if !der::is_one_sequence(der) {
            return Err(CryptoError::InvalidKey);
        }
        let private =
            PrivateKey::from_private_key_der(curve.ecdh, der).map_err(|_| CryptoError::InvalidKey)?;
        let public = private.compute_public_key()?;
        let point: EcPublicKeyUncompressedBin<'_> = public.as_be_bytes()?;
        let spki = der::subject_public_key_info(curve.identifier, point.as_ref());
        Ok(Self::Nist(Box::new(NistKey { curve, private, spki })))
    }

    /// The public key as DER SubjectPublicKeyInfo, with the uncompressed point.
    pub fn public_key_der(&self) -> &[u8] {
        match self {
            Self::Nist(key) => &key.spki,
            #[cfg(feature = "sm2")]
            Self::Sm2(key) => key.public_key_der(),
        }
    }

    /// The secret shared with the owner of the public key `peer`, a DER SubjectPublicKeyInfo: 32, 48 or 66 bytes.
    /// 0.1 to 0.5 milliseconds of work.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] whatever is wrong with `peer`.
    pub fn agree(&self, peer: &[u8]) -> Result<SecretBytes, CryptoError> {
        match self {
            Self::Nist(key) => key.agree(peer),
            #[cfg(feature = "sm2")]
            Self::Sm2(key) => key.agree(peer),
        }
    }

    /// The pairwise consistency test of FIPS 140-3 for key agreement: with another key pair both sides must find the
    /// same secret.
    fn check_consistency(&self, spec: KeySpec) -> Result<(), CryptoError> {
        let other = match self {
            #[cfg(feature = "sm2")]
            Self::Sm2(_) => Self::load(spec, &Sm2KeyPair::generate()?.0)?,
            Self::Nist(key) => {
                let der: Pkcs8V1Der<'_> = PrivateKey::generate(key.curve.ecdh)?.as_der()?;
                Self::load(spec, &SecretBytes::from(der.as_ref().to_vec()))?
            }
        };
        let (ours, theirs) = (self.agree(other.public_key_der())?, other.agree(self.public_key_der())?);
        if ours.ct_eq(&theirs) { Ok(()) } else { Err(CryptoError::Failure) }
    }
}

impl NistKey {
    fn agree(&self, peer: &[u8]) -> Result<SecretBytes, CryptoError> {
        let Curve { ecdh, identifier, field } = self.curve;
        let point = peer_point(peer, identifier, *field)?;
        let peer = UnparsedPublicKey::new(ecdh, point);
        agreement::agree(&self.private, peer, CryptoError::InvalidKey, |secret| {
            Ok(SecretBytes::from(secret.to_vec()))
        })
    }
}

/// The point of a public key: uncompressed, or compressed as RFC 5480 section 2.2 allows. Everything around it must
/// be, byte for byte, what DER prescribes for this named curve: no explicit parameters, no other encoding.
pub(crate) fn peer_point<'a>(
    spki: &'a [u8],
    identifier: &[u8],
    field: usize,
) -> Result<&'a [u8], CryptoError> {
    let forms: [(usize, &[u8]); 2] = [(2 * field + 1, &[0x04]), (field + 1, &[0x02, 0x03])];
    for (length, first_bytes) in forms {
        let start = spki.len().checked_sub(length).ok_or(CryptoError::InvalidKey);
        let Some(point) = start.ok().and_then(|start| spki.get(start..)) else { continue };
        let is_form = point.first().is_some_and(|first| first_bytes.contains(first));
        if is_form && der::subject_public_key_info(identifier, point) == spki {
            return Ok(point);
        }
    }
    Err(CryptoError::InvalidKey)
}

fn curve(spec: KeySpec) -> Result<&'static Curve, CryptoError> {
    let [p256, p384, p521] = &CURVES;
    match spec {
        KeySpec::EccNistP256 => Ok(p256),
        KeySpec::EccNistP384 => Ok(p384),
        KeySpec::EccNistP521 => Ok(p521),
        _ => Err(CryptoError::UnsupportedAlgorithm),
    }
}

#[cfg(test)]
mod tests;
