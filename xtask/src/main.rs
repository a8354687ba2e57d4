//! The project's own checks and measurements: `cargo xtask tidy`, `cargo xtask bench`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a command-line tool prints its result")]

mod bench;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.first().map(String::as_str) {
        Some("tidy") => tidy::run(),
        Some("bench") => bench::run(arguments.get(1..).unwrap_or_default()),
        Some("echo") => bench::echo::run(),
        _ => {
            println!("usage: cargo xtask tidy | cargo xtask bench [OPERATION...]");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
