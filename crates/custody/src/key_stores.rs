//! What custom key stores can stand on, as the operator has configured it: proxies by their host, clusters by their
//! id.
//!
//! Nothing else is reached. A caller of the API chooses among these; it cannot make the service connect to a host of
//! its own choice.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use reseal_core::{
    env::Clock,
    key_store::{
        Backing, ClusterBacking, ClusterFault, KeyStore, KeyStoreFault, KeyStores, ProxyBacking, ProxyFault,
    },
};
use reseal_types::{AccountId, Region};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::{
    pkcs11::{Cluster, ClusterKeyStore},
    xks::{ProxyEndpoint, ProxyKeyStore},
};

/// All that is configured.
pub struct ConfiguredKeyStores {
    proxies: BTreeMap<String, Arc<ProxyEndpoint>>,
    clusters: BTreeMap<String, Arc<Cluster>>,
    clock: Arc<dyn Clock>,
}

impl ConfiguredKeyStores {
    /// These proxies and clusters. Requests to proxies are signed for the time that `clock` shows.
    pub fn new(
        proxies: impl IntoIterator<Item = ProxyEndpoint>,
        clusters: impl IntoIterator<Item = Cluster>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let proxies = proxies.into_iter().map(|proxy| (proxy.host().to_owned(), Arc::new(proxy)));
        let clusters = clusters.into_iter().map(|cluster| (cluster.id().to_owned(), Arc::new(cluster)));
        Self { proxies: proxies.collect(), clusters: clusters.collect(), clock }
    }

    /// A cluster belongs to one account and Region; to others it is not there.
    fn cluster(&self, account: AccountId, region: &Region, id: &str) -> Result<&Arc<Cluster>, KeyStoreFault> {
        let found = self.clusters.get(id).filter(|cluster| cluster.belongs_to(account, region));
        found.ok_or_else(|| ClusterFault::NotFound.into())
    }

    fn proxy(&self, backing: &ProxyBacking) -> Result<&Arc<ProxyEndpoint>, KeyStoreFault> {
        let endpoint = self.proxies.get(&backing.host());
        let Some(service) = &backing.service else {
            return endpoint.ok_or_else(|| ProxyFault::Unreachable.into());
        };
        match endpoint {
            Some(endpoint) if endpoint.service() == Some(&service.name) => Ok(endpoint),
            _ if self.proxies.values().any(|other| other.service() == Some(&service.name)) => {
                Err(ProxyFault::ServiceUnfit.into())
            }
            _ => Err(ProxyFault::ServiceNotFound.into()),
        }
    }
}

impl KeyStores for ConfiguredKeyStores {
    fn open(
        &self,
        account: AccountId,
        region: &Region,
        backing: &Backing,
    ) -> Result<Arc<dyn KeyStore>, KeyStoreFault> {
        match backing {
            Backing::Cluster(ClusterBacking { cluster_id, password, .. }) => {
                let cluster = Arc::clone(self.cluster(account, region, cluster_id)?);
                Ok(Arc::new(ClusterKeyStore::new(cluster, Arc::clone(password))))
            }
            Backing::Proxy(proxy) => {
                let endpoint = Arc::clone(self.proxy(proxy)?);
                let clock = Arc::clone(&self.clock);
                Ok(Arc::new(ProxyKeyStore::new(endpoint, proxy.clone(), region.clone(), clock)))
            }
        }
    }

    fn check_trust_anchor(
        &self,
        account: AccountId,
        region: &Region,
        cluster_id: &str,
        certificate: &str,
    ) -> Result<(), KeyStoreFault> {
        let cluster = self.cluster(account, region, cluster_id)?;
        let given = CertificateDer::from_pem_slice(certificate.as_bytes());
        match given {
            Ok(given) if given == *cluster.trust_anchor() => Ok(()),
            _ => Err(ClusterFault::TrustAnchor.into()),
        }
    }
}

/// The first certificate of a PEM file.
pub(crate) fn certificate(file: &Path) -> Result<CertificateDer<'static>, crate::KeyStoreFileError> {
    CertificateDer::from_pem_file(file)
        .map_err(|error| crate::KeyStoreFileError::new(file, error.to_string()))
}
