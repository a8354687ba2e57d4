//! Sign: a signature of a message of up to 4096 bytes, or of its digest.

use reseal_policy::ConditionKey;
use reseal_types::{KeyRef, KeyUsage, MessageType, SecretBytes, SigningAlgorithm};
use serde::Serialize;

use super::shape::{self, Blob};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::{Bounds, Members},
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target, UsageRule},
    permit::{Permits, ToSign},
};

pub(crate) struct Sign;

/// What Sign is asked, and most of what Verify is.
pub(crate) struct SignRequest {
    key_id: String,
    pub(super) what: ToSign,
    dry_run: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SignResponse {
    key_id: String,
    signature: Blob,
    signing_algorithm: &'static str,
}

impl SignRequest {
    /// The key to sign or to verify with.
    pub(super) fn target(&self) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&self.key_id)?)])
    }

    /// What the policies may ask.
    pub(super) fn facts(&self) -> Facts<'_> {
        let values = vec![
            (ConditionKey::MessageType, self.what.message_type.to_string()),
            (ConditionKey::SigningAlgorithm, self.what.algorithm.to_string()),
        ];
        Facts { values, ..Facts::default() }
    }
}

impl Request for SignRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let key_id = shape::key_id(members, "KeyId")?;
        let message = members.blob("Message", Bounds(1, 4096))?;
        members.require("Message", message.is_some());
        let message_type = members.choice("MessageType")?;
        let algorithm = members.required_choice("SigningAlgorithm")?;
        shape::grant_tokens(members)?;
        let what = ToSign {
            algorithm: algorithm.unwrap_or(SigningAlgorithm::EcdsaSha256),
            message_type: message_type.unwrap_or(MessageType::Raw),
            message: SecretBytes::from(message.unwrap_or_default()),
        };
        Ok(Self { key_id, what, dry_run: members.flag("DryRun")? })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("messageType", self.what.message_type.as_str());
        parameters.text("signingAlgorithm", self.what.algorithm.as_str());
        if self.dry_run {
            parameters.boolean("dryRun", true);
        }
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }
}

impl Operation for Sign {
    const SPEC: OpSpec = OpSpec {
        name: "Sign",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:Sign",
            forms: Forms::Any,
            usage: Some(UsageRule::Needs(KeyUsage::SignVerify)),
            states: StateRule::Usable,
        }],
    };

    type Request = SignRequest;
    type Response = SignResponse;

    fn targets(request: &SignRequest) -> Result<Vec<Target<'_>>, Error> {
        request.target()
    }

    fn facts(request: &SignRequest, _index: usize) -> Facts<'_> {
        request.facts()
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: SignRequest,
    ) -> Result<Outcome<SignResponse>, Error> {
        let key = permits.into_one()?;
        let algorithm = request.what.algorithm;
        let signature = key.sign(env, request.what).await?;
        Ok(Outcome::unchanged(SignResponse {
            key_id: key.arn(),
            signature: Blob(signature),
            signing_algorithm: algorithm.as_str(),
        }))
    }
}
