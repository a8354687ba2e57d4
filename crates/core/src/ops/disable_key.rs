//! DisableKey: no call that comes after the answer can use the KMS key.

use reseal_types::KeyRef;

use super::shape::KeyIdRequest;
use crate::{
    call::Call,
    env::Env,
    error::Error,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, StateRule, Target},
    permit::Permits,
    schedule::put_key,
    vault::Changes,
};

pub(crate) struct DisableKey;

impl Operation for DisableKey {
    const SPEC: OpSpec = OpSpec {
        name: "DisableKey",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: true,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:DisableKey",
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
        _env: &Env,
        _call: &Call,
        permits: Permits,
        _request: KeyIdRequest,
    ) -> Result<Outcome<()>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        let mut changes = Changes::default();
        if key.record.enabled {
            let mut record = key.record.clone();
            record.enabled = false;
            put_key(&mut changes, Some(&key.record), &record)?;
        }
        Ok(Outcome::changed((), changes))
    }
}
