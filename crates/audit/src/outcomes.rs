//! What became of the batches of one place, which are written one after the other: how many are decided, and which of
//! these are lost.

use std::collections::BTreeSet;

#[derive(Default)]
pub(crate) struct Outcomes {
    /// All batches below this number are decided.
    decided: u64,
    /// Few: once the log is known to be faulty, no call begins.
    lost: BTreeSet<u64>,
}

impl Outcomes {
    /// Whether the batch is in the kernel; `None`: it is not decided yet.
    pub(crate) fn of(&self, number: u64) -> Option<bool> {
        (number < self.decided).then(|| !self.lost.contains(&number))
    }

    /// Decides about a batch. One that was closed before it and never decided is lost: whoever wrote it did not get to
    /// its end.
    pub(crate) fn decide(&mut self, number: u64, written: bool) {
        self.lost.extend(self.decided..number);
        if !written {
            self.lost.insert(number);
        }
        self.decided = number + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_batch_stays_lost_when_later_ones_are_written() {
        let mut outcomes = Outcomes::default();
        assert_eq!(outcomes.of(0), None);
        for (number, written) in [(0, true), (1, false), (2, true), (4, true)] {
            outcomes.decide(number, written);
        }
        assert_eq!([0, 1, 2].map(|number| outcomes.of(number)), [Some(true), Some(false), Some(true)]);
        assert_eq!(
            [3, 4, 5].map(|number| outcomes.of(number)),
            [Some(false), Some(true), None],
            "the writer of 3 did not get to its end"
        );
    }
}
