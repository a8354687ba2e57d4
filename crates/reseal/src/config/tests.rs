use std::{fs, path::PathBuf};

use clap::Parser;

use super::*;

const EXAMPLE: &str = include_str!("../../../../docs/reseal.example.toml");
const HANDBOOK: &str = include_str!("../../../../docs/configuration.md");

/// Settings from a file with this text, these variables and this command line.
fn load(file: &str, variables: &[(&str, &str)], line: &[&str]) -> Result<Loaded> {
    let path = temporary_file(file);
    let line = ["reseal", "serve", "--config"]
        .iter()
        .copied()
        .chain([path.to_str().unwrap()])
        .chain(line.iter().copied());
    let cli = cli::Cli::try_parse_from(line).unwrap();
    let cli::Command::Serve(serve) = cli.command else { panic!("not serve") };
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let loaded = Sources::new(&cli.common, &serve, Environment::new(variables.collect())).load();
    fs::remove_file(path).unwrap();
    loaded
}

fn temporary_file(text: &str) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("reseal-config-{}-{number}.toml", std::process::id()));
    fs::write(&path, text).unwrap();
    path
}

fn refusal(file: &str, variables: &[(&str, &str)]) -> String {
    load(file, variables, &[]).err().map(|error| format!("{error:#}")).expect("accepted")
}

#[test]
fn flags_beat_variables_beat_the_file_beats_defaults() {
    let file = "listen = '127.0.0.1:1'\nmetrics_listen = '127.0.0.1:2'\npartition = 'aws-x'\n[audit]\ndurability = 'synced'\n";
    let variables = [("RESEAL_LISTEN", "127.0.0.1:3"), ("RESEAL_METRICS_LISTEN", "127.0.0.1:4")];
    let config = load(file, &variables, &["--listen", "127.0.0.1:5"]).unwrap().config;
    assert_eq!(config.listen, "127.0.0.1:5");
    assert_eq!(config.metrics_listen.as_deref(), Some("127.0.0.1:4"));
    assert_eq!(config.partition, "aws-x");
    assert_eq!(config.audit.durability, "synced");
    assert_eq!(config.audit.segment_bytes, Audit::default().segment_bytes);
}

#[test]
fn every_setting_can_come_from_the_environment() {
    let variables = [
        ("RESEAL_ALLOW_PLAIN_HTTP", "true"),
        ("RESEAL_REGIONS", "eu-west-1, eu-west-2"),
        ("RESEAL_QUOTAS_TAGS_PER_KEY", "7"),
        ("RESEAL_LOG_FORMAT", "json"),
        ("RESEAL_TLS_CERTIFICATE", "c.pem"),
        ("RESEAL_TLS_KEY", "k.pem"),
        ("RESEAL_LISTEN", ""),
    ];
    let config = load("", &variables, &[]).unwrap().config;
    assert!(config.allow_plain_http);
    assert_eq!(config.regions, ["eu-west-1", "eu-west-2"]);
    assert_eq!(config.quotas.tags_per_key, 7);
    assert_eq!(config.log.format, "json");
    assert_eq!(config.tls.certificate, Some("c.pem".into()));
    assert_eq!(config.listen, Config::default().listen, "an empty variable is an unset one");
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    for (file, near) in [
        ("lisen = 'x'", "unknown setting `lisen`; did you mean `listen`?"),
        ("[tls]\ncertifcate = 'x'", "unknown setting `tls.certifcate`; did you mean `tls.certificate`?"),
        ("[audt]\ndurability = 'written'", "unknown setting `audt`; did you mean `audit`?"),
        ("replication_factor = 3", "unknown setting `replication_factor`; docs/configuration.md lists"),
        ("tls = 'on'", "`tls` is a section"),
        ("[listen]\nhost = 'x'", "`listen` must be a text"),
    ] {
        let refusal = refusal(file, &[]);
        assert!(refusal.contains(near), "{refusal}");
    }
    let variable = refusal("", &[("RESEAL_LISTN", "x")]);
    assert_eq!(variable, "unknown environment variable RESEAL_LISTN; did you mean RESEAL_LISTEN?");
    let loaded = load("", &[("RESEAL_SERVICE_HOST", "10.0.0.1")], &[]).unwrap();
    assert_eq!(loaded.strangers, ["RESEAL_SERVICE_HOST"], "what is nothing like ours is only warned of");
}

#[test]
fn values_must_fit() {
    for (file, expected) in [
        ("keys_in_memory = 0", "`keys_in_memory` must be a whole number from 16"),
        ("keys_in_memory = '20'", "`keys_in_memory` must be a whole number"),
        ("allow_plain_http = 1", "`allow_plain_http` must be true or false, not 1"),
        ("[audit]\ndurability = 'maybe'", "`audit.durability` must be one of written, synced"),
        ("regions = ['EU']", "\"EU\" is not a Region name"),
        ("regions = []", "`regions` must be a list of names"),
        ("[tls]\ncertificate = 'c'", "not `tls.key`"),
        ("[tls]\nclient_ca = 'c'", "`tls.client_ca` needs"),
        ("[quotas]\nrequests = ['CreateKey']", "\"CreateKey\" is neither aws nor GROUP=RATE"),
        (
            "[quotas]\nrequests = ['CreateKy=5']",
            "unknown group of requests `CreateKy`; did you mean `CreateKey`?",
        ),
        ("listen = \n", "line 1"),
    ] {
        let refusal = refusal(file, &[]);
        assert!(refusal.contains(expected), "{refusal}");
    }
    let variable = refusal("", &[("RESEAL_ALLOW_PLAIN_HTTP", "yes")]);
    assert_eq!(variable, "RESEAL_ALLOW_PLAIN_HTTP must be true or false, not \"yes\"");
}

