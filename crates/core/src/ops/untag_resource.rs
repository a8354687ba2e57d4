//! UntagResource: removes tags of a KMS key; unknown tag keys are ignored.

use reseal_types::KeyRef;

use super::shape;
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::{Bounds, Members},
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
    vault::Changes,
};

pub(crate) struct UntagResource;

pub(crate) struct UntagResourceRequest {
    key_id: String,
    tag_keys: Vec<String>,
}

impl Request for UntagResourceRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let key_id = shape::key_id(members, "KeyId")?;
        let tag_keys = members.texts("TagKeys", Bounds(0, i64::MAX), Bounds(1, 128))?;
        members.require("TagKeys", tag_keys.is_some());
        Ok(Self { key_id, tag_keys: tag_keys.unwrap_or_default() })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.texts("tagKeys", self.tag_keys.iter().map(String::as_str));
    }
}

impl Operation for UntagResource {
    const SPEC: OpSpec = OpSpec {
        name: "UntagResource",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: true,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:UntagResource",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::NotPendingDeletion,
        }],
    };

    type Request = UntagResourceRequest;
    type Response = ();

    fn targets(request: &UntagResourceRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(request: &UntagResourceRequest, _index: usize) -> Facts<'_> {
        Facts { tag_keys: &request.tag_keys, ..Facts::default() }
    }

    async fn execute(
        _env: &Env,
        _call: &Call,
        permits: Permits,
        request: UntagResourceRequest,
    ) -> Result<Outcome<()>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        shape::check_tag_keys(request.tag_keys.iter().map(String::as_str))?;
        let mut record = key.record.clone();
        record.tags.retain(|(name, _)| !request.tag_keys.contains(name));
        let mut changes = Changes::default();
        if record.tags.len() != key.record.tags.len() {
            changes.put(key.place()?, &record);
        }
        Ok(Outcome::changed((), changes))
    }
}
