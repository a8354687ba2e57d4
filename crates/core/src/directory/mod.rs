//! The directory of an account: its users, roles, groups, managed policies and OIDC providers, for the crate that
//! speaks the IAM API. Read through [`Env`], changed through [`Edits`], which the pipeline commits with the audit
//! record. Nothing here decides who may read or change what.

mod aws_managed;
mod edits;
mod names;

pub use aws_managed::AwsManagedPolicy;
pub use edits::{DirectoryRecord, Edits, Member};
pub use names::{identity_arn, policy_arn, session_arn};
use reseal_policy::Principal;
use reseal_types::{AccountId, SecretBytes};

pub use crate::record::{
    AccessKeyEntry, IdentityKind, IdentityRecord, ManagedPolicyRecord, OidcProviderRecord, PolicyText,
    PolicyVersion, RoleFacts,
};
use crate::{
    env::{Env, NoEntropy},
    error::Error,
    identity::random,
    record::{AccessKeyRecord, Marker, Record, place},
    store::RecordKey,
    vault::{Held, VaultError},
};

/// A record together with the version it was read at, which a change of it expects.
pub struct Stored<R> {
    /// The record.
    pub record: R,
    version: u64,
}

impl<R> From<Held<R>> for Stored<R> {
    fn from(held: Held<R>) -> Self {
        Self { record: held.record, version: held.version }
    }
}

/// A page of a listing and whether there is more.
pub type Page<R> = (Vec<Stored<R>>, bool);

