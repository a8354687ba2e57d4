//! What an action is about: the resource that it is decided on, looked up once, before the decision.
//!
//! What is not there is told only to who may ask for it: authorization comes first, with the ARN that the thing would
//! have.

use reseal_core::directory::{
    AwsManagedPolicy, IdentityKind, IdentityRecord, ManagedPolicyRecord, OidcProviderRecord, Stored,
    identity_arn,
};
use reseal_core::{identity::PrincipalKind, service::Trust};
use reseal_policy::TrustPolicy;
use reseal_types::AccountId;

use crate::{
    action::{Work, noun},
    fault::{Code, Fault},
};

/// What an action names.
pub(crate) enum Subject<'a> {
    /// A user, role or group by name.
    Identity(IdentityKind, &'a str),
    /// A user by name, or the caller itself.
    UserOrCaller(Option<&'a str>),
    /// The caller, whoever it is.
    Caller,
    /// No single thing of the caller's account.
    Account,
    /// A user, role, group or policy that is about to be: its kind in ARNs, path and name.
    New(&'static str, &'a str, &'a str),
    /// A managed policy by ARN.
    Policy(&'a str),
    /// An OIDC provider by ARN.
    Provider(&'a str),
    /// An OIDC provider that is about to be, by its issuer.
    NewProvider(&'a str),
    /// A role to be assumed, by ARN, in whatever account.
    Assumed(&'a str),
}

/// What was found.
pub(crate) enum Found {
    Nothing,
    Identity(Box<Stored<IdentityRecord>>),
    Policy(Box<Stored<ManagedPolicyRecord>>),
    AwsPolicy(&'static AwsManagedPolicy),
    Provider(Box<Stored<OidcProviderRecord>>),
    /// A role, and who may assume it.
    Assumed(Box<IdentityRecord>, Box<TrustPolicy>),
    /// A user, role or group of that name is not there.
    NoIdentity(IdentityKind, String),
    NoPolicy(String),
    NoProvider(String),
}

impl Subject<'_> {
    /// Looks it up.
    pub(crate) async fn find(&self, work: Work<'_>) -> Result<Found, Fault> {
        let account = work.account();
        Ok(match self {
            Self::Caller | Self::Account | Self::New(..) | Self::NewProvider(_) => Found::Nothing,
            Self::Identity(kind, name) => find_identity(work, *kind, name).await?,
            Self::UserOrCaller(name) => {
                find_identity(work, IdentityKind::User, user_name(work, *name)?).await?
            }
            Self::Policy(arn) => find_policy(work, arn).await?,
            Self::Provider(arn) => {
                let prefix = format!("arn:{}:iam::{account}:oidc-provider/", work.partition());
                let issuer = arn.strip_prefix(&prefix);
                let found = match issuer {
                    Some(issuer) => work.env.oidc_provider(account, issuer).await?,
                    None => None,
                };
                let none = || Found::NoProvider((*arn).to_owned());
                found.map_or_else(none, |found| Found::Provider(Box::new(found)))
            }
            Self::Assumed(arn) => find_role(work, arn).await?,
        })
    }

    /// The ARN that it is decided on.
    pub(crate) fn arn(&self, work: Work<'_>, found: &Found) -> String {
        let (partition, account) = (work.partition(), work.account());
        let named =
            |kind: &str, path: &str, name: &str| format!("arn:{partition}:iam::{account}:{kind}{path}{name}");
        if let Found::Identity(stored) = found {
            return identity_arn(partition, &stored.record);
        }
        match self {
            Self::Identity(kind, name) => named(noun(*kind), "/", name),
            Self::UserOrCaller(name) => named("user", "/", name.unwrap_or_default()),
            Self::Caller => work.call.caller.arn().to_owned(),
            Self::Account => "*".to_owned(),
            Self::New(kind, path, name) => named(kind, path, name),
            Self::Policy(arn) | Self::Provider(arn) | Self::Assumed(arn) => (*arn).to_owned(),
            Self::NewProvider(issuer) => named("oidc-provider", "/", issuer),
        }
    }
}

async fn find_identity(work: Work<'_>, kind: IdentityKind, name: &str) -> Result<Found, Fault> {
    let found = work.env.identity(work.account(), kind, name).await?;
    let none = || Found::NoIdentity(kind, name.to_owned());
    Ok(found.map_or_else(none, |found| Found::Identity(Box::new(found))))
}

async fn find_policy(work: Work<'_>, arn: &str) -> Result<Found, Fault> {
    if let Some(policy) = AwsManagedPolicy::find(work.partition(), arn) {
        return Ok(Found::AwsPolicy(policy));
    }
    let found = work.env.managed_policy(work.account(), arn).await?;
    Ok(found.map_or_else(|| Found::NoPolicy(arn.to_owned()), |found| Found::Policy(Box::new(found))))
}

/// A role by its whole ARN. One whose trust policy does not open any more is like one that is not there.
async fn find_role(work: Work<'_>, arn: &str) -> Result<Found, Fault> {
    let none = Found::NoIdentity(IdentityKind::Role, arn.to_owned());
    let (Some(account), Some(name)) =
        (arn.split(':').nth(4).and_then(AccountId::parse), arn.rsplit('/').next())
    else {
        return Ok(none);
    };
    let Some(stored) = work.env.identity(account, IdentityKind::Role, name).await? else { return Ok(none) };
    let record = stored.record;
    let trust = record.role.as_ref().and_then(|role| TrustPolicy::parse(&role.trust.text).ok());
    match trust {
        Some(trust) if identity_arn(work.partition(), &record) == arn => {
            Ok(Found::Assumed(Box::new(record), Box::new(trust)))
        }
        _ => Ok(none),
    }
}

/// The user named, or the calling user.
fn user_name<'a>(work: Work<'a>, name: Option<&'a str>) -> Result<&'a str, Fault> {
    if let Some(name) = name {
        return Ok(name);
    }
    let principal = work.call.caller.principal();
    if *principal.kind() == PrincipalKind::User {
        return Ok(principal.name());
    }
    Err(Fault::new(Code::ValidationError, "Must specify userName when calling with non-User credentials"))
}

impl Found {
    pub(crate) fn identity(self) -> Result<Stored<IdentityRecord>, Fault> {
        match self {
            Self::Identity(stored) => Ok(*stored),
            other => Err(other.absent()),
        }
    }

    /// A customer managed policy; those of AWS cannot be changed.
    pub(crate) fn policy(self) -> Result<Stored<ManagedPolicyRecord>, Fault> {
        match self {
            Self::Policy(stored) => Ok(*stored),
            Self::AwsPolicy(policy) => Err(Fault::new(
                Code::InvalidInput,
                format!("Policy {} is managed by AWS and cannot be changed.", policy.name),
            )),
            other => Err(other.absent()),
        }
    }

    pub(crate) fn provider(self) -> Result<Stored<OidcProviderRecord>, Fault> {
        match self {
            Self::Provider(stored) => Ok(*stored),
            other => Err(other.absent()),
        }
    }

    pub(crate) fn assumed(self) -> Result<IdentityRecord, Fault> {
        match self {
            Self::Assumed(role, _) => Ok(*role),
            other => Err(other.absent()),
        }
    }

    /// The error for what is not there.
    pub(crate) fn absent(&self) -> Fault {
        match self {
            Self::NoIdentity(kind, name) => no_identity(*kind, name),
            Self::NoPolicy(arn) => no_policy(arn),
            Self::NoProvider(arn) => {
                Fault::new(Code::NoSuchEntity, format!("OpenIDConnect Provider not found for arn {arn}"))
            }
            _ => Fault::new(Code::NoSuchEntity, "The entity cannot be found."),
        }
    }

    /// Who may assume the role that was found.
    pub(crate) fn trust(&self) -> Option<Trust<'_>> {
        let Self::Assumed(role, policy) = self else { return None };
        let text = &role.role.as_ref()?.trust;
        Some(Trust { account: role.account, text, policy })
    }

    pub(crate) fn tags(&self) -> &[(String, String)] {
        match self {
            Self::Identity(stored) => &stored.record.tags,
            Self::Policy(stored) => &stored.record.tags,
            Self::Provider(stored) => &stored.record.tags,
            Self::Assumed(role, _) => &role.tags,
            _ => &[],
        }
    }

    pub(crate) fn boundary(&self) -> Option<&str> {
        match self {
            Self::Identity(stored) => stored.record.boundary.as_deref(),
            _ => None,
        }
    }
}

/// The error for a user, role or group that is not there.
pub(crate) fn no_identity(kind: IdentityKind, name: &str) -> Fault {
    Fault::new(Code::NoSuchEntity, format!("The {} with name {name} cannot be found.", noun(kind)))
}

/// The error for a managed policy that is not there.
pub(crate) fn no_policy(arn: &str) -> Fault {
    Fault::new(Code::NoSuchEntity, format!("Policy {arn} was not found."))
}
