//! From the way a request names a key to the key itself, across aliases and accounts.
//!
//! Absence is told only where the caller may know it: a key of its own account. A key of another account, or
//! one known only from a ciphertext, that is not there comes out as hidden; authorization then answers exactly
//! as if it were there and refused.

use reseal_policy::DenialReason;
use reseal_types::{AccountId, AliasName, KeyId, KeyRef, Region, key_ref::ArnPlace};

use crate::{
    call::Call,
    env::Env,
    error::{DeniedResource, Error, NotFound},
    keyring::{Key, alias_arn, key_arn},
    operation::{Forms, KeyRule, OpSpec, Target},
    per_thread::Local,
    record::{Marker, place},
    vault::VaultError,
};

/// What a target turned out to be.
pub(crate) enum Resolved {
    /// A key, with the alias that led to it.
    Key(Found),
    /// Nothing, but the caller must not learn that.
    Hidden(DeniedResource),
}

impl Resolved {
    /// The key, if there is one.
    pub(crate) fn key(&self) -> Option<&Key> {
        match self {
            Self::Key(found) => Some(&found.key),
            Self::Hidden(_) => None,
        }
    }
}

/// A key that was found.
pub(crate) struct Found {
    pub(crate) key: Local<Key>,
    pub(crate) alias: Option<AliasName>,
    pub(crate) shown_as: ShownAs,
}

/// What a refusal may call the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ShownAs {
    /// Its key ARN.
    KeyArn,
    /// The ARN that the request used: an alias of another account must not be revealed to point anywhere.
    Requested(String),
    /// Nothing: it is known from a ciphertext only.
    OfCiphertext,
}

/// Finds the key that `target` points at. `first` is what the call's first target turned out to be.
pub(crate) async fn resolve(
    env: &Env,
    call: &Call,
    spec: &OpSpec,
    rule: &KeyRule,
    target: Target<'_>,
    first: Option<&Resolved>,
) -> Result<Option<Resolved>, Error> {
    let resolved = match target {
        Target::OfCiphertext(id) => of_ciphertext(env, call, id).await,
        Target::Named(reference) => named(env, call, spec, rule, reference, None).await,
        Target::NamedWithCiphertext(reference, id) => named(env, call, spec, rule, reference, Some(id)).await,
        Target::OfGrantToken(token) => Box::pin(of_grant_token(env, call, token)).await,
        Target::ReplicaOfFirst(region) => return Box::pin(replica(env, first, region)).await,
    };
    resolved.map(Some)
}

/// The replica in `region`, if the first key is a multi-Region primary that has one there.
async fn replica(env: &Env, first: Option<&Resolved>, region: &str) -> Result<Option<Resolved>, Error> {
    let Some(Resolved::Key(Found { key, .. })) = first else { return Ok(None) };
    let Some(region) = &Region::parse(region) else { return Ok(None) };
    let record = &key.record;
    let set = record.multi_region.as_ref().filter(|set| set.primary == record.region);
    if !set.is_some_and(|set| set.replicas.contains(region)) || !env.settings.regions.contains(region) {
        return Ok(None);
    }
    let replica = env.related_key(record, region).await?;
    Ok(Some(found(replica, None, ShownAs::KeyArn)))
}

async fn of_ciphertext(env: &Env, call: &Call, id: KeyId) -> Result<Resolved, Error> {
    Ok(match env.key(&call.region, id).await? {
        Some(key) => Resolved::Key(Found { key, alias: None, shown_as: ShownAs::OfCiphertext }),
        None => Resolved::Hidden(DeniedResource::OfCiphertext),
    })
}

/// Who has a token was told of the key by whoever made the grant.
async fn of_grant_token(env: &Env, call: &Call, token: &str) -> Result<Resolved, Error> {
    let name = env.open_grant_token(token)?;
    if name.region != call.region {
        return Err(Error::InvalidGrantToken);
    }
    let key = env.key(&name.region, name.key).await?.ok_or(Error::InvalidGrantToken)?;
    Ok(found(key, None, ShownAs::KeyArn))
}

