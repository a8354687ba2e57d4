//! Keeps reads out of the moment in which the write-ahead log is emptied.
//!
//! SQLite can truncate the log only while no reader uses it, and busy readers could hold that off for ever. A
//! waiting writer of these locks goes before later readers, so an erasure waits for the reads under way at most.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// The two kinds of reads, apart: an erasure that waits for a backup must not hold up the short reads.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    long: RwLock<()>,
    short: RwLock<()>,
}

impl Gate {
    /// Held over one `get` or `scan`.
    pub(crate) fn short_read(&self) -> RwLockReadGuard<'_, ()> {
        self.short.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held over a backup or a check of the whole file.
    pub(crate) fn long_read(&self) -> RwLockReadGuard<'_, ()> {
        self.long.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs while nothing in this process reads.
    pub(crate) fn exclusively<T>(&self, run: impl FnOnce() -> T) -> T {
        let _long = self.long.write().unwrap_or_else(PoisonError::into_inner);
        let _short = self.short.write().unwrap_or_else(PoisonError::into_inner);
        run()
    }
}
