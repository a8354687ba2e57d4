//! The service put together: store, root key, sealed records and audit log become one environment.
//!
//! The only place that names the concrete backends.

use std::{fs, path::Path, sync::Arc, thread};

use anyhow::{Context, Result, anyhow, bail};
use reseal_audit::{AuditLog, Durability};
use reseal_core::{
    audit::AuditSink,
    custodian::Custodian,
    env::{Entropy, Env, Parts, Settings},
    recipient::Attestation,
    store::{MemoryStore, Store},
    vault::{Vault, VaultError},
};
use reseal_crypto::attestation::Roots;
use reseal_custody::{Cluster, ConfiguredKeyStores, FileCustodian, MemoryCustodian, ProxyEndpoint};
use reseal_server::{Check, Checks};
use reseal_store_sqlite::SqliteStore;
use tracing::{info, warn};

use crate::{
    config::{self, Config},
    datadir::{DataDir, rename_durably},
    system::{SystemClock, SystemEntropy},
    workers::WorkerPool,
};

/// A service ready to work. Clones are the same service.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) env: Arc<Env>,
    pub(crate) audit: Arc<AuditLog>,
    pub(crate) store: Arc<dyn Store>,
    /// The same store, when it is a file.
    pub(crate) database: Option<Arc<SqliteStore>>,
    pub(crate) custodian: Arc<dyn Custodian>,
}

/// What to do with a directory that holds neither root key nor store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    /// It is a first start: make both.
    Begin,
    /// Somebody mistook the directory.
    Refuse,
}

/// Whether signatures count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Production,
    Development,
}

impl Service {
    /// The service of a data directory. The caller holds its lock.
    pub(crate) async fn open(directory: &DataDir, config: &Config, empty: Empty, mode: Mode) -> Result<Self> {
        let custodian: Arc<dyn Custodian> = Arc::new(root_key(directory, empty)?);
        let database = open_database(directory)?;
        let audit = open_audit(directory, config)?;
        let store: Arc<dyn Store> = Arc::clone(&database) as _;
        Self::assemble(store, Some(database), custodian, audit, config, mode).await
    }

    /// A service that forgets everything, with its audit log in `directory`.
    pub(crate) async fn in_memory(directory: &DataDir, config: &Config, mode: Mode) -> Result<Self> {
        let custodian = MemoryCustodian::generate().context("no root key could be made")?;
        let audit = open_audit(directory, config)?;
        let store = Arc::new(MemoryStore::default());
        Self::assemble(store, None, Arc::new(custodian), audit, config, mode).await
    }

    async fn assemble(
        store: Arc<dyn Store>,
        database: Option<Arc<SqliteStore>>,
        custodian: Arc<dyn Custodian>,
        audit: Arc<AuditLog>,
        config: &Config,
        mode: Mode,
    ) -> Result<Self> {
        let vault = Vault::open(Arc::clone(&store), custodian.as_ref(), Arc::new(SystemEntropy)).await;
        let vault = vault.map_err(|error| explain(error, custodian.as_ref()))?;
        let threads = thread::available_parallelism().map_or(2, usize::from);
        let env = Env::new(Parts {
            vault,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            workers: Arc::new(WorkerPool::start(threads)?),
            audit: Arc::clone(&audit) as _,
            key_stores: Arc::new(key_stores(config)?),
            settings: settings(config, mode)?,
        });
        Ok(Self { env: Arc::new(env), audit, store, database, custodian })
    }

    /// What `/_reseal/health/ready` looks at.
    pub(crate) fn checks(&self) -> Checks {
        let parts = (Arc::clone(&self.store), Arc::clone(&self.custodian), Arc::clone(&self.audit));
        Arc::new(move || {
            let (store, custodian, audit) = parts.clone();
            Box::pin(async move {
                vec![
                    Check { name: "store", working: store.scan(b"", None, 1).await.is_ok() },
                    Check { name: "root_key", working: custodian.health().await.is_ok() },
                    Check { name: "audit", working: audit.ready().is_ok() },
                ]
            })
        })
    }
}

/// What custom key stores can stand on.
fn key_stores(config: &Config) -> Result<ConfiguredKeyStores> {
    let mut proxies = Vec::new();
    for settings in config::key_stores::proxies(&config.xks_proxies)? {
        let name = format!("the external key store proxy {} cannot be used", settings.host);
        proxies.push(ProxyEndpoint::load(settings).context(name)?);
    }
    let mut clusters = Vec::new();
    for settings in config::key_stores::clusters(&config.clusters)? {
        let name = format!("{} cannot be used", settings.id);
        clusters.push(Cluster::load(settings).context(name)?);
    }
    Ok(ConfiguredKeyStores::new(proxies, clusters, Arc::new(SystemClock)))
}