async fn named(
    env: &Env,
    call: &Call,
    spec: &OpSpec,
    rule: &KeyRule,
    reference: KeyRef<'_>,
    of_ciphertext: Option<KeyId>,
) -> Result<Resolved, Error> {
    let own = call.caller.account();
    match reference {
        KeyRef::KeyId(id) => {
            // A ciphertext that names the key proves that the caller has something of it: a bare id will do
            // for a key of another account, whose refusal then reads like that of the ciphertext.
            let foreign = of_ciphertext == Some(id) && spec.cross_account;
            match env.key(&call.region, id).await? {
                Some(key) if key.record.account == own => Ok(found(key, None, ShownAs::KeyArn)),
                Some(key) if foreign => Ok(found(key, None, ShownAs::OfCiphertext)),
                None if foreign => Ok(Resolved::Hidden(DeniedResource::OfCiphertext)),
                _ => Err(Box::pin(no_key(env, &call.region, own, id)).await),
            }
        }
        KeyRef::KeyArn(place, id) => {
            check_place(env, call, place)?;
            let key = env.key(&call.region, id).await?.filter(|key| key.record.account == place.account);
            match key {
                Some(key) => Ok(found(key, None, ShownAs::KeyArn)),
                None if place.account == own => Err(Box::pin(no_key(env, &call.region, own, id)).await),
                None => Ok(hidden(key_arn(&env.settings.partition, &call.region, place.account, id))),
            }
        }
        KeyRef::AliasName(name) if rule.forms == Forms::Any => Box::pin(by_alias(env, call, own, name)).await,
        KeyRef::AliasArn(place, name) if rule.forms == Forms::Any => {
            check_place(env, call, place)?;
            Box::pin(by_alias(env, call, place.account, name)).await
        }
        KeyRef::AliasName(name) => Err(Error::NotFound(NotFound::InvalidKeyId(name.to_string()))),
        KeyRef::AliasArn(place, name) => {
            let arn = alias_arn(place.partition, place.region, place.account, &name);
            Err(Error::NotFound(NotFound::InvalidKeyId(arn)))
        }
    }
}

async fn by_alias(env: &Env, call: &Call, account: AccountId, name: AliasName) -> Result<Resolved, Error> {
    let arn = alias_arn(&env.settings.partition, &call.region, account, &name);
    let own = account == call.caller.account();
    let target = env.alias_target(account, &call.region, &name).await?;
    let key = match target {
        Some(id) => env.key(&call.region, id).await?,
        None => None,
    };
    match key {
        Some(key) => {
            let shown_as = if own { ShownAs::KeyArn } else { ShownAs::Requested(arn) };
            Ok(found(key, Some(name), shown_as))
        }
        None if own => Err(Error::NotFound(NotFound::Alias(arn))),
        None => Ok(hidden(arn)),
    }
}

fn found(key: Local<Key>, alias: Option<AliasName>, shown_as: ShownAs) -> Resolved {
    Resolved::Key(Found { key, alias, shown_as })
}

fn hidden(arn: String) -> Resolved {
    Resolved::Hidden(DeniedResource::Named { arn, reason: DenialReason::NoResourcePolicyAllows })
}

/// The ARN must be one of this endpoint's Region and partition.
fn check_place(env: &Env, call: &Call, place: ArnPlace<'_>) -> Result<(), Error> {
    if place.region != call.region.as_str() || place.partition != env.settings.partition.as_str() {
        return Err(Error::NotFound(NotFound::OtherRegion(place.region.to_owned())));
    }
    Ok(())
}

/// There is no such key, unless the account's index says that there must be one: then its record was taken away
/// outside the service.
async fn no_key(env: &Env, region: &Region, account: AccountId, id: KeyId) -> Error {
    let listed = async {
        let listed = env.vault.read::<Marker>(&place::account_key(account, region, id)?).await?.is_some();
        Ok::<_, VaultError>((listed, place::key(region, id)?))
    };
    match listed.await {
        Err(error) => return error.into(),
        Ok((true, place)) if env.key(region, id).await.is_ok_and(|key| key.is_none()) => {
            return VaultError::Tampered(place).into();
        }
        Ok(_) => {}
    }
    Error::NotFound(NotFound::Key(key_arn(&env.settings.partition, region, account, id)))
}
