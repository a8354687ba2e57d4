//! The one place that seals and opens stored records, and the one path on which changes are committed.
//!
//! Every value is authenticated encryption under a versioned domain key, bound to its place and its version.
//! A value that was edited, moved to another place or cut short is refused by name; the rest keeps working.
//! Versions come from a store-wide revision that only grows and is never used twice, also across restarts.

mod changes;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

pub(crate) use changes::Changes;
use reseal_crypto::seal::{self, DomainKey};
use reseal_types::{Reveal, SecretBytes};
use tracing::{error, info};

use crate::{
    custodian::{Custodian, CustodianError},
    env::{Entropy, NoEntropy},
    record::{Record, RevisionRecord, place},
    store::{Batch, RecordKey, Store, StoreError, Versioned, Write},
};

/// Why a record could not be read or written.
#[derive(Debug)]
pub enum VaultError {
    /// The backend failed, or an expectation did not hold.
    Store(StoreError),
    /// The record at this place does not open: it was edited, swapped or cut short.
    Tampered(RecordKey),
    /// The root key could not wrap or unwrap a domain key.
    Custodian(CustodianError),
    /// No random bytes.
    Entropy(NoEntropy),
    /// Sealing failed, which a healthy library never does.
    Seal,
    /// A record key would be longer than a store takes.
    PlaceTooLong,
    /// There are records but no domain key that could open them.
    DomainKeysMissing,
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Tampered(place) => write!(f, "record {place} was changed outside the service"),
            Self::Custodian(error) => error.fmt(f),
            Self::Entropy(error) => error.fmt(f),
            Self::Seal => f.write_str("a record could not be sealed"),
            Self::PlaceTooLong => f.write_str("a record key is too long"),
            Self::DomainKeysMissing => f.write_str("the store holds records but no domain key"),
        }
    }
}

impl std::error::Error for VaultError {}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A record with the version it was read at.
pub(crate) struct Held<R> {
    pub(crate) record: R,
    pub(crate) version: u64,
}

/// One record of a scan: its place, and what it holds if it opens.
pub(crate) type Scanned<R> = (RecordKey, Result<Held<R>, VaultError>);

/// Sealed records over an untrusted store.
pub struct Vault {
    store: Arc<dyn Store>,
    entropy: Arc<dyn Entropy>,
    /// Oldest first; the last one seals, all open.
    domain_keys: Vec<DomainKey>,
    next_version: AtomicU64,
}

/// Each start reserves this many versions, so that none is used twice even after a crash. A store takes
/// versions up to `i64::MAX`: enough for eight million starts.
const VERSIONS_PER_START: u64 = 1 << 40;

const FIRST_DOMAIN_KEY: u32 = 1;
const DOMAIN_KEY_BYTES: usize = 32;
const MAX_DOMAIN_KEYS: u16 = 1_000;

