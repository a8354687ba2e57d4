//! GenerateDataKeyWithoutPlaintext: a fresh data key, encrypted only.

use reseal_types::KeyUsage;
use serde::Serialize;

use super::{
    generate_data_key::{DataKeyRequest, data_key_facts, data_key_target, make},
    shape::{Blob, MaterialId},
};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, StateRule, Target, UsageRule},
    permit::Permits,
};

pub(crate) struct GenerateDataKeyWithoutPlaintext;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GenerateDataKeyWithoutPlaintextResponse {
    ciphertext_blob: Blob,
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_id: Option<MaterialId>,
}

impl Operation for GenerateDataKeyWithoutPlaintext {
    const SPEC: OpSpec = OpSpec {
        name: "GenerateDataKeyWithoutPlaintext",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:GenerateDataKeyWithoutPlaintext",
            forms: Forms::Any,
            usage: Some(UsageRule::Needs(KeyUsage::EncryptDecrypt)),
            states: StateRule::Usable,
        }],
    };

    type Request = DataKeyRequest<false>;
    type Response = GenerateDataKeyWithoutPlaintextResponse;

    fn targets(request: &DataKeyRequest<false>) -> Result<Vec<Target<'_>>, Error> {
        data_key_target(request)
    }

    fn facts(request: &DataKeyRequest<false>, _index: usize) -> Facts<'_> {
        data_key_facts(request)
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: DataKeyRequest<false>,
    ) -> Result<Outcome<GenerateDataKeyWithoutPlaintextResponse>, Error> {
        let key = permits.into_one()?;
        let data_key = make(env, &key, &request, Self::SPEC.name).await?;
        let mut outcome = Outcome::unchanged(GenerateDataKeyWithoutPlaintextResponse {
            ciphertext_blob: Blob(data_key.blob),
            key_id: key.arn(),
            key_material_id: data_key.material.map(MaterialId),
        });
        outcome.notes.material("keyMaterialId", data_key.material);
        Ok(outcome)
    }
}
