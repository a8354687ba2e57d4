//! Who a policy names and who is calling: the ARN forms of IAM principals, read strictly.
//!
//! Principals are compared by exact text. The only wildcard is `*` alone; an ARN with a wildcard inside is refused.

use crate::context::ConditionKey;

/// A principal as a key policy or a grant names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// `*`: every authenticated identity.
    Anyone,
    /// An account, by its root ARN or its bare number (which has no partition).
    Account {
        /// `aws`, `aws-cn`, ...
        partition: Option<Box<str>>,
        /// Twelve digits.
        account: Box<str>,
    },
    /// An IAM user, by ARN.
    User(Box<str>),
    /// An IAM role, by ARN: all its sessions.
    Role(Box<str>),
    /// One session of a role, by its STS ARN.
    RoleSession(Box<str>),
    /// A federated user session, by its STS ARN.
    FederatedUser(Box<str>),
    /// An OIDC provider, by ARN: whoever brings a web identity token of it. Trust policies only.
    Federated(Box<str>),
    /// An AWS service, such as `logs.eu-west-1.amazonaws.com`.
    Service(Box<str>),
}

/// The identity that makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller<'a> {
    arn: &'a str,
    role_arn: Option<&'a str>,
    partition: &'a str,
    account: &'a str,
    kind: CallerKind,
    /// Whether a policy that names the ARN means this caller.
    named: bool,
}

/// What was read of a caller's ARN, for those who keep callers: so each ARN is read once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerForm {
    kind: CallerKind,
    partition_bytes: usize,
}

/// The kinds of identity that can call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerKind {
    /// The account root user.
    Root,
    /// An IAM user.
    User,
    /// A session of an IAM role.
    RoleSession,
    /// A session made for a federated user.
    FederatedUser,
    /// The bearer of a web identity token, which can do no more than ask for a role session.
    WebIdentity,
}

/// How a principal element covers a caller, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Coverage {
    /// Through the caller's account, which may delegate.
    Account,
    /// `*`
    Anyone,
    /// The role whose session calls.
    Role,
    /// The very user or session.
    Itself,
}

impl<'a> Caller<'a> {
    /// The root user, by `arn:<partition>:iam::<account>:root`. `None` for another form.
    pub fn root(arn: &'a str) -> Option<Self> {
        Self::of(arn, None, ArnKind::Root, CallerKind::Root)
    }

    /// An IAM user, by `arn:<partition>:iam::<account>:user/<path><name>`. `None` for another form.
    pub fn user(arn: &'a str) -> Option<Self> {
        Self::of(arn, None, ArnKind::User, CallerKind::User)
    }

    /// A role session, by `arn:<partition>:sts::<account>:assumed-role/<role>/<session>` and the ARN of its role (with
    /// the role's path). `None` for another form, or when the two do not belong together.
    pub fn role_session(session_arn: &'a str, role_arn: &'a str) -> Option<Self> {
        let role = PrincipalArn::parse(role_arn).filter(|role| role.kind == ArnKind::Role)?;
        let session = PrincipalArn::parse(session_arn)?;
        let role_name = session.name.split('/').next();
        let same = session.account == role.account
            && session.partition == role.partition
            && role_name == role.name.rsplit('/').next();
        if !same {
            return None;
        }
        Self::of(session_arn, Some(role_arn), ArnKind::RoleSession, CallerKind::RoleSession)
    }

    /// A federated user, by `arn:<partition>:sts::<account>:federated-user/<name>`. `None` for another form.
    pub fn federated_user(arn: &'a str) -> Option<Self> {
        Self::of(arn, None, ArnKind::FederatedUser, CallerKind::FederatedUser)
    }

    /// The bearer of a web identity token, by `arn:<partition>:iam::<account>:oidc-provider/<issuer>` of the provider
    /// that vouches for it. `None` for another form.
    pub fn web_identity(provider_arn: &'a str) -> Option<Self> {
        Self::of(provider_arn, None, ArnKind::Provider, CallerKind::WebIdentity)
    }

    /// What was read of the ARN.
    pub fn form(&self) -> CallerForm {
        CallerForm { kind: self.kind, partition_bytes: self.partition.len() }
    }

    /// The caller without a role whose ARN was found to have this form. `None` for another form.
    pub fn of_form(arn: &'a str, form: CallerForm) -> Option<Self> {
        let (partition, rest) = arn.get("arn:".len()..)?.split_at_checked(form.partition_bytes)?;
        let account = rest.get(":iam::".len()..)?.get(..ACCOUNT_BYTES)?;
        Some(Self { arn, role_arn: None, partition, account, kind: form.kind, named: true })
    }

    /// The caller as a policy sees it that was written when its ARN belonged to another principal, since deleted: what
    /// names the ARN does not mean this one. Its account and `*` do.
    pub(crate) fn unnamed(self) -> Self {
        Self { named: false, ..self }
    }

