//! CreateGrant: lets a principal use a KMS key, from the moment of the answer.

use reseal_policy::{ConditionKey, GrantOperations};
use reseal_types::{GrantId, KeyRef};
use serde::Serialize;

use super::shape::{self, Constraints, Named, invalid};
use crate::{
    call::Call,
    env::Env,
    error::{Error, Limit},
    grants::{self, GrantName, compiled, operations_of},
    json::JsonObject,
    keyring::Key,
    members::{Bounds, Members},
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
    record::{GrantRecord, GrantTerms, Meant, Party},
    vault::Changes,
};

pub(crate) struct CreateGrant;

pub(crate) struct CreateGrantRequest {
    key_id: String,
    grantee: Named,
    retiring: Named,
    operations: GrantOperations,
    constraints: Constraints,
    name: Option<String>,
    dry_run: bool,
    /// The grant that is asked for, once the request is known to describe one.
    terms: Option<GrantTerms>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateGrantResponse {
    grant_token: String,
    grant_id: String,
}

impl Request for CreateGrantRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        const NAME: &str = "^[a-zA-Z0-9:/_-]+$";
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'/' | b'_' | b'-');
        shape::grant_tokens(members)?;
        let key_id = shape::key_id(members, "KeyId")?;
        members.require("Operations", members.has("Operations"));
        let operations = members.choices("Operations", Bounds(1, i64::MAX))?;
        let grantee = Named::read(members, "GranteePrincipal", "GranteeServicePrincipal")?;
        let retiring = Named::read(members, "RetiringPrincipal", "RetiringServicePrincipal")?;
        let constraints = members.structure("Constraints", Constraints::read)?.unwrap_or_default();
        let matches = |text: &str| text.bytes().all(legal);
        let name = members.patterned_text("Name", Bounds(1, 256), NAME, matches)?;
        let dry_run = members.flag("DryRun")?;
        let operations = operations.into_iter().collect();
        let mut request =
            Self { key_id, grantee, retiring, operations, constraints, name, dry_run, terms: None };
        request.terms = request.terms();
        Ok(request)
    }

    fn check(&self) -> Result<(), Error> {
        let grantee = self.grantee.party("GranteePrincipal", "GranteeServicePrincipal")?;
        let retiring = self.retiring.party("RetiringPrincipal", "RetiringServicePrincipal")?;
        self.constraints.check()?;
        match grantee {
            None => invalid("Either GranteePrincipal or GranteeServicePrincipal must be specified."),
            Some(Party::Service(_)) if self.constraints.source_arn.is_none() => {
                invalid("GranteeServicePrincipal requires the SourceArn grant constraint.")
            }
            Some(Party::Service(_)) if retiring.is_none() => invalid(
                "GranteeServicePrincipal requires either RetiringPrincipal or RetiringServicePrincipal.",
            ),
            Some(_) => Ok(()),
        }
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.optional_text("granteePrincipal", self.grantee.principal.as_deref());
        parameters.optional_text("granteeServicePrincipal", self.grantee.service.as_deref());
        parameters.optional_text("retiringPrincipal", self.retiring.principal.as_deref());
        parameters.optional_text("retiringServicePrincipal", self.retiring.service.as_deref());
        parameters.texts("operations", self.operations.iter().map(reseal_policy::GrantOperation::name));
        self.constraints.describe(parameters);
        parameters.optional_text("name", self.name.as_deref());
        if self.dry_run {
            parameters.boolean("dryRun", true);
        }
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }
}

impl CreateGrantRequest {
    /// `None` where `check` refuses.
    fn terms(&self) -> Option<GrantTerms> {
        Some(GrantTerms {
            grantee: self.grantee.some()?,
            retiring: self.retiring.some(),
            operations: self.operations,
            context: self.constraints.context(),
            source_arn: self.constraints.source_arn.clone(),
            name: self.name.clone(),
            meant: Meant::default(),
        })
    }
}

