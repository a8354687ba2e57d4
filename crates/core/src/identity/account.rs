//! Accounts and the credentials of their roots.

use reseal_types::{AccountId, Reveal, SecretBytes};

use super::random;
pub use crate::record::AccountRecord;
use crate::{
    call::RequestId,
    env::{Entropy, Env, NoEntropy},
    error::{Cause, Error},
    pipeline::commit_service_event,
    record::{AccessKeyRecord, place},
    store::StoreError,
    trail::{ADMIN_SOURCE, Line, ServiceEvent, service_event},
    vault::{Changes, VaultError},
};

/// A new account's root credentials. The secret is shown this once.
pub struct NewAccount {
    /// The account.
    pub account: AccountId,
    /// `AKIA` and 16 upper-case letters and digits, unless chosen by the operator.
    pub access_key_id: String,
    /// 40 characters, unless chosen by the operator.
    pub secret_access_key: SecretBytes,
}

/// What an operator may choose for a new account; what is absent is made.
#[derive(Default)]
pub struct AccountChoice {
    /// The account id.
    pub account: Option<AccountId>,
    /// The access key id of its root.
    pub access_key_id: Option<String>,
    /// The secret access key of its root.
    pub secret_access_key: Option<SecretBytes>,
    /// A name for people.
    pub name: String,
}

/// Why an account was not made.
#[derive(Debug)]
pub enum AccountError {
    /// The account or the access key exists.
    Exists,
    /// An access key id has 16 to 128 letters, digits and underscores, a secret 16 to 128 printable characters.
    BadCredential,
    /// No random bytes.
    Entropy(NoEntropy),
    /// The store failed.
    Vault(VaultError),
    /// The service failed.
    Service(Cause),
}

impl std::fmt::Display for AccountError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exists => f.write_str("the account or the access key exists already"),
            Self::BadCredential => f.write_str(
                "an access key id has 16 to 128 letters, digits and underscores, \
                 a secret access key 16 to 128 printable characters without spaces",
            ),
            Self::Entropy(error) => error.fmt(f),
            Self::Vault(error) => error.fmt(f),
            Self::Service(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for AccountError {}

impl Env {
    /// Makes an account with root credentials.
    ///
    /// # Errors
    /// [`AccountError`]; nothing is left behind then.
    pub async fn create_account(&self, choice: AccountChoice) -> Result<NewAccount, AccountError> {
        let (new, name) = complete(choice, self.entropy.as_ref())?;
        let now = self.clock.now();
        let account_place = place::account(new.account).map_err(AccountError::Vault)?;
        let key_place = place::access_key(&new.access_key_id).map_err(AccountError::Vault)?;
        let secret = SecretBytes::from(new.secret_access_key.reveal(Reveal::ToSeal).to_vec());
        let mut changes = Changes::default();
        changes.expect(account_place.clone(), None);
        changes.expect(key_place.clone(), None);
        changes.put(account_place, &AccountRecord { created: now, name });
        changes.put(
            key_place,
            &AccessKeyRecord { account: new.account, secret, created: now, user: None, active: true },
        );
        let event_id = RequestId::random(self.entropy.as_ref()).map_err(AccountError::Entropy)?;
        let event = ServiceEvent {
            name: "CreateAccount",
            source: ADMIN_SOURCE,
            region: None,
            account: new.account,
            key_arn: None,
            details: &[],
            at: now,
        };
        let line = Line { event_id, recipient: new.account, json: service_event(&event, &event_id) };
        match commit_service_event(self, changes, line).await {
            Ok(()) => Ok(new),
            Err(Error::Internal(Cause::Vault(VaultError::Store(StoreError::Conflict)))) => {
                Err(AccountError::Exists)
            }
            Err(Error::Internal(cause)) => Err(AccountError::Service(cause)),
            Err(_) => Err(AccountError::Service(Cause::Contended)),
        }
    }

    /// Whether there is any account, also one whose record does not open any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn has_accounts(&self) -> Result<bool, VaultError> {
        let (page, _) = self.vault.scan::<AccountRecord>(place::ACCOUNTS, None, 1).await?;
        Ok(!page.is_empty())
    }

    /// All accounts in order of their ids. Records that were changed outside the service are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn accounts(&self) -> Result<Vec<(AccountId, AccountRecord)>, VaultError> {
        const PAGE: u16 = 500;
        let (mut accounts, mut after) = (Vec::new(), None);
        loop {
            let (page, more) = self.vault.scan(place::ACCOUNTS, after.as_ref(), PAGE).await?;
            after = page.last().map(|(place, _)| place.clone());
            accounts.extend(page.into_iter().filter_map(|(place, held)| {
                let id = std::str::from_utf8(place.as_bytes()).ok()?.strip_prefix(place::ACCOUNTS)?;
                Some((AccountId::parse(id)?, held.ok()?.record))
            }));
            if !more || after.is_none() {
                return Ok(accounts);
            }
        }
    }
}

fn complete(choice: AccountChoice, entropy: &dyn Entropy) -> Result<(NewAccount, String), AccountError> {
    let account = match choice.account {
        Some(account) => account,
        None => random_account(entropy)?,
    };
    let access_key_id = match choice.access_key_id {
        Some(id) => id,
        None => random::access_key_id(entropy, "AKIA").map_err(AccountError::Entropy)?,
    };
    let secret_access_key = match choice.secret_access_key {
        Some(secret) => secret,
        None => random::secret_access_key(entropy).map_err(AccountError::Entropy)?,
    };
    let id_legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let id_good = (16..=128).contains(&access_key_id.len()) && access_key_id.bytes().all(id_legal);
    let secret = secret_access_key.reveal(Reveal::ToSeal);
    let secret_good = (16..=128).contains(&secret.len()) && secret.iter().all(u8::is_ascii_graphic);
    if !id_good || !secret_good {
        return Err(AccountError::BadCredential);
    }
    Ok((NewAccount { account, access_key_id, secret_access_key }, choice.name))
}

/// 12 digits of which the first is not 0.
fn random_account(entropy: &dyn Entropy) -> Result<AccountId, AccountError> {
    let mut bytes = [0; 8];
    entropy.fill_public(&mut bytes).map_err(AccountError::Entropy)?;
    let number = 100_000_000_000 + u64::from_be_bytes(bytes) % 900_000_000_000;
    AccountId::parse(&number.to_string()).ok_or(AccountError::BadCredential)
}
