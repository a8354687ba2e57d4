//! The built program from outside, as an operator meets it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed unwrap is a failed test")]

mod account;
mod doctor;
mod serve;
mod support;
