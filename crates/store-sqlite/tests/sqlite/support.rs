//! What the tests of this backend share: a directory of their own, short calls, a look into the raw files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use reseal_core::store::conformance::block_on;
use reseal_core::store::{Batch, Expectation, RecordKey, Store, StoreError, Versioned, Write};
use reseal_store_sqlite::{Options, SqliteStore};

/// A new directory, removed with everything in it on drop.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("reseal-sqlite-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the database goes.
    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("reseal.db")
    }

    pub(crate) fn open(&self) -> SqliteStore {
        SqliteStore::open(self.file(), Options::default()).unwrap()
    }

    /// All bytes of all files.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read_dir(&self.0).unwrap().flat_map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

pub(crate) fn key(bytes: &[u8]) -> RecordKey {
    RecordKey::new(bytes).unwrap()
}

pub(crate) fn put(bytes: &[u8], version: u64, value: &[u8]) -> Write {
    Write::Put { key: key(bytes), record: Versioned { version, value: value.to_vec() } }
}

pub(crate) fn delete(bytes: &[u8]) -> Write {
    Write::Delete { key: key(bytes) }
}

pub(crate) fn expect(bytes: &[u8], version: Option<u64>) -> Expectation {
    Expectation { key: key(bytes), version }
}

pub(crate) fn batch(writes: Vec<Write>) -> Batch {
    Batch { writes, ..Batch::default() }
}

pub(crate) fn commit(store: &SqliteStore, batch: Batch) -> Result<(), StoreError> {
    block_on(store.commit(batch))
}

pub(crate) fn get(store: &SqliteStore, bytes: &[u8]) -> Option<Versioned> {
    block_on(store.get(&key(bytes))).unwrap()
}

/// Commits from a thread of its own, so that several wait at once.
pub(crate) fn commit_apart(
    store: &Arc<SqliteStore>,
    batch: Batch,
) -> std::thread::JoinHandle<Result<(), StoreError>> {
    let store = Arc::clone(store);
    std::thread::spawn(move || commit(&store, batch))
}
