//! EnableKeyRotation: from now on the KMS key gets new key material by itself, once in every period.

use reseal_policy::ConditionKey;
use reseal_types::{KeyRef, Origin};

use super::shape;
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::{Bounds, Members},
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::{Permits, Permitted},
    record::Rotation,
    rotation,
    schedule::put_key,
    vault::Changes,
};

pub(crate) struct EnableKeyRotation;

pub(crate) struct EnableKeyRotationRequest {
    key_id: String,
    period_days: u32,
}

const DEFAULT_PERIOD_DAYS: u32 = 365;

impl Request for EnableKeyRotationRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let key_id = shape::key_id(members, "KeyId")?;
        let days = members.integer("RotationPeriodInDays", Bounds(90, 2_560))?;
        let period_days = days.and_then(|days| u32::try_from(days).ok()).unwrap_or(DEFAULT_PERIOD_DAYS);
        Ok(Self { key_id, period_days })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.number("rotationPeriodInDays", self.period_days.into());
    }
}

impl Operation for EnableKeyRotation {
    const SPEC: OpSpec = OpSpec {
        name: "EnableKeyRotation",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: true,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:EnableKeyRotation",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Origin(&[Origin::AwsKms], &StateRule::Usable),
        }],
    };

    type Request = EnableKeyRotationRequest;
    type Response = ();

    fn targets(request: &EnableKeyRotationRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(request: &EnableKeyRotationRequest, _index: usize) -> Facts<'_> {
        let period = (ConditionKey::RotationPeriodInDays, request.period_days.to_string());
        Facts { values: vec![period], ..Facts::default() }
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: EnableKeyRotationRequest,
    ) -> Result<Outcome<()>, Error> {
        let permitted = permits.into_one()?;
        let EnableKeyRotationRequest { period_days, .. } = request;
        let current = permitted.key().record.rotation;
        if current.is_some_and(|rotation| rotation.period_days == period_days) {
            // Said again: the date stays, or a key whose owner says so every day would never rotate.
            rotation::check_schedulable(&permitted)?;
            return Ok(Outcome::unchanged(()));
        }
        let next = env.clock.now().plus_days(period_days);
        set_rotation(env, &permitted, Some(Rotation { period_days, next })).await
    }
}

/// Switches automatic rotation on or off, for the key and for all keys related to it.
pub(super) async fn set_rotation(
    env: &Env,
    permitted: &Permitted,
    rotation: Option<Rotation>,
) -> Result<Outcome<()>, Error> {
    rotation::check_schedulable(permitted)?;
    let key = permitted.key();
    let mut changes = Changes::default();
    if key.record.rotation == rotation {
        return Ok(Outcome::unchanged(()));
    }
    let mut record = key.record.clone();
    record.rotation = rotation;
    put_key(&mut changes, Some(&key.record), &record)?;
    let synchronized = env.change_related(&mut changes, &record, |related| related.share(&record)).await?;
    let mut outcome = Outcome::changed((), changes);
    outcome.notes.events.extend(synchronized);
    Ok(outcome)
}
