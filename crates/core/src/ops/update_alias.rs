//! UpdateAlias: moves an alias to another KMS key of the same kind and usage.

use reseal_types::{KeyRef, KeySpec};

use super::create_alias::{AliasTargetRequest, alias_action};
use crate::{
    call::Call,
    env::Env,
    error::{Error, Limit},
    keyring::{Key, alias_arn},
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, StateRule, Target},
    permit::Permits,
    quota::room_for_one,
    record::{AliasRecord, place},
    vault::{Changes, VaultError},
};

pub(crate) struct UpdateAlias;

impl Operation for UpdateAlias {
    const SPEC: OpSpec = OpSpec {
        name: "UpdateAlias",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: true,
        account_action: None,
        keys: &[
            // The key that the alias leaves may be in any state.
            KeyRule { action: "kms:UpdateAlias", forms: Forms::Any, usage: None, states: StateRule::Any },
            KeyRule {
                action: "kms:UpdateAlias",
                forms: Forms::KeyOnly,
                usage: None,
                states: StateRule::NotPendingDeletion,
            },
        ],
    };

    type Request = AliasTargetRequest;
    type Response = ();

    fn targets(request: &AliasTargetRequest) -> Result<Vec<Target<'_>>, Error> {
        let new = Target::Named(KeyRef::parse(&request.target_key_id)?);
        Ok(vec![Target::Named(KeyRef::AliasName(request.name()?)), new])
    }

    fn identity_actions(env: &Env, call: &Call, request: &AliasTargetRequest) -> Vec<(&'static str, String)> {
        alias_action(env, call, "kms:UpdateAlias", request.name())
    }

    async fn execute(
        env: &Env,
        call: &Call,
        permits: Permits,
        request: AliasTargetRequest,
    ) -> Result<Outcome<()>, Error> {
        let [current, new] = permits.into_array()?;
        let (current, new) = (current.key(), new.key());
        let name = request.name()?;
        if kind(current) != kind(new) || current.usage() != new.usage() {
            return Err(Error::Validation(
                "The current and the new KMS key must be of the same type and have the same KeyUsage."
                    .to_owned(),
            ));
        }
        let own = call.caller.account();
        let alias_place = place::alias(own, &call.region, name.as_str())?;
        let held = env.vault.read::<AliasRecord>(&alias_place).await?;
        let Some(held) = held else {
            // It went away since it was looked up: look again.
            env.forget(&alias_place);
            return Err(VaultError::Store(crate::store::StoreError::Conflict).into());
        };
        let mut changes = Changes::default();
        changes.expect(alias_place.clone(), Some(held.version));
        let alias = AliasRecord { target: new.record.id, updated: env.clock.now(), ..held.record };
        changes.put(alias_place, &alias);
        if current.arn() != new.arn() {
            room_for_one(new.record.aliases.len(), env.settings.aliases_per_key, Limit::Aliases)?;
            let (mut left, mut joined) = (current.record.clone(), new.record.clone());
            left.aliases.retain(|known| *known != name);
            joined.aliases.push(name.clone());
            changes.put(current.place()?, &left);
            changes.put(new.place()?, &joined);
        }
        let mut outcome = Outcome::changed((), changes);
        outcome.notes.resources.push(alias_arn(&env.settings.partition, &call.region, own, &name));
        Ok(outcome)
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Symmetric,
    Hmac,
    Asymmetric,
}

fn kind(key: &Key) -> Kind {
    match key.spec() {
        KeySpec::SymmetricDefault => Kind::Symmetric,
        KeySpec::Hmac224 | KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512 => Kind::Hmac,
        _ => Kind::Asymmetric,
    }
}
