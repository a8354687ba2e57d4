//! A directory that goes away, a clock that is set by hand, and the lines of a log.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test, also in the helpers of tests")]

use std::{
    fs, io,
    path::{Path, PathBuf},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use reseal_audit::{AuditLog, Options, read_records};
use reseal_core::{
    audit::{AuditUnavailable, Kept},
    env::Clock,
};
use reseal_types::Timestamp;

/// 2026-01-02T03:04:05Z
pub(crate) const START: i64 = 1_767_323_045_000;

/// A directory of this test alone, removed when dropped.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("audit-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("audit")
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let removed: io::Result<()> = fs::remove_dir_all(&self.0);
        removed.unwrap();
    }
}

pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(START)))
    }

    pub(crate) fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) fn open(dir: &Path, clock: &Arc<TestClock>) -> AuditLog {
    AuditLog::open(dir, Options::new(Arc::<TestClock>::clone(clock))).unwrap()
}

/// Waits until a record is kept.
pub(crate) fn wait(kept: Kept) -> Result<(), AuditUnavailable> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let Kept::When(receiver) = kept else { return Ok(()) };
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut receiver = pin!(receiver);
    loop {
        match receiver.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result.map_err(|_| AuditUnavailable),
            Poll::Pending => thread::park(),
        }
    }
}

/// All records of the log.
pub(crate) fn records(dir: &Path) -> Vec<String> {
    read_records(dir).unwrap().map(|record| String::from_utf8(record.unwrap()).unwrap()).collect()
}

/// Paths of the log's files that end in `suffix`, sorted by name.
pub(crate) fn files(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.to_str().unwrap().ends_with(suffix)).collect();
    paths.sort();
    paths
}
