//! The configuration: one TOML file, overridden by `RESEAL_*` variables, overridden by flags.
//!
//! Unknown names are refused, so that a misspelt setting is never silently the default.

mod environment;
pub(crate) mod key_stores;
pub(crate) mod settings;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
pub(crate) use environment::{Environment, FirstAccount};
use key_stores::{Cluster, NAMED, XksProxy};
use reseal_core::quota::{RequestRates, RequestRatesError};
use reseal_types::{Partition, Region};
use serde::Deserialize;
use settings::SETTINGS;
use toml::{Table, Value};

use crate::cli;

/// All settings, with their defaults for what was not given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) listen: String,
    pub(crate) metrics_listen: Option<String>,
    pub(crate) allow_plain_http: bool,
    pub(crate) partition: String,
    pub(crate) regions: Vec<String>,
    pub(crate) keys_in_memory: usize,
    pub(crate) drain_timeout_seconds: u64,
    pub(crate) threads: usize,
    pub(crate) tls: Tls,
    pub(crate) limits: Limits,
    pub(crate) audit: Audit,
    pub(crate) attestation: Attestation,
    pub(crate) quotas: Quotas,
    pub(crate) identity: Identity,
    pub(crate) log: Log,
    pub(crate) xks_proxies: BTreeMap<String, XksProxy>,
    pub(crate) clusters: BTreeMap<String, Cluster>,
}

/// `[tls]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) client_ca: Option<PathBuf>,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) max_connections: usize,
    pub(crate) max_headers: usize,
    pub(crate) max_head_bytes: usize,
    pub(crate) max_body_bytes: usize,
    pub(crate) max_large_bodies: usize,
    pub(crate) max_streams: u32,
    pub(crate) head_timeout_seconds: u64,
    pub(crate) body_timeout_seconds: u64,
    pub(crate) idle_timeout_seconds: u64,
}

/// `[audit]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Audit {
    pub(crate) durability: String,
    pub(crate) segment_bytes: u64,
}

/// `[attestation]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Attestation {
    pub(crate) root: Option<PathBuf>,
    pub(crate) max_age_seconds: u32,
}

/// `[quotas]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Quotas {
    pub(crate) aliases_per_key: usize,
    pub(crate) grants_per_key: usize,
    pub(crate) custom_key_stores: usize,
    pub(crate) tags_per_key: usize,
    pub(crate) on_demand_rotations: usize,
    pub(crate) key_policy_bytes: usize,
    /// 0: no limit.
    pub(crate) keys_per_region: usize,
    pub(crate) requests: Vec<String>,
}

/// `[identity]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Identity {
    pub(crate) issuer_keys: Vec<String>,
    pub(crate) issuer_ca: PathBuf,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) format: String,
    pub(crate) level: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: None,
            listen: "127.0.0.1:4599".to_owned(),
            metrics_listen: None,
            allow_plain_http: false,
            partition: "aws".to_owned(),
            regions: COMMERCIAL_REGIONS.map(str::to_owned).to_vec(),
            keys_in_memory: 20_000,
            drain_timeout_seconds: 30,
            threads: 0,
            tls: Tls::default(),
            limits: Limits::default(),
            audit: Audit::default(),
            attestation: Attestation::default(),
            quotas: Quotas::default(),
            identity: Identity::default(),
            log: Log::default(),
            xks_proxies: BTreeMap::new(),
            clusters: BTreeMap::new(),
        }
    }
}

impl Default for Limits {
    /// The listener's own.
    fn default() -> Self {
        let limits = reseal_server::Limits::default();
        Self {
            max_connections: limits.max_connections,
            max_headers: limits.max_headers,
            max_head_bytes: limits.max_head_bytes,
            max_body_bytes: limits.max_body_bytes,
            max_large_bodies: limits.max_large_bodies,
            max_streams: limits.max_streams,
            head_timeout_seconds: limits.head_timeout.as_secs(),
            body_timeout_seconds: limits.body_timeout.as_secs(),
            idle_timeout_seconds: limits.idle_timeout.as_secs(),
        }
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self { durability: "written".to_owned(), segment_bytes: 64 * 1024 * 1024 }
    }
}

impl Default for Attestation {
    /// As long as a signature of a request is good for.
    fn default() -> Self {
        Self { root: None, max_age_seconds: 300 }
    }
}

impl Default for Quotas {
    /// AWS's own (the KMS developer guide, "Resource quotas" and "On-demand rotation"), but the number of keys and
    /// the rate of requests, which are not limited.
    fn default() -> Self {
        Self {
            aliases_per_key: 50,
            grants_per_key: 50_000,
            custom_key_stores: 10,
            tags_per_key: 50,
            on_demand_rotations: 25,
            key_policy_bytes: 32_768,
            keys_per_region: 0,
            requests: Vec::new(),
        }
    }
}

impl Default for Identity {
    fn default() -> Self {
        Self { issuer_keys: Vec::new(), issuer_ca: "/etc/ssl/certs/ca-certificates.crt".into() }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: "text".to_owned(), level: "info".to_owned() }
    }
}

/// The Regions of the partition `aws`, as AWS's SDKs list them.
const COMMERCIAL_REGIONS: [&str; 36] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "me-west-1",
    "mx-central-1",
    "sa-east-1",
    "sa-west-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Where settings come from; kept, so that SIGHUP can read them again.
pub(crate) struct Sources {
    file: Option<PathBuf>,
    environment: Environment,
    flags: Table,
}

/// What was read.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// Settings as given, for comparing with the next reading.
    given: Table,
    /// Variables with our prefix that are none of ours.
    pub(crate) strangers: Vec<String>,
}

