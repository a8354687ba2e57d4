//! Lines that wait to be written together.
//!
//! Every thread puts its lines where no other does, as long as there are places for all. It asks for the writer when all
//! of its calls that were ready have done so, or for each where records are synced: one system call serves all that wait,
//! and none is answered before its line is written.

use std::mem;

use futures_channel::oneshot;

use crate::{frame::Framed, outcomes::Outcomes};

/// The batch at a place that is still open, and what became of those before.
#[derive(Default)]
pub(crate) struct Open {
    lines: Vec<u8>,
    number: u64,
    waiting: Vec<oneshot::Sender<()>>,
    /// The buffer of the batch before: the two take turns.
    spare: Vec<u8>,
    pub(crate) outcomes: Outcomes,
}

/// A batch that is about to be written.
pub(crate) struct Batch {
    pub(crate) lines: Vec<u8>,
    pub(crate) number: u64,
    /// Who waits for the batch to be synced, too.
    pub(crate) waiting: Vec<oneshot::Sender<()>>,
}

/// A buffer that one huge record stretched is not kept: there are two for each place.
const MAX_SPARE_BYTES: usize = 256 << 10;

impl Open {
    /// Puts a record into the batch; gives its number.
    pub(crate) fn push(&mut self, record: Framed<'_>, waiting: Option<oneshot::Sender<()>>) -> u64 {
        record.push_to(&mut self.lines);
        self.waiting.extend(waiting);
        self.number
    }

    /// Closes the batch, if there is anything in it, and opens the next one.
    pub(crate) fn close(&mut self) -> Option<Batch> {
        if self.lines.is_empty() {
            return None;
        }
        let lines = mem::replace(&mut self.lines, mem::take(&mut self.spare));
        let batch = Batch { lines, number: self.number, waiting: mem::take(&mut self.waiting) };
        self.number += 1;
        Some(batch)
    }

    /// Notes what became of a batch; its buffer serves again.
    pub(crate) fn decide(&mut self, number: u64, written: bool, mut lines: Vec<u8>) {
        self.outcomes.decide(number, written);
        if lines.capacity() <= MAX_SPARE_BYTES {
            lines.clear();
            self.spare = lines;
        }
    }
}
