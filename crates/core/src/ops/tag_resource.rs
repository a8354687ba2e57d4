//! TagResource: sets tags of a KMS key; an existing tag key gets the new value.

use reseal_types::KeyRef;

use super::shape;
use crate::{
    call::Call,
    env::Env,
    error::{Error, TagProblem},
    json::JsonObject,
    members::Members,
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
    vault::Changes,
};

pub(crate) struct TagResource;

pub(crate) struct TagResourceRequest {
    key_id: String,
    tags: Vec<(String, String)>,
}

impl Request for TagResourceRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let key_id = shape::key_id(members, "KeyId")?;
        let tags = shape::tags(members)?;
        members.require("Tags", tags.is_some());
        Ok(Self { key_id, tags: tags.unwrap_or_default() })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        describe_tags(parameters, &self.tags);
    }
}

/// Tags as audit records show them.
pub(super) fn describe_tags(parameters: &mut JsonObject<'_>, tags: &[(String, String)]) {
    parameters.objects("tags", tags, |object, (key, value)| {
        object.text("tagKey", key);
        object.text("tagValue", value);
    });
}

impl Operation for TagResource {
    const SPEC: OpSpec = OpSpec {
        name: "TagResource",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: true,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:TagResource",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::NotPendingDeletion,
        }],
    };

    type Request = TagResourceRequest;
    type Response = ();

    fn targets(request: &TagResourceRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(request: &TagResourceRequest, _index: usize) -> Facts<'_> {
        Facts { tags: &request.tags, ..Facts::default() }
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: TagResourceRequest,
    ) -> Result<Outcome<()>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        let most = env.settings.tags_per_key;
        shape::check_tags(&request.tags, most)?;
        let mut record = key.record.clone();
        for (name, value) in request.tags {
            match record.tags.iter_mut().find(|(known, _)| *known == name) {
                Some(tag) => tag.1 = value,
                None => record.tags.push((name, value)),
            }
        }
        if record.tags.len() > most {
            return Err(Error::Tag(TagProblem::TooMany));
        }
        let mut changes = Changes::default();
        changes.put(key.place()?, &record);
        Ok(Outcome::changed((), changes))
    }
}
