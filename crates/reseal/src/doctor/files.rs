//! Modes, owners, the audit log's last line, and room on the disk.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access, statvfs};

use super::Finding;
use crate::datadir::{DataDir, PRIVATE_DIRECTORY, PRIVATE_FILE, access_problem, own_uid};

/// The area whose problems keep the rest from being looked at.
pub(super) const DIRECTORY: &str = "data directory";
const FILES: &str = "files";
const AUDIT: &str = "audit log";
const DISK: &str = "disk";
const MIB: u64 = 1024 * 1024;
const ROOM_WARNING: u64 = 1024 * MIB;
const ROOM_PROBLEM: u64 = 64 * MIB;

pub(super) fn look(directory: &DataDir) -> Vec<Finding> {
    let path = directory.path();
    let metadata = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            let what = format!("{} is not a directory", path.display());
            return vec![Finding::problem(DIRECTORY, what, "choose another path")];
        }
        Err(error) => {
            let what = format!("{} cannot be looked at: {error}", path.display());
            return vec![Finding::problem(
                DIRECTORY,
                what,
                "start the service on it once, or correct the path",
            )];
        }
    };
    if metadata.uid() != own_uid() {
        let what =
            format!("{} belongs to user {}, not to user {}", path.display(), metadata.uid(), own_uid());
        let mend = "run this as the service's user: `sudo -u USER reseal doctor ...`";
        return vec![Finding::problem(DIRECTORY, what, mend)];
    }
    let mut findings = vec![match access_problem(&metadata) {
        // The store can still be looked at, so this is about files.
        Some(problem) => {
            let what = format!("the data directory {} {}", path.display(), problem.what);
            Finding::problem(FILES, what, problem.mend(path, PRIVATE_DIRECTORY))
        }
        None => Finding::ok(DIRECTORY, format!("{} is this user's alone", path.display())),
    }];
    findings.extend(modes(directory));
    findings.extend(audit(directory));
    findings.push(disk(path));
    findings
}

fn modes(directory: &DataDir) -> Vec<Finding> {
    let mut findings = Vec::new();
    let listed = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let paths: Vec<PathBuf> = listed(directory.path().to_owned()).chain(listed(directory.audit())).collect();
    for path in &paths {
        let Ok(metadata) = fs::metadata(path) else { continue };
        if let Some(problem) = access_problem(&metadata) {
            let mode = if metadata.is_dir() { PRIVATE_DIRECTORY } else { PRIVATE_FILE };
            let what = format!("{} {}", path.display(), problem.what);
            findings.push(Finding::problem(FILES, what, problem.mend(path, mode)));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            FILES,
            format!("{} files and directories, all this user's alone", paths.len()),
        ));
    }
    let first_account = directory.first_account();
    if first_account.exists() {
        let what = format!("{} still holds the first account's credentials", first_account.display());
        findings.push(Finding::warning(FILES, what, "keep them elsewhere and delete the file"));
    }
    findings
}

fn audit(directory: &DataDir) -> Vec<Finding> {
    let path = directory.audit();
    let newest = match fs::read_dir(&path) {
        Ok(entries) => {
            let segments = entries.flatten().map(|entry| entry.path());
            segments.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).max()
        }
        Err(error) => {
            let what = format!("{} cannot be read: {error}", path.display());
            return vec![Finding::problem(
                AUDIT,
                what,
                "start the service on the directory once, or restore it",
            )];
        }
    };
    if let Err(error) = access(&path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        let what = format!(
            "{} cannot be written to ({error}), so the service would refuse all work",
            path.display()
        );
        return vec![Finding::problem(
            AUDIT,
            what,
            format!("`chmod 700 {}`, or mount it writable", path.display()),
        )];
    }
    let Some(segment) = newest else {
        return vec![Finding::ok(AUDIT, "writable, nothing recorded yet")];
    };
    match last_byte(&segment) {
        Ok(None | Some(b'\n')) => {
            vec![Finding::ok(AUDIT, format!("writable, {} ends whole", segment.display()))]
        }
        Ok(Some(_)) if directory.in_use() => {
            vec![Finding::ok(AUDIT, format!("writable, {} is being written", segment.display()))]
        }
        Ok(Some(_)) => {
            let what = format!("the last record of {} was cut short by a crash", segment.display());
            vec![Finding::warning(AUDIT, what, "nothing: the next start sets the piece aside")]
        }
        Err(error) => {
            let what = format!("{} cannot be read: {error}", segment.display());
            vec![Finding::problem(AUDIT, what, "check the disk")]
        }
    }
}

fn last_byte(path: &Path) -> std::io::Result<Option<u8>> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(None);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    Ok(byte.first().copied())
}

fn disk(path: &Path) -> Finding {
    match statvfs(path) {
        Ok(disk) => {
            let room = disk.f_bavail.saturating_mul(disk.f_frsize);
            let what = format!("{} MiB free at {}", room / MIB, path.display());
            let mend = "free some: when records cannot be written, the service refuses all work";
            match room {
                0..ROOM_PROBLEM => Finding::problem(DISK, what, mend),
                ROOM_PROBLEM..ROOM_WARNING => Finding::warning(DISK, what, mend),
                _ => Finding::ok(DISK, what),
            }
        }
        Err(error) => Finding::warning(DISK, format!("room cannot be told: {error}"), "check the mount"),
    }
}
