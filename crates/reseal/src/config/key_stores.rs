//! `[xks_proxies.HOST]` and `[clusters.ID]`: what custom key stores can stand on.
//!
//! The API names a proxy by a bare host and a cluster by an id. Where they are, and that they may be reached at all,
//! is said here.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use reseal_custody::{ClusterSettings, ProxySettings};
use reseal_types::{AccountId, Region};
use serde::Deserialize;

use super::settings::{Kind, Setting, setting};

/// An external key store proxy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct XksProxy {
    pub(crate) connect: Option<String>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) client_certificate: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) vpc_endpoint_service: Option<String>,
    pub(crate) timeout_milliseconds: u64,
    pub(crate) max_calls: usize,
}

/// A cluster of hardware modules: a PKCS#11 token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cluster {
    pub(crate) account: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) module: Option<PathBuf>,
    pub(crate) token: Option<String>,
    pub(crate) trust_anchor: Option<PathBuf>,
    pub(crate) sessions: usize,
    pub(crate) timeout_milliseconds: u64,
}

impl Default for XksProxy {
    /// The time is AWS's own.
    fn default() -> Self {
        Self {
            connect: None,
            ca: None,
            client_certificate: None,
            client_key: None,
            vpc_endpoint_service: None,
            timeout_milliseconds: 250,
            max_calls: 256,
        }
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            account: None,
            region: None,
            module: None,
            token: None,
            trust_anchor: None,
            sessions: 4,
            timeout_milliseconds: 5_000,
        }
    }
}

/// Sections whose tables the operator names, and the settings of each such table. In the file only: a variable could
/// not say which of them it means.
pub(crate) const NAMED: &[(&str, &[Setting])] = &[
    (
        "xks_proxies",
        &[
            setting("connect", Kind::Text),
            setting("ca", Kind::Text),
            setting("client_certificate", Kind::Text),
            setting("client_key", Kind::Text),
            setting("vpc_endpoint_service", Kind::Text),
            setting("timeout_milliseconds", Kind::Number(10, 60_000)),
            setting("max_calls", Kind::Number(1, 10_000)),
        ],
    ),
    (
        "clusters",
        &[
            setting("account", Kind::Text),
            setting("region", Kind::Text),
            setting("module", Kind::Text),
            setting("token", Kind::Text),
            setting("trust_anchor", Kind::Text),
            setting("sessions", Kind::Number(1, 256)),
            setting("timeout_milliseconds", Kind::Number(10, 600_000)),
        ],
    ),
];

/// What custody wants to know of the proxies.
pub(crate) fn proxies(proxies: &BTreeMap<String, XksProxy>) -> Result<Vec<ProxySettings>> {
    proxies.iter().map(|(host, proxy)| proxy.settings(host)).collect()
}

/// What custody wants to know of the clusters.
pub(crate) fn clusters(clusters: &BTreeMap<String, Cluster>) -> Result<Vec<ClusterSettings>> {
    let mut found: Vec<ClusterSettings> = Vec::with_capacity(clusters.len());
    for (id, cluster) in clusters {
        let settings = cluster.settings(id)?;
        // Two key stores in one token would share a login, and find each other's keys.
        let same =
            |other: &&ClusterSettings| other.module == settings.module && other.token == settings.token;
        if let Some(other) = found.iter().find(same) {
            bail!("`clusters.{id}` and `clusters.{}` are the same token of the same module", other.id);
        }
        found.push(settings);
    }
    Ok(found)
}

impl XksProxy {
    fn settings(&self, host: &str) -> Result<ProxySettings> {
        let name = format!("xks_proxies.\"{host}\"");
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
        if host.is_empty() || !host.bytes().all(legal) {
            bail!("`{name}`: the name must be that of a host in lower case, without https:// and port");
        }
        let client = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            _ => bail!("`{name}`: set both `client_certificate` and `client_key`, or none"),
        };
        Ok(ProxySettings {
            host: host.to_owned(),
            connect: self.connect.clone().unwrap_or_else(|| format!("{host}:443")),
            ca: self.ca.clone().with_context(|| format!("`{name}` needs `ca`: {CA}"))?,
            client,
            service: self.vpc_endpoint_service.clone(),
            timeout: Duration::from_millis(self.timeout_milliseconds),
            calls: self.max_calls,
        })
    }
}

const CA: &str = "a PEM file with the authorities that the proxy's certificate may come from";

impl Cluster {
    fn settings(&self, id: &str) -> Result<ClusterSettings> {
        // The pattern of the API: under another name no caller could ever ask for it.
        let legal = |b: u8| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'2'..=b'7');
        let name = id.strip_prefix("cluster-").unwrap_or_default();
        if !(11..=16).contains(&name.len()) || !name.bytes().all(legal) {
            bail!("`clusters.{id}`: the name must be `cluster-` and 11 to 16 of a-z, A-Z and 2-7");
        }
        let needs = |name: &str| format!("`clusters.{id}` needs `{name}`");
        let (account, region) = (
            self.account.as_deref().with_context(|| needs("account"))?,
            self.region.as_deref().with_context(|| needs("region"))?,
        );
        Ok(ClusterSettings {
            id: id.to_owned(),
            account: AccountId::parse(account)
                .with_context(|| format!("`clusters.{id}.account`: \"{account}\" is not 12 digits"))?,
            region: Region::parse(region)
                .with_context(|| format!("`clusters.{id}.region`: \"{region}\" is not a Region name"))?,
            module: self.module.clone().with_context(|| needs("module"))?,
            token: self.token.clone().with_context(|| needs("token"))?,
            trust_anchor: self.trust_anchor.clone().with_context(|| needs("trust_anchor"))?,
            sessions: self.sessions,
            timeout: Duration::from_millis(self.timeout_milliseconds),
        })
    }
}
