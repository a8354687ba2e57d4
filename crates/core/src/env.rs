//! What the service takes from outside: time, randomness, a pool for slow work, and its settings.
//!
//! Nothing in this crate asks the operating system for the time or for random bytes; both come through here,
//! so that a year of key rotation is a fast test.

use std::{collections::BTreeSet, fmt, sync::Arc};

use futures_channel::oneshot;
use reseal_types::{Partition, Region, Timestamp};

use crate::{
    audit::AuditSink,
    error::{Cause, Error},
    identity::{Credentials, Principals},
    key_store::{KeyStoreShelf, KeyStores},
    keyring::Keyring,
    outbox::Outbox,
    quota::{KeyCounts, Meter, RequestRates},
    recipient::Attestation,
    vault::Vault,
};

/// Everything an operation works with.
pub struct Env {
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) workers: Arc<dyn Workers>,
    pub(crate) audit: Arc<dyn AuditSink>,
    pub(crate) settings: Settings,
    pub(crate) keyring: Keyring,
    pub(crate) key_stores: KeyStoreShelf,
    pub(crate) credentials: Credentials,
    pub(crate) principals: Principals,
    pub(crate) outbox: Outbox,
    pub(crate) key_counts: Arc<KeyCounts>,
    /// `None` where no rate is limited.
    pub(crate) meter: Option<Meter>,
    /// Held by a change that met a conflict until it is through, while others wait before they begin.
    pub(crate) turn: async_lock::Mutex<()>,
    /// Key pairs are made one at a time: each takes up to a second, and private-key operations must get past.
    pub(crate) generation: async_lock::Mutex<()>,
}

/// What an [`Env`] is made of.
pub struct Parts {
    /// The sealed records.
    pub vault: Vault,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// The pool for slow work.
    pub workers: Arc<dyn Workers>,
    /// Where audit records go.
    pub audit: Arc<dyn AuditSink>,
    /// What custom key stores can stand on.
    pub key_stores: Arc<dyn KeyStores>,
    /// Settings.
    pub settings: Settings,
}

impl Env {
    /// The environment with these parts and empty caches.
    pub fn new(parts: Parts) -> Self {
        let Parts { vault, clock, entropy, workers, audit, key_stores, settings } = parts;
        let keyring = Keyring::new(settings.keys_in_memory);
        let credentials = Credentials::new(settings.keys_in_memory);
        let meter = Meter::new(&settings.request_rates);
        let principals = Principals::new(settings.keys_in_memory);
        Self {
            vault,
            clock,
            entropy,
            workers,
            audit,
            settings,
            keyring,
            key_stores: KeyStoreShelf::new(key_stores),
            credentials,
            principals,
            outbox: Outbox::default(),
            key_counts: Arc::default(),
            meter,
            turn: async_lock::Mutex::new(()),
            generation: async_lock::Mutex::new(()),
        }
    }

    /// The time of day.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Random bytes.
    pub fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }

    /// Settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The sealed records, for maintenance: operations go through the pipeline.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }
}

/// The time of day.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// Random bytes, by what they are for.
pub trait Entropy: Send + Sync {
    /// Bytes that anyone may see: ids, nonces, salts. May be pooled.
    ///
    /// # Errors
    /// [`NoEntropy`] when the source failed; nothing may be done with `bytes` then.
    fn fill_public(&self, bytes: &mut [u8]) -> Result<(), NoEntropy>;

    /// Bytes that become a key. Never pooled.
    ///
    /// # Errors
    /// As `fill_public`.
    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The source of randomness failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoEntropy;

impl fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the source of random bytes failed")
    }
}

impl std::error::Error for NoEntropy {}

/// The bounded pool for work of more than about 100 microseconds: RSA and SM2 private operations, key
/// generation. Such work must not stand in the way of short calls.
pub trait Workers: Send + Sync {
    /// Queues the job.
    ///
    /// # Errors
    /// [`Busy`] when the queue is full; the job was not taken.
    fn submit(&self, job: Box<dyn FnOnce() + Send>) -> Result<(), Busy>;
}

/// The worker pool's queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// Runs `work` on the pool and waits for its result.
pub(crate) async fn offload<T: Send + 'static>(
    workers: &dyn Workers,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let (sender, receiver) = oneshot::channel();
    let job = Box::new(move || {
        if sender.is_canceled() {
            return;
        }
        // The receiver is gone only when the caller hung up: then nobody wants the result.
        let _ = sender.send(work());
    });
    workers.submit(job).map_err(|Busy| Error::Throttled)?;
    receiver.await.map_err(|_| Error::Internal(Cause::WorkerLost))
}

/// Settings of the service that an operation may need.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The partition of every ARN.
    pub partition: Partition,
    /// The Regions served, one namespace each.
    pub regions: BTreeSet<Region>,
    /// About how many KMS keys and access keys are kept ready in memory.
    pub keys_in_memory: usize,
    /// At most this many aliases on a KMS key (AWS: 50).
    pub aliases_per_key: usize,
    /// At most this many grants on a KMS key (AWS: 50,000).
    pub grants_per_key: usize,
    /// At most this many KMS keys of an account in a Region (AWS: 100,000); `None`: no limit.
    pub keys_per_region: Option<usize>,
    /// Requests per second.
    pub request_rates: RequestRates,
    /// At most this many custom key stores in an account and Region (AWS: 10).
    pub custom_key_stores: usize,
    /// At most this many tags on a KMS key (AWS: 50).
    pub tags_per_key: usize,
    /// At most this many on-demand rotations in the life of a KMS key (AWS: 25).
    pub on_demand_rotations: usize,
    /// At most this many bytes of key policy (AWS: 32,768).
    pub key_policy_bytes: usize,
    /// Whose attestation documents are believed; `None`: nobody's, and no call may name a recipient.
    pub attestation: Option<Attestation>,
    /// Whether any well-formed credential is the root of an account. Policies may then name principals that do not
    /// exist, and roots may assume roles.
    pub development: bool,
}
