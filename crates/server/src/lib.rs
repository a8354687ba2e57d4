//! The HTTP edge of Reseal: connections, TLS, framing, authentication, and the form of answers on the wire.
//!
//! ```text
//! listener -> connection -> edge: frame -> body -> authenticate -> (reseal-core) -> wire
//! ```
//!
//! It decides nothing about keys or policies, keeps no state that outlives the process, and contains neither a
//! store nor cryptography of its own.
#![forbid(unsafe_code)]

mod activity;
mod authenticate;
mod body;
mod connection;
mod edge;
mod frame;
mod health;
mod issuer_keys;
mod limits;
mod listener;
mod metrics;
mod shutdown;
mod signing_keys;
mod tls;
mod wire;

pub use authenticate::DevMode;
pub use edge::{Config, Hooks, serve};
pub use health::{Check, Checks};
pub use issuer_keys::{IssuerError, IssuerKeys};
pub use limits::Limits;
pub use listener::{Drained, Running, ServeError};
pub use metrics::{Metrics, serve_metrics};
pub use shutdown::Shutdown;
pub use tls::{ClientCertificates, Tls, TlsError, TlsFiles};
