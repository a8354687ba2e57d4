//! Where one run of the service keeps its files.

use anyhow::Result;

use crate::{
    cli,
    config::Config,
    datadir::{DataDir, Lock},
    service::{Empty, Mode, Service},
    temporary::TemporaryDirectory,
};

/// Where a run keeps its files.
pub(super) enum Home {
    /// A data directory, locked.
    Directory(DataDir, #[expect(dead_code, reason = "held, not looked at")] Lock),
    /// Development mode: everything in memory but the audit log.
    Memory(TemporaryDirectory),
}

impl Home {
    /// The configured data directory, locked, or in development mode without one, memory.
    pub(super) fn choose(config: &Config, flags: &cli::Serve) -> Result<Self> {
        if flags.dev && config.data_dir.is_none() {
            return TemporaryDirectory::make().map(Self::Memory);
        }
        let directory = DataDir::prepare(config.data_dir()?)?;
        let lock = directory.lock()?;
        Ok(Self::Directory(directory, lock))
    }

    /// Opens the service on it.
    pub(super) async fn open(&self, config: &Config, mode: Mode) -> Result<Service> {
        match self {
            Self::Directory(directory, _) => Service::open(directory, config, Empty::Begin, mode).await,
            Self::Memory(directory) => Service::in_memory(&DataDir::at(directory.path()), config, mode).await,
        }
    }

    /// The data directory, if there is one.
    pub(super) fn directory(&self) -> Option<&DataDir> {
        match self {
            Self::Directory(directory, _) => Some(directory),
            Self::Memory(_) => None,
        }
    }
}
