//! Whether the configuration can be served with: names, values, addresses, certificate files.

use std::{fs, path::Path};

use super::{
    Finding,
    certificate::{self, Certificate},
};
use crate::{
    config::{self, Config, Loaded, Sources},
    datadir::access_problem,
    logging,
    system::{millis, wall_clock},
};

const AREA: &str = "configuration";
const CERTIFICATE: &str = "certificate";
const DAY_MILLIS: i64 = 86_400_000;
/// Time enough to get a new certificate.
const EXPIRY_WARNING_DAYS: i64 = 21;

/// The configuration, if it can be read at all, and what was found.
pub(super) fn look(sources: &Sources) -> (Option<Config>, Vec<Finding>) {
    let Loaded { config, strangers, .. } = match sources.load() {
        Ok(loaded) => loaded,
        Err(error) => {
            return (
                None,
                vec![Finding::problem(
                    AREA,
                    format!("{error:#}"),
                    "correct it; docs/configuration.md lists all settings",
                )],
            );
        }
    };
    let mut findings: Vec<Finding> = strangers
        .iter()
        .map(|name| {
            let what = format!("the environment variable {name} is not one of ours");
            Finding::warning(AREA, what, "remove it if it was meant for this service; it has no effect")
        })
        .collect();
    findings.extend(values(&config));
    findings.extend(certificates(&config));
    findings.extend(key_stores(&config));
    if findings.is_empty() {
        let from = sources
            .file()
            .map_or("flags, environment and defaults".to_owned(), |file| file.display().to_string());
        findings.push(Finding::ok(AREA, format!("read from {from}")));
    }
    (Some(config), findings)
}

fn values(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = logging::parse(&config.log.level) {
        findings.push(Finding::problem(AREA, error.to_string(), "set log.level = \"info\""));
    }
    match config::resolve("listen", &config.listen) {
        Ok(address)
            if !address.ip().is_loopback()
                && config.tls.certificate.is_none()
                && !config.allow_plain_http =>
        {
            findings.push(Finding::problem(
                AREA,
                format!("plain HTTP on {address}, which is not loopback, will be refused at start"),
                "set tls.certificate and tls.key, or allow_plain_http = true where something in front does TLS",
            ));
        }
        Ok(_) => {}
        Err(error) => findings.push(Finding::problem(AREA, format!("{error:#}"), "correct the address")),
    }
    if let Some(Err(error)) =
        config.metrics_listen.as_ref().map(|text| config::resolve("metrics_listen", text))
    {
        findings.push(Finding::problem(AREA, format!("{error:#}"), "correct the address"));
    }
    findings
}

fn certificates(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(path) = &config.tls.key {
        match fs::metadata(path).and_then(|metadata| fs::File::open(path).map(|_| metadata)) {
            Ok(metadata) => {
                if let Some(problem) = access_problem(&metadata) {
                    let what = format!("the private key {} {}", path.display(), problem.what);
                    findings.push(Finding::warning(CERTIFICATE, what, problem.mend(path, 0o600)));
                }
            }
            Err(error) => findings.push(unreadable(path, &error.to_string())),
        }
    }
    let files = [&config.tls.certificate, &config.tls.client_ca, &config.attestation.root];
    for path in files.into_iter().flatten() {
        match certificate::read(path) {
            Ok(certificates) => findings.extend(validity(path, &certificates)),
            Err(error) => findings.push(unreadable(path, &error)),
        }
    }
    findings
}

/// What custom key stores stand on. Nothing is connected to.
fn key_stores(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let proxies = config.xks_proxies.values();
    for path in proxies.clone().filter_map(|proxy| proxy.ca.as_ref()) {
        // Bundles of authorities always hold some that have expired.
        if let Err(error) = certificate::read(path) {
            findings.push(unreadable(path, &error));
        }
    }
    let own = proxies.filter_map(|proxy| proxy.client_certificate.as_ref());
    let anchors = config.clusters.values().filter_map(|cluster| cluster.trust_anchor.as_ref());
    for path in own.chain(anchors) {
        match certificate::read(path) {
            Ok(certificates) => findings.extend(validity(path, &certificates)),
            Err(error) => findings.push(unreadable(path, &error)),
        }
    }
    for module in config.clusters.values().filter_map(|cluster| cluster.module.as_ref()) {
        if let Err(error) = fs::File::open(module) {
            let what = format!("the PKCS#11 module {} cannot be loaded: {error}", module.display());
            findings.push(Finding::problem(AREA, what, "install it, or correct its path"));
        }
    }
    findings
}

fn unreadable(path: &Path, error: &str) -> Finding {
    let what = format!("{} cannot be used: {error}", path.display());
    Finding::problem(CERTIFICATE, what, "correct the path, its mode, or its content")
}

/// The worst of a file's certificates.
fn validity(path: &Path, certificates: &[Certificate]) -> Option<Finding> {
    let now = millis(wall_clock());
    let soonest = certificates.iter().min_by_key(|certificate| certificate.not_after)?;
    let (shown, end) = (path.display(), soonest.not_after);
    let mend = "put a new one in its place and send SIGHUP (attestation.root: restart)";
    Some(if end.millis() < now {
        Finding::problem(CERTIFICATE, format!("{shown} expired at {end}"), mend)
    } else if certificates.iter().any(|certificate| certificate.not_before.millis() > now) {
        Finding::problem(CERTIFICATE, format!("{shown} is not valid yet"), "correct the clock, or wait")
    } else if end.millis() - now < EXPIRY_WARNING_DAYS * DAY_MILLIS {
        Finding::warning(CERTIFICATE, format!("{shown} expires at {end}"), mend)
    } else {
        Finding::ok(CERTIFICATE, format!("{shown} is valid until {end}"))
    })
}
