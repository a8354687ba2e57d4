//! Erasure: no fragment of a destroyed value stays in any file.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::{TempDir, batch, commit, contains, delete, get, put};
use reseal_core::store::conformance::block_on;
use reseal_core::store::{Batch, Store, StoreError};
use reseal_store_sqlite::{Options, SqliteStore};
use rusqlite::Connection;

const SECRET: &[u8] = b"the sealed key material that has to go, all of it";

fn erasing(writes: Vec<reseal_core::store::Write>) -> Batch {
    Batch { erase: true, ..batch(writes) }
}

/// Xorshift: the test needs variety, and the same in each run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// SQLite's `secure_delete` alone fails this: rows that move between pages leave copies behind.
#[test]
fn long_use_leaves_no_fragment_of_what_was_replaced_or_deleted() {
    let dir = TempDir::new();
    let store = dir.open();
    let mut numbers = Numbers(0x5eed);
    let mut live: HashMap<u64, Vec<u8>> = HashMap::new();
    let mut dead: Vec<Vec<u8>> = Vec::new();
    for version in 1..=120 {
        let mut writes = Vec::new();
        for _ in 0..200 {
            let name = numbers.next() % 800;
            let key = [&[b'k'; 30][..], &name.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()].concat();
            if numbers.next().is_multiple_of(3) {
                dead.extend(live.remove(&name));
                writes.push(delete(&key));
            } else {
                let words = 1 + numbers.next() % 150;
                let value: Vec<u8> = (0..words).flat_map(|_| numbers.next().to_be_bytes()).collect();
                writes.push(put(&key, version, &value));
                dead.extend(live.insert(name, value));
            }
        }
        commit(&store, batch(writes)).unwrap();
    }
    commit(&store, erasing(vec![delete(b"the last")])).unwrap();
    let bytes = dir.bytes();
    let fragments = |values: &mut dyn Iterator<Item = &Vec<u8>>| -> HashSet<[u8; 8]> {
        values.flat_map(|value| value.chunks_exact(8)).map(|chunk| chunk.try_into().unwrap()).collect()
    };
    let (dead, live) = (fragments(&mut dead.iter()), fragments(&mut live.values()));
    let found: HashSet<[u8; 8]> = bytes.windows(8).map(|window| window.try_into().unwrap()).collect();
    assert_eq!(dead.intersection(&found).count(), 0, "fragments of dead values are left");
    // Live values cross from one page to the next, which hides a few of their fragments.
    assert!(live.intersection(&found).count() > live.len() * 9 / 10, "the search finds nothing");
}

#[test]
fn an_erasing_commit_empties_the_log_and_others_do_not() {
    let dir = TempDir::new();
    let store = dir.open();
    commit(&store, batch(vec![put(b"k", 1, SECRET)])).unwrap();
    commit(&store, batch(vec![delete(b"k")])).unwrap();
    assert!(contains(&dir.bytes(), SECRET), "without erasure the log keeps a copy: the search works");
    commit(&store, batch(vec![put(b"k", 2, SECRET)])).unwrap();
    commit(&store, erasing(vec![put(b"k", 3, b"gone")])).unwrap();
    assert!(!contains(&dir.bytes(), SECRET));
    assert_eq!(fs::metadata(dir.path().join("reseal.db-wal")).unwrap().len(), 0);
}

#[test]
fn an_erasure_cut_short_by_a_crash_is_completed_by_opening() {
    let (dir, image) = (TempDir::new(), TempDir::new());
    let store = dir.open();
    commit(&store, batch(vec![put(b"k", 1, SECRET)])).unwrap();
    // Committed but not yet emptied from the log: what a crash in between leaves on the disk.
    commit(&store, batch(vec![delete(b"k")])).unwrap();
    for name in ["reseal.db", "reseal.db-wal"] {
        fs::copy(dir.path().join(name), image.path().join(name)).unwrap();
    }
    assert!(contains(&image.bytes(), SECRET));
    let reopened = image.open();
    assert!(!contains(&image.bytes(), SECRET));
    assert_eq!(get(&reopened, b"k"), None);
}

#[test]
fn a_foreign_reader_delays_erasure_and_is_told_about() {
    let dir = TempDir::new();
    let options = Options { busy_timeout: Duration::from_millis(200), ..Options::default() };
    let store = SqliteStore::open(dir.file(), options).unwrap();
    commit(&store, batch(vec![put(b"k", 1, SECRET)])).unwrap();
    let outside = Connection::open(dir.file()).unwrap();
    outside.execute_batch("BEGIN").unwrap();
    let count = |sql| outside.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM records"), 1);
    match commit(&store, erasing(vec![delete(b"k")])) {
        Err(StoreError::Backend(error)) => {
            assert!(error.to_string().contains("could not be emptied"), "{error}");
        }
        other => panic!("an erasure that is not complete was answered {other:?}"),
    }
    assert_eq!(get(&store, b"k"), None);
    outside.execute_batch("COMMIT").unwrap();
    drop(outside);
    commit(&store, batch(vec![put(b"other", 1, b"")])).unwrap();
    // The answer of a batch that erases nothing does not wait for the overdue erasure.
    for _ in 0..100 {
        if !contains(&dir.bytes(), SECRET) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("the overdue erasure was not made up for");
}

#[test]
fn erasures_go_through_while_readers_are_busy() {
    let dir = TempDir::new();
    // No patience: the store itself has to keep its readers out of the way.
    let options = Options { busy_timeout: Duration::ZERO, ..Options::default() };
    let store = SqliteStore::open(dir.file(), options).unwrap();
    commit(&store, batch((0..200_u8).map(|n| put(&[n], 1, SECRET)).collect())).unwrap();
    let stop = AtomicBool::new(false);
    let answers: Vec<_> = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    block_on(store.scan(b"", None, u16::MAX)).unwrap();
                }
            });
        }
        let answers = (0..100_u8).map(|number| commit(&store, erasing(vec![delete(&[number])]))).collect();
        stop.store(true, Ordering::Relaxed);
        answers
    });
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    commit(&store, erasing((100..200_u8).map(|number| delete(&[number])).collect())).unwrap();
    assert!(!contains(&dir.bytes(), SECRET));
}
