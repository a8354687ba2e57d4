//! Opening the file: whose it is, who may read it, how SQLite treats it.
//!
//! It must never change a file before it is known to be ours.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::Error;
use crate::frame::PAGE_SIZE;

/// Rows keep their rowid: a frame is larger than what suits a table `WITHOUT ROWID`, whose inner nodes hold whole
/// rows, and the padding of frames counts on rows in leaves.
pub(crate) const CREATE_TABLE: &str = "CREATE TABLE records (key BLOB PRIMARY KEY NOT NULL, \
     version INTEGER NOT NULL, value BLOB NOT NULL) STRICT";

/// "Resl": how `file` and SQLite tell our databases from others.
const APPLICATION_ID: i32 = 0x5265_736c;

/// Counts the changes of [`CREATE_TABLE`] and of the frames in it.
const SCHEMA_VERSION: i32 = 1;

/// Only the owner reads and writes.
const FILE_MODE: u32 = 0o600;

/// The one connection that writes; makes the file if there is none.
pub(crate) fn for_writing(path: &Path, busy_timeout: Duration) -> Result<Connection, Error> {
    create_private(path).or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Ok(()),
        _ => Err(Error::io("create", path)(error)),
    })?;
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, busy_timeout)?;
    connection.pragma_update(None, "page_size", PAGE_SIZE)?;
    let fresh = identify(&connection)?;
    restrict_mode(path)?;
    let journal: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if journal != "wal" {
        return Err(Error::Foreign("it cannot have a write-ahead log"));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    // Pages, 4 MiB: each checkpoint costs two syncs. The log shrinks back after a burst.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 4096, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 16 << 20, |_| Ok(()))?;
    if fresh {
        create_schema(&connection)?;
    }
    Ok(connection)
}

/// A connection that can only read. The file must have been opened [`for_writing`] before.
pub(crate) fn for_reading(path: &Path, busy_timeout: Duration) -> Result<Connection, Error> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, busy_timeout)
}

/// Makes an empty file that only the owner can read, durably. An existing one is an error, and is not touched:
/// closing a second handle of a file would drop the locks that SQLite holds on it in this process.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?.sync_all()?;
    sync_directory(path)
}

/// Makes the creation or removal of a file durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// Moves the write-ahead log into the database file, and empties it.
pub(crate) fn truncate_log(connection: &Connection) -> Result<(), Error> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy { Err(Error::EraseIncomplete) } else { Ok(()) }
}

fn connect(path: &Path, access: OpenFlags, busy_timeout: Duration) -> Result<Connection, Error> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(busy_timeout)?;
    // The file is not trusted: nothing in its schema may run, and pages are checked before they are believed.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Pages put aside for a savepoint would otherwise go to a temporary file.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// Whether the database is still empty; an error if it is not ours.
fn identify(connection: &Connection) -> Result<bool, Error> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let mut schema =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE substr(name, 1, 7) <> 'sqlite_'")?;
    let objects = schema.query_map([], |row| row.get(0))?.collect::<Result<Vec<Option<String>>, _>>()?;
    let version = number("user_version")?;
    match number("application_id")? {
        // Also what a crash between creating the file and its table leaves.
        0 if version == 0 && objects.is_empty() => return Ok(true),
        APPLICATION_ID => {}
        _ => return Err(Error::Foreign("its application_id is another")),
    }
    if version > SCHEMA_VERSION {
        return Err(Error::NewerSchema { found: version, supported: SCHEMA_VERSION });
    }
    if version != SCHEMA_VERSION || objects != [Some(CREATE_TABLE.to_owned())] {
        return Err(Error::Damaged("its tables are not those of its schema version".to_owned()));
    }
    if number("page_size")? != PAGE_SIZE {
        return Err(Error::Damaged(format!("its page size is not {PAGE_SIZE}")));
    }
    Ok(false)
}

fn create_schema(connection: &Connection) -> Result<(), Error> {
    Ok(connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {CREATE_TABLE}; PRAGMA application_id = {APPLICATION_ID}; \
         PRAGMA user_version = {SCHEMA_VERSION}; COMMIT"
    ))?)
}

/// SQLite gives its log and index files the mode of the database, but only when it makes them.
fn restrict_mode(path: &Path) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let file = PathBuf::from(name);
        match fs::metadata(&file) {
            Ok(found) if found.permissions().mode() & 0o777 != FILE_MODE => {
                fs::set_permissions(&file, Permissions::from_mode(FILE_MODE))
                    .map_err(Error::io("make private", &file))?;
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("examine", &file)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connections_are_durable_private_and_distrustful() {
        let directory = std::env::temp_dir().join(format!("reseal-sqlite-open-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let file = directory.join("reseal.db");
        let writer = for_writing(&file, Duration::ZERO).unwrap();
        let reader = for_reading(&file, Duration::ZERO).unwrap();
        let text = |connection: &Connection, pragma: &str| -> String {
            let sql = format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}");
            connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        for (pragma, value) in [("journal_mode", "wal"), ("synchronous", "2"), ("secure_delete", "1")] {
            assert_eq!(text(&writer, pragma), value, "{pragma}");
        }
        for connection in [&writer, &reader] {
            for (pragma, value) in [("temp_store", "2"), ("trusted_schema", "0"), ("cell_size_check", "1")] {
                assert_eq!(text(connection, pragma), value, "{pragma}");
            }
            let attack = connection.execute_batch("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema");
            assert!(attack.is_err(), "the schema can be edited");
        }
        assert!(reader.execute_batch("DELETE FROM records").is_err(), "a reader can write");
        fs::remove_dir_all(directory).unwrap();
    }
}
