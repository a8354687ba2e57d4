//! Which call used each KMS key last. Kept in memory, written to the store from time to time and at the end: a process
//! that is killed forgets the uses of the last minute or so.
//!
//! A call pays a handful of stores to memory for it: no lock, no allocation, nothing to wait for.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering, fence},
    },
};

use reseal_types::{KeyId, Region, Timestamp};

use crate::{
    call::RequestId,
    env::Env,
    error::Error,
    keyring::Key,
    record::{LastUseRecord, MomentRecord, place},
    vault::{Changes, VaultError},
};

/// `KeyLastUsageTrackingOperation`: the operations that count as a use.
pub(crate) const OPERATIONS: [&str; 14] = [
    "Decrypt",
    "DeriveSharedSecret",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "ReEncrypt",
    "Sign",
    "Verify",
    "VerifyMac",
    "Encapsulate",
    "Decapsulate",
];

/// An operation that counts as a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tracked(u8);

impl Tracked {
    /// The operation with that name, if it counts.
    pub(crate) const fn of(name: &str) -> Option<Self> {
        let mut rest: &[&str] = &OPERATIONS;
        let mut code = 0;
        while let [first, after @ ..] = rest {
            if same(first.as_bytes(), name.as_bytes()) {
                return Some(Self(code));
            }
            (rest, code) = (after, code + 1);
        }
        None
    }

    fn name(self) -> &'static str {
        OPERATIONS.get(usize::from(self.0)).copied().unwrap_or_default()
    }
}

const fn same(mut left: &[u8], mut right: &[u8]) -> bool {
    while let ([one, left_rest @ ..], [other, right_rest @ ..]) = (left, right) {
        if *one != *other {
            return false;
        }
        (left, right) = (left_rest, right_rest);
    }
    left.is_empty() && right.is_empty()
}

/// An id in as many words as it takes.
const ID_WORDS: usize = RequestId::LENGTH.div_ceil(8);
/// When, what, and two ids.
const WORDS: usize = 2 + 2 * ID_WORDS;

/// The last use of one key in this run. One writes at a time, and readers look again when one did.
pub(crate) struct LastUse {
    /// Odd while it is being written, and another number after each time.
    turn: AtomicU64,
    words: [AtomicU64; WORDS],
    /// The turn that the store has.
    written: AtomicU64,
}

impl Default for LastUse {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self { turn: zero(), words: std::array::from_fn(|_| zero()), written: zero() }
    }
}