#[test]
fn changes_name_what_a_reload_applies() {
    let old = load("listen = '127.0.0.1:1'\n[log]\nlevel = 'info'", &[], &[]).unwrap();
    let new = load("listen = '127.0.0.1:2'\n[log]\nlevel = 'debug'", &[], &[]).unwrap();
    assert_eq!(old.changes(&new), [("listen", false), ("log.level", true)]);
    assert_eq!(old.changes(&old), []);
}

const CLUSTER: &str = "account = '111122223333'\nregion = 'eu-west-1'\nmodule = 'm'\ntrust_anchor = 'a'\n";

#[test]
fn what_custom_key_stores_stand_on() {
    let proxy = "[xks_proxies.'a.example']\nca = 'ca.pem'\n";
    let clusters = format!(
        "[clusters.cluster-aaaaaaaaaaa]\n{CLUSTER}token = '1'\n[clusters.cluster-bbbbbbbbbbb]\n{CLUSTER}token = '2'\nsessions = 9"
    );
    let config = load(&format!("{proxy}{clusters}"), &[], &[]).unwrap().config;
    let proxies = key_stores::proxies(&config.xks_proxies).unwrap();
    assert_eq!((proxies[0].host.as_str(), proxies[0].connect.as_str()), ("a.example", "a.example:443"));
    assert_eq!((proxies[0].timeout.as_millis(), proxies[0].calls), (250, 256));
    let clusters = key_stores::clusters(&config.clusters).unwrap();
    assert_eq!(clusters.iter().map(|cluster| cluster.sessions).collect::<Vec<_>>(), [4, 9]);
    for (file, expected) in [
        ("xks_proxies = 'x'".to_owned(), "write [xks_proxies.\"NAME\"]"),
        ("[xks_proxies]\nca = 'x'".to_owned(), "write [xks_proxies.\"NAME\"]"),
        ("[xks_proxies.a]\nac = 'x'".to_owned(), "unknown setting `ac`; did you mean `ca`?"),
        ("[xks_proxis.a]\nca = 'x'".to_owned(), "did you mean `xks_proxies`?"),
        (
            "[xks_proxies.a]\ntimeout_milliseconds = 1".to_owned(),
            "`xks_proxies.\"a\".timeout_milliseconds` must be",
        ),
        ("[xks_proxies.a]".to_owned(), "`xks_proxies.\"a\"` needs `ca`"),
        ("[xks_proxies.'https://a']\nca = 'x'".to_owned(), "without https:// and port"),
        ("[xks_proxies.a]\nca = 'x'\nclient_key = 'k'".to_owned(), "set both"),
        ("[clusters.cluster-12345678901]".to_owned(), "the name must be `cluster-`"),
        ("[clusters.cluster-aaaaaaaaaaa]".to_owned(), "` needs `account`"),
        (format!("[clusters.cluster-aaaaaaaaaaa]\n{CLUSTER}"), "` needs `token`"),
        (
            format!("[clusters.cluster-aaaaaaaaaaa]\n{}token = 't'", CLUSTER.replace("1111", "x")),
            "is not 12 digits",
        ),
        (
            format!(
                "[clusters.cluster-aaaaaaaaaaa]\n{CLUSTER}token = 't'\n[clusters.cluster-bbbbbbbbbbb]\n{CLUSTER}token = 't'"
            ),
            "are the same token of the same module",
        ),
    ] {
        let refusal = refusal(&file, &[]);
        assert!(refusal.contains(expected), "{refusal}");
    }
    let newer = load(proxy, &[], &[]).unwrap();
    let changes = load("", &[], &[]).unwrap().changes(&newer);
    assert_eq!(changes, [("xks_proxies", false)]);
}

#[test]
fn addresses() {
    assert_eq!(resolve("listen", "127.0.0.1:0").unwrap().to_string(), "127.0.0.1:0");
    assert!(resolve("listen", "localhost:80").unwrap().ip().is_loopback());
    let error = resolve("listen", "127.0.0.1").unwrap_err().to_string();
    assert!(error.contains("`listen`: \"127.0.0.1\" is not HOST:PORT"), "{error}");
}

#[test]
fn the_example_is_the_default_and_shows_every_setting() {
    let config = load(EXAMPLE, &[], &[]).unwrap().config;
    assert_eq!(config, Config { data_dir: config.data_dir.clone(), ..Config::default() });

    let all = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => setting,
        _ => line,
    });
    let all = load(&all.collect::<Vec<_>>().join("\n"), &[], &[]).unwrap();
    for setting in SETTINGS {
        assert!(setting.value_in(&all.given).is_some(), "the example lacks {}", setting.name);
    }
    for (section, settings) in NAMED {
        let (_, table) = all.given[*section].as_table().unwrap().iter().next().unwrap();
        for setting in *settings {
            assert!(
                setting.value_in(table.as_table().unwrap()).is_some(),
                "{section} lacks {}",
                setting.name
            );
        }
    }
}

#[test]
fn the_handbook_names_every_setting_and_variable() {
    for setting in SETTINGS {
        let row = format!("| `{}` | `{}` |", setting.name, setting.variable());
        assert!(HANDBOOK.contains(&row), "docs/configuration.md lacks {row}");
    }
    for setting in NAMED.iter().flat_map(|(_, settings)| *settings) {
        assert!(
            HANDBOOK.contains(&format!("`{}`", setting.name)),
            "docs/configuration.md lacks {}",
            setting.name
        );
    }
}
