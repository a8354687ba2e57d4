//! UpdateKeyDescription: replaces the description of a KMS key; an empty one is allowed.

use reseal_types::KeyRef;

use super::shape;
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::Members,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
    vault::Changes,
};

pub(crate) struct UpdateKeyDescription;

pub(crate) struct UpdateKeyDescriptionRequest {
    key_id: String,
    description: String,
}

impl Request for UpdateKeyDescriptionRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            key_id: shape::key_id(members, "KeyId")?,
            description: members.required_text("Description", shape::DESCRIPTION)?,
        })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("description", &self.description);
    }
}

impl Operation for UpdateKeyDescription {
    const SPEC: OpSpec = OpSpec {
        name: "UpdateKeyDescription",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: true,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:UpdateKeyDescription",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::NotPendingDeletion,
        }],
    };

    type Request = UpdateKeyDescriptionRequest;
    type Response = ();

    fn targets(request: &UpdateKeyDescriptionRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    async fn execute(
        _env: &Env,
        _call: &Call,
        permits: Permits,
        request: UpdateKeyDescriptionRequest,
    ) -> Result<Outcome<()>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        let mut record = key.record.clone();
        record.description = request.description;
        let mut changes = Changes::default();
        changes.put(key.place()?, &record);
        Ok(Outcome::changed((), changes))
    }
}
