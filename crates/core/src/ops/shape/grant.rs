//! The members of the grant operations.

use reseal_policy::{GrantOperation, Principal};
use reseal_types::GrantId;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::EpochSeconds;
use crate::{
    env::Env,
    error::Error,
    identity::root_arn,
    keyring::Key,
    members::{Bounds, Members, ModelEnum},
    record::{ContextTerm, GrantRecord, Party},
};

impl ModelEnum for GrantOperation {
    const ALL: &'static [Self] = Self::ALL;

    fn name(self) -> &'static str {
        Self::name(self)
    }
}

/// A member that names a principal by ARN.
pub(crate) fn principal(members: &mut Members<'_>, name: &str) -> Result<Option<String>, Error> {
    const PATTERN: &str = r"^[\w+=,.@:/-]+$";
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
    members.patterned_text(name, Bounds(1, 256), PATTERN, |text| text.bytes().all(legal))
}

/// A member that names a service principal.
pub(crate) fn service_principal(members: &mut Members<'_>, name: &str) -> Result<Option<String>, Error> {
    const PATTERN: &str = r"^([A-Za-z0-9\-]+)\.([A-Za-z0-9\-]+)(\.[A-Za-z0-9\-]+)+$";
    let label = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let matches = |text: &str| text.split('.').count() >= 3 && text.split('.').all(label);
    members.patterned_text(name, Bounds(1, 128), PATTERN, matches)
}

/// A required id of a grant, as the model has it.
pub(crate) fn grant_id(members: &mut Members<'_>) -> Result<String, Error> {
    members.required_text("GrantId", GRANT_ID)
}

/// An optional id of a grant.
pub(crate) fn optional_grant_id(members: &mut Members<'_>) -> Result<Option<String>, Error> {
    members.text("GrantId", GRANT_ID)
}

const GRANT_ID: Bounds = Bounds(1, 128);

/// The rule of grant ids that the model does not have.
pub(crate) fn parse_grant_id(text: &str) -> Result<GrantId, Error> {
    GrantId::parse(text).ok_or_else(|| Error::InvalidGrantId(text.to_owned()))
}

/// A grant names an account, user, role or session by ARN: no bare account number, not everyone, no service.
pub(crate) fn check_principal(arn: &str) -> Result<(), Error> {
    match Principal::parse(arn) {
        Some(Principal::Anyone | Principal::Account { partition: None, .. }) | None => {
            Err(Error::InvalidArn(arn.to_owned()))
        }
        Some(_) => Ok(()),
    }
}

/// A grant in a list.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GrantListEntry {
    key_id: String,
    grant_id: String,
    /// Empty for a grant without a name.
    name: String,
    creation_date: EpochSeconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    grantee_principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grantee_service_principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retiring_principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retiring_service_principal: Option<String>,
    issuing_account: String,
    operations: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    constraints: Option<Constraints>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Constraints {
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_context_equals: Option<Pairs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_context_subset: Option<Pairs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_arn: Option<String>,
}

struct Pairs(ContextTerm);

impl Serialize for Pairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.0.context.pairs();
        let mut map = serializer.serialize_map(Some(pairs.len()))?;
        for (name, value) in pairs {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl GrantListEntry {
    /// The grant on that key.
    pub(crate) async fn of(env: &Env, key: &Key, grant: GrantRecord) -> Result<Self, Error> {
        let terms = grant.terms;
        let grantee_principal = env.shown(&terms.grantee, terms.meant.grantee.as_deref()).await?;
        let retiring_principal = match &terms.retiring {
            Some(retiring) => env.shown(retiring, terms.meant.retiring.as_deref()).await?,
            None => None,
        };
        let service_of = |party: &Party| party.service().map(str::to_owned);
        let constrained = terms.context.is_some() || terms.source_arn.is_some();
        let (exact, subset) = match terms.context {
            Some(term) if term.exact => (Some(Pairs(term)), None),
            Some(term) => (None, Some(Pairs(term))),
            None => (None, None),
        };
        let constraints = Constraints {
            encryption_context_equals: exact,
            encryption_context_subset: subset,
            source_arn: terms.source_arn,
        };
        Ok(Self {
            key_id: key.arn().to_owned(),
            grant_id: grant.id.to_string(),
            name: terms.name.unwrap_or_default(),
            creation_date: EpochSeconds(grant.created),
            grantee_principal,
            grantee_service_principal: service_of(&terms.grantee),
            retiring_principal,
            retiring_service_principal: terms.retiring.as_ref().and_then(service_of),
            issuing_account: root_arn(env.settings.partition.as_str(), grant.issuing_account),
            operations: terms.operations.iter().map(GrantOperation::name).collect(),
            constraints: constrained.then_some(constraints),
        })
    }
}

/// The answer of ListGrants and ListRetirableGrants.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GrantList {
    pub(crate) grants: Vec<GrantListEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_marker: Option<String>,
    pub(crate) truncated: bool,
}
