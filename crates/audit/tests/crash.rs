//! A process that is killed, and a disk that is full. Both need a process of their own: a child runs one of the
//! ignored tests here, in a directory that says which one is wanted.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test, also in the helpers of tests")]

mod support;

use std::{
    collections::HashSet,
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use reseal_audit::{AuditLog, Durability, Options};
use reseal_core::audit::AuditSink;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{TempDir, TestClock, files, open, records, wait};

const MARKER: &str = "child-of-a-test";
const KILLS: usize = 6;
const RECORDS_BEFORE_KILL: usize = 300;

/// Runs the ignored test `name` with `dir` as its directory, and with the signal of the file size limit ignored,
/// so that a write beyond it fails as on a full disk.
fn child(name: &str, dir: &Path) -> Child {
    fs::write(dir.join(MARKER), name).unwrap();
    let arguments = ["-c", "trap '' XFSZ; exec \"$0\" \"$@\""];
    let mut command = Command::new("/bin/sh");
    command.args(arguments).arg(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture", "--test-threads", "1"]);
    command.current_dir(dir).stdout(Stdio::piped()).spawn().unwrap()
}

fn is_child(name: &str) -> bool {
    fs::read_to_string(MARKER).is_ok_and(|marker| marker == name)
}

#[test]
fn a_killed_process_loses_no_record_it_answered_for() {
    for round in 0..KILLS {
        let (dir, clock) = (TempDir::new(), TestClock::new());
        let name = if round % 2 == 0 { "child_writes" } else { "child_writes_synced" };
        let mut child = child(name, dir.path());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut answered = lines.filter_map(|line| line.strip_prefix("kept ").map(str::to_owned));
        let mut kept: Vec<_> = answered.by_ref().take(RECORDS_BEFORE_KILL + round * 17).collect();
        child.kill().unwrap();
        kept.extend(answered);
        child.wait().unwrap();

        let log = open(&dir.log(), &clock);
        log.append_now(br#"{"id":"after"}"#).unwrap();
        let ids = records(&dir.log()).into_iter().map(|record| {
            let record: serde_json::Value = serde_json::from_str(&record).unwrap();
            record["id"].as_str().unwrap().to_owned()
        });
        let ids: Vec<_> = ids.collect();
        let distinct: HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len(), "a record twice");
        assert!(kept.len() >= RECORDS_BEFORE_KILL);
        for id in kept {
            assert!(distinct.contains(&id), "lost {id}");
        }
    }
}

#[test]
#[ignore = "runs in a child process"]
fn child_writes() {
    write_until_killed("child_writes", Durability::Written);
}

#[test]
#[ignore = "runs in a child process"]
fn child_writes_synced() {
    write_until_killed("child_writes_synced", Durability::Synced);
}

fn write_until_killed(name: &str, durability: Durability) {
    if !is_child(name) {
        return;
    }
    let options = Options { durability, segment_bytes: 8 << 20, clock: TestClock::new() };
    let log = AuditLog::open("audit", options).unwrap();
    thread::scope(|scope| {
        for thread in 0..4 {
            let log = &log;
            scope.spawn(move || {
                for n in 0.. {
                    // Now and then a record so long that a kill can fall into its write.
                    let pad = "p".repeat(if n % 20 == 0 { 3_000_000 } else { 1_200 });
                    let id = format!("{thread}-{n}");
                    let record = format!(r#"{{"id":"{id}","pad":"{pad}"}}"#);
                    wait(log.append_now(record.as_bytes()).unwrap()).unwrap();
                    writeln!(std::io::stdout().lock(), "kept {id}").unwrap();
                }
            });
        }
    });
}

#[test]
fn a_full_disk_makes_the_log_unready_until_there_is_space() {
    let dir = TempDir::new();
    let output = child("child_fills_the_disk", dir.path()).wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert!(dir.path().join("done").exists(), "the child did nothing");
}

#[test]
#[ignore = "runs in a child process"]
fn child_fills_the_disk() {
    if !is_child("child_fills_the_disk") {
        return;
    }
    let (dir, clock) = (Path::new("audit"), TestClock::new());
    let before = getrlimit(Resource::Fsize);
    let log = open(dir, &clock);
    let record = format!(r#"{{"pad":"{}"}}"#, "p".repeat(1_200));
    setrlimit(Resource::Fsize, Rlimit { current: Some(100_000), ..before }).unwrap();

    let mut kept = 0;
    while log.append_now(record.as_bytes()).is_ok() {
        kept += 1;
    }
    assert_eq!(kept, 100_000 / (record.len() + 1));
    assert!(log.ready().is_err());
    let segment = files(dir, ".jsonl").pop().unwrap();
    let whole = (kept * (record.len() + 1)) as u64;
    assert_eq!(fs::metadata(&segment).unwrap().len(), whole, "the torn line was cut off at once");
    clock.advance(1_000);
    assert!(log.ready().is_err(), "still full");
    assert_eq!(fs::metadata(&segment).unwrap().len(), whole, "the probe left nothing");

    setrlimit(Resource::Fsize, before).unwrap();
    assert!(log.append_now(record.as_bytes()).is_err(), "probed twice within a second");
    clock.advance(1_000);
    log.ready().unwrap();
    log.append_now(record.as_bytes()).unwrap();
    assert_eq!(records(dir), vec![record; kept + 1]);
    fs::write("done", "").unwrap();
}
