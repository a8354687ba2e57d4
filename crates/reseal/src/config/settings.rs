//! Every setting that exists: its name, and which values it takes. Configuration file, environment and
//! documentation are all checked against this one table.

use reseal_policy::nearest;
use toml::{Table, Value};

use super::key_stores::NAMED;

/// One setting. In the file it stands under its name (`tls.certificate` is `certificate` in `[tls]`), in the
/// environment under `RESEAL_TLS_CERTIFICATE`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    kind: Kind,
    /// Whether SIGHUP applies a changed value; the others need a restart.
    pub(crate) reloadable: bool,
}

/// Which values a setting takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A path, an address, a name.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
    /// A whole number between these, both included.
    Number(i64, i64),
    /// Several names; in the environment separated by commas.
    Names,
}

pub(super) const fn setting(name: &'static str, kind: Kind) -> Setting {
    Setting { name, kind, reloadable: false }
}

const fn reloadable(name: &'static str, kind: Kind) -> Setting {
    Setting { name, kind, reloadable: true }
}

const MIB: i64 = 1024 * 1024;

/// All settings.
pub(crate) const SETTINGS: &[Setting] = &[
    setting("data_dir", Kind::Text),
    setting("listen", Kind::Text),
    setting("metrics_listen", Kind::Text),
    setting("allow_plain_http", Kind::Switch),
    setting("partition", Kind::Text),
    setting("regions", Kind::Names),
    setting("keys_in_memory", Kind::Number(16, 100_000_000)),
    setting("drain_timeout_seconds", Kind::Number(0, 3_600)),
    setting("threads", Kind::Number(0, 1_024)),
    setting("tls.certificate", Kind::Text),
    setting("tls.key", Kind::Text),
    setting("tls.client_ca", Kind::Text),
    setting("limits.max_connections", Kind::Number(1, 1_000_000)),
    setting("limits.max_headers", Kind::Number(16, 1_000)),
    setting("limits.max_head_bytes", Kind::Number(8_192, MIB)),
    setting("limits.max_body_bytes", Kind::Number(64 * 1_024, 64 * MIB)),
    setting("limits.max_large_bodies", Kind::Number(1, 10_000)),
    setting("limits.max_streams", Kind::Number(1, 10_000)),
    setting("limits.head_timeout_seconds", Kind::Number(1, 3_600)),
    setting("limits.body_timeout_seconds", Kind::Number(1, 3_600)),
    setting("limits.idle_timeout_seconds", Kind::Number(1, 86_400)),
    setting("audit.durability", Kind::Word(&["written", "synced"])),
    setting("audit.segment_bytes", Kind::Number(MIB, 64 * 1024 * MIB)),
    setting("attestation.root", Kind::Text),
    setting("attestation.max_age_seconds", Kind::Number(1, 86_400)),
    setting("quotas.aliases_per_key", Kind::Number(1, 1_000)),
    setting("quotas.grants_per_key", Kind::Number(1, 1_000_000)),
    setting("quotas.custom_key_stores", Kind::Number(0, 1_000)),
    setting("quotas.tags_per_key", Kind::Number(1, 1_000)),
    setting("quotas.on_demand_rotations", Kind::Number(0, 1_000)),
    setting("quotas.key_policy_bytes", Kind::Number(1_024, MIB)),
    setting("quotas.keys_per_region", Kind::Number(0, 1_000_000_000)),
    setting("quotas.requests", Kind::Names),
    setting("identity.issuer_keys", Kind::Names),
    setting("identity.issuer_ca", Kind::Text),
    setting("log.format", Kind::Word(&["text", "json"])),
    reloadable("log.level", Kind::Text),
];

