//! A bounded cache of signing keys.
//!
//! It is made of small sets, each with its own lock, like the cache of a processor: memory is bounded whatever the
//! callers do, and a set gives up the key that was not used for longest, roughly. It knows no time: old days' keys
//! go when their place is needed, and nobody can use them, since a claim of another day fails its check.
//!
//! Invariant: after [`SigningKeyCache::invalidate`] has returned, no key of that access key can be found which was
//! derived from a secret read before the call. A fill notes the generation before its secret is read and is
//! dropped if it has moved; `invalidate` moves it first and then goes through the sets, taking each set's lock. A
//! fill that holds a set's lock before `invalidate` gets there is removed; one that gets it later sees the move.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::error::Error;
use crate::key::SigningKey;
use crate::verify::Checked;

/// Keys in one set.
const WAYS: usize = 8;

/// Signing keys by access key id, date, Region and service.
pub struct SigningKeyCache {
    hasher: RandomState,
    generation: AtomicU64,
    sets: Box<[RwLock<Set>]>,
}

/// What [`SigningKeyCache::lookup`] found.
pub enum Lookup<'c> {
    /// The key.
    Hit(Arc<SigningKey>),
    /// No key yet: read the secret access key now and hand it to [`Fill::complete`].
    Miss(Fill<'c>),
}

/// The right to add one key. The secret must be read after this was obtained, never before.
pub struct Fill<'c> {
    cache: &'c SigningKeyCache,
    generation: u64,
    checked: Checked<'c>,
    hash: u64,
}

#[derive(Default)]
struct Set {
    entries: Vec<Entry>,
    hand: usize,
}

struct Entry {
    credential: Box<str>,
    key: Arc<SigningKey>,
    used: AtomicBool,
}

impl SigningKeyCache {
    /// Room for at least `capacity` keys (about 1 KiB each), rounded up; no memory is taken before it is needed.
    pub fn new(capacity: usize) -> Self {
        let sets = capacity.div_ceil(WAYS).clamp(1, 1 << 16).next_power_of_two();
        Self {
            hasher: RandomState::new(),
            generation: AtomicU64::new(0),
            sets: (0..sets).map(|_| RwLock::default()).collect(),
        }
    }

    /// Finds the key for a claim. Only checked claims are looked up, so that scopes nobody serves take no place.
    pub fn lookup<'c>(&'c self, checked: &Checked<'c>) -> Lookup<'c> {
        let credential = checked.claim().credential().as_str();
        let hash = self.hasher.hash_one(credential);
        // Before the entry is looked for, so also before the secret is read.
        let generation = self.generation.load(Ordering::SeqCst);
        match self.set(hash).and_then(|set| read(set).find(credential)) {
            Some(key) => Lookup::Hit(key),
            None => Lookup::Miss(Fill { cache: self, generation, checked: *checked, hash }),
        }
    }

    /// Forgets every key of an access key. To be called after the change of the secret (or the deletion of the
    /// access key) has been stored.
    pub fn invalidate(&self, access_key_id: &str) {
        self.forget(|credential| {
            credential.strip_prefix(access_key_id).is_some_and(|scope| scope.starts_with('/'))
        });
    }

    /// Forgets every key.
    pub fn clear(&self) {
        self.forget(|_| true);
    }

    fn forget(&self, mut concerned: impl FnMut(&str) -> bool) {
        self.generation.fetch_add(1, Ordering::SeqCst); // first, see the invariant above
        for set in &self.sets {
            write(set).entries.retain(|entry| !concerned(&entry.credential));
        }
    }

    fn set(&self, hash: u64) -> Option<&RwLock<Set>> {
        let mask = u64::try_from(self.sets.len()).ok()?.checked_sub(1)?; // their number is a power of two
        self.sets.get(usize::try_from(hash & mask).ok()?)
    }
}

impl Fill<'_> {
    /// Derives the key, and keeps it unless keys were invalidated since the lookup.
    pub fn complete(self, secret_access_key: &[u8]) -> Result<Arc<SigningKey>, Error> {
        let credential = self.checked.claim().credential();
        let (date, region, service) = (credential.date(), credential.region(), credential.service());
        let key = Arc::new(SigningKey::derive(secret_access_key, date, region, service)?);
        if let Some(set) = self.cache.set(self.hash) {
            let mut set = write(set);
            if self.cache.generation.load(Ordering::SeqCst) == self.generation {
                set.insert(credential.as_str(), Arc::clone(&key));
            }
        }
        Ok(key)
    }
}

impl Set {
    fn find(&self, credential: &str) -> Option<Arc<SigningKey>> {
        let entry = self.entries.iter().find(|entry| *entry.credential == *credential)?;
        // A store by every reader would move the line between processors for nothing.
        if !entry.used.load(Ordering::Relaxed) {
            entry.used.store(true, Ordering::Relaxed);
        }
        Some(Arc::clone(&entry.key))
    }

    fn insert(&mut self, credential: &str, key: Arc<SigningKey>) {
        let entry = Entry { credential: credential.into(), key, used: AtomicBool::new(false) };
        // Two fills of the same key may have raced; both read their secret in this generation.
        if let Some(same) = self.entries.iter_mut().find(|entry| *entry.credential == *credential) {
            *same = entry;
        } else if self.entries.len() < WAYS {
            self.entries.push(entry);
        } else {
            let victim = self.victim();
            if let Some(slot) = self.entries.get_mut(victim) {
                *slot = entry;
            }
        }
    }

    /// Second chance: the hand goes round and takes the first key not used since it last passed.
    fn victim(&mut self) -> usize {
        for _ in 0..WAYS {
            let at = self.hand;
            self.hand = (at + 1) % WAYS;
            if !self.entries.get(at).is_some_and(|entry| entry.used.swap(false, Ordering::Relaxed)) {
                return at;
            }
        }
        self.hand
    }
}

// A panic while a lock is held cannot leave a set half changed in a way that matters: it is only a cache.

fn read(set: &RwLock<Set>) -> RwLockReadGuard<'_, Set> {
    set.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(set: &RwLock<Set>) -> RwLockWriteGuard<'_, Set> {
    set.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
