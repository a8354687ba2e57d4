//! The log as its users see it: what is appended is read back, whole and in order, across segments and starts.
#![forbid(unsafe_code)]

mod support;

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{IoSliceMut, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
    thread,
};

use reseal_audit::{AuditError, AuditLog, Durability, Options};
use reseal_core::audit::{AuditSink, Kept};
use rustix::{
    fs::{Advice, fadvise},
    io::{ReadWriteFlags, preadv2},
};
use support::{START, TempDir, TestClock, files, open, records, wait};

const DAY: i64 = 86_400_000;

#[test]
fn keeps_records_in_order_in_private_files() {
    let (dir, clock) = (TempDir::new(), TestClock::new());
    let log = open(&dir.log(), &clock);
    assert!(matches!(log.append_now(br#"{"n":1}"#), Ok(Kept::Already)));
    assert!(log.append_now(br#"{"n":2}"#).is_ok());
    let segment = dir.log().join("audit-20260102T030405Z-0000000001.jsonl");
    assert_eq!(fs::read(&segment).unwrap(), b"{\"n\":1}\n{\"n\":2}\n", "written before append returned");
    assert_eq!((&log.report().segment, log.report().resumed), (&segment, false));
    for (path, mode) in [(&dir.log(), 0o40700), (&segment, 0o100_600)] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode(), mode);
    }
    log.flush().unwrap();
    assert_eq!(records(&dir.log()), [r#"{"n":1}"#, r#"{"n":2}"#]);
}

#[test]
fn refuses_what_is_not_one_line_and_stays_ready() {
    let (dir, clock) = (TempDir::new(), TestClock::new());
    let log = open(&dir.log(), &clock);
    assert!(log.append_now(b"{\"a\":1}\n{\"forged\":1}").is_err());
    assert!(log.append_now(b"").is_err());
    log.ready().unwrap();
    log.append_now(b"{}").unwrap();
    assert_eq!(records(&dir.log()), ["{}"]);
}

#[test]
fn begins_a_segment_each_day_and_when_one_is_full() {
    let (dir, clock) = (TempDir::new(), TestClock::new());
    let options = Options { segment_bytes: 20, ..Options::new(Arc::<TestClock>::clone(&clock)) };
    let log = AuditLog::open(dir.log(), options).unwrap();
    for n in 1..=5 {
        log.append_now(format!(r#"{{"n":{n}}}"#).as_bytes()).unwrap();
    }
    clock.advance(DAY);
    log.append_now(br#"{"n":6}"#).unwrap();
    clock.advance(-DAY);
    log.append_now(br#"{"n":7}"#).unwrap();
    let names = files(&dir.log(), ".jsonl");
    let names: Vec<_> = names.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    let expected = [
        "audit-20260102T030405Z-0000000001.jsonl",
        "audit-20260102T030405Z-0000000002.jsonl",
        "audit-20260102T030405Z-0000000003.jsonl",
        "audit-20260103T030405Z-0000000004.jsonl",
    ];
    assert_eq!(names, expected);
    assert_eq!(records(&dir.log()), (1..=7).map(|n| format!(r#"{{"n":{n}}}"#)).collect::<Vec<_>>());
}

/// Whether the system has a copy of the file's beginning: a read that does not wait for the disk succeeds only then, and
/// never where the file system has no such reads.
fn is_in_memory(path: &Path) -> bool {
    let mut byte = [0];
    File::open(path)
        .is_ok_and(|file| preadv2(file, &mut [IoSliceMut::new(&mut byte)], 0, ReadWriteFlags::NOWAIT).is_ok())
}

#[test]
fn finished_segments_leave_memory() {
    let (dir, clock) = (TempDir::new(), TestClock::new());
    // Not every file system lets go of its copy and tells, and one that has nothing but memory cannot.
    let example = dir.path().join("example");
    let mut file = File::create_new(&example).unwrap();
    file.write_all(b"{}").unwrap();
    file.sync_data().unwrap();
    let tells = is_in_memory(&example);
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    let tells = tells && !is_in_memory(&example);

    let options = Options { segment_bytes: 10, ..Options::new(clock) };
    let log = AuditLog::open(dir.log(), options).unwrap();
    for n in 1..=5 {
        log.append_now(format!(r#"{{"n":{n}}}"#).as_bytes()).unwrap();
    }
    drop(log);
    let segments = files(&dir.log(), ".jsonl");
    let (current, finished) = segments.split_last().unwrap();
    assert_eq!(finished.len(), 4);
    if tells {
        assert!(is_in_memory(current));
        // Asking fetches the file, and it may be there by the time of the answer. It hardly is each time.
        assert!(finished.iter().any(|segment| !is_in_memory(segment)));
    }
    assert_eq!(records(&dir.log()).len(), 5);
}

#[test]
fn resumes_todays_segment_and_no_older_one() {
    let (dir, clock) = (TempDir::new(), TestClock::new());
    open(&dir.log(), &clock).append_now(br#"{"n":1}"#).unwrap();
    let log = open(&dir.log(), &clock);
    assert!(log.report().resumed);
    log.append_now(br#"{"n":2}"#).unwrap();
    drop(log);
    clock.advance(DAY);
    let log = open(&dir.log(), &clock);
    assert!(!log.report().resumed);
    log.append_now(br#"{"n":3}"#).unwrap();
    assert_eq!(files(&dir.log(), ".jsonl").len(), 2);
    assert_eq!(records(&dir.log()), [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#]);
}

#[test]
fn sets_a_torn_line_aside() {
    let (dir, clock) = (TempDir::new(), TestClock::new());
    open(&dir.log(), &clock).append_now(br#"{"n":1}"#).unwrap();
    let segment = dir.log().join("audit-20260102T030405Z-0000000001.jsonl");
    let long = vec![b'x'; 200_000];
    for (count, torn) in [&br#"{"n":"#[..], &br#"{"n":2}"#[..], &long].into_iter().enumerate() {
        OpenOptions::new().append(true).open(&segment).unwrap().write_all(torn).unwrap();
        assert_eq!(records(&dir.log()).len(), 1 + count, "a torn line is not a record");
        let log = open(&dir.log(), &clock);
        let report = log.report().torn.clone().unwrap();
        assert_eq!((&report.segment, report.bytes), (&segment, torn.len() as u64));
        assert_eq!(fs::read(&report.saved_to).unwrap(), torn);
        assert_eq!(fs::metadata(&segment).unwrap().len(), report.offset);
        log.append_now(br#"{"n":3}"#).unwrap();
        drop(log);
        assert_eq!(open(&dir.log(), &clock).report().torn, None);
        assert!(records(&dir.log()).iter().skip(1).all(|record| record == r#"{"n":3}"#));
    }
    assert_eq!(files(&dir.log(), ".torn").len(), 3);
}

#[test]
fn a_segment_of_nothing_but_a_torn_line_is_emptied() {
    let (dir, clock) = (TempDir::new(), TestClock::new());
    let log = open(&dir.log(), &clock);
    let segment = log.report().segment.clone();
    drop(log);
    fs::write(&segment, "{").unwrap();
    clock.advance(DAY);
    let log = open(&dir.log(), &clock);
    assert_eq!(log.report().torn.as_ref().unwrap().offset, 0);
    assert_eq!(fs::metadata(segment).unwrap().len(), 0);
    assert_eq!(records(&dir.log()).len(), 0);
}

#[test]
fn refuses_a_log_in_use_and_a_directory_others_may_write() {
    let (dir, clock) = (TempDir::new(), TestClock::new());
    let first = open(&dir.log(), &clock);
    let options = Options::new(clock);
    assert!(matches!(AuditLog::open(dir.log(), options.clone()), Err(AuditError::InUse(_))));
    drop(first);
    fs::set_permissions(dir.log(), Permissions::from_mode(0o770)).unwrap();
    let Err(error) = AuditLog::open(dir.log(), options) else { panic!("opened") };
    assert!(error.to_string().contains("(mode 0770); to mend it: chmod 700 "), "{error}");
}

#[test]
fn eight_threads_leave_whole_lines() {
    for durability in [Durability::Written, Durability::Synced] {
        let (dir, clock) = (TempDir::new(), TestClock::new());
        let per_thread = if durability == Durability::Written { 2_000 } else { 50 };
        let options = Options { durability, segment_bytes: 100_000, clock };
        let log = AuditLog::open(dir.log(), options).unwrap();
        thread::scope(|scope| {
            for thread in 0..8 {
                let log = &log;
                scope.spawn(move || {
                    for n in 0..per_thread {
                        let pad = "p".repeat((n * 37) % 700);
                        let kept =
                            log.append_now(format!(r#"{{"t":{thread},"n":{n},"p":"{pad}"}}"#).as_bytes());
                        wait(kept.unwrap()).unwrap();
                    }
                });
            }
        });
        let mut next = [0; 8];
        for record in records(&dir.log()) {
            let record: serde_json::Value = serde_json::from_str(&record).unwrap();
            let thread = usize::try_from(record["t"].as_u64().unwrap()).unwrap();
            assert_eq!(record["n"], next[thread], "each thread's records are in its order, once");
            next[thread] += 1;
        }
        assert_eq!(next, [per_thread; 8]);
        assert!(durability == Durability::Synced || files(&dir.log(), ".jsonl").len() > 10);
    }
}

#[test]
fn synced_records_are_kept_when_the_ticket_says_so() {
    let (dir, clock) = (TempDir::new(), TestClock::new());
    let options = Options { durability: Durability::Synced, ..Options::new(clock) };
    let log = AuditLog::open(dir.log(), options).unwrap();
    let kept = log.append_now(b"{}").unwrap();
    assert!(matches!(kept, Kept::When(_)));
    wait(kept).unwrap();
    let hung_up = log.append_now(b"{}").unwrap();
    drop(hung_up);
    wait(log.append_now(b"{}").unwrap()).unwrap();
    assert_eq!(records(&dir.log()).len(), 3);
}

#[test]
fn finds_the_event_ids_it_holds() {
    let (dir, clock) = (TempDir::new(), TestClock::new());
    let log = open(&dir.log(), &clock);
    let found = |ids: &[&str], since: i64| {
        log.holds(&ids.iter().map(|&id| id.to_owned()).collect::<Vec<_>>(), since).unwrap()
    };
    log.append_now(br#"{"eventName":"CreateKey","eventID":"aaa","x":1}"#).unwrap();
    clock.advance(DAY);
    log.append_now(br#"{"eventID":"bbb"}"#).unwrap();
    // Neither a context of the caller's choosing nor an escaped text is the id of a record.
    log.append_now(br#"{"requestParameters":{"encryptionContext":{"eventID":"ddd"}},"eventID":"ccc"}"#)
        .unwrap();
    log.append_now(br#"{"userAgent":"\"eventID\":\"eee\"","eventID":"fff"}"#).unwrap();
    let all = ["ccc", "aaa", "bbb", "ddd", "eee", "fff", "ggg"];
    assert_eq!(found(&all, START), ["ccc", "aaa", "bbb", "fff"]);
    assert_eq!(found(&all, START + DAY), ["ccc", "aaa", "bbb", "fff"], "the segment may end in this second");
    assert_eq!(found(&all, START + DAY + 1_000), ["ccc", "bbb", "fff"], "the first segment ended before");
    assert_eq!(found(&[], 0), Vec::<String>::new());
}

#[test]
fn a_segment_that_cannot_be_made_makes_the_log_unready_until_it_can() {
    let (dir, clock) = (TempDir::new(), TestClock::new());
    let log = open(&dir.log(), &clock);
    log.append_now(br#"{"n":1}"#).unwrap();
    let away = dir.path().join("away");
    fs::rename(dir.log(), &away).unwrap();
    clock.advance(DAY);
    log.ready().unwrap();
    assert!(log.append_now(br#"{"n":2}"#).is_err());
    assert!(log.ready().is_err());
    clock.advance(1_000);
    assert!(log.ready().is_err());
    fs::rename(&away, dir.log()).unwrap();
    assert!(log.ready().is_err(), "probed twice within a second");
    clock.advance(1_000);
    log.ready().unwrap();
    log.append_now(br#"{"n":3}"#).unwrap();
    assert_eq!(records(&dir.log()), [r#"{"n":1}"#, r#"{"n":3}"#]);
    assert_eq!(files(&dir.log(), ".jsonl").len(), 2);
}

#[test]
fn a_record_is_found_by_its_event_id() {
    let (dir, clock) = (TempDir::new(), TestClock::new());
    let options = Options { segment_bytes: 60, ..Options::new(Arc::<TestClock>::clone(&clock)) };
    let log = AuditLog::open(dir.log(), options).unwrap();
    let decoy = r#"{"context":{"eventID":"b"},"eventID":"c"}"#;
    for record in [r#"{"n":1,"eventID":"a"}"#, r#"{"n":2,"eventID":"b"}"#, decoy] {
        log.append_now(record.as_bytes()).unwrap();
    }
    assert_eq!(log.record("a").unwrap().unwrap(), br#"{"n":1,"eventID":"a"}"#);
    assert_eq!(log.record("b").unwrap().unwrap(), br#"{"n":2,"eventID":"b"}"#);
    assert_eq!(log.record("c").unwrap().unwrap(), decoy.as_bytes());
    assert_eq!(log.record("d").unwrap(), None);
}
