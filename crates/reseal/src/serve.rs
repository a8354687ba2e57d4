//! `reseal serve`: from an empty process to a listening service, and back.

use std::{
    io::Write,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use reseal_audit::FailedAuthentications;
use reseal_core::audit::AuditSink;
use reseal_server::{ClientCertificates, DevMode, Hooks, Limits, Metrics, Running, Shutdown, Tls, TlsFiles};
use reseal_types::AccountId;
use tokio::{signal::unix::SignalKind, task::JoinHandle};
use tracing::{error, info, warn};

use crate::{
    accounts,
    admin::AdminSocket,
    background, cli,
    config::{self, Config, Environment, Loaded, Sources},
    datadir::{DataDir, Lock},
    first_account, hardening,
    logging::{self, LogLevel},
    seed,
    service::{Empty, Service},
    temporary::TemporaryDirectory,
};

/// The account of development mode when none is chosen: the one of AWS's own examples.
const DEV_ACCOUNT: &str = "111122223333";

/// Runs the service until it is told to stop.
pub(crate) fn run(common: &cli::Common, flags: &cli::Serve) -> Result<()> {
    let weaknesses = hardening::harden();
    let sources = Sources::new(common, flags, Environment::of_process()?);
    let loaded = sources.load()?;
    let level = logging::start(&loaded.config.log)?;
    for weakness in weaknesses {
        warn!("{weakness}");
    }
    for name in &loaded.strangers {
        warn!("the environment variable {name} is not one of ours; ignored");
    }
    reseal_crypto::self_test::run().context("the self-tests of the cryptography failed: do not use this build")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(sources, loaded, level, flags))
}

async fn serve(sources: Sources, loaded: Loaded, level: LogLevel, flags: &cli::Serve) -> Result<()> {
    let config = &loaded.config;
    // Signals are taken from here on, so that one that comes early is not lost.
    let mut signals = Signals::new()?;
    let tls = load_tls(config)?;
    let listen = config::resolve("listen", &config.listen)?;
    check_exposure(listen.ip(), tls.is_some(), config, flags)?;
    let dev = dev_mode(&sources, flags)?;
    let home = Home::choose(config, flags)?;
    let service = home.open(config).await?;
    prepare(&service, &home, &sources, dev, flags).await?;
    let listeners = Listeners::start(&service, config, listen, tls.clone(), dev)?;
    let tasks = start_tasks(&service, &home, &listeners.failures)?;
    say_listening(&listeners.service.url())?;

    let mut reload = Reload { sources, loaded, level, tls };
    loop {
        match signals.next().await {
            Signal::Reload => reload.run(),
            Signal::Stop(name) => {
                info!(signal = name, "stopping: no new calls, those in progress finish");
                break;
            }
        }
    }
    let failures = Arc::clone(&listeners.failures);
    tokio::select! {
        () = listeners.stop() => {}
        () = signals.again() => bail!("stopped at once by a second signal; calls in progress were cut off"),
    }
    for task in tasks {
        task.abort();
        let _ = task.await;
    }
    background::finish(&service.env, service.audit.as_ref(), &failures).await;
    service.audit.flush().context("the audit log could not be flushed")?;
    info!("stopped");
    Ok(())
}

/// Nothing that anyone could use from elsewhere without meaning to.
fn check_exposure(ip: IpAddr, tls: bool, config: &Config, flags: &cli::Serve) -> Result<()> {
    if ip.is_loopback() {
        return Ok(());
    }
    if flags.dev && !flags.dev_allow_remote {
        bail!(
            "development mode accepts any credentials, so it answers on loopback only, not on {ip}: listen on 127.0.0.1, \
             or add --dev-allow-remote where nobody else can reach it"
        );
    }
    if !tls && !config.allow_plain_http && !flags.dev_allow_remote {
        bail!(
            "plain HTTP would carry plaintexts readable over the network, so it is served on loopback only, not on {ip}: \
             set tls.certificate and tls.key, or add --allow-plain-http where something in front does TLS"
        );
    }
    Ok(())
}

fn load_tls(config: &Config) -> Result<Option<Arc<Tls>>> {
    let (Some(certificates), Some(private_key)) = (config.tls.certificate.clone(), config.tls.key.clone()) else {
        return Ok(None);
    };
    let clients =
        config.tls.client_ca.clone().map_or(ClientCertificates::NotAsked, ClientCertificates::Required);
    let tls = Tls::load(TlsFiles { certificates, private_key, clients });
    Ok(Some(Arc::new(tls.context("TLS cannot be set up with the files of [tls]")?)))
}

fn dev_mode(sources: &Sources, flags: &cli::Serve) -> Result<Option<DevMode>> {
    if !flags.dev {
        return Ok(None);
    }
    let chosen = sources.first_account().account_id;
    let account = accounts::parse_account(chosen.as_deref().unwrap_or(DEV_ACCOUNT)).context("RESEAL_ACCOUNT_ID")?;
    Ok(Some(DevMode { account }))
}

