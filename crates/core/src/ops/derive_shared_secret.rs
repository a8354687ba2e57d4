//! DeriveSharedSecret: the bare secret shared with the owner of a public key, by elliptic-curve Diffie-Hellman.

use reseal_policy::ConditionKey;
use reseal_types::{KeyAgreementAlgorithm, KeyRef, KeyUsage};
use serde::Serialize;

use super::shape::{self, Blob, SecretBlob};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::{Bounds, Members},
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target, UsageRule},
    permit::Permits,
    recipient::{self, Recipient, deliver},
};

pub(crate) struct DeriveSharedSecret;

pub(crate) struct DeriveSharedSecretRequest {
    key_id: String,
    algorithm: KeyAgreementAlgorithm,
    public_key: Vec<u8>,
    recipient: Option<Recipient>,
    dry_run: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeriveSharedSecretResponse {
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_secret: Option<SecretBlob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ciphertext_for_recipient: Option<Blob>,
    key_agreement_algorithm: &'static str,
    key_origin: &'static str,
}

impl Request for DeriveSharedSecretRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let key_id = shape::key_id(members, "KeyId")?;
        let algorithm = members.required_choice("KeyAgreementAlgorithm")?;
        let public_key = members.blob("PublicKey", Bounds(1, 8192))?;
        members.require("PublicKey", public_key.is_some());
        shape::grant_tokens(members)?;
        Ok(Self {
            key_id,
            algorithm: algorithm.unwrap_or(KeyAgreementAlgorithm::Ecdh),
            public_key: public_key.unwrap_or_default(),
            recipient: Recipient::read(members)?,
            dry_run: members.flag("DryRun")?,
        })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("keyAgreementAlgorithm", self.algorithm.as_str());
        if self.dry_run {
            parameters.boolean("dryRun", true);
        }
    }

    fn recipient(&mut self) -> Option<&mut Recipient> {
        self.recipient.as_mut()
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }
}

impl Operation for DeriveSharedSecret {
    const SPEC: OpSpec = OpSpec {
        name: "DeriveSharedSecret",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:DeriveSharedSecret",
            forms: Forms::Any,
            usage: Some(UsageRule::Needs(KeyUsage::KeyAgreement)),
            states: StateRule::Usable,
        }],
    };

    type Request = DeriveSharedSecretRequest;
    type Response = DeriveSharedSecretResponse;

    fn targets(request: &DeriveSharedSecretRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(request: &DeriveSharedSecretRequest, _index: usize) -> Facts<'_> {
        let values = vec![(ConditionKey::KeyAgreementAlgorithm, request.algorithm.to_string())];
        Facts { values, recipient: recipient::measured(request.recipient.as_ref()), ..Facts::default() }
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: DeriveSharedSecretRequest,
    ) -> Result<Outcome<DeriveSharedSecretResponse>, Error> {
        let key = permits.into_one()?;
        let DeriveSharedSecretRequest { algorithm, public_key, recipient, .. } = request;
        let secret = key.derive_shared_secret(env, algorithm, public_key).await?;
        let delivered = deliver(recipient.as_ref(), secret)?;
        let mut outcome = Outcome::unchanged(DeriveSharedSecretResponse {
            key_id: key.arn(),
            shared_secret: delivered.clear,
            ciphertext_for_recipient: delivered.for_recipient,
            key_agreement_algorithm: algorithm.as_str(),
            key_origin: key.key().record.origin.as_str(),
        });
        outcome.notes.recipient(recipient.as_ref());
        Ok(outcome)
    }
}
