//! Where audit records go, as the service sees it.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use futures_channel::oneshot;

/// Records cannot be kept. The service refuses work then, rather than serving unrecorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditUnavailable;

impl std::fmt::Display for AuditUnavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("audit records cannot be kept")
    }
}

impl std::error::Error for AuditUnavailable {}

/// What `append` gives back.
pub enum Kept {
    /// The record is as durable as the setting asks for.
    Already,
    /// It waits to be written together with others: let those that are about to append do so, then call
    /// `settle`. One write serves all that came in between.
    Queued(Arc<Fate>),
    /// Await this before answering the caller; a dropped sender means the record was not kept.
    When(oneshot::Receiver<()>),
}

/// The fate of records that are written together.
#[derive(Default)]
pub struct Fate(AtomicU8);

/// What became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Not written yet.
    Waiting,
    /// All of them are in the kernel.
    Written,
    /// None of them is in the log.
    Lost,
}

const WAITING: u8 = 0;
const WRITTEN: u8 = 1;
const LOST: u8 = 2;

impl Fate {
    /// What is known.
    pub fn outcome(&self) -> Outcome {
        match self.0.load(Ordering::Acquire) {
            WAITING => Outcome::Waiting,
            WRITTEN => Outcome::Written,
            _ => Outcome::Lost,
        }
    }

    /// Decides it.
    pub fn decide(&self, written: bool) {
        self.0.store(if written { WRITTEN } else { LOST }, Ordering::Release);
    }
}

/// An append-only log of audit records, one JSON object each.
pub trait AuditSink: Send + Sync {
    /// Whether a record could be kept now; asked before a call is attempted.
    ///
    /// # Errors
    /// [`AuditUnavailable`] when it could not.
    fn ready(&self) -> Result<(), AuditUnavailable>;

    /// Appends one record, a JSON object without line breaks.
    ///
    /// # Errors
    /// [`AuditUnavailable`] when it could not be kept.
    fn append(&self, record: &[u8]) -> Result<Kept, AuditUnavailable>;

    /// Returns once queued records are written, writing them if nobody else does.
    ///
    /// # Errors
    /// [`AuditUnavailable`] when they could not be kept.
    fn settle(&self, fate: &Fate) -> Result<(), AuditUnavailable>;

    /// Makes all that was appended so far survive a loss of power; may block for the time of an fsync.
    ///
    /// # Errors
    /// [`AuditUnavailable`] when it could not.
    fn flush(&self) -> Result<(), AuditUnavailable>;

    /// Which of these event ids the log already holds, looking back no further than `since_millis` (Unix
    /// milliseconds). Used once at start, to deliver what the last run left in the outbox exactly once.
    ///
    /// # Errors
    /// [`AuditUnavailable`] when the log cannot be read.
    fn holds(&self, event_ids: &[String], since_millis: i64) -> Result<Vec<String>, AuditUnavailable>;
}
