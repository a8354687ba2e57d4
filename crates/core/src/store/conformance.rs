//! The conformance suite: what every backend promises, as tests that a backend runs with one line.
//!
//! `reseal_core::store_conformance!(MyFixture::new());` makes one test of each rule. A failure names the rule.
//! The suite must never look behind the [`Store`] trait, except where a [`Fixture`] offers to.

#![expect(clippy::expect_used, reason = "a suite of assertions: a panic is its answer")]

macro_rules! rule {
    ($text:literal, $holds:expr) => {
        assert!($holds, concat!("store rule broken: ", $text))
    };
    ($text:literal, $left:expr, $right:expr) => {
        assert_eq!($left, $right, concat!("store rule broken: ", $text))
    };
}

mod subject;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use subject::{Outcome, Subject, delete, expect, put, record};

use super::{Batch, Expectation, Page, RecordKey, Store, Write};

/// What a backend lends to the suite.
pub trait Fixture: Sync {
    /// A new, empty store.
    fn open(&self) -> Arc<dyn Store>;

    /// Closes the store made last by [`Fixture::open`] (the suite gives its handle back here) and opens the same
    /// records again. `None`: the backend keeps nothing.
    fn reopen(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        drop(store);
        None
    }

    /// Whether any file that the store controls holds these bytes. `None`: there is no file to look into.
    fn files_hold(&self, bytes: &[u8]) -> Option<bool> {
        let _ = bytes;
        None
    }

    /// Runs a future of the store to its end; called from many threads at once. For a backend that needs a
    /// runtime of its own.
    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + Send + '_>>) {
        block_on(future);
    }
}

/// Makes a test of each rule; the expression gives a new [`Fixture`](crate::store::conformance::Fixture).
#[macro_export]
macro_rules! store_conformance {
    ($fixture:expr) => {
        $crate::store_conformance!($fixture;
            absence, create_once, create_race, update_race, conflicts, atomicity, one_moment, batch_order,
            key_order, prefixes, paging, paging_under_changes, limits, versions, read_your_writes, reopening,
            erasure);
    };
    ($fixture:expr; $($rule:ident),+) => {
        $(
            #[test]
            fn $rule() {
                $crate::store::conformance::$rule(&$fixture);
            }
        )+
    };
}

/// Drives a future on this thread, parked while it waits. Enough for a backend with threads of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// What is not there reads as absent, may be deleted, and can be expected to be absent.
pub fn absence(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    rule!("get of an absent key is None", store.get(b"nothing"), None);
    rule!("a scan of an empty store is empty", store.scan(b"", None, 10), Page::default());
    rule!("deleting an absent record is no error", store.commit([delete(b"nothing")], []), Outcome::Done);
    rule!("an empty batch is no error", store.commit([], []), Outcome::Done);
    rule!("expected absence holds", store.commit([], [expect(b"nothing", None)]), Outcome::Done);
    rule!(
        "an expected version fails on absence",
        store.commit([], [expect(b"a", Some(0))]),
        Outcome::Conflict
    );
    store.put(b"a", 1, b"x");
    rule!("get returns what was put", store.get(b"a"), Some((1, b"x".to_vec())));
    rule!("get takes no key for its prefix", store.get(b"ab"), None);
    rule!("a delete is done", store.commit([delete(b"a")], []), Outcome::Done);
    rule!("a deleted record is absent", store.get(b"a"), None);
}

/// A record that must be absent is created once, and again after it was deleted.
pub fn create_once(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    let create = |value| store.commit([put(b"k", 1, value)], [expect(b"k", None)]);
    rule!("the first create succeeds", create(b"first"), Outcome::Done);
    rule!("the second create conflicts", create(b"second"), Outcome::Conflict);
    rule!("a refused create leaves the first value", store.get(b"k"), Some((1, b"first".to_vec())));
    store.commit([delete(b"k")], []);
    rule!("a deleted record can be created again", create(b"third"), Outcome::Done);
}

