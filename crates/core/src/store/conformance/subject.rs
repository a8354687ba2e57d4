//! The store under test, called as plain functions, and short names for what a batch is made of.
//!
//! It must never repeat or repair a call: the rules judge what the backend did.

use std::future::Future;
use std::sync::Arc;

use super::Fixture;
use crate::store::{Batch, Expectation, Page, RecordKey, Store, StoreError, Versioned, Write};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Conflict,
    Failed,
}

/// A store under test, called as plain functions.
pub(super) struct Subject<'a> {
    pub(super) fixture: &'a dyn Fixture,
    pub(super) store: Arc<dyn Store>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(fixture: &'a dyn Fixture) -> Self {
        Self { fixture, store: fixture.open() }
    }

    fn run<T: Send>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let mut output = None;
        self.fixture.block_on(Box::pin(async { output = Some(call.await) }));
        output.expect("the fixture's block_on must run the future to its end")
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<(u64, Vec<u8>)> {
        let found = self.run(self.store.get(&self::key(key))).expect("get failed");
        found.map(|record| (record.version, record.value))
    }

    pub(super) fn scan(&self, prefix: &[u8], after: Option<&RecordKey>, limit: u16) -> Page {
        self.run(self.store.scan(prefix, after, limit)).expect("scan failed")
    }

    /// The keys under a prefix, in one page.
    pub(super) fn keys(&self, prefix: &[u8], after: Option<&[u8]>) -> Vec<Vec<u8>> {
        let page = self.scan(prefix, after.map(key).as_ref(), u16::MAX);
        page.records.into_iter().map(|(key, _)| key.as_bytes().to_vec()).collect()
    }

    pub(super) fn put(&self, key: &[u8], version: u64, value: &[u8]) {
        rule!(
            "a put without expectations is done",
            self.commit([put(key, version, value)], []),
            Outcome::Done
        );
    }

    pub(super) fn commit(
        &self,
        writes: impl IntoIterator<Item = Write>,
        expectations: impl IntoIterator<Item = Expectation>,
    ) -> Outcome {
        let (writes, expectations) = (writes.into_iter().collect(), expectations.into_iter().collect());
        self.run_batch(Batch { writes, expectations, erase: false })
    }

    pub(super) fn run_batch(&self, batch: Batch) -> Outcome {
        match self.run(self.store.commit(batch)) {
            Ok(()) => Outcome::Done,
            Err(StoreError::Conflict) => Outcome::Conflict,
            Err(StoreError::Backend(_)) => Outcome::Failed,
        }
    }
}

fn key(bytes: &[u8]) -> RecordKey {
    RecordKey::new(bytes).expect("a key of the suite has 1 to 512 bytes")
}

pub(super) fn record(bytes: &[u8], version: u64, value: &[u8]) -> (RecordKey, Versioned) {
    (key(bytes), Versioned { version, value: value.to_vec() })
}

pub(super) fn put(bytes: &[u8], version: u64, value: &[u8]) -> Write {
    let (key, record) = record(bytes, version, value);
    Write::Put { key, record }
}

pub(super) fn delete(bytes: &[u8]) -> Write {
    Write::Delete { key: key(bytes) }
}

pub(super) fn expect(bytes: &[u8], version: Option<u64>) -> Expectation {
    Expectation { key: key(bytes), version }
}
