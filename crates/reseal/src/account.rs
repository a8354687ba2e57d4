//! `reseal account`: asks the running service, or with none running does the same on the directory itself.

use std::{io::Write, time::Duration};

use anyhow::{Result, bail};
use hyper::Method;
use serde::Serialize;
use tokio::time::sleep;

use crate::{
    accounts::{self, AccountList, CreatedAccount},
    admin,
    cli::{self, Output},
    config::{Config, Environment, Sources},
    datadir::DataDir,
    hardening,
    service::{Empty, Mode, Service},
};

/// How long a service that starts or stops is waited for.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// Runs one of the account commands.
pub(crate) fn run(common: &cli::Common, command: &cli::Account) -> Result<()> {
    hardening::harden();
    let sources = Sources::new(common, &cli::Serve::default(), Environment::of_process()?);
    let config = sources.load()?.config;
    let directory = DataDir::existing(config.data_dir()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match command {
        cli::Account::Create(choice) => {
            let created = runtime.block_on(create(&directory, &config, choice))?;
            print(common.output, &created, CreatedAccount::as_exports)
        }
        cli::Account::List => {
            let listed = runtime.block_on(list(&directory, &config))?;
            print(common.output, &listed, |listed| Ok(table(listed)))
        }
    }
}

/// A service that starts or stops is waited for, but not for ever.
#[derive(Default)]
pub(crate) struct Attempts(u32);

impl Attempts {
    /// Waits a moment.
    ///
    /// # Errors
    /// When there was time enough.
    pub(crate) async fn wait(&mut self, directory: &DataDir) -> Result<()> {
        self.0 += 1;
        if self.0 >= ATTEMPTS {
            bail!(
                "{} holds {} but does not answer on its admin socket: wait until it has started, or stop it",
                directory.holder(),
                directory.path().display()
            )
        }
        sleep(PAUSE).await;
        Ok(())
    }
}

async fn create(directory: &DataDir, config: &Config, choice: &cli::CreateAccount) -> Result<CreatedAccount> {
    let request = accounts::CreateAccount {
        account_id: choice.account_id.clone(),
        name: choice.name.clone(),
        access_key_id: choice.access_key_id.clone(),
    };
    let mut attempts = Attempts::default();
    loop {
        if let Some(answer) = admin::call(directory, Method::POST, admin::CREATE_ACCOUNT, &request).await? {
            return Ok(answer);
        }
        if let Some(_lock) = directory.try_lock()? {
            let service = Service::open(directory, config, Empty::Refuse, Mode::Production).await?;
            return accounts::create(&service.env, request).await;
        }
        attempts.wait(directory).await?;
    }
}

async fn list(directory: &DataDir, config: &Config) -> Result<AccountList> {
    let mut attempts = Attempts::default();
    loop {
        if let Some(answer) = admin::call(directory, Method::GET, admin::LIST_ACCOUNTS, &()).await? {
            return Ok(answer);
        }
        if let Some(_lock) = directory.try_lock()? {
            let service = Service::open(directory, config, Empty::Refuse, Mode::Production).await?;
            return accounts::list(&service.env).await;
        }
        attempts.wait(directory).await?;
    }
}

/// Prints data as the operator wants it.
pub(crate) fn print<T: Serialize>(
    output: Output,
    value: &T,
    text: impl FnOnce(&T) -> Result<String>,
) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match output {
        Output::Json => {
            serde_json::to_writer(&mut stdout, value)?;
            writeln!(stdout)?;
        }
        Output::Text => write!(stdout, "{}", text(value)?)?,
    }
    Ok(())
}

fn table(list: &AccountList) -> String {
    let row = |id: &str, created: &str, name: &str| format!("{id:<12}  {created:<20}  {name}");
    let rows = list.accounts.iter().map(|account| row(&account.account_id, &account.created, &account.name));
    let rows: Vec<String> = std::iter::once(row("ACCOUNT", "CREATED", "NAME")).chain(rows).collect();
    rows.join("\n") + "\n"
}
