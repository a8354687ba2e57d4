//! Whether the clock can be right: a wrong one makes every signature too old or too new.

use std::{
    fs, thread,
    time::{Duration, Instant, SystemTime},
};

use reseal_types::Timestamp;

use super::Finding;
use crate::{
    datadir::DataDir,
    system::{millis, wall_clock},
};

const AREA: &str = "clock";
const MEND: &str = "set the clock, and keep it with NTP: signatures are accepted within five minutes only";
/// 2024-01-01: before this program existed.
const EARLIEST_MILLIS: i64 = 1_704_067_200_000;
/// As much as a signature may be off.
const TOLERANCE: Duration = Duration::from_mins(5);
const WATCHED: Duration = Duration::from_millis(50);

pub(super) fn look(directory: Option<&DataDir>) -> Vec<Finding> {
    let now = wall_clock();
    let shown = Timestamp::from_millis(millis(now));
    if shown.millis() < EARLIEST_MILLIS {
        return vec![Finding::problem(AREA, format!("it says {shown}, which is long past"), MEND)];
    }
    let mut findings = Vec::new();
    if let Some(drift) = drift() {
        let what = format!("it was off by {} ms after {} ms", drift.as_millis(), WATCHED.as_millis());
        findings.push(Finding::warning(
            AREA,
            what,
            "let it be slewed rather than set: it jumps while in use",
        ));
    }
    if let Some((name, time)) = directory.and_then(newest_file)
        && time > now + TOLERANCE
    {
        let what =
            format!("it says {shown}, but {name} was written at {}", Timestamp::from_millis(millis(time)));
        findings.push(Finding::warning(AREA, what, MEND));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(AREA, format!("it says {shown}")));
    }
    findings
}

/// By how much the time of day went another way than the time that only runs.
fn drift() -> Option<Duration> {
    let (wall, steady) = (wall_clock(), Instant::now());
    thread::sleep(WATCHED);
    let (wall_passed, passed) = (wall_clock().duration_since(wall).unwrap_or_default(), steady.elapsed());
    let drift = wall_passed.abs_diff(passed);
    (drift > WATCHED / 2).then_some(drift)
}

fn newest_file(directory: &DataDir) -> Option<(String, SystemTime)> {
    let entries = [directory.path().to_owned(), directory.audit()].into_iter();
    let entries = entries.filter_map(|path| fs::read_dir(path).ok()).flatten().flatten();
    let times = entries.filter_map(|entry| {
        Some((entry.path().display().to_string(), entry.metadata().ok()?.modified().ok()?))
    });
    times.max_by_key(|(_, time)| *time)
}
