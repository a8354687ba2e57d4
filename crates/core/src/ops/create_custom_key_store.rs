//! CreateCustomKeyStore: a key store on a cluster of hardware modules, or on an external key manager behind a proxy.
//!
//! A public proxy is asked for its health first; a new key store is disconnected.

use serde::Serialize;

use super::shape::key_store::{
    ClusterMembers, KEY_STORE_NAME, KeyStoreType, ProxyMembers, check_proxy, endpoint_service,
};
use crate::{
    call::Call,
    env::Env,
    error::{Error, Limit},
    json::JsonObject,
    key_store::{Backing, ClusterBacking, KeyStoreFault, ProxyBacking, Siblings},
    members::{Bounds, Members, ModelEnum},
    operation::{OpSpec, Operation, Outcome, Request},
    permit::Permits,
    quota::room_for_one,
    record::{Connection, KeyStoreRecord, place},
    vault::Changes,
};

pub(crate) struct CreateCustomKeyStore;

pub(crate) struct CreateCustomKeyStoreRequest {
    name: String,
    kind: KeyStoreType,
    cluster: ClusterMembers,
    trust_anchor: Option<String>,
    proxy: ProxyMembers,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateCustomKeyStoreResponse {
    custom_key_store_id: String,
}

impl Request for CreateCustomKeyStoreRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            name: members.required_text("CustomKeyStoreName", KEY_STORE_NAME)?,
            kind: members.choice("CustomKeyStoreType")?.unwrap_or(KeyStoreType::AwsCloudhsm),
            cluster: ClusterMembers::read(members)?,
            trust_anchor: members.text("TrustAnchorCertificate", Bounds(1, 5000))?,
            proxy: ProxyMembers::read(members)?,
        })
    }

    fn check(&self) -> Result<(), Error> {
        self.backing().map(|_| ())
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("customKeyStoreName", &self.name);
        parameters.text("customKeyStoreType", self.kind.name());
        self.cluster.describe(parameters);
        self.proxy.describe(parameters);
    }
}

impl CreateCustomKeyStoreRequest {
    /// What the key store is to stand on, if the members fit together.
    fn backing(&self) -> Result<Backing, Error> {
        match self.kind {
            KeyStoreType::AwsCloudhsm => self.cluster(),
            KeyStoreType::ExternalKeyStore => self.proxy(),
        }
    }

    fn cluster(&self) -> Result<Backing, Error> {
        if !self.proxy.are_absent() {
            return Err(wrong_kind("XksProxy parameters", self.kind));
        }
        let ClusterMembers { cluster_id, password } = &self.cluster;
        Ok(Backing::Cluster(ClusterBacking {
            cluster_id: required("CloudHsmClusterId", cluster_id.as_ref(), self.kind)?,
            trust_anchor: required("TrustAnchorCertificate", self.trust_anchor.as_ref(), self.kind)?,
            password: required("KeyStorePassword", password.as_ref(), self.kind)?,
        }))
    }

    fn proxy(&self) -> Result<Backing, Error> {
        if !self.cluster.are_absent() || self.trust_anchor.is_some() {
            return Err(wrong_kind(
                "CloudHsmClusterId, KeyStorePassword and TrustAnchorCertificate",
                self.kind,
            ));
        }
        let ProxyMembers { endpoint, path, connectivity, credential, .. } = &self.proxy;
        let connectivity = required("XksProxyConnectivity", connectivity.as_ref(), self.kind)?;
        let credential = required("XksProxyAuthenticationCredential", credential.as_ref(), self.kind)?;
        let proxy = ProxyBacking {
            endpoint: required("XksProxyUriEndpoint", endpoint.as_ref(), self.kind)?,
            path: required("XksProxyUriPath", path.as_ref(), self.kind)?,
            access_key_id: credential.access_key_id,
            secret_access_key: credential.secret_access_key,
            service: endpoint_service(connectivity, &self.proxy, None)?,
        };
        check_proxy(&proxy)?;
        Ok(Backing::Proxy(proxy))
    }
}

fn required<T: Clone>(name: &str, value: Option<&T>, kind: KeyStoreType) -> Result<T, Error> {
    let missing = || Error::Validation(format!("{name} is required for CustomKeyStoreType {}.", kind.name()));
    value.cloned().ok_or_else(missing)
}

fn wrong_kind(names: &str, kind: KeyStoreType) -> Error {
    Error::Validation(format!("{names} are not valid for CustomKeyStoreType {}.", kind.name()))
}

impl Operation for CreateCustomKeyStore {
    const SPEC: OpSpec = OpSpec {
        name: "CreateCustomKeyStore",
        read_only: false,
        asks_outside: true,
        cross_account: false,
        empty_response: false,
        account_action: Some("kms:CreateCustomKeyStore"),
        keys: &[],
    };

    type Request = CreateCustomKeyStoreRequest;
    type Response = CreateCustomKeyStoreResponse;

    async fn execute(
        env: &Env,
        call: &Call,
        _permits: Permits,
        request: CreateCustomKeyStoreRequest,
    ) -> Result<Outcome<CreateCustomKeyStoreResponse>, Error> {
        let (account, region) = (call.caller.account(), &call.region);
        let (siblings, backing) = (Siblings::read(env, account, region).await?, request.backing()?);
        siblings.check_name(&request.name, None)?;
        room_for_one(siblings.count(), env.settings.custom_key_stores, Limit::CustomKeyStores)?;
        siblings.check_backing(&backing, None)?;
        let asked = env.on_own_behalf(Self::SPEC.name)?;
        let checked = env.check_backing(account, region, &backing, &asked).await;
        checked.map_err(KeyStoreFault::at_setup)?;
        let record = KeyStoreRecord {
            id: new_id(env)?,
            account,
            region: region.clone(),
            name: request.name,
            created: env.clock.now(),
            backing,
            connection: Connection::Disconnected,
        };
        let mut changes = Changes::default();
        siblings.guard(&mut changes);
        let place = place::key_store(account, region, &record.id)?;
        changes.expect(place.clone(), None);
        changes.put(place, &record);
        let response = CreateCustomKeyStoreResponse { custom_key_store_id: record.id.clone() };
        let mut outcome = Outcome::changed(response, changes);
        outcome.notes.elements(|elements| elements.text("customKeyStoreId", &record.id));
        record.note(&mut outcome.notes);
        Ok(outcome)
    }
}

/// `cks-` and 17 hex digits, as AWS's ids look.
fn new_id(env: &Env) -> Result<String, Error> {
    let mut random = [0; 9];
    env.entropy.fill_public(&mut random)?;
    let mut id = format!("cks-{}", hex::encode(random));
    id.truncate("cks-".len() + 17);
    Ok(id)
}
