//! The authorization engine of the key management service: policy documents and a request in, a decision out.
//!
//! Pure and total. Nothing here waits, reads a clock or a file, logs, or panics on any input. Documents are parsed and
//! compiled once, when they are stored or loaded ([`KeyPolicy::parse`], [`IdentityPolicy::parse`]); [`evaluate`] then
//! runs on the hot path, allocates nothing unless a statement has policy variables, and returns ids of statements.
//! Words are made when someone asks ([`Policies::label`], [`DenialReason::phrase`]).
//!
//! # How a request on a key is decided
//!
//! A statement *applies* when its principal covers the caller (key policies), its action and its resource are those of
//! the request, and every condition holds. Then, in this order:
//!
//! 1. **A Deny that applies ends the matter**, whichever policy it stands in: key policy, identity policy, permissions
//!    boundary or session policy.
//! 2. **A key of another account** is out of reach unless the operation works across accounts.
//! 3. **The key policy is the root of trust.** The strongest of its Allow statements that apply counts:
//!    * it names the very user or session: allowed, and neither boundary nor session policy can hold that back by mere
//!      silence;
//!    * it names the role of the session, or anyone (`*`): allowed, if boundary and session policies allow it too;
//!    * it names the account: the account may delegate. The root user is allowed; anyone else needs an identity policy
//!      that allows the action on the key's ARN. Boundary and session policies must allow it too.
//!
//!    Across accounts every one of these counts like the last: the caller's own account has to agree, by an identity
//!    policy or because the caller is its root user.
//! 4. **A grant** whose grantee covers the caller, which lists the operation and whose constraints hold, works like an
//!    Allow statement naming the same principal, in both cases of account: a user, role or session named as grantee
//!    needs nothing else from its account, an account named as grantee delegates.
//! 5. **Otherwise denied.** No identity policy can open a key whose own policy does not let its account delegate, not
//!    even for the root user.
//!
//! Requests without a key (CreateKey, the listing operations, the alias side of alias operations) are decided by the
//! caller's own policies: Deny first, then an identity policy must allow (the root user needs none), within boundary
//! and session policies.
//!
//! A federated user always has a session policy; if none is given, none allows.
//!
//! A role session is asked for in the same way: the role's trust policy ([`TrustPolicy`]) plays the part of the key
//! policy. The bearer of a web identity token is covered only by a statement that names the token's provider.
//!
//! # What is missing, broken or unknown
//!
//! It never helps an Allow and never weakens a Deny. A document that is not understood entirely is refused when it is
//! parsed, so that no half-read Deny exists; numbers, dates, addresses and ARNs in conditions are read at that time.
//! What remains for the time of the request:
//!
//! * A condition key without a value fails plain operators and satisfies negated ones, as IAM defines.
//! * A key whose values cannot be told ([`Availability::Unknown`]), or an encryption context in which two names that
//!   differ only in case disagree, stops an Allow and does not stop a Deny.
//! * A policy variable without a value makes its entry match nothing; under a negated operator or `NotResource` the
//!   statement does not apply. That is IAM's rule, also for Deny.
//! * A request value that a numeric, date, Boolean or address operator cannot read matches neither plainly nor negated.
//! * A key policy statement without `Action` or `Resource` is kept and applies to nothing, as the service documents.
//! * `kms:ResourceAliases` and `aws:ResourceTag` are documented for IAM policies only. A key policy Allow that depends
//!   on them never applies; a Deny does.
//!
//! # Asking for values
//!
//! The request's side is the trait [`RequestContext`]: the engine asks for exactly those condition keys that
//! statements under consideration name, as typed [`ConditionKey`]s. [`Caller::values`] answers the ones that follow
//! from the caller alone.
//!
//! Retiring a grant has rules of its own ([`evaluate_retiring`]).
#![forbid(unsafe_code)]

mod condition;
mod context;
mod decision;
mod document;
mod error;
mod evaluate;
mod explain;
mod grant;
mod grant_set;
mod json;
mod lint;
mod nearest;
mod pattern;
mod principal;
mod retire;
mod statement;
mod template;
#[cfg(test)]
mod tests;

pub use context::{Availability, ConditionKey, EmptyContext, RequestContext};
pub use decision::{Because, Decision, DenialReason, Policies, PolicyKind, StatementRef};
pub use document::{IdentityPolicy, KeyPolicy, MAX_DOCUMENT_BYTES, PolicyDocument, TrustPolicy};
pub use error::PolicyError;
pub use evaluate::{Request, Target, evaluate, key_policy_allows_update};
pub use explain::{
    ConsideredGrant, ConsideredStatement, Explanation, FailedCondition, GrantVerdict, Verdict, explain,
};
pub use grant::{ContextConstraint, ContextPairs, Grant, GrantConstraints, GrantOperation, GrantOperations};
pub use grant_set::GrantSet;
pub use lint::{PolicyWarning, Suspicion, Why, lint_key_policy};
pub use nearest::nearest;
pub use principal::{Caller, CallerForm, CallerKind, Principal};
pub use retire::{Retirable, evaluate_retiring};
pub use statement::{Effect, Statement};
