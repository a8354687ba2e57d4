//! What the service has: actions, which of them carry which condition key, and the values that a key can have.
//! Sources: the service model, "Actions, resources, and condition keys for AWS KMS", and what this service can know.

use crate::context::ConditionKey;

/// All actions without `kms:`, sorted.
pub(crate) const ACTIONS: &[&str] = &[
    "CancelKeyDeletion",
    "ConnectCustomKeyStore",
    "CreateAlias",
    "CreateCustomKeyStore",
    "CreateGrant",
    "CreateKey",
    "Decapsulate",
    "Decrypt",
    "DeleteAlias",
    "DeleteCustomKeyStore",
    "DeleteImportedKeyMaterial",
    "DeriveSharedSecret",
    "DescribeCustomKeyStores",
    "DescribeKey",
    "DisableKey",
    "DisableKeyRotation",
    "DisconnectCustomKeyStore",
    "EnableKey",
    "EnableKeyRotation",
    "Encapsulate",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GenerateRandom",
    "GetKeyLastUsage",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "GetParametersForImport",
    "GetPublicKey",
    "ImportKeyMaterial",
    "ListAliases",
    "ListGrants",
    "ListKeyPolicies",
    "ListKeyRotations",
    "ListKeys",
    "ListResourceTags",
    "ListRetirableGrants",
    "PutKeyPolicy",
    "ReEncryptFrom",
    "ReEncryptTo",
    "ReplicateKey",
    "RetireGrant",
    "RevokeGrant",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
    "Sign",
    "SynchronizeMultiRegionKey",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateCustomKeyStore",
    "UpdateKeyDescription",
    "UpdatePrimaryRegion",
    "Verify",
    "VerifyMac",
];

/// Actions that no key policy decides: those on no key, and RetireGrant.
pub(crate) const NOT_BY_KEY_POLICY: &[&str] = &[
    "ConnectCustomKeyStore",
    "CreateCustomKeyStore",
    "CreateKey",
    "DeleteCustomKeyStore",
    "DescribeCustomKeyStores",
    "DisconnectCustomKeyStore",
    "GenerateRandom",
    "ListAliases",
    "ListKeys",
    "ListRetirableGrants",
    "RetireGrant",
    "UpdateCustomKeyStore",
];

const WITH_CONTEXT: &[&str] = &[
    "CreateGrant",
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "RetireGrant",
];

const WITH_ALIAS: &[&str] = &[
    "Decapsulate",
    "Decrypt",
    "DeriveSharedSecret",
    "DescribeKey",
    "Encapsulate",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GetPublicKey",
    "ReEncryptFrom",
    "ReEncryptTo",
    "Sign",
    "Verify",
    "VerifyMac",
];

const WITH_RECIPIENT: &[&str] =
    &["Decrypt", "DeriveSharedSecret", "GenerateDataKey", "GenerateDataKeyPair", "GenerateRandom"];

/// Which actions carry a condition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carriers {
    /// All of them, for some or all callers.
    All,
    /// These.
    These(&'static [&'static str]),
    /// None: this service has no such callers, networks or organizations.
    None,
    /// Not a key that the service knows.
    Unknown,
}

/// The actions that carry `key`.
pub(crate) fn carriers(key: &ConditionKey) -> Carriers {
    use ConditionKey as K;
    Carriers::These(match key {
        K::BypassPolicyLockoutSafetyCheck => &["CreateKey", "PutKeyPolicy", "ReplicateKey"],
        K::DataKeyPairSpec => &["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"],
        K::EncryptionAlgorithm => &[
            "Decrypt",
            "Encrypt",
            "GenerateDataKey",
            "GenerateDataKeyPair",
            "GenerateDataKeyPairWithoutPlaintext",
            "GenerateDataKeyWithoutPlaintext",
            "ReEncryptFrom",
            "ReEncryptTo",
        ],
        K::EncryptionContext(_) | K::EncryptionContextKeys => WITH_CONTEXT,
        K::ExpirationModel | K::ValidTo => &["ImportKeyMaterial"],
        K::GrantConstraintType => &["CreateGrant", "RetireGrant"],
        K::GrantIsForAwsResource => &["CreateGrant", "ListGrants", "RevokeGrant"],
        K::GrantConstraintSourceArn
        | K::GrantOperations
        | K::GranteePrincipal
        | K::GranteeServicePrincipal
        | K::RetiringPrincipal
        | K::RetiringServicePrincipal => &["CreateGrant"],
        K::KeyAgreementAlgorithm => &["DeriveSharedSecret"],
        K::MacAlgorithm => &["GenerateMac", "VerifyMac"],
        K::MessageType | K::SigningAlgorithm => &["Sign", "Verify"],
        K::PolicyName => &["GetKeyPolicy", "PutKeyPolicy"],
        K::PrimaryRegion => &["UpdatePrimaryRegion"],
        K::ReEncryptOnSameKey => &["ReEncryptFrom", "ReEncryptTo"],
        K::RecipientAttestation(_) => WITH_RECIPIENT,
        K::ReplicaRegion => &["ReplicateKey"],
        K::RequestAlias => WITH_ALIAS,
        K::RotationPeriodInDays => &["EnableKeyRotation"],
        K::ScheduleKeyDeletionPendingWindowInDays => &["ScheduleKeyDeletion"],
        K::TrailingDaysWithoutKeyUsage => &["DisableKey", "ScheduleKeyDeletion"],
        K::WrappingAlgorithm | K::WrappingKeySpec => &["GetParametersForImport"],
        K::RequestTag(_) => &["CreateKey", "ReplicateKey", "TagResource"],
        K::TagKeys => &["CreateKey", "ReplicateKey", "TagResource", "UntagResource"],
        K::ViaService
        | K::PrincipalOrgId
        | K::PrincipalServiceName
        | K::MultiFactorAuthAge
        | K::VpcSourceIp
        | K::SourceVpc
        | K::SourceVpce
        | K::Referer
        | K::ResourceOrgId
        | K::SourceArn
        | K::SourceAccount
        | K::CalledVia => return Carriers::None,
        K::Other(_) => return Carriers::Unknown,
        _ => return Carriers::All,
    })
}

