//! UpdateCustomKeyStore: another name, other credentials, another place of what a key store stands on.
//!
//! The KMS keys of the store must be found there, too; no caller can be protected from a place where they are not.

use super::{
    connect_custom_key_store::{NoProperties, wrong_state},
    shape::key_store::{
        ClusterMembers, Connectivity, KEY_STORE_NAME, ProxyMembers, check_proxy, endpoint_service,
        key_store_id,
    },
};
use crate::{
    call::Call,
    env::Env,
    error::{Error, KeyStoreRefusal},
    json::JsonObject,
    key_store::{Backing, ClusterBacking, ClusterFault, HeldStore, KeyStoreFault, ProxyBacking, Siblings},
    members::Members,
    operation::{OpSpec, Operation, Outcome, Request},
    permit::Permits,
    record::Connection,
    vault::Changes,
};

pub(crate) struct UpdateCustomKeyStore;

pub(crate) struct UpdateCustomKeyStoreRequest {
    id: String,
    new_name: Option<String>,
    cluster: ClusterMembers,
    proxy: ProxyMembers,
}

impl Request for UpdateCustomKeyStoreRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: key_store_id(members)?,
            new_name: members.text("NewCustomKeyStoreName", KEY_STORE_NAME)?,
            cluster: ClusterMembers::read(members)?,
            proxy: ProxyMembers::read(members)?,
        })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("customKeyStoreId", &self.id);
        parameters.optional_text("newCustomKeyStoreName", self.new_name.as_deref());
        self.cluster.describe(parameters);
        self.proxy.describe(parameters);
    }
}

impl UpdateCustomKeyStoreRequest {
    /// Name, credential and path of a proxy may change while connected; the rest only while disconnected.
    fn check_state(&self, store: &HeldStore) -> Result<(), Error> {
        let ProxyMembers { endpoint, connectivity, service_name, service_owner, .. } = &self.proxy;
        let thorough = !self.cluster.are_absent()
            || endpoint.is_some()
            || connectivity.is_some()
            || service_name.is_some()
            || service_owner.is_some();
        match store.record.connection {
            Connection::Disconnected => Ok(()),
            Connection::Connected if !thorough => Ok(()),
            _ => Err(wrong_state(store, UpdateCustomKeyStore::SPEC.name)),
        }
    }

    /// What the key store is to stand on; `None` when that does not change.
    fn backing(&self, before: &Backing) -> Result<Option<Backing>, Error> {
        match before {
            Backing::Cluster(_) if !self.proxy.are_absent() => Err(Error::Validation(
                "XksProxy parameters are not valid for CustomKeyStoreType AWS_CLOUDHSM.".to_owned(),
            )),
            Backing::Proxy(_) if !self.cluster.are_absent() => Err(Error::Validation(
                "CloudHsmClusterId and KeyStorePassword are not valid for CustomKeyStoreType EXTERNAL_KEY_STORE."
                    .to_owned(),
            )),
            Backing::Cluster(cluster) => {
                let ClusterMembers { cluster_id, password } = &self.cluster;
                let changed = ClusterBacking {
                    cluster_id: cluster_id.as_ref().unwrap_or(&cluster.cluster_id).clone(),
                    trust_anchor: cluster.trust_anchor.clone(),
                    password: password.as_ref().unwrap_or(&cluster.password).clone(),
                };
                Ok((!self.cluster.are_absent()).then_some(Backing::Cluster(changed)))
            }
            Backing::Proxy(proxy) if !self.proxy.are_absent() => {
                self.proxy(proxy).map(|proxy| Some(Backing::Proxy(proxy)))
            }
            Backing::Proxy(_) => Ok(None),
        }
    }

    fn proxy(&self, before: &ProxyBacking) -> Result<ProxyBacking, Error> {
        let is = if before.service.is_some() {
            Connectivity::VpcEndpointService
        } else {
            Connectivity::PublicEndpoint
        };
        let becomes = self.proxy.connectivity.unwrap_or(is);
        if is != becomes && self.proxy.endpoint.is_none() {
            return Err(Error::Validation(
                "XksProxyUriEndpoint is required when XksProxyConnectivity changes.".to_owned(),
            ));
        }
        let credential = self.proxy.credential.as_ref();
        let changed = ProxyBacking {
            endpoint: self.proxy.endpoint.as_ref().unwrap_or(&before.endpoint).clone(),
            path: self.proxy.path.as_ref().unwrap_or(&before.path).clone(),
            access_key_id: credential
                .map_or(&before.access_key_id, |credential| &credential.access_key_id)
                .clone(),
            secret_access_key: credential
                .map_or(&before.secret_access_key, |credential| &credential.secret_access_key)
                .clone(),
            service: endpoint_service(becomes, &self.proxy, before.service.as_ref())?,
        };
        check_proxy(&changed)?;
        Ok(changed)
    }
}

impl Operation for UpdateCustomKeyStore {
    const SPEC: OpSpec = OpSpec {
        name: "UpdateCustomKeyStore",
        read_only: false,
        asks_outside: true,
        cross_account: false,
        empty_response: false,
        account_action: Some("kms:UpdateCustomKeyStore"),
        keys: &[],
    };

    type Request = UpdateCustomKeyStoreRequest;
    type Response = NoProperties;

    async fn execute(
        env: &Env,
        call: &Call,
        _permits: Permits,
        request: UpdateCustomKeyStoreRequest,
    ) -> Result<Outcome<NoProperties>, Error> {
        let (account, region) = (call.caller.account(), &call.region);
        let siblings = Siblings::read(env, account, region).await?;
        let store = env.known_key_store(account, region, &request.id).await?;
        let (mut record, own) = (store.record.clone(), Some(request.id.as_str()));
        let changed = request.backing(&record.backing)?;
        request.check_state(&store)?;
        if let Some(name) = &request.new_name {
            siblings.check_name(name, own)?;
            record.name.clone_from(name);
        }
        let mut changes = Changes::default();
        if let Some(backing) = changed {
            siblings.check_backing(&backing, own)?;
            let asked = env.on_own_behalf(Self::SPEC.name)?;
            let checked = env.check_backing(account, region, &backing, &asked).await;
            checked.map_err(refusal)?;
            record.backing = backing;
        } else if request.new_name.is_none() {
            return Ok(Outcome::unchanged(NoProperties {}));
        }
        siblings.guard(&mut changes);
        store.replace(&record, &mut changes)?;
        let mut outcome = Outcome::changed(NoProperties {}, changes);
        record.note(&mut outcome.notes);
        Ok(outcome)
    }
}

/// A cluster with another certificate is not one that could take the place of the one before.
fn refusal(fault: KeyStoreFault) -> Error {
    match fault {
        KeyStoreFault::Cluster(ClusterFault::TrustAnchor) => Error::KeyStore(
            KeyStoreRefusal::ClusterNotRelated,
            "The specified CloudHSM cluster has a different cluster certificate than the original cluster."
                .into(),
        ),
        other => other.at_setup(),
    }
}
