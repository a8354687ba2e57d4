//! GetKeyRotationStatus: whether the KMS key rotates by itself, and when next. A rotation on demand is complete when
//! it is answered, so that none is ever in progress.

use reseal_types::{KeyRef, Origin};
use serde::Serialize;

use super::shape::{EpochSeconds, KeyIdRequest};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, StateRule, Target},
    permit::Permits,
};

pub(crate) struct GetKeyRotationStatus;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetKeyRotationStatusResponse {
    key_id: String,
    key_rotation_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_period_in_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_rotation_date: Option<EpochSeconds>,
}

impl Operation for GetKeyRotationStatus {
    const SPEC: OpSpec = OpSpec {
        name: "GetKeyRotationStatus",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:GetKeyRotationStatus",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Origin(&[Origin::AwsKms, Origin::External], &StateRule::AnyWithMaterial),
        }],
    };

    type Request = KeyIdRequest;
    type Response = GetKeyRotationStatusResponse;

    fn targets(request: &KeyIdRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    async fn execute(
        _env: &Env,
        _call: &Call,
        permits: Permits,
        _request: KeyIdRequest,
    ) -> Result<Outcome<GetKeyRotationStatusResponse>, Error> {
        let permitted = permits.into_one()?;
        let record = &permitted.key().record;
        // Suspended while the key waits for its deletion, and back when that is cancelled.
        let rotation = record.rotation.filter(|_| !record.awaits_deletion());
        Ok(Outcome::unchanged(GetKeyRotationStatusResponse {
            key_id: record.id.to_string(),
            key_rotation_enabled: rotation.is_some(),
            rotation_period_in_days: rotation.map(|rotation| rotation.period_days),
            next_rotation_date: rotation.map(|rotation| EpochSeconds(rotation.next)),
        }))
    }
}
