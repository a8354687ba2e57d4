//! PutKeyPolicy: replaces the key policy. No call that comes after the answer is decided by the old one.

use reseal_policy::ConditionKey;
use reseal_types::KeyRef;

use super::shape;
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    key_policy::{About, NewPolicy},
    members::Members,
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
    vault::Changes,
};

pub(crate) struct PutKeyPolicy;

pub(crate) struct PutKeyPolicyRequest {
    key_id: String,
    policy_name: String,
    policy: String,
    bypass_lockout_check: Option<bool>,
}

impl Request for PutKeyPolicyRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let key_id = shape::key_id(members, "KeyId")?;
        let policy_name = shape::policy_name(members)?.unwrap_or_else(|| shape::DEFAULT_POLICY.to_owned());
        let policy = shape::policy(members)?;
        members.require("Policy", policy.is_some());
        let bypass_lockout_check = members.boolean("BypassPolicyLockoutSafetyCheck")?;
        Ok(Self { key_id, policy_name, policy: policy.unwrap_or_default(), bypass_lockout_check })
    }

    fn check(&self) -> Result<(), Error> {
        match self.policy_name.as_str() {
            shape::DEFAULT_POLICY => Ok(()),
            "AWS_RAM" => {
                Err(Error::Validation("The AWS_RAM policy can only be managed by the RAM service".to_owned()))
            }
            _ => Err(Error::NotFound(crate::error::NotFound::Policy)),
        }
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("policyName", &self.policy_name);
        parameters.text("policy", &self.policy);
        parameters.boolean("bypassPolicyLockoutSafetyCheck", self.bypass_lockout_check.unwrap_or(false));
    }
}

impl Operation for PutKeyPolicy {
    const SPEC: OpSpec = OpSpec {
        name: "PutKeyPolicy",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: true,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:PutKeyPolicy",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Any,
        }],
    };

    type Request = PutKeyPolicyRequest;
    type Response = ();

    fn targets(request: &PutKeyPolicyRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(request: &PutKeyPolicyRequest, _index: usize) -> Facts<'_> {
        let mut values = vec![(ConditionKey::PolicyName, request.policy_name.clone())];
        // Absent when the parameter is absent, so that a Null condition can tell.
        if let Some(bypass) = request.bypass_lockout_check {
            values.push((ConditionKey::BypassPolicyLockoutSafetyCheck, bypass.to_string()));
        }
        Facts { values, ..Facts::default() }
    }

    async fn execute(
        env: &Env,
        call: &Call,
        permits: Permits,
        request: PutKeyPolicyRequest,
    ) -> Result<Outcome<()>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        let policy = NewPolicy {
            text: request.policy,
            key_arn: key.arn(),
            bypass: request.bypass_lockout_check.unwrap_or(false),
            about: About::Key(key),
        };
        let (policy, warnings) = policy.check(env, call).await?;
        let mut record = key.record.clone();
        record.policy = policy;
        let mut changes = Changes::default();
        changes.put(key.place()?, &record);
        let mut outcome = Outcome::changed((), changes);
        outcome.notes.warnings = warnings;
        Ok(outcome)
    }
}
