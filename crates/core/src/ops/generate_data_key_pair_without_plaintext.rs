//! GenerateDataKeyPairWithoutPlaintext: a fresh key pair for use outside, its private key encrypted only.

use reseal_types::KeyUsage;
use serde::Serialize;

use super::{
    generate_data_key_pair::{DataKeyPairRequest, OWN_MATERIAL, make},
    shape::{Blob, MaterialId},
};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Target, UsageRule},
    permit::Permits,
};

pub(crate) struct GenerateDataKeyPairWithoutPlaintext;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GenerateDataKeyPairWithoutPlaintextResponse {
    private_key_ciphertext_blob: Blob,
    public_key: Blob,
    key_id: String,
    key_pair_spec: &'static str,
    key_material_id: Option<MaterialId>,
}

impl Operation for GenerateDataKeyPairWithoutPlaintext {
    const SPEC: OpSpec = OpSpec {
        name: "GenerateDataKeyPairWithoutPlaintext",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:GenerateDataKeyPairWithoutPlaintext",
            forms: Forms::Any,
            usage: Some(UsageRule::Needs(KeyUsage::EncryptDecrypt)),
            states: OWN_MATERIAL,
        }],
    };

    type Request = DataKeyPairRequest<false>;
    type Response = GenerateDataKeyPairWithoutPlaintextResponse;

    fn targets(request: &DataKeyPairRequest<false>) -> Result<Vec<Target<'_>>, Error> {
        request.target()
    }

    fn facts(request: &DataKeyPairRequest<false>, _index: usize) -> Facts<'_> {
        request.facts()
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: DataKeyPairRequest<false>,
    ) -> Result<Outcome<GenerateDataKeyPairWithoutPlaintextResponse>, Error> {
        let key = permits.into_one()?;
        let pair = make(env, &key, &request, Self::SPEC.name).await?;
        let mut outcome = Outcome::unchanged(GenerateDataKeyPairWithoutPlaintextResponse {
            private_key_ciphertext_blob: Blob(pair.blob),
            public_key: Blob(pair.public),
            key_id: key.arn(),
            key_pair_spec: request.pair_spec(),
            key_material_id: pair.material.map(MaterialId),
        });
        outcome.notes.material("keyMaterialId", pair.material);
        Ok(outcome)
    }
}
