//! DescribeCustomKeyStores: the key stores of the caller's account in the Region. Never a password or secret.

use serde::Serialize;

use super::shape::{
    EpochSeconds, List, Paging,
    key_store::{Connectivity, KEY_STORE_ID, KEY_STORE_NAME, KeyStoreType},
};
use crate::{
    call::Call,
    env::Env,
    error::{Error, KeyStoreRefusal},
    json::JsonObject,
    key_store::{Backing, ProxyBacking, Siblings},
    members::{Members, ModelEnum},
    operation::{OpSpec, Operation, Outcome, Request},
    permit::Permits,
    record::{KeyStoreRecord, place},
    store::RecordKey,
};

pub(crate) struct DescribeCustomKeyStores;

pub(crate) struct DescribeCustomKeyStoresRequest {
    id: Option<String>,
    name: Option<String>,
    paging: Paging,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeCustomKeyStoresResponse {
    custom_key_stores: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

/// `CustomKeyStoresListEntry`
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    custom_key_store_id: String,
    custom_key_store_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_hsm_cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_anchor_certificate: Option<String>,
    connection_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_error_code: Option<&'static str>,
    creation_date: EpochSeconds,
    custom_key_store_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    xks_proxy_configuration: Option<ProxyConfiguration>,
}

/// `XksProxyConfigurationType`
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProxyConfiguration {
    connectivity: &'static str,
    access_key_id: String,
    uri_endpoint: String,
    uri_path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_endpoint_service_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_endpoint_service_owner: Option<String>,
}

const MOST: i64 = 1000;
const DEFAULT: u16 = 100;

impl Request for DescribeCustomKeyStoresRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: members.text("CustomKeyStoreId", KEY_STORE_ID)?,
            name: members.text("CustomKeyStoreName", KEY_STORE_NAME)?,
            paging: Paging::read(members, MOST)?,
        })
    }

    fn check(&self) -> Result<(), Error> {
        if self.id.is_some() && self.name.is_some() {
            return Err(Error::Validation(
                "You cannot specify CustomKeyStoreId and CustomKeyStoreName in the same request.".to_owned(),
            ));
        }
        Ok(())
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.optional_text("customKeyStoreId", self.id.as_deref());
        parameters.optional_text("customKeyStoreName", self.name.as_deref());
        self.paging.describe(parameters);
    }
}

impl Entry {
    fn of(record: &KeyStoreRecord) -> Self {
        let (kind, cluster, proxy) = match &record.backing {
            Backing::Cluster(cluster) => (KeyStoreType::AwsCloudhsm, Some(cluster), None),
            Backing::Proxy(proxy) => (KeyStoreType::ExternalKeyStore, None, Some(proxy)),
        };
        Self {
            custom_key_store_id: record.id.clone(),
            custom_key_store_name: record.name.clone(),
            cloud_hsm_cluster_id: cluster.map(|cluster| cluster.cluster_id.clone()),
            trust_anchor_certificate: cluster.map(|cluster| cluster.trust_anchor.clone()),
            connection_state: record.connection.as_str(),
            connection_error_code: record.connection.error(),
            creation_date: EpochSeconds(record.created),
            custom_key_store_type: kind.name(),
            xks_proxy_configuration: proxy.map(|proxy| ProxyConfiguration::of(proxy, record)),
        }
    }
}

impl ProxyConfiguration {
    fn of(proxy: &ProxyBacking, record: &KeyStoreRecord) -> Self {
        let service = proxy.service.as_ref();
        let connectivity = service.map_or(Connectivity::PublicEndpoint, |_| Connectivity::VpcEndpointService);
        Self {
            connectivity: connectivity.name(),
            access_key_id: proxy.access_key_id.clone(),
            uri_endpoint: proxy.endpoint.clone(),
            uri_path: proxy.path.clone(),
            vpc_endpoint_service_name: service.map(|service| service.name.clone()),
            vpc_endpoint_service_owner: service
                .map(|service| service.owner.unwrap_or(record.account).to_string()),
        }
    }
}

impl Operation for DescribeCustomKeyStores {
    const SPEC: OpSpec = OpSpec {
        name: "DescribeCustomKeyStores",
        read_only: true,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: Some("kms:DescribeCustomKeyStores"),
        keys: &[],
    };

    type Request = DescribeCustomKeyStoresRequest;
    type Response = DescribeCustomKeyStoresResponse;

    async fn execute(
        env: &Env,
        call: &Call,
        _permits: Permits,
        request: DescribeCustomKeyStoresRequest,
    ) -> Result<Outcome<DescribeCustomKeyStoresResponse>, Error> {
        let (account, region) = (call.caller.account(), &call.region);
        // A marker belongs to the list of all.
        let which = if request.id.is_some() || request.name.is_some() { "one" } else { "all" };
        let list = List::new(&Self::SPEC, call, &[which]);
        let after = request.paging.after(env, &list)?;
        if let Some(id) = &request.id {
            let store = env.known_key_store(account, region, id).await?;
            return Ok(one(&store.record));
        }
        if let Some(name) = &request.name {
            let siblings = Siblings::read(env, account, region).await?;
            let words = || format!("Custom key store {name} is not found.").into();
            let found =
                siblings.named(name).ok_or_else(|| Error::KeyStore(KeyStoreRefusal::NotFound, words()))?;
            return Ok(one(found));
        }
        let prefix = place::key_store_prefix(account, region);
        let after = after.and_then(|after| RecordKey::new(after.as_bytes()));
        let limit = request.paging.limit(DEFAULT);
        let (page, truncated) = env.vault.scan::<KeyStoreRecord>(&prefix, after.as_ref(), limit).await?;
        let next_marker = match page.last() {
            Some((place, _)) if truncated => Some(list.marker(env, &place.to_string())?),
            _ => None,
        };
        // A record that was changed outside the service has been reported; it hides no other.
        let intact = page.iter().filter_map(|(_, held)| held.as_ref().ok());
        let custom_key_stores = intact.map(|held| Entry::of(&held.record)).collect();
        let response = DescribeCustomKeyStoresResponse { custom_key_stores, next_marker, truncated };
        Ok(Outcome::unchanged(response))
    }
}

fn one(record: &KeyStoreRecord) -> Outcome<DescribeCustomKeyStoresResponse> {
    let custom_key_stores = vec![Entry::of(record)];
    let response = DescribeCustomKeyStoresResponse { custom_key_stores, next_marker: None, truncated: false };
    Outcome::unchanged(response)
}
