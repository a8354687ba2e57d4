//! The bounded pool for slow cryptography: a fixed number of threads and a queue that refuses when it is full.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use anyhow::{Context, Result};
use reseal_core::env::{Busy, Workers};
use tracing::error;

type Job = Box<dyn FnOnce() + Send>;

/// A running pool. Its threads end when it is dropped and the queue is empty.
pub(crate) struct WorkerPool {
    queue: SyncSender<Job>,
}

/// Jobs that may wait per thread: at some milliseconds each, about a second of work.
const WAITING_PER_THREAD: usize = 256;

impl WorkerPool {
    /// Starts `threads` threads.
    pub(crate) fn start(threads: usize) -> Result<Self> {
        Self::with_queue(threads, threads * WAITING_PER_THREAD)
    }

    fn with_queue(threads: usize, waiting: usize) -> Result<Self> {
        let (queue, jobs) = sync_channel::<Job>(waiting);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..threads {
            let jobs = Arc::clone(&jobs);
            let thread = thread::Builder::new().name(format!("worker-{number}"));
            thread.spawn(move || work(&jobs)).context("a worker thread cannot be started")?;
        }
        Ok(Self { queue })
    }
}

impl Workers for WorkerPool {
    fn submit(&self, job: Job) -> Result<(), Busy> {
        self.queue.try_send(job).map_err(|_| Busy)
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting, by one idle thread at a time; it is free again before the job runs.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // One bad job must not cost the pool a thread; its caller sees that the result never came.
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            error!("a job of the worker pool panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::channel, time::Duration};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn refuses_when_full_and_goes_on_when_free() {
        let pool = WorkerPool::with_queue(1, 1).unwrap();
        let (release, held) = channel::<()>();
        let (started, has_started) = channel();
        let block = move || {
            started.send(()).unwrap();
            let _ = held.recv();
        };
        pool.submit(Box::new(block)).unwrap();
        has_started.recv_timeout(PATIENCE).unwrap();

        let (done, is_done) = channel();
        pool.submit(Box::new(move || done.send(7).unwrap())).unwrap();
        assert_eq!(pool.submit(Box::new(|| ())), Err(Busy));
        release.send(()).unwrap();
        assert_eq!(is_done.recv_timeout(PATIENCE), Ok(7));
    }

    #[test]
    fn outlives_a_panicking_job() {
        let pool = WorkerPool::with_queue(1, 4).unwrap();
        pool.submit(Box::new(|| panic!("on purpose"))).unwrap();
        let (done, is_done) = channel();
        pool.submit(Box::new(move || done.send(()).unwrap())).unwrap();
        assert_eq!(is_done.recv_timeout(PATIENCE), Ok(()));
    }
}
