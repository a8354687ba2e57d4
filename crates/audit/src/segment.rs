//! Files of the log: their names, their order and how one is made.
//!
//! `audit-<start>-<sequence>.jsonl`: the UTC start as `yyyymmddThhmmssZ`, and a sequence number of ten digits
//! that only grows. The sequence is the order; the start only says where to look, since a clock may be set back.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use reseal_types::Timestamp;

use crate::{error::AuditError, file::SegmentFile};

const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const LOCK_FILE: &str = ".lock";
const MILLIS_PER_DAY: i64 = 86_400_000;

/// Where a segment is and what its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentName {
    pub(crate) sequence: u64,
    /// `yyyymmddThhmmssZ`: compares as text.
    pub(crate) start: String,
    pub(crate) path: PathBuf,
}

/// The segment that is being written.
pub(crate) struct Segment {
    pub(crate) name: SegmentName,
    pub(crate) file: Arc<SegmentFile>,
    /// Bytes of whole lines. What lies behind them is the rest of a failed write.
    pub(crate) len: u64,
    /// The UTC day, counted from the epoch, after which the next segment begins.
    pub(crate) day: i64,
}

impl SegmentName {
    fn new(dir: &Path, start: String, sequence: u64) -> Self {
        let path = dir.join(format!("audit-{start}-{sequence:010}.jsonl"));
        Self { sequence, start, path }
    }

    fn parse(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (start, sequence) = name.strip_prefix("audit-")?.strip_suffix(".jsonl")?.split_once('-')?;
        let shape = start.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
        let digits = sequence.len() >= 10 && sequence.bytes().all(|byte| byte.is_ascii_digit());
        if start.len() != 16 || !shape || !digits {
            return None;
        }
        Some(Self { sequence: sequence.parse().ok()?, start: start.to_owned(), path })
    }

    /// Whether the segment began on the UTC day of `now`, or later.
    fn began_today(&self, now: Timestamp) -> bool {
        self.start.get(..8) >= stamp(now).get(..8)
    }
}

impl Segment {
    /// Makes the next segment. Its name is durable when this returns.
    pub(crate) fn create(dir: &Path, sequence: u64, now: Timestamp) -> Result<Self, AuditError> {
        let name = SegmentName::new(dir, stamp(now), sequence);
        let mut options = OpenOptions::new();
        options.create_new(true).append(true).mode(FILE_MODE);
        let file = options.open(&name.path).map_err(AuditError::io("create", &name.path))?;
        sync_dir(dir)?;
        Ok(Self { name, file: Arc::new(SegmentFile::new(file)), len: 0, day: day(now) })
    }

    /// Goes on with the newest segment of an earlier run, if it is of today and has room.
    pub(crate) fn resume(
        name: &SegmentName,
        segment_bytes: u64,
        now: Timestamp,
    ) -> Result<Option<Self>, AuditError> {
        if !name.began_today(now) {
            return Ok(None);
        }
        let file = OpenOptions::new().append(true).open(&name.path);
        let file = file.map_err(AuditError::io("open", &name.path))?;
        let len = file.metadata().map_err(AuditError::io("inspect", &name.path))?.len();
        if len >= segment_bytes {
            return Ok(None);
        }
        Ok(Some(Self { name: name.clone(), file: Arc::new(SegmentFile::new(file)), len, day: day(now) }))
    }
}

/// Makes the directory if need be, and takes the log for this process. The lock ends with the file handle, also
/// when the process is killed.
pub(crate) fn claim_dir(dir: &Path) -> Result<File, AuditError> {
    if !dir.exists() {
        let made = DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir);
        made.map_err(AuditError::io("create", dir))?;
        sync_dir(&dir.join(".."))?;
    }
    let mode = fs::metadata(dir).map_err(AuditError::io("inspect", dir))?.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(AuditError::LooseMode { path: dir.to_owned(), mode });
    }
    let path = dir.join(LOCK_FILE);
    let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(FILE_MODE).open(&path);
    let lock = lock.map_err(AuditError::io("open", &path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(AuditError::InUse(dir.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(AuditError::io("lock", &path)(error)),
    }
}

/// All segments, oldest first. Files of other names are none of ours.
pub(crate) fn list(dir: &Path) -> Result<Vec<SegmentName>, AuditError> {
    let entries = fs::read_dir(dir).map_err(AuditError::io("read", dir))?;
    let names = entries.map(|entry| entry.map(|entry| SegmentName::parse(entry.path())));
    let names = names.collect::<io::Result<Vec<_>>>().map_err(AuditError::io("read", dir))?;
    let mut names: Vec<_> = names.into_iter().flatten().collect();
    names.sort_by_key(|name| name.sequence);
    Ok(names)
}

/// Makes new and changed names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), AuditError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(AuditError::io("sync", dir))
}

/// The UTC day of a moment, counted from the epoch.
pub(crate) fn day(now: Timestamp) -> i64 {
    now.millis().div_euclid(MILLIS_PER_DAY)
}

/// `yyyymmddThhmmssZ`.
pub(crate) fn stamp(time: Timestamp) -> String {
    let (year, month, day, hour, minute, second) = time.civil();
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_strangers_are_left_alone() {
        let name = SegmentName::new(Path::new("/log"), stamp(Timestamp::from_millis(1_767_323_045_999)), 7);
        assert_eq!(name.path, Path::new("/log/audit-20260102T030405Z-0000000007.jsonl"));
        assert_eq!(SegmentName::parse(name.path.clone()), Some(name));
        for stranger in [
            ".lock",
            "audit-20260102T030405Z-0000000007.jsonl.torn",
            "audit-20260102T030405Z-7.jsonl",
            "audit-20260102T030405Z-000000000+.jsonl",
            "audit-20260102 030405Z-0000000007.jsonl",
            "audit-20260102T030405Z0-0000000007.jsonl",
            "audit-20260102T030405Z-99999999999999999999999.jsonl",
        ] {
            assert_eq!(SegmentName::parse(Path::new("/log").join(stranger)), None, "{stranger}");
        }
    }
}
