//! Key stores of type AWS_CLOUDHSM: a PKCS#11 token takes the part of the cluster.
//!
//! Keys are made in the token, cannot be taken out of it, and encrypt in it.

mod cluster;
mod fault;
mod session;
mod threads;

use std::sync::Arc;

use async_trait::async_trait;
pub use cluster::{Cluster, ClusterSettings};
use reseal_core::key_store::{Asked, BackingKey, ClusterFault, Foreign, KeyStore, KeyStoreFault};
use reseal_types::SecretBytes;
use session::{LoggedIn, Worker};

/// A key store on a cluster: the cluster, and the password that this key store logs in with.
pub(crate) struct ClusterKeyStore {
    cluster: Arc<Cluster>,
    password: Arc<SecretBytes>,
}

impl ClusterKeyStore {
    pub(crate) fn new(cluster: Arc<Cluster>, password: Arc<SecretBytes>) -> Self {
        Self { cluster, password }
    }

    /// Does `work` in a session that is logged in.
    async fn logged_in<T: Send + 'static>(
        &self,
        work: impl Fn(&LoggedIn<'_>) -> Result<T, fault::Trouble> + Send + 'static,
    ) -> Result<T, KeyStoreFault> {
        let password = Arc::clone(&self.password);
        self.cluster.run(move |worker| worker.logged_in(&password, &work)).await
    }
}

/// An external key is none of a cluster's.
fn in_cluster(key: &BackingKey) -> Result<(&[u8; 32], &str), KeyStoreFault> {
    match key {
        BackingKey::InCluster { id, label } => Ok((id, label)),
        BackingKey::External(_) => Err(ClusterFault::KeyMissing.into()),
    }
}

#[async_trait]
impl KeyStore for ClusterKeyStore {
    async fn check(&self, _asked: &Asked) -> Result<(), KeyStoreFault> {
        self.cluster.run(|worker| worker.check()).await
    }

    async fn connect(&self, _asked: &Asked) -> Result<(), KeyStoreFault> {
        let password = Arc::clone(&self.password);
        self.cluster.run(move |worker| worker.connect(&password)).await
    }

    async fn disconnect(&self) {
        // Whoever cannot be logged out of is not logged in any more.
        let _ = self.cluster.run(Worker::disconnect).await;
    }

    async fn provide_key(&self, key: &BackingKey, _asked: &Asked) -> Result<(), KeyStoreFault> {
        let (id, label) = in_cluster(key)?;
        let (id, label) = (*id, label.to_owned());
        self.logged_in(move |session| session.generate(&id, &label)).await
    }

    async fn encrypt(
        &self,
        key: &BackingKey,
        plaintext: SecretBytes,
        associated: &[u8],
        _asked: &Asked,
    ) -> Result<Foreign, KeyStoreFault> {
        let (id, associated) = (*in_cluster(key)?.0, associated.to_vec());
        self.logged_in(move |session| session.encrypt(&id, &plaintext, &associated)).await
    }

    async fn decrypt(
        &self,
        key: &BackingKey,
        sealed: Foreign,
        associated: &[u8],
        _asked: &Asked,
    ) -> Result<SecretBytes, KeyStoreFault> {
        let (id, associated) = (*in_cluster(key)?.0, associated.to_vec());
        self.logged_in(move |session| session.decrypt(&id, &sealed, &associated)).await
    }

    async fn destroy_key(&self, key: &BackingKey) -> Result<(), KeyStoreFault> {
        let id = *in_cluster(key)?.0;
        self.logged_in(move |session| session.destroy(&id)).await
    }

    async fn random(&self, length: usize) -> Result<SecretBytes, KeyStoreFault> {
        self.logged_in(move |session| session.random(length)).await
    }
}