impl Env {
    /// A user, role or group by name, in the letter case in which it was given.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn identity(
        &self,
        account: AccountId,
        kind: IdentityKind,
        name: &str,
    ) -> Result<Option<Stored<IdentityRecord>>, Error> {
        let Ok(place) = place::identity(account, kind, name) else { return Ok(None) };
        let held = self.vault.read::<IdentityRecord>(&place).await?;
        Ok(held.filter(|held| held.record.name == name).map(Stored::from))
    }

    /// Whether there is a user, role or group of that name in any letter case.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn identity_is_taken(
        &self,
        account: AccountId,
        kind: IdentityKind,
        name: &str,
    ) -> Result<bool, Error> {
        Ok(self.vault.read::<IdentityRecord>(&place::identity(account, kind, name)?).await?.is_some())
    }

    /// Users, roles or groups whose names follow `after`, in the order of their lower-case names.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn identities(
        &self,
        account: AccountId,
        kind: IdentityKind,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<IdentityRecord>, Error> {
        let prefix = place::identity_prefix(account, kind);
        self.listed(&prefix, after.map(str::to_ascii_lowercase), limit).await
    }

    /// Names of the users in a group that follow `after`, in lower case and in order, and whether there are more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn members(
        &self,
        account: AccountId,
        group: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Result<(Vec<String>, bool), Error> {
        let prefix = place::member_prefix(account, group);
        let after = after.and_then(|after| RecordKey::new(format!("{prefix}{after}").as_bytes()));
        let (page, more) = self.vault.scan::<Marker>(&prefix, after.as_ref(), limit).await?;
        let name = |place: &RecordKey| {
            Some(std::str::from_utf8(place.as_bytes()).ok()?.strip_prefix(&prefix)?.to_owned())
        };
        Ok((page.iter().filter_map(|(place, _)| name(place)).collect(), more))
    }

    /// A user by its lower-case name, as [`Env::members`] gives it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn member(
        &self,
        account: AccountId,
        name: &str,
    ) -> Result<Option<Stored<IdentityRecord>>, Error> {
        let place = place::identity(account, IdentityKind::User, name)?;
        Ok(self.vault.read::<IdentityRecord>(&place).await?.map(Stored::from))
    }

    /// A customer managed policy of the account by ARN.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn managed_policy(
        &self,
        account: AccountId,
        arn: &str,
    ) -> Result<Option<Stored<ManagedPolicyRecord>>, Error> {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let Ok(place) = place::managed_policy(account, name) else { return Ok(None) };
        let held = self.vault.read::<ManagedPolicyRecord>(&place).await?;
        let partition = self.settings.partition.as_str();
        Ok(held.filter(|held| policy_arn(partition, &held.record) == arn).map(Stored::from))
    }

    /// Whether there is a customer managed policy of that name, whatever its path.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn managed_policy_is_taken(&self, account: AccountId, name: &str) -> Result<bool, Error> {
        Ok(self.vault.read::<ManagedPolicyRecord>(&place::managed_policy(account, name)?).await?.is_some())
    }

    /// Customer managed policies whose names follow `after`, in the order of their lower-case names.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn managed_policies(
        &self,
        account: AccountId,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<ManagedPolicyRecord>, Error> {
        let prefix = place::managed_policy_prefix(account);
        self.listed(&prefix, after.map(str::to_ascii_lowercase), limit).await
    }

    /// The OIDC provider of the account for an issuer, named without `https://`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn oidc_provider(
        &self,
        account: AccountId,
        issuer: &str,
    ) -> Result<Option<Stored<OidcProviderRecord>>, Error> {
        let Ok(place) = place::oidc_provider(account, issuer) else { return Ok(None) };
        Ok(self.vault.read::<OidcProviderRecord>(&place).await?.map(Stored::from))
    }

    /// OIDC providers of the account whose issuers follow `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn oidc_providers(
        &self,
        account: AccountId,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<OidcProviderRecord>, Error> {
        self.listed(&place::oidc_provider_prefix(account), after.map(str::to_owned), limit).await
    }

    /// Records that were changed outside the service have been reported and hide no others.
    async fn listed<R: Record>(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: u16,
    ) -> Result<Page<R>, Error> {
        let after = after.and_then(|after| RecordKey::new(format!("{prefix}{after}").as_bytes()));
        let (page, more) = self.vault.scan::<R>(prefix, after.as_ref(), limit).await?;
        let intact = page.into_iter().filter_map(|(_, held)| held.ok());
        Ok((intact.map(Stored::from).collect(), more))
    }

    /// Whether this service has that account.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn has_account(&self, account: AccountId) -> Result<bool, VaultError> {
        Ok(self.vault.read::<crate::record::AccountRecord>(&place::account(account)?).await?.is_some())
    }

    /// The principals among these that this service knows, each with the unique id of its user or role; `Err` of the
    /// first that should be here and is not. Of accounts elsewhere nothing is known: theirs are believed, and so are
    /// all in development mode.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn named_principals<'p>(
        &self,
        principals: impl Iterator<Item = &'p Principal> + Send,
    ) -> Result<Result<Vec<(String, String)>, &'p Principal>, Error> {
        let mut named = Vec::new();
        if self.settings.development {
            return Ok(Ok(named));
        }
        for principal in principals {
            match self.presence(principal).await? {
                Presence::Absent => return Ok(Err(principal)),
                Presence::Believed => {}
                Presence::Known(arn, id) => named.push((arn.to_owned(), id)),
            }
        }
        Ok(Ok(named))
    }

    async fn presence<'p>(&self, principal: &'p Principal) -> Result<Presence<'p>, Error> {
        let (Principal::User(arn)
        | Principal::Role(arn)
        | Principal::RoleSession(arn)
        | Principal::Federated(arn)) = principal
        else {
            return Ok(Presence::Believed);
        };
        let Some(account) = principal.account().and_then(AccountId::parse) else {
            return Ok(Presence::Believed);
        };
        if !self.has_account(account).await? {
            return Ok(Presence::Believed);
        }
        let (kind, rest) = arn.split_once('/').unwrap_or_default();
        let found = match principal {
            Principal::User(_) => {
                self.identity(account, IdentityKind::User, rest.rsplit('/').next().unwrap_or_default())
                    .await?
            }
            Principal::RoleSession(_) => {
                let role = rest.split('/').next().unwrap_or_default();
                self.identity(account, IdentityKind::Role, role).await?
            }
            Principal::Federated(_) if kind.ends_with(":oidc-provider") => {
                let there = self.oidc_provider(account, rest).await?.is_some();
                return Ok(if there { Presence::Believed } else { Presence::Absent });
            }
            _ => {
                self.identity(account, IdentityKind::Role, rest.rsplit('/').next().unwrap_or_default())
                    .await?
            }
        };
        let partition = self.settings.partition.as_str();
        let same = |record: &IdentityRecord| {
            matches!(principal, Principal::RoleSession(_)) || identity_arn(partition, record) == **arn
        };
        Ok(match found.filter(|found| same(&found.record)) {
            Some(found) => Presence::Known(arn, found.record.id),
            None => Presence::Absent,
        })
    }

    /// A unique id with that prefix, such as `AIDA`.
    ///
    /// # Errors
    /// [`NoEntropy`].
    pub fn new_unique_id(&self, prefix: &str) -> Result<String, NoEntropy> {
        random::unique_id(self.entropy.as_ref(), prefix)
    }

    /// A new access key of `user`: its entry, its secret, and the record to be committed with the user's.
    ///
    /// # Errors
    /// [`NoEntropy`].
    pub fn new_access_key(&self, edits: &mut Edits, user: &IdentityRecord) -> Result<NewAccessKey, Error> {
        let id = random::access_key_id(self.entropy.as_ref(), "AKIA")?;
        let secret = random::secret_access_key(self.entropy.as_ref())?;
        let created = self.clock.now();
        edits.create_access_key(&id, user, &secret, created)?;
        Ok(NewAccessKey { entry: AccessKeyEntry { id, created, active: true }, secret })
    }

    /// Moves an access key along with its user: to another name, or to another state.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn update_access_key(
        &self,
        edits: &mut Edits,
        user: &IdentityRecord,
        entry: &AccessKeyEntry,
    ) -> Result<(), Error> {
        let place = place::access_key(&entry.id)?;
        let Some(held) = self.vault.read::<AccessKeyRecord>(&place).await? else { return Ok(()) };
        edits.replace_access_key(place, held, user, entry.active);
        Ok(())
    }
}

/// What is known of a principal that a policy names.
enum Presence<'p> {
    /// It should be here and is not.
    Absent,
    /// Nothing, or nothing that could change.
    Believed,
    /// Its ARN and the unique id of its user or role.
    Known(&'p str, String),
}

/// An access key that was just made. The secret is shown this once.
pub struct NewAccessKey {
    /// Its entry in the user's record.
    pub entry: AccessKeyEntry,
    /// 40 characters.
    pub secret: SecretBytes,
}
