//! Verify: whether a signature is one of a message by a KMS key. A wrong one is an error, without words.

use reseal_types::KeyUsage;
use serde::Serialize;

use super::sign::SignRequest;
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::{Bounds, Members},
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target, UsageRule},
    permit::Permits,
};

pub(crate) struct Verify;

pub(crate) struct VerifyRequest {
    inner: SignRequest,
    signature: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VerifyResponse {
    key_id: String,
    signature_valid: bool,
    signing_algorithm: &'static str,
}

impl Request for VerifyRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let inner = SignRequest::read(members)?;
        let signature = members.blob("Signature", Bounds(1, 6144))?;
        members.require("Signature", signature.is_some());
        Ok(Self { inner, signature: signature.unwrap_or_default() })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        self.inner.describe(parameters);
    }

    fn dry_run(&self) -> bool {
        self.inner.dry_run()
    }
}

impl Operation for Verify {
    const SPEC: OpSpec = OpSpec {
        name: "Verify",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:Verify",
            forms: Forms::Any,
            usage: Some(UsageRule::Needs(KeyUsage::SignVerify)),
            states: StateRule::Usable,
        }],
    };

    type Request = VerifyRequest;
    type Response = VerifyResponse;

    fn targets(request: &VerifyRequest) -> Result<Vec<Target<'_>>, Error> {
        request.inner.target()
    }

    fn facts(request: &VerifyRequest, _index: usize) -> Facts<'_> {
        request.inner.facts()
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: VerifyRequest,
    ) -> Result<Outcome<VerifyResponse>, Error> {
        let key = permits.into_one()?;
        let algorithm = request.inner.what.algorithm;
        key.verify(env, request.inner.what, request.signature).await?;
        Ok(Outcome::unchanged(VerifyResponse {
            key_id: key.arn(),
            signature_valid: true,
            signing_algorithm: algorithm.as_str(),
        }))
    }
}
