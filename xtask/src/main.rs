//! The project's own checks and measurements: `cargo xtask tidy`, `cargo xtask bench`, and `cargo xtask train` for `make profile`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a command-line tool prints its result")]

mod bench;
mod tidy;

use std::{path::Path, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["tidy"] => tidy::run(),
        ["bench", operations @ ..] => bench::run(operations),
        ["train", binary] => bench::train(Path::new(binary)),
        ["echo"] => bench::echo::run(),
        _ => {
            println!("usage: cargo xtask tidy | cargo xtask bench [OPERATION...] | cargo xtask train BINARY");
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
