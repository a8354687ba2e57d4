//! CancelKeyDeletion: ends the waiting period. The KMS key is disabled afterwards; EnableKey is a call of its own.
//! Automatic rotation is as it was before; one that should have taken place meanwhile is made up for.

use reseal_types::KeyRef;
use serde::Serialize;

use super::shape::KeyIdRequest;
use crate::{
    call::Call,
    env::Env,
    error::Error,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, StateRule, Target},
    permit::Permits,
    record::RotationKind,
    rotation,
    schedule::put_key,
    vault::Changes,
};

pub(crate) struct CancelKeyDeletion;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CancelKeyDeletionResponse {
    key_id: String,
}

impl Operation for CancelKeyDeletion {
    const SPEC: OpSpec = OpSpec {
        name: "CancelKeyDeletion",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:CancelKeyDeletion",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::PendingDeletion,
        }],
    };

    type Request = KeyIdRequest;
    type Response = CancelKeyDeletionResponse;

    fn targets(request: &KeyIdRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        _request: KeyIdRequest,
    ) -> Result<Outcome<CancelKeyDeletionResponse>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        let mut record = key.record.clone();
        let mut changes = Changes::default();
        record.deletion = None;
        if let Some(set) = &mut record.multi_region {
            set.waiting_days = None;
        }
        record.enabled = false;
        let rotated = if record.rotation_is_overdue(env.clock.now()) {
            rotation::rotate(env, &mut changes, &mut record, RotationKind::Automatic).await?
        } else {
            Vec::new()
        };
        put_key(&mut changes, Some(&key.record), &record)?;
        let response = CancelKeyDeletionResponse { key_id: permitted.arn() };
        let mut outcome = Outcome::changed(response, changes);
        outcome.notes.events.extend(rotated);
        outcome.notes.elements(|elements| elements.text("keyId", key.arn()));
        Ok(outcome)
    }
}
