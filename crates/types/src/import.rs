//! How key material travels into a KMS key, and how long it stays.
//!
//! Source of the table: the parameters of GetParametersForImport in the service model, and "Select a wrapping
//! algorithm" of the KMS developer guide.

use std::fmt;

use crate::key::{KeySpec, api_enum};

api_enum! {
    /// `AlgorithmSpec` of the API: how key material is wrapped for its import.
    WrappingAlgorithm {
        /// RSA with PKCS #1 v1.5 padding. In the model still, but no longer supported.
        RsaesPkcs1V15 = "RSAES_PKCS1_V1_5",
        /// RSA-OAEP with SHA-1 for hash and mask, empty label (RFC 8017).
        RsaesOaepSha1 = "RSAES_OAEP_SHA_1",
        /// RSA-OAEP with SHA-256 for hash and mask, empty label (RFC 8017).
        RsaesOaepSha256 = "RSAES_OAEP_SHA_256",
        /// An AES-256 key under RSAES_OAEP_SHA_1, followed by what that key wraps (RFC 5649).
        RsaAesKeyWrapSha1 = "RSA_AES_KEY_WRAP_SHA_1",
        /// An AES-256 key under RSAES_OAEP_SHA_256, followed by what that key wraps (RFC 5649).
        RsaAesKeyWrapSha256 = "RSA_AES_KEY_WRAP_SHA_256",
        /// SM2 public-key encryption, DER, C1C3C2 order (GB/T 32918.4).
        Sm2pke = "SM2PKE",
    }
}

api_enum! {
    /// `WrappingKeySpec` of the API: what kind of public key wraps the key material.
    WrappingKeySpec {
        /// RSA, modulus of 2048 bits.
        Rsa2048 = "RSA_2048",
        /// RSA, modulus of 3072 bits.
        Rsa3072 = "RSA_3072",
        /// RSA, modulus of 4096 bits.
        Rsa4096 = "RSA_4096",
        /// SM2 (GB/T 32918).
        Sm2 = "SM2",
    }
}

api_enum! {
    /// `ExpirationModelType` of the API.
    ExpirationModel {
        /// The key material is deleted at a set time.
        Expires = "KEY_MATERIAL_EXPIRES",
        /// It stays until it is deleted.
        DoesNotExpire = "KEY_MATERIAL_DOES_NOT_EXPIRE",
    }
}

api_enum! {
    /// `ImportType` of the API.
    ImportType {
        /// Key material that the KMS key has not had before.
        New = "NEW_KEY_MATERIAL",
        /// Key material that the KMS key has had, again.
        Existing = "EXISTING_KEY_MATERIAL",
    }
}

impl WrappingKeySpec {
    /// The key spec of the pair that wraps.
    pub const fn key_spec(self) -> KeySpec {
        match self {
            Self::Rsa2048 => KeySpec::Rsa2048,
            Self::Rsa3072 => KeySpec::Rsa3072,
            Self::Rsa4096 => KeySpec::Rsa4096,
            Self::Sm2 => KeySpec::Sm2,
        }
    }
}

impl KeySpec {
    /// Whether key material of this spec can be imported at all.
    pub const fn takes_import(self) -> bool {
        !matches!(
            self,
            Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 | Self::MlKem512 | Self::MlKem768 | Self::MlKem1024
        )
    }

    /// Whether key material of this spec can be wrapped so.
    pub const fn takes_wrapping(self, algorithm: WrappingAlgorithm, wrapping: WrappingKeySpec) -> bool {
        use WrappingAlgorithm as Algorithm;
        let is_sm2 = matches!(wrapping, WrappingKeySpec::Sm2);
        match algorithm {
            Algorithm::RsaesPkcs1V15 => false,
            // An RSA private key is too long, and one on P-521 is for the shortest of the wrapping keys.
            Algorithm::RsaesOaepSha1 | Algorithm::RsaesOaepSha256 => {
                let too_long =
                    matches!(self, Self::EccNistP521) && matches!(wrapping, WrappingKeySpec::Rsa2048);
                self.takes_import() && self.rsa_modulus_bytes().is_none() && !is_sm2 && !too_long
            }
            Algorithm::RsaAesKeyWrapSha1 | Algorithm::RsaAesKeyWrapSha256 => {
                self.has_private_key() && !is_sm2
            }
            Algorithm::Sm2pke => {
                self.has_private_key() && !matches!(self, Self::EccNistEdwards25519) && is_sm2
            }
        }
    }

    /// Whether key material that can be imported is a private key.
    const fn has_private_key(self) -> bool {
        let secret = matches!(
            self,
            Self::SymmetricDefault | Self::Hmac224 | Self::Hmac256 | Self::Hmac384 | Self::Hmac512
        );
        self.takes_import() && !secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(spec: KeySpec, wrapping: WrappingKeySpec) -> Vec<&'static str> {
        let takes = |algorithm: &&WrappingAlgorithm| spec.takes_wrapping(**algorithm, wrapping);
        WrappingAlgorithm::ALL.iter().filter(takes).map(|algorithm| algorithm.as_str()).collect()
    }

    #[test]
    fn wrapping_algorithms_by_key_spec() {
        const OAEP: [&str; 2] = ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"];
        const AES: [&str; 2] = ["RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"];
        let both = [OAEP, AES].concat();
        let none: [&str; 0] = [];
        for spec in KeySpec::ALL.iter().copied() {
            let (short, long, sm2): (&[&str], &[&str], &[&str]) = match spec {
                KeySpec::SymmetricDefault
                | KeySpec::Hmac224
                | KeySpec::Hmac256
                | KeySpec::Hmac384
                | KeySpec::Hmac512 => (&OAEP, &OAEP, &none),
                KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => (&AES, &AES, &["SM2PKE"]),
                KeySpec::EccNistP521 => (&AES, &both, &["SM2PKE"]),
                KeySpec::EccNistP256 | KeySpec::EccNistP384 | KeySpec::EccSecgP256k1 | KeySpec::Sm2 => {
                    (&both, &both, &["SM2PKE"])
                }
                KeySpec::EccNistEdwards25519 => (&both, &both, &none),
                _ => (&none, &none, &none),
            };
            assert_eq!(names(spec, WrappingKeySpec::Rsa2048), short, "{spec}");
            assert_eq!(names(spec, WrappingKeySpec::Rsa3072), long, "{spec}");
            assert_eq!(names(spec, WrappingKeySpec::Rsa4096), long, "{spec}");
            assert_eq!(names(spec, WrappingKeySpec::Sm2), sm2, "{spec}");
        }
    }
}
