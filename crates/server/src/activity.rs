//! What a connection is doing, told without reading a clock or setting a timer for each request.
//!
//! The connection counts its changes of phase; the worker that owns it looks at all its connections every tick
//! and notes how long the count has stood still. One thread runs both, so relaxed atomics are enough; they are
//! atomics only because tasks must be `Send`.

use std::{
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits::Limits;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Waiting for the client within the TLS handshake.
    Handshake,
    /// Waiting for the rest of a request's head.
    Head,
    /// A request is in flight: its body has a timeout of its own.
    Busy,
    /// Nothing.
    Idle,
}

/// The state of one connection, shared by its task and its worker.
pub(crate) struct Activity {
    /// Changes of phase (upper bits) and the phase (lowest two).
    state: AtomicU32,
    in_flight: AtomicU32,
    http2: AtomicBool,
    leaving: AtomicBool,
    waker: OnceLock<Waker>,
}

impl Activity {
    pub(crate) fn new(phase: Phase) -> Self {
        Self {
            state: AtomicU32::new(phase as u32),
            in_flight: AtomicU32::new(0),
            http2: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            waker: OnceLock::new(),
        }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        let changes = (self.state.load(Relaxed) & !3).wrapping_add(4);
        self.state.store(changes | phase as u32, Relaxed);
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.state.load(Relaxed) & 3 {
            0 => Phase::Handshake,
            1 => Phase::Head,
            2 => Phase::Busy,
            _ => Phase::Idle,
        }
    }

    /// A request begins; it ends when the result is dropped.
    pub(crate) fn begin(self: &Arc<Self>, http2: bool) -> InFlight {
        if http2 {
            self.http2.store(true, Relaxed);
        }
        self.in_flight.fetch_add(1, Relaxed);
        self.enter(Phase::Busy);
        InFlight(Arc::clone(self))
    }

    /// Bytes of a next request after a pause. On HTTP/2 they may as well be frames that ask for nothing, and
    /// a head that never ends counts as idle.
    fn received(&self) {
        if self.phase() == Phase::Idle && !self.http2.load(Relaxed) {
            self.enter(Phase::Head);
        }
    }

    /// Asks the connection to close when nothing is in flight any more.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Relaxed);
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Whether it was asked to leave; wakes the task of `context` when it is.
    pub(crate) fn asked_to_leave(&self, context: &Context<'_>) -> bool {
        // A task's waker stays the same for its life.
        self.waker.get_or_init(|| context.waker().clone());
        self.leaving.load(Relaxed)
    }
}

/// A request in flight.
pub(crate) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Relaxed) == 1 {
            self.0.enter(Phase::Idle);
        }
    }
}

/// What to do with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Stay,
    /// Ask it to close: HTTP/2 clients are told so.
    Leave,
    /// Close it as it is.
    Cut,
}

/// A connection asked to leave for idleness has this long to do so.
const GRACE: Duration = Duration::from_secs(5);

/// The worker's view of a connection.
pub(crate) struct Watch {
    state: u32,
    since: Instant,
}

impl Watch {
    pub(crate) fn new(activity: &Activity, now: Instant) -> Self {
        Self { state: activity.state.load(Relaxed), since: now }
    }

    pub(crate) fn look(&mut self, activity: &Activity, limits: &Limits, now: Instant) -> Verdict {
        let state = activity.state.load(Relaxed);
        if state != self.state {
            *self = Self { state, since: now };
            return Verdict::Stay;
        }
        let still = now.saturating_duration_since(self.since);
        match activity.phase() {
            Phase::Handshake | Phase::Head if still >= limits.head_timeout => Verdict::Cut,
            Phase::Idle if still >= limits.idle_timeout + GRACE => Verdict::Cut,
            Phase::Idle if still >= limits.idle_timeout => Verdict::Leave,
            Phase::Handshake | Phase::Head | Phase::Busy | Phase::Idle => Verdict::Stay,
        }
    }
}

/// A stream that tells its activity about bytes received.
pub(crate) struct Watched<S> {
    pub(crate) stream: S,
    pub(crate) activity: Arc<Activity>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_request_in_flight_is_left_alone_and_a_slow_head_is_cut() {
        let limits = Limits::default();
        let activity = Arc::new(Activity::new(Phase::Head));
        let start = Instant::now();
        let mut watch = Watch::new(&activity, start);
        assert_eq!(watch.look(&activity, &limits, start + limits.head_timeout / 2), Verdict::Stay);
        assert_eq!(watch.look(&activity, &limits, start + limits.head_timeout), Verdict::Cut);
        let first = activity.begin(false);
        let second = activity.begin(false);
        let long = start + 100 * limits.idle_timeout;
        assert_eq!(watch.look(&activity, &limits, start + SECOND), Verdict::Stay);
        assert_eq!(watch.look(&activity, &limits, long), Verdict::Stay);
        drop(first);
        assert_eq!(activity.phase(), Phase::Busy);
        drop(second);
        assert_eq!(watch.look(&activity, &limits, long), Verdict::Stay);
        assert_eq!(watch.look(&activity, &limits, long + limits.idle_timeout / 2), Verdict::Stay);
        assert_eq!(watch.look(&activity, &limits, long + limits.idle_timeout), Verdict::Leave);
        assert_eq!(watch.look(&activity, &limits, long + limits.idle_timeout + GRACE), Verdict::Cut);
    }

    #[test]
    fn bytes_after_a_pause_begin_a_head_on_http1_only() {
        let activity = Arc::new(Activity::new(Phase::Head));
        drop(activity.begin(false));
        activity.received();
        assert_eq!(activity.phase(), Phase::Head);
        drop(activity.begin(true));
        activity.received();
        assert_eq!(activity.phase(), Phase::Idle);
    }
}
