//! Audit records on their way: committed with a change, delivered to the log, then removed from the store.
//!
//! A record is appended to the log right after its commit, before the caller is answered. What stays behind
//! is a row that says it was posted; rows are removed in batches. A crash between commit and append leaves a
//! row whose record the log does not hold: the next start delivers it, once.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use reseal_types::Timestamp;

use crate::{
    env::Env,
    error::Error,
    record::{OutboxRecord, place},
    store::RecordKey,
    trail::{Line, keep},
    vault::{Changes, VaultError},
};

/// Clocks may have stepped between two runs: look back this much further than the oldest row.
const LOOK_BACK_MILLIS: i64 = 10 * 60 * 1_000;
const PAGE: u16 = 500;

/// Adds the record to the changes it tells of.
pub(crate) fn post(
    changes: &mut Changes,
    at: Timestamp,
    event_id: &str,
    record: &[u8],
) -> Result<(), VaultError> {
    changes.put(place::outbox(at, event_id)?, &OutboxRecord(record.to_vec()));
    Ok(())
}

impl Env {
    /// Delivers to the log what the last run posted and the log does not hold. To be called at start, before
    /// the first call is served. Returns how many records were delivered.
    ///
    /// # Errors
    /// When the store or the log fails.
    pub async fn deliver_outbox(&self) -> Result<usize, Error> {
        let mut delivered = 0;
        loop {
            let (page, _) = self.vault.scan::<OutboxRecord>(place::OUTBOX, None, PAGE).await?;
            let Some((oldest, _)) = page.first() else { return Ok(delivered) };
            let since = posted_at(oldest.as_bytes()).unwrap_or(0) - LOOK_BACK_MILLIS;
            let ids = page.iter().filter_map(|(place, _)| OutboxRecord::event_id(place.as_bytes()));
            let held = self.audit.holds(&ids.map(str::to_owned).collect::<Vec<_>>(), since)?;
            let held: HashSet<&str> = held.iter().map(String::as_str).collect();
            let mut changes = Changes::default();
            for (place, record) in page {
                let known = OutboxRecord::event_id(place.as_bytes()).is_some_and(|id| held.contains(id));
                if let (false, Ok(record)) = (known, record) {
                    keep(self.audit.as_ref(), (&*record.record.0).into()).await?;
                    delivered += 1;
                }
                changes.delete(place);
            }
            self.audit.flush()?;
            self.commit(changes).await?;
        }
    }

    /// Removes the rows of records that the log holds. To be called every few seconds.
    ///
    /// # Errors
    /// When the store fails; the rows stay for the next time.
    pub async fn sweep_outbox(&self) -> Result<usize, Error> {
        for (at, line) in self.outbox.take_undelivered() {
            match keep(self.audit.as_ref(), (&*line.json).into()).await {
                Ok(()) => self.outbox.delivered(at, line.event_id.as_str()),
                Err(_) => self.outbox.try_again(at, line),
            }
        }
        let delivered = self.outbox.take();
        // Until now the store's copy is the durable one. Also with nothing to sweep: calls that change nothing
        // leave records too, and segments that were closed wait for this.
        if let Err(error) = self.audit.flush() {
            self.outbox.put_back(delivered);
            return Err(error.into());
        }
        let mut changes = Changes::default();
        for place in &delivered {
            changes.delete(place.clone());
        }
        if changes.is_empty() {
            return Ok(0);
        }
        if let Err(error) = self.commit(changes).await {
            self.outbox.put_back(delivered);
            return Err(error.into());
        }
        Ok(delivered.len())
    }
}

/// Rows whose records are in the log, to be removed from the store in batches.
#[derive(Default)]
pub(crate) struct Outbox {
    delivered: Mutex<Vec<RecordKey>>,
    /// Committed, but the log could not take them at the time.
    undelivered: Mutex<Vec<(Timestamp, Line)>>,
}

impl Outbox {
    /// Notes that the log holds the record.
    pub(crate) fn delivered(&self, at: Timestamp, event_id: &str) {
        if let Ok(place) = place::outbox(at, event_id) {
            self.lock().push(place);
        }
    }

    /// Notes that the log could not take the record.
    pub(crate) fn try_again(&self, at: Timestamp, line: Line) {
        self.undelivered.lock().unwrap_or_else(PoisonError::into_inner).push((at, line));
    }

    fn take_undelivered(&self) -> Vec<(Timestamp, Line)> {
        std::mem::take(&mut *self.undelivered.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self) -> Vec<RecordKey> {
        std::mem::take(&mut *self.lock())
    }

    fn put_back(&self, places: Vec<RecordKey>) {
        self.lock().extend(places);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RecordKey>> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn posted_at(place: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(place).ok()?.strip_prefix(place::OUTBOX)?;
    i64::from_str_radix(text.split('/').next()?, 16).ok()
}
