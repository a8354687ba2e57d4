//! Temporary credentials. Everything about a session stands in its token, sealed for the access key id it was made
//! with: the store learns nothing of a session, and a token fits no other key.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use minicbor::{CborLen, Decode, Encode, bytes::ByteVec};
use reseal_policy::IdentityPolicy;
use reseal_types::{AccountId, Reveal, SecretBytes, Timestamp};
use zeroize::Zeroize;

use super::{Authenticated, Principal, PrincipalKind, random};
use crate::{
    directory,
    env::Env,
    error::Error,
    json::JsonObject,
    record::{IdentityKind, IdentityRecord, UserRef, decode_cbor, encode_cbor},
};

/// What is known about a session besides its principal.
#[derive(Debug)]
pub struct Session {
    /// The ARN of a role session.
    pub arn: Option<Box<str>>,
    /// The name of a role session.
    pub name: Option<Box<str>>,
    /// When it began.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// Session tags.
    pub tags: Vec<(String, String)>,
    /// Keys of the tags that a next session inherits.
    pub transitive_tag_keys: Vec<String>,
    /// Set by whoever opened the first session of a chain.
    pub source_identity: Option<Box<str>>,
    /// ARN of the provider that vouched for the bearer of the token.
    pub provider: Option<Box<str>>,
    pub(super) inline_policy: Option<Arc<IdentityPolicy>>,
    pub(super) policy_arns: Vec<String>,
}

impl Session {
    /// `sessionContext` of an audit record.
    pub(super) fn describe(&self, principal: &Principal, context: &mut JsonObject<'_>) {
        if principal.kind == PrincipalKind::Role {
            context.object("sessionIssuer", |issuer| {
                issuer.text("type", "Role");
                issuer.text("principalId", &principal.id);
                issuer.text("arn", &principal.arn);
                issuer.text("accountId", principal.account.as_str());
                issuer.text("userName", &principal.name);
            });
        }
        if let Some(provider) = &self.provider {
            context.object("webIdFederationData", |data| {
                data.text("federatedProvider", provider);
                data.object("attributes", |_| {});
            });
        }
        context.object("attributes", |attributes| {
            attributes.time("creationDate", self.issued);
            attributes.text("mfaAuthenticated", "false");
        });
        context.optional_text("sourceIdentity", self.source_identity.as_deref());
    }
}

/// What a new session shall be.
#[derive(Default)]
pub struct SessionRequest {
    /// How long it lasts.
    pub seconds: u32,
    /// The name of a role session.
    pub name: Option<String>,
    /// A session policy that was found to be well-formed.
    pub policy: Option<String>,
    /// ARNs of managed policies as session policies.
    pub policy_arns: Vec<String>,
    /// Session tags.
    pub tags: Vec<(String, String)>,
    /// Keys of tags that a next session inherits.
    pub transitive_tag_keys: Vec<String>,
    /// Who is behind the chain of sessions.
    pub source_identity: Option<String>,
    /// ARN of the provider that vouched for the bearer of a token.
    pub provider: Option<String>,
}

