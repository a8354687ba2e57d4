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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoKeys {
    /// The configuration does not know the issuer.
    UnknownIssuer,
    /// They could not be read or fetched: why, for the log.
    Unavailable(String),
}

/// A JSON web key set, or why there is none.
pub type Fetched<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, NoKeys>> + Send + 'a>>;

/// Where the keys of issuers come from.
pub trait KeySource: Send + Sync {
    /// The JSON web key set of an issuer, named by its whole URL.
    fn fetch<'a>(&'a self, issuer: &'a str) -> Fetched<'a>;
}

/// Issuers whose tokens can be verified.
pub struct Issuers {
    source: Arc<dyn KeySource>,
    kept: Mutex<HashMap<String, Kept>>,
}

#[derive(Clone)]
struct Kept {
    fetched: Timestamp,
    tried: Timestamp,
    keys: Arc<KeySet>,
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
        let kept = self.lock().get(issuer).cloned();
        if let Some(kept) = &kept {
            let age = now.millis() - kept.fetched.millis();
            let since_try = now.millis() - kept.tried.millis();
            if (age < FRESH_MILLIS && knows(&kept.keys)) || (0..PAUSE_MILLIS).contains(&since_try) {
                return Ok(Arc::clone(&kept.keys));
            }
        }
        let fetched = self.source.fetch(issuer).await;
        let keys = fetched.and_then(|json| {
            let unreadable = || NoKeys::Unavailable("what was fetched is no JSON web key set".to_owned());
            KeySet::parse(&json).ok_or_else(unreadable)
        });
        match (keys, kept) {
            (Ok(keys), _) => {
                let keys = Arc::new(keys);
                let kept = Kept { fetched: now, tried: now, keys: Arc::clone(&keys) };
                self.lock().insert(issuer.to_owned(), kept);
                Ok(keys)
            }
            (Err(NoKeys::Unavailable(reason)), Some(kept))
                if now.millis() - kept.fetched.millis() < STALE_MILLIS =>
            {
                warn!(issuer, reason, "the keys of an issuer cannot be looked up; older ones are used");
                self.lock().insert(issuer.to_owned(), Kept { tried: now, ..kept.clone() });
                Ok(kept.keys)
            }
            (Err(NoKeys::Unavailable(reason)), _) => {
                warn!(issuer, reason, "the keys of an issuer cannot be looked up");
                Err(NoKeys::Unavailable(reason))
            }
            (Err(NoKeys::UnknownIssuer), _) => Err(NoKeys::UnknownIssuer),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Source(Mutex<Result<Vec<u8>, NoKeys>>, AtomicUsize);

    impl KeySource for Source {
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
        *source.0.lock().unwrap() = Err(NoKeys::Unavailable(String::new()));
        assert!(issuers.keys("i", at(now + FRESH_MILLIS), known).await.is_ok());
        assert!(issuers.keys("i", at(now + FRESH_MILLIS + 1), known).await.is_ok());
        assert_eq!(fetches(), 4, "a source that fails has a pause");
        assert!(issuers.keys("i", at(now + STALE_MILLIS), known).await.is_err());
        assert!(issuers.keys("other", at(0), known).await.is_err());
    }
}
