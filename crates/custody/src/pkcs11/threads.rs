//! Threads that each hold a session with a token: PKCS#11 blocks, and a session is for one thread at a time.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use reseal_core::key_store::ClusterFault;
use tokio::{sync::oneshot, time::timeout};
use tracing::error;

type Job<W> = Box<dyn FnOnce(&mut W) + Send>;

/// Running threads. They end when this is dropped and their work is done.
pub(super) struct Threads<W>(SyncSender<Job<W>>);

/// Jobs that may wait for each thread.
const WAITING: usize = 64;

impl<W: Send + 'static> Threads<W> {
    /// Starts `count` threads, each with a worker of its own.
    pub(super) fn start(count: usize, worker: impl Fn() -> W) -> std::io::Result<Self> {
        let (sender, jobs) = sync_channel::<Job<W>>(count * WAITING);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..count {
            let (jobs, mut worker) = (Arc::clone(&jobs), worker());
            let thread = thread::Builder::new().name(format!("pkcs11-{number}"));
            thread.spawn(move || work(&jobs, &mut worker))?;
        }
        Ok(Self(sender))
    }

    /// Does `job` on one of them, and waits for it so long. A thread that a token does not let go is one less.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        patience: Duration,
        job: impl FnOnce(&mut W) -> Result<T, ClusterFault> + Send + 'static,
    ) -> Result<T, ClusterFault> {
        let (sender, receiver) = oneshot::channel();
        let job = Box::new(move |worker: &mut W| {
            // Nobody waits any more.
            if !sender.is_closed() {
                let _ = sender.send(job(worker));
            }
        });
        self.0.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => ClusterFault::Busy,
            TrySendError::Disconnected(_) => ClusterFault::Failed,
        })?;
        match timeout(patience, receiver).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(ClusterFault::Failed),
            Err(_) => Err(ClusterFault::TimedOut),
        }
    }
}

fn work<W>(jobs: &Mutex<Receiver<Job<W>>>, worker: &mut W) {
    loop {
        // The lock is held while waiting, by one idle thread at a time; it is free again before the job runs.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        if catch_unwind(AssertUnwindSafe(|| job(worker))).is_err() {
            error!("a job for a PKCS#11 token panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn works_refuses_and_outlives_panics() {
        let threads = Threads::start(1, || 0).unwrap();
        let count = |worker: &mut i32| {
            *worker += 1;
            Ok(*worker)
        };
        assert_eq!(threads.run(PATIENCE, count).await, Ok(1));
        let panics = |_: &mut i32| -> Result<(), _> { panic!("on purpose") };
        assert_eq!(threads.run(PATIENCE, panics).await, Err(ClusterFault::Failed));
        assert_eq!(threads.run(PATIENCE, count).await, Ok(2));

        let (release, held) = channel::<()>();
        let stuck = move |_: &mut i32| {
            let _ = held.recv();
            Ok(())
        };
        assert_eq!(threads.run(Duration::from_millis(1), stuck).await, Err(ClusterFault::TimedOut));
        for _ in 0..WAITING {
            threads.0.try_send(Box::new(|_| ())).unwrap();
        }
        assert_eq!(threads.run(PATIENCE, count).await, Err(ClusterFault::Busy));
        release.send(()).unwrap();
    }
}
