//! The keys of issuers in use: fetched when a token needs them, kept for a while, fetched again for a key id that is
//! new. Only issuers of the configuration have keys, so no caller can make this service fetch what it likes.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use reseal_types::Timestamp;
use tracing::warn;

use super::jwks::KeySet;

/// Keys are looked up again when they are older than this.
const FRESH_MILLIS: i64 = 5 * 60 * 1_000;
/// A token with an unknown key id makes them be looked up again, but not more often than this.
const PAUSE_MILLIS: i64 = 10 * 1_000;
/// When they cannot be fetched, older ones are still good for this long.
const STALE_MILLIS: i64 = 60 * 60 * 1_000;

/// Why there are no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKeys {
    /// The configuration does not know the issuer.
    UnknownIssuer,
    /// They could not be read or fetched.
    Unavailable,
}

/// A JSON web key set, or why there is none, for the log.
pub type Fetched<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>>;

/// Where the keys of issuers come from.
pub trait KeySource: Send + Sync {
    /// Whether the configuration has an issuer, named by its whole URL.
    fn knows(&self, issuer: &str) -> bool;

    /// The JSON web key set of an issuer that it knows.
    fn fetch<'a>(&'a self, issuer: &'a str) -> Fetched<'a>;
}

/// Issuers whose tokens can be verified.
pub struct Issuers {
    source: Arc<dyn KeySource>,
    /// Only known issuers are in it.
    kept: Mutex<HashMap<String, Arc<Kept>>>,
}

/// What is known of an issuer's keys.
#[derive(Default)]
struct Kept {
    /// With the moment at which they were fetched.
    keys: Mutex<Option<(Arc<KeySet>, Timestamp)>>,
    /// When they were last asked for. Held while keys are fetched, so that one fetch serves all who wait for it; who
    /// finds its key among fresh ones does not wait.
    tried: async_lock::Mutex<Option<Timestamp>>,
}

impl Kept {
    fn younger_than(&self, millis: i64, now: Timestamp) -> Option<Arc<KeySet>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let young = keys.as_ref().filter(|(_, fetched)| now.millis() - fetched.millis() < millis);
        young.map(|(keys, _)| Arc::clone(keys))
    }

    fn fresh(&self, now: Timestamp, knows: impl Fn(&KeySet) -> bool) -> Option<Arc<KeySet>> {
        self.younger_than(FRESH_MILLIS, now).filter(|keys| knows(keys))
    }
}

impl Issuers {
    /// Issuers whose keys come from `source`.
    pub fn new(source: Arc<dyn KeySource>) -> Self {
        Self { source, kept: Mutex::default() }
    }

