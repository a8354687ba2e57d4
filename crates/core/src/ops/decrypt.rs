//! Decrypt: what Encrypt, GenerateDataKey or ReEncrypt made, with whichever key material made it.

use reseal_types::{CiphertextHeader, EncryptionAlgorithm, EncryptionContext, KeyRef};
use serde::Serialize;

use super::shape::{self, Blob, DryRun, KeyArn, MaterialId, SecretBlob};
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

pub(crate) struct Decrypt;

pub(crate) struct DecryptRequest {
    blob: Vec<u8>,
    context: EncryptionContext,
    key_id: Option<String>,
    algorithm: EncryptionAlgorithm,
    recipient: Option<Recipient>,
    dry_run: DryRun,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DecryptResponse {
    key_id: KeyArn,
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<SecretBlob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ciphertext_for_recipient: Option<Blob>,
    encryption_algorithm: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_id: Option<MaterialId>,
}

impl Request for DecryptRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let dry_run = DryRun::read(members)?;
        shape::grant_tokens(members)?;
        Ok(Self {
            blob: ciphertext(members, dry_run)?,
            context: members.encryption_context("EncryptionContext")?,
            key_id: shape::optional_key_id(members, "KeyId")?,
            algorithm: members
                .choice("EncryptionAlgorithm")?
                .unwrap_or(EncryptionAlgorithm::SymmetricDefault),
            recipient: Recipient::read(members)?,
            dry_run,
        })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.optional_text("keyId", self.key_id.as_deref());
        parameters.text("encryptionAlgorithm", self.algorithm.as_str());
        parameters.map("encryptionContext", self.context.pairs());
        if self.dry_run.wanted {
            parameters.boolean("dryRun", true);
        }
    }

    fn recipient(&mut self) -> Option<&mut Recipient> {
        self.recipient.as_mut()
    }

    fn dry_run(&self) -> bool {
        self.dry_run.wanted
    }

    fn ignores_ciphertext(&self) -> bool {
        self.dry_run.ignores_ciphertext
    }
}

/// `CiphertextBlob`: required, unless a dry run leaves it out of account.
pub(super) fn ciphertext(members: &mut Members<'_>, dry_run: DryRun) -> Result<Vec<u8>, Error> {
    let blob = members.blob("CiphertextBlob", Bounds(1, 6144))?;
    members.require("CiphertextBlob", blob.is_some() || dry_run.ignores_ciphertext);
    Ok(blob.unwrap_or_default())
}

/// The key to decrypt with: the one named, else the one in the header of a symmetric ciphertext.
pub(super) fn source<'r>(
    member: &str,
    key_id: Option<&'r str>,
    algorithm: EncryptionAlgorithm,
    blob: &[u8],
    dry_run: DryRun,
) -> Result<Target<'r>, Error> {
    let symmetric = algorithm == EncryptionAlgorithm::SymmetricDefault;
    let header = if symmetric { CiphertextHeader::parse(blob) } else { None };
    match (key_id, header) {
        (Some(key_id), Some(header)) => {
            Ok(Target::NamedWithCiphertext(KeyRef::parse(key_id)?, header.key_id))
        }
        (Some(key_id), None) => Ok(Target::Named(KeyRef::parse(key_id)?)),
        (None, _) if dry_run.ignores_ciphertext => {
            Err(Error::Validation(format!("{member} is required when the ciphertext is ignored.")))
        }
        (None, _) if !symmetric => {
            Err(Error::Validation(format!("{member} is required for algorithm {algorithm}.")))
        }
        (None, Some(header)) => Ok(Target::OfCiphertext(header.key_id)),
        (None, None) => Err(Error::InvalidCiphertext),
    }
}

impl Operation for Decrypt {
    const SPEC: OpSpec = OpSpec {
        name: "Decrypt",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:Decrypt",
            forms: Forms::Any,
            usage: Some(UsageRule::Decrypts),
            states: StateRule::Usable,
        }],
    };

    type Request = DecryptRequest;
    type Response = DecryptResponse;

    fn targets(request: &DecryptRequest) -> Result<Vec<Target<'_>>, Error> {
        let DecryptRequest { key_id, algorithm, blob, dry_run, .. } = request;
        Ok(vec![source("KeyId", key_id.as_deref(), *algorithm, blob, *dry_run)?])
    }

    fn facts(request: &DecryptRequest, _index: usize) -> Facts<'_> {
        Facts {
            context: Some(&request.context),
            encryption_algorithm: Some(request.algorithm),
            recipient: recipient::measured(request.recipient.as_ref()),
            ..Facts::default()
        }
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: DecryptRequest,
    ) -> Result<Outcome<DecryptResponse>, Error> {
        let key = permits.into_one()?;
        let decrypted = key.decrypt(env, request.algorithm, &request.context, request.blob).await?;
        let to = request.recipient.as_ref();
        let delivered = deliver(to, decrypted.plaintext)?;
        let mut outcome = Outcome::unchanged(DecryptResponse {
            key_id: KeyArn(key.into_key()),
            plaintext: delivered.clear,
            ciphertext_for_recipient: delivered.for_recipient,
            encryption_algorithm: request.algorithm.as_str(),
            key_material_id: decrypted.material.filter(|_| to.is_none()).map(MaterialId),
        });
        outcome.notes.recipient(to);
        outcome.notes.material("keyMaterialId", decrypted.material);
        Ok(outcome)
    }
}