impl Operation for CreateGrant {
    const SPEC: OpSpec = OpSpec {
        name: "CreateGrant",
        read_only: false,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:CreateGrant",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Live,
        }],
    };

    type Request = CreateGrantRequest;
    type Response = CreateGrantResponse;

    fn targets(request: &CreateGrantRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(request: &CreateGrantRequest, _index: usize) -> Facts<'_> {
        let Some(terms) = &request.terms else { return Facts::default() };
        let mut facts = grants::facts(terms);
        let mut add = |key: ConditionKey, value: Option<&str>| {
            facts.values.extend(value.map(|value| (key, value.to_owned())));
        };
        add(ConditionKey::GranteePrincipal, terms.grantee.principal());
        add(ConditionKey::GranteeServicePrincipal, terms.grantee.service());
        add(ConditionKey::RetiringPrincipal, terms.retiring.as_ref().and_then(Party::principal));
        add(ConditionKey::RetiringServicePrincipal, terms.retiring.as_ref().and_then(Party::service));
        add(ConditionKey::GrantConstraintSourceArn, terms.source_arn.as_deref());
        // Only a service that acts for somebody makes grants for a resource of its own.
        add(ConditionKey::GrantIsForAwsResource, Some("false"));
        terms.operations.iter().for_each(|one| add(ConditionKey::GrantOperations, Some(one.name())));
        facts.new_grant = compiled(String::new(), terms).map(Box::new);
        facts
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: CreateGrantRequest,
    ) -> Result<Outcome<CreateGrantResponse>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        let terms = request.terms.ok_or_else(|| Error::Validation("The grant has no grantee.".to_owned()))?;
        check_fit(env, key, &terms)?;
        let terms = env.meaning(terms).await?;
        let existing = match &terms.name {
            Some(_) => env.grant_with(key, &terms).await?,
            None => None,
        };
        let (id, changes) = match existing {
            Some(grant) => (grant.id, Changes::default()),
            None => create(env, key, terms)?,
        };
        let name = GrantName { region: key.record.region.clone(), key: key.record.id, id };
        let response =
            CreateGrantResponse { grant_token: env.seal_grant_token(&name)?, grant_id: id.to_string() };
        let mut outcome = Outcome::changed(response, changes);
        outcome.notes.elements(|elements| {
            elements.text("grantId", &id.to_string());
            elements.text("keyId", key.arn());
        });
        Ok(outcome)
    }
}

/// What a grant on this key can be.
fn check_fit(env: &Env, key: &Key, terms: &GrantTerms) -> Result<(), Error> {
    let partition = env.settings.partition.as_str();
    let principals = std::iter::once(&terms.grantee).chain(&terms.retiring).filter_map(Party::principal);
    for arn in principals {
        if arn.split(':').nth(1) != Some(partition) {
            return Err(Error::InvalidArn(arn.to_owned()));
        }
    }
    let supported = operations_of(key.spec(), key.usage());
    if let Some(operation) = terms.operations.iter().find(|operation| !supported.contains(*operation)) {
        return invalid(&format!(
            "Operation {} is not supported for a KMS key with key spec {} and key usage {}.",
            operation.name(),
            key.spec(),
            key.usage()
        ));
    }
    if terms.context.is_some() && key.spec() != reseal_types::KeySpec::SymmetricDefault {
        return invalid(
            "Encryption context grant constraints are supported only for symmetric encryption KMS keys.",
        );
    }
    Ok(())
}

fn create(env: &Env, key: &Key, terms: GrantTerms) -> Result<(GrantId, Changes), Error> {
    let most = env.settings.grants_per_key;
    let count = key.record.grants;
    if usize::try_from(count.live).map_or(true, |live| live >= most) {
        return Err(Error::LimitExceeded(Limit::Grants(most)));
    }
    let mut id = GrantId([0; 32]);
    env.entropy.fill_public(&mut id.0)?;
    let grant = GrantRecord {
        id,
        serial: count.ever,
        created: env.clock.now(),
        issuing_account: key.record.account,
        terms,
    };
    let mut changes = Changes::default();
    grants::put(&mut changes, key, &grant)?;
    Ok((id, changes))
}
