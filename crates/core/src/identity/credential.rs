//! Access keys and session tokens: whose they are, and the secret that a signature is checked with.

use std::{fmt, sync::Arc};

use quick_cache::sync::Cache;
use reseal_policy::IdentityPolicy;
use reseal_types::{AccountId, SecretBytes};

use super::{Authenticated, Principal, Session, ShownBy, principal, session::OpenSession};
use crate::{
    cache::ReadThrough,
    env::Env,
    error::Error,
    per_thread::{Local, Own},
    record::{AccessKeyRecord, IdentityKind, UserRef, place},
};

/// An access key with its secret, as a signature check needs it.
pub struct Credential {
    principal: Local<Principal>,
    secret: Secret,
    session_policies: Option<Arc<[Arc<IdentityPolicy>]>>,
}

/// What has the secret. A call keeps it to its end: one that is deleted meanwhile is wiped after the last of its calls.
#[derive(Clone)]
pub(super) enum Secret {
    LongTerm(Local<AccessKey>),
    Session(Arc<OpenSession>),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, access_key_id) = match self {
            Self::LongTerm(key) => ("LongTerm", &key.id),
            Self::Session(open) => ("Session", &open.access_key_id),
        };
        f.debug_tuple(kind).field(access_key_id).finish()
    }
}

impl Credential {
    fn long_term(key: Local<AccessKey>, principal: Local<Principal>) -> Self {
        Self { principal, secret: Secret::LongTerm(key), session_policies: None }
    }

    /// The caller, if `check` accepts the secret. The number given to `check` changes whenever the secret
    /// does, so that keys derived from the secret can be cached by it.
    ///
    /// # Errors
    /// Whatever `check` returns.
    pub fn authenticate<E>(
        self,
        check: impl FnOnce(&SecretBytes, u64) -> Result<(), E>,
    ) -> Result<Authenticated, E> {
        let Self { principal, secret, session_policies } = self;
        match &secret {
            Secret::LongTerm(key) => check(&key.secret, key.serial)?,
            Secret::Session(open) => check(&open.secret, open.serial)?,
        }
        Ok(Authenticated { principal, by: ShownBy::Secret(secret), session_policies })
    }
}

/// A long-term access key in use.
pub(super) struct AccessKey {
    pub(super) id: Box<str>,
    account: AccountId,
    secret: SecretBytes,
    serial: u64,
}

/// An access key with its owner.
#[derive(Clone)]
struct Owned {
    key: Local<AccessKey>,
    owner: Owner,
}

#[derive(Clone)]
enum Owner {
    Root(Local<Principal>),
    /// With what it is kept under.
    User(Local<(UserRef, principal::Key)>),
}

impl Own for Owned {
    fn own(&self) -> Self {
        let owner = match &self.owner {
            Owner::Root(root) => Owner::Root(root.own()),
            Owner::User(user) => Owner::User(user.own()),
        };
        Self { key: self.key.own(), owner }
    }
}

/// Credentials in use.
pub(crate) struct Credentials {
    long_term: ReadThrough<Box<str>, Owned>,
    /// Session tokens that were opened, by access key id. A token never changes; whether its principal is still there
    /// and its time not over is asked at every use.
    sessions: Cache<Box<str>, Arc<OpenSession>>,
}

impl Credentials {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { long_term: ReadThrough::new(capacity), sessions: Cache::new(capacity) }
    }

    pub(crate) fn forget(&self, access_key_id: &str) {
        self.long_term.forget(&access_key_id.into());
    }
}

impl Env {
    /// The long-term credential with that access key id, if it and its owner are in memory.
    pub fn credential_in_memory(&self, access_key_id: &str) -> Option<Credential> {
        let Owned { key, owner } = self.credentials.long_term.kept(access_key_id)?;
        let principal = match owner {
            Owner::Root(root) => root,
            Owner::User(of) => self.principals.kept(&of.1, &of.0.id)?,
        };
        Some(Credential::long_term(key, principal))
    }

    /// The credential with that access key id and, for temporary ones, session token. None when there is none, when it
    /// was made inactive, when the token is not its own, and when its principal is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn credential(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
    ) -> Result<Option<Credential>, Error> {
        match session_token {
            None => self.long_term_credential(access_key_id).await,
            Some(token) => Box::pin(self.session_credential(access_key_id, token)).await,
        }
    }

    async fn long_term_credential(&self, access_key_id: &str) -> Result<Option<Credential>, Error> {
        let load = || async {
            let Ok(place) = place::access_key(access_key_id) else { return Ok(None) };
            let Some(held) = self.vault.read::<AccessKeyRecord>(&place).await? else { return Ok(None) };
            let (record, serial) = (held.record, held.version);
            if !record.active {
                return Ok(None);
            }
            let account = record.account;
            let root = || Local::new(Principal::root(self.settings.partition.as_str(), account));
            let owner = record.user.map_or_else(
                || Owner::Root(root()),
                |user| {
                    let kept_under = principal::key_of(account, IdentityKind::User, &user.name);
                    Owner::User(Local::new((user, kept_under)))
                },
            );
            let (id, secret) = (access_key_id.into(), record.secret);
            let key = Local::new(AccessKey { id, account, secret, serial });
            Ok::<_, Error>(Some(Owned { key, owner }))
        };
        let owned = self.credentials.long_term.get_or_load(&access_key_id.into(), load).await?;
        let Some(Owned { key, owner }) = owned else { return Ok(None) };
        let principal = match owner {
            Owner::Root(root) => Some(root),
            Owner::User(of) => self.principal(key.account, IdentityKind::User, &of.0.name, &of.0.id).await?,
        };
        Ok(principal.map(|principal| Credential::long_term(key, principal)))
    }

    async fn session_credential(
        &self,
        access_key_id: &str,
        token: &str,
    ) -> Result<Option<Credential>, Error> {
        let kept = self.credentials.sessions.get(access_key_id).filter(|open| *open.token == *token);
        let open = if let Some(open) = kept {
            open
        } else {
            let Some(open) = self.open_session(access_key_id, token) else { return Ok(None) };
            let open = Arc::new(open);
            self.credentials.sessions.insert(access_key_id.into(), Arc::clone(&open));
            open
        };
        let Some(principal) = self.session_principal(&open).await? else { return Ok(None) };
        let Some(session_policies) = self.session_policies(&principal, &open.session).await? else {
            return Ok(None);
        };
        Ok(Some(Credential {
            principal,
            secret: Secret::Session(open),
            session_policies: (!session_policies.is_empty()).then(|| session_policies.into()),
        }))
    }

    async fn session_principal(&self, open: &OpenSession) -> Result<Option<Local<Principal>>, Error> {
        match &open.of {
            None => Ok(Some(Local::new(Principal::root(self.settings.partition.as_str(), open.account)))),
            Some((kind, of)) => self.principal(open.account, *kind, &of.name, &of.id).await,
        }
    }

    /// The session's policies as they are now; `None` when one that it names is gone, so that nothing is left which
    /// says what the session may do.
    async fn session_policies(
        &self,
        principal: &Principal,
        session: &Session,
    ) -> Result<Option<Vec<Arc<IdentityPolicy>>>, Error> {
        let mut policies: Vec<_> = session.inline_policy.iter().cloned().collect();
        for arn in &session.policy_arns {
            let Some(policy) = self.attached_policy(principal.account, arn).await? else { return Ok(None) };
            policies.push(policy);
        }
        Ok(Some(policies))
    }
}
