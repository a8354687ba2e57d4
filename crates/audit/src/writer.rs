//! Writes batches to the newest segment, begins the next one in time, and mends what a failed write left.
//!
//! Invariant: bytes behind `segment.len` are never followed by a line. They are cut off before anything else is
//! written, so that a torn line exists only at the very end of the newest segment.

use std::{path::PathBuf, sync::Arc};

use reseal_types::Timestamp;
use tracing::{error, info};

use crate::{
    error::AuditError,
    file::SegmentFile,
    segment::{self, Segment},
};

/// Enough to hold any record of one call, so that success means the next calls can be recorded.
const PROBE_BYTES: usize = 64 << 10;
const MILLIS_BETWEEN_PROBES: i64 = 1_000;

/// What keeps the log from being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The segment could not be written: no space, most likely.
    Write,
    /// The segment must not be written any more: it could not be synced, or the next one was due and could not
    /// be made. After a failed sync the system may have dropped the data and report success the next time.
    NeedsNewSegment,
}

/// The writing end of the log.
pub(crate) struct Writer {
    dir: PathBuf,
    segment: Segment,
    segment_bytes: u64,
    fault: Option<Fault>,
    has_torn_tail: bool,
    last_probe: Option<Timestamp>,
}

impl Writer {
    pub(crate) fn new(dir: PathBuf, segment: Segment, segment_bytes: u64) -> Self {
        Self { dir, segment, segment_bytes, fault: None, has_torn_tail: false, last_probe: None }
    }

    /// Whether batches are refused until [`Writer::mend`] succeeds.
    pub(crate) fn is_faulty(&self) -> bool {
        self.fault.is_some()
    }

    /// The file that the last batch went to.
    pub(crate) fn file(&self) -> &Arc<SegmentFile> {
        &self.segment.file
    }

    /// Begins the next segment when the day or the size asks for it. Gives back the finished one, to be synced.
    pub(crate) fn rotate_if_due(&mut self, coming: usize, now: Timestamp) -> Option<Arc<SegmentFile>> {
        let full = self.segment.len > 0 && self.segment.len + coming as u64 > self.segment_bytes;
        if self.is_faulty() || !(full || segment::day(now) > self.segment.day) {
            return None;
        }
        let finished = Arc::clone(&self.segment.file);
        match self.next_segment(now) {
            Ok(()) => Some(finished),
            Err(error) => {
                self.fail(Fault::NeedsNewSegment, &error);
                None
            }
        }
    }

    /// Appends whole lines. When this is `false` none of them is in the log, and the writer is faulty.
    pub(crate) fn write(&mut self, lines: &[u8]) -> bool {
        if self.is_faulty() {
            return false;
        }
        match self.segment.file.append(lines) {
            Ok(()) => {
                self.segment.len += lines.len() as u64;
                true
            }
            Err(error) => {
                self.has_torn_tail = true;
                self.fail(Fault::Write, &AuditError::io("write", &self.segment.name.path)(error));
                // Best effort: a crash before the fault is mended should find as little as possible to cut.
                let _ = self.cut_torn_tail();
                false
            }
        }
    }

    /// Notes that `file` could not be synced.
    pub(crate) fn sync_failed(&mut self, error: std::io::Error) {
        let error = AuditError::io("sync a segment in", &self.dir)(error);
        self.fail(Fault::NeedsNewSegment, &error);
    }

    /// Tries, at most once a second, to make a faulty writer work again. Whether it works now.
    pub(crate) fn mend(&mut self, now: Timestamp, sync: bool) -> bool {
        let Some(fault) = self.fault else { return true };
        // A clock that was set back must not keep the log down.
        let waited = self.last_probe.map(|last| now.millis() - last.millis());
        if waited.is_some_and(|waited| (0..MILLIS_BETWEEN_PROBES).contains(&waited)) {
            return false;
        }
        self.last_probe = Some(now);
        if self.try_mend(fault, now, sync).is_err() {
            return false;
        }
        self.fault = None;
        info!("the audit log can be written again");
        true
    }

    fn try_mend(&mut self, fault: Fault, now: Timestamp, sync: bool) -> Result<(), AuditError> {
        if self.has_torn_tail {
            self.cut_torn_tail()?;
        }
        if fault == Fault::NeedsNewSegment {
            self.next_segment(now)?;
            self.fault = Some(Fault::Write);
        }
        self.has_torn_tail = true;
        let written = self.segment.file.append(&vec![b' '; PROBE_BYTES]);
        let synced = if sync && written.is_ok() { self.segment.file.sync() } else { Ok(()) };
        if synced.is_err() && self.segment.len == 0 {
            // Or each attempt would leave one more empty segment.
            self.segment.file.lost_nothing();
        } else if synced.is_err() {
            self.fault = Some(Fault::NeedsNewSegment);
        }
        self.cut_torn_tail()?;
        written.and(synced).map_err(AuditError::io("write", &self.segment.name.path))
    }

    fn cut_torn_tail(&mut self) -> Result<(), AuditError> {
        let cut = self.segment.file.cut(self.segment.len);
        cut.map_err(AuditError::io("cut", &self.segment.name.path))?;
        self.has_torn_tail = false;
        Ok(())
    }

    fn next_segment(&mut self, now: Timestamp) -> Result<(), AuditError> {
        self.segment = Segment::create(&self.dir, self.segment.name.sequence + 1, now)?;
        Ok(())
    }

    fn fail(&mut self, fault: Fault, error: &AuditError) {
        error!(%error, "audit records cannot be kept; calls are refused until they can");
        self.fault = Some(fault);
    }
}
