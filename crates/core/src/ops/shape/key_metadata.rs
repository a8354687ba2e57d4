//! `KeyMetadata`: what DescribeKey and CreateKey tell about a key.

use reseal_types::{EncryptionAlgorithm, KeySpec, KeyState, KeyUsage, Partition, Region, SigningAlgorithm};
use serde::Serialize;

use super::EpochSeconds;
use crate::{
    json::JsonObject,
    key_store::Backing,
    keyring::{Key, key_arn},
};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_deletion_window_in_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_to: Option<EpochSeconds>,
    origin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_model: Option<&'static str>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_key_store_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_hsm_cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    xks_key_configuration: Option<XksKeyConfiguration>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct XksKeyConfiguration {
    id: String,
}

/// Exactly the list that belongs to the key's usage.
#[derive(Serialize)]
pub(crate) struct Algorithms {
    #[serde(rename = "EncryptionAlgorithms", skip_serializing_if = "Option::is_none")]
    encryption: Option<Vec<&'static str>>,
    #[serde(rename = "SigningAlgorithms", skip_serializing_if = "Option::is_none")]
    signing: Option<Vec<&'static str>>,
    #[serde(rename = "MacAlgorithms", skip_serializing_if = "Option::is_none")]
    mac: Option<Vec<&'static str>>,
    #[serde(rename = "KeyAgreementAlgorithms", skip_serializing_if = "Option::is_none")]
    key_agreement: Option<Vec<&'static str>>,
    #[serde(rename = "EncapsulationAlgorithms", skip_serializing_if = "Option::is_none")]
    encapsulation: Option<Vec<&'static str>>,
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

impl MultiRegionConfiguration {
    fn of(key: &Key, partition: &Partition) -> Option<Self> {
        let record = &key.record;
        let set = record.multi_region.as_ref()?;
        let related = |region: &Region| MultiRegionKey {
            arn: key_arn(partition, region, record.account, record.id),
            region: region.to_string(),
        };
        Some(Self {
            multi_region_key_type: key.multi_region_type()?,
            primary_key: related(&set.primary),
            replica_keys: set.replicas.iter().map(related).collect(),
        })
    }

    fn describe(&self, object: &mut JsonObject<'_>) {
        let describe = |object: &mut JsonObject<'_>, key: &MultiRegionKey| {
            object.text("arn", &key.arn);
            object.text("region", &key.region);
        };
        object.text("multiRegionKeyType", self.multi_region_key_type);
        object.object("primaryKey", |object| describe(object, &self.primary_key));
        object.objects("replicaKeys", &self.replica_keys, describe);
    }
}

impl Algorithms {
    pub(crate) fn of(spec: KeySpec, usage: KeyUsage) -> Self {
        let encryption =
            || spec.encryption_algorithms().iter().copied().map(EncryptionAlgorithm::as_str).collect();
        let signing = || spec.signing_algorithms().iter().copied().map(SigningAlgorithm::as_str).collect();
        Self {
            encryption: (usage == KeyUsage::EncryptDecrypt).then(encryption),
            signing: (usage == KeyUsage::SignVerify).then(signing),
            mac: (usage == KeyUsage::GenerateVerifyMac)
                .then(|| spec.mac_algorithm().iter().map(|algorithm| algorithm.as_str()).collect()),
            key_agreement: (usage == KeyUsage::KeyAgreement)
                .then(|| spec.key_agreement_algorithm().iter().map(|algorithm| algorithm.as_str()).collect()),
            encapsulation: (usage == KeyUsage::EncapsulateDecapsulate)
                .then(|| spec.encapsulation_algorithm().iter().map(|algorithm| algorithm.as_str()).collect()),
        }
    }
}

impl KeyMetadata {
    pub(crate) fn of(key: &Key, partition: &Partition) -> Self {
        let record = &key.record;
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
            pending_deletion_window_in_days: record.waiting_days(),
            valid_to: key.expiration().and_then(|(_, end)| end).map(EpochSeconds),
            origin: record.origin.as_str(),
            expiration_model: key.expiration().map(|(model, _)| model.as_str()),
            key_manager: "CUSTOMER",
            customer_master_key_spec: record.spec.as_str(),
            key_spec: record.spec.as_str(),
            algorithms: Algorithms::of(record.spec, record.usage),
            multi_region: record.id.is_multi_region(),
            multi_region_configuration: MultiRegionConfiguration::of(key, partition),
            current_key_material_id: key
                .current_material()
                .filter(|_| symmetric && record.stored_in.is_none())
                .map(|material| material.id.to_string()),
            custom_key_store_id: record.stored_in.as_ref().map(|held| held.store.clone()),
            cloud_hsm_cluster_id: key.store.as_ref().and_then(|store| match &store.record.backing {
                Backing::Cluster(cluster) => Some(cluster.cluster_id.clone()),
                Backing::Proxy(_) => None,
            }),
            xks_key_configuration: record
                .stored_in
                .as_ref()
                .and_then(|held| held.external_key.clone())
                .map(|id| XksKeyConfiguration { id }),
        }
    }

    /// The new key as the audit record shows it.
    pub(crate) fn describe(&self, object: &mut JsonObject<'_>) {
        object.text("aWSAccountId", &self.account);
        object.text("keyId", &self.key_id);
        object.text("arn", &self.arn);
        object.text("creationDate", &self.creation_date.0.to_string());
        object.boolean("enabled", self.enabled);
        object.text("description", &self.description);
        object.text("keyUsage", self.key_usage);
        object.text("keyState", self.key_state);
        object.text("origin", self.origin);
        object.text("keyManager", self.key_manager);
        object.text("keySpec", self.key_spec);
        object.text("customerMasterKeySpec", self.customer_master_key_spec);
        object.boolean("multiRegion", self.multi_region);
        if let Some(configuration) = &self.multi_region_configuration {
            object.object("multiRegionConfiguration", |object| configuration.describe(object));
        }
        object.optional_text("customKeyStoreId", self.custom_key_store_id.as_deref());
        object.optional_text("cloudHsmClusterId", self.cloud_hsm_cluster_id.as_deref());
        if let Some(configuration) = &self.xks_key_configuration {
            object.object("xksKeyConfiguration", |object| object.text("id", &configuration.id));
        }
    }
}
