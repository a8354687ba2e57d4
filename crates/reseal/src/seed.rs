//! `--seed FILE`: the accounts, keys and aliases that a test suite expects, for development mode only.
//!
//! What is there already stays as it is, so that the same file fits every start.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use reseal_core::{
    env::Env,
    error::{Cause, Error},
    identity::{AccountChoice, AccountError},
    seed::SeedKey,
    store::StoreError,
    vault::VaultError,
};
use reseal_types::{AccountId, AliasName, KeySpec, KeyUsage, Region, SecretBytes};
use serde::Deserialize;
use tracing::info;

use crate::accounts;

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    #[serde(default, rename = "account")]
    accounts: Vec<SeededAccount>,
    #[serde(default, rename = "key")]
    keys: Vec<SeededKey>,
}

/// `[[account]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeededAccount {
    id: String,
    #[serde(default)]
    name: String,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
}

/// `[[key]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeededKey {
    id: String,
    account: Option<String>,
    #[serde(default = "default_region")]
    region: String,
    #[serde(default = "default_spec")]
    spec: String,
    usage: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    aliases: Vec<String>,
    policy: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// Base64.
    material: Option<String>,
}

fn default_region() -> String {
    "us-east-1".to_owned()
}

fn default_spec() -> String {
    KeySpec::SymmetricDefault.to_string()
}

/// Makes what the file asks for and is not there. Keys without an account belong to `account`.
pub(crate) async fn apply(env: &Env, path: &Path, account: AccountId) -> Result<()> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("the seed file {shown} cannot be read"))?;
    let seed: Seed =
        toml::from_str(&text).map_err(|error| anyhow::anyhow!("the seed file {shown}: {error}"))?;
    let (mut accounts, mut keys) = (0, 0);
    for wanted in seed.accounts {
        let id = wanted.id.clone();
        accounts +=
            usize::from(make_account(env, wanted).await.with_context(|| format!("{shown}: account {id}"))?);
    }
    for wanted in seed.keys {
        let id = wanted.id.clone();
        let key = wanted.parse(env, account);
        let made = match key {
            Ok(key) => env.seed_key(key).await.map_err(explain),
            Err(error) => Err(error),
        };
        keys += usize::from(made.with_context(|| format!("{shown}: key {id}"))?);
    }
    info!(accounts, keys, "seeded; what was there already stays as it is");
    Ok(())
}

async fn make_account(env: &Env, wanted: SeededAccount) -> Result<bool> {
    let choice = AccountChoice {
        account: Some(accounts::parse_account(&wanted.id)?),
        access_key_id: wanted.access_key_id,
        secret_access_key: wanted.secret_access_key.map(|secret| SecretBytes::from(secret.into_bytes())),
        name: wanted.name,
    };
    match env.create_account(choice).await {
        Ok(_) => Ok(true),
        Err(AccountError::Exists) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

impl SeededKey {
    fn parse(self, env: &Env, account: AccountId) -> Result<SeedKey> {
        let region = Region::parse(&self.region).filter(|region| env.settings().regions.contains(region));
        let spec =
            KeySpec::parse(&self.spec).with_context(|| format!("\"{}\" is not a key spec", self.spec))?;
        let usage = match self.usage.as_deref() {
            Some(name) => KeyUsage::parse(name).with_context(|| format!("\"{name}\" is not a key usage"))?,
            None => KeyUsage::EncryptDecrypt,
        };
        let alias = |name: &String| match AliasName::parse(name) {
            Ok(alias) => Ok(alias),
            Err(_) => bail!("\"{name}\" is not an alias name; one looks like alias/app"),
        };
        let material = self.material.as_deref().map(|text| STANDARD.decode(text)).transpose();
        Ok(SeedKey {
            account: self.account.as_deref().map_or(Ok(account), accounts::parse_account)?,
            region: region.with_context(|| format!("the Region \"{}\" is not served", self.region))?,
            id: self.id.parse().ok().context("the id is not a key id, a UUID in lower case")?,
            spec,
            usage,
            description: self.description,
            aliases: self.aliases.iter().map(alias).collect::<Result<_>>()?,
            policy: self.policy,
            tags: self.tags.into_iter().collect(),
            material: material.context("`material` is not base64")?.map(SecretBytes::from),
        })
    }
}

fn explain(error: Error) -> anyhow::Error {
    match error {
        Error::Validation(text) | Error::MalformedPolicy(text) => anyhow::anyhow!(text),
        Error::Internal(Cause::Vault(VaultError::Store(StoreError::Conflict))) => {
            anyhow::anyhow!("one of its aliases exists and belongs to another key")
        }
        error => anyhow::anyhow!("{error:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_are_refused() {
        let error = toml::from_str::<Seed>("[[key]]\nid = 'x'\nmatrial = 'y'").err().unwrap().to_string();
        assert!(error.contains("matrial"), "{error}");
        let seed: Seed = toml::from_str("[[key]]\nid = 'x'").unwrap();
        assert_eq!(
            (seed.keys[0].region.as_str(), seed.keys[0].spec.as_str()),
            ("us-east-1", "SYMMETRIC_DEFAULT")
        );
    }
}
