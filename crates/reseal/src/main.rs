//! The program `reseal`: reads the configuration, names the concrete backends, wires everything, and runs it.
//!
//! No logic of the service belongs here.
#![deny(unsafe_code)]

mod account;
mod accounts;
mod admin;
mod allocator;
mod background;
mod cli;
mod config;
mod datadir;
mod doctor;
mod explain;
mod first_account;
mod hardening;
mod logging;
mod seed;
mod serve;
mod service;
mod system;
mod temporary;
mod workers;

use std::{io::Write, process::ExitCode};

use clap::Parser;
use cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

/// 0: done. 1: it failed, or the doctor found a problem. 2 (from the parser): the command line is wrong.
fn main() -> ExitCode {
    let Cli { common, command } = Cli::parse();
    let outcome = match &command {
        Command::Serve(flags) => serve::run(&common, flags).map(|()| true),
        Command::Account(command) => account::run(&common, command).map(|()| true),
        Command::Explain(flags) => explain::run(&common, flags).map(|()| true),
        Command::Doctor => doctor::run(&common),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // When standard error is closed, the exit code has to do.
            let _ = writeln!(std::io::stderr(), "reseal: {error:#}");
            ExitCode::FAILURE
        }
    }
}