/// Of many that create the same record at once, one wins and all others conflict.
pub fn create_race(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    for round in 0..20_u8 {
        let key = [b'r', round];
        let barrier = Barrier::new(16);
        let outcomes: Vec<Outcome> = thread::scope(|scope| {
            let racer = |number: u8| {
                barrier.wait();
                store.commit([put(&key, u64::from(number), &[number])], [expect(&key, None)])
            };
            let racers: Vec<_> = (0..16).map(|number| scope.spawn(move || racer(number))).collect();
            racers.into_iter().map(|racer| racer.join().expect("a racer panicked")).collect()
        });
        let winners: Vec<usize> = (0..16).filter(|&n| outcomes.get(n) == Some(&Outcome::Done)).collect();
        rule!("exactly one of many creators wins", winners.len(), 1);
        let (version, value) = store.get(&key).expect("the winner's record is gone");
        rule!(
            "the winner's record is stored",
            winners,
            [usize::from(*value.first().expect("an empty value"))]
        );
        rule!(
            "version and value are of one writer",
            version,
            u64::from(*value.first().expect("an empty value"))
        );
    }
}

/// Read, then write on the expected version: no update is lost.
pub fn update_race(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    store.put(b"counter", 0, b"");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut done = 0;
                while done < 25 {
                    let (version, _) = store.get(b"counter").expect("the counter is gone");
                    let write = [put(b"counter", version + 1, b"")];
                    done +=
                        u32::from(store.commit(write, [expect(b"counter", Some(version))]) == Outcome::Done);
                }
            });
        }
    });
    rule!("no update is lost", store.get(b"counter"), Some((200, Vec::new())));
}

/// An expectation fails when the record moved, appeared or went, whether or not the batch writes it.
pub fn conflicts(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    store.put(b"a", 5, b"");
    store.put(b"b", 9, b"");
    let check = |expectations: &[Expectation]| store.commit([put(b"out", 1, b"")], expectations.to_vec());
    rule!("a version below the expected one conflicts", check(&[expect(b"a", Some(6))]), Outcome::Conflict);
    rule!("a version above the expected one conflicts", check(&[expect(b"a", Some(4))]), Outcome::Conflict);
    rule!("a present record expected absent conflicts", check(&[expect(b"a", None)]), Outcome::Conflict);
    let mixed = [expect(b"a", Some(5)), expect(b"none", None), expect(b"b", Some(8))];
    rule!("one failed expectation among met ones conflicts", check(&mixed), Outcome::Conflict);
    rule!("no conflicting batch wrote", store.get(b"out"), None);
    let met = [expect(b"a", Some(5)), expect(b"none", None), expect(b"b", Some(9))];
    rule!("a batch whose expectations are all met is done", check(&met), Outcome::Done);
    let swap =
        store.commit([put(b"a", 6, b""), delete(b"b")], [expect(b"a", Some(5)), expect(b"b", Some(9))]);
    rule!("expectations are checked before the batch's own writes", swap, Outcome::Done);
    rule!("a deleted record no longer has its version", check(&[expect(b"b", Some(9))]), Outcome::Conflict);
    rule!(
        "a batch of expectations alone conflicts too",
        store.commit([], [expect(b"b", Some(9))]),
        Outcome::Conflict
    );
}

/// A conflicting batch changes nothing, wherever its failed expectation stands.
pub fn atomicity(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    store.put(b"kept", 1, b"old");
    store.put(b"other", 1, b"old");
    let before = store.scan(b"", None, 100);
    let writes = || [put(b"kept", 2, b"new"), put(b"created", 1, b"new"), delete(b"other")];
    let first = [expect(b"kept", Some(7)), expect(b"other", Some(1))];
    let last = [expect(b"other", Some(1)), expect(b"kept", Some(7))];
    for expectations in [first, last] {
        rule!("the batch conflicts", store.commit(writes(), expectations), Outcome::Conflict);
        rule!("a conflicting batch writes nothing", store.scan(b"", None, 100), before);
    }
    rule!("a conflict leaves the store usable", store.commit(writes(), []), Outcome::Done);
}

