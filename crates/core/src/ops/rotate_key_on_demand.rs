//! RotateKeyOnDemand: gives a symmetric KMS key new key material. What the old material encrypted still decrypts;
//! ReEncrypt moves it to the newest. The schedule of automatic rotation stays as it is.

use reseal_types::{KeyRef, Origin, Timestamp};
use serde::Serialize;

use super::shape::KeyIdRequest;
use crate::{
    call::Call,
    env::Env,
    error::{Error, Limit, Unsupported},
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, StateRule, Target},
    permit::Permits,
    quota::room_for_one,
    record::{KeyRecord, RotationKind},
    rotation,
    schedule::put_key,
    vault::Changes,
};

pub(crate) struct RotateKeyOnDemand;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RotateKeyOnDemandResponse {
    key_id: String,
}

/// So shortly before an automatic rotation there is none on demand (ConflictException of the service model).
const QUIET_MILLIS: i64 = 20 * 60 * 1_000;

impl Operation for RotateKeyOnDemand {
    const SPEC: OpSpec = OpSpec {
        name: "RotateKeyOnDemand",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:RotateKeyOnDemand",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Origin(&[Origin::AwsKms, Origin::External], &StateRule::Usable),
        }],
    };

    type Request = KeyIdRequest;
    type Response = RotateKeyOnDemandResponse;

    fn targets(request: &KeyIdRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        _request: KeyIdRequest,
    ) -> Result<Outcome<RotateKeyOnDemandResponse>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        if !permitted.is_symmetric() {
            return Err(Error::Unsupported(Unsupported::NoText));
        }
        if !key.is_primary() {
            return Err(Error::Unsupported(Unsupported::NotPrimary(permitted.arn())));
        }
        let mut record = key.record.clone();
        let kinds = record.materials.iter().filter_map(|material| material.rotation);
        let on_demand = kinds.filter(|kind| *kind == RotationKind::OnDemand).count();
        let most = env.settings.on_demand_rotations;
        room_for_one(on_demand, most, |_| Limit::OnDemandRotations(permitted.arn()))?;
        if is_about_to_rotate(&record, env.clock.now()) {
            return Err(Error::RotationConflict);
        }
        let mut changes = Changes::default();
        let notes = match record.origin {
            Origin::External => rotation::rotate_imported(env, &mut changes, &mut record).await?,
            _ => rotation::rotate(env, &mut changes, &mut record, RotationKind::OnDemand).await?,
        };
        put_key(&mut changes, Some(&key.record), &record)?;
        let mut outcome = Outcome::changed(RotateKeyOnDemandResponse { key_id: permitted.arn() }, changes);
        outcome.notes.events.extend(notes);
        outcome.notes.elements(|elements| elements.text("keyId", key.arn()));
        Ok(outcome)
    }
}

fn is_about_to_rotate(record: &KeyRecord, now: Timestamp) -> bool {
    record.rotation.is_some_and(|rotation| rotation.next.millis() - now.millis() <= QUIET_MILLIS)
}
