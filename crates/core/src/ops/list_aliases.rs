//! ListAliases: the aliases of the caller's account in the Region, or those of one key, in order of their names.

use reseal_types::{AliasName, KeyId, KeyRef};
use serde::Serialize;

use super::shape::{self, EpochSeconds, List, Paging};
use crate::{
    call::Call,
    env::Env,
    error::{Error, NotFound},
    json::JsonObject,
    keyring::{alias_arn, key_arn},
    members::Members,
    operation::{OpSpec, Operation, Outcome, Request},
    permit::Permits,
    record::{AliasRecord, place},
    store::RecordKey,
};

pub(crate) struct ListAliases;

pub(crate) struct ListAliasesRequest {
    key_id: Option<String>,
    paging: Paging,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListAliasesResponse {
    aliases: Vec<AliasListEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AliasListEntry {
    alias_name: String,
    alias_arn: String,
    target_key_id: String,
    creation_date: EpochSeconds,
    last_updated_date: EpochSeconds,
}

const MOST: i64 = 100;
const DEFAULT: u16 = 50;

impl Request for ListAliasesRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self { key_id: shape::optional_key_id(members, "KeyId")?, paging: Paging::read(members, MOST)? })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.optional_text("keyId", self.key_id.as_deref());
        self.paging.describe(parameters);
    }
}

impl Operation for ListAliases {
    const SPEC: OpSpec = OpSpec {
        name: "ListAliases",
        read_only: true,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: Some("kms:ListAliases"),
        keys: &[],
    };

    type Request = ListAliasesRequest;
    type Response = ListAliasesResponse;

    async fn execute(
        env: &Env,
        call: &Call,
        _permits: Permits,
        request: ListAliasesRequest,
    ) -> Result<Outcome<ListAliasesResponse>, Error> {
        let filter = match &request.key_id {
            Some(text) => Some(own_key(env, call, KeyRef::parse(text)?)?),
            None => None,
        };
        let of = filter.map(|id| id.to_string()).unwrap_or_default();
        let list = List::new(&Self::SPEC, call, &[&of]);
        let after = request.paging.after(env, &list)?;
        let limit = request.paging.limit(DEFAULT);
        let (found, truncated) = match filter {
            None => all(env, call, after.as_deref(), limit).await?,
            Some(id) => of_key(env, call, id, after.as_deref(), limit).await?,
        };
        let next_marker = match found.last() {
            Some(last) if truncated => Some(list.marker(env, &last.name)?),
            _ => None,
        };
        let aliases = found.into_iter().filter_map(|found| entry(env, call, found)).collect();
        Ok(Outcome::unchanged(ListAliasesResponse { aliases, next_marker, truncated }))
    }
}

/// An alias by its name; no record when it was changed outside the service.
struct Found {
    name: String,
    record: Option<AliasRecord>,
}

/// The filter names a key of the caller's account and Region, by id or ARN.
fn own_key(env: &Env, call: &Call, reference: KeyRef<'_>) -> Result<KeyId, Error> {
    let own = call.caller.account();
    match reference {
        KeyRef::KeyId(id) => Ok(id),
        KeyRef::KeyArn(place, _) if place.region != call.region.as_str() => {
            Err(Error::NotFound(NotFound::OtherRegion(place.region.to_owned())))
        }
        KeyRef::KeyArn(place, id) if place.account == own => Ok(id),
        KeyRef::KeyArn(place, id) => {
            let arn = key_arn(&env.settings.partition, &call.region, place.account, id);
            Err(Error::NotFound(NotFound::Key(arn)))
        }
        KeyRef::AliasName(name) | KeyRef::AliasArn(_, name) => {
            Err(Error::NotFound(NotFound::InvalidKeyId(name.to_string())))
        }
    }
}

async fn all(env: &Env, call: &Call, after: Option<&str>, limit: u16) -> Result<(Vec<Found>, bool), Error> {
    let prefix = place::alias_prefix(call.caller.account(), &call.region);
    let after = after.and_then(|name| RecordKey::new(format!("{prefix}{name}").as_bytes()));
    let (page, more) = env.vault.scan::<AliasRecord>(&prefix, after.as_ref(), limit).await?;
    let found = page.into_iter().filter_map(|(place, held)| {
        let name = std::str::from_utf8(place.as_bytes()).ok()?.strip_prefix(&prefix)?.to_owned();
        Some(Found { name, record: held.ok().map(|held| held.record) })
    });
    Ok((found.collect(), more))
}

async fn of_key(
    env: &Env,
    call: &Call,
    id: KeyId,
    after: Option<&str>,
    limit: u16,
) -> Result<(Vec<Found>, bool), Error> {
    let own = call.caller.account();
    let key = env.key(&call.region, id).await?.filter(|key| key.record.account == own);
    let absent = || Error::NotFound(NotFound::Key(key_arn(&env.settings.partition, &call.region, own, id)));
    let key = key.ok_or_else(absent)?;
    let mut names: Vec<&AliasName> = key.record.aliases.iter().collect();
    names.sort_unstable();
    names.retain(|name| after.is_none_or(|after| name.as_str() > after));
    let more = names.len() > usize::from(limit);
    names.truncate(limit.into());
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let place = place::alias(own, &call.region, name.as_str())?;
        let record = env.vault.read::<AliasRecord>(&place).await.ok().flatten();
        found.push(Found { name: name.to_string(), record: record.map(|held| held.record) });
    }
    Ok((found, more))
}

fn entry(env: &Env, call: &Call, found: Found) -> Option<AliasListEntry> {
    let AliasRecord { target, created, updated } = found.record?;
    let name = AliasName::parse(&found.name).ok()?;
    Some(AliasListEntry {
        alias_arn: alias_arn(&env.settings.partition, &call.region, call.caller.account(), &name),
        alias_name: found.name,
        target_key_id: target.to_string(),
        creation_date: EpochSeconds(created),
        last_updated_date: EpochSeconds(updated),
    })
}
