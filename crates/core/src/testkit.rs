//! A small world for tests: an environment in memory with a clock that stands until it is moved, a seeded
//! generator, and an audit log that can be read back.

mod decisions;
mod key_stores;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
pub use key_stores::FakeKeyStores;
use reseal_types::{AccountId, Partition, Region, Reveal, SecretBytes, Timestamp};

use crate::{
    audit::{AuditSink, AuditUnavailable, BatchId, Kept},
    call::{Call, RequestId},
    custodian::{Custodian, CustodianError},
    env::{Busy, Clock, Entropy, Env, NoEntropy, Parts, Settings, Workers},
    error::Error,
    key_store::KeyStores,
    ops,
    quota::RequestRates,
    store::{MemoryStore, Store},
    vault::Vault,
};

/// A clock that a test moves.
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Moves the clock to another moment.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.millis(), Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A generator that gives the same bytes in every run (SplitMix64). For tests alone.
pub struct SeededEntropy(AtomicU64);

impl Entropy for SeededEntropy {
    fn fill_public(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        for chunk in bytes.chunks_mut(8) {
            let seed = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            let mut mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.iter_mut().zip((mixed ^ (mixed >> 31)).to_le_bytes()).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        self.fill_public(bytes)
    }
}

/// Runs each job where it is submitted.
pub struct InlineWorkers;

impl Workers for InlineWorkers {
    fn submit(&self, job: Box<dyn FnOnce() + Send>) -> Result<(), Busy> {
        job();
        Ok(())
    }
}

/// An audit log in memory.
#[derive(Default)]
pub struct MemoryAudit {
    lines: Mutex<Vec<Vec<u8>>>,
    broken: AtomicBool,
    full: AtomicBool,
}

impl MemoryAudit {
    fn lines(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All records, oldest first.
    pub fn records(&self) -> Vec<serde_json::Value> {
        self.lines().iter().filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }

    /// All records as they were written, oldest first.
    pub fn texts(&self) -> Vec<String> {
        self.lines().iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    /// Takes all records out, oldest first.
    pub fn take(&self) -> Vec<serde_json::Value> {
        let lines = std::mem::take(&mut *self.lines());
        lines.iter().filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }

    /// From now on the log seems ready but takes nothing, as when a disk fills up in between; or all is well again.
    pub fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// From now on nothing can be kept, or everything again.
    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }
}

impl AuditSink for MemoryAudit {
    fn ready(&self) -> Result<(), AuditUnavailable> {
        if self.broken.load(Ordering::SeqCst) { Err(AuditUnavailable) } else { Ok(()) }
    }

    fn append(&self, record: &[u8]) -> Result<Kept, AuditUnavailable> {
        self.ready()?;
        if self.full.load(Ordering::SeqCst) {
            return Err(AuditUnavailable);
        }
        self.lines().push(record.to_vec());
        Ok(Kept::Already)
    }

    fn settle(&self, _batch: BatchId) -> Result<(), AuditUnavailable> {
        self.ready()
    }

    fn flush(&self) -> Result<(), AuditUnavailable> {
        self.ready()
    }

    fn holds(&self, event_ids: &[String], _since_millis: i64) -> Result<Vec<String>, AuditUnavailable> {
        let records = self.records();
        let held = |id: &&String| {
            records.iter().any(|record| record.get("eventID").is_some_and(|e| e == id.as_str()))
        };
        Ok(event_ids.iter().filter(held).cloned().collect())
    }
}

/// A custodian that does not wrap at all. For tests alone.
pub struct PlainCustodian;

#[async_trait]
impl Custodian for PlainCustodian {
    async fn wrap(&self, plaintext: &SecretBytes, _context: &[u8]) -> Result<Vec<u8>, CustodianError> {
        Ok(plaintext.reveal(Reveal::ToSeal).to_vec())
    }

    async fn unwrap(&self, wrapped: &[u8], _context: &[u8]) -> Result<SecretBytes, CustodianError> {
        Ok(SecretBytes::from(wrapped.to_vec()))
    }

    async fn health(&self) -> Result<(), CustodianError> {
        Ok(())
    }

    fn describe(&self) -> String {
        "none, for tests".to_owned()
    }
}

/// An environment and what a test turns on it.
pub struct World {
    /// The environment.
    pub env: Env,
    /// Its clock; 2026-01-02T03:04:05Z at first.
    pub clock: Arc<FixedClock>,
    /// Its audit log.
    pub audit: Arc<MemoryAudit>,
    /// Its store.
    pub store: Arc<dyn Store>,
    /// What its custom key stores can stand on, unless it was made with others.
    pub outside: Arc<FakeKeyStores>,
}

/// The moment at which a world begins.
pub const BEGINNING: Timestamp = Timestamp::from_millis(1_767_323_045_000);

impl World {
    /// A world over an empty store.
    ///
    /// # Panics
    /// When the environment cannot be made: the test cannot go on.
    pub async fn new() -> Self {
        Self::over(Arc::new(MemoryStore::default()), 1).await
    }

