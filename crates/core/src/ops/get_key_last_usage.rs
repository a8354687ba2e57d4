//! GetKeyLastUsage: which call used the KMS key last, as far back as uses are known.

use reseal_types::KeyRef;
use serde::Serialize;

use super::shape::{EpochSeconds, KeyIdRequest};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, StateRule, Target},
    permit::Permits,
    record::LastUseRecord,
};

pub(crate) struct GetKeyLastUsage;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetKeyLastUsageResponse {
    key_id: String,
    key_last_usage: KeyLastUsage,
    tracking_start_date: EpochSeconds,
    key_creation_date: EpochSeconds,
}

/// `KeyLastUsageData`: an empty object when no use is known.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyLastUsage {
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<EpochSeconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_trail_event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_request_id: Option<String>,
}

impl From<LastUseRecord> for KeyLastUsage {
    fn from(last: LastUseRecord) -> Self {
        Self {
            operation: Some(last.operation),
            timestamp: Some(EpochSeconds(last.at)),
            cloud_trail_event_id: Some(last.event_id),
            kms_request_id: Some(last.request_id),
        }
    }
}

impl Operation for GetKeyLastUsage {
    const SPEC: OpSpec = OpSpec {
        name: "GetKeyLastUsage",
        read_only: true,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:GetKeyLastUsage",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Any,
        }],
    };

    type Request = KeyIdRequest;
    type Response = GetKeyLastUsageResponse;

    fn targets(request: &KeyIdRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        _request: KeyIdRequest,
    ) -> Result<Outcome<GetKeyLastUsageResponse>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        Ok(Outcome::unchanged(GetKeyLastUsageResponse {
            key_id: key.record.id.to_string(),
            key_last_usage: env.last_use(key).await?.map(KeyLastUsage::from).unwrap_or_default(),
            tracking_start_date: EpochSeconds(env.tracked_from(key).await?),
            key_creation_date: EpochSeconds(key.record.created),
        }))
    }
}
