//! The Prometheus text exposition format, version 0.0.4.

use std::{
    fmt::{self, Write},
    sync::atomic::Ordering::Relaxed,
};

use super::{BUCKETS_MICROS, Metrics, OperationMetrics};

/// All counters as text.
pub(super) fn write(metrics: &Metrics) -> String {
    let mut out = String::with_capacity(64 * 1_024);
    // Writing to a string does not fail.
    let _ = write_all(&mut out, metrics);
    out
}

fn write_all(out: &mut String, metrics: &Metrics) -> fmt::Result {
    let operations = || metrics.operations.iter().chain(&metrics.actions).chain([&metrics.no_operation]);
    family(out, "reseal_requests_total", "counter", "Requests answered.")?;
    for operation in operations() {
        let count: u64 = operation.times().0.iter().sum();
        writeln!(out, "reseal_requests_total{{operation=\"{}\"}} {count}", operation.name)?;
    }
    family(out, "reseal_request_errors_total", "counter", "Requests answered with an error, by its name.")?;
    for operation in operations() {
        for (error, count) in operation.errors.nonzero() {
            let name = operation.name;
            writeln!(out, "reseal_request_errors_total{{operation=\"{name}\",error=\"{error}\"}} {count}")?;
        }
    }
    let help = "Time from the end of a request's head to its answer.";
    family(out, "reseal_request_duration_seconds", "histogram", help)?;
    for operation in operations() {
        write_histogram(out, operation)?;
    }
    let help = "Requests whose signature was not accepted.";
    family(out, "reseal_failed_authentications_total", "counter", help)?;
    for (error, count) in metrics.failed_authentications.nonzero() {
        writeln!(out, "reseal_failed_authentications_total{{error=\"{error}\"}} {count}")?;
    }
    let connections = &metrics.connections;
    let (opened, closed) = (connections.opened.load(Relaxed), connections.closed.load(Relaxed));
    let single = [
        (
            "reseal_handler_panics_total",
            "counter",
            "Defects met while serving.",
            metrics.panics.load(Relaxed),
        ),
        ("reseal_connections", "gauge", "Open connections.", opened.saturating_sub(closed)),
        ("reseal_connections_opened_total", "counter", "Connections accepted.", opened),
        (
            "reseal_connections_timed_out_total",
            "counter",
            "Connections cut off because the client was too slow.",
            connections.timed_out.load(Relaxed),
        ),
    ];
    for (name, kind, help, value) in single {
        family(out, name, kind, help)?;
        writeln!(out, "{name} {value}")?;
    }
    Ok(())
}

fn write_histogram(out: &mut String, operation: &OperationMetrics) -> fmt::Result {
    const NAME: &str = "reseal_request_duration_seconds";
    let name = operation.name;
    let (buckets, nanos) = operation.times();
    let mut total = 0;
    let bounds = BUCKETS_MICROS.into_iter().map(Some).chain([None]);
    for (bound, count) in bounds.zip(buckets) {
        total += count;
        match bound {
            Some(micros) => {
                writeln!(
                    out,
                    "{NAME}_bucket{{operation=\"{name}\",le=\"{}\"}} {total}",
                    Seconds(micros * 1_000)
                )?;
            }
            None => writeln!(out, "{NAME}_bucket{{operation=\"{name}\",le=\"+Inf\"}} {total}")?,
        }
    }
    writeln!(out, "{NAME}_sum{{operation=\"{name}\"}} {}", Seconds(nanos))?;
    writeln!(out, "{NAME}_count{{operation=\"{name}\"}} {total}")
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

/// Nanoseconds written as seconds, exactly and without trailing zeros.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:09}", self.0 % 1_000_000_000);
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{}", self.0 / 1_000_000_000),
            digits => write!(f, "{}.{digits}", self.0 / 1_000_000_000),
        }
    }
}
