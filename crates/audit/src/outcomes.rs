//! What became of the batches, which are written one after the other: how many are decided, and which of these are lost.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use reseal_core::audit::BatchNumber;

use crate::sync::lock;

/// Read by every call, written once for each batch.
#[derive(Default)]
pub(crate) struct Outcomes {
    /// All batches below this number are decided.
    decided: AtomicU64,
    any_lost: AtomicBool,
    /// Few: once the log is known to be faulty, no call begins.
    lost: Mutex<BTreeSet<u64>>,
}

impl Outcomes {
    /// Whether the batch is in the kernel; `None`: it is not decided yet.
    pub(crate) fn of(&self, BatchNumber(number): BatchNumber) -> Option<bool> {
        if self.decided.load(Ordering::Acquire) <= number {
            return None;
        }
        // `decided` was stored after these.
        Some(!(self.any_lost.load(Ordering::Relaxed) && lock(&self.lost).contains(&number)))
    }

    /// Decides about a batch, under the writer's lock. One that was closed before it and never decided is lost: whoever
    /// wrote it did not get to its end.
    pub(crate) fn decide(&self, BatchNumber(number): BatchNumber, written: bool) {
        let undecided = self.decided.load(Ordering::Relaxed)..number;
        let lost = undecided.chain((!written).then_some(number));
        for number in lost {
            lock(&self.lost).insert(number);
            self.any_lost.store(true, Ordering::Relaxed);
        }
        self.decided.store(number + 1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_batch_stays_lost_when_later_ones_are_written() {
        let outcomes = Outcomes::default();
        let of = |number| outcomes.of(BatchNumber(number));
        assert_eq!(of(0), None);
        for (number, written) in [(0, true), (1, false), (2, true), (4, true)] {
            outcomes.decide(BatchNumber(number), written);
        }
        assert_eq!([of(0), of(1), of(2)], [Some(true), Some(false), Some(true)]);
        assert_eq!(
            [of(3), of(4), of(5)],
            [Some(false), Some(true), None],
            "the writer of 3 did not get to its end"
        );
    }
}