impl Sources {
    /// The sources of one run. `serve` brings flags that stand for settings.
    pub(crate) fn new(common: &cli::Common, serve: &cli::Serve, environment: Environment) -> Self {
        let mut flags = Table::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let (Some(value), Some(setting)) =
                (value, SETTINGS.iter().find(|setting| setting.name == name))
            {
                setting.put(&mut flags, value);
            }
        };
        let text = |text: &Option<String>| text.clone().map(Value::String);
        let directory = common.data_dir.as_ref().map(|path| path.to_string_lossy().into_owned());
        put("data_dir", directory.map(Value::String));
        put("listen", text(&serve.listen));
        put("metrics_listen", text(&serve.metrics_listen));
        put("allow_plain_http", serve.allow_plain_http.then_some(Value::Boolean(true)));
        let file = common.config.clone().or_else(|| environment.config_file().map(PathBuf::from));
        Self { file, environment, flags }
    }

    /// The first account that the environment asks for.
    pub(crate) fn first_account(&self) -> FirstAccount {
        self.environment.first_account()
    }

    /// The configuration file, if there is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The data directory as flags or environment name it: known even when the file cannot be read.
    pub(crate) fn data_dir(&self) -> Option<PathBuf> {
        let flag = self.flags.get("data_dir").and_then(Value::as_str);
        flag.or_else(|| self.environment.get("RESEAL_DATA_DIR")).map(PathBuf::from)
    }

    /// Reads everything, and refuses what is unknown or does not fit.
    pub(crate) fn load(&self) -> Result<Loaded> {
        let mut given = match &self.file {
            Some(path) => read_file(path)?,
            None => Table::new(),
        };
        let strangers = self.environment.overlay(&mut given)?;
        for setting in SETTINGS {
            if let Some(value) = setting.value_in(&self.flags) {
                setting.put(&mut given, value.clone());
            }
        }
        settings::check(&given).map_err(|sentence| anyhow!(sentence))?;
        let config: Config = given.clone().try_into().context("the configuration does not fit")?;
        config.check()?;
        Ok(Loaded { config, given, strangers })
    }
}

impl Loaded {
    /// The settings that differ between two readings: name, and whether a reload applies them.
    pub(crate) fn changes(&self, newer: &Self) -> Vec<(&'static str, bool)> {
        let differs =
            |setting: &&settings::Setting| setting.value_in(&self.given) != setting.value_in(&newer.given);
        let named = NAMED.iter().filter(|(section, _)| self.given.get(*section) != newer.given.get(*section));
        let changed = SETTINGS.iter().filter(differs).map(|setting| (setting.name, setting.reloadable));
        changed.chain(named.map(|(section, _)| (*section, false))).collect()
    }
}

impl Config {
    /// The Regions served.
    pub(crate) fn region_set(&self) -> Result<BTreeSet<Region>> {
        let parse = |name: &String| {
            Region::parse(name).with_context(|| {
                format!("`regions`: \"{name}\" is not a Region name; one looks like eu-central-1")
            })
        };
        self.regions.iter().map(parse).collect()
    }

    /// Requests per second.
    pub(crate) fn request_rates(&self) -> Result<RequestRates> {
        RequestRates::parse(self.quotas.requests.iter().map(String::as_str)).map_err(|error| match error {
            RequestRatesError::Form(text) => {
                anyhow!("`quotas.requests`: \"{text}\" is neither aws nor GROUP=RATE, such as CreateKey=5")
            }
            RequestRatesError::Group(name) => {
                let sentence = settings::unknown("group of requests", &name, RequestRates::groups());
                anyhow!("`quotas.requests`: {sentence}")
            }
        })
    }

    /// The partition of every ARN.
    pub(crate) fn partition(&self) -> Result<Partition> {
        Partition::parse(&self.partition)
            .with_context(|| format!("`partition`: \"{}\" is not a name such as aws", self.partition))
    }

    /// The data directory, which everything but development mode needs.
    pub(crate) fn data_dir(&self) -> Result<&Path> {
        self.data_dir
            .as_deref()
            .context("no data directory: give --data-dir DIR, set RESEAL_DATA_DIR, or set data_dir in the configuration file")
    }

    /// Rules between settings, and values that their kind alone does not check.
    fn check(&self) -> Result<()> {
        self.region_set()?;
        self.partition()?;
        key_stores::proxies(&self.xks_proxies)?;
        key_stores::clusters(&self.clusters)?;
        self.request_rates()?;
        let Tls { certificate, key, client_ca } = &self.tls;
        match (certificate, key) {
            (Some(_), None) => {
                bail!("`tls.certificate` is set but not `tls.key`: set both, or none for plain HTTP")
            }
            (None, Some(_)) => {
                bail!("`tls.key` is set but not `tls.certificate`: set both, or none for plain HTTP")
            }
            (None, None) if client_ca.is_some() => {
                bail!(
                    "`tls.client_ca` needs `tls.certificate` and `tls.key`: clients are asked for certificates over TLS only"
                )
            }
            _ => Ok(()),
        }
    }
}

/// The address that `HOST:PORT` stands for.
pub(crate) fn resolve(setting: &str, text: &str) -> Result<SocketAddr> {
    let wrong = || format!("`{setting}`: \"{text}\" is not HOST:PORT, such as 127.0.0.1:4599 or [::1]:4599");
    text.to_socket_addrs().with_context(wrong)?.next().with_context(wrong)
}

fn read_file(path: &Path) -> Result<Table> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the configuration file {} cannot be read", path.display()))?;
    let table: Table = toml::from_str(&text).map_err(|error| {
        let line =
            error.span().map_or(1, |span| text.get(..span.start).unwrap_or("").matches('\n').count() + 1);
        anyhow!("{} line {line}: {}", path.display(), error.message())
    })?;
    settings::check(&table).map_err(|sentence| anyhow!("{}: {sentence}", path.display()))?;
    Ok(table)
}
