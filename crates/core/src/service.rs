//! The way through the house for other APIs than that of AWS KMS: IAM and STS, which `reseal-identity` speaks.
//!
//! An action of such an API goes through the pipeline like an operation: nowhere to record it and it is not attempted,
//! its changes and its record are one commit, a conflict is tried again, and no answer leaves before its record. What
//! it may do is decided by the same engine ([`allow`]), whose answer is the only way to a yes.

use reseal_policy::{
    ConditionKey, Decision, Policies, Request as PolicyRequest, Target, TrustPolicy, evaluate,
};
use reseal_types::AccountId;

use crate::{
    authorize::{Context, policy_caller},
    call::Call,
    directory::Edits,
    env::Env,
    error::{AccessDenied, DeniedResource, Error},
    operation::{Facts, Notes},
    pipeline::{Attempt, Done, Reply, commit, recorded},
    record::PolicyText,
    trail::Trail,
};
pub use crate::{error::Fault, trail::Event};

/// An action of another API, with its request.
pub trait Action: Sync {
    /// How it fails.
    type Fault: Fault + From<Error>;

    /// What its record says it is.
    fn event(&self) -> Event;

    /// `requestParameters` of its record: a JSON object, or nothing. Never a secret.
    fn parameters(&self) -> Option<Vec<u8>>;

    /// Does the work: checks the request, has it decided by [`allow`], and collects what changes. Writes nothing.
    fn attempt(&self) -> impl Future<Output = Result<Deed, Self::Fault>> + Send;
}

/// What an action did.
#[derive(Default)]
pub struct Deed {
    /// The answer.
    pub body: Vec<u8>,
    /// What is to be committed.
    pub edits: Edits,
    /// `responseElements` of the record: a JSON object.
    pub response_elements: Option<Vec<u8>>,
    /// Resources worked on, with their owners. An owner other than the caller's account gets a record of its own.
    pub resources: Vec<(AccountId, String)>,
}

/// Runs an action. No result comes out before its audit record is kept.
///
/// # Errors
/// Those of the action, and those of the service.
pub async fn perform<A: Action>(env: &Env, call: &Call, action: &A) -> Result<Vec<u8>, A::Fault> {
    let event = action.event();
    let mut trail = Trail::open(env, call, event)?;
    recorded(env, &mut trail, !event.read_only, &OfAction { env, action }).await.map(|reply| reply.body)
}

struct OfAction<'a, A> {
    env: &'a Env,
    action: &'a A,
}

impl<A: Action> Attempt for OfAction<'_, A> {
    type Fault = A::Fault;

    async fn attempt(&self, trail: &mut Trail<'_>, _first: bool) -> Result<Done, A::Fault> {
        trail.set_parameters(self.action.parameters());
        let Deed { body, edits, response_elements, resources } = self.action.attempt().await?;
        for (owner, arn) in resources {
            trail.note_resource(owner, arn);
        }
        let notes = Notes { response_elements, ..Notes::default() };
        let lines = trail.records(self.env.entropy.as_ref(), Ok(&notes))?;
        let posted = !edits.0.is_empty();
        if posted {
            commit(self.env, trail, edits.0, &lines).await?;
        }
        Ok(Done { reply: Reply { body, warnings: Vec::new() }, lines, posted, used_by: None })
    }
}

/// Who may assume a role.
#[derive(Clone, Copy)]
pub struct Trust<'a> {
    /// The role's account.
    pub account: AccountId,
    /// The trust policy as it is stored.
    pub text: &'a PolicyText,
    /// The same, compiled.
    pub policy: &'a TrustPolicy,
}

/// What an action asks to be allowed.
#[derive(Default)]
pub struct Ask<'a> {
    /// Such as `iam:CreateUser`.
    pub action: &'static str,
    /// ARN of the resource, or `*`.
    pub resource: &'a str,
    /// For the assumption of a role: its trust policy, which plays the part of a key policy.
    pub trust: Option<Trust<'a>>,
    /// Tags in the request.
    pub request_tags: &'a [(String, String)],
    /// Tag keys in the request, when it carries no values.
    pub request_tag_keys: &'a [String],
    /// Tags of the resource.
    pub resource_tags: &'a [(String, String)],
    /// Values of other condition keys.
    pub values: Vec<(ConditionKey, String)>,
}

/// Whether the caller's policies, and those of the resource if it has any, allow what is asked.
///
/// # Errors
/// [`Error::AccessDenied`] when they do not.
pub fn allow(env: &Env, call: &Call, ask: Ask<'_>) -> Result<(), Error> {
    let caller = policy_caller(call)?;
    let facts = Facts {
        tags: ask.request_tags,
        tag_keys: ask.request_tag_keys,
        resource_tags: ask.resource_tags,
        values: ask.values,
        ..Facts::default()
    };
    let context = Context::new(env, call, &caller, None, &facts);
    let account = ask.trust.map(|trust| trust.account);
    let target = match &account {
        Some(account) => Target::Key { arn: ask.resource, account: account.as_str(), across_accounts: true },
        None => Target::Other { resource: ask.resource },
    };
    let key = ask.trust.map(|trust| trust.policy.as_resource_policy());
    let key_names_another = ask.trust.is_some_and(|trust| call.caller.is_not_meant_by(trust.text));
    let policies = Policies { key, key_names_another, ..call.caller.policies() };
    let request =
        PolicyRequest { caller: &caller, action: ask.action, target, context: &context, new_grant: None };
    let Decision { denial: Some(reason), .. } = evaluate(&request, &policies) else { return Ok(()) };
    Err(Error::AccessDenied(Box::new(AccessDenied {
        principal: call.caller.arn().to_owned(),
        action: ask.action,
        resource: DeniedResource::Named { arn: ask.resource.to_owned(), reason },
    })))
}
