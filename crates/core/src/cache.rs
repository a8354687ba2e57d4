//! A bounded read-through cache that never keeps what a finished change has made old.

use std::{
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use quick_cache::{Equivalent, sync::Cache};

/// Values read from the store, kept until they change.
///
/// Invariant: once `forget` has returned, no later `get_or_load` for that key gives a value loaded before it.
/// A load that was under way while anything was forgotten may hold the old value, so it is not kept: `epoch`
/// tells, and both sides hold its lock while they touch the cache.
pub(crate) struct ReadThrough<K, V> {
    cache: Cache<K, V>,
    epoch: Mutex<u64>,
}

impl<K: Hash + Eq + Clone, V: Clone> ReadThrough<K, V> {
    /// A cache of at most about `capacity` values.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { cache: Cache::new(capacity), epoch: Mutex::new(0) }
    }

    /// The value for `key`, if it is kept.
    pub(crate) fn kept<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V> {
        self.cache.get(key)
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
            None => Box::pin(self.load(key, load())).await,
        }
    }

    async fn load<E>(
        &self,
        key: &K,
        load: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<Option<V>, E> {
        let before = *self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(value) = load.await? else { return Ok(None) };
        let epoch = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        if *epoch == before {
            self.cache.insert(key.clone(), value.clone());
        }
        Ok(Some(value))
    }

    /// Drops the value for `key`, and keeps loads now under way from bringing it back.
    pub(crate) fn forget(&self, key: &K) {
        let mut epoch = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        *epoch += 1;
        self.cache.remove(key);
    }

    /// Drops all values that `is_old` names; looks at every value kept, so for rare changes only.
    pub(crate) fn forget_where(&self, is_old: impl Fn(&K, &V) -> bool) {
        let mut epoch = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        *epoch += 1;
        self.cache.retain(|key, value| !is_old(key, value));
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test]
    async fn keeps_until_forgotten() {
        let cache = ReadThrough::new(10);
        let load = |value| async move { Ok::<_, Infallible>(Some(value)) };
        assert_eq!(cache.get_or_load(&1, || load("old")).await, Ok(Some("old")));
        assert_eq!(cache.get_or_load(&1, || load("new")).await, Ok(Some("old")));
        cache.forget(&1);
        assert_eq!(cache.get_or_load(&1, || load("new")).await, Ok(Some("new")));
    }

    #[tokio::test]
    async fn forgets_many_at_once_and_keeps_the_others() {
        let cache = ReadThrough::new(10);
        let load = |value| async move { Ok::<_, Infallible>(Some(value)) };
        for key in 1..=4 {
            assert_eq!(cache.get_or_load(&key, || load("old")).await, Ok(Some("old")));
        }
        cache.forget_where(|key, _| key % 2 == 0);
        assert_eq!(cache.get_or_load(&1, || load("new")).await, Ok(Some("old")));
        assert_eq!(cache.get_or_load(&2, || load("new")).await, Ok(Some("new")));
        let overtaken = async {
            cache.forget_where(|key, _| *key == 4);
            Ok::<_, Infallible>(Some("old"))
        };
        assert_eq!(cache.get_or_load(&5, || overtaken).await, Ok(Some("old")));
        assert_eq!(cache.get_or_load(&5, || load("new")).await, Ok(Some("new")));
    }

    #[tokio::test]
    async fn a_load_overtaken_by_a_change_is_not_kept() {
        let cache = ReadThrough::new(10);
        let overtaken = async {
            cache.forget(&1);
            Ok::<_, Infallible>(Some("old"))
        };
        assert_eq!(cache.get_or_load(&1, || overtaken).await, Ok(Some("old")));
        let load = async { Ok::<_, Infallible>(Some("new")) };
        assert_eq!(cache.get_or_load(&1, || load).await, Ok(Some("new")));
    }

    #[tokio::test]
    async fn absence_is_not_kept() {
        let cache = ReadThrough::<i32, i32>::new(10);
        assert_eq!(cache.get_or_load(&1, || async { Ok::<_, Infallible>(None) }).await, Ok(None));
        assert_eq!(cache.get_or_load(&1, || async { Ok::<_, Infallible>(Some(2)) }).await, Ok(Some(2)));
    }
}
