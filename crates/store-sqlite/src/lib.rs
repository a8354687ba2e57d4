//! The default backend of Reseal: one SQLite file with a write-ahead log.
//!
//! One thread writes, and makes one durable transaction of all batches that wait for it. Reads have their own
//! connections and threads. The crate needs no async runtime, and must never give a record any meaning: it
//! keeps sealed bytes under keys. It takes no lock against a second process on the same file; the process that
//! owns the data directory has to.

#![forbid(unsafe_code)]

mod error;
mod frame;
mod gate;
mod open;
mod reader;
mod upkeep;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reseal_core::store::{Batch, Page, RecordKey, Store, StoreError, Versioned};

pub use error::Error;
pub use writer::Stats;

use gate::Gate;
use reader::Readers;
use writer::Writer;

/// How a [`SqliteStore`] uses the machine; nothing here changes what it promises.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads, each with a connection, that serve `get` and `scan`; at least one is started.
    pub readers: usize,
    /// The most batches that share one transaction; at least one.
    pub group_limit: usize,
    /// How long a write or a checkpoint waits for another process that holds the file, such as a `sqlite3` shell.
    pub busy_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { readers: 2, group_limit: 256, busy_timeout: Duration::from_secs(10) }
    }
}

/// A [`Store`] in one SQLite file.
///
/// Dropping it commits what still waits, empties the write-ahead log and joins its threads; that blocks for a
/// moment. A commit that was sent is carried out even when the caller no longer awaits its answer.
pub struct SqliteStore {
    path: PathBuf,
    options: Options,
    gate: Arc<Gate>,
    // Dropped before the writer, so that the writer's connection is the last one and can remove the log.
    readers: Readers,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the file, or creates it with mode 0600. Blocks.
    ///
    /// Empties the write-ahead log first, which completes an erasure that a crash cut short; while another process
    /// reads the file, that is made up for after later commits.
    ///
    /// # Errors
    /// [`Error::Foreign`] for a database of something else, which is left untouched, [`Error::NewerSchema`] for
    /// one written by a later release, [`Error::Damaged`] when SQLite cannot make sense of it, and
    /// [`Error::Io`] or [`Error::Sqlite`] when the file cannot be used.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        // Absolute, because SQLite would take a name that begins with "file:" for a URI.
        let path = std::path::absolute(path.as_ref()).map_err(Error::io("locate", path.as_ref()))?;
        let gate = Arc::new(Gate::default());
        let connection = open::for_writing(&path, options.busy_timeout)?;
        // Another process that reads the file may prevent this; that is no reason not to serve.
        let erase_due = match open::truncate_log(&connection) {
            Err(Error::EraseIncomplete) => true,
            other => other.map(|()| false)?,
        };
        let readers = Readers::start(&path, &options, &gate)?;
        let writer = Writer::start(connection, erase_due, &options, &gate)?;
        Ok(Self { path, options, gate, readers, writer })
    }

    /// How much was written since the store was opened.
    pub fn stats(&self) -> Stats {
        self.writer.stats()
    }

    /// Reads the whole file and checks its structure, and that each record can be read. Blocks, for seconds when
    /// the file is large; reads and commits go on meanwhile, erasures wait.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the first findings.
    pub fn integrity_check(&self) -> Result<(), Error> {
        upkeep::integrity_check(&self.path, &self.options, &self.gate)
    }

    /// Copies the records of this moment into a new file, mode 0600, that [`SqliteStore::open`] can open. Blocks;
    /// reads and commits go on meanwhile, erasures wait. Erasure does not reach into the copy.
    ///
    /// # Errors
    /// [`Error::Io`] when the target exists already; no partial copy is left behind.
    pub fn backup_to(&self, target: impl AsRef<Path>) -> Result<(), Error> {
        upkeep::backup(&self.path, target.as_ref(), &self.options, &self.gate)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &RecordKey) -> Result<Option<Versioned>, StoreError> {
        let key = key.clone();
        Ok(self.readers.run(move |connection| reader::get(connection, &key)).await?)
    }

    async fn scan(&self, prefix: &[u8], after: Option<&RecordKey>, limit: u16) -> Result<Page, StoreError> {
        let range = reader::Range::new(prefix, after);
        Ok(self.readers.run(move |connection| reader::scan(connection, &range, limit)).await?)
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.writer.commit(batch).await
    }
}
