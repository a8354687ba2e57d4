//! `KeyMetadata`: what DescribeKey and CreateKey tell about a key.

use reseal_types::{EncryptionAlgorithm, KeySpec, KeyState, KeyUsage};
use serde::Serialize;

use super::EpochSeconds;
use crate::keyring::Key;

/// The shape of the same name. Members with no value are left out.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct KeyMetadata {
    #[serde(rename = "AWSAccountId")]
    account: String,
    key_id: String,
    arn: String,
    creation_date: EpochSeconds,
    enabled: bool,
    description: String,
    key_usage: &'static str,
    key_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_date: Option<EpochSeconds>,
    origin: &'static str,
    key_manager: &'static str,
    customer_master_key_spec: &'static str,
    key_spec: &'static str,
    #[serde(flatten)]
    algorithms: Algorithms,
    multi_region: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_region_configuration: Option<MultiRegionConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_key_material_id: Option<String>,
}

/// Exactly the list that belongs to the key's usage.
#[derive(Serialize)]
pub(crate) struct Algorithms {
    #[serde(rename = "EncryptionAlgorithms", skip_serializing_if = "Option::is_none")]
    encryption: Option<Vec<&'static str>>,
    #[serde(rename = "SigningAlgorithms", skip_serializing_if = "Option::is_none")]
    signing: Option<Vec<&'static str>>,
    #[serde(rename = "KeyAgreementAlgorithms", skip_serializing_if = "Option::is_none")]
    key_agreement: Option<Vec<&'static str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MultiRegionConfiguration {
    multi_region_key_type: &'static str,
    primary_key: MultiRegionKey,
    replica_keys: Vec<MultiRegionKey>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MultiRegionKey {
    arn: String,
    region: String,
}

impl Algorithms {
    pub(crate) fn of(spec: KeySpec, usage: KeyUsage) -> Self {
        let encryption =
            || spec.encryption_algorithms().iter().copied().map(EncryptionAlgorithm::as_str).collect();
        let signing = || spec.signing_algorithms().iter().map(|algorithm| algorithm.0).collect();
        Self {
            encryption: (usage == KeyUsage::EncryptDecrypt).then(encryption),
            signing: (usage == KeyUsage::SignVerify).then(signing),
            key_agreement: (usage == KeyUsage::KeyAgreement).then(|| vec!["ECDH"]),
        }
    }
}

impl KeyMetadata {
    pub(crate) fn of(key: &Key) -> Self {
        let record = &key.record;
        let multi_region = record.id.is_multi_region();
        let symmetric = record.spec == KeySpec::SymmetricDefault;
        Self {
            account: record.account.to_string(),
            key_id: record.id.to_string(),
            arn: key.arn().to_owned(),
            creation_date: EpochSeconds(record.created),
            enabled: key.state() == KeyState::Enabled,
            description: record.description.clone(),
            key_usage: record.usage.as_str(),
            key_state: key.state().as_str(),
            deletion_date: record.deletion.map(|deletion| EpochSeconds(deletion.due)),
            origin: record.origin.as_str(),
            key_manager: "CUSTOMER",
            customer_master_key_spec: record.spec.as_str(),
            key_spec: record.spec.as_str(),
            algorithms: Algorithms::of(record.spec, record.usage),
            multi_region,
            multi_region_configuration: multi_region.then(|| MultiRegionConfiguration {
                multi_region_key_type: "PRIMARY",
                primary_key: MultiRegionKey { arn: key.arn().to_owned(), region: record.region.to_string() },
                replica_keys: Vec::new(),
            }),
            current_key_material_id: key
                .current_material()
                .filter(|_| symmetric)
                .map(|material| material.id.to_string()),
        }
    }
}
