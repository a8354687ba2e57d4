//! Algorithms a request can name.

use std::fmt;

use crate::key::api_enum;

/// `EncryptionAlgorithmSpec` of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EncryptionAlgorithm {
    /// AES-256-GCM in the blob format of docs/ciphertext-format.md.
    SymmetricDefault,
    /// RSA-OAEP with SHA-1 for hash and mask, empty label (RFC 8017).
    RsaesOaepSha1,
    /// RSA-OAEP with SHA-256 for hash and mask, empty label (RFC 8017).
    RsaesOaepSha256,
    /// SM2 public-key encryption, DER, C1C3C2 order (GB/T 32918.4).
    Sm2pke,
}

impl EncryptionAlgorithm {
    /// All, in the order in which the API lists them.
    pub const ALL: [Self; 4] =
        [Self::SymmetricDefault, Self::RsaesOaepSha1, Self::RsaesOaepSha256, Self::Sm2pke];

    /// The API's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SymmetricDefault => "SYMMETRIC_DEFAULT",
            Self::RsaesOaepSha1 => "RSAES_OAEP_SHA_1",
            Self::RsaesOaepSha256 => "RSAES_OAEP_SHA_256",
            Self::Sm2pke => "SM2PKE",
        }
    }

    /// The algorithm with that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

impl fmt::Display for EncryptionAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

api_enum! {
    /// `MacAlgorithmSpec` of the API (RFC 2104).
    MacAlgorithm {
        /// 28 bytes.
        HmacSha224 = "HMAC_SHA_224",
        /// 32 bytes.
        HmacSha256 = "HMAC_SHA_256",
        /// 48 bytes.
        HmacSha384 = "HMAC_SHA_384",
        /// 64 bytes.
        HmacSha512 = "HMAC_SHA_512",
    }
}

impl MacAlgorithm {
    /// Length of its MACs in bytes; keys made here are as long.
    pub const fn mac_bytes(self) -> usize {
        match self {
            Self::HmacSha224 => 28,
            Self::HmacSha256 => 32,
            Self::HmacSha384 => 48,
            Self::HmacSha512 => 64,
        }
    }
}

api_enum! {
    /// `KeyAgreementAlgorithmSpec` of the API.
    KeyAgreementAlgorithm {
        /// Elliptic-curve Diffie-Hellman; the secret is the bare x coordinate.
        Ecdh = "ECDH",
    }
}

api_enum! {
    /// `EncapsulationAlgorithmSpec` of the API.
    EncapsulationAlgorithm {
        /// ML-KEM (FIPS 203).
        MlKem = "ML_KEM",
    }
}
