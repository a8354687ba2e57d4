//! The log itself: many threads append, each returns when its record is as durable as was asked for.

use std::{
    fs::File,
    io, mem,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use futures_channel::oneshot;
use reseal_core::{
    audit::{AuditSink, AuditUnavailable, BatchId, Kept},
    env::Clock,
    per_thread::PerThread,
};
use reseal_types::Timestamp;
use tracing::{error, warn};

use crate::{
    batch::{Batch, Open},
    error::AuditError,
    file::SegmentFile,
    frame::Framed,
    read,
    segment::{self, Segment},
    sync::{SyncQueue, lock},
    tail::{self, TornTail},
    writer::Writer,
};

/// What a record survives once it was answered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The death of the process: the record is in the kernel.
    #[default]
    Written,
    /// A loss of power: the record is on the disk. One sync serves all calls of the moment.
    Synced,
}

/// How the log is kept.
#[derive(Clone)]
pub struct Options {
    /// When `append` counts a record as kept.
    pub durability: Durability,
    /// A segment is closed before it grows beyond this many bytes.
    pub segment_bytes: u64,
    /// Names segments and ends them at midnight UTC.
    pub clock: Arc<dyn Clock>,
}

/// What opening the log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReport {
    /// The segment that records go to now.
    pub segment: PathBuf,
    /// Whether it is one of an earlier run.
    pub resumed: bool,
    /// The unfinished line that a crash left, now set aside.
    pub torn: Option<TornTail>,
}

/// The audit log in one directory.
///
/// One process at a time may have it open. Dropping it syncs what was written.
pub struct AuditLog {
    dir: PathBuf,
    report: OpenReport,
    shared: Arc<Shared>,
    syncer: Option<JoinHandle<()>>,
    // Held for its lock on the directory.
    _claim: File,
}

struct Shared {
    durability: Durability,
    clock: Arc<dyn Clock>,
    // Invariant: locked after `writer`, or alone.
    batches: PerThread<Mutex<Open>>,
    writer: Mutex<Writing>,
    faulty: AtomicBool,
    sync_lost: AtomicBool,
    sync: SyncQueue,
}

struct Writing {
    writer: Writer,
    /// Segments closed since the last flush.
    finished: Vec<Arc<SegmentFile>>,
}

const DEFAULT_SEGMENT_BYTES: u64 = 64 << 20;

impl Options {
    /// Durability `Written`, segments of 64 MiB.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { durability: Durability::default(), segment_bytes: DEFAULT_SEGMENT_BYTES, clock }
    }
}

impl AuditLog {
    /// Opens the log in `dir`, which is made with mode 0700 if need be. An unfinished last line of an earlier run
    /// is set aside; [`AuditLog::report`] and a warning say so.
    ///
    /// # Errors
    /// [`AuditError::InUse`], [`AuditError::LooseMode`], or what the operating system said.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Self, AuditError> {
        let dir = dir.as_ref().to_owned();
        let claim = segment::claim_dir(&dir)?;
        let now = options.clock.now();
        let newest = segment::list(&dir)?.pop();
        let torn = newest.as_ref().map(|newest| tail::cut_torn(&dir, newest)).transpose()?.flatten();
        if let Some(torn) = &torn {
            let (segment, saved_to) = (torn.segment.display(), torn.saved_to.display());
            warn!(%segment, bytes = torn.bytes, %saved_to, "set aside an audit record cut short by a crash");
        }
        let sequence = newest.as_ref().map_or(1, |newest| newest.sequence + 1);
        let resumed = match &newest {
            Some(newest) => Segment::resume(newest, options.segment_bytes, now)?,
            None => None,
        };
        let is_resumed = resumed.is_some();
        let segment = resumed.map_or_else(|| Segment::create(&dir, sequence, now), Ok)?;
        let report = OpenReport { segment: segment.name.path.clone(), resumed: is_resumed, torn };
        let writer = Writer::new(dir.clone(), segment, options.segment_bytes);
        let shared = Arc::new(Shared {
            durability: options.durability,
            clock: options.clock,
            batches: PerThread::new(Mutex::default),
            writer: Mutex::new(Writing { writer, finished: Vec::new() }),
            faulty: AtomicBool::new(false),
            sync_lost: AtomicBool::new(false),
            sync: SyncQueue::default(),
        });
        let syncer = spawn_syncer(&shared).map_err(AuditError::io("start the syncing thread for", &dir))?;
        Ok(Self { dir, report, shared, syncer: Some(syncer), _claim: claim })
    }

    /// What opening found.
    pub fn report(&self) -> &OpenReport {
        &self.report
    }

    /// The record with that event id. Reads the log from its end: for people who ask, not for calls.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn record(&self, event_id: &str) -> Result<Option<Vec<u8>>, AuditError> {
        read::record(&self.dir, event_id)
    }

    /// A record that holds `text` somewhere and is accepted. Reads the log from its end: for people who ask.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn find(&self, text: &str, accept: impl Fn(&[u8]) -> bool) -> Result<Option<Vec<u8>>, AuditError> {
        read::find(&self.dir, text, accept)
    }

    /// Appends one record and writes it at once, whoever else is about to append.
    ///
    /// # Errors
    /// [`AuditUnavailable`] when it could not be kept.
    pub fn append_now(&self, record: &[u8]) -> Result<Kept, AuditUnavailable> {
        match self.append(record)? {
            Kept::Queued(batch) => self.shared.settle(batch).map(|()| Kept::Already),
            kept => Ok(kept),
        }
    }

    /// Syncs the current segment to the disk, whatever the durability. Blocks.
    ///
    /// # Errors
    /// [`AuditUnavailable`] when it could not be synced.
    pub fn flush(&self) -> Result<(), AuditUnavailable> {
        let mut writing = lock(&self.shared.writer);
        // What was appended counts, also where its thread has not come to write it yet.
        self.shared.batches.iter().for_each(|open| self.shared.write_batch(&mut writing, open));
        let mut files = mem::take(&mut writing.finished);
        files.push(Arc::clone(writing.writer.file()));
        drop(writing);
        for file in files {
            file.sync().map_err(|error| {
                self.shared.sync_failed(error);
                AuditUnavailable
            })?;
        }
        // What a failed sync lost stays lost, whatever later ones say: its copies elsewhere must be kept.
        if self.shared.sync_lost.load(Ordering::Acquire) { Err(AuditUnavailable) } else { Ok(()) }
    }
}

