//! Custodians: who holds the root key under which domain keys are wrapped.
//!
//! [`file::FileCustodian`] keeps it in a file that only its owner can read; [`memory::MemoryCustodian`] keeps it
//! nowhere. The root key must never leave this crate, in a message least of all.
#![forbid(unsafe_code)]

pub mod file;
mod format;
mod local;
pub mod memory;

pub use file::{FileCustodian, RootKeyFileError};
pub use memory::MemoryCustodian;
