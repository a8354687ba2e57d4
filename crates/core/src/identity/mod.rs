//! Who a caller is, what speaks for it, and the accounts and directories that this is read from.
//!
//! An access key leads to a user or to an account's root; a session token, which is sealed and says everything about
//! its session, leads to a role, a user or a root. What the principal may do is compiled once, kept, and forgotten at
//! the commit that changes any of it.

mod account;
mod credential;
mod principal;
pub(crate) mod random;
mod session;
mod subject;

use std::{borrow::Cow, sync::Arc};

pub use account::{AccountChoice, AccountError, AccountRecord, NewAccount};
pub use credential::Credential;
pub(crate) use credential::Credentials;
use credential::Secret;
pub(crate) use principal::Principals;
pub use principal::{Principal, PrincipalKind, WebIdentity};
use reseal_policy::{Caller, ConditionKey, IdentityPolicy, Policies};
use reseal_types::AccountId;
pub use session::{NewSession, Session, SessionCredentials, SessionRequest};
pub(crate) use subject::Subject;

use crate::{
    env::{Clock, Env},
    error::{Cause, Error},
    json::JsonObject,
    per_thread::Local,
    record::PolicyText,
};

/// A caller whose credential was checked. Made by [`Credential::authenticate`], by [`Env::dev_root`], and by
/// [`Env::federated`] of a verified web identity token.
#[derive(Debug, Clone)]
pub struct Authenticated {
    principal: Local<Principal>,
    by: ShownBy,
    /// Session policies; none for most callers, and then nothing is allocated.
    session_policies: Option<Arc<[Arc<IdentityPolicy>]>>,
}

/// How it was shown who the caller is.
#[derive(Debug, Clone)]
enum ShownBy {
    Secret(Secret),
    /// A web identity token.
    Token,
    /// Nothing, in development mode: any access key id will do.
    Unchecked(Box<str>),
}

impl Authenticated {
    /// The caller's account.
    pub fn account(&self) -> AccountId {
        self.principal.account
    }

    /// The caller's ARN, such as `arn:aws:iam::111122223333:root`; that of the session for a role.
    pub fn arn(&self) -> &str {
        self.session().and_then(|session| session.arn.as_deref()).unwrap_or(&self.principal.arn)
    }

    /// The access key that signed; empty for a web identity.
    pub fn access_key_id(&self) -> &str {
        match &self.by {
            ShownBy::Secret(Secret::LongTerm(key)) => &key.id,
            ShownBy::Secret(Secret::Session(open)) => &open.access_key_id,
            ShownBy::Unchecked(access_key_id) => access_key_id,
            ShownBy::Token => "",
        }
    }

    /// The user, role or root behind the call.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The session, if the credentials are temporary.
    pub fn session(&self) -> Option<&Session> {
        match &self.by {
            ShownBy::Secret(Secret::Session(open)) => Some(&open.session),
            ShownBy::Secret(Secret::LongTerm(_)) | ShownBy::Token | ShownBy::Unchecked(_) => None,
        }
    }

    /// Whether the session's time is over, by that clock. To be asked once the signature was accepted.
    pub fn is_expired(&self, clock: &dyn Clock) -> bool {
        self.session().is_some_and(|session| session.expires <= clock.now())
    }

