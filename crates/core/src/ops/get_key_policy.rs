//! GetKeyPolicy: the key policy, as it was set.

use reseal_policy::ConditionKey;
use reseal_types::KeyRef;
use serde::Serialize;

use super::shape;
use crate::{
    call::Call,
    env::Env,
    error::{Error, NotFound},
    json::JsonObject,
    members::Members,
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
};

pub(crate) struct GetKeyPolicy;

pub(crate) struct GetKeyPolicyRequest {
    key_id: String,
    policy_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetKeyPolicyResponse {
    policy: String,
    policy_name: &'static str,
}

impl Request for GetKeyPolicyRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let key_id = shape::key_id(members, "KeyId")?;
        let policy_name = shape::policy_name(members)?.unwrap_or_else(|| shape::DEFAULT_POLICY.to_owned());
        Ok(Self { key_id, policy_name })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("policyName", &self.policy_name);
    }
}

impl Operation for GetKeyPolicy {
    const SPEC: OpSpec = OpSpec {
        name: "GetKeyPolicy",
        read_only: true,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:GetKeyPolicy",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Any,
        }],
    };

    type Request = GetKeyPolicyRequest;
    type Response = GetKeyPolicyResponse;

    fn targets(request: &GetKeyPolicyRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(request: &GetKeyPolicyRequest, _index: usize) -> Facts<'_> {
        let name = (ConditionKey::PolicyName, request.policy_name.clone());
        Facts { values: vec![name], ..Facts::default() }
    }

    async fn execute(
        _env: &Env,
        _call: &Call,
        permits: Permits,
        request: GetKeyPolicyRequest,
    ) -> Result<Outcome<GetKeyPolicyResponse>, Error> {
        let permitted = permits.into_one()?;
        if request.policy_name != shape::DEFAULT_POLICY {
            return Err(Error::NotFound(NotFound::Policy));
        }
        let policy = permitted.key().record.policy.text.clone();
        Ok(Outcome::unchanged(GetKeyPolicyResponse { policy, policy_name: shape::DEFAULT_POLICY }))
    }
}
