//! ListKeyPolicies: the names of a key's policies. There is one, and it is called default.

use reseal_types::KeyRef;
use serde::Serialize;

use super::shape::{self, List, Paging};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::Members,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
};

pub(crate) struct ListKeyPolicies;

pub(crate) struct ListKeyPoliciesRequest {
    key_id: String,
    paging: Paging,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListKeyPoliciesResponse {
    policy_names: Vec<&'static str>,
    truncated: bool,
}

impl Request for ListKeyPoliciesRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self { key_id: shape::key_id(members, "KeyId")?, paging: Paging::read(members, 1000)? })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        self.paging.describe(parameters);
    }
}

impl Operation for ListKeyPolicies {
    const SPEC: OpSpec = OpSpec {
        name: "ListKeyPolicies",
        read_only: true,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:ListKeyPolicies",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Any,
        }],
    };

    type Request = ListKeyPoliciesRequest;
    type Response = ListKeyPoliciesResponse;

    fn targets(request: &ListKeyPoliciesRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    async fn execute(
        env: &Env,
        call: &Call,
        permits: Permits,
        request: ListKeyPoliciesRequest,
    ) -> Result<Outcome<ListKeyPoliciesResponse>, Error> {
        permits.into_one()?;
        // One name always fits on one page, so no marker was ever given out for this operation; and the model has
        // no InvalidMarkerException for it.
        request.paging.after(env, &List::new(&Self::SPEC, call, &[])).map_err(|error| match error {
            Error::InvalidMarker => Error::Validation(error.message().unwrap_or_default()),
            other => other,
        })?;
        let policy_names = vec![shape::DEFAULT_POLICY];
        Ok(Outcome::unchanged(ListKeyPoliciesResponse { policy_names, truncated: false }))
    }
}
