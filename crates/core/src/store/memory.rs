//! The reference backend: a sorted map behind a lock. For tests and `--dev`; everything is gone with the process.
//!
//! It must never do more than the contract promises: code that works here has to work on every other backend.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use super::{Batch, Expectation, Page, RecordKey, Store, StoreError, Versioned, Write};

type Records = BTreeMap<Box<[u8]>, Versioned>;

/// A [`Store`] in memory. Every call completes at its first poll, so it needs no async runtime.
#[derive(Default)]
pub struct MemoryStore {
    records: RwLock<Records>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    // No code that can panic runs under the write lock, so a poisoned lock still guards whole batches.
    fn read(&self) -> RwLockReadGuard<'_, Records> {
        self.records.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Records> {
        self.records.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("records", &self.read().len()).finish()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &RecordKey) -> Result<Option<Versioned>, StoreError> {
        Ok(self.read().get(key.as_bytes()).cloned())
    }

    async fn scan(&self, prefix: &[u8], after: Option<&RecordKey>, limit: u16) -> Result<Page, StoreError> {
        // An `after` below the prefix would start the range among foreign keys, hence the later of the two.
        let start = match after {
            Some(after) if after.as_bytes() >= prefix => Bound::Excluded(after.as_bytes()),
            _ => Bound::Included(prefix),
        };
        let records = self.read();
        let mut matching = records
            .range::<[u8], _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, record)| (RecordKey(key.clone()), record.clone()));
        let page = matching.by_ref().take(usize::from(limit)).collect();
        Ok(Page { records: page, more: matching.next().is_some() })
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut records = self.write();
        let holds = |expected: &Expectation| {
            records.get(expected.key.as_bytes()).map(|found| found.version) == expected.version
        };
        if !batch.expectations.iter().all(holds) {
            return Err(StoreError::Conflict);
        }
        // `erase` asks for nothing more: this backend controls no file.
        for write in batch.writes {
            match write {
                Write::Put { key, record } => {
                    records.insert(key.0, record);
                }
                Write::Delete { key } => {
                    records.remove(key.as_bytes());
                }
            }
        }
        Ok(())
    }
}
