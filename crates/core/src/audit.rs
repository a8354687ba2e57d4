//! Where audit records go, as the service sees it.

use futures_channel::oneshot;

use crate::per_thread::Place;

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
    /// It waits to be written together with others: let those of this thread that are about to append do so, then
    /// call `settle`. One write serves all that came in between.
    Queued(BatchId),
    /// Await this before answering the caller; a dropped sender means the record was not kept.
    When(oneshot::Receiver<()>),
}

/// Records that are written together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchId {
    /// Where its records are gathered: at the place of the thread that appended them.
    pub place: Place,
    /// Which of the batches gathered there.
    pub number: u64,
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
    fn settle(&self, batch: BatchId) -> Result<(), AuditUnavailable>;

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
