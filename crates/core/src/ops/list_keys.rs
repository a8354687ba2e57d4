//! ListKeys: the KMS keys of the caller's account in the Region, in order of their ids.

use serde::Serialize;

use super::shape::{List, Paging};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    keyring::key_arn,
    members::{Bounds, Members, ModelEnum},
    operation::{OpSpec, Operation, Outcome, Request},
    permit::Permits,
    record::{Marker, place},
    store::RecordKey,
};

pub(crate) struct ListKeys;

pub(crate) struct ListKeysRequest {
    paging: Paging,
    owners: Vec<ResourceOwner>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResourceOwner {
    SelfOwned,
    /// Keys shared by other accounts; this service has no resource sharing, so there are none.
    OtherAccounts,
}

impl ModelEnum for ResourceOwner {
    const ALL: &'static [Self] = &[Self::SelfOwned, Self::OtherAccounts];

    fn name(self) -> &'static str {
        match self {
            Self::SelfOwned => "SELF",
            Self::OtherAccounts => "OTHER_ACCOUNTS_VIA_RAM",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListKeysResponse {
    keys: Vec<KeyListEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyListEntry {
    key_id: String,
    key_arn: String,
}

const MOST: i64 = 1000;
const DEFAULT: u16 = 100;

impl Request for ListKeysRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            paging: Paging::read(members, MOST)?,
            owners: members.choices("ResourceOwners", Bounds(1, 2))?,
        })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        self.paging.describe(parameters);
    }
}

impl Operation for ListKeys {
    const SPEC: OpSpec = OpSpec {
        name: "ListKeys",
        read_only: true,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: Some("kms:ListKeys"),
        keys: &[],
    };

    type Request = ListKeysRequest;
    type Response = ListKeysResponse;

    async fn execute(
        env: &Env,
        call: &Call,
        _permits: Permits,
        request: ListKeysRequest,
    ) -> Result<Outcome<ListKeysResponse>, Error> {
        let account = call.caller.account();
        let prefix = place::account_key_prefix(account, &call.region);
        let own = request.owners.is_empty() || request.owners.contains(&ResourceOwner::SelfOwned);
        let shared = request.owners.contains(&ResourceOwner::OtherAccounts);
        let owners = [
            own.then_some(ResourceOwner::SelfOwned.name()),
            shared.then_some(ResourceOwner::OtherAccounts.name()),
        ];
        let owners: Vec<&str> = owners.into_iter().flatten().collect();
        let list = List::new(&Self::SPEC, call, &owners);
        let after = request.paging.after(env, &list)?;
        if !own {
            let (keys, next_marker) = (Vec::new(), None);
            return Ok(Outcome::unchanged(ListKeysResponse { keys, next_marker, truncated: false }));
        }
        let after = after.and_then(|after| RecordKey::new(after.as_bytes()));
        let limit = request.paging.limit(DEFAULT);
        let (page, truncated) = env.vault.scan::<Marker>(&prefix, after.as_ref(), limit).await?;
        let last = page.last().map(|(place, _)| place.to_string());
        let entry = |place: &RecordKey| {
            let id = std::str::from_utf8(place.as_bytes()).ok()?.strip_prefix(&prefix)?.parse().ok()?;
            let key_arn = key_arn(&env.settings.partition, &call.region, account, id);
            Some(KeyListEntry { key_id: id.to_string(), key_arn })
        };
        // An index entry that was changed outside the service has been reported; it hides no other key.
        let intact = page.iter().filter(|(_, marker)| marker.is_ok());
        let keys = intact.filter_map(|(place, _)| entry(place)).collect();
        let next_marker = match last {
            Some(last) if truncated => Some(list.marker(env, &last)?),
            _ => None,
        };
        Ok(Outcome::unchanged(ListKeysResponse { keys, next_marker, truncated }))
    }
}