    /// The caller's ARN as AccessDeniedException and audit records show it (the session ARN for a role).
    pub fn arn(&self) -> &'a str {
        self.arn
    }

    /// The caller's account, twelve digits.
    pub fn account(&self) -> &'a str {
        self.account
    }

    /// The kind of identity.
    pub fn kind(&self) -> CallerKind {
        self.kind
    }

    /// Visits the ARNs by which a grant can name the caller: its own, that of its role, that of its account.
    pub fn names(&self, visit: &mut dyn FnMut(&str)) {
        visit(self.arn);
        self.role_arn.into_iter().for_each(&mut *visit);
        if self.kind != CallerKind::Root {
            visit(&format!("arn:{}:iam::{}:root", self.partition, self.account));
        }
    }

    /// Visits the value of a condition key that follows from the caller's identity alone (`aws:PrincipalArn`,
    /// `aws:PrincipalAccount`, `aws:PrincipalType`, `aws:username`, `kms:CallerAccount`). Returns whether the key is
    /// one of these, so that a [`RequestContext`](crate::RequestContext) can try here first.
    pub fn values(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> bool {
        match key {
            // Nobody yet: a token names a subject of its issuer, not a principal of the account.
            ConditionKey::PrincipalArn if self.kind == CallerKind::WebIdentity => {}
            ConditionKey::PrincipalArn => visit(self.role_arn.unwrap_or(self.arn)),
            ConditionKey::PrincipalAccount | ConditionKey::CallerAccount => visit(self.account),
            ConditionKey::PrincipalType => visit(match self.kind {
                CallerKind::Root => "Account",
                CallerKind::User => "User",
                CallerKind::RoleSession => "AssumedRole",
                CallerKind::FederatedUser => "FederatedUser",
                CallerKind::WebIdentity => return true,
            }),
            ConditionKey::Username => {
                if self.kind == CallerKind::User
                    && let Some(name) = self.arn.rsplit('/').next()
                {
                    visit(name);
                }
            }
            _ => return false,
        }
        true
    }

    fn of(arn: &'a str, role_arn: Option<&'a str>, form: ArnKind, kind: CallerKind) -> Option<Self> {
        let parsed = PrincipalArn::parse(arn).filter(|parsed| parsed.kind == form)?;
        Some(Self { arn, role_arn, partition: parsed.partition, account: parsed.account, kind, named: true })
    }
}

impl Principal {
    /// Reads an entry of `Principal.AWS`, or a principal of a grant: `*`, an account number, or an ARN of an account,
    /// user, role, role session or federated user. `None` for anything else (groups, wildcards inside ARNs, ids of
    /// deleted principals, other services).
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Anyone);
        }
        if is_account(text) {
            return Some(Self::Account { partition: None, account: text.into() });
        }
        let arn = PrincipalArn::parse(text)?;
        Some(match arn.kind {
            ArnKind::Root => {
                Self::Account { partition: Some(arn.partition.into()), account: arn.account.into() }
            }
            ArnKind::User => Self::User(text.into()),
            ArnKind::Role => Self::Role(text.into()),
            ArnKind::RoleSession => Self::RoleSession(text.into()),
            ArnKind::FederatedUser => Self::FederatedUser(text.into()),
            ArnKind::Provider => return None,
        })
    }

    /// Reads an entry of `Principal.Federated` of a trust policy: the ARN of an OIDC provider.
    pub(crate) fn parse_federated(text: &str) -> Option<Self> {
        let arn = PrincipalArn::parse(text)?;
        (arn.kind == ArnKind::Provider).then(|| Self::Federated(text.into()))
    }

    /// Reads an entry of `Principal.Service`, or a service principal of a grant.
    pub fn parse_service(text: &str) -> Option<Self> {
        let name = text.strip_suffix(".cn").unwrap_or(text).strip_suffix(".amazonaws.com")?;
        let label = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        name.split('.').all(label).then(|| Self::Service(text.into()))
    }

    /// The account the principal belongs to; `None` for `*` and services.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Anyone | Self::Service(_) => None,
            Self::Account { account, .. } => Some(account),
            Self::User(arn)
            | Self::Role(arn)
            | Self::RoleSession(arn)
            | Self::FederatedUser(arn)
            | Self::Federated(arn) => arn.split(':').nth(4),
        }
    }

    /// How this principal covers `caller` as the grantee or the retiring principal of a grant: one principal, never
    /// `*`.
    pub(crate) fn reaches(&self, caller: &Caller<'_>) -> Option<Coverage> {
        self.covers(caller).filter(|coverage| *coverage != Coverage::Anyone)
    }

    /// How this principal covers `caller`, if it does.
    pub(crate) fn covers(&self, caller: &Caller<'_>) -> Option<Coverage> {
        // What is open to all principals, or to an account, is not open to whoever some issuer knows.
        if caller.kind == CallerKind::WebIdentity {
            return match self {
                Self::Federated(arn) if **arn == *caller.arn => Some(Coverage::Itself),
                _ => None,
            };
        }
        match self {
            Self::Anyone => Some(Coverage::Anyone),
            Self::Account { partition, account } => {
                let same_partition = partition.as_ref().is_none_or(|own| **own == *caller.partition);
                (**account == *caller.account && same_partition).then_some(Coverage::Account)
            }
            // The forms exclude each other, so equality of the texts is enough.
            Self::User(arn) | Self::RoleSession(arn) | Self::FederatedUser(arn) => {
                (caller.named && **arn == *caller.arn).then_some(Coverage::Itself)
            }
            Self::Role(arn) => (caller.named && caller.role_arn == Some(&**arn)).then_some(Coverage::Role),
            Self::Service(_) | Self::Federated(_) => None,
        }
    }
}

