//! Server CPU per request, beside a bare HTTP echo, alternating in one run.
//!
//! CPU time is what the kernel accounted to the server process, so the load generator does not enter the figure. Requests
//! are signed beforehand. What else runs on the machine does enter it, by the caches that it takes, and for seconds at a
//! time: so rounds are short and many, the echo runs before and after each of an operation, and the ratio is to both.

pub(crate) mod echo;
mod load;
mod process;
mod requests;

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use load::{Load, Measured};
use process::Server;
use requests::{Operation, Setup};

const ROUNDS: usize = 15;
const SECONDS: u64 = 1;
const CONNECTIONS: usize = 64;

/// Measures the operations of these names, or all, and prints the table.
pub(crate) fn run(names: &[&str]) -> Result<()> {
    let chosen: Vec<_> = Operation::ALL
        .into_iter()
        .filter(|operation| names.is_empty() || names.contains(&operation.name()))
        .collect();
    ensure!(!chosen.is_empty(), "no operation of the benchmark has that name");
    let echo = Server::start_echo()?;
    let reseal = Server::start_reseal()?;
    let setup = Setup::prepare(&reseal).context("the keys of the benchmark")?;
    let operations: Vec<_> =
        chosen.into_iter().map(|operation| (operation, setup.requests(operation))).collect();
    let idle = vec![setup.echo_request()];
    let load = Load { connections: CONNECTIONS, duration: Duration::from_secs(SECONDS) };
    println!(
        "{ROUNDS} rounds of {SECONDS} s each, {CONNECTIONS} keep-alive connections, one runtime per core; \
         server CPU in microseconds per request, audit durability 'written'"
    );
    let mut echoes = Vec::new();
    let mut measured: Vec<Vec<(Measured, f64)>> = vec![Vec::new(); operations.len()];
    let mut before = load.run(&echo, &idle)?;
    for _ in 0..ROUNDS {
        for ((_, requests), rows) in operations.iter().zip(&mut measured) {
            let own = load.run(&reseal, requests)?;
            let after = load.run(&echo, &idle)?;
            let bare = f64::midpoint(before.cpu_micros, after.cpu_micros);
            rows.push((own, bare / own.cpu_micros));
            echoes.push((after, 1.0));
            before = after;
        }
    }
    print_row("echo", &echoes);
    for ((operation, _), rows) in operations.iter().zip(&measured) {
        print_row(operation.name(), rows);
    }
    Ok(())
}

/// Puts a build that counts what it runs under the load of every operation. It writes its counts when it ends in order.
pub(crate) fn train(binary: &Path) -> Result<()> {
    let reseal = Server::start_service(binary)?;
    let setup = Setup::prepare(&reseal).context("the keys of the benchmark")?;
    let load = Load { connections: CONNECTIONS, duration: Duration::from_secs(SECONDS) };
    for operation in Operation::ALL {
        load.run(&reseal, &setup.requests(operation))?;
    }
    reseal.end()
}

fn print_row(name: &str, rows: &[(Measured, f64)]) {
    let cpu = spread(rows.iter().map(|(measured, _)| measured.cpu_micros));
    let rate = spread(rows.iter().map(|(measured, _)| measured.per_second));
    let ratio = spread(rows.iter().map(|(_, ratio)| *ratio));
    println!(
        "{name:<16} CPU {:6.2} us (min {:.2}, max {:.2})   {:7.0} requests/s   echo/{name} {:.2} (min {:.2}, max {:.2})",
        cpu.1, cpu.0, cpu.2, rate.1, ratio.1, ratio.0, ratio.2
    );
}

/// Minimum, median, maximum.
fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    (at(0), at(values.len() / 2), at(values.len().saturating_sub(1)))
}
