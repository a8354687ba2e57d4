//! Decapsulate: the shared secret that a ciphertext carries. A ciphertext for another key, or an altered one, gives
//! other bytes and no error.

use reseal_types::{KeyRef, KeyUsage};
use serde::Serialize;

use super::{encapsulate::EncapsulationRequest, shape::SecretBlob};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::{Bounds, Members},
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target, UsageRule},
    permit::Permits,
};

pub(crate) struct Decapsulate;

pub(crate) struct DecapsulateRequest {
    inner: EncapsulationRequest,
    ciphertext: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DecapsulateResponse {
    key_id: String,
    shared_secret: SecretBlob,
    encapsulation_algorithm: &'static str,
}

impl Request for DecapsulateRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let inner = EncapsulationRequest::read(members)?;
        let ciphertext = members.blob("SharedSecretCiphertextBlob", Bounds(1, 6144))?;
        members.require("SharedSecretCiphertextBlob", ciphertext.is_some());
        Ok(Self { inner, ciphertext: ciphertext.unwrap_or_default() })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        self.inner.describe(parameters);
    }

    fn dry_run(&self) -> bool {
        self.inner.dry_run()
    }
}

impl Operation for Decapsulate {
    const SPEC: OpSpec = OpSpec {
        name: "Decapsulate",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:Decapsulate",
            forms: Forms::Any,
            usage: Some(UsageRule::Needs(KeyUsage::EncapsulateDecapsulate)),
            states: StateRule::Usable,
        }],
    };

    type Request = DecapsulateRequest;
    type Response = DecapsulateResponse;

    fn targets(request: &DecapsulateRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.inner.key_id)?)])
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: DecapsulateRequest,
    ) -> Result<Outcome<DecapsulateResponse>, Error> {
        let key = permits.into_one()?;
        let DecapsulateRequest { inner, ciphertext } = request;
        let shared_secret = key.decapsulate(env, inner.algorithm, &ciphertext).await?;
        Ok(Outcome::unchanged(DecapsulateResponse {
            key_id: key.arn(),
            shared_secret: SecretBlob(shared_secret),
            encapsulation_algorithm: inner.algorithm.as_str(),
        }))
    }
}
