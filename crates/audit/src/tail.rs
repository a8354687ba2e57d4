//! What a crash in the middle of a write leaves behind: the start of a line without its end.
//!
//! It was never answered for. It is copied beside the segment, for whoever wants to look, and cut off.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::{
    error::AuditError,
    segment::{SegmentName, sync_dir},
};

/// An unfinished last line that was cut off when the log was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The segment it was cut from.
    pub segment: PathBuf,
    /// Where in the segment it began, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// The file that now holds it.
    pub saved_to: PathBuf,
}

const BLOCK_BYTES: u64 = 64 << 10;
const FILE_MODE: u32 = 0o600;
/// One segment can be torn once per crash.
const MAX_TORN_FILES: u32 = 10_000;

/// Cuts off the unfinished last line of a segment, if it has one. Durable when this returns; the copy is durable
/// before the cut.
pub(crate) fn cut_torn(dir: &Path, segment: &SegmentName) -> Result<Option<TornTail>, AuditError> {
    let path = &segment.path;
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(AuditError::io("open", path))?;
    let len = file.metadata().map_err(AuditError::io("inspect", path))?.len();
    let whole = whole_lines(&file, len).map_err(AuditError::io("read", path))?;
    if whole == len {
        return Ok(None);
    }
    let saved_to = save(&file, whole, path)?;
    sync_dir(dir)?;
    file.set_len(whole).and_then(|()| file.sync_all()).map_err(AuditError::io("cut", path))?;
    Ok(Some(TornTail { segment: path.clone(), offset: whole, bytes: len - whole, saved_to }))
}

/// Length of the file up to and with its last line feed, found from the end in bounded memory.
fn whole_lines(file: &File, len: u64) -> io::Result<u64> {
    let mut end = len;
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK_BYTES);
        block.clear();
        block.resize(usize::try_from(end - start).unwrap_or(0), 0);
        file.read_exact_at(&mut block, start)?;
        if let Some(at) = memchr::memrchr(b'\n', &block) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

fn save(mut segment: &File, from: u64, path: &Path) -> Result<PathBuf, AuditError> {
    let (to, mut copy) = create_beside(path)?;
    let copied = segment.seek(SeekFrom::Start(from)).and_then(|_| io::copy(&mut segment.by_ref(), &mut copy));
    copied.and_then(|_| copy.sync_all()).map_err(AuditError::io("write", &to))?;
    Ok(to)
}

/// `<segment>.torn`, or with a number when the segment was torn before.
fn create_beside(path: &Path) -> Result<(PathBuf, File), AuditError> {
    let mut to = with_suffix(path, ".torn");
    for count in 2..MAX_TORN_FILES {
        match OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&to) {
            Ok(file) => return Ok((to, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                to = with_suffix(path, &format!(".{count}.torn"));
            }
            Err(error) => return Err(AuditError::io("create", &to)(error)),
        }
    }
    Err(AuditError::io("create", &to)(io::ErrorKind::AlreadyExists.into()))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
