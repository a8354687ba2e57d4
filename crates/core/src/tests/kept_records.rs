//! How a call keeps its record in a log that writes several together.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Waker},
};

use crate::{
    audit::{AuditSink, AuditUnavailable, BatchId, Kept},
    per_thread::PerThread,
    trail::keep,
};

#[derive(Default)]
struct Queue {
    settled: AtomicUsize,
}

impl AuditSink for Queue {
    fn ready(&self) -> Result<(), AuditUnavailable> {
        Ok(())
    }

    fn append(&self, _record: &[u8]) -> Result<Kept, AuditUnavailable> {
        let place = PerThread::new(|| ()).place();
        Ok(Kept::Queued(BatchId { place, number: 0 }))
    }

    fn settle(&self, _batch: BatchId) -> Result<(), AuditUnavailable> {
        self.settled.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn flush(&self) -> Result<(), AuditUnavailable> {
        Ok(())
    }

    fn holds(&self, _ids: &[String], _since_millis: i64) -> Result<Vec<String>, AuditUnavailable> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_record_is_written_once_whether_its_call_ends_or_is_dropped() {
    let queue = Queue::default();
    let mut dropped = Box::pin(keep(&queue, b"{}".as_slice().into()));
    assert!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending(), "others come first");
    drop(dropped);
    assert_eq!(queue.settled.load(Ordering::Relaxed), 1, "dropped");
    keep(&queue, b"{}".as_slice().into()).await.unwrap();
    assert_eq!(queue.settled.load(Ordering::Relaxed), 2, "ended");
}