/// The settings that operations need.
fn settings(config: &Config, mode: Mode) -> Result<Settings> {
    Ok(Settings {
        partition: config.partition()?,
        regions: config.region_set()?,
        keys_in_memory: config.keys_in_memory,
        aliases_per_key: config.quotas.aliases_per_key,
        grants_per_key: config.quotas.grants_per_key,
        keys_per_region: Some(config.quotas.keys_per_region).filter(|most| *most > 0),
        request_rates: config.request_rates()?,
        custom_key_stores: config.quotas.custom_key_stores,
        tags_per_key: config.quotas.tags_per_key,
        on_demand_rotations: config.quotas.on_demand_rotations,
        key_policy_bytes: config.quotas.key_policy_bytes,
        attestation: attestation(config)?,
        development: mode == Mode::Development,
    })
}

/// Whose attestation documents are believed.
fn attestation(config: &Config) -> Result<Option<Attestation>> {
    let Some(path) = &config.attestation.root else { return Ok(None) };
    let shown = path.display();
    let pem = fs::read(path).with_context(|| format!("`attestation.root`: {shown} cannot be read"))?;
    let roots =
        Roots::from_pem(&pem).with_context(|| format!("`attestation.root`: {shown} cannot be used"))?;
    let max_age_millis = i64::from(config.attestation.max_age_seconds) * 1_000;
    Ok(Some(Attestation { roots: Arc::new(roots), max_age_millis }))
}

/// The root key: made once, together with the store, and never again.
fn root_key(directory: &DataDir, empty: Empty) -> Result<FileCustodian> {
    let (key, database) = (directory.root_key(), directory.database());
    let exists =
        |path: &Path| path.try_exists().with_context(|| format!("{} cannot be looked at", path.display()));
    match (exists(&key)?, exists(&database)?) {
        (true, true) => {}
        (true, false) => info!("there is a root key but no store yet; making the store"),
        (false, true) => bail!(
            "the root key {} is missing, and only it opens {}: put it back from where you keep its copy \
             (a new one would open nothing; to start over, move the database away as well)",
            key.display(),
            database.display()
        ),
        (false, false) if empty == Empty::Refuse => bail!(
            "{} holds no store: start the service on it once, or correct --data-dir",
            directory.path().display()
        ),
        (false, false) => {
            make_root_key(&key)?;
            warn!(
                path = %key.display(),
                "made the root key; keep a copy of it apart from copies of the data: without it they are useless"
            );
        }
    }
    Ok(FileCustodian::open(&key)?)
}

/// Under another name first: a crash must not leave half a root key that stands in the way of the next start.
fn make_root_key(path: &Path) -> Result<()> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} cannot be removed", new.display()));
        }
        _ => {}
    }
    FileCustodian::create(&new, |bytes| SystemEntropy.fill_secret(bytes))?;
    rename_durably(&new, path)
}

fn open_database(directory: &DataDir) -> Result<Arc<SqliteStore>> {
    let path = directory.database();
    let options = reseal_store_sqlite::Options::default();
    let store = SqliteStore::open(&path, options);
    Ok(Arc::new(store.with_context(|| format!("the store {} cannot be opened", path.display()))?))
}

fn open_audit(directory: &DataDir, config: &Config) -> Result<Arc<AuditLog>> {
    let options = reseal_audit::Options {
        durability: if config.audit.durability == "synced" {
            Durability::Synced
        } else {
            Durability::Written
        },
        segment_bytes: config.audit.segment_bytes,
        clock: Arc::new(SystemClock),
    };
    let path = directory.audit();
    let log = AuditLog::open(&path, options);
    Ok(Arc::new(log.with_context(|| format!("the audit log in {} cannot be opened", path.display()))?))
}

/// Adds the mend to what an operator can mend.
pub(crate) fn explain(error: VaultError, custodian: &dyn Custodian) -> anyhow::Error {
    let root_key = custodian.describe();
    match &error {
        VaultError::Custodian(_) => anyhow!(
            "the store does not open with the root key in {root_key} ({error}): put back the root key that belongs to this store"
        ),
        VaultError::DomainKeysMissing => anyhow!("{error}: restore the store from a backup"),
        VaultError::Tampered(_) => {
            anyhow!("{error}, and nothing works without it: restore the store from a backup")
        }
        VaultError::Store(_) | VaultError::Entropy(_) | VaultError::Seal | VaultError::PlaceTooLong => {
            anyhow::Error::new(error).context("the store cannot be used")
        }
    }
}
