//! Principals in use: a user or role with its policies compiled, kept until any record they came from changes.

use std::sync::{Arc, OnceLock};

use reseal_policy::{Caller, CallerForm, IdentityPolicy};
use reseal_types::AccountId;

use super::root_arn;
use crate::{
    cache::ReadThrough,
    directory,
    env::Env,
    error::{Cause, Error},
    json::JsonObject,
    per_thread::Local,
    record::{IdentityKind, IdentityRecord},
};

/// A user, a role, an account's root, or the bearer of a web identity token.
#[derive(Debug)]
pub struct Principal {
    pub(super) kind: PrincipalKind,
    pub(super) account: AccountId,
    pub(super) arn: Box<str>,
    pub(super) name: Box<str>,
    pub(super) id: Box<str>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) identity: Vec<Arc<IdentityPolicy>>,
    pub(super) boundary: Option<Arc<IdentityPolicy>>,
    described: OnceLock<Vec<u8>>,
    form: OnceLock<Option<CallerForm>>,
}

/// The kinds of principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalKind {
    /// The root of an account.
    Root,
    /// An IAM user.
    User,
    /// An IAM role.
    Role,
    /// Whoever brought a web identity token.
    WebIdentity(WebIdentity),
}

/// What a verified web identity token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebIdentity {
    /// The issuer's URL without `https://`.
    pub issuer: String,
    /// The subject, `sub`.
    pub subject: String,
    /// The client that the token was made for: `azp` if there is one, else `aud`.
    pub audience: String,
    /// All of `aud`.
    pub audiences: Vec<String>,
    /// How the subject proved who it is, `amr`.
    pub methods: Vec<String>,
}

impl Principal {
    /// Which kind.
    pub fn kind(&self) -> &PrincipalKind {
        &self.kind
    }

    /// The name of a user or role; empty for others.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The unique id; the account's number for its root.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The ARN; for a role that of the role, not of a session.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Whether it is the one with that unique id: made again under the same name, a principal is another one.
    fn is(&self, id: &str) -> bool {
        *self.id == *id
    }

    /// The root or user as the policy engine knows it, its ARN read at the first call.
    pub(super) fn as_policy_caller(&self) -> Option<Caller<'_>> {
        let read = || match self.kind {
            PrincipalKind::Root => Caller::root(&self.arn),
            PrincipalKind::User => Caller::user(&self.arn),
            PrincipalKind::Role | PrincipalKind::WebIdentity(_) => None,
        };
        let form = self.form.get_or_init(|| read().map(|caller| caller.form()));
        Caller::of_form(&self.arn, (*form)?)
    }

    /// Writes who it is into `userIdentity` of an audit record; a session of a role has another id and ARN.
    pub(super) fn describe(&self, id: &str, arn: &str, identity: &mut JsonObject<'_>) {
        let kind = match self.kind {
            PrincipalKind::User => "IAMUser",
            PrincipalKind::Role => "AssumedRole",
            PrincipalKind::Root | PrincipalKind::WebIdentity(_) => "Root",
        };
        identity.text("type", kind);
        identity.text("principalId", id);
        identity.text("arn", arn);
        identity.text("accountId", self.account.as_str());
    }

    /// What [`Self::describe`] writes of the principal itself: the same for all of its calls.
    pub(super) fn described(&self) -> &[u8] {
        let describe = || JsonObject::members_alone(|identity| self.describe(&self.id, &self.arn, identity));
        self.described.get_or_init(describe)
    }

    pub(super) fn root(partition: &str, account: AccountId) -> Self {
        let arn = root_arn(partition, account);
        Self::plain(PrincipalKind::Root, account, arn, account.to_string())
    }

    pub(super) fn bearer(account: AccountId, arn: String, id: String, token: WebIdentity) -> Self {
        Self::plain(PrincipalKind::WebIdentity(token), account, arn, id)
    }

    fn plain(kind: PrincipalKind, account: AccountId, arn: String, id: String) -> Self {
        Self {
            kind,
            account,
            arn: arn.into(),
            name: Box::default(),
            id: id.into(),
            tags: Vec::new(),
            identity: Vec::new(),
            boundary: None,
            described: OnceLock::new(),
            form: OnceLock::new(),
        }
    }
}

/// What a principal's policies are kept under: account, kind, and name in lower case.
pub(super) type Key = (AccountId, IdentityKind, Box<str>);

/// What a user or role of that name is kept under.
pub(super) fn key_of(account: AccountId, kind: IdentityKind, name: &str) -> Key {
    (account, kind, name.to_ascii_lowercase().into_boxed_str())
}

/// Principals in use.
pub(crate) struct Principals {
    identities: ReadThrough<Key, Local<Principal>>,
    /// Managed policies by ARN.
    policies: ReadThrough<Box<str>, Arc<IdentityPolicy>>,
}

