//! Why the audit log cannot be opened, read or written.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// Why the audit log cannot be opened, read or written.
#[derive(Debug)]
pub enum AuditError {
    /// The operating system refused.
    Io {
        /// What was being done, as in "cannot <doing> <path>".
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has this log open.
    InUse(PathBuf),
    /// Others than the owner may write to the log's directory, so the log could be replaced behind our back.
    LooseMode {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A line longer than any record: the segment was damaged.
    LineTooLong(PathBuf),
}

impl AuditError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, source } => write!(f, "cannot {doing} {}: {source}", path.display()),
            Self::InUse(path) => {
                write!(f, "the audit log in {} is open in another process", path.display())
            }
            Self::LooseMode { path, mode } => {
                let path = path.display();
                write!(f, "others may write to {path} (mode {mode:04o}); to mend it: chmod 700 {path}")
            }
            Self::LineTooLong(path) => {
                write!(f, "{} holds a line longer than any record: it was damaged", path.display())
            }
        }
    }
}

impl std::error::Error for AuditError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::InUse(_) | Self::LooseMode { .. } | Self::LineTooLong(_) => None,
        }
    }
}
