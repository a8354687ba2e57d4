//! Key agreement on the SM2 curve, as DeriveSharedSecret has it: plain Diffie-Hellman, one key pair on each side.
//!
//! AWS documents the algorithm ECDH for SM2 keys and a secret of 32 bytes, and nothing of the exchange protocol of
//! GB/T 32918.3, which takes two key pairs, identities and rounds on each side. So it is the x coordinate of the
//! common point, as for the NIST curves.

use reseal_types::SecretBytes;
use sm2::{PublicKey, elliptic_curve::point::AffineCoordinates};
use zeroize::Zeroizing;

use super::Sm2KeyPair;
use crate::{agreement::peer_point, error::CryptoError};

/// The content of the AlgorithmIdentifier: id-ecPublicKey and the curve 1.2.156.10197.1.301.
const IDENTIFIER: &[u8] = &[
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01,
    0x82, 0x2d,
];

/// Length of a field element.
const FIELD: usize = 32;

impl Sm2KeyPair {
    /// The secret shared with the owner of the public key `peer`, a DER SubjectPublicKeyInfo: 32 bytes.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] whatever is wrong with `peer`.
    pub fn agree(&self, peer: &[u8]) -> Result<SecretBytes, CryptoError> {
        let point = peer_point(peer, IDENTIFIER, FIELD)?;
        // Refuses points that are not on the curve, and the point at infinity.
        let peer = PublicKey::from_sec1_bytes(point).map_err(|_| CryptoError::InvalidKey)?;
        let scalar = Zeroizing::new(self.private.to_nonzero_scalar());
        let shared = Zeroizing::new((peer.to_projective() * scalar.as_ref()).to_affine());
        let x = Zeroizing::new(shared.x());
        Ok(SecretBytes::from(x.as_slice().to_vec()))
    }
}
