//! EnableKey: makes a disabled KMS key usable again. No error when it is enabled already. An automatic rotation that
//! was due while the key was disabled takes place with it.

use reseal_types::KeyRef;

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

pub(crate) struct EnableKey;

impl Operation for EnableKey {
    const SPEC: OpSpec = OpSpec {
        name: "EnableKey",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: true,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:EnableKey",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::HasMaterial,
        }],
    };

    type Request = KeyIdRequest;
    type Response = ();

    fn targets(request: &KeyIdRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        _request: KeyIdRequest,
    ) -> Result<Outcome<()>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        let mut changes = Changes::default();
        if key.record.enabled {
            return Ok(Outcome::unchanged(()));
        }
        let mut record = key.record.clone();
        record.enabled = true;
        let rotated = if record.rotation_is_overdue(env.clock.now()) {
            rotation::rotate(env, &mut changes, &mut record, RotationKind::Automatic).await?
        } else {
            Vec::new()
        };
        put_key(&mut changes, Some(&key.record), &record)?;
        let mut outcome = Outcome::changed((), changes);
        outcome.notes.events.extend(rotated);
        Ok(outcome)
    }
}