impl Principals {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { identities: ReadThrough::new(capacity), policies: ReadThrough::new(capacity) }
    }

    /// The user or role that is kept under `key`, if it is the one with that unique id.
    pub(super) fn kept(&self, key: &Key, id: &str) -> Option<Local<Principal>> {
        self.identities.kept(key).filter(|principal| principal.is(id))
    }

    /// Forgets a user or role.
    pub(crate) fn forget(&self, account: AccountId, kind: IdentityKind, name: &str) {
        self.identities.forget(&(account, kind, name.into()));
    }

    /// Forgets all users of an account: one of its groups changed.
    pub(crate) fn forget_users(&self, account: AccountId) {
        self.identities.forget_where(|(of, kind, _), _| *of == account && *kind == IdentityKind::User);
    }

    /// Forgets a managed policy, and every principal of the account, any of which it may be attached to.
    pub(crate) fn forget_policy(&self, account: AccountId, name: &str) {
        let named = |arn: &str| arn.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(name));
        self.policies.forget_where(|arn, _| arn.split(':').nth(4) == Some(account.as_str()) && named(arn));
        self.identities.forget_where(|(of, ..), _| *of == account);
    }
}

impl Env {
    /// The user or role of that name and unique id, with its policies.
    pub(super) async fn principal(
        &self,
        account: AccountId,
        kind: IdentityKind,
        name: &str,
        id: &str,
    ) -> Result<Option<Local<Principal>>, Error> {
        let key = key_of(account, kind, name);
        let load = || async {
            let Some(held) = self.identity(account, kind, name).await? else { return Ok(None) };
            self.compile(held.record).await.map(|principal| Some(Local::new(principal)))
        };
        let found = self.principals.identities.get_or_load(&key, load).await?;
        Ok(found.filter(|principal| principal.is(id)))
    }

    async fn compile(&self, record: IdentityRecord) -> Result<Principal, Error> {
        let arn = directory::identity_arn(self.settings.partition.as_str(), &record);
        let mut identity = Vec::new();
        self.add_policies(&arn, &record, &mut identity).await?;
        for group in &record.groups {
            let Some(group) = self.identity(record.account, IdentityKind::Group, group).await? else {
                continue;
            };
            self.add_policies(&arn, &group.record, &mut identity).await?;
        }
        let boundary = match &record.boundary {
            None => None,
            // A boundary that is gone must not set its principal free.
            Some(boundary) => {
                let policy = self.attached_policy(record.account, boundary).await?;
                Some(policy.ok_or_else(|| Error::Internal(Cause::StoredPolicy(boundary.clone())))?)
            }
        };
        let kind = match record.kind {
            IdentityKind::User | IdentityKind::Group => PrincipalKind::User,
            IdentityKind::Role => PrincipalKind::Role,
        };
        Ok(Principal {
            name: record.name.into(),
            tags: record.tags,
            identity,
            boundary,
            ..Principal::plain(kind, record.account, arn, record.id)
        })
    }

    async fn add_policies(
        &self,
        owner: &str,
        record: &IdentityRecord,
        list: &mut Vec<Arc<IdentityPolicy>>,
    ) -> Result<(), Error> {
        let kind = match record.kind {
            IdentityKind::User => "user",
            IdentityKind::Group => "group",
            IdentityKind::Role => "role",
        };
        for (name, document) in &record.inline {
            list.push(compiled(owner, document, format!("{kind}/{}/{name}", record.name))?);
        }
        for arn in &record.attached {
            // What is attached cannot be deleted; should it be gone all the same, a Deny of it must not be.
            let policy = self.attached_policy(record.account, arn).await?;
            list.push(policy.ok_or_else(|| Error::Internal(Cause::StoredPolicy(arn.clone())))?);
        }
        Ok(())
    }

    /// The version in force of a managed policy, compiled.
    pub(super) async fn attached_policy(
        &self,
        account: AccountId,
        arn: &str,
    ) -> Result<Option<Arc<IdentityPolicy>>, Error> {
        // Names end the ARN after `policy/`, with the path in between.
        let name = || arn.split_once(":policy/").map_or(arn, |(_, name)| name).to_owned();
        let load = || async {
            if let Some(policy) = directory::AwsManagedPolicy::find(self.settings.partition.as_str(), arn) {
                return compiled(arn, policy.document, name()).map(Some);
            }
            let Some(held) = self.managed_policy(account, arn).await? else { return Ok(None) };
            let Some(version) = held.record.in_force() else { return Ok(None) };
            compiled(arn, &version.document, name()).map(Some)
        };
        self.principals.policies.get_or_load(&arn.into(), load).await
    }
}

fn compiled(owner: &str, document: &str, name: String) -> Result<Arc<IdentityPolicy>, Error> {
    let policy = IdentityPolicy::parse(document);
    policy
        .map(|policy| Arc::new(policy.named(name)))
        .map_err(|_| Error::Internal(Cause::StoredPolicy(owner.to_owned())))
}
