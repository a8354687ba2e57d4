//! DeleteAlias: removes an alias; the KMS key it pointed to is untouched.

use reseal_types::{AliasName, KeyRef};

use super::{create_alias::alias_action, shape};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    keyring::alias_arn,
    members::Members,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
    record::place,
    vault::Changes,
};

pub(crate) struct DeleteAlias;

pub(crate) struct DeleteAliasRequest {
    alias_name: String,
}

impl DeleteAliasRequest {
    fn name(&self) -> Result<AliasName, Error> {
        shape::parse_alias_name(&self.alias_name)
    }
}

impl Request for DeleteAliasRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self { alias_name: shape::alias_name(members)? })
    }

    fn check(&self) -> Result<(), Error> {
        if self.name()?.is_reserved() { Err(Error::ReservedAlias) } else { Ok(()) }
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("aliasName", &self.alias_name);
    }
}

impl Operation for DeleteAlias {
    const SPEC: OpSpec = OpSpec {
        name: "DeleteAlias",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: true,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:DeleteAlias",
            forms: Forms::Any,
            usage: None,
            states: StateRule::Any,
        }],
    };

    type Request = DeleteAliasRequest;
    type Response = ();

    fn targets(request: &DeleteAliasRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::AliasName(request.name()?))])
    }

    fn identity_actions(env: &Env, call: &Call, request: &DeleteAliasRequest) -> Vec<(&'static str, String)> {
        alias_action(env, call, "kms:DeleteAlias", request.name())
    }

    async fn execute(
        env: &Env,
        call: &Call,
        permits: Permits,
        request: DeleteAliasRequest,
    ) -> Result<Outcome<()>, Error> {
        let permitted = permits.into_one()?;
        let (key, name, own) = (permitted.key(), request.name()?, call.caller.account());
        let mut record = key.record.clone();
        record.aliases.retain(|known| *known != name);
        let mut changes = Changes::default();
        changes.delete(place::alias(own, &call.region, name.as_str())?);
        changes.put(key.place()?, &record);
        let mut outcome = Outcome::changed((), changes);
        outcome.notes.resources.push(alias_arn(&env.settings.partition, &call.region, own, &name));
        Ok(outcome)
    }
}
