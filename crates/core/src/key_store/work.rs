//! What is to be done about custom key stores after a call has been answered: connecting, disconnecting, and
//! taking up again what was connected when the service stopped.

use std::sync::{Arc, PoisonError};

use reseal_types::{AccountId, Region};
use tracing::{info, warn};

use super::{Asked, BackingKey, HeldStore, KeyStore, KeyStoreFault, KeyStoreShelf};
use crate::{
    call::RequestId,
    env::Env,
    error::{Cause, Error},
    keyring::Key,
    record::{Connection, KeyStoreRecord, place},
    store::StoreError,
    vault::{Changes, VaultError},
};

/// Something to be done about a custom key store.
pub struct KeyStoreTask(pub(super) Task);

pub(super) enum Task {
    /// It may have changed.
    LookAfter {
        account: AccountId,
        region: Region,
        id: String,
        /// The service has just started: what was connected is to be used again.
        resumes: bool,
    },
    /// One of its KMS keys is gone for good.
    Destroy { store: Arc<HeldStore>, key: BackingKey },
}

impl KeyStoreShelf {
    pub(super) fn enqueue(&self, task: Task) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(KeyStoreTask(task));
        self.waiting.add_permits(1);
    }
}

const PAGE: u16 = 100;

impl Env {
    /// Has every custom key store looked after once. To be called when the service starts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn resume_key_stores(&self) -> Result<(), Error> {
        for record in self.all_key_stores().await? {
            let KeyStoreRecord { account, region, id, .. } = record;
            self.key_stores.enqueue(Task::LookAfter { account, region, id, resumes: true });
        }
        Ok(())
    }

    /// The next custom key store that something is to be done about; waits for it.
    pub async fn next_key_store_task(&self) -> KeyStoreTask {
        loop {
            self.key_stores.waiting.acquire().await.forget();
            let mut queue = self.key_stores.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(task) = queue.pop_front() {
                return task;
            }
        }
    }

    /// Whether anything is to be done now.
    pub fn has_key_store_tasks(&self) -> bool {
        !self.key_stores.queue.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Does what is to be done. May take as long as a key store takes to answer.
    ///
    /// # Errors
    /// When what was done could not be kept: to be tried again.
    pub async fn work_on_key_store(&self, task: &KeyStoreTask) -> Result<(), Error> {
        match &task.0 {
            Task::LookAfter { account, region, id, resumes } => {
                match self.key_store(*account, region, id).await? {
                    Some(store) => self.look_after(&store, *resumes).await,
                    None => Ok(()),
                }
            }
            Task::Destroy { store, key } => {
                destroy(store, key).await;
                Ok(())
            }
        }
    }

    async fn look_after(&self, store: &HeldStore, resumes: bool) -> Result<(), Error> {
        let id = &store.record.id;
        match store.record.connection {
            Connection::Connecting => {
                let connection = match self.connect(store).await? {
                    Ok(()) => Connection::Connected,
                    Err(fault) => Connection::Failed(fault.connection_error()),
                };
                self.settle(store, connection).await
            }
            Connection::Disconnecting => {
                if let Ok(backend) = store.backend() {
                    backend.disconnect().await;
                }
                self.settle(store, Connection::Disconnected).await
            }
            Connection::Connected if resumes => {
                // It stays connected whatever comes of it: its keys are tried again at each use.
                match self.connect(store).await? {
                    Ok(()) => info!(key_store = id, "connected again"),
                    Err(fault) => warn!(key_store = id, %fault, "was connected and cannot be used now"),
                }
                Ok(())
            }
            Connection::Connected | Connection::Disconnected | Connection::Failed(_) => Ok(()),
        }
    }

    /// Has the backing key of a destroyed KMS key destroyed too, as far as that can be done now.
    pub(crate) fn destroy_backing_key(&self, key: &Key) {
        let backing = key.current_material().and_then(|material| key.backing_key(material.id));
        if let (Some(store), Some(key)) = (key.store.clone(), backing) {
            if let BackingKey::InCluster { label, .. } = &key {
                // The task is in memory only: should the process end first, this line alone names what is left.
                info!(
                    key_store = store.record.id,
                    label, "the key material in the cluster is to be destroyed"
                );
            }
            self.key_stores.enqueue(Task::Destroy { store, key });
        }
    }

    /// Asks every connected external key store whether it works, and says so in the log when one does not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn check_key_stores(&self) -> Result<(), Error> {
        for record in self.all_key_stores().await? {
            let held = self.key_store(record.account, &record.region, &record.id).await?;
            let Some(store) = held.filter(|store| store.is_connected()) else { continue };
            let asked = self.on_own_behalf("KmsHealthCheck")?;
            let checked = match store.backend() {
                Ok(backend) => backend.check(&asked).await,
                Err(fault) => Err(fault),
            };
            if let Err(fault) = checked {
                warn!(key_store = record.id, %fault, "a connected key store does not work");
            }
        }
        Ok(())
    }

    async fn connect(&self, store: &HeldStore) -> Result<Result<(), KeyStoreFault>, Error> {
        let asked = self.on_own_behalf("ConnectCustomKeyStore")?;
        let backend: &dyn KeyStore = match store.backend() {
            Ok(backend) => backend,
            Err(fault) => return Ok(Err(fault)),
        };
        Ok(backend.connect(&asked).await)
    }

    /// Health checks carry an id and the operation, nothing else.
    pub(crate) fn on_own_behalf(&self, operation: &'static str) -> Result<Asked, Error> {
        let request_id = RequestId::random(self.entropy.as_ref())?.to_string();
        Ok(Asked { principal: None, operation, request_id, key_arn: None })
    }

    async fn settle(&self, store: &HeldStore, connection: Connection) -> Result<(), Error> {
        let mut record = store.record.clone();
        record.connection = connection;
        let mut changes = Changes::default();
        store.replace(&record, &mut changes)?;
        match self.commit(changes).await {
            Ok(()) => {
                let (state, error) = (connection.as_str(), connection.error().unwrap_or("none"));
                info!(key_store = record.id, state, error, "the connection of a custom key store changed");
                Ok(())
            }
            // A call has changed it meanwhile; that it did is another task.
            Err(VaultError::Store(StoreError::Conflict)) => Ok(()),
            Err(error) => Err(Error::Internal(Cause::Vault(error))),
        }
    }

    /// A record that does not open has been reported, and hides no other.
    async fn all_key_stores(&self) -> Result<Vec<KeyStoreRecord>, Error> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let scan = self.vault.scan::<KeyStoreRecord>(place::KEY_STORES, after.as_ref(), PAGE).await?;
            let (page, more) = scan;
            after = page.last().map(|(place, _)| place.clone());
            found.extend(page.into_iter().filter_map(|(_, held)| held.ok()).map(|held| held.record));
            if !more || after.is_none() {
                return Ok(found);
            }
        }
    }
}

/// The KMS key and its record are gone already: what cannot be destroyed here stays behind for its owner to find.
async fn destroy(store: &HeldStore, key: &BackingKey) {
    let BackingKey::InCluster { label, .. } = key else { return };
    let id = &store.record.id;
    if !store.is_connected() {
        warn!(key_store = id, label, "not connected, so the key material in its cluster was left behind");
        return;
    }
    let destroyed = match store.backend() {
        Ok(backend) => backend.destroy_key(key).await,
        Err(fault) => Err(fault),
    };
    match destroyed {
        Ok(()) => info!(key_store = id, label, "destroyed the key material in the cluster"),
        Err(fault) => warn!(key_store = id, label, %fault, "the key material in the cluster was left behind"),
    }
}
