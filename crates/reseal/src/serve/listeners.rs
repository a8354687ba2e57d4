//! The listeners of a running service: the API, and metrics if configured.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use reseal_audit::FailedAuthentications;
use reseal_identity::Issuers;
use reseal_server::{DevMode, Hooks, IssuerKeys, Limits, Metrics, Running, Shutdown, Tls};
use tracing::{error, info, warn};

use crate::{
    config::{self, Config},
    service::Service,
};

/// The listeners of a running service.
pub(super) struct Listeners {
    pub(super) service: Running,
    metrics: Option<Running>,
    pub(super) failures: Arc<FailedAuthentications>,
    shutdown: Shutdown,
}

impl Listeners {
    /// Starts them; they serve when this returns.
    pub(super) fn start(
        service: &Service,
        config: &Config,
        listen: SocketAddr,
        tls: Option<Arc<Tls>>,
        dev: Option<DevMode>,
    ) -> Result<Self> {
        let (shutdown, metrics) = (Shutdown::new(), Arc::new(Metrics::new()));
        let failures = Arc::new(FailedAuthentications::default());
        let noted = Arc::clone(&failures);
        let clock = Arc::clone(&service.env);
        let keys = IssuerKeys::new(&config.identity.issuer_keys, &config.identity.issuer_ca)
            .context("`identity.issuer_keys` cannot be used")?;
        let hooks = Hooks {
            issuers: Issuers::new(Arc::new(keys)),
            ready: service.checks(),
            failed_authentication: Arc::new(move |source, reason| {
                noted.note(source, reason, clock.clock().now());
            }),
        };
        let metrics_listener = match &config.metrics_listen {
            Some(address) => {
                let address = config::resolve("metrics_listen", address)?;
                let running = reseal_server::serve_metrics(address, Arc::clone(&metrics), &shutdown)
                    .context("metrics cannot be served: choose another metrics_listen")?;
                info!("metrics at {}/metrics", running.url());
                Some(running)
            }
            None => None,
        };
        let server =
            reseal_server::Config { listen, tls, threads: config.threads, limits: limits(config), dev };
        let running = reseal_server::serve(server, Arc::clone(&service.env), hooks, metrics, &shutdown)
            .context("the service cannot be reached: choose another --listen")?;
        Ok(Self { service: running, metrics: metrics_listener, failures, shutdown })
    }

    /// Stops accepting, and returns when what was accepted is answered or cut off.
    pub(super) async fn stop(self) {
        self.shutdown.trigger();
        let wait = move || {
            let drained = self.service.wait();
            if let Some(metrics) = self.metrics {
                let _ = metrics.wait();
            }
            drained.cut_off
        };
        match tokio::task::spawn_blocking(wait).await {
            Ok(0) => {}
            Ok(connections) => warn!(connections, "cut off: their calls took longer than the drain timeout"),
            Err(error) => error!(%error, "the listeners could not be waited for"),
        }
    }
}

fn limits(config: &Config) -> Limits {
    let limits = &config.limits;
    Limits {
        max_connections: limits.max_connections,
        max_headers: limits.max_headers,
        max_head_bytes: limits.max_head_bytes,
        max_body_bytes: limits.max_body_bytes,
        max_large_bodies: limits.max_large_bodies,
        max_streams: limits.max_streams,
        head_timeout: Duration::from_secs(limits.head_timeout_seconds),
        body_timeout: Duration::from_secs(limits.body_timeout_seconds),
        idle_timeout: Duration::from_secs(limits.idle_timeout_seconds),
        drain_timeout: Duration::from_secs(config.drain_timeout_seconds),
        ..Limits::default()
    }
}