impl Vault {
    /// Opens the vault over `store`; on the first start makes its first domain key.
    ///
    /// # Errors
    /// When the store fails, or the root key does not unwrap the domain keys.
    pub async fn open(
        store: Arc<dyn Store>,
        custodian: &dyn Custodian,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, VaultError> {
        let mut domain_keys = load_domain_keys(store.as_ref(), custodian).await?;
        if domain_keys.is_empty() {
            domain_keys.push(make_domain_key(store.as_ref(), custodian, entropy.as_ref()).await?);
            info!("made the first domain key");
        }
        let mut vault = Self { store, entropy, domain_keys, next_version: AtomicU64::new(1) };
        vault.reserve_versions().await?;
        Ok(vault)
    }

    /// Reads one record.
    ///
    /// # Errors
    /// [`VaultError::Tampered`] when it does not open.
    pub(crate) async fn read<R: Record>(&self, place: &RecordKey) -> Result<Option<Held<R>>, VaultError> {
        match self.store.get(place).await? {
            None => Ok(None),
            Some(stored) => self.open_record(place, &stored).map(Some),
        }
    }

    /// Reads up to `limit` records under `prefix` that follow `after`, and whether there are more.
    pub(crate) async fn scan<R: Record>(
        &self,
        prefix: &str,
        after: Option<&RecordKey>,
        limit: u16,
    ) -> Result<(Vec<Scanned<R>>, bool), VaultError> {
        let page = self.store.scan(prefix.as_bytes(), after, limit).await?;
        let open = |(place, stored): (RecordKey, Versioned)| {
            let record = self.open_record(&place, &stored);
            (place, record)
        };
        Ok((page.records.into_iter().map(open).collect(), page.more))
    }

    /// The places of up to `limit` records under `prefix` that follow `after`, and whether there are more.
    pub(crate) async fn places(
        &self,
        prefix: &str,
        after: Option<&RecordKey>,
        limit: u16,
    ) -> Result<(Vec<RecordKey>, bool), VaultError> {
        let page = self.store.scan(prefix.as_bytes(), after, limit).await?;
        Ok((page.records.into_iter().map(|(place, _)| place).collect(), page.more))
    }

    /// Seals and commits the changes, all or nothing. The only writer of the store once the vault is open.
    pub(crate) async fn commit(&self, changes: Changes) -> Result<(), VaultError> {
        let version = self.next_version.fetch_add(1, Ordering::Relaxed);
        let mut batch =
            Batch { writes: Vec::new(), expectations: changes.expectations, erase: changes.erase };
        for (place, record) in changes.puts {
            let record = self.seal_record(&place, version, &record)?;
            batch.writes.push(Write::Put { key: place, record });
        }
        batch.writes.extend(changes.deletes.into_iter().map(|key| Write::Delete { key }));
        Ok(self.store.commit(batch).await?)
    }

    /// Opens every record of the store once and tells the places of those that are refused.
    ///
    /// # Errors
    /// When the store cannot be read at all.
    pub async fn scrub(&self, mut refused: impl FnMut(&RecordKey)) -> Result<u64, VaultError> {
        const PAGE: u16 = 200;
        let (mut after, mut count) = (None, 0);
        loop {
            let page = self.store.scan(b"", after.as_ref(), PAGE).await?;
            for (place, stored) in &page.records {
                count += 1;
                if !place.as_bytes().starts_with(place::DOMAIN_KEYS.as_bytes())
                    && self.unseal(place, stored).is_err()
                {
                    refused(place);
                }
            }
            after = page.records.into_iter().next_back().map(|(place, _)| place);
            if !page.more || after.is_none() {
                return Ok(count);
            }
        }
    }

    /// An opaque authenticated token for `purpose`: what `open_token` gives back is what was put in.
    pub(crate) fn seal_token(&self, purpose: &str, content: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.seal_bytes(token_place(purpose).as_bytes(), 0, content)
    }

    /// The content of a token made by `seal_token` for the same purpose; `None` for anything else.
    pub(crate) fn open_token(&self, purpose: &str, token: &[u8]) -> Option<SecretBytes> {
        seal::open(|version| self.domain_key(version), token_place(purpose).as_bytes(), 0, token).ok()
    }

    fn open_record<R: Record>(&self, place: &RecordKey, stored: &Versioned) -> Result<Held<R>, VaultError> {
        let tampered = || VaultError::Tampered(place.clone());
        let plain = self.unseal(place, stored)?;
        let record = R::decode(plain.reveal(Reveal::ToSeal)).ok_or_else(tampered)?;
        Ok(Held { record, version: stored.version })
    }

    fn unseal(&self, place: &RecordKey, stored: &Versioned) -> Result<SecretBytes, VaultError> {
        let key = |version| self.domain_key(version);
        seal::open(key, place.as_bytes(), stored.version, &stored.value).map_err(|_| {
            error!(record = %place, "a stored record was changed outside the service and is refused");
            VaultError::Tampered(place.clone())
        })
    }

    fn seal_record(
        &self,
        place: &RecordKey,
        version: u64,
        plain: &SecretBytes,
    ) -> Result<Versioned, VaultError> {
        let value = self.seal_bytes(place.as_bytes(), version, plain.reveal(Reveal::ToSeal))?;
        Ok(Versioned { version, value })
    }

    fn seal_bytes(&self, place: &[u8], version: u64, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let newest = self.domain_keys.last().ok_or(VaultError::DomainKeysMissing)?;
        let mut salt = [0; 32];
        self.entropy.fill_public(&mut salt).map_err(VaultError::Entropy)?;
        seal::seal(newest, place, version, salt, plain).map_err(|_| VaultError::Seal)
    }

    fn domain_key(&self, version: u32) -> Option<&DomainKey> {
        self.domain_keys.iter().find(|key| key.version() == version)
    }

    /// Reads where the last start stopped, and moves the mark before any version is used.
    async fn reserve_versions(&mut self) -> Result<(), VaultError> {
        let place = place::revision()?;
        let held = self.read::<RevisionRecord>(&place).await?;
        let start = held.as_ref().map_or(1, |held| held.record.0);
        *self.next_version.get_mut() = start;
        let mut changes = Changes::default();
        changes.put(place.clone(), &RevisionRecord(start + VERSIONS_PER_START));
        changes.expect(place, held.map(|held| held.version));
        self.commit(changes).await
    }
}

/// Tokens are sealed like records, at places no record can have: record keys never start with a slash.
fn token_place(purpose: &str) -> String {
    format!("/token/{purpose}")
}

async fn load_domain_keys(
    store: &dyn Store,
    custodian: &dyn Custodian,
) -> Result<Vec<DomainKey>, VaultError> {
    let page = store.scan(place::DOMAIN_KEYS.as_bytes(), None, MAX_DOMAIN_KEYS).await?;
    let mut keys = Vec::with_capacity(page.records.len());
    for (place, stored) in &page.records {
        let version = domain_key_version(place).ok_or_else(|| VaultError::Tampered(place.clone()))?;
        let unwrapped = custodian.unwrap(&stored.value, place.as_bytes()).await;
        let bytes = unwrapped.map_err(VaultError::Custodian)?;
        keys.push(DomainKey::new(version, &bytes).map_err(|_| VaultError::Tampered(place.clone()))?);
    }
    if keys.is_empty() && !store.scan(b"", None, 1).await?.records.is_empty() {
        return Err(VaultError::DomainKeysMissing);
    }
    Ok(keys)
}

fn domain_key_version(place: &RecordKey) -> Option<u32> {
    let text = std::str::from_utf8(place.as_bytes()).ok()?;
    u32::from_str_radix(text.strip_prefix(place::DOMAIN_KEYS)?, 16).ok()
}

async fn make_domain_key(
    store: &dyn Store,
    custodian: &dyn Custodian,
    entropy: &dyn Entropy,
) -> Result<DomainKey, VaultError> {
    let bytes = SecretBytes::generate(DOMAIN_KEY_BYTES, |bytes| entropy.fill_secret(bytes));
    let bytes = bytes.map_err(VaultError::Entropy)?;
    let place = place::domain_key(FIRST_DOMAIN_KEY)?;
    let value = custodian.wrap(&bytes, place.as_bytes()).await.map_err(VaultError::Custodian)?;
    let batch = Batch {
        writes: vec![Write::Put { key: place.clone(), record: Versioned { version: 0, value } }],
        expectations: vec![crate::store::Expectation { key: place, version: None }],
        erase: false,
    };
    store.commit(batch).await?;
    DomainKey::new(FIRST_DOMAIN_KEY, &bytes).map_err(|_| VaultError::Seal)
}