impl AuditSink for AuditLog {
    fn ready(&self) -> Result<(), AuditUnavailable> {
        self.shared.ready()
    }

    fn append(&self, record: &[u8]) -> Result<Kept, AuditUnavailable> {
        self.shared.ready()?;
        match self.shared.durability {
            Durability::Written => Ok(Kept::Queued(self.shared.enqueue(record, None)?)),
            Durability::Synced => {
                let (sender, receiver) = oneshot::channel();
                let batch = self.shared.enqueue(record, Some(sender))?;
                self.shared.settle(batch)?;
                Ok(Kept::When(receiver))
            }
        }
    }

    fn settle(&self, batch: BatchId) -> Result<(), AuditUnavailable> {
        self.shared.settle(batch)
    }

    fn flush(&self) -> Result<(), AuditUnavailable> {
        Self::flush(self)
    }

    fn holds(&self, event_ids: &[String], since_millis: i64) -> Result<Vec<String>, AuditUnavailable> {
        read::holds(&self.dir, event_ids, Timestamp::from_millis(since_millis)).map_err(|error| {
            error!(%error, "the audit log cannot be searched");
            AuditUnavailable
        })
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        let _ = self.flush();
        self.shared.sync.stop();
        if let Some(syncer) = self.syncer.take() {
            let _ = syncer.join();
        }
    }
}

impl Shared {
    fn ready(&self) -> Result<(), AuditUnavailable> {
        if !self.faulty.load(Ordering::Acquire) {
            return Ok(());
        }
        // Somebody else is at it: no need to queue up behind a disk that does not answer.
        let mut writing = match self.writer.try_lock() {
            Ok(writing) => writing,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(AuditUnavailable),
        };
        if !writing.writer.mend(self.clock.now(), self.durability == Durability::Synced) {
            return Err(AuditUnavailable);
        }
        self.faulty.store(false, Ordering::Release);
        Ok(())
    }

    /// Puts a record into this thread's open batch.
    fn enqueue(
        &self,
        record: &[u8],
        waiting: Option<oneshot::Sender<()>>,
    ) -> Result<BatchId, AuditUnavailable> {
        let record = Framed::of(record).map_err(|_| {
            error!(bytes = record.len(), "refused an audit record that is not one line of JSON");
            AuditUnavailable
        })?;
        let place = self.batches.place();
        let number = lock(self.batches.at(place)).push(record, waiting);
        Ok(BatchId { place, number })
    }

    /// Returns once the batch is in the kernel, writing it if nobody else does.
    fn settle(&self, BatchId { place, number }: BatchId) -> Result<(), AuditUnavailable> {
        let open = self.batches.at(place);
        let outcome = || lock(open).outcomes.of(number);
        let outcome = outcome().or_else(|| {
            let mut writing = lock(&self.writer);
            // Batches are closed under the writer's lock only, so one that still waits is the open one.
            outcome().or_else(|| {
                self.write_batch(&mut writing, open);
                outcome()
            })
        });
        if outcome == Some(true) { Ok(()) } else { Err(AuditUnavailable) }
    }

    /// Writes a thread's open batch.
    fn write_batch(&self, writing: &mut Writing, open: &Mutex<Open>) {
        let Some(Batch { lines, number, waiting }) = lock(open).close() else { return };
        let Writing { writer, finished: closed } = writing;
        if let Some(finished) = writer.rotate_if_due(lines.len(), self.clock.now()) {
            closed.push(Arc::clone(&finished));
            self.sync.push_finished(finished);
        }
        let written = writer.write(&lines);
        if written && self.durability == Durability::Synced {
            self.sync.push(Arc::clone(writer.file()), waiting);
        }
        if writer.is_faulty() {
            self.faulty.store(true, Ordering::Release);
        }
        lock(open).decide(number, written, lines);
    }

