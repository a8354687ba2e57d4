//! How many KMS keys an account has in a Region, known without counting them for every new one.
//!
//! Counted once, when a limit is first asked about, and kept in step by every commit. A new key reserves its place
//! before its commit begins, so that calls at the same time cannot exceed the limit together.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use reseal_types::{AccountId, Region};

use crate::{
    env::Env,
    error::{Error, Limit},
    record::{Marker, place},
    store::RecordKey,
    vault::{Changes, VaultError},
};

/// Counts by the place under which the keys of an account and Region are listed.
#[derive(Default)]
pub(crate) struct KeyCounts {
    counts: Mutex<HashMap<String, Count>>,
    /// Held while keys are counted.
    counting: async_lock::Mutex<()>,
}

#[derive(Default)]
struct Count {
    /// As committed; `None` until counted.
    present: Option<usize>,
    /// Places reserved by calls under way.
    reserved: usize,
    /// Changes so far: a count during which this grew is not right.
    changes: u64,
}

/// A place for a new key, given back when dropped.
pub(crate) struct Reservation {
    of: Arc<KeyCounts>,
    prefix: String,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(count) = self.of.lock().get_mut(&self.prefix) {
            count.reserved = count.reserved.saturating_sub(1);
        }
    }
}

impl KeyCounts {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of<T>(&self, prefix: &str, look: impl FnOnce(&mut Count) -> T) -> T {
        look(self.lock().entry(prefix.to_owned()).or_default())
    }

    fn reserve(self: &Arc<Self>, prefix: String, most: usize) -> Option<Reservation> {
        let free = self.of(&prefix, |count| {
            let free = count.present.unwrap_or(usize::MAX).saturating_add(count.reserved) < most;
            count.reserved += usize::from(free);
            free
        });
        free.then(|| Reservation { of: Arc::clone(self), prefix })
    }

    /// Notes that an entry was added to or taken off the list it belongs to.
    pub(crate) fn note(&self, listed: &RecordKey, added: bool) {
        let Some(prefix) = prefix_of(listed) else { return };
        self.of(prefix, |count| {
            count.changes += 1;
            let moved = |present: usize| if added { present + 1 } else { present.saturating_sub(1) };
            count.present = count.present.map(moved);
        });
    }

    /// Forgets a count: nobody knows whether the entry was written.
    pub(crate) fn doubt(&self, listed: &RecordKey) {
        let Some(prefix) = prefix_of(listed) else { return };
        self.of(prefix, |count| {
            count.changes += 1;
            count.present = None;
        });
    }
}

fn prefix_of(listed: &RecordKey) -> Option<&str> {
    let text = std::str::from_utf8(listed.as_bytes()).ok()?;
    let text = text.get(..=text.rfind('/')?)?;
    text.starts_with(place::ACCOUNT_KEYS).then_some(text)
}

/// How often a count that was overtaken by changes is made again.
const COUNTS: usize = 10;

impl Env {
    /// Makes sure that the account may have one more key in the Region; the place is kept until `changes` are
    /// through.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] when it may not.
    pub(crate) async fn reserve_key(
        &self,
        account: AccountId,
        region: &Region,
        changes: &mut Changes,
    ) -> Result<(), Error> {
        let Some(most) = self.settings.keys_per_region else { return Ok(()) };
        let prefix = place::account_key_prefix(account, region);
        self.count_keys(&prefix).await?;
        let reservation = self.key_counts.reserve(prefix, most);
        changes.hold(reservation.ok_or(Error::LimitExceeded(Limit::Keys(most)))?);
        Ok(())
    }

    async fn count_keys(&self, prefix: &str) -> Result<(), VaultError> {
        const PAGE: u16 = 500;
        let counted = || self.key_counts.of(prefix, |count| count.present.is_some());
        if counted() {
            return Ok(());
        }
        let _one_at_a_time = self.key_counts.counting.lock().await;
        for _ in 0..COUNTS {
            if counted() {
                return Ok(());
            }
            let before = self.key_counts.of(prefix, |count| count.changes);
            let (mut found, mut after) = (0, None);
            loop {
                let (page, more) = self.vault.scan::<Marker>(prefix, after.as_ref(), PAGE).await?;
                found += page.len();
                after = page.into_iter().next_back().map(|(place, _)| place);
                if !more || after.is_none() {
                    break;
                }
            }
            self.key_counts.of(prefix, |count| {
                if count.changes == before {
                    count.present = Some(found);
                }
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_place_is_taken_until_it_is_given_back() {
        let counts = Arc::new(KeyCounts::default());
        let prefix = || "account-key/111122223333/us-east-1/".to_owned();
        let listed = RecordKey::new(b"account-key/111122223333/us-east-1/id").unwrap();
        let elsewhere = RecordKey::new(b"key/us-east-1/id").unwrap();
        assert!(counts.reserve(prefix(), 2).is_none(), "not counted yet");
        counts.of(&prefix(), |count| count.present = Some(1));
        let first = counts.reserve(prefix(), 2).unwrap();
        assert!(counts.reserve(prefix(), 2).is_none());
        drop(first);
        let second = counts.reserve(prefix(), 2).unwrap();
        counts.note(&elsewhere, true);
        counts.note(&listed, true);
        drop(second);
        assert!(counts.reserve(prefix(), 2).is_none(), "committed");
        counts.note(&listed, false);
        assert!(counts.reserve(prefix(), 2).is_some(), "deleted");
        counts.doubt(&listed);
        assert!(counts.of(&prefix(), |count| count.present.is_none()));
    }
}
