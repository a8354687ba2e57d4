//! DisableKeyRotation: the KMS key keeps its key material until somebody rotates it on demand. No error when rotation
//! is off already.

use reseal_types::{KeyRef, Origin};

use super::{enable_key_rotation::set_rotation, shape::KeyIdRequest};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, StateRule, Target},
    permit::Permits,
};

pub(crate) struct DisableKeyRotation;

impl Operation for DisableKeyRotation {
    const SPEC: OpSpec = OpSpec {
        name: "DisableKeyRotation",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: true,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:DisableKeyRotation",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Origin(&[Origin::AwsKms], &StateRule::Usable),
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
        set_rotation(env, &permits.into_one()?, None).await
    }
}
