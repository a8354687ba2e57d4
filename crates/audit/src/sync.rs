//! The thread that makes segments survive a loss of power: one sync serves all who came while the last one ran.

use std::{
    io, mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use futures_channel::oneshot;

use crate::file::SegmentFile;

/// Work for the thread.
#[derive(Default)]
pub(crate) struct SyncQueue {
    jobs: Mutex<Jobs>,
    wake: Condvar,
}

#[derive(Default)]
struct Jobs {
    files: Vec<Arc<SegmentFile>>,
    /// Those of them that nothing is written to any more.
    finished: Vec<Arc<SegmentFile>>,
    waiting: Vec<oneshot::Sender<()>>,
    stop: bool,
}

impl SyncQueue {
    /// Asks for `file` to be synced; `waiting` hear of it when it was, and are dropped when it could not be.
    pub(crate) fn push(&self, file: Arc<SegmentFile>, waiting: Vec<oneshot::Sender<()>>) {
        let mut jobs = lock(&self.jobs);
        jobs.add(file);
        jobs.waiting.extend(waiting);
        drop(jobs);
        self.wake.notify_one();
    }

    /// Asks for a segment to be synced that nothing is written to any more, and to leave memory then.
    pub(crate) fn push_finished(&self, file: Arc<SegmentFile>) {
        let mut jobs = lock(&self.jobs);
        jobs.add(Arc::clone(&file));
        jobs.finished.push(file);
        drop(jobs);
        self.wake.notify_one();
    }

    /// Lets the thread end once nothing is left to do.
    pub(crate) fn stop(&self) {
        lock(&self.jobs).stop = true;
        self.wake.notify_one();
    }

    /// Works until stopped. `failed` is told before those who wait are dropped, so that they find the log unready.
    pub(crate) fn run(&self, failed: impl Fn(io::Error)) {
        while let Some(jobs) = self.next() {
            match jobs.files.iter().try_for_each(|file| file.sync()) {
                // A receiver that is gone belongs to a caller who hung up.
                Ok(()) => {
                    jobs.waiting.into_iter().for_each(|waiting| waiting.send(()).unwrap_or_default());
                    jobs.finished.iter().for_each(|file| file.leave_memory());
                }
                Err(error) => failed(error),
            }
        }
    }

    fn next(&self) -> Option<Jobs> {
        let mut jobs = lock(&self.jobs);
        while jobs.files.is_empty() && !jobs.stop {
            jobs = self.wake.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
        if jobs.files.is_empty() {
            return None;
        }
        let stop = jobs.stop;
        Some(mem::replace(&mut *jobs, Jobs { stop, ..Jobs::default() }))
    }
}

impl Jobs {
    fn add(&mut self, file: Arc<SegmentFile>) {
        if !self.files.iter().any(|queued| Arc::ptr_eq(queued, &file)) {
            self.files.push(file);
        }
    }
}

/// A lock that a panicked thread left is taken over: every state behind these locks is whole between two calls.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, fs::File, os::fd::OwnedFd};

    use super::*;

    #[test]
    fn those_who_wait_hear_of_success_only() {
        let queue = SyncQueue::default();
        let (told, mut heard) = oneshot::channel();
        queue.push(Arc::new(SegmentFile::new(File::open(env!("CARGO_MANIFEST_DIR")).unwrap())), vec![told]);
        queue.stop();
        queue.run(|error| panic!("{error}"));
        assert_eq!(heard.try_recv(), Ok(Some(())));
    }

    #[test]
    fn a_failed_sync_is_reported_and_nobody_hears_of_success() {
        let queue = SyncQueue::default();
        let (told, mut heard) = oneshot::channel();
        // A pipe cannot be synced.
        let (_reader, writer) = io::pipe().unwrap();
        queue.push(Arc::new(SegmentFile::new(File::from(OwnedFd::from(writer)))), vec![told]);
        queue.stop();
        let failures = Cell::new(0);
        queue.run(|_| {
            failures.set(failures.get() + 1);
        });
        assert_eq!(failures.get(), 1);
        assert!(heard.try_recv().is_err());
    }
}
