//! `reseal serve`: from an empty process to a listening service, and back.

mod home;
mod listeners;
mod signals;

use std::{io::Write, net::IpAddr, sync::Arc};

use anyhow::{Context, Result, bail};
use home::Home;
use listeners::Listeners;
use reseal_audit::FailedAuthentications;
use reseal_core::audit::AuditSink;
use reseal_server::{ClientCertificates, DevMode, Tls, TlsFiles};
use reseal_types::AccountId;
use signals::{Reload, Signal, Signals};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::{
    accounts,
    admin::AdminSocket,
    background, cli,
    config::{self, Config, Environment, Loaded, Sources},
    first_account, hardening,
    logging::{self, LogLevel},
    seed,
    service::{Mode, Service},
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
    reseal_crypto::self_test::run()
        .context("the self-tests of the cryptography failed: do not use this build")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve(sources, loaded, level, flags));
    // After a second signal nobody waits for the calls in progress.
    runtime.shutdown_background();
    outcome
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
    let mode = if dev.is_some() { Mode::Development } else { Mode::Production };
    let service = home.open(config, mode).await?;
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
    let (Some(certificates), Some(private_key)) = (config.tls.certificate.clone(), config.tls.key.clone())
    else {
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
    let account =
        accounts::parse_account(chosen.as_deref().unwrap_or(DEV_ACCOUNT)).context("RESEAL_ACCOUNT_ID")?;
    Ok(Some(DevMode { account }))
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
    let tracking = env.begin_tracking().await;
    tracking.map_err(|error| anyhow::anyhow!("{error:?}")).context("the store cannot be written")?;
    let default = dev.map(|dev| dev.account);
    let first = first_account::ensure(service, sources.first_account(), default).await?;
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
    let kept = home
        .directory()
        .map_or("everything is forgotten at the end", |_| "keys are kept in the data directory");
    warn!(
        "DEVELOPMENT MODE: anyone who can connect is root of account {account}, whatever the credentials; {kept}"
    );
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
        tokio::spawn(background::key_stores(env())),
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
