//! Key stores in memory that do as they are told: to work, or to fail in a given way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_lock::Semaphore;
use async_trait::async_trait;
use reseal_types::{AccountId, Region, Reveal, SecretBytes};

use crate::key_store::{
    Asked, Backing, BackingKey, ClusterFault, Foreign, KeyStore, KeyStoreFault, KeyStores, ProxyFault,
};

/// What custom key stores of a test stand on: the proxy `https://proxy.example.com` with the external keys `key-1` to
/// `key-9`, and the clusters `cluster-aaaaaaaaaaa` and `cluster-bbbbbbbbbbb` with the trust anchors `a` and `b`.
#[derive(Default)]
pub struct FakeKeyStores(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The next calls fail so.
    fault: Mutex<Option<KeyStoreFault>>,
    /// What was asked, oldest first.
    asked: Mutex<Vec<(&'static str, Asked)>>,
    /// Where calls wait, once noted, until they are let through.
    gate: Mutex<Option<Arc<Semaphore>>>,
    /// Keys made in clusters, by `CKA_ID`, with their label.
    made: Mutex<BTreeMap<[u8; 32], String>>,
}

/// The password of both clusters.
const PASSWORD: &str = "kmsuserpassword";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeKeyStores {
    /// From now on everything fails so, or all is well again.
    pub fn set_fault(&self, fault: Option<KeyStoreFault>) {
        *lock(&self.0.fault) = fault;
    }

    /// What was asked since the last time: which call, on whose behalf.
    pub fn take_asked(&self) -> Vec<(&'static str, Asked)> {
        std::mem::take(&mut *lock(&self.0.asked))
    }

    /// From now on each call waits for a permit of the gate that is returned, and uses it up.
    pub fn shut(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *lock(&self.0.gate) = Some(Arc::clone(&gate));
        gate
    }

    /// The labels of the keys in the clusters.
    pub fn labels(&self) -> BTreeSet<String> {
        lock(&self.0.made).values().cloned().collect()
    }
}

impl KeyStores for FakeKeyStores {
    fn open(
        &self,
        _account: AccountId,
        _region: &Region,
        backing: &Backing,
    ) -> Result<Arc<dyn KeyStore>, KeyStoreFault> {
        match backing {
            Backing::Cluster(cluster) if !is_cluster(&cluster.cluster_id) => {
                return Err(ClusterFault::NotFound.into());
            }
            Backing::Proxy(proxy) if proxy.host() != "proxy.example.com" => {
                return Err(ProxyFault::Unreachable.into());
            }
            Backing::Proxy(proxy) => match &proxy.service {
                Some(service) if !service.name.ends_with("vpce-svc-1") => {
                    return Err(ProxyFault::ServiceNotFound.into());
                }
                _ => {}
            },
            Backing::Cluster(_) => {}
        }
        let (backing, shared) = (backing.clone(), Arc::clone(&self.0));
        Ok(Arc::new(FakeKeyStore { backing, shared }))
    }

    fn check_trust_anchor(
        &self,
        _account: AccountId,
        _region: &Region,
        cluster_id: &str,
        certificate: &str,
    ) -> Result<(), KeyStoreFault> {
        match (is_cluster(cluster_id), cluster_id.ends_with(certificate)) {
            (false, _) => Err(ClusterFault::NotFound.into()),
            (true, false) => Err(ClusterFault::TrustAnchor.into()),
            (true, true) => Ok(()),
        }
    }
}

fn is_cluster(id: &str) -> bool {
    ["cluster-aaaaaaaaaaa", "cluster-bbbbbbbbbbb"].contains(&id)
}

struct FakeKeyStore {
    backing: Backing,
    shared: Arc<Shared>,
}

impl FakeKeyStore {
    async fn note(&self, call: &'static str, asked: &Asked) -> Result<(), KeyStoreFault> {
        lock(&self.shared.asked).push((call, asked.clone()));
        let gate = lock(&self.shared.gate).clone();
        if let Some(gate) = gate {
            gate.acquire().await.forget();
        }
        lock(&self.shared.fault).map_or(Ok(()), Err)
    }

    /// A keystream that depends on the key; tests need no more.
    fn mask(&self, key: &BackingKey, bytes: &[u8]) -> Result<Vec<u8>, KeyStoreFault> {
        let seed = match key {
            BackingKey::InCluster { id, .. } if lock(&self.shared.made).contains_key(id) => id[0],
            BackingKey::InCluster { .. } => return Err(ClusterFault::KeyMissing.into()),
            BackingKey::External(id) => id.bytes().fold(0, u8::wrapping_add),
        };
        Ok(bytes.iter().map(|byte| byte ^ seed).collect())
    }

    fn tag(bytes: &[u8], associated: &[u8]) -> [u8; 16] {
        let digest = reseal_crypto::digest::sha256(&[bytes, associated].concat());
        let mut tag = [0; 16];
        tag.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        tag
    }
}

#[async_trait]
impl KeyStore for FakeKeyStore {
    async fn check(&self, asked: &Asked) -> Result<(), KeyStoreFault> {
        self.note("check", asked).await
    }

    async fn connect(&self, asked: &Asked) -> Result<(), KeyStoreFault> {
        self.note("connect", asked).await?;
        match &self.backing {
            Backing::Cluster(cluster) if cluster.password.reveal(Reveal::ToCipher) != PASSWORD.as_bytes() => {
                Err(ClusterFault::Password.into())
            }
            _ => Ok(()),
        }
    }

    async fn disconnect(&self) {}

    async fn provide_key(&self, key: &BackingKey, asked: &Asked) -> Result<(), KeyStoreFault> {
        self.note("provide_key", asked).await?;
        match key {
            BackingKey::InCluster { id, label } => {
                lock(&self.shared.made).insert(*id, label.clone());
                Ok(())
            }
            BackingKey::External(id) if id.starts_with("key-") => Ok(()),
            BackingKey::External(_) => Err(ProxyFault::KeyNotFound.into()),
        }
    }

    async fn encrypt(
        &self,
        key: &BackingKey,
        plaintext: SecretBytes,
        associated: &[u8],
        asked: &Asked,
    ) -> Result<Foreign, KeyStoreFault> {
        self.note("encrypt", asked).await?;
        let ciphertext = self.mask(key, plaintext.reveal(Reveal::ToCipher))?;
        let metadata = match key {
            BackingKey::External(_) => b"meta".to_vec(),
            BackingKey::InCluster { .. } => Vec::new(),
        };
        let tag = Self::tag(&ciphertext, associated);
        Ok(Foreign { iv: vec![7; 12], metadata, tag, ciphertext })
    }

    async fn decrypt(
        &self,
        key: &BackingKey,
        sealed: Foreign,
        associated: &[u8],
        asked: &Asked,
    ) -> Result<SecretBytes, KeyStoreFault> {
        self.note("decrypt", asked).await?;
        if sealed.tag != Self::tag(&sealed.ciphertext, associated) {
            return Err(match key {
                BackingKey::External(_) => ProxyFault::InvalidCiphertext.into(),
                BackingKey::InCluster { .. } => ClusterFault::InvalidCiphertext.into(),
            });
        }
        self.mask(key, &sealed.ciphertext).map(SecretBytes::from)
    }

    async fn destroy_key(&self, key: &BackingKey) -> Result<(), KeyStoreFault> {
        if let BackingKey::InCluster { id, .. } = key {
            lock(&self.shared.made).remove(id);
        }
        Ok(())
    }

    async fn random(&self, length: usize) -> Result<SecretBytes, KeyStoreFault> {
        Ok(SecretBytes::from(vec![4; length]))
    }
}
