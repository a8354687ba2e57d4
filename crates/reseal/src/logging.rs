//! The log: lines on standard error, as text or JSON, whose level can change while the service runs.

use std::io::IsTerminal;

use anyhow::{Context, Result, anyhow};
use tracing_subscriber::{EnvFilter, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt};

use crate::config::Log;

/// Changes the level of the running log.
pub(crate) struct LogLevel(reload::Handle<EnvFilter, Registry>);

impl LogLevel {
    /// Applies another level.
    pub(crate) fn set(&self, level: &str) -> Result<()> {
        let filter = parse(level)?;
        self.0.reload(filter).map_err(|error| anyhow!("the log level cannot be changed: {error}"))
    }
}

/// Starts the log. To be called once.
pub(crate) fn start(log: &Log) -> Result<LogLevel> {
    let (filter, handle) = reload::Layer::new(parse(&log.level)?);
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let started = if log.format == "json" {
        registry.with(lines.json().flatten_event(true)).try_init()
    } else {
        registry.with(lines.with_ansi(std::io::stderr().is_terminal())).try_init()
    };
    started.context("the log was started twice")?;
    Ok(LogLevel(handle))
}

/// A level (`error`, `warn`, `info`, `debug`, `trace`), or levels by module: `info,reseal_core=debug`.
pub(crate) fn parse(level: &str) -> Result<EnvFilter> {
    EnvFilter::builder().parse(level).map_err(|error| {
        anyhow!(
            "`log.level`: \"{level}\" is not a level ({error}); write error, warn, info, debug or trace, \
             or levels by module as in info,reseal_core=debug"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        for good in ["info", "warn,reseal_core=debug", "off"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        let error = parse("info,reseal_core=loud").unwrap_err().to_string();
        assert!(error.contains("`log.level`") && error.contains("trace"), "{error}");
    }
}
