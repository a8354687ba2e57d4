//! EnableKey: makes a disabled KMS key usable again. No error when it is enabled already.

use reseal_types::KeyRef;

use super::shape::KeyIdRequest;
use crate::{
    call::Call,
    env::Env,
    error::Error,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, StateRule, Target},
    permit::Permits,
    vault::Changes,
};

pub(crate) struct EnableKey;

impl Operation for EnableKey {
    const SPEC: OpSpec = OpSpec {
        name: "EnableKey",
        read_only: false,
        cross_account: false,
        empty_response: true,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:EnableKey",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::NotPendingDeletion,
        }],
    };

    type Request = KeyIdRequest;
    type Response = ();

    fn targets(request: &KeyIdRequest) -> Result<Vec<Target>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    async fn execute(
        _env: &Env,
        _call: &Call,
        permits: Permits,
        _request: KeyIdRequest,
    ) -> Result<Outcome<()>, Error> {
        switch(permits, true)
    }
}

/// Switches the key on or off; nothing changes when it is so already.
pub(super) fn switch(permits: Permits, enabled: bool) -> Result<Outcome<()>, Error> {
    let permitted = permits.into_one()?;
    let key = permitted.key();
    let mut changes = Changes::default();
    if key.record.enabled != enabled {
        let mut record = key.record.clone();
        record.enabled = enabled;
        changes.put(key.place()?, &record);
    }
    Ok(Outcome::changed((), changes))
}
