//! Reading the whole file: its check and its backup. Both run on the caller's thread and connection.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::error::Error;
use crate::gate::Gate;
use crate::{Options, open, reader};

/// How many findings of SQLite are passed on.
const FINDINGS: u32 = 20;

pub(crate) fn integrity_check(path: &Path, options: &Options, gate: &Gate) -> Result<(), Error> {
    let _reading = gate.long_read();
    let connection = open::for_reading(path, options.busy_timeout)?;
    let mut check = connection.prepare(&format!("PRAGMA integrity_check({FINDINGS})"))?;
    let findings = check.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    if findings != ["ok"] {
        return Err(Error::Damaged(findings.join("; ")));
    }
    let mut records = connection.prepare("SELECT key, version, value FROM records")?;
    let mut rows = records.query([])?;
    while let Some(row) = rows.next()? {
        reader::check(row)?;
    }
    Ok(())
}

pub(crate) fn backup(source: &Path, target: &Path, options: &Options, gate: &Gate) -> Result<(), Error> {
    let target = std::path::absolute(target).map_err(Error::io("locate", target))?;
    open::create_private(&target).map_err(Error::io("create", &target))?;
    copy(source, &target, options, gate).inspect_err(|_| {
        // What failed is told; that a half copy could not be removed either would only hide it.
        let _ = fs::remove_file(&target);
    })
}

fn copy(source: &Path, target: &Path, options: &Options, gate: &Gate) -> Result<(), Error> {
    let _reading = gate.long_read();
    let from = open::for_reading(source, options.busy_timeout)?;
    let mut to = Connection::open(target)?;
    // In one step: a copy in several would start anew with each commit between them.
    if Backup::new(&from, &mut to)?.step(-1)? != StepResult::Done {
        return Err(Error::Damaged("the backup could not lock the file".to_owned()));
    }
    to.close().map_err(|(_, error)| error)?;
    open::sync_directory(target).map_err(Error::io("sync the directory of", target))
}
