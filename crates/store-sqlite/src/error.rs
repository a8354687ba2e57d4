//! What can go wrong with the file. Messages name files and SQLite's findings, never a record's bytes.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reseal_core::store::StoreError;
use rusqlite::ErrorCode;

/// Why the SQLite backend failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused.
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The refusal.
        cause: Arc<io::Error>,
    },
    /// SQLite refused: the disk is full or failing, the file is locked, a limit was met.
    Sqlite(Arc<rusqlite::Error>),
    /// The file is no database, or one that this program did not make.
    Foreign(&'static str),
    /// The file was written by a later release.
    NewerSchema {
        /// The schema version in the file.
        found: i32,
        /// The newest one this release knows.
        supported: i32,
    },
    /// The file's content contradicts itself: restore a backup.
    Damaged(String),
    /// The version cannot be kept: SQLite's integers end at 2^63 - 1.
    VersionOutOfRange(u64),
    /// The value is longer than [`Error::MAX_VALUE_LEN`] bytes.
    ValueTooLong(usize),
    /// The batch is durable, but a copy of what it erased is still in the write-ahead log, because another
    /// process reads the file or the disk fails. It is removed after a later commit, on closing or on opening.
    EraseIncomplete,
    /// A thread of the store is gone.
    Closed,
}

impl Error {
    /// The longest value that is taken: 64 MiB.
    pub const MAX_VALUE_LEN: usize = 64 << 20;

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io { action, path, cause: Arc::new(cause) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { action, path, cause } => write!(f, "cannot {action} {}: {cause}", path.display()),
            Self::Sqlite(cause) => write!(f, "SQLite: {cause}"),
            Self::Foreign(finding) => write!(f, "the file is not a Reseal database: {finding}"),
            Self::NewerSchema { found, supported } => write!(
                f,
                "the database has schema version {found}, this release knows versions up to {supported}: \
                 start the release that wrote it, or a later one"
            ),
            Self::Damaged(finding) => write!(f, "the database is damaged: {finding}"),
            Self::VersionOutOfRange(version) => write!(f, "a version of {version} is above 2^63 - 1"),
            Self::ValueTooLong(length) => {
                write!(f, "a value of {length} bytes is longer than {}", Self::MAX_VALUE_LEN)
            }
            Self::EraseIncomplete => f.write_str(
                "the change is written, but the write-ahead log could not be emptied of what it erased",
            ),
            Self::Closed => f.write_str("a thread of the store has ended"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { cause, .. } => Some(cause),
            Self::Sqlite(cause) => Some(cause),
            _ => None,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign("it does not begin as SQLite files do"),
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            _ => Self::Sqlite(Arc::new(error)),
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Backend(Box::new(error))
    }
}
