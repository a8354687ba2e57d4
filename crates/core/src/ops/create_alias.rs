//! CreateAlias: a name for a KMS key, unique in its account and Region.

use reseal_types::{AliasName, KeyRef};

use super::shape;
use crate::{
    call::Call,
    env::Env,
    error::{AlreadyExists, Error, Limit},
    json::JsonObject,
    keyring::alias_arn,
    members::Members,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
    quota::room_for_one,
    record::{AliasRecord, place},
    vault::Changes,
};

pub(crate) struct CreateAlias;

/// What CreateAlias and UpdateAlias are asked.
pub(crate) struct AliasTargetRequest {
    pub(super) alias_name: String,
    pub(super) target_key_id: String,
}

impl Request for AliasTargetRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            alias_name: shape::alias_name(members)?,
            target_key_id: shape::key_id(members, "TargetKeyId")?,
        })
    }

    fn check(&self) -> Result<(), Error> {
        if shape::parse_alias_name(&self.alias_name)?.is_reserved() {
            return Err(Error::ReservedAlias);
        }
        if matches!(KeyRef::parse(&self.target_key_id), Ok(KeyRef::AliasName(_) | KeyRef::AliasArn(..))) {
            return Err(Error::Validation("Aliases must refer to keys. Not aliases".to_owned()));
        }
        Ok(())
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("aliasName", &self.alias_name);
        parameters.text("targetKeyId", &self.target_key_id);
    }
}

impl AliasTargetRequest {
    pub(super) fn name(&self) -> Result<AliasName, Error> {
        shape::parse_alias_name(&self.alias_name)
    }
}

/// The action on the alias itself, which identity policies alone decide.
pub(super) fn alias_action(
    env: &Env,
    call: &Call,
    action: &'static str,
    name: Result<AliasName, Error>,
) -> Vec<(&'static str, String)> {
    let arn = |name| alias_arn(&env.settings.partition, &call.region, call.caller.account(), &name);
    name.ok().map(|name| (action, arn(name))).into_iter().collect()
}

impl Operation for CreateAlias {
    const SPEC: OpSpec = OpSpec {
        name: "CreateAlias",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: true,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:CreateAlias",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::NotPendingDeletion,
        }],
    };

    type Request = AliasTargetRequest;
    type Response = ();

    fn targets(request: &AliasTargetRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.target_key_id)?)])
    }

    fn identity_actions(env: &Env, call: &Call, request: &AliasTargetRequest) -> Vec<(&'static str, String)> {
        alias_action(env, call, "kms:CreateAlias", request.name())
    }

    async fn execute(
        env: &Env,
        call: &Call,
        permits: Permits,
        request: AliasTargetRequest,
    ) -> Result<Outcome<()>, Error> {
        let permitted = permits.into_one()?;
        let (key, name, own) = (permitted.key(), request.name()?, call.caller.account());
        let arn = alias_arn(&env.settings.partition, &call.region, own, &name);
        if env.alias_target(own, &call.region, &name).await?.is_some() {
            return Err(Error::AlreadyExists(AlreadyExists::Alias(arn)));
        }
        room_for_one(key.record.aliases.len(), env.settings.aliases_per_key, Limit::Aliases)?;
        let now = env.clock.now();
        let mut record = key.record.clone();
        record.aliases.push(name.clone());
        let alias_place = place::alias(own, &call.region, name.as_str())?;
        let mut changes = Changes::default();
        changes.expect(alias_place.clone(), None);
        changes.put(alias_place, &AliasRecord { target: record.id, created: now, updated: now });
        changes.put(key.place()?, &record);
        let mut outcome = Outcome::changed((), changes);
        outcome.notes.resources.push(arn);
        Ok(outcome)
    }
}