    fn sync_failed(&self, error: io::Error) {
        self.sync_lost.store(true, Ordering::Release);
        lock(&self.writer).writer.sync_failed(error);
        self.faulty.store(true, Ordering::Release);
    }
}

fn spawn_syncer(shared: &Arc<Shared>) -> io::Result<JoinHandle<()>> {
    let shared = Arc::clone(shared);
    thread::Builder::new()
        .name("audit-sync".to_owned())
        .spawn(move || shared.sync.run(|error| shared.sync_failed(error)))
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::atomic::AtomicI64};

    use super::*;

    struct TestClock(AtomicI64);

    impl Clock for TestClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn a_flush_lets_go_of_closed_segments() {
        let dir = std::env::temp_dir().join(format!("reseal-audit-flush-{}", std::process::id()));
        let clock = Arc::new(TestClock(AtomicI64::new(0)));
        let options = Options { segment_bytes: 16, ..Options::new(Arc::<TestClock>::clone(&clock)) };
        let log = AuditLog::open(&dir, options).unwrap();
        for _ in 0..5 {
            log.append_now(b"{\"number\":1}").unwrap();
        }
        assert_eq!(lock(&log.shared.writer).finished.len(), 4);
        log.flush().unwrap();
        assert!(lock(&log.shared.writer).finished.is_empty(), "each holds a file open");
        fs::remove_dir_all(&dir).unwrap();
    }

    fn queued(log: &AuditLog, record: &[u8]) -> BatchId {
        match log.append(record).unwrap() {
            Kept::Queued(batch) => batch,
            Kept::Already | Kept::When(_) => panic!("not queued"),
        }
    }

    fn written(dir: &Path) -> String {
        segment::list(dir).unwrap().iter().map(|name| fs::read_to_string(&name.path).unwrap()).collect()
    }

    /// Each thread's records are a batch of their own, and whoever asks is told what became of them.
    #[test]
    fn all_whose_records_were_in_a_lost_batch_are_told() {
        let dir = std::env::temp_dir().join(format!("reseal-audit-batches-{}", std::process::id()));
        let clock = Arc::new(TestClock(AtomicI64::new(0)));
        let log = AuditLog::open(&dir, Options::new(Arc::<TestClock>::clone(&clock))).unwrap();
        let elsewhere = |record: &'static [u8]| {
            thread::scope(|scope| scope.spawn(|| queued(&log, record)).join().unwrap())
        };
        let first = queued(&log, b"{\"n\":1}");
        assert_eq!(queued(&log, b"{\"n\":2}"), first);
        let other = elsewhere(b"{\"n\":3}");
        assert_ne!(other, first);
        lock(&log.shared.writer).writer.sync_failed(io::ErrorKind::Other.into());
        for batch in [first, first, other, other] {
            assert!(log.settle(batch).is_err(), "{batch:?}");
        }
        assert_eq!(written(&dir), "");

        clock.0.store(1_000, Ordering::Relaxed);
        log.ready().unwrap();
        let own = queued(&log, b"{\"n\":4}");
        let other = elsewhere(b"{\"n\":5}");
        assert_eq!(written(&dir), "");
        log.flush().unwrap();
        assert_eq!(written(&dir).lines().count(), 2);
        assert!(log.settle(own).is_ok() && log.settle(other).is_ok());
        assert!(log.settle(first).is_err(), "what was lost stays lost");
        let last = elsewhere(b"{\"n\":6}");
        log.settle(last).unwrap();
        assert!(written(&dir).ends_with("{\"n\":6}\n"));
        fs::remove_dir_all(&dir).unwrap();
    }

    /// What was not synced may be gone although the system says otherwise later, so the segment is left.
    #[test]
    fn after_a_failed_sync_records_go_to_a_new_segment() {
        let dir = std::env::temp_dir().join(format!("reseal-audit-sync-{}", std::process::id()));
        let clock = Arc::new(TestClock(AtomicI64::new(0)));
        let log = AuditLog::open(&dir, Options::new(Arc::<TestClock>::clone(&clock))).unwrap();
        log.append_now(b"{\"n\":1}").unwrap();
        log.shared.sync_failed(io::ErrorKind::Other.into());
        log.ready().unwrap();
        log.append_now(b"{\"n\":2}").unwrap();
        log.shared.sync_failed(io::ErrorKind::Other.into());
        assert!(log.ready().is_err(), "probed again within a second");
        assert!(log.append_now(b"{\"n\":3}").is_err());
        clock.0.store(1_000, Ordering::Relaxed);
        log.append_now(b"{\"n\":4}").unwrap();
        let lines: Vec<_> =
            segment::list(&dir).unwrap().iter().map(|name| fs::read_to_string(&name.path).unwrap()).collect();
        assert_eq!(lines, ["{\"n\":1}\n", "{\"n\":2}\n", "{\"n\":4}\n"]);
        fs::remove_dir_all(&dir).unwrap();
    }
}
