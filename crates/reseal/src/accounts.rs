//! Accounts as an operator handles them: the same functions behind the admin socket and, with the service
//! stopped, behind the command itself.

use anyhow::{Context, Result, anyhow, bail};
use reseal_core::{
    env::Env,
    identity::{AccountChoice, AccountError, NewAccount},
};
use reseal_types::{AccountId, Reveal, SecretBytes};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What an operator chooses for a new account; the rest is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct CreateAccount {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account_id: Option<String>,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) access_key_id: Option<String>,
}

/// A new account with its root credentials.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreatedAccount {
    pub(crate) account_id: String,
    pub(crate) access_key_id: String,
    #[serde(serialize_with = "show", deserialize_with = "take")]
    pub(crate) secret_access_key: SecretBytes,
}

/// All accounts.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AccountList {
    pub(crate) accounts: Vec<ListedAccount>,
}

/// One account.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListedAccount {
    pub(crate) account_id: String,
    pub(crate) name: String,
    /// ISO 8601, UTC.
    pub(crate) created: String,
}

const NAME_CHARACTERS: usize = 256;

/// Makes an account.
pub(crate) async fn create(env: &Env, request: CreateAccount) -> Result<CreatedAccount> {
    let account = request.account_id.as_deref().map(parse_account).transpose()?;
    if request.name.chars().count() > NAME_CHARACTERS || request.name.chars().any(char::is_control) {
        bail!(
            "an account's name has at most {NAME_CHARACTERS} characters and no control characters: choose a shorter one"
        );
    }
    let choice = AccountChoice {
        account,
        access_key_id: request.access_key_id,
        secret_access_key: None,
        name: request.name,
    };
    let created = env.create_account(choice).await.map_err(explain)?;
    Ok(created.into())
}

/// Lists the accounts.
pub(crate) async fn list(env: &Env) -> Result<AccountList> {
    let accounts = env.accounts().await.context("the accounts cannot be read")?;
    let listed = accounts.into_iter().map(|(id, account)| ListedAccount {
        account_id: id.to_string(),
        name: account.name,
        created: account.created.to_string(),
    });
    Ok(AccountList { accounts: listed.collect() })
}

/// A 12-digit account id.
pub(crate) fn parse_account(text: &str) -> Result<AccountId> {
    AccountId::parse(text).with_context(|| format!("\"{text}\" is not an account id: it has 12 digits"))
}

/// Adds the mend to what an operator can mend.
pub(crate) fn explain(error: AccountError) -> anyhow::Error {
    match error {
        AccountError::Exists => anyhow!("{error}: choose another account id or access key id"),
        AccountError::BadCredential
        | AccountError::Entropy(_)
        | AccountError::Vault(_)
        | AccountError::Service(_) => error.into(),
    }
}

impl From<NewAccount> for CreatedAccount {
    fn from(new: NewAccount) -> Self {
        Self {
            account_id: new.account.to_string(),
            access_key_id: new.access_key_id,
            secret_access_key: new.secret_access_key,
        }
    }
}

impl CreatedAccount {
    /// Ready to be pasted into a shell.
    pub(crate) fn as_exports(&self) -> Result<String> {
        let secret = shown(&self.secret_access_key)?;
        Ok(format!(
            "# root of account {}\nexport AWS_ACCESS_KEY_ID='{}'\nexport AWS_SECRET_ACCESS_KEY='{}'\n",
            self.account_id,
            self.access_key_id,
            secret.replace('\'', r"'\''"),
        ))
    }
}

fn shown(secret: &SecretBytes) -> Result<&str> {
    std::str::from_utf8(secret.reveal(Reveal::ToCaller)).context("the secret access key is not text")
}

/// The one moment at which a secret access key is shown: to the operator who made it.
fn show<S: Serializer>(secret: &SecretBytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(shown(secret).map_err(serde::ser::Error::custom)?)
}

fn take<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretBytes, D::Error> {
    String::deserialize(deserializer).map(|text| SecretBytes::from(text.into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_survive_a_shell() {
        let account = CreatedAccount {
            account_id: "111122223333".to_owned(),
            access_key_id: "AKIAEXAMPLE123456789".to_owned(),
            secret_access_key: SecretBytes::from(b"it's$secret`here`/1234".to_vec()),
        };
        let script = account.as_exports().unwrap() + "printf '%s' \"$AWS_SECRET_ACCESS_KEY\"";
        let printed = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(printed.stdout, b"it's$secret`here`/1234");
    }

    #[test]
    fn wire_form() {
        let request: CreateAccount =
            serde_json::from_str(r#"{"AccountId":"111122223333","Name":"a"}"#).unwrap();
        assert_eq!(request.account_id.as_deref(), Some("111122223333"));
        assert!(serde_json::from_str::<CreateAccount>(r#"{"AcountId":"1"}"#).is_err());
        let text = r#"{"AccountId":"1","AccessKeyId":"A","SecretAccessKey":"s"}"#;
        let account: CreatedAccount = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&account).unwrap(), text);
    }
}
