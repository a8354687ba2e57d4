//! ListRetirableGrants: the grants in the Region that a principal of the caller's account may retire, on keys of
//! whatever account.

use super::{
    list_grants::{DEFAULT, MOST, place_after, rest},
    shape::{self, GrantList, GrantListEntry, List, Paging},
};
use crate::{
    call::Call,
    env::Env,
    error::{Error, NotFound},
    grants::{digest_of, unless_tampered},
    json::JsonObject,
    members::Members,
    operation::{OpSpec, Operation, Outcome, Request},
    permit::Permits,
    record::{GrantPointer, GrantRecord, Party, place},
};

pub(crate) struct ListRetirableGrants;

pub(crate) struct ListRetirableGrantsRequest {
    retiring: Option<String>,
    retiring_service: Option<String>,
    paging: Paging,
}

impl Request for ListRetirableGrantsRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            retiring: shape::principal(members, "RetiringPrincipal")?,
            retiring_service: shape::service_principal(members, "RetiringServicePrincipal")?,
            paging: Paging::read(members, MOST)?,
        })
    }

    fn check(&self) -> Result<(), Error> {
        let invalid = |text: &str| Err(Error::Validation(text.to_owned()));
        match (&self.retiring, &self.retiring_service) {
            (Some(_), Some(_)) => {
                invalid("RetiringPrincipal and RetiringServicePrincipal cannot be specified together.")
            }
            (None, Some(_)) => {
                invalid("RetiringServicePrincipal can be specified by service principals only.")
            }
            (None, None) => {
                invalid("Either RetiringPrincipal or RetiringServicePrincipal must be specified.")
            }
            (Some(arn), None) => shape::check_principal(arn),
        }
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.optional_text("retiringPrincipal", self.retiring.as_deref());
        self.paging.describe(parameters);
    }
}

impl Operation for ListRetirableGrants {
    const SPEC: OpSpec = OpSpec {
        name: "ListRetirableGrants",
        read_only: true,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: Some("kms:ListRetirableGrants"),
        keys: &[],
    };

    type Request = ListRetirableGrantsRequest;
    type Response = GrantList;

    fn identity_actions(
        _: &Env,
        _: &Call,
        request: &ListRetirableGrantsRequest,
    ) -> Vec<(&'static str, String)> {
        vec![("kms:ListRetirableGrants", request.retiring.clone().unwrap_or_default())]
    }

    async fn execute(
        env: &Env,
        call: &Call,
        _permits: Permits,
        request: ListRetirableGrantsRequest,
    ) -> Result<Outcome<GrantList>, Error> {
        let retiring = Party::Principal(request.retiring.unwrap_or_default());
        // One made again under the name of another may retire nothing of the other's.
        let now = env.id_of(&retiring).await.map_err(|error| match error {
            Error::InvalidArn(arn) => Error::NotFound(NotFound::Principal(arn)),
            other => other,
        })?;
        let now = now.unwrap_or_default();
        let prefix = place::retirable_prefix(&call.region, &digest_of(retiring.as_str()));
        let list = List::new(&Self::SPEC, call, &[retiring.as_str()]);
        let after = request.paging.after(env, &list)?;
        let limit = request.paging.limit(DEFAULT);
        let after = place_after(&prefix, after.as_deref());
        let (page, truncated) = env.vault.scan::<GrantPointer>(&prefix, after.as_ref(), limit).await?;
        let last = page.last().and_then(|(place, _)| rest(place, &prefix)).filter(|_| truncated);
        let next_marker = last.map(|last| list.marker(env, &last)).transpose()?;
        let mut grants = Vec::with_capacity(page.len());
        for (place, pointer) in page {
            let key = rest(&place, &prefix).and_then(|rest| rest.split('/').next()?.parse().ok());
            let (Some(key), Ok(pointer)) = (key, pointer) else { continue };
            let Some(key) = unless_tampered(env.key(&call.region, key).await)? else { continue };
            // An index is a hint: what counts is what the grant itself says.
            let grant = unless_tampered(env.grant_at(&key, &pointer.record).await.map_err(Error::from))?;
            let named = |grant: &GrantRecord| grant.terms.retiring_as(&now) == Some(&retiring);
            if let Some(grant) = grant.filter(named) {
                grants.push(GrantListEntry::of(env, &key, grant).await?);
            }
        }
        Ok(Outcome::unchanged(GrantList { grants, next_marker, truncated }))
    }
}
