//! Encrypt: up to 4096 bytes under a KMS key.

use reseal_types::{EncryptionAlgorithm, EncryptionContext, KeyRef, KeyUsage, SecretBytes};
use serde::Serialize;

use super::shape::{self, Blob, KeyArn};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::{Bounds, Members},
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target, UsageRule},
    permit::Permits,
};

pub(crate) struct Encrypt;

pub(crate) struct EncryptRequest {
    key_id: String,
    plaintext: SecretBytes,
    context: EncryptionContext,
    algorithm: EncryptionAlgorithm,
    dry_run: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EncryptResponse {
    ciphertext_blob: Blob,
    key_id: KeyArn,
    encryption_algorithm: &'static str,
}

impl Request for EncryptRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let key_id = shape::key_id(members, "KeyId")?;
        let plaintext = members.blob("Plaintext", Bounds(1, 4096))?;
        members.require("Plaintext", plaintext.is_some());
        shape::grant_tokens(members)?;
        Ok(Self {
            key_id,
            plaintext: SecretBytes::from(plaintext.unwrap_or_default()),
            context: members.encryption_context("EncryptionContext")?,
            algorithm: members
                .choice("EncryptionAlgorithm")?
                .unwrap_or(EncryptionAlgorithm::SymmetricDefault),
            dry_run: members.flag("DryRun")?,
        })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("encryptionAlgorithm", self.algorithm.as_str());
        parameters.map("encryptionContext", self.context.pairs());
        if self.dry_run {
            parameters.boolean("dryRun", true);
        }
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }
}

impl Operation for Encrypt {
    const SPEC: OpSpec = OpSpec {
        name: "Encrypt",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:Encrypt",
            forms: Forms::Any,
            usage: Some(UsageRule::Needs(KeyUsage::EncryptDecrypt)),
            states: StateRule::Usable,
        }],
    };

    type Request = EncryptRequest;
    type Response = EncryptResponse;

    fn targets(request: &EncryptRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(request: &EncryptRequest, _index: usize) -> Facts<'_> {
        Facts {
            context: Some(&request.context),
            encryption_algorithm: Some(request.algorithm),
            ..Facts::default()
        }
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: EncryptRequest,
    ) -> Result<Outcome<EncryptResponse>, Error> {
        let key = permits.into_one()?;
        let EncryptRequest { plaintext, context, algorithm, .. } = request;
        let encrypted = key.encrypt(env, algorithm, &context, plaintext, false).await?;
        let mut outcome = Outcome::unchanged(EncryptResponse {
            ciphertext_blob: Blob(encrypted.blob),
            key_id: KeyArn(key.into_key()),
            encryption_algorithm: algorithm.as_str(),
        });
        outcome.notes.material("keyMaterialId", encrypted.material);
        Ok(outcome)
    }
}
