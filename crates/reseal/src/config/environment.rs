//! The process environment, read here and nowhere else.

use anyhow::{Context, Result, bail};
use reseal_policy::nearest;
use reseal_types::SecretBytes;
use toml::Table;

use super::settings::{PREFIX, SETTINGS};

/// The variables of the environment that are meant for this program, unset ones and empty ones left out.
pub(crate) struct Environment(Vec<(String, String)>);

/// The first account, as far as the operator chose it.
#[derive(Default)]
pub(crate) struct FirstAccount {
    pub(crate) account_id: Option<String>,
    pub(crate) access_key_id: Option<String>,
    pub(crate) secret_access_key: Option<SecretBytes>,
}

const CONFIG: &str = "RESEAL_CONFIG";
const ACCOUNT_ID: &str = "RESEAL_ACCOUNT_ID";
const ACCESS_KEY_ID: &str = "RESEAL_ROOT_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "RESEAL_ROOT_SECRET_ACCESS_KEY";
const OTHERS: [&str; 4] = [CONFIG, ACCOUNT_ID, ACCESS_KEY_ID, SECRET_ACCESS_KEY];

impl Environment {
    /// What the process was started with.
    pub(crate) fn of_process() -> Result<Self> {
        let mut variables = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            if name.starts_with(PREFIX) {
                let value = value.into_string().ok().with_context(|| format!("{name} is not valid UTF-8"))?;
                variables.push((name, value));
            }
        }
        Ok(Self::new(variables))
    }

    pub(crate) fn new(variables: Vec<(String, String)>) -> Self {
        Self(variables.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The configuration file that the environment names.
    pub(crate) fn config_file(&self) -> Option<&str> {
        self.get(CONFIG)
    }

    /// The choice of the first account.
    pub(crate) fn first_account(&self) -> FirstAccount {
        FirstAccount {
            account_id: self.get(ACCOUNT_ID).map(str::to_owned),
            access_key_id: self.get(ACCESS_KEY_ID).map(str::to_owned),
            secret_access_key: self
                .get(SECRET_ACCESS_KEY)
                .map(|text| SecretBytes::from(text.as_bytes().to_vec())),
        }
    }

    /// Puts what the environment sets over `table`.
    ///
    /// A name that is nearly one of ours is refused. Others are given back for a warning: programs and
    /// orchestrators that name things after this service may well set variables with its prefix.
    pub(crate) fn overlay(&self, table: &mut Table) -> Result<Vec<String>> {
        let mut strangers = Vec::new();
        for (name, text) in &self.0 {
            if OTHERS.contains(&name.as_str()) {
                continue;
            }
            match SETTINGS.iter().find(|setting| setting.variable() == *name) {
                Some(setting) => match setting.parse(text) {
                    Ok(value) => setting.put(table, value),
                    Err(expected) => bail!("{name} must be {expected}, not \"{text}\""),
                },
                None => match nearest_variable(name) {
                    Some(near) => bail!("unknown environment variable {name}; did you mean {near}?"),
                    None => strangers.push(name.clone()),
                },
            }
        }
        Ok(strangers)
    }

    /// The value of one variable.
    pub(super) fn get(&self, wanted: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
}

/// Compared without the prefix, which would make any two names look alike.
fn nearest_variable(name: &str) -> Option<String> {
    let known: Vec<String> =
        SETTINGS.iter().map(super::settings::Setting::variable).chain(OTHERS.map(str::to_owned)).collect();
    let stems = known.iter().filter_map(|name| name.strip_prefix(PREFIX));
    nearest(name.strip_prefix(PREFIX)?, stems).map(|stem| format!("{PREFIX}{stem}"))
}
