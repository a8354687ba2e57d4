//! The registry: one sorted line for each operation, one file for each.

pub(crate) mod shape;

mod cancel_key_deletion;
mod connect_custom_key_store;
mod create_alias;
mod create_custom_key_store;
mod create_grant;
mod create_key;
mod decapsulate;
mod decrypt;
mod delete_alias;
mod delete_custom_key_store;
mod delete_imported_key_material;
mod derive_shared_secret;
mod describe_custom_key_stores;
mod describe_key;
mod disable_key;
mod disable_key_rotation;
mod disconnect_custom_key_store;
mod enable_key;
mod enable_key_rotation;
mod encapsulate;
mod encrypt;
mod generate_data_key;
mod generate_data_key_pair;
mod generate_data_key_pair_without_plaintext;
mod generate_data_key_without_plaintext;
mod generate_mac;
mod generate_random;
mod get_key_last_usage;
mod get_key_policy;
mod get_key_rotation_status;
mod get_parameters_for_import;
mod get_public_key;
mod import_key_material;
mod list_aliases;
mod list_grants;
mod list_key_policies;
mod list_key_rotations;
mod list_keys;
mod list_resource_tags;
mod list_retirable_grants;
mod put_key_policy;
pub(crate) mod re_encrypt;
mod replicate_key;
mod retire_grant;
mod revoke_grant;
mod rotate_key_on_demand;
mod schedule_key_deletion;
mod sign;
mod tag_resource;
mod untag_resource;
mod update_alias;
mod update_custom_key_store;
mod update_key_description;
mod update_primary_region;
mod verify;
mod verify_mac;

pub(crate) use schedule_key_deletion::begin_window;

pub use crate::pipeline::{Answer, Entry, Reply};

/// All operations, sorted by name.
static REGISTRY: [Entry; 56] = [
    Entry::of::<cancel_key_deletion::CancelKeyDeletion>(),
    Entry::of::<connect_custom_key_store::ConnectCustomKeyStore>(),
    Entry::of::<create_alias::CreateAlias>(),
    Entry::of::<create_custom_key_store::CreateCustomKeyStore>(),
    Entry::of::<create_grant::CreateGrant>(),
    Entry::of::<create_key::CreateKey>(),
    Entry::of::<decapsulate::Decapsulate>(),
    Entry::of::<decrypt::Decrypt>(),
    Entry::of::<delete_alias::DeleteAlias>(),
    Entry::of::<delete_custom_key_store::DeleteCustomKeyStore>(),
    Entry::of::<delete_imported_key_material::DeleteImportedKeyMaterial>(),
    Entry::of::<derive_shared_secret::DeriveSharedSecret>(),
    Entry::of::<describe_custom_key_stores::DescribeCustomKeyStores>(),
    Entry::of::<describe_key::DescribeKey>(),
    Entry::of::<disable_key::DisableKey>(),
    Entry::of::<disable_key_rotation::DisableKeyRotation>(),
    Entry::of::<disconnect_custom_key_store::DisconnectCustomKeyStore>(),
    Entry::of::<enable_key::EnableKey>(),
    Entry::of::<enable_key_rotation::EnableKeyRotation>(),
    Entry::of::<encapsulate::Encapsulate>(),
    Entry::of::<encrypt::Encrypt>(),
    Entry::of::<generate_data_key::GenerateDataKey>(),
    Entry::of::<generate_data_key_pair::GenerateDataKeyPair>(),
    Entry::of::<generate_data_key_pair_without_plaintext::GenerateDataKeyPairWithoutPlaintext>(),
    Entry::of::<generate_data_key_without_plaintext::GenerateDataKeyWithoutPlaintext>(),
    Entry::of::<generate_mac::GenerateMac>(),
    Entry::of::<generate_random::GenerateRandom>(),
    Entry::of::<get_key_last_usage::GetKeyLastUsage>(),
    Entry::of::<get_key_policy::GetKeyPolicy>(),
    Entry::of::<get_key_rotation_status::GetKeyRotationStatus>(),
    Entry::of::<get_parameters_for_import::GetParametersForImport>(),
    Entry::of::<get_public_key::GetPublicKey>(),
    Entry::of::<import_key_material::ImportKeyMaterial>(),
    Entry::of::<list_aliases::ListAliases>(),
    Entry::of::<list_grants::ListGrants>(),
    Entry::of::<list_key_policies::ListKeyPolicies>(),
    Entry::of::<list_key_rotations::ListKeyRotations>(),
    Entry::of::<list_keys::ListKeys>(),
    Entry::of::<list_resource_tags::ListResourceTags>(),
    Entry::of::<list_retirable_grants::ListRetirableGrants>(),
    Entry::of::<put_key_policy::PutKeyPolicy>(),
    Entry::of::<re_encrypt::ReEncrypt>(),
    Entry::of::<replicate_key::ReplicateKey>(),
    Entry::of::<retire_grant::RetireGrant>(),
    Entry::of::<revoke_grant::RevokeGrant>(),
    Entry::of::<rotate_key_on_demand::RotateKeyOnDemand>(),
    Entry::of::<schedule_key_deletion::ScheduleKeyDeletion>(),
    Entry::of::<sign::Sign>(),
    Entry::of::<tag_resource::TagResource>(),
    Entry::of::<untag_resource::UntagResource>(),
    Entry::of::<update_alias::UpdateAlias>(),
    Entry::of::<update_custom_key_store::UpdateCustomKeyStore>(),
    Entry::of::<update_key_description::UpdateKeyDescription>(),
    Entry::of::<update_primary_region::UpdatePrimaryRegion>(),
    Entry::of::<verify::Verify>(),
    Entry::of::<verify_mac::VerifyMac>(),
];

/// The operation with exactly that name.
pub fn find(name: &str) -> Option<&'static Entry> {
    // Nearly all names differ in their first bytes, which are compared sooner than a function for long ones is called.
    let index = REGISTRY.binary_search_by(|entry| entry.spec.name.bytes().cmp(name.bytes())).ok()?;
    REGISTRY.get(index)
}

/// Where an operation stands among [`all`].
pub fn index_of(entry: &Entry) -> Option<usize> {
    REGISTRY.element_offset(entry)
}

/// All operations, sorted by name.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    REGISTRY.iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found_by_its_name() {
        assert!(REGISTRY.is_sorted_by_key(|entry| entry.spec.name));
        for (index, entry) in all().enumerate() {
            assert_eq!(index_of(entry), Some(index));
            assert_eq!(find(entry.spec.name).map(|found| found.spec.name), Some(entry.spec.name));
        }
        assert!(find("reencrypt").is_none(), "names are case-sensitive");
    }
}
