//! A bounded read-through cache that never keeps what a finished change has made old.

use std::{
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

use quick_cache::{Equivalent, sync::Cache, unsync};

use crate::per_thread::{Own, PerThread, usual_places};

/// Values that each thread has at hand, at most; what it uses besides these comes from the cache of all.
const AT_HAND: usize = 1_024;

/// Values read from the store, kept until they change. What a thread uses again and again it has at hand, and neither
/// waits for other threads nor makes them wait.
///
/// Invariant: once `forget` has returned, no later `kept` or `get_or_load` for that key gives a value loaded before it.
/// A load that was under way while anything was forgotten may hold the old value, so it is not kept: `epoch`
/// tells, and all who put a value anywhere or forget one hold its lock.
pub(crate) struct ReadThrough<K, V> {
    cache: Cache<K, V>,
    at_hand: PerThread<Mutex<unsync::Cache<K, V>>>,
    epoch: Mutex<u64>,
}

/// What a value can be looked up by.
pub(crate) trait NameOf<K>: Hash + Equivalent<K> {
    /// What it is kept under.
    fn to_key(&self) -> K;
}

impl<K: Hash + Eq + Clone> NameOf<K> for K {
    fn to_key(&self) -> K {
        self.clone()
    }
}

impl NameOf<Box<str>> for str {
    fn to_key(&self) -> Box<str> {
        self.into()
    }
}

impl<K: Hash + Eq + Clone, V: Own> ReadThrough<K, V> {
    /// A cache of at most about `capacity` values, besides at most as many that threads have at hand together: most of
    /// these are the same.
    pub(crate) fn new(capacity: usize) -> Self {
        Self::with_places(capacity, usual_places())
    }

    fn with_places(capacity: usize, places: usize) -> Self {
        let at_hand = || Mutex::new(unsync::Cache::new((capacity / places).clamp(1, AT_HAND)));
        let at_hand = PerThread::with_places(places, at_hand);
        Self { cache: Cache::new(capacity), at_hand, epoch: Mutex::new(0) }
    }

    /// The value for `key`, if it is kept.
    pub(crate) fn kept<Q: NameOf<K> + ?Sized>(&self, key: &Q) -> Option<V> {
        if let Some(value) = lock(self.at_hand.mine()).get(key) {
            return Some(value.clone());
        }
        let value = self.cache.get(key)?;
        // Whoever uses more values than it can have at hand does not wait for others to have them.
        let Ok(_epoch) = self.epoch.try_lock() else { return Some(value) };
        // It may have been forgotten since.
        let value = self.cache.get(key)?.own();
        lock(self.at_hand.mine()).insert(key.to_key(), value.clone());
        Some(value)
    }

    /// The value for `key`: kept, or loaded. Absence is not kept, so that a stranger cannot fill the cache.
    pub(crate) async fn get_or_load<E, F: Future<Output = Result<Option<V>, E>>>(
        &self,
        key: &K,
        load: impl FnOnce() -> F,
    ) -> Result<Option<V>, E> {
        match self.kept(key) {
            Some(value) => Ok(Some(value)),
            // A box of its own: what is rare must not make the futures of all calls large.
            None => Box::pin(self.load(key, load)).await,
        }
    }

    async fn load<E, F: Future<Output = Result<Option<V>, E>>>(
        &self,
        key: &K,
        load: impl FnOnce() -> F,
    ) -> Result<Option<V>, E> {
        let before = *lock(&self.epoch);
        let Some(value) = load().await? else { return Ok(None) };
        let epoch = lock(&self.epoch);
        if *epoch == before {
            self.cache.insert(key.clone(), value.clone());
        }
        Ok(Some(value))
    }

    /// Drops the value for `key`, and keeps loads now under way from bringing it back.
    pub(crate) fn forget(&self, key: &K) {
        let mut epoch = lock(&self.epoch);
        *epoch += 1;
        self.cache.remove(key);
        self.at_hand.iter().for_each(|at_hand| drop(lock(at_hand).remove(key)));
    }

    /// Drops all values that `is_old` names; looks at every value kept, so for rare changes only.
    pub(crate) fn forget_where(&self, is_old: impl Fn(&K, &V) -> bool) {
        let mut epoch = lock(&self.epoch);
        *epoch += 1;
        self.cache.retain(|key, value| !is_old(key, value));
        self.at_hand.iter().for_each(|at_hand| lock(at_hand).retain(|key, value| !is_old(key, value)));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        future::{Ready, ready},
        sync::{
            Arc, Barrier,
            atomic::{AtomicU64, Ordering},
        },
        thread,
    };

    use super::*;

    type Value = Arc<&'static str>;
    type Tested = ReadThrough<i32, Value>;

    fn found(text: &'static str) -> Ready<Result<Option<Value>, Infallible>> {
        ready(Ok(Some(Arc::new(text))))
    }

    /// The value for `key`, which the store has as `stored`.
    async fn get(cache: &Tested, key: i32, stored: &'static str) -> &'static str {
        *cache.get_or_load(&key, || found(stored)).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn keeps_until_forgotten() {
        let cache = ReadThrough::new(10);
        assert_eq!(get(&cache, 1, "old").await, "old");
        assert_eq!(get(&cache, 1, "new").await, "old");
        cache.forget(&1);
        assert_eq!(get(&cache, 1, "new").await, "new");
    }

    #[tokio::test]
    async fn forgets_many_at_once_and_keeps_the_others() {
        let cache = ReadThrough::new(10);
        for key in 1..=4 {
            assert_eq!(get(&cache, key, "old").await, "old");
            assert_eq!(get(&cache, key, "new").await, "old");
        }
        cache.forget_where(|key, _| key % 2 == 0);
        assert_eq!(get(&cache, 1, "new").await, "old");
        assert_eq!(get(&cache, 2, "new").await, "new");
        let overtaken = async {
            cache.forget_where(|key, _| *key == 4);
            found("old").await
        };
        assert_eq!(cache.get_or_load(&5, || overtaken).await.unwrap(), Some(Arc::new("old")));
        assert_eq!(get(&cache, 5, "new").await, "new");
    }

    #[tokio::test]
    async fn a_load_overtaken_by_a_change_is_not_kept() {
        let cache = ReadThrough::new(10);
        let overtaken = async {
            cache.forget(&1);
            found("old").await
        };
        assert_eq!(cache.get_or_load(&1, || overtaken).await.unwrap(), Some(Arc::new("old")));
        assert_eq!(get(&cache, 1, "new").await, "new");
    }

    #[tokio::test]
    async fn absence_is_not_kept() {
        let cache = Tested::new(10);
        assert_eq!(cache.get_or_load(&1, || async { Ok::<_, Infallible>(None) }).await, Ok(None));
        assert_eq!(cache.kept(&1), None);
        assert_eq!(get(&cache, 1, "new").await, "new");
    }

    #[tokio::test]
    async fn what_other_threads_have_at_hand_is_forgotten_too() {
        let ways: [fn(&Tested); 2] =
            [|cache| cache.forget(&1), |cache| cache.forget_where(|_, value| **value == "old")];
        for forget in ways {
            let cache = ReadThrough::with_places(10_000, 1_000);
            assert_eq!(get(&cache, 1, "old").await, "old");
            let (turn, asked, forgotten) = (Mutex::new(()), Barrier::new(4), Barrier::new(4));
            // Nothing is asserted before the last wait: a thread that panicked would leave the others there.
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        // One after the other: while one puts a value at hand, another goes without.
                        let kept = {
                            let _turn = lock(&turn);
                            cache.kept(&1)
                        };
                        asked.wait();
                        forgotten.wait();
                        assert_eq!((kept, cache.kept(&1)), (Some(Arc::new("old")), None));
                    });
                }
                asked.wait();
                let having = cache.at_hand.iter().filter(|at_hand| lock(at_hand).contains_key(&1)).count();
                forget(&cache);
                forgotten.wait();
                assert_eq!(having, 3);
            });
        }
    }

    /// Threads look up and load what one keeps changing. What a look-up gives is never older than the last change that
    /// had ended when it began.
    #[test]
    fn no_look_up_gives_what_was_old_before_it_began() {
        let cache = ReadThrough::<i32, Arc<u64>>::with_places(10, 3);
        let (stored, forgotten) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    while forgotten.load(Ordering::Acquire) < 20_000 {
                        let oldest = forgotten.load(Ordering::Acquire);
                        let load =
                            || ready(Ok::<_, Infallible>(Some(Arc::new(stored.load(Ordering::Acquire)))));
                        let loaded = runtime.block_on(cache.get_or_load(&1, load));
                        assert!(*loaded.unwrap().unwrap() >= oldest);
                        let oldest = forgotten.load(Ordering::Acquire);
                        assert!(cache.kept(&1).is_none_or(|kept| *kept >= oldest));
                    }
                });
            }
            for version in 1..=20_000 {
                stored.store(version, Ordering::Release);
                cache.forget(&1);
                forgotten.store(version, Ordering::Release);
                if version % 8 == 0 {
                    thread::yield_now();
                }
            }
        });
    }

    #[tokio::test]
    async fn what_a_thread_has_at_hand_outlives_eviction_and_no_change() {
        let cache = ReadThrough::new(4);
        assert_eq!(get(&cache, 1, "old").await, "old");
        assert_eq!(get(&cache, 1, "new").await, "old");
        cache.cache.clear();
        assert_eq!(get(&cache, 1, "new").await, "old");
        cache.forget(&1);
        assert_eq!(get(&cache, 1, "new").await, "new");
    }
}
