//! Which operations a grant on a KMS key can allow. Source: "Grant operations" of the KMS developer guide.

use reseal_policy::{GrantOperation as Op, GrantOperations};
use reseal_types::{KeySpec, KeyUsage};

/// The operations that a key of this spec and usage supports in grants.
pub(crate) fn operations_of(spec: KeySpec, usage: KeyUsage) -> GrantOperations {
    let cryptographic: &[Op] = match usage {
        KeyUsage::EncryptDecrypt if spec == KeySpec::SymmetricDefault => &[
            Op::Encrypt,
            Op::Decrypt,
            Op::ReEncryptFrom,
            Op::ReEncryptTo,
            Op::GenerateDataKey,
            Op::GenerateDataKeyWithoutPlaintext,
            Op::GenerateDataKeyPair,
            Op::GenerateDataKeyPairWithoutPlaintext,
        ],
        KeyUsage::EncryptDecrypt => {
            &[Op::Encrypt, Op::Decrypt, Op::ReEncryptFrom, Op::ReEncryptTo, Op::GetPublicKey]
        }
        KeyUsage::SignVerify => &[Op::Sign, Op::Verify, Op::GetPublicKey],
        KeyUsage::GenerateVerifyMac => &[Op::GenerateMac, Op::VerifyMac],
        KeyUsage::KeyAgreement => &[Op::DeriveSharedSecret, Op::GetPublicKey],
        KeyUsage::EncapsulateDecapsulate => &[Op::Encapsulate, Op::Decapsulate, Op::GetPublicKey],
    };
    let management = [Op::CreateGrant, Op::RetireGrant, Op::DescribeKey];
    cryptographic.iter().copied().chain(management).collect()
}
