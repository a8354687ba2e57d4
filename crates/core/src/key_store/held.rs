//! Custom key stores in use: their record, and what they stand on, kept until the record changes.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_lock::Semaphore;
use reseal_types::{AccountId, Region};

use super::{
    Asked, Backing, KeyStore, KeyStoreFault, KeyStores,
    work::{KeyStoreTask, Task},
};
use crate::{
    cache::ReadThrough,
    env::Env,
    error::{Error, KeyStoreRefusal},
    record::{Connection, KeyStoreRecord, place},
    store::RecordKey,
    vault::{Changes, VaultError},
};

/// A custom key store, one consistent version of it.
pub(crate) struct HeldStore {
    pub(crate) record: KeyStoreRecord,
    pub(crate) version: u64,
    backend: Result<Arc<dyn KeyStore>, KeyStoreFault>,
}

impl HeldStore {
    /// What it stands on.
    pub(crate) fn backend(&self) -> Result<&dyn KeyStore, KeyStoreFault> {
        self.backend.as_deref().map_err(|fault| *fault)
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.record.connection == Connection::Connected
    }

    /// Puts `record`, which replaces this version, into `changes`.
    pub(crate) fn replace(&self, record: &KeyStoreRecord, changes: &mut Changes) -> Result<(), VaultError> {
        let place = self.place()?;
        changes.expect(place.clone(), Some(self.version));
        changes.put(place, record);
        Ok(())
    }

    pub(crate) fn place(&self) -> Result<RecordKey, VaultError> {
        place::key_store(self.record.account, &self.record.region, &self.record.id)
    }
}

/// Custom key stores in use, and what is to be done about them.
pub(crate) struct KeyStoreShelf {
    pub(crate) backends: Arc<dyn KeyStores>,
    held: ReadThrough<(AccountId, Region, String), Arc<HeldStore>>,
    pub(super) queue: Mutex<VecDeque<KeyStoreTask>>,
    /// As many permits as there are tasks in the queue.
    pub(super) waiting: Semaphore,
}

/// Key stores are few, and one takes about a kilobyte.
const KEPT: usize = 10_000;

impl KeyStoreShelf {
    pub(crate) fn new(backends: Arc<dyn KeyStores>) -> Self {
        let (held, queue) = (ReadThrough::new(KEPT), Mutex::default());
        Self { backends, held, queue, waiting: Semaphore::new(0) }
    }

    /// Drops what is kept of a key store that may have changed, and has it looked after.
    pub(crate) fn forget(&self, account: AccountId, region: Region, id: &str) {
        let key = (account, region, id.to_owned());
        self.held.forget(&key);
        let (account, region, id) = key;
        self.enqueue(Task::LookAfter { account, region, id, resumes: false });
    }
}

impl Env {
    /// The custom key store with that id, if the account has it in the Region.
    pub(crate) async fn key_store(
        &self,
        account: AccountId,
        region: &Region,
        id: &str,
    ) -> Result<Option<Arc<HeldStore>>, Error> {
        if !is_id(id) {
            return Ok(None);
        }
        let load = || async {
            let place = place::key_store(account, region, id)?;
            let Some(held) = self.vault.read::<KeyStoreRecord>(&place).await? else { return Ok(None) };
            Ok::<_, Error>(Some(Arc::new(self.hold(held.record, held.version))))
        };
        self.key_stores.held.get_or_load(&(account, region.clone(), id.to_owned()), load).await
    }

    /// As `key_store`; its absence is the caller's mistake.
    pub(crate) async fn known_key_store(
        &self,
        account: AccountId,
        region: &Region,
        id: &str,
    ) -> Result<Arc<HeldStore>, Error> {
        self.key_store(account, region, id).await?.ok_or_else(|| no_key_store(id))
    }

    /// Whether a key store can stand on `backing`. A proxy behind a VPC endpoint service is asked only once the key
    /// store is connected.
    pub(crate) async fn check_backing(
        &self,
        account: AccountId,
        region: &Region,
        backing: &Backing,
        asked: &Asked,
    ) -> Result<(), KeyStoreFault> {
        let backends = &self.key_stores.backends;
        if let Backing::Cluster(cluster) = backing {
            backends.check_trust_anchor(account, region, &cluster.cluster_id, &cluster.trust_anchor)?;
        }
        let backend = backends.open(account, region, backing)?;
        match backing {
            Backing::Proxy(proxy) if proxy.service.is_some() => Ok(()),
            _ => backend.check(asked).await,
        }
    }

    fn hold(&self, record: KeyStoreRecord, version: u64) -> HeldStore {
        let KeyStoreRecord { account, region, backing, .. } = &record;
        let backend = self.key_stores.backends.open(*account, region, backing);
        HeldStore { record, version, backend }
    }
}

/// Ids are `cks-` and hex digits.
fn is_id(text: &str) -> bool {
    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    text.strip_prefix("cks-").is_some_and(|digits| !digits.is_empty() && digits.bytes().all(hex))
}

/// The error of a call that names a key store which is not there.
fn no_key_store(id: &str) -> Error {
    Error::KeyStore(KeyStoreRefusal::NotFound, format!("Custom key store {id} is not found.").into())
}

impl KeyStoreRecord {
    /// What the audit records of calls about it add.
    pub(crate) fn note(&self, notes: &mut crate::operation::Notes) {
        notes.text("customKeyStoreName", self.name.clone());
        if let Backing::Cluster(cluster) = &self.backing {
            notes.text("clusterId", cluster.cluster_id.clone());
        }
    }
}
