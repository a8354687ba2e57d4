//! Lines that wait to be written together.
//!
//! Every thread puts its line here and then asks for the writer. Whoever gets it writes all that waits, so that
//! under contention one system call serves many threads, and none returns before its line is written.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use futures_channel::oneshot;

use crate::frame::{self, NotARecord};

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Not written yet.
    Waiting,
    /// Every line is in the kernel.
    Written,
    /// No line is in the log.
    Lost,
}

/// The fate of one batch, shared by all who have a line in it.
pub(crate) struct Fate(AtomicU8);

const WAITING: u8 = 0;
const WRITTEN: u8 = 1;
const LOST: u8 = 2;

impl Fate {
    pub(crate) fn outcome(&self) -> Outcome {
        match self.0.load(Ordering::Acquire) {
            WAITING => Outcome::Waiting,
            WRITTEN => Outcome::Written,
            _ => Outcome::Lost,
        }
    }

    pub(crate) fn settle(&self, written: bool) {
        self.0.store(if written { WRITTEN } else { LOST }, Ordering::Release);
    }
}

/// The batch that is still open.
pub(crate) struct Batch {
    pub(crate) lines: Vec<u8>,
    pub(crate) fate: Arc<Fate>,
    /// Who waits for the batch to be synced, too.
    pub(crate) waiting: Vec<oneshot::Sender<()>>,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self { lines: Vec::new(), fate: Arc::new(Fate(AtomicU8::new(WAITING))), waiting: Vec::new() }
    }

    /// Frames a record into the batch.
    pub(crate) fn push(&mut self, record: &[u8]) -> Result<Arc<Fate>, NotARecord> {
        frame::push_line(record, &mut self.lines)?;
        Ok(Arc::clone(&self.fate))
    }

    /// Closes the batch and opens the next one, whose lines go into `spare`: the two buffers take turns.
    pub(crate) fn close(&mut self, spare: Vec<u8>) -> Self {
        mem::replace(self, Self { lines: spare, ..Self::new() })
    }
}
