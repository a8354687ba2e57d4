//! ListGrants: the grants on a KMS key in order of creation.

use reseal_policy::ConditionKey;
use reseal_types::KeyRef;

use super::shape::{self, GrantList, GrantListEntry, List, Paging};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    grants::{digest_of, unless_tampered},
    json::JsonObject,
    keyring::Key,
    members::Members,
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
    record::{GrantPointer, GrantRecord, place},
    store::RecordKey,
};

pub(crate) struct ListGrants;

pub(crate) struct ListGrantsRequest {
    key_id: String,
    grant_id: Option<String>,
    grantee: Option<String>,
    grantee_service: Option<String>,
    paging: Paging,
}

pub(super) const MOST: i64 = 100;
pub(super) const DEFAULT: u16 = 50;

impl Request for ListGrantsRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            key_id: shape::key_id(members, "KeyId")?,
            grant_id: shape::optional_grant_id(members)?,
            grantee: shape::principal(members, "GranteePrincipal")?,
            grantee_service: shape::service_principal(members, "GranteeServicePrincipal")?,
            paging: Paging::read(members, MOST)?,
        })
    }

    fn check(&self) -> Result<(), Error> {
        let invalid = |text: &str| Err(Error::Validation(text.to_owned()));
        match (&self.grantee, &self.grantee_service) {
            (Some(_), Some(_)) => {
                invalid("GranteePrincipal and GranteeServicePrincipal cannot be specified together.")
            }
            (None, Some(_)) => {
                invalid("GranteeServicePrincipal can be specified by service principals only.")
            }
            (_, None) => self.grant_id.as_deref().map_or(Ok(()), |id| shape::parse_grant_id(id).map(drop)),
        }
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.optional_text("grantId", self.grant_id.as_deref());
        parameters.optional_text("granteePrincipal", self.grantee.as_deref());
        self.paging.describe(parameters);
    }
}

impl Operation for ListGrants {
    const SPEC: OpSpec = OpSpec {
        name: "ListGrants",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:ListGrants",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Any,
        }],
    };

    type Request = ListGrantsRequest;
    type Response = GrantList;

    fn targets(request: &ListGrantsRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(_request: &ListGrantsRequest, _index: usize) -> Facts<'_> {
        let values = vec![(ConditionKey::GrantIsForAwsResource, "false".to_owned())];
        Facts { values, ..Facts::default() }
    }

    async fn execute(
        env: &Env,
        call: &Call,
        permits: Permits,
        request: ListGrantsRequest,
    ) -> Result<Outcome<GrantList>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        let ListGrantsRequest { grant_id, grantee, paging, .. } = request;
        let filter = (grant_id.as_deref().unwrap_or_default(), grantee.as_deref().unwrap_or_default());
        let list = List::new(&Self::SPEC, call, &[key.arn(), filter.0, filter.1]);
        let after = paging.after(env, &list)?;
        let limit = paging.limit(DEFAULT);
        let page = match (&grant_id, &grantee) {
            (Some(id), _) => one(env, key, id, grantee.as_deref()).await?,
            (None, Some(grantee)) => of_grantee(env, key, grantee, after.as_deref(), limit).await?,
            (None, None) => all(env, key, after.as_deref(), limit).await?,
        };
        let next_marker = match page.more {
            Some(last) => Some(list.marker(env, &last)?),
            None => None,
        };
        let mut grants = Vec::with_capacity(page.grants.len());
        for grant in page.grants {
            grants.push(GrantListEntry::of(env, key, grant).await?);
        }
        let truncated = next_marker.is_some();
        Ok(Outcome::unchanged(GrantList { grants, next_marker, truncated }))
    }
}

/// Grants that open, and where the page ended if there are more. One that was changed outside the service is left out.
struct Page {
    grants: Vec<GrantRecord>,
    more: Option<String>,
}

async fn one(env: &Env, key: &Key, id: &str, grantee: Option<&str>) -> Result<Page, Error> {
    let grant = env.grant(key, shape::parse_grant_id(id)?).await?;
    let grant = grant.ok_or_else(|| Error::InvalidGrantId(id.to_owned()))?;
    let wanted = grantee.is_none_or(|grantee| grant.terms.grantee.principal() == Some(grantee));
    Ok(Page { grants: wanted.then_some(grant).into_iter().collect(), more: None })
}

async fn of_grantee(
    env: &Env,
    key: &Key,
    grantee: &str,
    after: Option<&str>,
    limit: u16,
) -> Result<Page, Error> {
    let own = place::grants_to(&digest_of(grantee));
    let prefix = format!("{}{own}", place::grants(&key.record.region, key.record.id));
    let (page, more) =
        env.vault.scan::<GrantRecord>(&prefix, place_after(&prefix, after).as_ref(), limit).await?;
    let more = if more { page.last().and_then(|(place, _)| rest(place, &prefix)) } else { None };
    let grants = page.into_iter().filter_map(|(_, held)| held.ok().map(|held| held.record));
    let grants = grants.filter(|grant| grant.terms.grantee.principal() == Some(grantee)).collect();
    Ok(Page { grants, more })
}

async fn all(env: &Env, key: &Key, after: Option<&str>, limit: u16) -> Result<Page, Error> {
    let prefix = format!("{}{}", place::grants(&key.record.region, key.record.id), place::GRANTS_IN_ORDER);
    let after = place_after(&prefix, after);
    let (page, more) = env.vault.scan::<GrantPointer>(&prefix, after.as_ref(), limit).await?;
    let more = if more { page.last().and_then(|(place, _)| rest(place, &prefix)) } else { None };
    let mut grants = Vec::with_capacity(page.len());
    for pointer in page.into_iter().filter_map(|(_, held)| held.ok()) {
        grants.extend(unless_tampered(env.grant_at(key, &pointer.record).await.map_err(Error::from))?);
    }
    Ok(Page { grants, more })
}

/// Where the page before ended, as a place.
pub(super) fn place_after(prefix: &str, after: Option<&str>) -> Option<RecordKey> {
    RecordKey::new(format!("{prefix}{}", after?).as_bytes())
}

/// What follows `prefix` in a place.
pub(super) fn rest(place: &RecordKey, prefix: &str) -> Option<String> {
    Some(std::str::from_utf8(place.as_bytes()).ok()?.strip_prefix(prefix)?.to_owned())
}