/// Where a run keeps its files.
enum Home {
    /// A data directory, locked.
    Directory(DataDir, #[expect(dead_code, reason = "held, not looked at")] Lock),
    /// Development mode: everything in memory but the audit log.
    Memory(TemporaryDirectory),
}

impl Home {
    fn choose(config: &Config, flags: &cli::Serve) -> Result<Self> {
        if flags.dev && config.data_dir.is_none() {
            return TemporaryDirectory::make().map(Self::Memory);
        }
        let directory = DataDir::prepare(config.data_dir()?)?;
        let lock = directory.lock()?;
        Ok(Self::Directory(directory, lock))
    }

    async fn open(&self, config: &Config) -> Result<Service> {
        match self {
            Self::Directory(directory, _) => Service::open(directory, config, Empty::Begin).await,
            Self::Memory(directory) => Service::in_memory(&DataDir::at(directory.path()), config).await,
        }
    }

    fn directory(&self) -> Option<&DataDir> {
        match self {
            Self::Directory(directory, _) => Some(directory),
            Self::Memory(_) => None,
        }
    }
}

/// What must be done before the first call is served.
async fn prepare(
    service: &Service,
    home: &Home,
    sources: &Sources,
    dev: Option<DevMode>,
    flags: &cli::Serve,
) -> Result<()> {
    let env = &service.env;
    let delivered = env.deliver_outbox().await;
    match delivered.map_err(|error| anyhow::anyhow!("{error:?}")) {
        Ok(0) => {}
        Ok(records) => info!(records, "delivered audit records that the last run had no time for"),
        Err(error) => return Err(error).context("audit records of the last run cannot be delivered"),
    }
    let default = dev.map(|dev| dev.account);
    let first = first_account::ensure(env, sources.first_account(), default).await?;
    if let (Some(account), Some(directory)) = (first, home.directory()) {
        first_account::announce(&account, directory)?;
    }
    if let Some(dev) = dev {
        warn_of_dev(dev.account, home);
        if let Some(file) = &flags.seed {
            seed::apply(env, file, dev.account).await?;
        }
    }
    Ok(())
}

fn warn_of_dev(account: AccountId, home: &Home) {
    let kept = home.directory().map_or("everything is forgotten at the end", |_| "keys are kept in the data directory");
    warn!(
        "DEVELOPMENT MODE: anyone who can connect is root of account {account}, whatever the credentials; {kept}"
    );
}

/// The listeners of a running service.
struct Listeners {
    service: Running,
    metrics: Option<Running>,
    failures: Arc<FailedAuthentications>,
    shutdown: Shutdown,
}

impl Listeners {
    fn start(
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
        let hooks = Hooks {
            ready: service.checks(),
            failed_authentication: Arc::new(move |source, reason| noted.note(source, reason, clock.clock().now())),
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
        let server = reseal_server::Config { listen, tls, threads: config.threads, limits: limits(config), dev };
        let running = reseal_server::serve(server, Arc::clone(&service.env), hooks, metrics, &shutdown)
            .context("the service cannot be reached: choose another --listen")?;
        Ok(Self { service: running, metrics: metrics_listener, failures, shutdown })
    }

    /// Drains.
    async fn stop(self) {
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

fn start_tasks(
    service: &Service,
    home: &Home,
    failures: &Arc<FailedAuthentications>,
) -> Result<Vec<JoinHandle<()>>> {
    let env = || Arc::clone(&service.env);
    let audit = Arc::clone(&service.audit) as Arc<dyn AuditSink>;
    let mut tasks = vec![
        tokio::spawn(background::run(env(), audit, Arc::clone(failures))),
        tokio::spawn(background::scrub(env())),
    ];
    if let Some(directory) = home.directory() {
        tasks.push(tokio::spawn(AdminSocket::bind(directory)?.serve(service.clone())));
    }
    Ok(tasks)
}

/// The one line on standard output, for people and for scripts that wait for it.
fn say_listening(url: &str) -> Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "reseal: listening on {url}")
        .and_then(|()| stdout.flush())
        .context("standard output is closed")
}

/// What SIGHUP works on.
struct Reload {
    sources: Sources,
    loaded: Loaded,
    level: LogLevel,
    tls: Option<Arc<Tls>>,
}

impl Reload {
    /// Reads certificates and configuration again. Whatever fails leaves things as they were.
    fn run(&mut self) {
        match self.tls.as_ref().map(|tls| tls.reload()) {
            Some(Ok(())) => info!("read the certificate files again; new connections use them"),
            Some(Err(error)) => error!(%error, "the certificate files cannot be used; the old ones stay in use"),
            None => {}
        }
        let newer = match self.sources.load() {
            Ok(newer) => newer,
            Err(error) => {
                let file = self.sources.file().unwrap_or(Path::new("the environment"));
                return error!("the configuration stays as it was, {} cannot be used: {error:#}", file.display());
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
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

enum Signal {
    Reload,
    Stop(&'static str),
}

impl Signals {
    fn new() -> Result<Self> {
        let on = |kind| tokio::signal::unix::signal(kind).context("signals cannot be received");
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hang_up: on(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Signal::Stop("SIGINT"),
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }

    /// Returns at the next order to stop.
    async fn again(&mut self) {
        while let Signal::Reload = self.next().await {}
    }
}