    /// A world over what another one left behind; `seed` must differ, as it would with a real generator.
    ///
    /// # Panics
    /// As `new`.
    pub async fn over(store: Arc<dyn Store>, seed: u64) -> Self {
        Self::with(store, seed, settings()).await
    }

    /// As `over`, with settings of its own.
    ///
    /// # Panics
    /// As `new`.
    pub async fn with(store: Arc<dyn Store>, seed: u64, settings: Settings) -> Self {
        let outside = Arc::new(FakeKeyStores::default());
        Self::made(store, seed, settings, outside.clone(), outside).await
    }

    /// As `new`, with custom key stores that are not in memory.
    ///
    /// # Panics
    /// As `new`.
    pub async fn standing_on(key_stores: Arc<dyn KeyStores>) -> Self {
        Self::made(Arc::new(MemoryStore::default()), 1, settings(), Arc::default(), key_stores).await
    }

    #[expect(clippy::expect_used, reason = "a world that cannot be made is a failed test")]
    async fn made(
        store: Arc<dyn Store>,
        seed: u64,
        settings: Settings,
        outside: Arc<FakeKeyStores>,
        key_stores: Arc<dyn KeyStores>,
    ) -> Self {
        let clock = Arc::new(FixedClock(AtomicI64::new(BEGINNING.millis())));
        let audit = Arc::new(MemoryAudit::default());
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy(AtomicU64::new(seed)));
        let vault = Vault::open(Arc::clone(&store), &PlainCustodian, Arc::clone(&entropy)).await;
        let env = Env::new(Parts {
            vault: vault.expect("the vault opens"),
            clock: clock.clone(),
            entropy,
            workers: Arc::new(InlineWorkers),
            audit: audit.clone(),
            key_stores,
            settings,
        });
        env.begin_tracking().await.expect("the store is written");
        Self { env, clock, audit, store, outside }
    }

    /// A call of the root of `account` in `region`.
    ///
    /// # Panics
    /// When account or Region are malformed.
    #[expect(clippy::expect_used, reason = "a malformed name is a mistake in the test")]
    pub fn call(&self, account: &str, region: &str) -> Call {
        let account = AccountId::parse(account).expect("an account has twelve digits");
        Call {
            caller: self.env.dev_root(account, "AKIDEXAMPLE"),
            region: Region::parse(region).expect("a Region name"),
            request_id: RequestId::random(self.env.entropy()).expect("seeded"),
            source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: "test".to_owned(),
            tls: None,
        }
    }

    /// Calls an operation as the root of account 111122223333 in us-east-1.
    ///
    /// # Errors
    /// Those of the operation.
    ///
    /// # Panics
    /// When there is no such operation.
    pub async fn ask(&self, name: &str, body: &serde_json::Value) -> Result<serde_json::Value, Error> {
        self.ask_as(&self.call("111122223333", "us-east-1"), name, body).await
    }

    /// Calls an operation.
    ///
    /// # Errors
    /// Those of the operation.
    ///
    /// # Panics
    /// When there is no such operation, or the answer is not JSON.
    #[expect(clippy::expect_used, reason = "an unknown operation is a mistake in the test")]
    pub async fn ask_as(
        &self,
        call: &Call,
        name: &str,
        body: &serde_json::Value,
    ) -> Result<serde_json::Value, Error> {
        let entry = ops::find(name).expect("an operation");
        let answer = entry.handle(&self.env, call, body.to_string().as_bytes()).await?.body;
        if answer.is_empty() {
            return Ok(serde_json::Value::Null);
        }
        Ok(serde_json::from_slice(&answer).expect("answers are JSON"))
    }
}

/// Settings as they are unless an operator changes them, with three Regions.
#[expect(clippy::expect_used, reason = "constant names")]
pub fn settings() -> Settings {
    let regions = ["us-east-1", "us-west-2", "eu-central-1"];
    Settings {
        partition: Partition::parse("aws").expect("a partition name"),
        regions: regions.iter().filter_map(|name| Region::parse(name)).collect(),
        keys_in_memory: 1_000,
        aliases_per_key: 50,
        grants_per_key: 50_000,
        keys_per_region: None,
        request_rates: RequestRates::default(),
        custom_key_stores: 10,
        tags_per_key: 50,
        on_demand_rotations: 25,
        key_policy_bytes: 32_768,
        attestation: None,
        development: false,
    }
}
