//! Lines that wait to be written together.
//!
//! Every thread puts its line here and then asks for the writer. Whoever gets it writes all that waits, so that
//! under contention one system call serves many threads, and none returns before its line is written.

use std::mem;

use futures_channel::oneshot;
use reseal_core::audit::BatchNumber;

use crate::frame::Framed;

/// The batch that is still open. On a line of the processor's cache of its own: every call writes to it, and reads what
/// stands beside it.
#[repr(align(128))]
pub(crate) struct Batch {
    pub(crate) lines: Vec<u8>,
    pub(crate) number: BatchNumber,
    /// Who waits for the batch to be synced, too.
    pub(crate) waiting: Vec<oneshot::Sender<()>>,
}

impl Batch {
    /// The first batch of a run.
    pub(crate) fn first() -> Self {
        Self { lines: Vec::new(), number: BatchNumber(0), waiting: Vec::new() }
    }

    /// Puts a record into the batch.
    pub(crate) fn push(&mut self, record: Framed<'_>) -> BatchNumber {
        record.push_to(&mut self.lines);
        self.number
    }

    /// Closes the batch and opens the next one, whose lines go into `spare`: the two buffers take turns.
    pub(crate) fn close(&mut self, spare: Vec<u8>) -> Self {
        let number = BatchNumber(self.number.0 + 1);
        mem::replace(self, Self { lines: spare, number, waiting: Vec::new() })
    }
}
