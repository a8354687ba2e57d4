//! Someone about whom an operator asks: known by ARN, without credentials, and never a caller.

use std::sync::Arc;

use reseal_policy::{Caller, ConditionKey, IdentityPolicy, Policies};
use reseal_types::AccountId;

use super::{Principal, PrincipalKind};
use crate::{
    directory::session_arn,
    env::Env,
    error::Error,
    per_thread::Local,
    record::{IdentityKind, PolicyText},
};

/// A root, a user, or a session of a role with nothing but what the role gives it.
pub(crate) struct Subject {
    principal: Local<Principal>,
    /// Of the session, for a role.
    arn: String,
    /// The session's own policies, as far as known.
    pub(crate) session: Vec<Arc<IdentityPolicy>>,
}

/// The name of a session that stands for all sessions of a role.
const ANY_SESSION: &str = "any-session";

impl Subject {
    fn new(principal: Local<Principal>, arn: String) -> Self {
        Self { principal, arn, session: Vec::new() }
    }

    /// As the policy engine knows it.
    pub(crate) fn as_caller(&self) -> Option<Caller<'_>> {
        match self.principal.kind {
            PrincipalKind::Root => Caller::root(&self.arn),
            PrincipalKind::User => Caller::user(&self.arn),
            PrincipalKind::Role => Caller::role_session(&self.arn, &self.principal.arn),
            PrincipalKind::WebIdentity(_) => None,
        }
    }

    /// Its account.
    pub(crate) fn account(&self) -> AccountId {
        self.principal.account
    }

    /// The unique id of its user or role.
    pub(crate) fn id(&self) -> &str {
        &self.principal.id
    }

    /// Its policies; those of a session are in its token, and known only if the question tells.
    pub(crate) fn policies(&self) -> Policies<'_> {
        Policies {
            identity: &self.principal.identity,
            boundary: self.principal.boundary.as_deref(),
            session: &self.session,
            ..Policies::default()
        }
    }

    /// Whether a policy names its ARN and meant another principal by it.
    pub(crate) fn is_not_meant_by(&self, policy: &PolicyText) -> bool {
        policy.names_another([&self.arn, &self.principal.arn], &self.principal.id)
    }

    /// Whether it is a session, whose own policies and tags are not known.
    pub(crate) fn is_session(&self) -> bool {
        self.principal.kind == PrincipalKind::Role
    }

    /// The values of condition keys that follow from the principal beyond its ARN. Whether `key` is one of these.
    pub(crate) fn values(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> bool {
        match key {
            ConditionKey::PrincipalTag(_) => {
                let tags = self.principal.tags.iter().filter(|(name, _)| key.qualifier_is(name));
                tags.for_each(|(_, value)| visit(value));
            }
            ConditionKey::UserId if !self.is_session() => visit(&self.principal.id),
            _ => return false,
        }
        true
    }
}

impl Env {
    /// Whoever has that ARN: an account's root, a user, a role, or a session of a role.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn subject(&self, arn: &str) -> Result<Option<Subject>, Error> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = parts.as_slice() else { return Ok(None) };
        let Some(account) = AccountId::parse(account) else { return Ok(None) };
        if *partition != self.settings.partition.as_str() {
            return Ok(None);
        }
        let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
        let last = name.rsplit('/').next().unwrap_or_default();
        match (*service, kind) {
            ("iam", "root") => {
                let principal = Local::new(Principal::root(partition, account));
                Ok(Some(Subject::new(principal, arn.to_owned())))
            }
            ("iam", "user") => {
                let principal = self.named(account, IdentityKind::User, last).await?;
                let same = principal.filter(|principal| *principal.arn == *arn);
                Ok(same.map(|principal| Subject::new(principal, arn.to_owned())))
            }
            ("iam", "role") => {
                let principal = self.named(account, IdentityKind::Role, last).await?;
                let same = principal.filter(|principal| *principal.arn == *arn);
                let arn = session_arn(partition, account, last, ANY_SESSION);
                Ok(same.map(|principal| Subject::new(principal, arn)))
            }
            ("sts", "assumed-role") => {
                let role = name.split('/').next().unwrap_or_default();
                let principal = self.named(account, IdentityKind::Role, role).await?;
                Ok(principal.map(|principal| Subject::new(principal, arn.to_owned())))
            }
            _ => Ok(None),
        }
    }

    /// Session policies as for a session that was opened with them; `None`: one is malformed or is no more.
    pub(crate) async fn policies_of_session(
        &self,
        subject: &Subject,
        arns: &[String],
        document: Option<&str>,
    ) -> Result<Option<Vec<Arc<IdentityPolicy>>>, Error> {
        let mut policies = Vec::new();
        if let Some(document) = document {
            let Ok(policy) = IdentityPolicy::parse(document) else { return Ok(None) };
            policies.push(Arc::new(policy));
        }
        for arn in arns {
            let Some(policy) = self.attached_policy(subject.account(), arn).await? else { return Ok(None) };
            policies.push(policy);
        }
        Ok(Some(policies))
    }

    async fn named(
        &self,
        account: AccountId,
        kind: IdentityKind,
        name: &str,
    ) -> Result<Option<Local<Principal>>, Error> {
        let Some(stored) = self.identity(account, kind, name).await? else { return Ok(None) };
        self.principal(account, kind, name, &stored.record.id).await
    }
}
