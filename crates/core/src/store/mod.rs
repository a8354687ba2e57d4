//! The narrow, untrusted store: an ordered key-value table of sealed records.
//!
//! A backend keeps bytes and their versions, nothing more. It never sees a plaintext, knows no index and no
//! noun of the service: every index is itself a record. Whoever can edit the table can destroy, but neither
//! read nor change what the service believes, because `vault` seals each value to its key and version.

mod memory;

#[cfg(feature = "test-util")]
pub mod conformance;

use std::fmt;

use async_trait::async_trait;
pub use memory::MemoryStore;

/// The place of a record: plain bytes, ordered bytewise, at most [`RecordKey::MAX_LEN`] long.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey(Box<[u8]>);

impl RecordKey {
    /// The longest key a backend must take.
    pub const MAX_LEN: usize = 512;

    /// The key with these bytes; `None` when they are empty or too many.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (!bytes.is_empty() && bytes.len() <= Self::MAX_LEN).then(|| Self(bytes.into()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A stored value with the version it was written at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// The version given by the writer; a key is never written twice at the same version.
    pub version: u64,
    /// The sealed bytes.
    pub value: Vec<u8>,
}

/// One write of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Creates the record or replaces it.
    Put {
        /// Where.
        key: RecordKey,
        /// What, and at which version.
        record: Versioned,
    },
    /// Removes the record; removing an absent one is not an error.
    Delete {
        /// Where.
        key: RecordKey,
    },
}

/// What must still hold when the batch is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The record read before.
    pub key: RecordKey,
    /// Its version then; `None`: it must be absent.
    pub version: Option<u64>,
}

/// Writes that happen together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Applied in order.
    pub writes: Vec<Write>,
    /// Checked first, in the same transaction.
    pub expectations: Vec<Expectation>,
    /// Key material was destroyed: when `commit` returns, no copy of a deleted or replaced value may be left
    /// in files the backend controls (overwritten pages, truncated write-ahead log).
    pub erase: bool,
}

/// A page of a scan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Records in key order.
    pub records: Vec<(RecordKey, Versioned)>,
    /// Whether more records follow under the same prefix.
    pub more: bool,
}

/// Why a store call failed.
#[derive(Debug)]
pub enum StoreError {
    /// An expectation no longer holds; nothing was written.
    Conflict,
    /// The backend failed; for `commit` it is unknown whether the batch was written.
    Backend(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("a record changed since it was read"),
            Self::Backend(cause) => write!(f, "the store failed: {cause}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// An ordered key-value store. One conformance suite holds for all implementations.
#[async_trait]
pub trait Store: Send + Sync {
    /// The record at `key`, as of the newest commit that returned before this call.
    async fn get(&self, key: &RecordKey) -> Result<Option<Versioned>, StoreError>;

    /// Up to `limit` (at least 1) records whose key starts with `prefix` and is greater than `after`, in
    /// bytewise key order, of one consistent moment.
    async fn scan(&self, prefix: &[u8], after: Option<&RecordKey>, limit: u16) -> Result<Page, StoreError>;

    /// Applies the batch, all of it or nothing. When it returns `Ok`, the change survives a crash of process
    /// and machine, and every later call sees it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when an expectation does not hold.
    async fn commit(&self, batch: Batch) -> Result<(), StoreError>;
}
