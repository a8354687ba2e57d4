//! The root key, the store's file, and whether every record opens.

use std::sync::Arc;

use async_trait::async_trait;
use hyper::Method;
use reseal_core::{
    custodian::{Custodian, CustodianError},
    store::{Batch, Page, RecordKey, Store, StoreError, Versioned},
    vault::Vault,
};
use reseal_custody::FileCustodian;
use reseal_store_sqlite::SqliteStore;

use super::{Finding, Report};
use crate::{
    admin,
    datadir::DataDir,
    service::{self, Service},
    system::SystemEntropy,
};

const ROOT_KEY: &str = "root key";
const STORE: &str = "store";
const SERVICE: &str = "service";
const RESTORE: &str = "restore the store from a backup";
/// Refused records that are named one by one.
const NAMED: usize = 100;

pub(super) async fn look(directory: &DataDir) -> Vec<Finding> {
    let database = directory.database();
    if !database.exists() && !directory.root_key().exists() {
        return vec![Finding::ok(STORE, "none yet: the first start makes it, and the root key")];
    }
    let custodian = match FileCustodian::open(directory.root_key()) {
        Ok(custodian) => custodian,
        Err(error) => return vec![root_key_problem(error.into())],
    };
    let mut findings = vec![Finding::ok(ROOT_KEY, format!("{}, checksum right", custodian.describe()))];
    match directory.try_lock() {
        Ok(Some(_lock)) if database.exists() => {
            findings.push(Finding::ok(SERVICE, "not running"));
            findings.extend(look_alone(directory, Arc::new(custodian)).await);
        }
        Ok(Some(_)) => findings.push(Finding::ok(STORE, "none yet: the next start makes it")),
        Ok(None) => findings.extend(ask_service(directory).await),
        Err(error) => {
            findings.push(Finding::problem(
                SERVICE,
                format!("{error:#}"),
                "correct owner and mode of the lock file",
            ));
        }
    }
    findings
}

/// The running service looks by itself; called behind the admin socket.
pub(crate) async fn examine(service: &Service) -> Vec<Finding> {
    let mut findings = vec![match service.custodian.health().await {
        Ok(()) => Finding::ok(ROOT_KEY, "the one in use is the one that is kept"),
        Err(error) => root_key_problem(error),
    }];
    if let Some(database) = &service.database {
        findings.push(structure(Arc::clone(database)).await);
    }
    findings.extend(records(service.env.vault()).await);
    findings
}

async fn ask_service(directory: &DataDir) -> Vec<Finding> {
    let holder = directory.holder();
    match admin::call::<Report>(directory, Method::GET, admin::EXAMINE, &()).await {
        Ok(Some(report)) => {
            let mut findings =
                vec![Finding::ok(SERVICE, format!("running ({holder}); it looked at its store itself"))];
            findings.extend(report.findings);
            findings
        }
        Ok(None) => vec![Finding::warning(
            SERVICE,
            format!(
                "{holder} holds the directory but does not answer on {}",
                directory.admin_socket().display()
            ),
            "if it is starting, look again in a moment; the store was not looked at",
        )],
        Err(error) => vec![Finding::problem(
            SERVICE,
            format!("the running service ({holder}) could not look at its store: {error:#}"),
            "see its log, or stop it and look again",
        )],
    }
}

/// With the lock held, so that nobody else is at work.
async fn look_alone(directory: &DataDir, custodian: Arc<dyn Custodian>) -> Vec<Finding> {
    let path = directory.database();
    let database = match SqliteStore::open(&path, reseal_store_sqlite::Options::default()) {
        Ok(database) => Arc::new(database),
        Err(error) => {
            return vec![Finding::problem(
                STORE,
                format!("{} does not open: {error}", path.display()),
                RESTORE,
            )];
        }
    };
    let mut findings = vec![structure(Arc::clone(&database)).await];
    let untouched = Arc::new(Unwritten(database));
    match Vault::open(untouched, custodian.as_ref(), Arc::new(SystemEntropy)).await {
        Ok(vault) => findings.extend(records(&vault).await),
        Err(error) => {
            let what = service::explain(error, custodian.as_ref()).to_string();
            findings.push(Finding::problem(
                STORE,
                what,
                "the root key and the store must be of the same backup",
            ));
        }
    }
    findings
}

async fn structure(database: Arc<SqliteStore>) -> Finding {
    match tokio::task::spawn_blocking(move || database.integrity_check()).await {
        Ok(Ok(())) => Finding::ok(STORE, "the database file is sound"),
        Ok(Err(error)) => Finding::problem(STORE, error.to_string(), RESTORE),
        Err(error) => Finding::problem(STORE, format!("the check did not end: {error}"), "look again"),
    }
}

async fn records(vault: &Vault) -> Vec<Finding> {
    let mut refused: Vec<RecordKey> = Vec::new();
    let mut count = 0_usize;
    let scrubbed = vault.scrub(|place| {
        count += 1;
        if refused.len() < NAMED {
            refused.push(place.clone());
        }
    });
    let records = match scrubbed.await {
        Ok(records) => records,
        Err(error) => return vec![Finding::problem(STORE, error.to_string(), RESTORE)],
    };
    if count == 0 {
        return vec![Finding::ok(STORE, format!("all {records} records open"))];
    }
    let mut findings: Vec<Finding> = refused
        .iter()
        .map(|place| {
            let what = format!("record {place} was changed outside the service and is refused");
            Finding::problem(STORE, what, "restore it from a backup; the other records keep working")
        })
        .collect();
    if count > refused.len() {
        let what = format!("{} more of {records} records are refused", count - refused.len());
        findings.push(Finding::problem(STORE, what, RESTORE));
    }
    findings
}

fn root_key_problem(error: CustodianError) -> Finding {
    match error {
        CustodianError::Misconfigured { problem, mend } => Finding::problem(ROOT_KEY, problem, mend),
        error @ (CustodianError::Unavailable { .. } | CustodianError::WrongRootKeyOrTampered) => {
            Finding::problem(ROOT_KEY, error.to_string(), "put back the root key that belongs to this store")
        }
    }
}

/// A store that is only looked at: opening a vault reserves versions, and nobody will use these.
struct Unwritten(Arc<SqliteStore>);

#[async_trait]
impl Store for Unwritten {
    async fn get(&self, key: &RecordKey) -> Result<Option<Versioned>, StoreError> {
        self.0.get(key).await
    }

    async fn scan(&self, prefix: &[u8], after: Option<&RecordKey>, limit: u16) -> Result<Page, StoreError> {
        self.0.scan(prefix, after, limit).await
    }

    async fn commit(&self, _batch: Batch) -> Result<(), StoreError> {
        Ok(())
    }
}
