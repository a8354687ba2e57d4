//! Time and randomness of the machine, as the service takes them.

use std::{
    cell::RefCell,
    time::{SystemTime, UNIX_EPOCH},
};

use reseal_core::env::{Clock, Entropy, NoEntropy};
use reseal_crypto::{RandomPool, random};
use reseal_types::Timestamp;

/// The clock of the machine.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(millis(wall_clock()))
    }
}

/// Now. The only place that asks the machine for the time of day.
#[expect(clippy::disallowed_methods, reason = "this is where the injected clock comes from")]
pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// Milliseconds since 1970; negative before.
pub(crate) fn millis(time: SystemTime) -> i64 {
    let saturate = |millis: u128| i64::try_from(millis).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => saturate(since.as_millis()),
        Err(before) => -saturate(before.duration().as_millis()),
    }
}

/// Random bytes of the cryptographic library.
pub(crate) struct SystemEntropy;

thread_local! {
    static POOL: RefCell<RandomPool> = RefCell::default();
}

impl Entropy for SystemEntropy {
    fn fill_public(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        POOL.with_borrow_mut(|pool| pool.fill(bytes)).map_err(|_| NoEntropy)
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        random::fill(bytes).map_err(|_| NoEntropy)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn counts_milliseconds_on_both_sides_of_the_epoch() {
        assert_eq!(millis(UNIX_EPOCH + Duration::from_millis(1_500)), 1_500);
        assert_eq!(millis(UNIX_EPOCH - Duration::from_millis(1_500)), -1_500);
        assert!(SystemClock.now().seconds() > 1_700_000_000);
    }

    #[test]
    fn draws_differ() {
        let (mut public, mut other, mut secret) = ([0; 32], [0; 32], [0; 32]);
        SystemEntropy.fill_public(&mut public).unwrap();
        SystemEntropy.fill_public(&mut other).unwrap();
        SystemEntropy.fill_secret(&mut secret).unwrap();
        assert!(public != other && public != secret && secret != [0; 32]);
    }
}
