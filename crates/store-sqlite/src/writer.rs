//! The one thread that writes, and its group commit.
//!
//! It takes every batch that waits, runs each in a savepoint of one transaction, commits once, and only then
//! answers. It must never answer `Ok` before the commit is on the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_channel::oneshot;
use reseal_core::store::{Batch, Expectation, StoreError, Write};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::Error;
use crate::gate::Gate;
use crate::reader::join;
use crate::{Options, frame, open};

/// The bytes of waiting values after which a group takes no further batch; bounds the log and the memory.
const GROUP_BYTES: usize = 8 << 20;

/// What the writer did since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Batches that were committed.
    pub batches: u64,
    /// Transactions that carried them; fewer than batches where groups formed.
    pub transactions: u64,
}

#[derive(Debug, Default)]
struct Counters {
    batches: AtomicU64,
    transactions: AtomicU64,
}

/// The handle of the writing thread.
pub(crate) struct Writer {
    queue: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
}

impl Writer {
    /// `erase_due`: the log still holds what an earlier process erased.
    pub(crate) fn start(
        connection: Connection,
        erase_due: bool,
        options: &Options,
        gate: &Arc<Gate>,
    ) -> Result<Self, Error> {
        let (queue, jobs) = channel();
        let counters = Arc::new(Counters::default());
        let state = State {
            connection,
            jobs,
            gate: Arc::clone(gate),
            counters: Arc::clone(&counters),
            group_limit: options.group_limit.max(1),
            busy_timeout: options.busy_timeout,
            erase_due,
        };
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(move || state.run());
        let thread = thread.map_err(|error| Error::io("start a thread for", "the writer".as_ref())(error))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), counters })
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            batches: self.counters.batches.load(Ordering::Relaxed),
            transactions: self.counters.transactions.load(Ordering::Relaxed),
        }
    }

    /// Queues the batch and waits for its answer.
    pub(crate) async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { batch: Prepared::new(batch)?, answer };
        self.queue.as_ref().ok_or(Error::Closed)?.send(job).map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        self.thread.take().into_iter().for_each(join);
    }
}

/// A batch in SQLite's terms, made on the caller's thread so that a bad one cannot hurt a group.
struct Prepared {
    expectations: Vec<Expectation>,
    writes: Vec<PreparedWrite>,
    erase: bool,
    bytes: usize,
}

enum PreparedWrite {
    Put { key: Vec<u8>, version: i64, frame: Vec<u8> },
    Delete { key: Vec<u8> },
}

impl Prepared {
    fn new(batch: Batch) -> Result<Self, Error> {
        let mut bytes = 0;
        let prepare = |write| match write {
            Write::Put { key, record } => {
                let version = i64::try_from(record.version);
                let version = version.map_err(|_| Error::VersionOutOfRange(record.version))?;
                let key = key.as_bytes().to_vec();
                let frame = frame::wrap(key.len(), version, &record.value)?;
                bytes += frame.len();
                Ok(PreparedWrite::Put { key, version, frame })
            }
            Write::Delete { key } => Ok(PreparedWrite::Delete { key: key.as_bytes().to_vec() }),
        };
        let writes = batch.writes.into_iter().map(prepare).collect::<Result<_, Error>>()?;
        Ok(Self { expectations: batch.expectations, writes, erase: batch.erase, bytes })
    }
}

struct Job {
    batch: Prepared,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

impl Job {
    /// A caller that is gone loses nothing but its answer.
    fn answer(self, verdict: Result<(), StoreError>) {
        let _ = self.answer.send(verdict);
    }
}

/// What the writing thread owns.
struct State {
    connection: Connection,
    jobs: Receiver<Job>,
    gate: Arc<Gate>,
    counters: Arc<Counters>,
    group_limit: usize,
    busy_timeout: Duration,
    /// The log holds something erased, because it could not be emptied.
    erase_due: bool,
}

impl State {
    /// Until the store is dropped and the queue empty.
    fn run(mut self) {
        while let Ok(first) = self.jobs.recv() {
            self.serve(first);
        }
        // Failing here loses nothing: the log is durable, and the next opening empties it.
        let _ = self.gate.exclusively(|| open::truncate_log(&self.connection));
    }

