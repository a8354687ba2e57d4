//! Opening: whose file it is, who may read it, what is refused. Also check and backup.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{TempDir, batch, commit, delete, get, put};
use reseal_store_sqlite::{Error, Options, SqliteStore};
use rusqlite::Connection;

fn open_error(path: &Path) -> Error {
    SqliteStore::open(path, Options::default()).err().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn only_the_owner_can_read_the_files() {
    let dir = TempDir::new();
    let files = || ["reseal.db", "reseal.db-wal", "reseal.db-shm"].map(|name| dir.path().join(name));
    let store = dir.open();
    commit(&store, batch(vec![put(b"k", 1, b"")])).unwrap();
    assert_eq!(files().map(|file| mode(&file)), [0o600; 3]);
    // Also when somebody opened them up, and the store did not come to close them.
    let image = TempDir::new();
    for file in files() {
        let copy = image.path().join(file.file_name().unwrap());
        fs::copy(&file, &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let _reopened = image.open();
    for file in fs::read_dir(image.path()).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

#[test]
fn closing_leaves_one_file() {
    let dir = TempDir::new();
    let store = dir.open();
    commit(&store, batch(vec![put(b"k", 1, b"value")])).unwrap();
    drop(store);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(get(&dir.open(), b"k").is_some());
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let dir = TempDir::new();
    for content in [&b"short"[..], &[0x55; 5000], b"SQLite format 3\0 and then nothing of the kind"] {
        fs::write(dir.file(), content).unwrap();
        let error = open_error(&dir.file());
        assert!(matches!(error, Error::Foreign(_) | Error::Damaged(_)), "{error}");
        assert_eq!(fs::read(dir.file()).unwrap(), content);
    }
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    for setup in ["CREATE TABLE t (a)", "PRAGMA application_id = 7", "PRAGMA user_version = 3"] {
        let dir = TempDir::new();
        let other = Connection::open(dir.file()).unwrap();
        other.execute_batch(setup).unwrap();
        other.close().unwrap();
        let before = dir.bytes();
        let error = open_error(&dir.file());
        assert!(matches!(error, Error::Foreign(_)), "{setup}: {error}");
        assert_eq!(dir.bytes(), before);
    }
}

#[test]
fn a_newer_schema_is_refused_with_both_versions() {
    let dir = TempDir::new();
    drop(dir.open());
    Connection::open(dir.file()).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let error = open_error(&dir.file());
    assert!(matches!(error, Error::NewerSchema { found: 2, supported: 1 }), "{error}");
}

#[test]
fn a_changed_schema_is_refused() {
    for change in [
        "CREATE TRIGGER t AFTER DELETE ON records BEGIN INSERT INTO records VALUES (x'00', 1, old.value); END",
        "CREATE VIEW v AS SELECT * FROM records",
        "ALTER TABLE records RENAME COLUMN version TO age",
    ] {
        let dir = TempDir::new();
        drop(dir.open());
        Connection::open(dir.file()).unwrap().execute_batch(change).unwrap();
        let error = open_error(&dir.file());
        assert!(matches!(error, Error::Damaged(_)), "{change}: {error}");
    }
}

#[test]
fn a_crash_before_the_table_exists_is_made_up_for() {
    let dir = TempDir::new();
    fs::write(dir.file(), b"").unwrap();
    commit(&dir.open(), batch(vec![put(b"k", 1, b"")])).unwrap();
    let dir = TempDir::new();
    let early = Connection::open(dir.file()).unwrap();
    early.execute_batch("PRAGMA page_size = 1024; PRAGMA journal_mode = WAL").unwrap();
    drop(early);
    commit(&dir.open(), batch(vec![put(b"k", 1, b"")])).unwrap();
}

#[test]
fn what_cannot_be_a_file_is_an_io_error() {
    let dir = TempDir::new();
    let error = open_error(&dir.path().join("missing/reseal.db"));
    assert!(matches!(error, Error::Io { action: "create", .. }), "{error}");
    assert!(matches!(open_error(dir.path()), Error::Sqlite(_)));
}

#[test]
fn a_second_store_on_the_file_sees_and_makes_commits() {
    let dir = TempDir::new();
    let (first, second) = (dir.open(), dir.open());
    commit(&first, batch(vec![put(b"a", 1, b"first")])).unwrap();
    assert_eq!(get(&second, b"a").unwrap().value, b"first");
    commit(&second, batch(vec![put(b"a", 2, b"second")])).unwrap();
    assert_eq!(get(&first, b"a").unwrap().value, b"second");
    drop(first);
    commit(&second, batch(vec![delete(b"a")])).unwrap();
    assert_eq!(get(&second, b"a"), None);
}

/// Overwrites the page that holds these bytes.
fn damage(file: &Path, bytes: &[u8], with: &[u8]) {
    let mut content = fs::read(file).unwrap();
    let at = content.windows(bytes.len()).position(|window| window == bytes).unwrap();
    content[at..at + with.len()].copy_from_slice(with);
    fs::write(file, content).unwrap();
}

#[test]
fn the_check_finds_a_damaged_file() {
    let dir = TempDir::new();
    let store = dir.open();
    let writes = (0..200_u8).map(|n| put(&[&[n; 40][..], b"the key"].concat(), 1, &[n; 900])).collect();
    commit(&store, batch(writes)).unwrap();
    store.integrity_check().unwrap();
    drop(store);
    damage(&dir.file(), &[&[77; 40][..], b"the key"].concat(), &[78; 40]);
    let error = dir.open().integrity_check().err().unwrap();
    assert!(matches!(error, Error::Damaged(_)), "{error}");
}

#[test]
fn records_edited_by_hand_never_come_out_as_they_were() {
    for edit in ["value = x''", "value = x'0006000000ff'", "version = -1"] {
        let dir = TempDir::new();
        let store = dir.open();
        commit(&store, batch(vec![put(b"k", 1, b"value")])).unwrap();
        let outside = Connection::open(dir.file()).unwrap();
        outside.execute_batch(&format!("UPDATE records SET {edit}")).unwrap();
        let read = reseal_core::store::conformance::block_on(reseal_core::store::Store::get(
            &store,
            &crate::support::key(b"k"),
        ));
        let read = read.unwrap().unwrap();
        assert!(read.version != 1 || read.value != b"value", "{edit}");
        assert!(matches!(store.integrity_check(), Err(Error::Damaged(_))), "{edit}");
    }
}

#[test]
fn a_backup_is_a_store_of_that_moment() {
    let (dir, target) = (TempDir::new(), TempDir::new());
    let store = dir.open();
    commit(&store, batch((0..100_u8).map(|n| put(&[n], 1, &[n; 700])).collect())).unwrap();
    store.backup_to(target.file()).unwrap();
    commit(&store, batch(vec![delete(&[5])])).unwrap();
    assert_eq!(mode(&target.file()), 0o600);
    let copy = target.open();
    copy.integrity_check().unwrap();
    assert!((0..100_u8).all(|n| get(&copy, &[n]).unwrap().value == [n; 700]));
    let existing = store.backup_to(target.file()).err().unwrap();
    assert!(matches!(existing, Error::Io { action: "create", .. }), "{existing}");
    assert!(get(&copy, &[5]).is_some());
}