/// Readers see all of a batch or none of it, and a page is of one moment.
pub fn one_moment(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    let write = |version| {
        let pair = [put(b"pair/1", version, b""), put(b"middle", version, b""), put(b"pair/2", version, b"")];
        rule!("the batch is done", store.commit(pair, []), Outcome::Done);
    };
    write(0);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let page = store.scan(b"pair/", None, 10);
                    let versions: Vec<u64> = page.records.iter().map(|(_, record)| record.version).collect();
                    rule!("a page holds whole batches", matches!(versions[..], [a, b] if a == b));
                }
            });
        }
        let _stop = SetOnDrop(&stop);
        (1..200).for_each(write);
    });
}

/// The writes of a batch happen in their order.
pub fn batch_order(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    let writes = [put(b"a", 1, b"1"), delete(b"a"), put(b"a", 2, b"2"), put(b"b", 1, b""), delete(b"b")];
    rule!("a batch may write a key twice", store.commit(writes, []), Outcome::Done);
    rule!("the last put of a batch stays", store.get(b"a"), Some((2, b"2".to_vec())));
    rule!("a delete after a put deletes", store.get(b"b"), None);
}

/// Keys are ordered as unsigned bytes, a shorter key before its extensions.
pub fn key_order(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    let mut keys: Vec<Vec<u8>> =
        vec![b"a".into(), b"A".into(), b"a\0".into(), b"a\0\0".into(), b"a\xff".into()];
    keys.extend((0..=255).map(|byte| vec![byte]));
    keys.extend([0, 1, 0x7f, 0x80, 0xfe, 0xff].map(|byte| vec![byte, 0xff, 0, byte]));
    keys.sort();
    keys.dedup();
    // Written in an order that is neither sorted nor reversed.
    for index in 0..keys.len() {
        let key = keys.get(index * 101 % keys.len()).expect("an index below the length");
        store.put(key, 1, key);
    }
    rule!("a scan is in bytewise order and whole", store.keys(b"", None), keys);
    for key in &keys {
        rule!("every byte of a key counts", store.get(key), Some((1, key.clone())));
    }
}

/// A scan gives exactly the keys with the prefix, also at the edges of the byte range.
pub fn prefixes(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    let keys: [&[u8]; 10] =
        [b"\0", b"B", b"a", b"a\xff", b"a\xff\xff", b"ab", b"b", b"\xfe\xff", b"\xff", b"\xff\xff\xff"];
    for key in keys {
        store.put(key, 1, b"");
    }
    let all: Vec<Vec<u8>> = store.keys(b"", None);
    for prefix in
        [&b"\0"[..], b"a", b"a\xff", b"a\xff\xff", b"\xfe", b"\xff", b"\xff\xff", b"\xff\xff\xff\xff", b"c"]
    {
        let expected: Vec<Vec<u8>> = all.iter().filter(|key| key.starts_with(prefix)).cloned().collect();
        rule!("a scan gives exactly the keys with its prefix", store.keys(prefix, None), expected);
    }
    rule!(
        "a prefix of the longest key length works",
        store.keys(&[0xff; RecordKey::MAX_LEN], None).is_empty()
    );
    rule!("a prefix longer than any key matches nothing", store.keys(&[b'a'; 600], None).is_empty());
    rule!(
        "an `after` below the prefix changes nothing",
        store.keys(b"a", Some(b"\0")),
        store.keys(b"a", None)
    );
    rule!("an `after` above the prefix leaves nothing", store.keys(b"a", Some(b"b")).is_empty());
    rule!("`after` is exclusive", store.keys(b"a", Some(b"a\xff")), [b"a\xff\xff".to_vec()]);
    rule!("`after` need not exist", store.keys(b"a", Some(b"a\0")), store.keys(b"a", Some(b"a")));
    rule!(
        "`after` the last possible key is empty",
        store.keys(b"", Some(&[0xff; RecordKey::MAX_LEN])).is_empty()
    );
}

