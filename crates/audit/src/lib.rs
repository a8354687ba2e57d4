//! The audit log of one node: append-only segments of JSON lines, and the count of failed authentications.
//!
//! ```text
//! record -> frame -> batch (one for each thread) -> segment -> [group fdatasync] -> kept
//! ```
//!
//! A record that was answered for is in the kernel at least, so that a killed process cannot lose it. A line
//! that a crash cut short is set aside at the next start and never joined to the record after it. When a
//! record cannot be written the log says so, and the service refuses work.
//!
//! This crate must never look into a record's meaning beyond its `eventID`, and never drop one silently.
#![forbid(unsafe_code)]

mod batch;
mod error;
pub mod failed_auth;
mod file;
mod frame;
mod log;
mod outcomes;
mod read;
mod segment;
mod sync;
mod tail;
mod writer;

pub use error::AuditError;
pub use failed_auth::{FailedAuthentication, FailedAuthentications};
pub use frame::MAX_RECORD_BYTES;
pub use log::{AuditLog, Durability, OpenReport, Options};
pub use read::{Records, read_records};
pub use tail::TornTail;
