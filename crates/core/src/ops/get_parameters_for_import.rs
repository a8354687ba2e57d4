//! GetParametersForImport: a public key to wrap key material with, and a token that goes with it.

use reseal_crypto::import::generate_wrapping_key;
use reseal_policy::ConditionKey;
use reseal_types::{KeyRef, Origin, WrappingAlgorithm, WrappingKeySpec};
use serde::Serialize;

use super::shape::{self, Blob, EpochSeconds};
use crate::{
    call::Call,
    env::{Env, offload},
    error::{Cause, Error, Unsupported},
    import_token::ImportToken,
    json::JsonObject,
    members::Members,
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
};

pub(crate) struct GetParametersForImport;

pub(crate) struct GetParametersForImportRequest {
    key_id: String,
    algorithm: WrappingAlgorithm,
    spec: WrappingKeySpec,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetParametersForImportResponse {
    key_id: String,
    import_token: Blob,
    public_key: Blob,
    parameters_valid_to: EpochSeconds,
}

/// For so long token and public key are good.
const VALID_DAYS: u32 = 1;

impl Request for GetParametersForImportRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            key_id: shape::key_id(members, "KeyId")?,
            algorithm: members
                .required_choice("WrappingAlgorithm")?
                .unwrap_or(WrappingAlgorithm::RsaesPkcs1V15),
            spec: members.required_choice("WrappingKeySpec")?.unwrap_or(WrappingKeySpec::Rsa2048),
        })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("wrappingAlgorithm", self.algorithm.as_str());
        parameters.text("wrappingKeySpec", self.spec.as_str());
    }
}

impl Operation for GetParametersForImport {
    const SPEC: OpSpec = OpSpec {
        name: "GetParametersForImport",
        read_only: true,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:GetParametersForImport",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Origin(&[Origin::External], &StateRule::NotPendingDeletion),
        }],
    };

    type Request = GetParametersForImportRequest;
    type Response = GetParametersForImportResponse;

    fn targets(request: &GetParametersForImportRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(request: &GetParametersForImportRequest, _index: usize) -> Facts<'_> {
        let values = vec![
            (ConditionKey::WrappingAlgorithm, request.algorithm.to_string()),
            (ConditionKey::WrappingKeySpec, request.spec.to_string()),
        ];
        Facts { values, ..Facts::default() }
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: GetParametersForImportRequest,
    ) -> Result<Outcome<GetParametersForImportResponse>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        let GetParametersForImportRequest { algorithm, spec, .. } = request;
        if !key.spec().takes_wrapping(algorithm, spec) {
            return Err(Error::Unsupported(Unsupported::Wrapping(key.spec(), algorithm, spec)));
        }
        let generated = {
            let _one_at_a_time = env.generation.lock().await;
            offload(env.workers.as_ref(), move || generate_wrapping_key(spec)).await?
        };
        let pair = generated.map_err(|_| Error::Internal(Cause::Crypto("generation of a wrapping key")))?;
        let public_key = Blob(pair.spki.clone());
        let valid_to = env.clock.now().plus_days(VALID_DAYS);
        let token = ImportToken::new(algorithm, spec, valid_to, pair);
        Ok(Outcome::unchanged(GetParametersForImportResponse {
            key_id: permitted.arn(),
            import_token: Blob(token.seal(env, &key.record)?),
            public_key,
            parameters_valid_to: EpochSeconds(valid_to),
        }))
    }
}
