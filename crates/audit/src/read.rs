//! Reads the log back, one line at a time, in bounded memory.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    vec,
};

use memchr::memmem::Finder;
use reseal_types::Timestamp;
use serde::Deserialize;

use crate::{
    error::AuditError,
    frame::MAX_RECORD_BYTES,
    segment::{self, SegmentName},
};

/// As JSON writers without white space put it.
const EVENT_ID_MEMBER: &[u8] = b"\"eventID\":\"";

/// All records of the log in `dir`, oldest first, each a line without its line feed.
///
/// The log may be open elsewhere. A last line without its end is not a record and is left out: it is being
/// written, or a crash cut it short.
///
/// # Errors
/// When the directory cannot be read.
pub fn read_records(dir: impl AsRef<Path>) -> Result<Records, AuditError> {
    Ok(Records { segments: segment::list(dir.as_ref())?.into_iter(), lines: None })
}

/// Iterator over records; see [`read_records`]. After an error it goes on with the next segment.
pub struct Records {
    segments: vec::IntoIter<SegmentName>,
    lines: Option<Lines>,
}

impl Iterator for Records {
    type Item = Result<Vec<u8>, AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(lines) = &mut self.lines else {
                match Lines::open(self.segments.next()?.path) {
                    Ok(lines) => self.lines = Some(lines),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            };
            let mut line = Vec::new();
            match lines.next(&mut line) {
                Ok(true) => return Some(Ok(line)),
                Ok(false) => self.lines = None,
                Err(error) => {
                    self.lines = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Which of `event_ids` the log holds in segments that may have records of `since` or later.
pub(crate) fn holds(dir: &Path, event_ids: &[String], since: Timestamp) -> Result<Vec<String>, AuditError> {
    let mut missing: HashSet<&str> = event_ids.iter().map(String::as_str).collect();
    let segments = segment::list(dir)?;
    let since = segment::stamp(since);
    // Names carry whole seconds, so a segment may begin up to a second after its name says.
    let ended_before = |at: usize| segments.get(at + 1).is_some_and(|next| next.start < since);
    let finder = Finder::new(EVENT_ID_MEMBER);
    let mut line = Vec::new();
    // Newest first: what is looked for was written last, if at all.
    for (at, segment) in segments.iter().enumerate().rev() {
        if missing.is_empty() || ended_before(at) {
            continue;
        }
        let mut lines = Lines::open(segment.path.clone())?;
        while !missing.is_empty() && lines.next(&mut line)? {
            if names_any(&line, &finder, &missing)
                && let Some(id) = event_id(&line)
            {
                missing.remove(id.as_str());
            }
        }
    }
    Ok(event_ids.iter().filter(|id| !missing.contains(id.as_str())).cloned().collect())
}

/// The record with that event id, in bounded memory. Newest first.
pub(crate) fn record(dir: &Path, event_id: &str) -> Result<Option<Vec<u8>>, AuditError> {
    find(dir, event_id, |line| self::event_id(line).as_deref() == Some(event_id))
}

/// The record that holds `text` and is accepted, in bounded memory. Of a segment the oldest, of segments the newest.
pub(crate) fn find(
    dir: &Path,
    text: &str,
    accept: impl Fn(&[u8]) -> bool,
) -> Result<Option<Vec<u8>>, AuditError> {
    let finder = Finder::new(text);
    let mut line = Vec::new();
    for segment in segment::list(dir)?.into_iter().rev() {
        let mut lines = Lines::open(segment.path)?;
        while lines.next(&mut line)? {
            if finder.find(&line).is_some() && accept(&line) {
                return Ok(Some(line));
            }
        }
    }
    Ok(None)
}

/// Whether the id of a record may be one of `ids`: quick, and never wrongly `false`.
fn names_any(record: &[u8], finder: &Finder<'_>, ids: &HashSet<&str>) -> bool {
    finder.find_iter(record).any(|at| {
        let rest = record.get(at + EVENT_ID_MEMBER.len()..).unwrap_or_default();
        let id = memchr::memchr(b'"', rest).and_then(|end| rest.get(..end));
        id.and_then(|id| std::str::from_utf8(id).ok()).is_some_and(|id| ids.contains(id))
    })
}

/// The id of a record. Parsed, not searched for: an encryption context may have a member of the same name.
fn event_id(record: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Record {
        #[serde(rename = "eventID")]
        event_id: String,
    }
    serde_json::from_slice(record).ok().map(|Record { event_id }| event_id)
}

struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
}

impl Lines {
    fn open(path: PathBuf) -> Result<Self, AuditError> {
        let file = File::open(&path).map_err(AuditError::io("open", &path))?;
        Ok(Self { path, reader: BufReader::with_capacity(64 << 10, file) })
    }

    /// Reads the next whole line into `line`; `false` at the end.
    fn next(&mut self, line: &mut Vec<u8>) -> Result<bool, AuditError> {
        line.clear();
        let limit = MAX_RECORD_BYTES as u64 + 1;
        let read: io::Result<usize> = self.reader.by_ref().take(limit).read_until(b'\n', line);
        let read = read.map_err(AuditError::io("read", &self.path))?;
        if line.pop_if(|last| *last == b'\n').is_some() {
            return Ok(true);
        }
        if read > MAX_RECORD_BYTES {
            return Err(AuditError::LineTooLong(self.path.clone()));
        }
        Ok(false)
    }
}
