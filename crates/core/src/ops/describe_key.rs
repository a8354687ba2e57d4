//! DescribeKey: the metadata of a KMS key, in every state.

use reseal_types::KeyRef;
use serde::Serialize;

use super::shape::{self, KeyMetadata};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::Members,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
};

pub(crate) struct DescribeKey;

pub(crate) struct DescribeKeyRequest {
    key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeKeyResponse {
    key_metadata: KeyMetadata,
}

impl DescribeKeyRequest {
    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }
}

impl Request for DescribeKeyRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        shape::grant_tokens(members)?;
        Ok(Self { key_id: shape::key_id(members, "KeyId")? })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
    }
}

impl Operation for DescribeKey {
    const SPEC: OpSpec = OpSpec {
        name: "DescribeKey",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:DescribeKey",
            forms: Forms::Any,
            usage: None,
            states: StateRule::Any,
        }],
    };

    type Request = DescribeKeyRequest;
    type Response = DescribeKeyResponse;

    fn targets(request: &DescribeKeyRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        _request: DescribeKeyRequest,
    ) -> Result<Outcome<DescribeKeyResponse>, Error> {
        let permitted = permits.into_one()?;
        let key_metadata = KeyMetadata::of(permitted.key(), &env.settings.partition);
        Ok(Outcome::unchanged(DescribeKeyResponse { key_metadata }))
    }
}
