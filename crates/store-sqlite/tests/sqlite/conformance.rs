//! The conformance suite against SQLite files.

use std::sync::Arc;

use reseal_core::store::Store;
use reseal_core::store::conformance::Fixture;

use crate::support::{TempDir, contains};

reseal_core::store_conformance!(File(TempDir::new()));

struct File(TempDir);

impl Fixture for File {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.0.open())
    }

    fn reopen(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        drop(store);
        Some(self.open())
    }

    fn files_hold(&self, bytes: &[u8]) -> Option<bool> {
        Some(contains(&self.0.bytes(), bytes))
    }
}
