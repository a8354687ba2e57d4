//! The edge from outside: a server on a free port of the loopback interface, and clients that speak to it over
//! sockets, well and badly.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod authentication;
mod framing;
mod http2;
mod kit;
mod limits;
mod operate;
mod tls;
