//! What stands behind a custom key store: an external key store proxy, or a cluster of hardware modules.
//!
//! The service knows it as this narrow trait and nothing of HTTP or PKCS#11. A key of a custom key store never
//! comes in here: what it has encrypted does.

mod fault;
mod held;
mod new_key;
mod unique;
mod work;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
pub use fault::{ClusterFault, KeyStoreFault, ProxyFault};
pub(crate) use held::{HeldStore, KeyStoreShelf};
pub(crate) use new_key::Destination;
pub use reseal_crypto::external::Foreign;
use reseal_types::{AccountId, Region, SecretBytes};
pub(crate) use unique::Siblings;
pub use work::KeyStoreTask;

/// Everything that custom key stores can stand on, as the operator has configured it.
pub trait KeyStores: Send + Sync {
    /// What `backing` names, for an account in a Region. Reaches out for nothing yet.
    ///
    /// # Errors
    /// When it names something that is not there for this account and Region, or does not fit it.
    fn open(
        &self,
        account: AccountId,
        region: &Region,
        backing: &Backing,
    ) -> Result<Arc<dyn KeyStore>, KeyStoreFault>;

    /// Whether `backing` names a cluster whose trust anchor is this certificate.
    ///
    /// # Errors
    /// [`ClusterFault::NotFound`], [`ClusterFault::TrustAnchor`].
    fn check_trust_anchor(
        &self,
        account: AccountId,
        region: &Region,
        cluster_id: &str,
        certificate: &str,
    ) -> Result<(), KeyStoreFault>;
}

/// One key store. Every call comes back in bounded time.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Whether its settings are fit to be kept. Logs in nowhere.
    ///
    /// # Errors
    /// What is wrong with them.
    async fn check(&self, asked: &Asked) -> Result<(), KeyStoreFault>;

    /// Makes it usable: logs in with the credentials it was opened with, and refuses older ones from then on.
    ///
    /// # Errors
    /// Why it cannot be used.
    async fn connect(&self, asked: &Asked) -> Result<(), KeyStoreFault>;

    /// Logs out. Calls still under way may fail.
    async fn disconnect(&self);

    /// Makes the key in a cluster; or makes sure that the external key exists and is fit.
    ///
    /// # Errors
    /// When there is no such key afterwards.
    async fn provide_key(&self, key: &BackingKey, asked: &Asked) -> Result<(), KeyStoreFault>;

    /// AES-256-GCM under `key`.
    ///
    /// # Errors
    /// Why nothing was encrypted.
    async fn encrypt(
        &self,
        key: &BackingKey,
        plaintext: SecretBytes,
        associated: &[u8],
        asked: &Asked,
    ) -> Result<Foreign, KeyStoreFault>;

    /// Opens what [`KeyStore::encrypt`] made with the same key and associated data.
    ///
    /// # Errors
    /// Why it was not opened.
    async fn decrypt(
        &self,
        key: &BackingKey,
        sealed: Foreign,
        associated: &[u8],
        asked: &Asked,
    ) -> Result<SecretBytes, KeyStoreFault>;

    /// Destroys the key that [`KeyStore::provide_key`] made; does nothing to an external key, which is its owner's.
    ///
    /// # Errors
    /// When it may still be there.
    async fn destroy_key(&self, key: &BackingKey) -> Result<(), KeyStoreFault>;

    /// Random bytes of a cluster's own generator. No proxy has any to give.
    ///
    /// # Errors
    /// When there are none.
    async fn random(&self, length: usize) -> Result<SecretBytes, KeyStoreFault>;
}

/// A key as its key store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackingKey {
    /// In a cluster: found by the id of the key material, labelled with the ARN of the KMS key for people.
    InCluster {
        /// `CKA_ID`
        id: [u8; 32],
        /// `CKA_LABEL`
        label: String,
    },
    /// In an external key manager: the id that its proxy knows, `XksKeyId`.
    External(String),
}

/// On whose behalf a key store is asked for something. Proxies decide by it and write it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// ARN of the caller; none for what the service does by itself.
    pub principal: Option<String>,
    /// The operation of the API.
    pub operation: &'static str,
    /// The id of the call.
    pub request_id: String,
    /// ARN of the KMS key, once there is one.
    pub key_arn: Option<String>,
}

/// The settings of a custom key store that say what it stands on. Holds secrets, hence no `Debug` for them.
#[derive(Clone)]
pub enum Backing {
    /// `AWS_CLOUDHSM`
    Cluster(ClusterBacking),
    /// `EXTERNAL_KEY_STORE`
    Proxy(ProxyBacking),
}

/// A cluster of hardware modules.
#[derive(Clone)]
pub struct ClusterBacking {
    /// `CloudHsmClusterId`
    pub cluster_id: String,
    /// `TrustAnchorCertificate`: PEM as it was sent.
    pub trust_anchor: String,
    /// `KeyStorePassword`
    pub password: Arc<SecretBytes>,
}

/// An external key store proxy.
#[derive(Clone)]
pub struct ProxyBacking {
    /// `XksProxyUriEndpoint`: `https://` and a host.
    pub endpoint: String,
    /// `XksProxyUriPath`
    pub path: String,
    /// `AccessKeyId` of `XksProxyAuthenticationCredential`
    pub access_key_id: String,
    /// `RawSecretAccessKey` of `XksProxyAuthenticationCredential`
    pub secret_access_key: Arc<SecretBytes>,
    /// Its VPC endpoint service; none for `PUBLIC_ENDPOINT`.
    pub service: Option<EndpointService>,
}

/// A VPC endpoint service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointService {
    /// `XksProxyVpcEndpointServiceName`
    pub name: String,
    /// `XksProxyVpcEndpointServiceOwner`; none: the account of the key store.
    pub owner: Option<AccountId>,
}

impl ProxyBacking {
    /// The host of the endpoint, in the one way it is compared.
    pub fn host(&self) -> String {
        let host = self.endpoint.strip_prefix("https://").unwrap_or(&self.endpoint);
        host.to_ascii_lowercase()
    }
}

impl fmt::Debug for Backing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(cluster) => f.debug_tuple("Cluster").field(&cluster.cluster_id).finish(),
            Self::Proxy(proxy) => f.debug_tuple("Proxy").field(&proxy.endpoint).field(&proxy.path).finish(),
        }
    }
}