    fn serve(&mut self, first: Job) {
        // Begun before the others are collected: whoever arrives while this waits for a lock still comes along.
        let begun = self.connection.execute_batch("BEGIN IMMEDIATE").map_err(Error::from);
        let group = self.collect(first);
        let outcome = begun.and_then(|()| self.transact(&group));
        let verdicts = match outcome {
            Ok(verdicts) => verdicts,
            Err(error) => {
                if !self.connection.is_autocommit() {
                    // When even this fails, the next BEGIN does too, and says so to its callers.
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                for job in group {
                    job.answer(Err(error.clone().into()));
                }
                return;
            }
        };
        let mut erasing = Vec::new();
        for (job, verdict) in group.into_iter().zip(verdicts) {
            if job.batch.erase && verdict.is_ok() {
                erasing.push(job);
            } else {
                job.answer(verdict);
            }
        }
        if !erasing.is_empty() {
            let erased = self.erase(self.busy_timeout);
            for job in erasing {
                job.answer(erased.clone().map_err(StoreError::from));
            }
        } else if self.erase_due {
            // Nobody waits for it here, so it may not wait either.
            let _ = self.erase(Duration::ZERO);
        }
    }

    /// The batches that wait, within the bounds of a group.
    fn collect(&self, first: Job) -> Vec<Job> {
        let mut bytes = first.batch.bytes;
        let mut group = vec![first];
        while group.len() < self.group_limit && bytes < GROUP_BYTES {
            let Ok(job) = self.jobs.try_recv() else { break };
            bytes += job.batch.bytes;
            group.push(job);
        }
        group
    }

    /// Runs and commits a group. An error means that none of it is known to be kept.
    fn transact(&self, group: &[Job]) -> Result<Vec<Result<(), StoreError>>, Error> {
        let mut verdicts = Vec::with_capacity(group.len());
        for job in group {
            verdicts.push(match self.apply(&job.batch)? {
                Applied::Written => Ok(()),
                Applied::Conflict => Err(StoreError::Conflict),
                Applied::Undone(error) => Err(error.into()),
            });
        }
        self.connection.execute_batch("COMMIT")?;
        let written = verdicts.iter().filter(|verdict| verdict.is_ok()).count() as u64;
        self.counters.batches.fetch_add(written, Ordering::Relaxed);
        self.counters.transactions.fetch_add(1, Ordering::Relaxed);
        Ok(verdicts)
    }

    /// Runs one batch in its savepoint. An error means that the whole transaction is lost.
    fn apply(&self, batch: &Prepared) -> Result<Applied, Error> {
        for expected in &batch.expectations {
            if !self.holds(expected)? {
                return Ok(Applied::Conflict);
            }
        }
        self.connection.prepare_cached("SAVEPOINT batch")?.execute([])?;
        let written = batch.writes.iter().try_for_each(|write| self.write(write));
        // On errors such as a full disk, SQLite may have rolled back everything by itself.
        if self.connection.is_autocommit() {
            return Err(written.err().unwrap_or(Error::Closed));
        }
        if written.is_err() {
            self.connection.prepare_cached("ROLLBACK TO batch")?.execute([])?;
        }
        self.connection.prepare_cached("RELEASE batch")?.execute([])?;
        Ok(written.map_or_else(Applied::Undone, |()| Applied::Written))
    }

    fn holds(&self, expected: &Expectation) -> Result<bool, Error> {
        let mut statement = self.connection.prepare_cached("SELECT version FROM records WHERE key = ?1")?;
        let found: Option<i64> =
            statement.query_row(params![expected.key.as_bytes()], |row| row.get(0)).optional()?;
        Ok(match (found, expected.version) {
            (None, None) => true,
            // A version that cannot be kept was not kept.
            (Some(found), Some(version)) => i64::try_from(version) == Ok(found),
            _ => false,
        })
    }

    fn write(&self, write: &PreparedWrite) -> Result<(), Error> {
        match write {
            PreparedWrite::Put { key, version, frame } => self
                .connection
                .prepare_cached(
                    "INSERT INTO records (key, version, value) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (key) DO UPDATE SET version = excluded.version, value = excluded.value",
                )?
                .execute(params![key, version, frame])?,
            PreparedWrite::Delete { key } => {
                self.connection.prepare_cached("DELETE FROM records WHERE key = ?1")?.execute(params![key])?
            }
        };
        Ok(())
    }

    /// Empties the log, so that no page from before the last commit is left.
    fn erase(&mut self, patience: Duration) -> Result<(), Error> {
        self.connection.busy_timeout(patience)?;
        let emptied = self.gate.exclusively(|| open::truncate_log(&self.connection));
        self.erase_due = emptied.is_err();
        self.connection.busy_timeout(self.busy_timeout)?;
        emptied.map_err(|_| Error::EraseIncomplete)
    }
}

enum Applied {
    Written,
    Conflict,
    Undone(Error),
}

#[cfg(test)]
mod tests;
