//! Lines that wait to be written together.
//!
//! Every thread puts its line here and then asks for the writer. Whoever gets it writes all that waits, so that
//! under contention one system call serves many threads, and none returns before its line is written.

use std::{mem, sync::Arc};

use futures_channel::oneshot;
use reseal_core::audit::Fate;

use crate::frame::{self, NotARecord};

/// The batch that is still open.
pub(crate) struct Batch {
    pub(crate) lines: Vec<u8>,
    pub(crate) fate: Arc<Fate>,
    /// Who waits for the batch to be synced, too.
    pub(crate) waiting: Vec<oneshot::Sender<()>>,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self { lines: Vec::new(), fate: Arc::default(), waiting: Vec::new() }
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
