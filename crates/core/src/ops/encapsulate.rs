//! Encapsulate: a fresh shared secret, and the ciphertext from which the owner of the private key has it too.

use reseal_types::{EncapsulationAlgorithm, KeyRef, KeyUsage};
use serde::Serialize;

use super::shape::{self, Blob, SecretBlob};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::Members,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target, UsageRule},
    permit::Permits,
};

pub(crate) struct Encapsulate;

/// What Encapsulate is asked, and most of what Decapsulate is.
pub(crate) struct EncapsulationRequest {
    pub(super) key_id: String,
    pub(super) algorithm: EncapsulationAlgorithm,
    dry_run: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EncapsulateResponse {
    key_id: String,
    shared_secret: SecretBlob,
    shared_secret_ciphertext_blob: Blob,
    encapsulation_algorithm: &'static str,
}

impl Request for EncapsulationRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let key_id = shape::key_id(members, "KeyId")?;
        let algorithm = members.required_choice("EncapsulationAlgorithm")?;
        shape::grant_tokens(members)?;
        Ok(Self {
            key_id,
            algorithm: algorithm.unwrap_or(EncapsulationAlgorithm::MlKem),
            dry_run: members.flag("DryRun")?,
        })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("encapsulationAlgorithm", self.algorithm.as_str());
        if self.dry_run {
            parameters.boolean("dryRun", true);
        }
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }
}

impl Operation for Encapsulate {
    const SPEC: OpSpec = OpSpec {
        name: "Encapsulate",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:Encapsulate",
            forms: Forms::Any,
            usage: Some(UsageRule::Needs(KeyUsage::EncapsulateDecapsulate)),
            states: StateRule::Usable,
        }],
    };

    type Request = EncapsulationRequest;
    type Response = EncapsulateResponse;

    fn targets(request: &EncapsulationRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: EncapsulationRequest,
    ) -> Result<Outcome<EncapsulateResponse>, Error> {
        let key = permits.into_one()?;
        let made = key.encapsulate(env, request.algorithm).await?;
        Ok(Outcome::unchanged(EncapsulateResponse {
            key_id: key.arn(),
            shared_secret: SecretBlob(made.shared_secret),
            shared_secret_ciphertext_blob: Blob(made.ciphertext),
            encapsulation_algorithm: request.algorithm.as_str(),
        }))
    }
}
