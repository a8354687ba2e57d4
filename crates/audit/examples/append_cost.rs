//! What one record costs: CPU and wall time of `append` for records of 1.2 KB, beside threads that also work.
//!
//! `cargo run --release -p reseal-audit --example append_cost [directory]`
#![expect(clippy::print_stdout, reason = "a measuring program for the terminal")]

use std::{error::Error, fs, path::PathBuf, sync::Arc, thread, time::Instant};

use reseal_audit::{AuditLog, Options};
use reseal_core::env::Clock;
use reseal_types::Timestamp;
use rustix::time::{ClockId, clock_gettime};

const RECORDS: usize = 16_000;
const ROUNDS: usize = 20;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = dir.join(format!("reseal-append-cost-{}", std::process::id()));
    for work in [0_u64, 20_000] {
        for threads in [1, 2, 4, 8] {
            let (mut bare, mut logged) = ((f64::MAX, f64::MAX), (f64::MAX, f64::MAX));
            for _ in 0..ROUNDS {
                bare = least(bare, round(threads, work, None));
                let log = AuditLog::open(&dir, Options::new(Arc::new(Fixed)))?;
                logged = least(logged, round(threads, work, Some(&log)));
                drop(log);
                fs::remove_dir_all(&dir)?;
            }
            println!(
                "{threads} threads, {:5.1} us of other work per record: append {:.2} us CPU, {:.2} us wall",
                bare.0,
                logged.0 - bare.0,
                logged.1 - bare.1
            );
        }
    }
    Ok(())
}

/// CPU and wall time per record in microseconds.
fn round(threads: usize, work: u64, log: Option<&AuditLog>) -> (f64, f64) {
    let (cpu, start) = (cpu_micros(), Instant::now());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let record = format!(r#"{{"pad":"{}"}}"#, "p".repeat(1_190));
                for _ in 0..RECORDS / threads {
                    (0..work).fold(0_u64, |sum, n| std::hint::black_box(sum.wrapping_mul(31) + n % 7));
                    if log.is_some_and(|log| log.append_now(record.as_bytes()).is_err()) {
                        return;
                    }
                }
            });
        }
    });
    let wall = start.elapsed().as_secs_f64() * 1e6;
    ((cpu_micros() - cpu) / 16_000.0, wall / 16_000.0)
}

fn least(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0.min(b.0), a.1.min(b.1))
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a short run")]
fn cpu_micros() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}
