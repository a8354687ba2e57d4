//! The decision procedure (described in the crate's documentation). Total: it always answers, it never fails, and
//! it allocates only for statements with policy variables.

use std::sync::Arc;

use crate::context::RequestContext;
use crate::decision::{Because, Decision, DenialReason, Policies, PolicyKind, StatementRef};
use crate::document::{IdentityPolicy, KeyPolicy, PolicyDocument};
use crate::grant::{Grant, GrantOperation};
use crate::principal::{Caller, CallerKind, Coverage};
use crate::statement::Effect;

/// A request under decision.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Who calls.
    pub caller: &'a Caller<'a>,
    /// The action, such as `kms:ReEncryptFrom`.
    pub action: &'a str,
    /// What it is done to.
    pub target: Target<'a>,
    /// Answers for the condition keys that policies name.
    pub context: &'a dyn RequestContext,
    /// For `kms:CreateGrant`, the grant to be made: a caller whose permission comes from a grant may pass on no more
    /// than it has. Without it no grant allows CreateGrant.
    pub new_grant: Option<&'a Grant>,
}

/// The resource of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// A KMS key: its policy and its grants take part.
    Key {
        /// Key ARN.
        arn: &'a str,
        /// Account of the key, twelve digits.
        account: &'a str,
        /// Whether the operation works on keys of other accounts.
        across_accounts: bool,
    },
    /// No KMS key: identity policies alone decide. `*` for operations without a resource, an alias ARN for the alias
    /// side of alias operations, the retiring principal's ARN for ListRetirableGrants.
    Other {
        /// What `Resource` elements are matched against.
        resource: &'a str,
    },
}

/// Decides a request.
pub fn evaluate(request: &Request<'_>, policies: &Policies<'_>) -> Decision {
    match request.target {
        Target::Key { arn, account, across_accounts } => {
            let key = match policies.key {
                Some(policy) => {
                    let caller = *request.caller;
                    let caller = if policies.key_names_another { caller.unnamed() } else { caller };
                    KeySide::scan(policy, &caller, request.action, arn, request.context)
                }
                None => KeySide::default(),
            };
            let own = OwnSide::scan(request, policies, arn);
            if let Some(deny) = key.deny.or(own.deny) {
                return Decision::explicit(deny);
            }
            let same_account = request.caller.account() == account;
            if !same_account && !across_accounts {
                return Decision::deny(DenialReason::NotAcrossAccounts);
            }
            decide_on_key(request, policies, &key, &own, same_account)
        }
        Target::Other { resource } => {
            let own = OwnSide::scan(request, policies, resource);
            if let Some(deny) = own.deny {
                return Decision::explicit(deny);
            }
            match admit(Coverage::Account, &own) {
                Ok(own) => Decision::allow(Because { own, ..Because::default() }),
                Err(reason) => Decision::deny(reason),
            }
        }
    }
}

/// Whether `policy`, as a new policy of the key, leaves the caller able to replace it: the lockout safety check of
/// CreateKey, ReplicateKey and PutKeyPolicy.
///
/// Only this policy is looked at. A statement for the caller's account satisfies the check, as on AWS, whatever the
/// caller's own policies say. `context` should answer `kms:PolicyName` with `default`.
pub fn key_policy_allows_update(
    policy: &KeyPolicy,
    caller: &Caller<'_>,
    key_arn: &str,
    context: &dyn RequestContext,
) -> bool {
    let side = KeySide::scan(policy, caller, "kms:PutKeyPolicy", key_arn, context);
    side.deny.is_none() && side.allow.is_some()
}

/// What the key policy says.
#[derive(Default)]
struct KeySide {
    deny: Option<StatementRef>,
    /// The strongest coverage of the caller by an Allow, and its statement.
    allow: Option<(Coverage, StatementRef)>,
}

impl KeySide {
    fn scan(
        policy: &KeyPolicy,
        caller: &Caller<'_>,
        action: &str,
        arn: &str,
        context: &dyn RequestContext,
    ) -> Self {
        let mut side = Self::default();
        for (index, statement) in policy.document().statements().iter().enumerate() {
            if !statement.covers(action, arn, context) {
                continue;
            }
            let Some(principals) = &statement.principals else { continue };
            let at = StatementRef { kind: PolicyKind::Key, policy: 0, statement: index };
            if statement.effect == Effect::Deny {
                if principals.deny(caller) && statement.conditions_hold(context) {
                    side.deny = Some(at);
                    return side;
                }
                continue;
            }
            let Some(coverage) = principals.allow(caller) else { continue };
            let stronger = side.allow.is_none_or(|(known, _)| known < coverage);
            if stronger && statement.conditions_hold(context) {
                side.allow = Some((coverage, at));
            }
        }
        side
    }
}

