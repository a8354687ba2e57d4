//! Durability: what was answered `Ok` is there after the process was killed, and after the disk was full.
//!
//! The tests start this test binary again as the process that dies: `child` is no test by itself.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::support::{TempDir, batch, commit, get, put};

const FILE_VARIABLE: &str = "RESEAL_TEST_FILE";
const WRITERS: u32 = 4;

fn value(name: &str) -> Vec<u8> {
    name.bytes().cycle().take(900).collect()
}

/// Commits from several threads and prints each key once its commit returned, until it is killed or refused.
#[test]
#[ignore = "the process that the other tests kill"]
fn child() {
    let Some(file) = std::env::var_os(FILE_VARIABLE) else { return };
    let store =
        reseal_store_sqlite::SqliteStore::open(file, reseal_store_sqlite::Options::default()).unwrap();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                // More than any test reads, so that a broken store cannot keep this running for ever.
                for number in 0..20_000_u64 {
                    let name = format!("{}/{writer}/{number}", std::process::id());
                    let write = put(name.as_bytes(), number, &value(&name));
                    let answer = commit(store, batch(vec![write]));
                    let line = if answer.is_ok() { format!("kept {name}\n") } else { "refused\n".to_owned() };
                    // Straight to the descriptor: the harness would hold back what `print!` writes.
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                    if answer.is_err() {
                        return;
                    }
                }
            });
        }
    });
}

fn start(file: &Path, prefix: &str) -> std::process::Child {
    let binary = std::env::current_exe().unwrap();
    Command::new("sh")
        .args([
            "-c",
            &format!("{prefix} exec \"$0\" --ignored --exact durability::child --nocapture"),
            binary.to_str().unwrap(),
        ])
        .env(FILE_VARIABLE, file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn kept(line: &str) -> Option<String> {
    line.strip_prefix("kept ").map(str::to_owned)
}

#[test]
fn every_acknowledged_commit_survives_a_kill() {
    let dir = TempDir::new();
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..5 {
        let mut child = start(&dir.file(), "");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        acknowledged.extend(lines.by_ref().filter_map(|line| kept(&line)).take(50 + round * 40));
        child.kill().unwrap();
        // What it had printed before it died counts as well; a cut last line does not.
        let rest: Vec<String> = lines.collect();
        acknowledged.extend(rest.iter().take(rest.len().saturating_sub(1)).filter_map(|line| kept(line)));
        child.wait().unwrap();
        let store = dir.open();
        store.integrity_check().unwrap();
        for name in &acknowledged {
            assert_eq!(
                get(&store, name.as_bytes()).map(|found| found.value),
                Some(value(name)),
                "{name} is lost"
            );
        }
    }
    assert!(acknowledged.len() >= 650);
}

#[test]
fn a_full_disk_is_an_error_and_loses_no_acknowledged_commit() {
    let dir = TempDir::new();
    // No file may grow beyond 1 MiB, and writing there fails instead of ending the process.
    let child = start(&dir.file(), "trap '' XFSZ; ulimit -f 2048;").wait_with_output().unwrap();
    let output = String::from_utf8(child.stdout).unwrap();
    assert_eq!(output.matches("refused\n").count(), 4, "{output}");
    let store = dir.open();
    store.integrity_check().unwrap();
    let acknowledged: Vec<String> = output.lines().filter_map(kept).collect();
    assert!(acknowledged.len() > 100);
    for name in &acknowledged {
        assert_eq!(
            get(&store, name.as_bytes()).map(|found| found.value),
            Some(value(name)),
            "{name} is lost"
        );
    }
    commit(&store, batch(vec![put(b"after", 1, b"")])).unwrap();
}
