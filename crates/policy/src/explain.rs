//! The same decision at length: every statement and every grant that was looked at, and why it counts or does not.
//!
//! Nothing here is on the way of a request. What decides is [`evaluate`]; this says how it came to that.

use std::fmt;

use crate::condition::{Condition, Truth};
use crate::context::{Availability, ConditionKey, RequestContext};
use crate::decision::{Decision, Policies, PolicyKind, StatementRef};
use crate::document::PolicyDocument;
use crate::evaluate::{Request, Target, evaluate};
use crate::grant::{ContextConstraint, Grant, GrantOperation};
use crate::principal::Caller;
use crate::statement::{Effect, Statement};

/// A decision with all that was considered.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What [`evaluate`] says.
    pub decision: Decision,
    /// The statements of all policies, in the order key policy, identity policies, boundary, session policies.
    pub statements: Vec<ConsideredStatement>,
    /// The grants that were given to the decision.
    pub grants: Vec<ConsideredGrant>,
}

/// A statement that was considered.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsideredStatement {
    /// Which.
    pub at: StatementRef,
    /// Its name, as in audit records.
    pub label: String,
    /// What it would do.
    pub effect: Effect,
    /// Whether it applies.
    pub verdict: Verdict,
}

/// Whether a statement applies: the first thing that keeps it from that.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It applies.
    Applies,
    /// It can apply to nothing: `Action` or `Resource` is missing, or it depends on a key that counts in IAM policies
    /// only.
    NoEffect,
    /// It is for other principals.
    OtherPrincipal,
    /// It is for other actions.
    OtherAction,
    /// It is for other resources.
    OtherResource,
    /// These conditions do not hold.
    Conditions(Vec<FailedCondition>),
}

/// A condition that does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedCondition {
    /// Such as `ForAnyValue:StringLikeIfExists`.
    pub operator: String,
    /// The condition key.
    pub key: String,
    /// The values of the policy.
    pub wanted: Vec<String>,
    /// The values of the request; none: it has no such key.
    pub found: Vec<String>,
    /// The values cannot be told.
    pub unknown: bool,
}

/// A grant that was considered.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsideredGrant {
    /// Its name, as in audit records.
    pub label: String,
    /// Whether it allows.
    pub verdict: GrantVerdict,
}

/// Whether a grant allows: the first thing that keeps it from that.
#[derive(Debug, Clone, PartialEq)]
pub enum GrantVerdict {
    /// It allows, if the caller's own account goes along where it has to.
    Applies,
    /// It does not list the operation.
    OperationNotListed,
    /// It is for another grantee.
    OtherGrantee,
    /// The call must be made on behalf of this resource.
    SourceArn(String),
    /// The encryption context lacks these pairs.
    ContextLacks(Vec<(String, String)>),
    /// The encryption context has more than the pairs that it must equal.
    ContextHasMore(Vec<String>),
    /// The grant to be made would give more than this one.
    GivesMore,
}

/// Decides a request and says how.
pub fn explain(request: &Request<'_>, policies: &Policies<'_>) -> Explanation {
    let mut statements = Vec::new();
    let on_key = matches!(request.target, Target::Key { .. });
    if let Some(key) = policies.key.filter(|_| on_key) {
        consider(request, policies, PolicyKind::Key, 0, key.document(), &mut statements);
    }
    for (index, policy) in policies.identity.iter().enumerate() {
        consider(request, policies, PolicyKind::Identity, index, policy.document(), &mut statements);
    }
    if let Some(policy) = policies.boundary {
        consider(request, policies, PolicyKind::Boundary, 0, policy.document(), &mut statements);
    }
    for (index, policy) in policies.session.iter().enumerate() {
        consider(request, policies, PolicyKind::Session, index, policy.document(), &mut statements);
    }
    let grants = policies.grants.iter().filter(|_| on_key);
    let grants =
        grants.map(|grant| ConsideredGrant { label: grant.label(), verdict: grant.verdict(request) });
    Explanation { decision: evaluate(request, policies), statements, grants: grants.collect() }
}

fn consider(
    request: &Request<'_>,
    policies: &Policies<'_>,
    kind: PolicyKind,
    policy: usize,
    document: &PolicyDocument,
    considered: &mut Vec<ConsideredStatement>,
) {
    let caller = match kind {
        PolicyKind::Key if policies.key_names_another => request.caller.unnamed(),
        _ => *request.caller,
    };
    considered.extend(document.statements().iter().enumerate().map(|(index, statement)| {
        let at = StatementRef { kind, policy, statement: index };
        ConsideredStatement {
            at,
            label: policies.label(at),
            effect: statement.effect(),
            verdict: statement.verdict(request, &caller),
        }
    }));
}

