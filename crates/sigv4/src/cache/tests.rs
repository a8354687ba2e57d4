use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::thread;

use super::*;
use crate::{Claim, Credentials, RequestParts, Scope, Scratch, sign};

const NOW: i64 = 1_767_323_045;

/// Runs `use_it` with the checked claim of a request that `access_key_id` signed for `region` with `secret`.
fn with_checked<T>(
    access_key_id: &str,
    region: &str,
    secret: &str,
    use_it: impl FnOnce(&Checked<'_>) -> T,
) -> T {
    let host: [(&str, &[u8]); 1] = [("host", b"localhost")];
    let parts = RequestParts { method: "POST", path: "/", query: "", headers: &host };
    let credentials =
        Credentials { access_key_id, secret_access_key: secret.as_bytes(), session_token: None };
    let added = sign(parts, b"", &credentials, &Scope { region, service: "kms" }, NOW).unwrap();
    let added = added.iter().map(|(name, value)| (*name, value.as_bytes()));
    let headers: Vec<_> = host.into_iter().chain(added).collect();
    let claim = Claim::parse(RequestParts { headers: &headers, ..parts }).unwrap();
    use_it(&claim.check(NOW, &["kms"], |_| true).unwrap())
}

fn is_cached(cache: &SigningKeyCache, access_key_id: &str, region: &str) -> bool {
    with_checked(access_key_id, region, "s", |checked| matches!(cache.lookup(checked), Lookup::Hit(_)))
}

fn fill(cache: &SigningKeyCache, access_key_id: &str, region: &str) {
    with_checked(access_key_id, region, "s", |checked| match cache.lookup(checked) {
        Lookup::Hit(_) => {}
        Lookup::Miss(fill) => drop(fill.complete(b"s").unwrap()),
    });
}

fn entries(cache: &SigningKeyCache) -> usize {
    cache.sets.iter().map(|set| read(set).entries.len()).sum()
}

#[test]
fn a_filled_key_is_found_and_verifies() {
    let cache = SigningKeyCache::new(100);
    with_checked("AKID", "us-east-1", "secret", |checked| {
        let Lookup::Miss(fill) = cache.lookup(checked) else { panic!("found in an empty cache") };
        let made = fill.complete(b"secret").unwrap();
        let Lookup::Hit(found) = cache.lookup(checked) else { panic!("not kept") };
        assert!(Arc::ptr_eq(&made, &found));
        checked.verify(&found, b"", &mut Scratch::default()).unwrap();
    });
    assert!(!is_cached(&cache, "AKID", "us-east-2"), "another Region has another key");
    assert!(!is_cached(&cache, "AKIE", "us-east-1"), "another access key has another key");
}

#[test]
fn invalidate_concerns_one_access_key_in_all_scopes() {
    let cache = SigningKeyCache::new(1000);
    for access_key_id in ["AKID", "AKI", "AKIDX"] {
        fill(&cache, access_key_id, "us-east-1");
        fill(&cache, access_key_id, "us-east-2");
    }
    cache.invalidate("AKID");
    assert!(!is_cached(&cache, "AKID", "us-east-1") && !is_cached(&cache, "AKID", "us-east-2"));
    for other in ["AKI", "AKIDX"] {
        assert!(is_cached(&cache, other, "us-east-1") && is_cached(&cache, other, "us-east-2"), "{other}");
    }
    cache.clear();
    assert_eq!(entries(&cache), 0);
}

#[test]
fn a_fill_begun_before_invalidate_is_not_kept() {
    let cache = SigningKeyCache::new(100);
    with_checked("AKID", "us-east-1", "old", |checked| {
        let Lookup::Miss(fill) = cache.lookup(checked) else { panic!("found in an empty cache") };
        let secret = "old"; // read here, then changed by somebody
        cache.invalidate("AKID");
        fill.complete(secret.as_bytes()).unwrap();
        assert!(matches!(cache.lookup(checked), Lookup::Miss(_)), "the old key was kept");
    });
}

#[test]
fn memory_is_bounded_and_a_used_key_stays() {
    let cache = SigningKeyCache::new(WAYS);
    assert_eq!(cache.sets.len(), 1);
    fill(&cache, "FAVOURITE", "us-east-1");
    for other in 0..500 {
        assert!(is_cached(&cache, "FAVOURITE", "us-east-1"), "lost after {other}");
        fill(&cache, &format!("AKID{other}"), "us-east-1");
        let newest = format!("AKID{other}/");
        // Not by a lookup: that would count as a use.
        assert!(
            cache.sets.iter().any(|set| read(set).entries.iter().any(|e| e.credential.starts_with(&newest)))
        );
    }
    assert_eq!(entries(&cache), WAYS);
    assert_eq!(SigningKeyCache::new(0).sets.len(), 1);
    assert_eq!(SigningKeyCache::new(1000).sets.len(), 128);
}

/// One thread changes the secret again and again while others fill; whoever finds a key after a change was
/// announced must not find an older one.
#[test]
fn no_old_key_survives_a_race() {
    const ROUNDS: usize = 2_000;
    let cache = SigningKeyCache::new(8);
    let secret = Mutex::new(0usize);
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                with_checked("AKID", "us-east-1", "0", |checked| {
                    while done.load(Ordering::SeqCst) == 0 {
                        if let Lookup::Miss(fill) = cache.lookup(checked) {
                            let read = *secret.lock().unwrap();
                            fill.complete(read.to_string().as_bytes()).unwrap();
                        }
                    }
                });
            });
        }
        let mut hits = 0;
        let mut old = None; // asserted after the other threads were told to stop, or they would never be
        for round in 1..=ROUNDS {
            *secret.lock().unwrap() = round;
            cache.invalidate("AKID");
            thread::yield_now();
            with_checked("AKID", "us-east-1", &round.to_string(), |checked| {
                if let Lookup::Hit(found) = cache.lookup(checked) {
                    hits += 1;
                    if checked.verify(&found, b"", &mut Scratch::default()).is_err() {
                        old = Some(round);
                    }
                }
            });
        }
        done.store(1, Ordering::SeqCst);
        assert_eq!(old, None, "an old key was found in this round");
        assert!(hits > 0, "nothing was ever filled in time: the test shows nothing");
    });
}

/// A server keeps these across its waits.
#[test]
fn all_may_go_from_thread_to_thread() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<SigningKeyCache>();
    is_send_and_sync::<Fill<'_>>();
    is_send_and_sync::<Claim<'_>>();
    is_send_and_sync::<Checked<'_>>();
    is_send_and_sync::<crate::Verified<'_>>();
    is_send_and_sync::<Scratch>();
}