/// Whose session.
pub enum NewSession<'a> {
    /// Of a role.
    Role(&'a IdentityRecord),
    /// Of the caller, a user or a root.
    Caller(&'a Authenticated),
}

/// Temporary credentials. The secret and the token are shown this once.
pub struct SessionCredentials {
    /// `ASIA` and 16 characters.
    pub access_key_id: String,
    /// 40 characters.
    pub secret_access_key: SecretBytes,
    /// Opaque text.
    pub session_token: String,
    /// When they end.
    pub expires: Timestamp,
    /// How full the session's policies and tags make the token, in percent; above 100 it was not made.
    pub packed_percent: usize,
}

/// A token that was opened.
pub(super) struct OpenSession {
    pub(super) access_key_id: Box<str>,
    pub(super) token: Box<str>,
    pub(super) secret: SecretBytes,
    pub(super) serial: u64,
    pub(super) account: AccountId,
    /// The user or role; `None`: the account's root.
    pub(super) of: Option<(IdentityKind, UserRef)>,
    pub(super) session: Session,
}

/// Most bytes of session policies and tags together. A token with them fits into the head of a request.
const MOST_PACKED_BYTES: usize = 4_096;
const FORM: u8 = 1;

#[derive(Encode, Decode, CborLen)]
struct StoredSession {
    #[n(0)]
    account: String,
    /// Kind, name and unique id of the user or role.
    #[n(1)]
    of: Option<(u8, String, String)>,
    #[n(2)]
    secret: ByteVec,
    #[n(3)]
    issued_millis: i64,
    #[n(4)]
    expires_millis: i64,
    #[n(5)]
    name: Option<String>,
    #[n(6)]
    policy: Option<String>,
    #[n(7)]
    policy_arns: Vec<String>,
    #[n(8)]
    tags: Vec<(String, String)>,
    #[n(9)]
    transitive_tag_keys: Vec<String>,
    #[n(10)]
    source_identity: Option<String>,
    #[n(11)]
    provider: Option<String>,
}

const USER: u8 = 1;
const ROLE: u8 = 2;

impl Drop for StoredSession {
    fn drop(&mut self) {
        self.secret.as_mut_slice().zeroize();
    }
}

impl Env {
    /// Makes credentials for a session. `Err` of the percentage when policies and tags are too much for a token.
    ///
    /// # Errors
    /// When there are no random bytes or sealing fails.
    pub fn open_new_session(
        &self,
        of: &NewSession<'_>,
        request: SessionRequest,
    ) -> Result<Result<SessionCredentials, usize>, Error> {
        let SessionRequest { policy, policy_arns, tags, transitive_tag_keys, .. } = &request;
        let texts = tags.iter().map(|(key, value)| key.len() + value.len());
        let names = policy_arns.iter().chain(transitive_tag_keys).map(String::len);
        let packed = policy.as_ref().map_or(0, String::len) + texts.chain(names).sum::<usize>();
        let packed_percent = (packed * 100).div_ceil(MOST_PACKED_BYTES);
        if packed_percent > 100 {
            return Ok(Err(packed_percent));
        }
        let issued = self.clock.now();
        let expires = Timestamp::from_millis(issued.millis() + i64::from(request.seconds) * 1_000);
        let secret = random::secret_access_key(self.entropy.as_ref())?;
        let access_key_id = random::access_key_id(self.entropy.as_ref(), "ASIA")?;
        let (account, of) = match of {
            NewSession::Role(role) => (role.account, Some((ROLE, role.name.clone(), role.id.clone()))),
            NewSession::Caller(caller) => {
                let principal = caller.principal();
                let user = principal.kind == PrincipalKind::User;
                let of = user.then(|| (USER, principal.name.to_string(), principal.id.to_string()));
                (principal.account, of)
            }
        };
        let stored = StoredSession {
            account: account.to_string(),
            of,
            secret: secret.reveal(Reveal::ToSeal).to_vec().into(),
            issued_millis: issued.millis(),
            expires_millis: expires.millis(),
            name: request.name,
            policy: request.policy,
            policy_arns: request.policy_arns,
            tags: request.tags,
            transitive_tag_keys: request.transitive_tag_keys,
            source_identity: request.source_identity,
            provider: request.provider,
        };
        let plain = encode_cbor(FORM, &stored);
        let sealed = self.vault.seal_token(&purpose(&access_key_id), plain.reveal(Reveal::ToSeal))?;
        Ok(Ok(SessionCredentials {
            access_key_id,
            secret_access_key: secret,
            session_token: STANDARD.encode(sealed),
            expires,
            packed_percent,
        }))
    }

    /// The session behind a token, if it was made for that access key id.
    pub(super) fn open_session(&self, access_key_id: &str, token: &str) -> Option<OpenSession> {
        let sealed = STANDARD.decode(token).ok()?;
        let plain = self.vault.open_token(&purpose(access_key_id), &sealed)?;
        let mut stored: StoredSession = decode_cbor(FORM, plain.reveal(Reveal::ToSeal))?;
        let secret = Vec::from(std::mem::replace(&mut stored.secret, Vec::new().into()));
        let account = AccountId::parse(&stored.account)?;
        let of = match stored.of.take() {
            None => None,
            Some((kind, name, id)) => {
                let kind = match kind {
                    USER => IdentityKind::User,
                    ROLE => IdentityKind::Role,
                    _ => return None,
                };
                Some((kind, UserRef { name, id }))
            }
        };
        let inline_policy = match stored.policy.take() {
            Some(text) => Some(Arc::new(IdentityPolicy::parse(&text).ok()?)),
            None => None,
        };
        let partition = self.settings.partition.as_str();
        let arn = match (&of, &stored.name) {
            (Some((IdentityKind::Role, role)), Some(name)) => {
                Some(directory::session_arn(partition, account, &role.name, name))
            }
            _ => None,
        };
        let session = Session {
            arn: arn.map(Into::into),
            name: stored.name.take().map(Into::into),
            issued: Timestamp::from_millis(stored.issued_millis),
            expires: Timestamp::from_millis(stored.expires_millis),
            tags: std::mem::take(&mut stored.tags),
            transitive_tag_keys: std::mem::take(&mut stored.transitive_tag_keys),
            source_identity: stored.source_identity.take().map(Into::into),
            provider: stored.provider.take().map(Into::into),
            inline_policy,
            policy_arns: std::mem::take(&mut stored.policy_arns),
        };
        Some(OpenSession {
            access_key_id: access_key_id.into(),
            token: token.into(),
            secret: SecretBytes::from(secret),
            // One access key id has one secret for life.
            serial: 0,
            account,
            of,
            session,
        })
    }
}

fn purpose(access_key_id: &str) -> String {
    format!("session/{access_key_id}")
}