/// Pages have the asked size, tell whether more follows, and together are the whole.
pub fn paging(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    for number in 0..20_u8 {
        store.put(&[b'p', number], 1, &[number]);
    }
    store.put(b"q", 1, b"follows under another prefix");
    for limit in [1, 3, 10, 19, 20, 21, u16::MAX] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.scan(b"p", after.as_ref(), limit);
            seen.extend(page.records.iter().map(|(_, record)| record.value.clone()));
            rule!("`more` is told exactly", page.more, seen.len() < 20);
            rule!("a page is full while more follow", !page.more || page.records.len() == usize::from(limit));
            rule!("a page is not longer than its limit", page.records.len() <= usize::from(limit));
            after = page.records.last().map(|(key, _)| key.clone());
            if !page.more {
                break;
            }
        }
        rule!("the pages are the whole, in order", seen, (0..20).map(|n| vec![n]).collect::<Vec<_>>());
    }
}

/// A walk page by page meets every untouched record once, whatever is deleted and inserted meanwhile.
pub fn paging_under_changes(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    for number in 0..100_u8 {
        store.put(&[b'p', number, 1], 1, b"");
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in (0..100_u8).cycle().take_while(|_| !stop.load(Ordering::Relaxed)) {
                store.put(&[b'p', number, 0], 1, b"");
                store.commit([delete(&[b'p', number, 0])], []);
            }
        });
        let _stop = SetOnDrop(&stop);
        for _ in 0..5 {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = store.scan(b"p", after.as_ref(), 7);
                seen.extend(page.records.iter().map(|(key, _)| key.as_bytes().to_vec()));
                after = page.records.last().map(|(key, _)| key.clone()).or(after);
                if !page.more {
                    break;
                }
            }
            rule!("a walk goes forward only", seen.is_sorted_by(|a, b| a < b));
            seen.retain(|key| key.last() == Some(&1));
            rule!("a walk meets every untouched record once", seen.len(), 100);
        }
    });
    let page = store.scan(b"p", None, 1);
    let cursor = page.records.first().map(|(key, _)| key.clone());
    store.commit([delete(b"p\0\x01"), put(b"p\0", 1, b""), put(b"p\0\x02", 1, b"")], []);
    let rest = store.scan(b"p", cursor.as_ref(), 1);
    rule!(
        "a deleted cursor still marks its place",
        rest.records.first() == Some(&record(b"p\0\x02", 1, b""))
    );
}

/// The largest and smallest keys, values and batches a backend must take.
pub fn limits(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    let mebibyte: Vec<u8> =
        (0..1 << 20).map(|n: u32| n.to_le_bytes().into_iter().fold(7, u8::wrapping_add)).collect();
    for key in [&[0][..], &[0xff], &[0; RecordKey::MAX_LEN], &[0xff; RecordKey::MAX_LEN], &[b'k'; 511]] {
        for value in [&b""[..], b"\0", &mebibyte, b"short again"] {
            store.put(key, 1, value);
            rule!(
                "keys to 512 bytes and values to 1 MiB are kept",
                store.get(key) == Some((1, value.to_vec()))
            );
        }
    }
    for length in (0..1100).step_by(7).chain(4000..4200) {
        let value = mebibyte.get(..length).expect("shorter than the whole");
        store.put(b"length", length as u64, value);
        rule!("every length of value is kept", store.get(b"length") == Some((length as u64, value.to_vec())));
    }
    let many: Vec<Write> =
        (0..1000_u16).map(|n| put(&[&b"many/"[..], &n.to_be_bytes()].concat(), 1, b"")).collect();
    rule!("a batch may hold a thousand writes", store.commit(many, []), Outcome::Done);
    rule!("all writes of a large batch are there", store.keys(b"many/", None).len(), 1000);
}