    /// The id that `aws:userid` and GetCallerIdentity tell: with the session's name for a role.
    pub fn user_id(&self) -> Cow<'_, str> {
        match self.session().and_then(|session| session.name.as_deref()) {
            Some(name) => format!("{}:{name}", self.principal.id).into(),
            None => Cow::Borrowed(&self.principal.id),
        }
    }

    /// The caller as the policy engine knows it.
    pub(crate) fn as_policy_caller(&self) -> Result<Caller<'_>, Error> {
        let principal = &self.principal;
        let caller = match &principal.kind {
            PrincipalKind::Root | PrincipalKind::User => principal.as_policy_caller(),
            PrincipalKind::Role => Caller::role_session(self.arn(), &principal.arn),
            PrincipalKind::WebIdentity(_) => Caller::web_identity(&principal.arn),
        };
        caller.ok_or(Error::Internal(Cause::Crypto("reading of the caller's ARN")))
    }

    /// Whether a policy names the caller's ARN and meant another principal by it.
    pub(crate) fn is_not_meant_by(&self, policy: &PolicyText) -> bool {
        policy.names_another([self.arn(), &self.principal.arn], &self.principal.id)
    }

    /// The caller's own policies.
    pub(crate) fn policies(&self) -> Policies<'_> {
        Policies {
            identity: &self.principal.identity,
            boundary: self.principal.boundary.as_deref(),
            session: self.session_policies.as_deref().unwrap_or_default(),
            ..Policies::default()
        }
    }

    /// The values of condition keys that follow from the caller beyond its ARN. Whether `key` is one of these.
    pub(crate) fn values(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> bool {
        let session = self.session();
        match key {
            ConditionKey::UserId => visit(&self.user_id()),
            ConditionKey::PrincipalTag(_) => {
                // A tag of the session stands over one of the principal, whatever the letter case of their keys.
                let of_session = session.map(|session| session.tags.as_slice()).unwrap_or_default();
                let find = |tags: &[(String, String)], visit: &mut dyn FnMut(&str)| {
                    let found = tags.iter().filter(|(name, _)| key.qualifier_is(name));
                    found.map(|(_, value)| visit(value)).count() > 0
                };
                if !find(of_session, visit) {
                    find(&self.principal.tags, visit);
                }
            }
            ConditionKey::TokenIssueTime => {
                if let Some(session) = session {
                    visit(&session.issued.to_string());
                }
            }
            // Long-term credentials have no such fact at all, and no session here was opened with a device.
            ConditionKey::MultiFactorAuthPresent => {
                if session.is_some() {
                    visit("false");
                }
            }
            ConditionKey::SourceIdentity => {
                session.and_then(|session| session.source_identity.as_deref()).into_iter().for_each(visit);
            }
            ConditionKey::FederatedProvider => match &self.principal.kind {
                PrincipalKind::WebIdentity(_) => visit(&self.principal.arn),
                _ => session.and_then(|session| session.provider.as_deref()).into_iter().for_each(visit),
            },
            _ => return false,
        }
        true
    }

    /// `userIdentity` of an audit record. The owner of a resource used from elsewhere learns the account, not who
    /// in it.
    pub(crate) fn describe(&self, recipient: AccountId, identity: &mut JsonObject<'_>) {
        let (account, principal) = (self.account(), &self.principal);
        if recipient != account {
            identity.text("type", "AWSAccount");
            identity.text("principalId", account.as_str());
            identity.text("accountId", account.as_str());
            return;
        }
        if let PrincipalKind::WebIdentity(token) = &principal.kind {
            identity.text("type", "WebIdentityUser");
            identity.text("principalId", &principal.id);
            identity.text("userName", &token.subject);
            identity.text("identityProvider", &principal.arn);
            return;
        }
        match principal.kind {
            PrincipalKind::Role => principal.describe(&self.user_id(), self.arn(), identity),
            _ => identity.members(principal.described()),
        }
        identity.text("accessKeyId", self.access_key_id());
        if principal.kind == PrincipalKind::User {
            identity.text("userName", &principal.name);
        }
        if let Some(session) = self.session() {
            identity.object("sessionContext", |context| session.describe(principal, context));
        }
    }
}

impl Env {
    /// The root of `account`, for development mode, where any well-formed credential is accepted.
    pub fn dev_root(&self, account: AccountId, access_key_id: &str) -> Authenticated {
        let principal = Local::new(Principal::root(self.settings.partition.as_str(), account));
        Authenticated { principal, by: ShownBy::Unchecked(access_key_id.into()), session_policies: None }
    }

    /// The bearer of a web identity token that was verified for the provider of `account`. It can do nothing but ask
    /// for a session of a role that trusts the provider.
    pub fn federated(&self, account: AccountId, token: WebIdentity) -> Authenticated {
        let arn = oidc_provider_arn(self.settings.partition.as_str(), account, &token.issuer);
        let id = format!("{arn}:{}:{}", token.audience, token.subject);
        let principal = Principal::bearer(account, arn, id, token);
        Authenticated { principal: Local::new(principal), by: ShownBy::Token, session_policies: None }
    }
}

/// The ARN of an account's root.
pub(crate) fn root_arn(partition: &str, account: AccountId) -> String {
    format!("arn:{partition}:iam::{account}:root")
}

/// The ARN of an OIDC provider.
pub fn oidc_provider_arn(partition: &str, account: AccountId, issuer: &str) -> String {
    format!("arn:{partition}:iam::{account}:oidc-provider/{issuer}")
}