impl Statement {
    /// `caller`: as the policy of the statement knows it.
    fn verdict(&self, request: &Request<'_>, caller: &Caller<'_>) -> Verdict {
        let resource = match request.target {
            Target::Key { arn, .. } => arn,
            Target::Other { resource } => resource,
        };
        let (Some(actions), Some(resources)) = (&self.actions, &self.resources) else {
            return Verdict::NoEffect;
        };
        let reaches = self.principals.as_ref().is_none_or(|principals| match self.effect {
            Effect::Allow => principals.allow(caller).is_some(),
            Effect::Deny => principals.deny(caller),
        });
        if self.inert {
            Verdict::NoEffect
        } else if !reaches {
            Verdict::OtherPrincipal
        } else if !actions.cover(request.action) {
            Verdict::OtherAction
        } else if !resources.cover(resource, request.context) {
            Verdict::OtherResource
        } else if self.conditions_hold(request.context) {
            Verdict::Applies
        } else {
            // What is not known does not keep a Deny from applying.
            let harmless = |condition: &&Condition| {
                self.effect == Effect::Deny && condition.truth(request.context) == Truth::Unknown
            };
            let decisive = self.conditions.iter().filter(|condition| !harmless(condition));
            Verdict::Conditions(decisive.filter_map(|condition| condition.failure(request.context)).collect())
        }
    }
}

impl Condition {
    /// What is wrong, if the condition does not hold.
    fn failure(&self, context: &dyn RequestContext) -> Option<FailedCondition> {
        if self.truth(context) == Truth::True {
            return None;
        }
        let mut found = Vec::new();
        let availability = context.values(self.key(), &mut |value| found.push(value.to_owned()));
        Some(FailedCondition {
            operator: self.operator().name(),
            key: self.key().name(),
            wanted: self.values().map(str::to_owned).collect(),
            found,
            unknown: availability == Availability::Unknown,
        })
    }
}

impl Grant {
    fn verdict(&self, request: &Request<'_>) -> GrantVerdict {
        let operation = request.action.strip_prefix("kms:").and_then(GrantOperation::parse);
        let Some(operation) = operation.filter(|operation| self.operations.contains(*operation)) else {
            return GrantVerdict::OperationNotListed;
        };
        if self.grantee.reaches(request.caller).is_none() {
            return GrantVerdict::OtherGrantee;
        }
        if self.allows(request.caller, operation, request.new_grant, request.context).is_some() {
            return GrantVerdict::Applies;
        }
        let mut source = Vec::new();
        request.context.values(&ConditionKey::SourceArn, &mut |arn| source.push(arn.to_owned()));
        match &self.constraints.source_arn {
            Some(wanted) if source.iter().all(|arn| *arn != **wanted) => {
                return GrantVerdict::SourceArn(wanted.to_string());
            }
            _ if operation == GrantOperation::CreateGrant => return GrantVerdict::GivesMore,
            _ => {}
        }
        self.constraints.context.failure(request.context)
    }
}

impl ContextConstraint {
    fn failure(&self, context: &dyn RequestContext) -> GrantVerdict {
        let mut found = Vec::new();
        context.encryption_context(&mut |name, value| found.push((name.to_owned(), value.to_owned())));
        let wanted: Vec<_> =
            self.pairs().iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let lacking: Vec<_> = wanted.iter().filter(|pair| !found.contains(pair)).cloned().collect();
        if !lacking.is_empty() {
            return GrantVerdict::ContextLacks(lacking);
        }
        let more = found.into_iter().filter(|pair| !wanted.contains(pair)).map(|(name, _)| name);
        GrantVerdict::ContextHasMore(more.collect())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applies => f.write_str("applies"),
            Self::NoEffect => {
                f.write_str("has no effect: Action, Resource or the condition key makes it match nothing")
            }
            Self::OtherPrincipal => f.write_str("is for other principals"),
            Self::OtherAction => f.write_str("is for other actions"),
            Self::OtherResource => f.write_str("is for other resources"),
            Self::Conditions(failed) => {
                for (index, condition) in failed.iter().enumerate() {
                    f.write_str(if index > 0 { "; " } else { "" })?;
                    condition.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for FailedCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operator, key, wanted, found, unknown } = self;
        write!(f, "{operator} on {key} wants {}, ", list(wanted))?;
        match (unknown, found.is_empty()) {
            (true, _) => f.write_str("and what the request has is not known"),
            (false, true) => f.write_str("and the request does not have it"),
            (false, false) => write!(f, "and the request has {}", list(found)),
        }
    }
}

impl fmt::Display for GrantVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applies => f.write_str("applies"),
            Self::OperationNotListed => f.write_str("does not list the operation"),
            Self::OtherGrantee => f.write_str("is for another grantee"),
            Self::SourceArn(arn) => write!(f, "wants the call to be made on behalf of {arn}"),
            Self::ContextLacks(pairs) => {
                let pairs: Vec<String> =
                    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(f, "wants {} in the encryption context", pairs.join(" and "))
            }
            Self::ContextHasMore(names) => {
                write!(f, "wants an encryption context without {}", list(names))
            }
            Self::GivesMore => f.write_str("allows only grants that give no more than itself"),
        }
    }
}

fn list(values: &[String]) -> String {
    match values {
        [] => "nothing".to_owned(),
        values => values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" or "),
    }
}