/// Versions are the writer's: kept exactly to 2^63 - 1, never altered above, never judged.
pub fn versions(fixture: &dyn Fixture) {
    const BOUND: u64 = u64::MAX >> 1;
    let store = Subject::new(fixture);
    let sample = [0, 1, 127, 128, 255, 32_767, 65_536, 8_388_608, (1 << 31) - 1, 1 << 31, (1 << 47) + 5];
    for version in sample.into_iter().chain([(1 << 53) + 1, BOUND - 1, BOUND, 3]) {
        store.put(b"v", version, b"");
        rule!(
            "versions to 2^63 - 1 are kept exactly, also lower ones after higher",
            store.get(b"v"),
            Some((version, Vec::new()))
        );
        let same = store.commit([], [expect(b"v", Some(version))]);
        rule!("a kept version can be expected", same, Outcome::Done);
        let next = store.commit([], [expect(b"v", Some(version + 1))]);
        rule!("neighbouring versions differ", next, Outcome::Conflict);
    }
    for version in [BOUND + 1, u64::MAX] {
        let kept = store.commit([put(b"v", version, b"above")], []) == Outcome::Done;
        let expected = if kept { (version, b"above".to_vec()) } else { (3, Vec::new()) };
        rule!("a version above 2^63 - 1 is kept exactly or refused", store.get(b"v"), Some(expected));
        store.put(b"v", 3, b"");
        let clash = store.commit([], [expect(b"v", Some(version))]);
        rule!("a version above 2^63 - 1 matches no other", clash != Outcome::Done);
    }
}

/// Whoever calls after a commit returned sees it, from every thread and by every call.
pub fn read_your_writes(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    thread::scope(|scope| {
        for name in 0..4_u8 {
            let store = &store;
            scope.spawn(move || {
                for version in 1..=50 {
                    store.put(&[name], version, b"");
                    let elsewhere = thread::scope(|inner| inner.spawn(|| store.get(&[name])).join());
                    let elsewhere = elsewhere.expect("a reader panicked").map(|(version, _)| version);
                    rule!("another thread sees a returned commit", elsewhere, Some(version));
                    let scanned = store.scan(&[name], None, 1).records.first().map(|(_, r)| r.version);
                    rule!("a scan sees a returned commit", scanned, Some(version));
                }
            });
        }
    });
}

/// A store opened again holds what was committed before, and nothing that was deleted.
pub fn reopening(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    for number in 0..50_u8 {
        store.put(&[number], u64::from(number), &[number; 100]);
    }
    store.commit((0..50).step_by(3).map(|number| delete(&[number])), []);
    let before = store.scan(b"", None, 100);
    let Some(reopened) = fixture.reopen(store.store) else { return };
    let reopened = Subject { fixture, store: reopened };
    rule!("a reopened store holds the same records", reopened.scan(b"", None, 100), before);
    let moved = reopened.commit([put(&[1], 2, b"")], [expect(&[1], Some(1))]);
    rule!("a reopened store takes writes on the old versions", moved, Outcome::Done);
}

/// After an erasing batch, no copy of a value it deleted or replaced is left; everything else is.
pub fn erasure(fixture: &dyn Fixture) {
    let store = Subject::new(fixture);
    let pattern = |tag: u8| {
        (0..600_u32).flat_map(|n| [tag, n.to_le_bytes()[0], n.to_le_bytes()[1]]).collect::<Vec<u8>>()
    };
    for tag in 1..20 {
        store.put(&[tag], 1, &pattern(tag));
    }
    let destroy = |expected| {
        let writes = vec![delete(&[7]), put(&[8], 2, b"replaced"), put(&[50], 1, b"new")];
        store.run_batch(Batch { writes, expectations: vec![expect(&[7], Some(expected))], erase: true })
    };
    rule!("an erasing batch can conflict", destroy(2), Outcome::Conflict);
    rule!("a conflicting erasing batch destroys nothing", store.get(&[7]), Some((1, pattern(7))));
    rule!("an erasing batch is done", destroy(1), Outcome::Done);
    rule!("an erased record is absent", store.get(&[7]), None);
    rule!("an erasing batch replaces", store.get(&[8]), Some((2, b"replaced".to_vec())));
    for tag in 1..20 {
        // Any fragment counts, so short windows are looked for.
        for window in pattern(tag).chunks_exact(24).step_by(5) {
            match fixture.files_hold(window) {
                Some(held) if tag == 7 || tag == 8 => rule!("no copy of an erased value is left", !held),
                Some(held) => rule!("other values are left alone and can be found", held),
                None => {}
            }
        }
    }
}

/// Ends the loops of other threads also when a rule broke in this one; they would keep its panic waiting.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
