//! A PKCS#11 token that may be used: where its module is, which token of it, whose it is.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
};
use reseal_core::key_store::{ClusterFault, KeyStoreFault};
use reseal_types::{AccountId, Region};
use rustls::pki_types::CertificateDer;
use tracing::error;

use super::{
    session::{Login, Worker},
    threads::Threads,
};
use crate::{KeyStoreFileError, key_stores::certificate};

/// The settings of a cluster.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    /// `CloudHsmClusterId`
    pub id: String,
    /// The account that it belongs to.
    pub account: AccountId,
    /// The Region that it is in.
    pub region: Region,
    /// The PKCS#11 module: a shared library.
    pub module: PathBuf,
    /// The label of the token.
    pub token: String,
    /// PEM: what CreateCustomKeyStore must show as its trust anchor.
    pub trust_anchor: PathBuf,
    /// How many sessions at most.
    pub sessions: usize,
    /// How long a call may take.
    pub timeout: Duration,
}

/// A token, with the threads that work in it.
pub struct Cluster {
    settings: ClusterSettings,
    trust_anchor: CertificateDer<'static>,
    login: Arc<Mutex<Login>>,
    threads: OnceLock<Threads<Worker>>,
}

impl Cluster {
    /// Reads the trust anchor. The module is loaded when a key store first needs it.
    ///
    /// # Errors
    /// When the trust anchor cannot be read.
    pub fn load(settings: ClusterSettings) -> Result<Self, KeyStoreFileError> {
        let trust_anchor = certificate(&settings.trust_anchor)?;
        Ok(Self { settings, trust_anchor, login: Arc::default(), threads: OnceLock::new() })
    }

    pub(crate) fn id(&self) -> &str {
        &self.settings.id
    }

    pub(crate) fn belongs_to(&self, account: AccountId, region: &Region) -> bool {
        self.settings.account == account && self.settings.region == *region
    }

    pub(crate) fn trust_anchor(&self) -> &CertificateDer<'static> {
        &self.trust_anchor
    }

    /// Does `job` on one of the threads.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Worker) -> Result<T, ClusterFault> + Send + 'static,
    ) -> Result<T, KeyStoreFault> {
        let threads = self.threads()?;
        threads.run(self.settings.timeout, job).await.map_err(KeyStoreFault::from)
    }

    fn threads(&self) -> Result<&Threads<Worker>, ClusterFault> {
        if let Some(threads) = self.threads.get() {
            return Ok(threads);
        }
        let ClusterSettings { module, token, sessions, .. } = &self.settings;
        let worker = || Worker::new(module.clone(), token.clone(), Arc::clone(&self.login));
        let started = Threads::start(*sessions, worker).map_err(|cause| {
            error!(%cause, "threads for a PKCS#11 token could not be started");
            ClusterFault::Failed
        })?;
        // Of two that start at once, one is dropped, and its threads end.
        Ok(self.threads.get_or_init(|| started))
    }
}

/// The modules of this process. A module is initialized once, and for as long as the process lives.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// The module of that file.
pub(super) fn module(file: &Path) -> Result<Pkcs11, Error> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(file) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(file)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(error),
    }
    modules.insert(file.to_owned(), module.clone());
    Ok(module)
}
