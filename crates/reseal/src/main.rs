//! The program `reseal`: reads the configuration, names the concrete backends, wires everything, and runs it.
//!
//! No logic of the service belongs here.
#![forbid(unsafe_code)]

mod cli;
mod config;
mod datadir;
mod hardening;
mod logging;

fn main() {}
