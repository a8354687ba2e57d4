//! Who may retire a grant. The grant itself decides; policies can only hold back.

use crate::decision::{Because, Decision, DenialReason, Policies};
use crate::evaluate::{OwnSide, Request, Target, admit};
use crate::principal::{Coverage, Principal};

/// What about a grant decides who may retire it.
#[derive(Debug, Clone, Copy)]
pub struct Retirable<'a> {
    /// Its retiring principal.
    pub retiring: Option<&'a Principal>,
    /// Its grantee, if the grant lists RetireGrant.
    pub grantee: Option<&'a Principal>,
    /// The account under which it was issued, twelve digits.
    pub issuing_account: &'a str,
}

/// Decides a request to retire the one grant in `policies.grants`.
///
/// A user, role or session that the grant names needs nothing else. Where the grant names an account, and for the
/// account that issued it, the root user may retire it and others need an identity policy that allows
/// `kms:RetireGrant` on the key. An explicit Deny among the caller's own policies ends the matter; the key policy has
/// no say, as the service documents.
pub fn evaluate_retiring(request: &Request<'_>, policies: &Policies<'_>, grant: &Retirable<'_>) -> Decision {
    let resource = match request.target {
        Target::Key { arn, .. } => arn,
        Target::Other { resource } => resource,
    };
    let own = OwnSide::scan(request, policies, resource);
    if let Some(deny) = own.deny {
        return Decision::explicit(deny);
    }
    let named = [grant.retiring, grant.grantee].into_iter().flatten();
    let named = named.filter_map(|principal| principal.reaches(request.caller));
    let issuer = (request.caller.account() == grant.issuing_account).then_some(Coverage::Account);
    let Some(coverage) = named.chain(issuer).max() else {
        return Decision::deny(DenialReason::NoResourcePolicyAllows);
    };
    match admit(coverage, &own) {
        Ok(own) => Decision::allow(Because { grant: Some(0), own, key: None }),
        Err(reason) => Decision::deny(reason),
    }
}
