//! `reseal doctor`: looks at everything the service stands on and says what is wrong and how to mend it.
//!
//! It changes nothing that a start would not change. While the service runs, the store is looked at by the
//! service itself: a second process on the file would get in the way of erasing destroyed keys.

mod certificate;
mod configuration;
mod files;
mod store;
mod time;

use std::io::Write;

use anyhow::Result;
use serde::{Deserialize, Serialize};
pub(crate) use store::examine;

use crate::{
    cli::{self, Output},
    config::{Config, Environment, Sources},
    datadir::DataDir,
    hardening,
};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Ok,
    Warning,
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Finding {
    /// Such as `root key`.
    pub(crate) area: String,
    pub(crate) level: Level,
    pub(crate) what: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mend: Option<String>,
}

impl Finding {
    pub(crate) fn ok(area: &str, what: impl Into<String>) -> Self {
        Self { area: area.to_owned(), level: Level::Ok, what: what.into(), mend: None }
    }

    pub(crate) fn warning(area: &str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { area: area.to_owned(), level: Level::Warning, what: what.into(), mend: Some(mend.into()) }
    }

    pub(crate) fn problem(area: &str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { area: area.to_owned(), level: Level::Problem, what: what.into(), mend: Some(mend.into()) }
    }
}

/// All that was found.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Report {
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

/// Looks at everything and prints what was found; `false` when there is a problem.
pub(crate) fn run(common: &cli::Common) -> Result<bool> {
    hardening::harden();
    let sources = Sources::new(common, &cli::Serve::default(), Environment::of_process()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = Report { findings: runtime.block_on(look(&sources)) };
    print(&report, common.output)?;
    Ok(report.count(Level::Problem) == 0)
}

async fn look(sources: &Sources) -> Vec<Finding> {
    let (config, mut findings) = configuration::look(sources);
    // A broken configuration must not hide what else is wrong, as long as the directory is known.
    let config = config.unwrap_or_else(|| Config { data_dir: sources.data_dir(), ..Config::default() });
    let Some(path) = &config.data_dir else {
        findings.push(Finding::problem(
            "data directory",
            "none is configured",
            "give --data-dir DIR, set RESEAL_DATA_DIR, or set data_dir in the configuration file",
        ));
        findings.extend(time::look(None));
        return findings;
    };
    let directory = DataDir::at(path);
    findings.extend(time::look(Some(&directory)));
    let files = files::look(&directory);
    let usable =
        files.iter().all(|finding| finding.level != Level::Problem || finding.area != files::DIRECTORY);
    findings.extend(files);
    if usable {
        findings.extend(store::look(&directory).await);
    }
    findings
}

fn print(report: &Report, output: Output) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    if output == Output::Json {
        serde_json::to_writer_pretty(&mut stdout, report)?;
        writeln!(stdout)?;
        return Ok(());
    }
    for Finding { area, level, what, mend } in &report.findings {
        let level = match level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Problem => "PROBLEM",
        };
        writeln!(stdout, "{level:<8} {area}: {what}")?;
        if let Some(mend) = mend {
            writeln!(stdout, "{:<8} mend: {mend}", "")?;
        }
    }
    let (problems, warnings) = (report.count(Level::Problem), report.count(Level::Warning));
    writeln!(stdout, "problems: {problems}, warnings: {warnings}")?;
    Ok(())
}
