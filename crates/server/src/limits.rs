//! What one client, or all of them together, may take of the server. Nothing a stranger sends is unbounded.

use std::time::Duration;

/// Limits of a listener. The defaults fit a server of its own with unmodified AWS clients.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections open at the same time; more wait in the backlog of the operating system.
    pub max_connections: usize,
    /// Header lines of a request. AWS clients send about a dozen.
    pub max_headers: usize,
    /// Bytes of a request's head. Session tokens and presigned queries make it long. At least 8,192.
    pub max_head_bytes: usize,
    /// Bytes of a request's body.
    pub max_body_bytes: usize,
    /// Bytes of a body too long that are still read and thrown away, so that the client gets to read the refusal.
    pub max_discarded_bytes: usize,
    /// Bodies longer than this are rare and take one of the places below while they are in memory.
    pub large_body_bytes: usize,
    /// Large bodies in memory at the same time; more wait, within `body_timeout`.
    pub max_large_bodies: usize,
    /// Requests in flight on one HTTP/2 connection.
    pub max_streams: u32,
    /// For a TLS handshake, and again for the head of a request from its first byte (the first request of a
    /// connection: from the opening).
    pub head_timeout: Duration,
    /// For a whole body, from the end of the head.
    pub body_timeout: Duration,
    /// For a connection without a request in flight.
    pub idle_timeout: Duration,
    /// For requests in flight after the order to stop.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 8_192,
            max_headers: 64,
            max_head_bytes: 32 * 1_024,
            max_body_bytes: 1_024 * 1_024,
            max_discarded_bytes: 8 * 1_024 * 1_024,
            large_body_bytes: 64 * 1_024,
            max_large_bodies: 64,
            max_streams: 128,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_mins(2),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// How often connections are looked at: timeouts are kept to within this.
    pub(crate) fn tick(&self) -> Duration {
        let shortest = self.head_timeout.min(self.idle_timeout);
        (shortest / 8).clamp(Duration::from_millis(5), Duration::from_secs(1))
    }
}
