//! The data directory: its layout, who may look into it, and that only one process works on it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};

/// Where things are in a data directory.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

/// The exclusive right to work on a data directory; it ends when this is dropped or the process dies.
pub(crate) struct Lock {
    _file: File,
}

pub(crate) const PRIVATE_DIRECTORY: u32 = 0o700;
pub(crate) const PRIVATE_FILE: u32 = 0o600;
const OTHERS: u32 = 0o077;

impl DataDir {
    /// Names the directory without touching it.
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Makes the directory if it is not there, and refuses one that others can look into or own.
    pub(crate) fn prepare(path: &Path) -> Result<Self> {
        let made = DirBuilder::new().recursive(true).mode(PRIVATE_DIRECTORY).create(path);
        made.with_context(|| format!("the data directory {} cannot be created", path.display()))?;
        let directory = Self::existing(path)?;
        make_private_directory(&directory.audit())?;
        Ok(directory)
    }

    /// A directory that must be there already.
    pub(crate) fn existing(path: &Path) -> Result<Self> {
        let shown = path.display();
        let metadata = fs::metadata(path).with_context(|| {
            format!(
                "the data directory {shown} is not there: start the service on it once, or correct the path"
            )
        })?;
        if !metadata.is_dir() {
            bail!("the data directory {shown} is not a directory: choose another path");
        }
        if let Some(problem) = access_problem(&metadata) {
            bail!("the data directory {shown} {}: {}", problem.what, problem.mend(path, PRIVATE_DIRECTORY));
        }
        Ok(Self(path.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The SQLite database.
    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("reseal.db")
    }

    /// The root key file.
    pub(crate) fn root_key(&self) -> PathBuf {
        self.0.join("root.key")
    }

    /// The directory of the audit log.
    pub(crate) fn audit(&self) -> PathBuf {
        self.0.join("audit")
    }

    /// The socket for local administration.
    pub(crate) fn admin_socket(&self) -> PathBuf {
        self.0.join("admin.sock")
    }

    /// The file that is locked while a process works on the directory.
    pub(crate) fn lock_file(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// Credentials of the first account, if they could not be shown on a terminal.
    pub(crate) fn first_account(&self) -> PathBuf {
        self.0.join("first-account.env")
    }

    /// Takes the exclusive lock, or `None` when another process has it.
    pub(crate) fn try_lock(&self) -> Result<Option<Lock>> {
        let path = self.lock_file();
        let cannot = || format!("the lock file {} cannot be used", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(PRIVATE_FILE)
            .open(&path)
            .with_context(cannot)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(error).with_context(cannot),
        }
        file.set_len(0).with_context(cannot)?;
        writeln!(file, "{}", std::process::id()).with_context(cannot)?;
        Ok(Some(Lock { _file: file }))
    }

    /// Takes the exclusive lock, or says who has it.
    pub(crate) fn lock(&self) -> Result<Lock> {
        match self.try_lock()? {
            Some(lock) => Ok(lock),
            None => bail!(
                "{} is in use by {}: stop that process first, or choose another --data-dir",
                self.0.display(),
                self.holder()
            ),
        }
    }

    /// Whether another process holds the lock. Takes nothing, changes nothing.
    pub(crate) fn in_use(&self) -> bool {
        let Ok(file) = File::open(self.lock_file()) else { return false };
        flock(&file, FlockOperation::NonBlockingLockShared).is_err()
    }

    /// Who holds the lock, as far as the lock file tells.
    pub(crate) fn holder(&self) -> String {
        let mut text = String::new();
        let read = File::open(self.lock_file()).and_then(|file| file.take(32).read_to_string(&mut text));
        match (read, text.trim().parse::<u32>()) {
            (Ok(_), Ok(pid)) => format!("process {pid}"),
            _ => "another process".to_owned(),
        }
    }
}

/// Why others could get at a file or directory.
pub(crate) struct AccessProblem {
    pub(crate) what: String,
    foreign: bool,
}

impl AccessProblem {
    /// What to type to put it right.
    pub(crate) fn mend(&self, path: &Path, mode: u32) -> String {
        let path = path.display();
        if self.foreign {
            format!("run as its owner, or `chown {} {path}`", own_uid())
        } else {
            format!("`chmod {mode:o} {path}`")
        }
    }
}

/// What is wrong with owner and mode of a thing that nobody but this user may touch.
pub(crate) fn access_problem(metadata: &fs::Metadata) -> Option<AccessProblem> {
    let mode = metadata.mode() & 0o7777;
    if metadata.uid() != own_uid() {
        let what = format!("belongs to user {}, not to user {}", metadata.uid(), own_uid());
        return Some(AccessProblem { what, foreign: true });
    }
    (mode & OTHERS != 0)
        .then(|| AccessProblem { what: format!("is open to other users (mode {mode:04o})"), foreign: false })
}

/// Writes a file that only this user may read, under `path` as a whole or not at all.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let cannot = || format!("{} cannot be written", path.display());
    let temporary = path.with_extension("new");
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE_FILE).open(&temporary);
    let mut file = open.with_context(cannot)?;
    file.write_all(content).and_then(|()| file.sync_all()).with_context(cannot)?;
    rename_durably(&temporary, path)
}

/// Gives a file its name, so that a power cut does not take it away again.
pub(crate) fn rename_durably(from: &Path, to: &Path) -> Result<()> {
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::rename(from, to)
        .and_then(|()| File::open(parent)?.sync_all())
        .with_context(|| format!("{} cannot be put in its place", to.display()))
}

pub(crate) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn make_private_directory(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(PRIVATE_DIRECTORY).create(path);
    made.with_context(|| format!("the directory {} cannot be created", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::temporary::TemporaryDirectory;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn is_made_private_and_refused_when_loose() {
        let temporary = TemporaryDirectory::make().unwrap();
        let path = temporary.path().join("new/data");
        DataDir::prepare(&path).unwrap();
        assert_eq!((mode(&path), mode(&path.join("audit"))), (0o700, 0o700));
        for loose in [0o750, 0o701, 0o755] {
            fs::set_permissions(&path, fs::Permissions::from_mode(loose)).unwrap();
            let refusal = DataDir::prepare(&path).unwrap_err().to_string();
            assert!(refusal.contains(&format!("(mode {loose:04o})")), "{refusal}");
            assert!(refusal.ends_with(&format!("`chmod 700 {}`", path.display())), "{refusal}");
        }
        assert!(DataDir::existing(&temporary.path().join("absent")).is_err());
    }

    #[test]
    fn a_file_is_no_directory() {
        let temporary = TemporaryDirectory::make().unwrap();
        let path = temporary.path().join("file");
        write_private(&path, b"x").unwrap();
        assert_eq!(mode(&path), PRIVATE_FILE);
        assert!(DataDir::existing(&path).unwrap_err().to_string().contains("is not a directory"));
    }

    #[test]
    fn one_holder_at_a_time() {
        let temporary = TemporaryDirectory::make().unwrap();
        let directory = DataDir::prepare(temporary.path()).unwrap();
        assert!(!directory.in_use());
        let lock = directory.lock().unwrap();
        assert!(directory.in_use());
        let refusal = directory.lock().err().unwrap().to_string();
        assert!(refusal.contains(&format!("in use by process {}", std::process::id())), "{refusal}");
        drop(lock);
        assert!(directory.try_lock().unwrap().is_some());
    }
}
