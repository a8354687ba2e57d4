//! Signing algorithms, and what each takes to sign.
//!
//! Source of the tables: `SigningAlgorithmSpec` and `MessageType` of the KMS API, and the "Key spec reference" page
//! of the KMS developer guide.

use std::{fmt, ops::RangeInclusive};

use crate::key::api_enum;

api_enum! {
    /// `SigningAlgorithmSpec` of the API.
    SigningAlgorithm {
        /// RSASSA-PSS with SHA-256, also for the mask; the salt is as long as the digest (RFC 8017).
        RsassaPssSha256 = "RSASSA_PSS_SHA_256",
        /// The same with SHA-384.
        RsassaPssSha384 = "RSASSA_PSS_SHA_384",
        /// The same with SHA-512.
        RsassaPssSha512 = "RSASSA_PSS_SHA_512",
        /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017).
        RsassaPkcs1V15Sha256 = "RSASSA_PKCS1_V1_5_SHA_256",
        /// The same with SHA-384.
        RsassaPkcs1V15Sha384 = "RSASSA_PKCS1_V1_5_SHA_384",
        /// The same with SHA-512.
        RsassaPkcs1V15Sha512 = "RSASSA_PKCS1_V1_5_SHA_512",
        /// ECDSA with SHA-256 (FIPS 186-5), DER signatures.
        EcdsaSha256 = "ECDSA_SHA_256",
        /// The same with SHA-384.
        EcdsaSha384 = "ECDSA_SHA_384",
        /// The same with SHA-512.
        EcdsaSha512 = "ECDSA_SHA_512",
        /// SM2 signatures with SM3 (GB/T 32918.2), DER signatures.
        Sm2dsa = "SM2DSA",
        /// ML-DSA (FIPS 204), hedged, with an empty context.
        MlDsaShake256 = "ML_DSA_SHAKE_256",
        /// Ed25519 of the message itself (RFC 8032).
        Ed25519Sha512 = "ED25519_SHA_512",
        /// Ed25519ph (RFC 8032) with an empty context. What it is given to sign is hashed once more.
        Ed25519PhSha512 = "ED25519_PH_SHA_512",
    }
}

api_enum! {
    /// `MessageType` of the API: what the member `Message` holds.
    MessageType {
        /// The message.
        Raw = "RAW",
        /// Its digest, made with the hash of the algorithm.
        Digest = "DIGEST",
        /// The message representative of ML-DSA (FIPS 204 algorithm 7, line 6).
        ExternalMu = "EXTERNAL_MU",
    }
}

/// Length in bytes of the message representative of ML-DSA.
const MU_BYTES: usize = 64;

/// The longest message that a call can carry.
const MESSAGE_BYTES: usize = 4096;

impl SigningAlgorithm {
    /// The lengths in bytes of what the algorithm signs as a message of that type; `None`: it signs no such thing.
    pub const fn message_lengths(self, message_type: MessageType) -> Option<RangeInclusive<usize>> {
        match message_type {
            MessageType::Raw if matches!(self, Self::Ed25519PhSha512) => None,
            MessageType::Raw => Some(1..=MESSAGE_BYTES),
            MessageType::Digest => match self.digest_bytes() {
                Some(length) => Some(length..=length),
                None => None,
            },
            MessageType::ExternalMu if matches!(self, Self::MlDsaShake256) => Some(MU_BYTES..=MU_BYTES),
            MessageType::ExternalMu => None,
        }
    }

    /// Length of the digest that stands for a message.
    const fn digest_bytes(self) -> Option<usize> {
        match self {
            Self::RsassaPssSha256 | Self::RsassaPkcs1V15Sha256 | Self::EcdsaSha256 | Self::Sm2dsa => Some(32),
            Self::RsassaPssSha384 | Self::RsassaPkcs1V15Sha384 | Self::EcdsaSha384 => Some(48),
            Self::RsassaPssSha512
            | Self::RsassaPkcs1V15Sha512
            | Self::EcdsaSha512
            | Self::Ed25519PhSha512 => Some(64),
            Self::MlDsaShake256 | Self::Ed25519Sha512 => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_algorithm_takes() {
        use MessageType::{Digest, ExternalMu, Raw};
        let length = |algorithm: SigningAlgorithm, message_type| {
            algorithm.message_lengths(message_type).map(|lengths| *lengths.end())
        };
        for algorithm in SigningAlgorithm::ALL {
            let name = algorithm.as_str();
            let hash =
                name.rsplit('_').next().and_then(|bits| bits.parse::<usize>().ok()).map(|bits| bits / 8);
            let (raw, digest, mu) = match algorithm {
                SigningAlgorithm::Sm2dsa => (Some(4096), Some(32), None),
                SigningAlgorithm::MlDsaShake256 => (Some(4096), None, Some(64)),
                SigningAlgorithm::Ed25519Sha512 => (Some(4096), None, None),
                SigningAlgorithm::Ed25519PhSha512 => (None, Some(64), None),
                _ => (Some(4096), hash, None),
            };
            assert_eq!(length(*algorithm, Raw), raw, "{name}");
            assert_eq!(length(*algorithm, Digest), digest, "{name}");
            assert_eq!(length(*algorithm, ExternalMu), mu, "{name}");
        }
        assert_eq!(SigningAlgorithm::ALL.len(), 13);
    }
}
