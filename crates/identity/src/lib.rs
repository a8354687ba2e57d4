//! IAM and STS as a key management service needs them: users, roles, groups and their policies; access keys and
//! sessions; whose web identity tokens are taken.
//!
//! One file for each resource of IAM and each call of STS. Every action goes through the pipeline of `reseal-core` and
//! is decided by its engine. This crate knows no HTTP, no socket and no storage engine; XML comes out as bytes.
#![forbid(unsafe_code)]

mod action;
mod fault;
mod form;
mod iam;
mod members;
mod page;
mod sts;
mod subject;
#[cfg(test)]
mod tests;
mod token;
mod wire;
mod xml;

pub use action::{Answer, Api, Entry, Spec};
pub use fault::{Code, Fault};
pub use form::{Form, MalformedForm};
pub use token::{Fetched, Issuers, KeySource, by_token};
pub use wire::{all, failure, find};