/// The `Principal` or `NotPrincipal` element of a key policy statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principals {
    pub(crate) negated: bool,
    pub(crate) list: Box<[Principal]>,
}

impl Principals {
    /// How an Allow statement with this element covers `caller`.
    ///
    /// Under `NotPrincipal` a caller is left out as soon as any of its identities (session, role, account) is listed,
    /// and is otherwise covered as by `*`, which web identities never are.
    pub(crate) fn allow(&self, caller: &Caller<'_>) -> Option<Coverage> {
        let strongest = self.list.iter().filter_map(|principal| principal.covers(caller)).max();
        match (self.negated, strongest) {
            (false, coverage) => coverage,
            (true, None) => (caller.kind != CallerKind::WebIdentity).then_some(Coverage::Anyone),
            (true, Some(_)) => None,
        }
    }

    /// Whether a Deny statement with this element reaches `caller`.
    ///
    /// Under `NotPrincipal` a caller escapes only when every one of its identities is listed: a Deny that spares the
    /// role alone still denies its sessions, as in AWS.
    pub(crate) fn deny(&self, caller: &Caller<'_>) -> bool {
        if !self.negated {
            let reaches =
                |principal: &Principal| *principal == Principal::Anyone || principal.covers(caller).is_some();
            return self.list.iter().any(reaches);
        }
        let listed = |wanted| self.list.iter().any(|principal| principal.covers(caller) == Some(wanted));
        if caller.kind == CallerKind::WebIdentity {
            return !listed(Coverage::Itself);
        }
        let spared = listed(Coverage::Anyone)
            || (listed(Coverage::Account)
                && (caller.kind == CallerKind::Root || listed(Coverage::Itself))
                && (caller.role_arn.is_none() || listed(Coverage::Role)));
        !spared
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ArnKind {
    Root,
    User,
    Role,
    RoleSession,
    FederatedUser,
    Provider,
}

/// A principal ARN cut into its parts.
struct PrincipalArn<'a> {
    kind: ArnKind,
    partition: &'a str,
    account: &'a str,
    /// What follows the type: path and name, or role and session.
    name: &'a str,
}

impl<'a> PrincipalArn<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (partition, rest) = cut(text.strip_prefix("arn:")?, b':')?;
        let (service, rest) = cut(rest, b':')?;
        // Principals have no Region.
        let (account, resource) = cut(rest.strip_prefix(':')?, b':')?;
        if !is_account(account) || !is_partition(partition) {
            return None;
        }
        let (form, name) = cut(resource, b'/').unwrap_or((resource, ""));
        let (kind, valid) = match (service, form) {
            ("iam", "root") => (ArnKind::Root, resource == "root"),
            ("iam", "user") => (ArnKind::User, is_path_and_name(name)),
            ("iam", "role") => (ArnKind::Role, is_path_and_name(name)),
            ("iam", "oidc-provider") => (ArnKind::Provider, is_issuer(name)),
            ("sts", "assumed-role") => {
                let (role, session) = cut(name, b'/')?;
                (ArnKind::RoleSession, is_name(role) && is_name(session))
            }
            ("sts", "federated-user") => (ArnKind::FederatedUser, is_name(name)),
            _ => return None,
        };
        valid.then_some(Self { kind, partition, account, name })
    }
}

/// What stands before and after the next `mark`. Every call reads its caller's ARN, whose parts are so short that
/// searching byte by byte is cheapest.
fn cut(text: &str, mark: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == mark)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The URL of an issuer without `https://`.
fn is_issuer(text: &str) -> bool {
    let allowed = |byte: u8| (0x21..=0x7e).contains(&byte) && byte != b'*' && byte != b'?';
    (1..=255).contains(&text.len()) && text.bytes().all(allowed)
}

const ACCOUNT_BYTES: usize = 12;

fn is_account(text: &str) -> bool {
    text.len() == ACCOUNT_BYTES && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_partition(text: &str) -> bool {
    let suffix = text.strip_prefix("aws");
    suffix.is_some_and(|suffix| {
        suffix.is_empty()
            || (suffix.starts_with('-')
                && suffix.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
    })
}

/// IAM names: up to 64 of `[A-Za-z0-9_+=,.@-]`.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'=' | b',' | b'.' | b'@' | b'-')
    };
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// An IAM path (printable ASCII, up to 512 with its slashes) and a name. Wildcards are legal in an IAM path but not in
/// a Principal element.
fn is_path_and_name(text: &str) -> bool {
    let (path, name) = match text.bytes().rposition(|byte| byte == b'/') {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
        None => ("", text),
    };
    let allowed = |byte: u8| (0x21..=0x7e).contains(&byte) && byte != b'*' && byte != b'?';
    path.len() <= 510 && path.bytes().all(allowed) && is_name(name)
}