    /// The keys of an issuer, such as `knows` finds the one it needs among, if there is any way to it.
    pub(crate) async fn keys(
        &self,
        issuer: &str,
        now: Timestamp,
        knows: impl Fn(&KeySet) -> bool,
    ) -> Result<Arc<KeySet>, NoKeys> {
        if !self.source.knows(issuer) {
            return Err(NoKeys::UnknownIssuer);
        }
        let kept = {
            let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(issuer.to_owned()).or_default())
        };
        if let Some(keys) = kept.fresh(now, &knows) {
            return Ok(keys);
        }
        let mut tried = kept.tried.lock().await;
        // Whoever held it may have fetched them.
        if let Some(keys) = kept.fresh(now, &knows) {
            return Ok(keys);
        }
        let since = |moment: Timestamp| now.millis() - moment.millis();
        if tried.is_some_and(|tried| (0..PAUSE_MILLIS).contains(&since(tried))) {
            return kept.younger_than(STALE_MILLIS, now).ok_or(NoKeys::Unavailable);
        }
        *tried = Some(now);
        let fetched = self.source.fetch(issuer).await;
        let read = fetched.and_then(|json| {
            KeySet::parse(&json).ok_or_else(|| "what was fetched is no JSON web key set".to_owned())
        });
        match read {
            Ok(keys) => {
                let keys = Arc::new(keys);
                *kept.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&keys), now));
                Ok(keys)
            }
            Err(reason) => {
                warn!(issuer, reason, "the keys of an issuer cannot be looked up");
                kept.younger_than(STALE_MILLIS, now).ok_or(NoKeys::Unavailable)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        pin::pin,
        sync::atomic::{AtomicUsize, Ordering},
        task::Poll,
    };

    use super::*;

    struct Source(Mutex<Result<Vec<u8>, String>>, AtomicUsize);

    impl KeySource for Source {
        fn knows(&self, issuer: &str) -> bool {
            issuer != "unknown"
        }

        fn fetch<'a>(&'a self, _: &'a str) -> Fetched<'a> {
            self.1.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { self.0.lock().unwrap().clone() })
        }
    }

    #[tokio::test]
    async fn keys_are_kept_looked_up_again_and_used_a_while_longer() {
        let source = Arc::new(Source(Mutex::new(Ok(br#"{"keys":[]}"#.to_vec())), AtomicUsize::new(0)));
        let issuers = Issuers::new(source.clone());
        let at = |millis| Timestamp::from_millis(millis);
        let fetches = || source.1.load(Ordering::SeqCst);
        let known = |_: &KeySet| true;
        assert!(issuers.keys("i", at(0), known).await.is_ok());
        assert!(issuers.keys("i", at(FRESH_MILLIS - 1), known).await.is_ok());
        assert_eq!(fetches(), 1);
        assert!(issuers.keys("i", at(FRESH_MILLIS), known).await.is_ok());
        assert_eq!(fetches(), 2);
        // An unknown key id asks again, after a pause.
        let unknown = |_: &KeySet| false;
        let now = FRESH_MILLIS + PAUSE_MILLIS;
        assert!(issuers.keys("i", at(now - 1), unknown).await.is_ok());
        assert_eq!(fetches(), 2);
        assert!(issuers.keys("i", at(now), unknown).await.is_ok());
        assert_eq!(fetches(), 3);
        *source.0.lock().unwrap() = Err(String::new());
        assert!(issuers.keys("i", at(now + FRESH_MILLIS), known).await.is_ok());
        assert!(issuers.keys("i", at(now + FRESH_MILLIS + 1), known).await.is_ok());
        assert_eq!(fetches(), 4, "a source that fails has a pause");
        assert!(issuers.keys("i", at(now + STALE_MILLIS), known).await.is_err());
        assert!(issuers.keys("i", at(now + STALE_MILLIS + 1), known).await.is_err(), "also in the pause");
        assert_eq!(fetches(), 5);
    }

    /// Has keys once; whoever asks again waits for ever.
    #[derive(Default)]
    struct HangingSource(AtomicUsize);

    impl KeySource for HangingSource {
        fn knows(&self, _: &str) -> bool {
            true
        }

        fn fetch<'a>(&'a self, _: &'a str) -> Fetched<'a> {
            match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => Box::pin(async { Ok(br#"{"keys":[]}"#.to_vec()) }),
                _ => Box::pin(std::future::pending()),
            }
        }
    }

    #[tokio::test]
    async fn who_finds_its_key_does_not_wait_for_who_does_not() {
        let issuers = Issuers::new(Arc::new(HangingSource::default()));
        let now = Timestamp::from_millis(PAUSE_MILLIS);
        assert!(issuers.keys("i", Timestamp::from_millis(0), |_| true).await.is_ok());
        let mut waiting = pin!(issuers.keys("i", now, |_| false));
        assert!(poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await);
        let mut ready = pin!(issuers.keys("i", now, |_| true));
        assert!(poll_fn(|context| Poll::Ready(ready.as_mut().poll(context).is_ready())).await);
    }

    #[tokio::test]
    async fn what_fails_is_not_asked_for_by_every_token() {
        let source = Arc::new(Source(Mutex::new(Err(String::new())), AtomicUsize::new(0)));
        let issuers = Issuers::new(source.clone());
        let at = |millis| Timestamp::from_millis(millis);
        for millis in [0, 1, PAUSE_MILLIS - 1] {
            assert_eq!(issuers.keys("i", at(millis), |_| true).await.err(), Some(NoKeys::Unavailable));
        }
        assert_eq!(source.1.load(Ordering::SeqCst), 1);
        assert_eq!(issuers.keys("unknown", at(0), |_| true).await.err(), Some(NoKeys::UnknownIssuer));
        assert_eq!(source.1.load(Ordering::SeqCst), 1);
        *source.0.lock().unwrap() = Ok(br#"{"keys":[]}"#.to_vec());
        assert!(issuers.keys("i", at(PAUSE_MILLIS), |_| true).await.is_ok());
    }
}
