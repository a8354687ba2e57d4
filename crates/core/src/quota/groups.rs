//! Which calls share a rate, and AWS's rates.

use reseal_types::{KeySpec, KeyUsage};

/// The calls that are counted together: a name, and AWS's requests per second.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) rate: u32,
}

const fn group(name: &'static str, rate: u32) -> Group {
    Group { name, rate }
}

/// Cryptographic operations share a rate by what the key does, key pairs have one for each spec, and all other
/// operations one of their own. Sorted by name.
pub(super) static GROUPS: [Group; 59] = [
    group("CancelKeyDeletion", 5),
    group("ConnectCustomKeyStore", 5),
    group("CreateAlias", 5),
    group("CreateCustomKeyStore", 5),
    group("CreateGrant", 50),
    group("CreateKey", 5),
    group("DeleteAlias", 15),
    group("DeleteCustomKeyStore", 5),
    group("DeleteImportedKeyMaterial", 15),
    group("DescribeCustomKeyStores", 5),
    group("DescribeKey", 2_000),
    group("DisableKey", 5),
    group("DisableKeyRotation", 5),
    group("DisconnectCustomKeyStore", 5),
    group("EnableKey", 5),
    group("EnableKeyRotation", 15),
    group("GenerateDataKeyPair/ECC_NIST_EDWARDS25519", 100),
    group("GenerateDataKeyPair/ECC_NIST_P256", 100),
    group("GenerateDataKeyPair/ECC_NIST_P384", 100),
    group("GenerateDataKeyPair/ECC_NIST_P521", 100),
    group("GenerateDataKeyPair/ECC_SECG_P256K1", 100),
    group("GenerateDataKeyPair/ML_KEM_1024", 100),
    group("GenerateDataKeyPair/ML_KEM_512", 100),
    group("GenerateDataKeyPair/ML_KEM_768", 100),
    group("GenerateDataKeyPair/RSA_2048", 20),
    group("GenerateDataKeyPair/RSA_3072", 4),
    group("GenerateDataKeyPair/RSA_4096", 1),
    group("GenerateDataKeyPair/SM2", 25),
    group("GetKeyLastUsage", 5),
    group("GetKeyPolicy", 1_000),
    group("GetKeyRotationStatus", 1_000),
    group("GetParametersForImport", 1),
    group("GetPublicKey", 2_000),
    group("ImportKeyMaterial", 15),
    group("ListAliases", 500),
    group("ListGrants", 100),
    group("ListKeyPolicies", 100),
    group("ListKeyRotations", 100),
    group("ListKeys", 500),
    group("ListResourceTags", 2_000),
    group("ListRetirableGrants", 100),
    group("PutKeyPolicy", 15),
    group("ReplicateKey", 5),
    group("RetireGrant", 50),
    group("RevokeGrant", 50),
    group("RotateKeyOnDemand", 5),
    group("ScheduleKeyDeletion", 15),
    group("TagResource", 10),
    group("UntagResource", 5),
    group("UpdateAlias", 5),
    group("UpdateCustomKeyStore", 5),
    group("UpdateKeyDescription", 5),
    group("UpdatePrimaryRegion", 5),
    group("crypto/custom-key-store", 1_800),
    group("crypto/ecc", 1_000),
    group("crypto/ml-dsa", 1_000),
    group("crypto/ml-kem", 1_000),
    group("crypto/rsa", 1_000),
    group("crypto/symmetric", 10_000),
];

/// Position of the group with that name.
pub(super) fn find(name: &str) -> Option<usize> {
    GROUPS.binary_search_by(|group| group.name.cmp(name)).ok()
}

/// The operations that are counted by the kind of their keys.
const CRYPTOGRAPHIC: [&str; 13] = [
    "Decapsulate",
    "Decrypt",
    "DeriveSharedSecret",
    "Encapsulate",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GenerateRandom",
    "ReEncrypt",
    "Sign",
    "Verify",
    "VerifyMac",
];

/// Whether the operation is counted by the kind of its keys.
pub(super) fn is_cryptographic(operation: &str) -> bool {
    CRYPTOGRAPHIC.binary_search(&operation).is_ok()
}

/// The name of the group of a cryptographic operation with such a key.
pub(super) fn of_key(spec: KeySpec, usage: KeyUsage) -> &'static str {
    match spec {
        KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => "crypto/rsa",
        KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => "crypto/ml-dsa",
        KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => "crypto/ml-kem",
        KeySpec::SymmetricDefault => SYMMETRIC,
        _ if usage == KeyUsage::GenerateVerifyMac => SYMMETRIC,
        _ => "crypto/ecc",
    }
}

/// Everything that reaches for a custom key store.
pub(super) const IN_STORE: &str = "crypto/custom-key-store";

/// Symmetric encryption, MACs and random bytes; also where no key was found.
pub(super) const SYMMETRIC: &str = "crypto/symmetric";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_cover_every_operation() {
        assert!(GROUPS.is_sorted_by_key(|group| group.name));
        assert!(CRYPTOGRAPHIC.is_sorted());
        for entry in crate::ops::all() {
            let name = entry.spec.name;
            let pair = name.starts_with("GenerateDataKeyPair");
            assert!(is_cryptographic(name) || pair || find(name).is_some(), "{name} is in no group");
        }
        for spec in KeySpec::ALL {
            for usage in KeyUsage::ALL {
                assert!(find(of_key(*spec, *usage)).is_some());
            }
        }
    }
}
