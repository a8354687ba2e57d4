//! The service without its edges: the pipeline every call goes through, one file for each operation, sealed
//! records over an untrusted store, audit records, and the jobs that run by themselves.
//!
//! This crate knows no HTTP, no socket, no storage engine, no async runtime and no process environment. Time,
//! randomness and a pool for slow work come in through [`env::Env`].
#![forbid(unsafe_code)]

pub mod audit;
mod authorize;
pub mod boxed;
mod cache;
pub mod call;
pub mod custodian;
pub mod directory;
pub mod env;
pub mod error;
pub mod explain;
mod grants;
mod hex_text;
pub mod identity;
mod import_token;
mod imported;
mod jobs;
mod json;
mod key_policy;
pub mod key_store;
mod keyring;
mod last_use;
mod material;
mod members;
mod multi_region;
pub mod operation;
pub mod ops;
mod outbox;
pub mod per_thread;
mod permit;
mod pipeline;
pub mod quota;
pub mod recipient;
mod record;
mod resolve;
mod respond;
mod rotation;
mod schedule;
pub mod seed;
pub mod service;
pub mod store;
#[cfg(any(test, feature = "test-util"))]
pub mod testkit;
mod trail;
pub mod vault;

#[cfg(test)]
mod tests;