impl LastUse {
    /// Notes a use. When two come at the same moment, one of them is as good as the other, and nothing is written for the
    /// second of the same kind: threads that use the same key often do not take its words from each other each time.
    pub(crate) fn note(
        &self,
        operation: Tracked,
        at: Timestamp,
        event_id: &RequestId,
        request_id: &RequestId,
    ) {
        let turn = self.turn.load(Ordering::Relaxed);
        let head = [at.millis().cast_unsigned(), u64::from(operation.0)];
        if turn != 0 && self.words.iter().zip(head).all(|(word, value)| word.load(Ordering::Relaxed) == value)
        {
            return;
        }
        let taken = turn.is_multiple_of(2)
            && self.turn.compare_exchange(turn, turn + 1, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if !taken {
            return;
        }
        // What follows is not seen before the turn is odd.
        fence(Ordering::Release);
        let words = head.into_iter().chain(to_words(event_id)).chain(to_words(request_id));
        self.words.iter().zip(words).for_each(|(word, value)| word.store(value, Ordering::Relaxed));
        self.turn.store(turn + 2, Ordering::Release);
    }

    /// The last use, with the turn it was written in.
    fn read(&self) -> Option<(u64, LastUseRecord)> {
        loop {
            let turn = self.turn.load(Ordering::Acquire);
            if turn == 0 {
                return None;
            }
            let words: [u64; WORDS] =
                std::array::from_fn(|at| self.words.get(at).map_or(0, |word| word.load(Ordering::Relaxed)));
            fence(Ordering::Acquire);
            if turn.is_multiple_of(2) && self.turn.load(Ordering::Relaxed) == turn {
                return Some((turn, from_words(&words)));
            }
            std::thread::yield_now();
        }
    }

    fn is_written(&self) -> bool {
        self.written.load(Ordering::Relaxed) == self.turn.load(Ordering::Relaxed)
    }
}

fn to_words(id: &RequestId) -> [u64; ID_WORDS] {
    let mut words = [0; ID_WORDS];
    for (word, bytes) in words.iter_mut().zip(id.as_bytes().chunks(8)) {
        let mut whole = [0; 8];
        whole.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        *word = u64::from_ne_bytes(whole);
    }
    words
}

fn from_words(words: &[u64; WORDS]) -> LastUseRecord {
    let text = |words: &[u64]| {
        let bytes: Vec<u8> =
            words.iter().flat_map(|word| word.to_ne_bytes()).take(RequestId::LENGTH).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let [millis, operation, ids @ ..] = words;
    let (event_id, request_id) = ids.split_at(ID_WORDS);
    LastUseRecord {
        operation: Tracked(u8::try_from(*operation).unwrap_or(u8::MAX)).name().to_owned(),
        at: Timestamp::from_millis(millis.cast_signed()),
        event_id: text(event_id),
        request_id: text(request_id),
    }
}

/// The last uses in memory: of the keys in use, and of those whose last use the store does not have yet.
#[derive(Default)]
pub(crate) struct LastUses(Mutex<HashMap<(Region, KeyId), Arc<LastUse>>>);

impl LastUses {
    /// That of one key, for as long as somebody holds it or it is to be written.
    pub(crate) fn of(&self, region: &Region, id: KeyId) -> Arc<LastUse> {
        Arc::clone(self.lock().entry((region.clone(), id)).or_default())
    }

    fn unwritten(&self) -> Vec<((Region, KeyId), Arc<LastUse>)> {
        let table = self.lock();
        let unwritten = table.iter().filter(|(_, last)| !last.is_written());
        unwritten.map(|(name, last)| (name.clone(), Arc::clone(last))).collect()
    }

    /// Drops what nobody holds and the store has.
    fn prune(&self) {
        self.lock().retain(|_, last| Arc::strong_count(last) > 1 || !last.is_written());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Region, KeyId), Arc<LastUse>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many are written with one commit.
const BATCH: usize = 200;

impl Env {
    /// Writes the last uses that the store does not have yet; returns how many.
    ///
    /// A record that was changed outside the service is told of and stays as it is, for an operator to see: written
    /// over, it would be as if nothing had happened.
    ///
    /// # Errors
    /// When the store fails; the rest is written the next time.
    pub async fn write_last_uses(&self) -> Result<usize, Error> {
        let unwritten = self.keyring.last_uses.unwritten();
        let mut count = 0;
        for batch in unwritten.chunks(BATCH) {
            let (mut changes, mut turns) = (Changes::default(), Vec::with_capacity(batch.len()));
            for ((region, id), last) in batch {
                let Some((turn, record)) = last.read() else { continue };
                let place = place::last_use(region, *id)?;
                match self.vault.read::<LastUseRecord>(&place).await {
                    Ok(_) => {
                        changes.put(place, &record);
                        count += 1;
                    }
                    Err(VaultError::Tampered(_)) => {}
                    Err(error) => return Err(error.into()),
                }
                // With the next use of the key a damaged record is told of again.
                turns.push((last, turn));
            }
            self.commit(changes).await?;
            for (last, turn) in turns {
                last.written.store(turn, Ordering::Relaxed);
            }
        }
        drop(unwritten);
        self.keyring.last_uses.prune();
        Ok(count)
    }

    /// Remembers when tracking began, if it has not begun before. To be called at start.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_tracking(&self) -> Result<(), Error> {
        self.tracking_since().await.map(drop)
    }

    /// When this service began to track the uses of keys.
    async fn tracking_since(&self) -> Result<Timestamp, Error> {
        let place = place::tracking()?;
        if let Some(held) = self.vault.read::<MomentRecord>(&place).await? {
            return Ok(held.record.0);
        }
        let now = self.clock.now();
        let mut changes = Changes::default();
        changes.expect(place.clone(), None);
        changes.put(place, &MomentRecord(now));
        self.commit(changes).await?;
        Ok(now)
    }

    /// From when on uses of the key are known.
    pub(crate) async fn tracked_from(&self, key: &Key) -> Result<Timestamp, Error> {
        Ok(self.tracking_since().await?.max(key.record.created))
    }

    /// The last use of the key, as far as known.
    pub(crate) async fn last_use(&self, key: &Key) -> Result<Option<LastUseRecord>, Error> {
        if let Some((_, last)) = key.last_use.read() {
            return Ok(Some(last));
        }
        let place = place::last_use(&key.record.region, key.record.id)?;
        Ok(self.vault.read::<LastUseRecord>(&place).await?.map(|held| held.record))
    }

    /// Whole days for which the key was not used: `kms:TrailingDaysWithoutKeyUsage`. Only where a policy can ask for it.
    pub(crate) async fn trailing_days(&self, action: &str, key: &Key) -> Result<Option<i64>, Error> {
        if !matches!(action, "kms:DisableKey" | "kms:ScheduleKeyDeletion") {
            return Ok(None);
        }
        Box::pin(self.days_without_use(key)).await.map(Some)
    }

    async fn days_without_use(&self, key: &Key) -> Result<i64, Error> {
        let since = match self.last_use(key).await? {
            Some(last) => last.at,
            None => self.tracked_from(key).await?,
        };
        Ok((self.clock.now().seconds() - since.seconds()).max(0) / 86_400)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicBool, thread};

    use super::*;

    fn id(digit: char) -> RequestId {
        let text: String = std::iter::repeat_n(digit, RequestId::LENGTH).collect();
        RequestId::of_text(text.as_bytes().try_into().unwrap())
    }

    #[test]
    fn operations_that_count_are_those_that_use_key_material() {
        for entry in crate::ops::all() {
            let (name, uses) = (entry.spec.name, entry.spec.is_cryptographic());
            assert_eq!(Tracked::of(name).map(Tracked::name), uses.then_some(name), "{name}");
        }
        assert_eq!(Tracked::of("decrypt"), None);
        assert_eq!(Tracked::of(""), None);
    }

    #[test]
    fn what_was_noted_is_read() {
        let last = LastUse::default();
        assert!(last.read().is_none() && last.is_written());
        let at = Timestamp::from_millis(-5);
        last.note(Tracked::of("Sign").unwrap(), at, &id('a'), &id('b'));
        let (turn, read) = last.read().unwrap();
        assert_eq!((&*read.operation, read.at), ("Sign", at));
        assert_eq!((read.event_id, read.request_id), ("a".repeat(36), "b".repeat(36)));
        assert!(!last.is_written());
        last.written.store(turn, Ordering::Relaxed);
        assert!(last.is_written());
        last.note(Tracked::of("Sign").unwrap(), at, &id('c'), &id('d'));
        assert!(last.is_written(), "the same at the same moment is as good");
        last.note(Tracked::of("Verify").unwrap(), at, &id('c'), &id('d'));
        assert!(!last.is_written());
        let first = LastUse::default();
        first.note(Tracked::of("Decrypt").unwrap(), Timestamp::from_millis(0), &id('a'), &id('b'));
        assert!(first.read().is_some(), "words that were never written say nothing");
    }

    /// Each thread notes uses all parts of which say who it is: no reader ever sees parts of two.
    #[test]
    fn no_use_is_seen_half() {
        let (last, ended) = (LastUse::default(), AtomicBool::new(false));
        let names = [('a', "Decrypt"), ('b', "Encrypt"), ('c', "Sign")];
        thread::scope(|scope| {
            let writers = names.map(|(letter, name)| {
                let last = &last;
                scope.spawn(move || {
                    for _ in 0..20_000 {
                        let at = Timestamp::from_millis(i64::from(u32::from(letter)));
                        last.note(Tracked::of(name).unwrap(), at, &id(letter), &id(letter));
                    }
                })
            });
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    let Some((_, read)) = last.read() else { continue };
                    let (letter, name) = names[usize::try_from(read.at.millis()).unwrap() - 'a' as usize];
                    assert_eq!(read.operation, name);
                    let whole: String = std::iter::repeat_n(letter, 36).collect();
                    assert_eq!((&read.event_id, &read.request_id), (&whole, &whole));
                }
            });
            for writer in writers {
                writer.join().unwrap();
            }
            ended.store(true, Ordering::Relaxed);
        });
        assert!(last.read().is_some());
    }
}
