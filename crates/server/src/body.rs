//! Reading a request's body whole, within its limits of size and time.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::{
    HeaderMap,
    body::{Body as _, Incoming},
    header::EXPECT,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::Limits;

/// A body in memory.
#[derive(Default)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    _place: Option<OwnedSemaphorePermit>,
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Longer than the limit.
    TooLong,
    /// It did not arrive in time.
    TimedOut,
    /// The client went away or broke the framing.
    Broken,
}

/// Reads bodies for a listener.
pub(crate) struct Bodies {
    limits: Limits,
    large: Arc<Semaphore>,
}

impl Bodies {
    pub(crate) fn new(limits: Limits) -> Self {
        let large = Arc::new(Semaphore::new(limits.max_large_bodies.clamp(1, Semaphore::MAX_PERMITS)));
        Self { limits, large }
    }

    /// The whole body.
    pub(crate) async fn read(&self, headers: &HeaderMap, incoming: Incoming) -> Result<Body, BodyError> {
        if incoming.is_end_stream() {
            return Ok(Body::default());
        }
        let mut collecting = pin!(self.collect(headers, incoming));
        // A body that has arrived already, as nearly all have, needs no timer.
        let at_once = poll_fn(|context| Poll::Ready(collecting.as_mut().poll(context))).await;
        if let Poll::Ready(body) = at_once {
            return body;
        }
        let in_time = Box::pin(tokio::time::timeout(self.limits.body_timeout, collecting));
        in_time.await.map_err(|_| BodyError::TimedOut)?
    }

    async fn collect(&self, headers: &HeaderMap, mut incoming: Incoming) -> Result<Body, BodyError> {
        let declared = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
        if declared > self.limits.max_body_bytes {
            // Whoever asks first has not sent it yet and can be told at once.
            if !headers.contains_key(EXPECT) {
                self.discard(incoming, 0).await;
            }
            return Err(BodyError::TooLong);
        }
        let first = next(&mut incoming).await?.unwrap_or_default();
        // Nearly always all of it: then it is not copied.
        if incoming.is_end_stream() && first.len() <= self.limits.large_body_bytes {
            return Ok(Body { bytes: first, _place: None });
        }
        let mut bytes = BytesMut::with_capacity(declared.min(self.limits.large_body_bytes).max(first.len()));
        bytes.extend_from_slice(&first);
        let mut place = None;
        loop {
            if bytes.len() > self.limits.max_body_bytes {
                let length = bytes.len();
                drop((bytes, place));
                self.discard(incoming, length).await;
                return Err(BodyError::TooLong);
            }
            if bytes.len() > self.limits.large_body_bytes && place.is_none() {
                // The semaphore is never closed.
                place = Arc::clone(&self.large).acquire_owned().await.ok();
            }
            match next(&mut incoming).await? {
                Some(more) => bytes.extend_from_slice(&more),
                None => return Ok(Body { bytes: bytes.freeze(), _place: place }),
            }
        }
    }

    /// Throws the rest of a body away, so that a client that sends it all before it listens gets the answer.
    async fn discard(&self, mut incoming: Incoming, mut length: usize) {
        while length <= self.limits.max_discarded_bytes {
            match next(&mut incoming).await {
                Ok(Some(bytes)) => length = length.saturating_add(bytes.len()),
                Ok(None) | Err(_) => return,
            }
        }
    }
}

/// The next piece; `None` at the end.
async fn next(incoming: &mut Incoming) -> Result<Option<Bytes>, BodyError> {
    match incoming.frame().await {
        // Trailers mean nothing here.
        Some(Ok(frame)) => Ok(Some(frame.into_data().unwrap_or_default())),
        Some(Err(_)) => Err(BodyError::Broken),
        None => Ok(None),
    }
}
