//! The signals that the service knows, and what a reload does.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result};
use reseal_server::Tls;
use tokio::signal::unix::{self, SignalKind, signal};
use tracing::{error, info, warn};

use crate::{
    config::{Loaded, Sources},
    logging::LogLevel,
};

/// What SIGHUP works on.
pub(super) struct Reload {
    pub(super) sources: Sources,
    pub(super) loaded: Loaded,
    pub(super) level: LogLevel,
    pub(super) tls: Option<Arc<Tls>>,
}

impl Reload {
    /// Reads certificates and configuration again. Whatever fails leaves things as they were.
    pub(super) fn run(&mut self) {
        match self.tls.as_ref().map(|tls| tls.reload()) {
            Some(Ok(())) => info!("read the certificate files again; new connections use them"),
            Some(Err(error)) => {
                error!(%error, "the certificate files cannot be used; the old ones stay in use");
            }
            None => {}
        }
        let newer = match self.sources.load() {
            Ok(newer) => newer,
            Err(error) => {
                let file = self.sources.file().unwrap_or(Path::new("the environment"));
                return error!(
                    "the configuration stays as it was, {} cannot be used: {error:#}",
                    file.display()
                );
            }
        };
        let changes = self.loaded.changes(&newer);
        if changes.is_empty() {
            info!("no setting changed");
        }
        for (setting, reloadable) in &changes {
            match reloadable {
                true => info!(setting, "changed"),
                false => warn!(setting, "changed, but takes effect at the next start only"),
            }
        }
        if let Err(error) = self.level.set(&newer.config.log.level) {
            error!("{error:#}");
        }
        self.loaded = newer;
    }
}

/// The signals that the service knows.
pub(super) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hang_up: unix::Signal,
}

pub(super) enum Signal {
    Reload,
    Stop(&'static str),
}

impl Signals {
    /// Takes them from here on.
    pub(super) fn new() -> Result<Self> {
        let on = |kind| signal(kind).context("signals cannot be received");
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hang_up: on(SignalKind::hangup())?,
        })
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Signal::Stop("SIGINT"),
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }

    /// Returns at the next order to stop.
    pub(super) async fn again(&mut self) {
        while let Signal::Reload = self.next().await {}
    }
}
