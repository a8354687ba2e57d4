//! ReEncrypt: decrypt under one KMS key, encrypt under another. The plaintext never leaves `execute`.
//!
//! Each side is authorized on its own, by `kms:ReEncryptFrom` and `kms:ReEncryptTo`; nothing is decrypted before
//! both are allowed and both keys are fit for their part.

use reseal_types::{EncryptionAlgorithm, EncryptionContext, KeyRef, KeyUsage};
use serde::Serialize;

use super::{
    decrypt::{ciphertext, source},
    shape::{self, Blob, DryRun, KeyArn, MaterialId},
};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::Members,
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target, UsageRule},
    permit::Permits,
};

pub(crate) struct ReEncrypt;

pub(crate) struct ReEncryptRequest {
    blob: Vec<u8>,
    source_context: EncryptionContext,
    source_key_id: Option<String>,
    destination_key_id: String,
    /// Replaces the source context; an absent one means none.
    destination_context: EncryptionContext,
    source_algorithm: EncryptionAlgorithm,
    destination_algorithm: EncryptionAlgorithm,
    dry_run: DryRun,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReEncryptResponse {
    ciphertext_blob: Blob,
    source_key_id: KeyArn,
    key_id: KeyArn,
    source_encryption_algorithm: &'static str,
    destination_encryption_algorithm: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_key_material_id: Option<MaterialId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_key_material_id: Option<MaterialId>,
}

impl Request for ReEncryptRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let symmetric = EncryptionAlgorithm::SymmetricDefault;
        let dry_run = DryRun::read(members)?;
        shape::grant_tokens(members)?;
        Ok(Self {
            blob: ciphertext(members, dry_run)?,
            source_context: members.encryption_context("SourceEncryptionContext")?,
            source_key_id: shape::optional_key_id(members, "SourceKeyId")?,
            destination_key_id: shape::key_id(members, "DestinationKeyId")?,
            destination_context: members.encryption_context("DestinationEncryptionContext")?,
            source_algorithm: members.choice("SourceEncryptionAlgorithm")?.unwrap_or(symmetric),
            destination_algorithm: members.choice("DestinationEncryptionAlgorithm")?.unwrap_or(symmetric),
            dry_run,
        })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.optional_text("sourceKeyId", self.source_key_id.as_deref());
        parameters.plain("sourceEncryptionAlgorithm", self.source_algorithm.as_str().as_bytes());
        parameters.map("sourceEncryptionContext", self.source_context.pairs());
        parameters.text("destinationKeyId", &self.destination_key_id);
        parameters.plain("destinationEncryptionAlgorithm", self.destination_algorithm.as_str().as_bytes());
        parameters.map("destinationEncryptionContext", self.destination_context.pairs());
        if self.dry_run.wanted {
            parameters.boolean("dryRun", true);
        }
    }

    fn dry_run(&self) -> bool {
        self.dry_run.wanted
    }

    fn ignores_ciphertext(&self) -> bool {
        self.dry_run.ignores_ciphertext
    }
}

impl Operation for ReEncrypt {
    const SPEC: OpSpec = OpSpec {
        name: "ReEncrypt",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[
            KeyRule {
                action: "kms:ReEncryptFrom",
                forms: Forms::Any,
                usage: Some(UsageRule::Decrypts),
                states: StateRule::Usable,
            },
            KeyRule {
                action: "kms:ReEncryptTo",
                forms: Forms::Any,
                usage: Some(UsageRule::Needs(KeyUsage::EncryptDecrypt)),
                states: StateRule::Usable,
            },
        ],
    };

    type Request = ReEncryptRequest;
    type Response = ReEncryptResponse;

    fn targets(request: &ReEncryptRequest) -> Result<Vec<Target<'_>>, Error> {
        let ReEncryptRequest { source_key_id, source_algorithm, blob, dry_run, .. } = request;
        let source = source("SourceKeyId", source_key_id.as_deref(), *source_algorithm, blob, *dry_run)?;
        Ok(vec![source, Target::Named(KeyRef::parse(&request.destination_key_id)?)])
    }

    fn facts(request: &ReEncryptRequest, index: usize) -> Facts<'_> {
        let (context, algorithm) = match index {
            0 => (&request.source_context, request.source_algorithm),
            _ => (&request.destination_context, request.destination_algorithm),
        };
        Facts { context: Some(context), encryption_algorithm: Some(algorithm), ..Facts::default() }
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: ReEncryptRequest,
    ) -> Result<Outcome<ReEncryptResponse>, Error> {
        let [source, destination] = permits.into_array()?;
        let (from, to) = (request.source_algorithm, request.destination_algorithm);
        // Both sides must fit before anything is decrypted: what the destination lacks must not depend on
        // whether the ciphertext opens.
        source.check_algorithm(from, &request.source_context)?;
        destination.check_algorithm(to, &request.destination_context)?;
        let decrypted = source.decrypt(env, from, &request.source_context, request.blob).await?;
        let context = &request.destination_context;
        let encrypted = destination.encrypt(env, to, context, decrypted.plaintext, false).await?;
        let mut outcome = Outcome::unchanged(ReEncryptResponse {
            ciphertext_blob: Blob(encrypted.blob),
            source_key_id: KeyArn(source.into_key()),
            key_id: KeyArn(destination.into_key()),
            source_encryption_algorithm: from.as_str(),
            destination_encryption_algorithm: to.as_str(),
            source_key_material_id: decrypted.material.map(MaterialId),
            destination_key_material_id: encrypted.material.map(MaterialId),
        });
        outcome.notes.material("sourceKeyMaterialId", decrypted.material);
        outcome.notes.material("destinationKeyMaterialId", encrypted.material);
        Ok(outcome)
    }
}