const BOOLEANS: &[&str] = &["true", "false"];

const KEY_SPECS: &[&str] = &[
    "SYMMETRIC_DEFAULT",
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "ECC_NIST_EDWARDS25519",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
    "SM2",
    "ML_DSA_44",
    "ML_DSA_65",
    "ML_DSA_87",
    "ML_KEM_512",
    "ML_KEM_768",
    "ML_KEM_1024",
];

/// All values that `key` can have, if they are few.
pub(crate) fn domain(key: &ConditionKey) -> Option<&'static [&'static str]> {
    use ConditionKey as K;
    Some(match key {
        K::KeySpec | K::CustomerMasterKeySpec => KEY_SPECS,
        K::KeyUsage | K::CustomerMasterKeyUsage => &[
            "SIGN_VERIFY",
            "ENCRYPT_DECRYPT",
            "GENERATE_VERIFY_MAC",
            "KEY_AGREEMENT",
            "ENCAPSULATE_DECAPSULATE",
        ],
        K::KeyOrigin => &["AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"],
        K::DataKeyPairSpec => &[
            "RSA_2048",
            "RSA_3072",
            "RSA_4096",
            "ECC_NIST_P256",
            "ECC_NIST_P384",
            "ECC_NIST_P521",
            "ECC_SECG_P256K1",
            "ECC_NIST_EDWARDS25519",
            "SM2",
            "ML_KEM_512",
            "ML_KEM_768",
            "ML_KEM_1024",
        ],
        K::EncryptionAlgorithm => &["SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"],
        K::SigningAlgorithm => &[
            "RSASSA_PSS_SHA_256",
            "RSASSA_PSS_SHA_384",
            "RSASSA_PSS_SHA_512",
            "RSASSA_PKCS1_V1_5_SHA_256",
            "RSASSA_PKCS1_V1_5_SHA_384",
            "RSASSA_PKCS1_V1_5_SHA_512",
            "ECDSA_SHA_256",
            "ECDSA_SHA_384",
            "ECDSA_SHA_512",
            "SM2DSA",
            "ML_DSA_SHAKE_256",
            "ED25519_SHA_512",
            "ED25519_PH_SHA_512",
        ],
        K::MacAlgorithm => &["HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"],
        K::MessageType => &["RAW", "DIGEST", "EXTERNAL_MU"],
        K::KeyAgreementAlgorithm => &["ECDH"],
        K::GrantConstraintType => &["EncryptionContextEquals", "EncryptionContextSubset"],
        K::MultiRegionKeyType => &["PRIMARY", "REPLICA"],
        K::ExpirationModel => &["KEY_MATERIAL_EXPIRES", "KEY_MATERIAL_DOES_NOT_EXPIRE"],
        K::PolicyName => &["default"],
        K::WrappingAlgorithm => &[
            "RSAES_PKCS1_V1_5",
            "RSAES_OAEP_SHA_1",
            "RSAES_OAEP_SHA_256",
            "RSA_AES_KEY_WRAP_SHA_1",
            "RSA_AES_KEY_WRAP_SHA_256",
            "SM2PKE",
        ],
        K::WrappingKeySpec => &["RSA_2048", "RSA_3072", "RSA_4096", "SM2"],
        K::BypassPolicyLockoutSafetyCheck
        | K::MultiRegion
        | K::ReEncryptOnSameKey
        | K::SecureTransport
        | K::MultiFactorAuthPresent => BOOLEANS,
        K::GrantIsForAwsResource | K::PrincipalIsAwsService | K::ViaAwsService => &["false"],
        _ => return None,
    })
}
