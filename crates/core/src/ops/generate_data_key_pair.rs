//! GenerateDataKeyPair: a fresh key pair for use outside, its private key in clear and encrypted under a symmetric KMS
//! key.
//!
//! Public keys are DER SubjectPublicKeyInfo, private keys PKCS#8; the encrypted private key is a ciphertext like any
//! other, which Decrypt opens.

use reseal_policy::ConditionKey;
use reseal_types::{
    EncryptionAlgorithm, EncryptionContext, KeyMaterialId, KeyRef, KeySpec, KeyUsage, Origin, SecretBytes,
};
use serde::Serialize;

use super::{
    generate_data_key::{encrypt_copy, refuse_asymmetric},
    shape::{self, Blob, MaterialId, SecretBlob},
};
use crate::{
    call::Call,
    env::Env,
    error::{Cause, Error},
    json::JsonObject,
    material::{self, Fresh},
    members::{Members, ModelEnum},
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target, UsageRule},
    permit::{Encrypted, Permits, Permitted},
    recipient::{self, Recipient, deliver},
};

pub(crate) struct GenerateDataKeyPair;

/// What GenerateDataKeyPair and GenerateDataKeyPairWithoutPlaintext are asked: only the one with a plaintext in its
/// answer knows of a recipient.
pub(crate) struct DataKeyPairRequest<const PLAINTEXT: bool> {
    key_id: String,
    context: EncryptionContext,
    pair_spec: PairSpec,
    recipient: Option<Recipient>,
    dry_run: bool,
}

/// `DataKeyPairSpec`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PairSpec(KeySpec);

impl ModelEnum for PairSpec {
    const ALL: &'static [Self] = &[
        Self(KeySpec::Rsa2048),
        Self(KeySpec::Rsa3072),
        Self(KeySpec::Rsa4096),
        Self(KeySpec::EccNistP256),
        Self(KeySpec::EccNistP384),
        Self(KeySpec::EccNistP521),
        Self(KeySpec::EccSecgP256k1),
        Self(KeySpec::Sm2),
        Self(KeySpec::EccNistEdwards25519),
        Self(KeySpec::MlKem512),
        Self(KeySpec::MlKem768),
        Self(KeySpec::MlKem1024),
    ];

    fn name(self) -> &'static str {
        self.0.as_str()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GenerateDataKeyPairResponse {
    private_key_ciphertext_blob: Blob,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key_plaintext: Option<SecretBlob>,
    public_key: Blob,
    key_id: String,
    key_pair_spec: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ciphertext_for_recipient: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_id: Option<MaterialId>,
}

impl<const PLAINTEXT: bool> DataKeyPairRequest<PLAINTEXT> {
    pub(super) fn pair_spec(&self) -> &'static str {
        self.pair_spec.name()
    }

    /// The key that encrypts the private key.
    pub(super) fn target(&self) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&self.key_id)?)])
    }

    /// What the policies may ask.
    pub(super) fn facts(&self) -> Facts<'_> {
        Facts {
            context: Some(&self.context),
            encryption_algorithm: Some(EncryptionAlgorithm::SymmetricDefault),
            recipient: recipient::measured(self.recipient.as_ref()),
            values: vec![(ConditionKey::DataKeyPairSpec, self.pair_spec().to_owned())],
            ..Facts::default()
        }
    }
}

impl<const PLAINTEXT: bool> Request for DataKeyPairRequest<PLAINTEXT> {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        shape::grant_tokens(members)?;
        let context = members.encryption_context("EncryptionContext")?;
        let key_id = shape::key_id(members, "KeyId")?;
        let pair_spec = members.required_choice("KeyPairSpec")?;
        Ok(Self {
            key_id,
            context,
            pair_spec: pair_spec.unwrap_or(PairSpec(KeySpec::EccNistP256)),
            recipient: if PLAINTEXT { Recipient::read(members)? } else { None },
            dry_run: members.flag("DryRun")?,
        })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("keyPairSpec", self.pair_spec());
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

/// Keys in custom key stores make no key pairs, whatever their state.
pub(super) const OWN_MATERIAL: StateRule =
    StateRule::Origin(&[Origin::AwsKms, Origin::External], &StateRule::Usable);

/// A key pair, its private key in both forms.
pub(super) struct DataKeyPair {
    pub(super) private: SecretBytes,
    pub(super) public: Vec<u8>,
    pub(super) blob: Vec<u8>,
    pub(super) material: Option<KeyMaterialId>,
}

/// Makes a key pair and encrypts its private key.
pub(super) async fn make<const PLAINTEXT: bool>(
    env: &Env,
    key: &Permitted,
    request: &DataKeyPairRequest<PLAINTEXT>,
    operation: &'static str,
) -> Result<DataKeyPair, Error> {
    refuse_asymmetric(key, operation)?;
    if request.dry_run {
        // Nothing can fail from here on, and the search for RSA primes is long.
        return Err(Error::DryRun);
    }
    let Fresh { bytes: private, public_key } =
        material::generate_data_key_pair(env, request.pair_spec.0).await?;
    let public = public_key.ok_or(Error::Internal(Cause::Crypto("generation of a key pair")))?;
    let Encrypted { blob, material } = encrypt_copy(env, key, &request.context, &private).await?;
    Ok(DataKeyPair { private, public, blob, material })
}

impl Operation for GenerateDataKeyPair {
    const SPEC: OpSpec = OpSpec {
        name: "GenerateDataKeyPair",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:GenerateDataKeyPair",
            forms: Forms::Any,
            usage: Some(UsageRule::Needs(KeyUsage::EncryptDecrypt)),
            states: OWN_MATERIAL,
        }],
    };

    type Request = DataKeyPairRequest<true>;
    type Response = GenerateDataKeyPairResponse;

    fn targets(request: &DataKeyPairRequest<true>) -> Result<Vec<Target<'_>>, Error> {
        request.target()
    }

    fn facts(request: &DataKeyPairRequest<true>, _index: usize) -> Facts<'_> {
        request.facts()
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: DataKeyPairRequest<true>,
    ) -> Result<Outcome<GenerateDataKeyPairResponse>, Error> {
        let key = permits.into_one()?;
        let pair = make(env, &key, &request, Self::SPEC.name).await?;
        let to = request.recipient.as_ref();
        let delivered = deliver(to, pair.private)?;
        let mut outcome = Outcome::unchanged(GenerateDataKeyPairResponse {
            private_key_ciphertext_blob: Blob(pair.blob),
            private_key_plaintext: delivered.clear,
            public_key: Blob(pair.public),
            key_id: key.arn(),
            key_pair_spec: request.pair_spec(),
            ciphertext_for_recipient: delivered.for_recipient,
            key_material_id: pair.material.filter(|_| to.is_none()).map(MaterialId),
        });
        outcome.notes.recipient(to);
        outcome.notes.material("keyMaterialId", pair.material);
        Ok(outcome)
    }
}