impl Setting {
    /// The name of its environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.replace('.', "_").to_ascii_uppercase())
    }

    /// The value of this setting in `table`.
    pub(crate) fn value_in<'a>(&self, table: &'a Table) -> Option<&'a Value> {
        match self.name.split_once('.') {
            None => table.get(self.name),
            Some((section, key)) => table.get(section)?.as_table()?.get(key),
        }
    }

    /// Puts a value into `table`, over what was there.
    pub(crate) fn put(&self, table: &mut Table, value: Value) {
        match self.name.split_once('.') {
            None => {
                table.insert(self.name.to_owned(), value);
            }
            Some((section, key)) => {
                let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
                if let Some(section) = section.as_table_mut() {
                    section.insert(key.to_owned(), value);
                }
            }
        }
    }

    /// The value that the text of an environment variable stands for; `Err` says what it should be.
    pub(crate) fn parse(&self, text: &str) -> Result<Value, String> {
        let value = match self.kind {
            Kind::Text | Kind::Word(_) => Value::String(text.to_owned()),
            Kind::Switch => text.parse().map(Value::Boolean).map_err(|_| self.expected())?,
            Kind::Number(..) => text.parse().map(Value::Integer).map_err(|_| self.expected())?,
            Kind::Names => {
                let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
                Value::Array(names.map(|name| Value::String(name.to_owned())).collect())
            }
        };
        self.check(&value).map(|()| value)
    }

    /// Whether the setting takes this value; `Err` says what it should be.
    fn check(&self, value: &Value) -> Result<(), String> {
        let fits = match self.kind {
            Kind::Text => value.as_str().is_some_and(|text| !text.is_empty()),
            Kind::Word(words) => value.as_str().is_some_and(|text| words.contains(&text)),
            Kind::Switch => value.as_bool().is_some(),
            Kind::Number(least, most) => value.as_integer().is_some_and(|n| (least..=most).contains(&n)),
            Kind::Names => {
                value.as_array().is_some_and(|names| !names.is_empty() && names.iter().all(Value::is_str))
            }
        };
        if fits { Ok(()) } else { Err(self.expected()) }
    }

    fn expected(&self) -> String {
        match self.kind {
            Kind::Text => "a text that is not empty".to_owned(),
            Kind::Word(words) => format!("one of {}", words.join(", ")),
            Kind::Switch => "true or false".to_owned(),
            Kind::Number(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Names => "a list of names, at least one".to_owned(),
        }
    }
}

/// What the names of all environment variables start with.
pub(crate) const PREFIX: &str = "RESEAL_";

/// Whether all of `table` are settings with values they take; `Err` is a sentence about the first that is not.
pub(crate) fn check(table: &Table) -> Result<(), String> {
    for (key, value) in table {
        if let Some((section, settings)) = NAMED.iter().find(|(section, _)| section == key) {
            check_named(section, settings, value)?;
            continue;
        }
        match value.as_table() {
            Some(section) if is_section(key) => {
                for (inner, value) in section {
                    check_one(&format!("{key}.{inner}"), value)?;
                }
            }
            _ => check_one(key, value)?,
        }
    }
    Ok(())
}

/// Tables named by the operator, all with the same settings.
fn check_named(section: &str, settings: &[Setting], value: &Value) -> Result<(), String> {
    let wrong = || {
        format!("`{section}` is a section of named tables: write [{section}.\"NAME\"] and its settings below")
    };
    for (name, value) in value.as_table().ok_or_else(wrong)? {
        for (key, value) in value.as_table().ok_or_else(wrong)? {
            let full = format!("{section}.\"{name}\".{key}");
            let Some(setting) = settings.iter().find(|setting| setting.name == key) else {
                return Err(unknown("setting", key, settings.iter().map(|setting| setting.name)));
            };
            setting.check(value).map_err(|expected| format!("`{full}` must be {expected}, not {value}"))?;
        }
    }
    Ok(())
}

fn check_one(name: &str, value: &Value) -> Result<(), String> {
    if is_section(name) {
        return Err(format!("`{name}` is a section: write [{name}] and its settings below"));
    }
    match SETTINGS.iter().find(|setting| setting.name == name) {
        Some(setting) => {
            setting.check(value).map_err(|expected| format!("`{name}` must be {expected}, not {value}"))
        }
        None => Err(unknown(
            "setting",
            name,
            SETTINGS
                .iter()
                .map(|setting| setting.name)
                .chain(sections())
                .chain(NAMED.iter().map(|(name, _)| *name)),
        )),
    }
}

/// The sentence about a name that does not exist.
pub(super) fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        Some(near) => format!("unknown {what} `{name}`; did you mean `{near}`?"),
        None => format!("unknown {what} `{name}`; docs/configuration.md lists all of them"),
    }
}

fn sections() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().filter_map(|setting| setting.name.split_once('.').map(|(section, _)| section))
}

fn is_section(name: &str) -> bool {
    sections().any(|section| section == name)
}
