//! GenerateDataKey: a fresh data key, in clear and encrypted under a symmetric KMS key.

use reseal_types::{
    EncryptionAlgorithm, EncryptionContext, KeyMaterialId, KeyRef, KeyUsage, Reveal, SecretBytes,
};
use serde::Serialize;

use super::shape::{self, Blob, MaterialId, SecretBlob};
use crate::{
    call::Call,
    env::Env,
    error::{Error, InvalidKeyUsage},
    json::JsonObject,
    members::{Bounds, Members, ModelEnum},
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target, UsageRule},
    permit::{Encrypted, Permits, Permitted},
    recipient::{self, Recipient, deliver},
};

pub(crate) struct GenerateDataKey;

/// What GenerateDataKey and GenerateDataKeyWithoutPlaintext are asked: only the one with a plaintext in its answer
/// knows of a recipient.
pub(crate) struct DataKeyRequest<const PLAINTEXT: bool> {
    key_id: String,
    context: EncryptionContext,
    number_of_bytes: Option<i64>,
    key_spec: Option<DataKeySpec>,
    recipient: Option<Recipient>,
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DataKeySpec {
    Aes256,
    Aes128,
}

impl ModelEnum for DataKeySpec {
    const ALL: &'static [Self] = &[Self::Aes256, Self::Aes128];

    fn name(self) -> &'static str {
        match self {
            Self::Aes256 => "AES_256",
            Self::Aes128 => "AES_128",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GenerateDataKeyResponse {
    ciphertext_blob: Blob,
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<SecretBlob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ciphertext_for_recipient: Option<Blob>,
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_id: Option<MaterialId>,
}

impl<const PLAINTEXT: bool> DataKeyRequest<PLAINTEXT> {
    /// Length in bytes; exactly one of the two members says it.
    fn length(&self) -> Result<usize, Error> {
        let length = match (self.key_spec, self.number_of_bytes) {
            (Some(DataKeySpec::Aes256), None) => Some(32),
            (Some(DataKeySpec::Aes128), None) => Some(16),
            (None, Some(bytes)) => usize::try_from(bytes).ok(),
            (None, None) | (Some(_), Some(_)) => None,
        };
        let text = "Please specify either number of bytes or key spec.";
        length.ok_or_else(|| Error::Validation(text.to_owned()))
    }
}

impl<const PLAINTEXT: bool> Request for DataKeyRequest<PLAINTEXT> {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        shape::grant_tokens(members)?;
        Ok(Self {
            key_id: shape::key_id(members, "KeyId")?,
            context: members.encryption_context("EncryptionContext")?,
            number_of_bytes: members.integer("NumberOfBytes", Bounds(1, 1024))?,
            key_spec: members.choice("KeySpec")?,
            recipient: if PLAINTEXT { Recipient::read(members)? } else { None },
            dry_run: members.flag("DryRun")?,
        })
    }

    fn check(&self) -> Result<(), Error> {
        self.length().map(drop)
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.optional_text("keySpec", self.key_spec.map(ModelEnum::name));
        parameters.optional_number("numberOfBytes", self.number_of_bytes);
        parameters.map("encryptionContext", self.context.pairs());
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

/// A data key in both forms.
pub(super) struct DataKey {
    pub(super) plaintext: SecretBytes,
    pub(super) blob: Vec<u8>,
    pub(super) material: Option<KeyMaterialId>,
}

/// Makes a data key and encrypts it.
pub(super) async fn make<const PLAINTEXT: bool>(
    env: &Env,
    key: &Permitted,
    request: &DataKeyRequest<PLAINTEXT>,
    operation: &'static str,
) -> Result<DataKey, Error> {
    refuse_asymmetric(key, operation)?;
    let plaintext = SecretBytes::generate(request.length()?, |bytes| env.entropy.fill_secret(bytes))?;
    let Encrypted { blob, material } = encrypt_copy(env, key, &request.context, &plaintext).await?;
    Ok(DataKey { plaintext, blob, material })
}

/// Data keys and data key pairs are made under symmetric keys only.
pub(super) fn refuse_asymmetric(key: &Permitted, operation: &'static str) -> Result<(), Error> {
    if key.is_symmetric() {
        return Ok(());
    }
    let (key, usage) = (key.arn(), key.key().usage());
    Err(Error::InvalidKeyUsage(InvalidKeyUsage::Usage { key, usage, operation }))
}

/// The encrypted form of what is also given in clear.
pub(super) async fn encrypt_copy(
    env: &Env,
    key: &Permitted,
    context: &EncryptionContext,
    secret: &SecretBytes,
) -> Result<Encrypted, Error> {
    let copy = SecretBytes::from(secret.reveal(Reveal::ToCipher).to_vec());
    key.encrypt(env, EncryptionAlgorithm::SymmetricDefault, context, copy, true).await
}

/// What both operations tell the policies.
pub(super) fn data_key_facts<const PLAINTEXT: bool>(request: &DataKeyRequest<PLAINTEXT>) -> Facts<'_> {
    Facts {
        context: Some(&request.context),
        encryption_algorithm: Some(EncryptionAlgorithm::SymmetricDefault),
        recipient: recipient::measured(request.recipient.as_ref()),
        ..Facts::default()
    }
}

/// The key both operations work on.
pub(super) fn data_key_target<const PLAINTEXT: bool>(
    request: &DataKeyRequest<PLAINTEXT>,
) -> Result<Vec<Target<'_>>, Error> {
    Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
}

impl Operation for GenerateDataKey {
    const SPEC: OpSpec = OpSpec {
        name: "GenerateDataKey",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:GenerateDataKey",
            forms: Forms::Any,
            usage: Some(UsageRule::Needs(KeyUsage::EncryptDecrypt)),
            states: StateRule::Usable,
        }],
    };

    type Request = DataKeyRequest<true>;
    type Response = GenerateDataKeyResponse;

    fn targets(request: &DataKeyRequest<true>) -> Result<Vec<Target<'_>>, Error> {
        data_key_target(request)
    }

    fn facts(request: &DataKeyRequest<true>, _index: usize) -> Facts<'_> {
        data_key_facts(request)
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: DataKeyRequest<true>,
    ) -> Result<Outcome<GenerateDataKeyResponse>, Error> {
        let key = permits.into_one()?;
        let data_key = make(env, &key, &request, Self::SPEC.name).await?;
        let to = request.recipient.as_ref();
        let delivered = deliver(to, data_key.plaintext)?;
        let mut outcome = Outcome::unchanged(GenerateDataKeyResponse {
            ciphertext_blob: Blob(data_key.blob),
            plaintext: delivered.clear,
            ciphertext_for_recipient: delivered.for_recipient,
            key_id: key.arn(),
            key_material_id: data_key.material.filter(|_| to.is_none()).map(MaterialId),
        });
        outcome.notes.recipient(to);
        outcome.notes.material("keyMaterialId", data_key.material);
        Ok(outcome)
    }
}
