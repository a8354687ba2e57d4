//! The outcome of a decision: cheap ids while deciding, words only when someone asks.

use std::sync::Arc;

use crate::document::{IdentityPolicy, KeyPolicy};
use crate::grant::Grant;
use crate::statement::{Effect, Statement};

/// Everything that may speak for or against a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policies<'a> {
    /// The policy of the key; without one nothing but a grant can allow.
    pub key: Option<&'a KeyPolicy>,
    /// Whether the policy of the key was written when the caller's ARN belonged to another principal, since deleted.
    /// Statements that name the ARN do not mean the caller then.
    pub key_names_another: bool,
    /// The caller's identity policies: of the user and its groups, or of the role.
    pub identity: &'a [Arc<IdentityPolicy>],
    /// The caller's permissions boundary.
    pub boundary: Option<&'a IdentityPolicy>,
    /// Session policies; several count as one.
    pub session: &'a [Arc<IdentityPolicy>],
    /// Live grants on the key. May be narrowed beforehand to those whose grantee is the caller, its role or its
    /// account; whether one applies is decided here.
    pub grants: &'a [Arc<Grant>],
}

/// The kinds of policy that take part in a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyKind {
    /// The policy of the key.
    Key,
    /// A policy attached to the caller.
    Identity,
    /// The caller's permissions boundary.
    Boundary,
    /// A session policy.
    Session,
}

/// A statement among the [`Policies`] of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementRef {
    /// Which kind of policy.
    pub kind: PolicyKind,
    /// Which of that kind, counted from 0.
    pub policy: usize,
    /// Which statement of it, counted from 0.
    pub statement: usize,
}

/// What a decision rests on. All empty for an implicit denial.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Because {
    /// The key policy statement that allowed, delegated or denied.
    pub key: Option<StatementRef>,
    /// The statement of the caller's own policies that allowed or denied.
    pub own: Option<StatementRef>,
    /// The grant that allowed, by its place in [`Policies::grants`].
    pub grant: Option<usize>,
}

/// A decision. `denial` is present exactly when `effect` is [`Effect::Deny`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Allowed or denied.
    pub effect: Effect,
    /// The statements or the grant that decided.
    pub because: Because,
    /// Why not.
    pub denial: Option<DenialReason>,
}

/// Why a request is denied, in the classes that the texts of AccessDeniedException tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialReason {
    /// A Deny statement applies.
    ExplicitDeny(PolicyKind),
    /// The key policy leaves it to the caller's account, and no identity policy allows.
    NoIdentityPolicyAllows,
    /// Neither the key policy nor a grant lets the caller or its account in.
    NoResourcePolicyAllows,
    /// Allowed otherwise, but not by the permissions boundary.
    NoBoundaryAllows,
    /// Allowed otherwise, but not by the session policies.
    NoSessionPolicyAllows,
    /// The key is in another account and the operation does not work there.
    NotAcrossAccounts,
}

impl Decision {
    /// Whether the request may go on.
    pub fn is_allowed(&self) -> bool {
        self.effect == Effect::Allow
    }

    pub(crate) fn allow(because: Because) -> Self {
        Self { effect: Effect::Allow, because, denial: None }
    }

    /// Denied, because of no statement in particular.
    pub fn deny(reason: DenialReason) -> Self {
        Self { effect: Effect::Deny, because: Because::default(), denial: Some(reason) }
    }

    pub(crate) fn explicit(statement: StatementRef) -> Self {
        let mut decision = Self::deny(DenialReason::ExplicitDeny(statement.kind));
        match statement.kind {
            PolicyKind::Key => decision.because.key = Some(statement),
            _ => decision.because.own = Some(statement),
        }
        decision
    }
}

impl DenialReason {
    /// The end of an AccessDeniedException text: what follows `is not authorized to perform: <action> on resource:
    /// <resource> `.
    pub fn phrase(self, action: &str) -> String {
        match self {
            Self::ExplicitDeny(kind) => format!("with an explicit deny in {}", kind.phrase()),
            Self::NoIdentityPolicyAllows => no_policy("identity-based policy", action),
            // Whether an operation works across accounts is told in the words of a policy, as AWS does.
            Self::NoResourcePolicyAllows | Self::NotAcrossAccounts => {
                no_policy("resource-based policy", action)
            }
            Self::NoBoundaryAllows => no_policy("permissions boundary", action),
            Self::NoSessionPolicyAllows => no_policy("session policy", action),
        }
    }
}

impl PolicyKind {
    fn phrase(self) -> &'static str {
        match self {
            Self::Key => "a resource-based policy",
            Self::Identity => "an identity-based policy",
            Self::Boundary => "a permissions boundary",
            Self::Session => "a session policy",
        }
    }
}

impl<'a> Policies<'a> {
    /// The statement behind a reference, if it belongs to these policies.
    pub fn statement(&self, at: StatementRef) -> Option<&'a Statement> {
        let document = match at.kind {
            PolicyKind::Key => self.key?.document(),
            PolicyKind::Identity => self.identity.get(at.policy)?.document(),
            PolicyKind::Boundary => self.boundary?.document(),
            PolicyKind::Session => self.session.get(at.policy)?.document(),
        };
        document.statements().get(at.statement)
    }

    /// A name of the statement for audit records and explanations, such as `key-policy/DenyApp`,
    /// `identity-policy/ReadOnly/#0` when it has no Sid, or `session-policy[1]/#0` when the policy has no name either.
    /// Policies are counted from 0, statements too.
    pub fn label(&self, at: StatementRef) -> String {
        let (kind, policies) = match at.kind {
            PolicyKind::Key => ("key-policy", None),
            PolicyKind::Identity => ("identity-policy", Some(self.identity)),
            PolicyKind::Boundary => ("permissions-boundary", None),
            PolicyKind::Session => ("session-policy", Some(self.session)),
        };
        let name = policies.and_then(|policies| policies.get(at.policy)).and_then(|policy| policy.name());
        let statement = self.statement(at).map_or("", Statement::label);
        // Each call that was decided on has some, put together here without the machinery of formatting.
        match (name, policies) {
            (Some(name), _) => [kind, "/", name, "/", statement].concat(),
            (None, Some(_)) => format!("{kind}[{}]/{statement}", at.policy),
            (None, None) => [kind, "/", statement].concat(),
        }
    }
}

fn no_policy(kind: &str, action: &str) -> String {
    format!("because no {kind} allows the {action} action")
}
