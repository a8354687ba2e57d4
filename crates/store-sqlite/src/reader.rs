//! Reads: a few threads with a connection each, and the two questions they answer.
//!
//! A read must never leave its transaction open: it would see the past, and keep the log from being emptied.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use futures_channel::oneshot;
use reseal_core::store::{Page, RecordKey, Versioned};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::Error;
use crate::gate::Gate;
use crate::{Options, frame, open};

type Task = Box<dyn FnOnce(&Connection) + Send>;

/// The reading threads.
pub(crate) struct Readers {
    queue: Option<Sender<Task>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(crate) fn start(path: &Path, options: &Options, gate: &Arc<Gate>) -> Result<Self, Error> {
        let (queue, tasks) = channel();
        let tasks = Arc::new(Mutex::new(tasks));
        let mut readers = Self { queue: Some(queue), threads: Vec::new() };
        for _ in 0..options.readers.max(1) {
            let connection = open::for_reading(path, options.busy_timeout)?;
            let (tasks, gate) = (Arc::clone(&tasks), Arc::clone(gate));
            let thread = thread::Builder::new().name("store-reader".to_owned());
            let thread = thread.spawn(move || serve(&connection, &tasks, &gate));
            readers.threads.push(thread.map_err(Error::io("start a thread for", path))?);
        }
        Ok(readers)
    }

    /// Runs a read on one of the threads.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let task: Task = Box::new(move |connection| {
            // An answer that nobody awaits any more is no loss.
            let _ = answer.send(read(connection));
        });
        self.queue.as_ref().ok_or(Error::Closed)?.send(task).map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            join(thread);
        }
    }
}

/// Waits for the end of a thread, unless this is it: an answer can wake a task that drops the store.
pub(crate) fn join(thread: JoinHandle<()>) {
    if thread.thread().id() != thread::current().id() {
        // A panic was reported by its thread, and its callers were told that they get no answer.
        let _ = thread.join();
    }
}

/// The keys that a scan covers: `start <= key < end`.
pub(crate) struct Range {
    start: Vec<u8>,
    end: Vec<u8>,
}

impl Range {
    pub(crate) fn new(prefix: &[u8], after: Option<&RecordKey>) -> Self {
        // The least key above another is that key and a zero byte.
        let above = after.map(|after| [after.as_bytes(), &[0]].concat()).unwrap_or_default();
        // The least key above all with the prefix: trailing 0xff bytes go, the byte before them grows by one.
        let end = match prefix.iter().rposition(|&byte| byte != 0xff).and_then(|last| prefix.get(..=last)) {
            Some([head @ .., last]) => [head, &[last + 1]].concat(),
            _ => vec![0xff; RecordKey::MAX_LEN + 1],
        };
        Self { start: above.max(prefix.to_vec()), end }
    }
}

/// The record at the key.
pub(crate) fn get(connection: &Connection, key: &RecordKey) -> Result<Option<Versioned>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT key, version, value FROM records WHERE key = ?1")?;
    let found = statement.query_row(params![key.as_bytes()], |row| Ok(record(row))).optional()?;
    found.transpose()
}

/// The first `limit` records of the range.
pub(crate) fn scan(connection: &Connection, range: &Range, limit: u16) -> Result<Page, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT key, version, value FROM records WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3",
    )?;
    let mut rows = statement.query(params![range.start, range.end, i64::from(limit) + 1])?;
    let mut page = Page::default();
    while let Some(row) = rows.next()? {
        if page.records.len() == usize::from(limit) {
            page.more = true;
            break;
        }
        // No writer makes a key that is empty or too long. Such a row has no place; `integrity_check` tells of
        // it, and it must not keep the others from being read.
        if let Some(key) = RecordKey::new(row.get_ref(0)?.as_blob().unwrap_or_default()) {
            page.records.push((key, record(row)?));
        }
    }
    Ok(page)
}

/// The record in three columns: key, version, frame. What no writer made comes out as it is, a version beyond all
/// that are written or bytes without their frame: whoever sealed the record will refuse it, by name, and only it.
fn record(row: &Row<'_>) -> Result<Versioned, Error> {
    let (key, version, frame) = columns(row)?;
    let value = frame::unwrap(key.len(), version, frame);
    Ok(Versioned { version: version.cast_unsigned(), value: value.unwrap_or(frame).to_vec() })
}

/// Whether a writer made this row: key, version and frame in three columns.
pub(crate) fn check(row: &Row<'_>) -> Result<(), Error> {
    let (key, version, frame) = columns(row)?;
    let problem = if RecordKey::new(key).is_none() {
        "a key is empty or too long"
    } else if version < 0 {
        "a version is negative"
    } else if frame::unwrap(key.len(), version, frame).is_none() {
        "a value is not framed"
    } else {
        return Ok(());
    };
    Err(Error::Damaged(problem.to_owned()))
}

fn columns<'r>(row: &'r Row<'_>) -> Result<(&'r [u8], i64, &'r [u8]), Error> {
    let bytes = |column| Ok::<_, Error>(row.get_ref(column)?.as_blob().unwrap_or_default());
    Ok((bytes(0)?, row.get(1)?, bytes(2)?))
}

fn serve(connection: &Connection, tasks: &Mutex<Receiver<Task>>, gate: &Gate) {
    loop {
        // Taken while waiting: the next reader waits for the lock instead of the queue.
        let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = next else { return };
        let _reading = gate.short_read();
        task(connection);
    }
}
