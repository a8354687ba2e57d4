//! An explanation as the operator gets it.

use reseal_policy::{
    ConsideredGrant, ConsideredStatement, DenialReason, Effect, Explanation, GrantVerdict, PolicyKind,
    Verdict,
};
use serde::{Deserialize, Serialize};

/// A decision and what led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Answer {
    /// ARN of the caller: of a session, for a role.
    pub principal: String,
    /// The action.
    pub action: String,
    /// ARN of the key; absent for actions on no key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What an action on no key is done to, such as an alias, if that is not everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// `Allow` or `Deny`.
    pub effect: String,
    /// The statements or the grant that decided, named as in audit records.
    pub decided_by: Vec<String>,
    /// What would have to be there, or go, for the call to be allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// All statements of all policies that take part.
    pub statements: Vec<Considered>,
    /// The grants on the key that name the caller, its role or its account.
    pub grants: Vec<Considered>,
    /// What else should be known.
    pub notes: Vec<String>,
    /// What the audit log has of the call, when the question was about a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
}

/// A statement or grant that was considered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Considered {
    /// As in audit records.
    pub name: String,
    /// `Allow` or `Deny`.
    pub effect: String,
    /// Whether it applies.
    pub applies: bool,
    /// What keeps it from applying, in words; `applies` otherwise.
    pub why: String,
}

/// What an audit record says about the decision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Recorded {
    /// When.
    pub time: String,
    /// `Allow` or `Deny`.
    pub effect: String,
    /// What decided then.
    pub decided_by: Vec<String>,
    /// The error of the call, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Answer {
    /// `on`: the key, or what else the action is done to.
    pub(super) fn new(
        principal: &str,
        action: &str,
        on: (Option<String>, Option<String>),
        explanation: &Explanation,
        notes: Vec<String>,
    ) -> Self {
        let Explanation { decision, statements, grants } = explanation;
        let (key, resource) = on;
        let by = [decision.because.key, decision.because.own].into_iter().flatten();
        let by = by.filter_map(|at| statements.iter().find(|one| one.at == at)).map(|one| one.label.clone());
        let grant =
            decision.because.grant.and_then(|index| grants.get(index)).map(|grant| grant.label.clone());
        Self {
            principal: principal.to_owned(),
            action: action.to_owned(),
            effect: effect(decision.effect),
            decided_by: grant.into_iter().chain(by).collect(),
            missing: decision.denial.map(|reason| match &key {
                Some(key) => missing(reason, principal, action, key),
                None => missing_alone(reason, principal, action, resource.as_deref().unwrap_or("*")),
            }),
            key,
            resource,
            statements: statements.iter().map(Considered::from).collect(),
            grants: grants.iter().map(Considered::from).collect(),
            notes,
            recorded: None,
        }
    }

    /// With what an audit record says about the same decision.
    #[must_use]
    pub fn with(mut self, recorded: Recorded) -> Self {
        if recorded.effect != self.effect {
            let text = "policies, grants or what the record does not tell have changed the outcome since";
            self.notes.push(text.to_owned());
        }
        self.recorded = Some(recorded);
        self
    }
}

impl From<&ConsideredStatement> for Considered {
    fn from(one: &ConsideredStatement) -> Self {
        let applies = one.verdict == Verdict::Applies;
        let why = one.verdict.to_string();
        Self { name: one.label.clone(), effect: effect(one.effect), applies, why }
    }
}

impl From<&ConsideredGrant> for Considered {
    fn from(one: &ConsideredGrant) -> Self {
        let applies = one.verdict == GrantVerdict::Applies;
        Self { name: one.label.clone(), effect: effect(Effect::Allow), applies, why: one.verdict.to_string() }
    }
}

fn effect(effect: Effect) -> String {
    match effect {
        Effect::Allow => "Allow".to_owned(),
        Effect::Deny => "Deny".to_owned(),
    }
}

/// For an action on no key.
fn missing_alone(reason: DenialReason, principal: &str, action: &str, resource: &str) -> String {
    match reason {
        DenialReason::NoIdentityPolicyAllows => {
            format!("an Allow in a policy of the caller that applies to {action} on {resource}")
        }
        DenialReason::NoResourcePolicyAllows => {
            format!("a caller of the account that {resource} belongs to")
        }
        reason => missing(reason, principal, action, resource),
    }
}

fn missing(reason: DenialReason, principal: &str, action: &str, key: &str) -> String {
    match reason {
        DenialReason::ExplicitDeny(kind) => {
            let of = match kind {
                PolicyKind::Key => "the key policy",
                PolicyKind::Identity => "the caller's policies",
                PolicyKind::Boundary => "the permissions boundary",
                PolicyKind::Session => "the session policies",
            };
            format!("a Deny in {of} applies, and nothing outweighs it")
        }
        DenialReason::NoResourcePolicyAllows => format!(
            "an Allow in the key policy for {principal}, its role or its account that applies to {action}, or a grant"
        ),
        DenialReason::NoIdentityPolicyAllows => format!(
            "an Allow in a policy of the caller that applies to {action} on {key}: \
             on the key's side only the account is let in, which may delegate"
        ),
        DenialReason::NoBoundaryAllows => format!("an Allow for {action} in the permissions boundary"),
        DenialReason::NoSessionPolicyAllows => format!("an Allow for {action} in the session policies"),
        DenialReason::NotAcrossAccounts => {
            format!("a caller of the key's own account: {action} does not work on keys of other accounts")
        }
    }
}
