//! ListResourceTags: the tags of a KMS key, sorted by tag key.

use reseal_types::KeyRef;
use serde::Serialize;

use super::shape::{self, List, Paging, Tag};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::Members,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
};

pub(crate) struct ListResourceTags;

pub(crate) struct ListResourceTagsRequest {
    key_id: String,
    paging: Paging,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListResourceTagsResponse {
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

const MOST: i64 = 50;
const DEFAULT: u16 = 50;

impl Request for ListResourceTagsRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self { key_id: shape::key_id(members, "KeyId")?, paging: Paging::read(members, MOST)? })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        self.paging.describe(parameters);
    }
}

impl Operation for ListResourceTags {
    const SPEC: OpSpec = OpSpec {
        name: "ListResourceTags",
        read_only: true,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:ListResourceTags",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Any,
        }],
    };

    type Request = ListResourceTagsRequest;
    type Response = ListResourceTagsResponse;

    fn targets(request: &ListResourceTagsRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    async fn execute(
        env: &Env,
        call: &Call,
        permits: Permits,
        request: ListResourceTagsRequest,
    ) -> Result<Outcome<ListResourceTagsResponse>, Error> {
        let permitted = permits.into_one()?;
        let list = List::new(&Self::SPEC, call, &[&permitted.arn()]);
        let after = request.paging.after(env, &list)?;
        let limit = request.paging.limit(DEFAULT).into();
        let mut tags = permitted.key().record.tags.clone();
        tags.sort_unstable();
        tags.retain(|(key, _)| after.as_ref().is_none_or(|after| key > after));
        let truncated = tags.len() > limit;
        tags.truncate(limit);
        let next_marker = match tags.last() {
            Some((last, _)) if truncated => Some(list.marker(env, last)?),
            _ => None,
        };
        let tags = tags.into_iter().map(Tag::from).collect();
        Ok(Outcome::unchanged(ListResourceTagsResponse { tags, next_marker, truncated }))
    }
}