/// What the policies on the caller's side say.
pub(crate) struct OwnSide {
    root: bool,
    pub(crate) deny: Option<StatementRef>,
    identity: Option<StatementRef>,
    boundary_allows: bool,
    session_allows: bool,
}

impl OwnSide {
    pub(crate) fn scan(request: &Request<'_>, policies: &Policies<'_>, resource: &str) -> Self {
        let each = |kind, list: &[Arc<IdentityPolicy>]| {
            let mut votes = Votes::default();
            for (index, policy) in list.iter().enumerate() {
                votes.count(kind, index, policy.document(), request, resource);
            }
            votes
        };
        let identity = each(PolicyKind::Identity, policies.identity);
        let session = each(PolicyKind::Session, policies.session);
        let mut boundary = Votes::default();
        if let Some(policy) = policies.boundary {
            boundary.count(PolicyKind::Boundary, 0, policy.document(), request, resource);
        }
        // A federated user session has no permissions beyond those its session policies pass on.
        let needs_session =
            !policies.session.is_empty() || request.caller.kind() == CallerKind::FederatedUser;
        Self {
            root: request.caller.kind() == CallerKind::Root,
            deny: identity.deny.or(boundary.deny).or(session.deny),
            identity: identity.allow,
            boundary_allows: policies.boundary.is_none() || boundary.allow.is_some(),
            session_allows: !needs_session || session.allow.is_some(),
        }
    }

    /// The statement by which the caller's account allows the request; the root user needs none.
    fn identity(&self) -> Result<Option<StatementRef>, DenialReason> {
        if self.root || self.identity.is_some() {
            Ok(self.identity)
        } else {
            Err(DenialReason::NoIdentityPolicyAllows)
        }
    }

    /// Which of the limiting policies does not allow.
    fn limit(&self) -> Option<DenialReason> {
        if !self.boundary_allows {
            Some(DenialReason::NoBoundaryAllows)
        } else if !self.session_allows {
            Some(DenialReason::NoSessionPolicyAllows)
        } else {
            None
        }
    }
}

/// First Deny and first Allow among policies without principals.
#[derive(Default)]
struct Votes {
    deny: Option<StatementRef>,
    allow: Option<StatementRef>,
}

impl Votes {
    fn count(
        &mut self,
        kind: PolicyKind,
        policy: usize,
        document: &PolicyDocument,
        request: &Request<'_>,
        resource: &str,
    ) {
        for (index, statement) in document.statements().iter().enumerate() {
            let vote = if statement.effect == Effect::Deny { &mut self.deny } else { &mut self.allow };
            if vote.is_none()
                && statement.covers(request.action, resource, request.context)
                && statement.conditions_hold(request.context)
            {
                *vote = Some(StatementRef { kind, policy, statement: index });
            }
        }
    }
}

/// The allowing half of the procedure: no Deny applies, and the operation works on this key's account.
fn decide_on_key(
    request: &Request<'_>,
    policies: &Policies<'_>,
    key: &KeySide,
    own: &OwnSide,
    same_account: bool,
) -> Decision {
    // Kept while a grant may still allow.
    let mut reason = DenialReason::NoResourcePolicyAllows;
    if let Some((coverage, statement)) = key.allow {
        let because = Because { key: Some(statement), ..Because::default() };
        // Across accounts the caller's own account has to agree, however the key policy names the caller.
        let effective = if same_account { coverage } else { Coverage::Account };
        match admit(effective, own) {
            Ok(own) => return Decision::allow(Because { own, ..because }),
            Err(refusal) => reason = refusal,
        }
    }
    let operation = match policies.grants {
        [] => None,
        _ => request.action.strip_prefix("kms:").and_then(GrantOperation::parse),
    };
    if let Some(operation) = operation {
        for (index, grant) in policies.grants.iter().enumerate() {
            let coverage = grant.allows(request.caller, operation, request.new_grant, request.context);
            match coverage.map(|coverage| admit(coverage, own)) {
                Some(Ok(own)) => {
                    return Decision::allow(Because { grant: Some(index), own, key: None });
                }
                Some(Err(refusal)) => reason = refusal,
                None => {}
            }
        }
    }
    Decision::deny(reason)
}

/// Whether the caller's side goes along with a permission of the key's side, and by which statement.
pub(crate) fn admit(coverage: Coverage, own: &OwnSide) -> Result<Option<StatementRef>, DenialReason> {
    let statement = match coverage {
        // Given to this very user or session: only an explicit Deny could take it back.
        Coverage::Itself => return Ok(None),
        Coverage::Role | Coverage::Anyone => None,
        Coverage::Account => own.identity()?,
    };
    own.limit().map_or(Ok(statement), Err)
}
