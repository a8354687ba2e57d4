//! Group commit: many batches, one transaction, and each still stands or falls alone.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::support::{TempDir, batch, commit, commit_apart, delete, expect, get, put};
use reseal_core::store::{Batch, StoreError};
use reseal_store_sqlite::{Error, Options, SqliteStore, Stats};
use rusqlite::Connection;

/// Holds the write lock of SQLite from outside, so that batches must wait.
fn lock(dir: &TempDir) -> Connection {
    let outside = Connection::open(dir.file()).unwrap();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    outside
}

/// Until this many batches wait: they are sent at the first poll, which a sleeping thread has behind it.
fn let_them_queue() {
    thread::sleep(Duration::from_millis(300));
}

#[test]
fn waiting_batches_share_a_transaction_and_conflict_alone() {
    let dir = TempDir::new();
    let store = Arc::new(dir.open());
    commit(&store, batch(vec![put(b"taken", 1, b"")])).unwrap();
    let before = store.stats();
    let outside = lock(&dir);
    let waiting: Vec<_> = (0..20_u8)
        .map(|number| {
            let mut batch = batch(vec![put(&[number], 1, b"x")]);
            // Every fourth cannot be.
            batch.expectations.extend((number % 4 == 0).then(|| expect(b"taken", None)));
            commit_apart(&store, batch)
        })
        .collect();
    let_them_queue();
    outside.execute_batch("ROLLBACK").unwrap();
    for (number, answer) in (0..20_u8).zip(waiting) {
        let answer = answer.join().unwrap();
        let kept = get(&store, &[number]).is_some();
        if number % 4 == 0 {
            assert!(matches!(answer, Err(StoreError::Conflict)) && !kept, "{number}: {answer:?}");
        } else {
            assert!(answer.is_ok() && kept, "{number}: {answer:?}");
        }
    }
    let Stats { batches, transactions } = store.stats();
    assert_eq!((batches - before.batches, transactions - before.transactions), (15, 1));
}

#[test]
fn a_group_is_bounded_and_later_batches_see_earlier_ones() {
    let dir = TempDir::new();
    let store = SqliteStore::open(dir.file(), Options { group_limit: 4, ..Options::default() }).unwrap();
    let store = Arc::new(store);
    let outside = lock(&dir);
    // Of batches that create the same record, one wins, also when they share a transaction.
    let create = || Batch { expectations: vec![expect(b"one", None)], ..batch(vec![put(b"one", 1, b"")]) };
    let waiting: Vec<_> = (0..16).map(|_| commit_apart(&store, create())).collect();
    let_them_queue();
    outside.execute_batch("ROLLBACK").unwrap();
    let won = waiting.into_iter().filter_map(|answer| answer.join().unwrap().ok()).count();
    assert_eq!(won, 1);
    assert_eq!(store.stats(), Stats { batches: 1, transactions: 4 });
}

#[test]
fn a_batch_that_cannot_be_kept_is_refused_alone() {
    let dir = TempDir::new();
    let store = dir.open();
    let too_high = batch(vec![put(b"a", 1, b""), put(b"b", 1 << 63, b"")]);
    assert!(matches!(commit(&store, too_high), Err(StoreError::Backend(_))));
    let too_long = batch(vec![put(b"a", 1, b""), put(b"b", 1, &vec![0; Error::MAX_VALUE_LEN + 1])]);
    assert!(matches!(commit(&store, too_long), Err(StoreError::Backend(_))));
    assert_eq!(get(&store, b"a"), None);
}

#[test]
fn a_lock_that_does_not_go_away_fails_all_waiting_and_loses_nothing() {
    let dir = TempDir::new();
    let patience = Duration::from_millis(600);
    let store =
        SqliteStore::open(dir.file(), Options { busy_timeout: patience, ..Options::default() }).unwrap();
    let store = Arc::new(store);
    commit(&store, batch(vec![put(b"kept", 1, b"")])).unwrap();
    let outside = lock(&dir);
    let waiting: Vec<_> =
        (0..8).map(|_| commit_apart(&store, batch(vec![put(b"new", 1, b""), delete(b"kept")]))).collect();
    for answer in waiting {
        assert!(matches!(answer.join().unwrap(), Err(StoreError::Backend(_))));
    }
    outside.execute_batch("ROLLBACK").unwrap();
    assert!(get(&store, b"kept").is_some() && get(&store, b"new").is_none());
    commit(&store, batch(vec![put(b"new", 1, b"")])).unwrap();
    assert!(get(&store, b"new").is_some());
}

#[test]
fn dropping_the_store_commits_what_waits() {
    let dir = TempDir::new();
    let store = Arc::new(dir.open());
    let outside = lock(&dir);
    let waiting: Vec<_> = (0..10_u8).map(|n| commit_apart(&store, batch(vec![put(&[n], 1, b"")]))).collect();
    let_them_queue();
    let release = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        outside.execute_batch("ROLLBACK").unwrap();
    });
    drop(store);
    for answer in waiting {
        answer.join().unwrap().unwrap();
    }
    release.join().unwrap();
    let store = dir.open();
    assert!((0..10_u8).all(|n| get(&store, &[n]).is_some()));
}
