//! Grants on KMS keys: where they stand, how they are found, how they come and go.
//!
//! Every change of a key's grants is committed together with the key's record, which counts them. So a change that was
//! decided by a grant conflicts with the end of that grant, and memory forgets what it holds of the key's grants
//! whenever it forgets the key.

mod held;
mod kinds;
mod token;

pub(crate) use held::GrantsHeld;
pub(crate) use kinds::operations_of;
use reseal_crypto::digest::sha256;
use reseal_policy::{
    ConditionKey, ContextConstraint, ContextPairs, Grant, GrantConstraints, GrantOperation, Principal,
    Retirable,
};
use reseal_types::GrantId;
pub(crate) use token::GrantName;

use crate::{
    env::Env,
    error::{Cause, Error},
    keyring::Key,
    operation::Facts,
    record::{ContextTerm, GrantPointer, GrantRecord, GrantTerms, Party, place},
    store::RecordKey,
    vault::{Changes, VaultError},
};

impl Env {
    /// The terms with the unique ids of the principals they name. A principal that should be here and is not is refused.
    pub(crate) async fn meaning(&self, mut terms: GrantTerms) -> Result<GrantTerms, Error> {
        terms.meant.grantee = self.id_of(&terms.grantee).await?;
        terms.meant.retiring = match &terms.retiring {
            Some(retiring) => self.id_of(retiring).await?,
            None => None,
        };
        Ok(terms)
    }

    /// The unique id of the user or role behind a principal that a grant names; `None` where there is none to know.
    pub(crate) async fn id_of(&self, party: &Party) -> Result<Option<String>, Error> {
        let Some(principal) = party.principal().and_then(Principal::parse) else { return Ok(None) };
        match self.named_principals(std::iter::once(&principal)).await? {
            Ok(named) => Ok(named.into_iter().next().map(|(_, id)| id)),
            Err(_) => Err(Error::InvalidArn(party.as_str().to_owned())),
        }
    }

    /// The same for whoever has the name now; `None` also where nobody has.
    pub(crate) async fn id_now(&self, party: &Party) -> Result<Option<String>, Error> {
        match self.id_of(party).await {
            Err(Error::InvalidArn(_)) => Ok(None),
            found => found,
        }
    }

    /// How a list names a principal: by ARN, and by its unique id when the ARN is no more its own.
    pub(crate) async fn shown(&self, party: &Party, meant: Option<&str>) -> Result<Option<String>, Error> {
        let gone = match meant {
            Some(id) => self.id_now(party).await?.is_none_or(|now| now != *id),
            None => false,
        };
        Ok(if gone { meant } else { party.principal() }.map(str::to_owned))
    }

    /// The grant with that id on the key.
    pub(crate) async fn grant(&self, key: &Key, id: GrantId) -> Result<Option<GrantRecord>, VaultError> {
        let record = &key.record;
        self.grant_behind(key, &place::grant_by_id(&record.region, record.id, id)?).await
    }

    /// The grant on the key that has a name and just these terms.
    pub(crate) async fn grant_with(
        &self,
        key: &Key,
        terms: &GrantTerms,
    ) -> Result<Option<GrantRecord>, VaultError> {
        let record = &key.record;
        self.grant_behind(key, &by_terms(key, terms)?).await.map(|found| {
            // An index is a hint: what counts is what the grant itself says.
            found.filter(|grant| grant.terms == *terms && grant.issuing_account == record.account)
        })
    }

    /// The grant that an entry at `place` leads to.
    pub(crate) async fn grant_behind(
        &self,
        key: &Key,
        place: &RecordKey,
    ) -> Result<Option<GrantRecord>, VaultError> {
        let Some(pointer) = self.vault.read::<GrantPointer>(place).await? else { return Ok(None) };
        self.grant_at(key, &pointer.record).await
    }

    /// The grant that `pointer` leads to.
    pub(crate) async fn grant_at(
        &self,
        key: &Key,
        pointer: &GrantPointer,
    ) -> Result<Option<GrantRecord>, VaultError> {
        let record = &key.record;
        let place = place::grant(&record.region, record.id, &pointer.0)?;
        Ok(self.vault.read::<GrantRecord>(&place).await?.map(|held| held.record))
    }
}

/// Writes a new grant and everything that leads to it, and counts it.
pub(crate) fn put(changes: &mut Changes, key: &Key, grant: &GrantRecord) -> Result<(), VaultError> {
    let places = Places::of(key, grant)?;
    let pointer = GrantPointer(places.last.clone());
    changes.put(places.own, grant);
    for entry in places.entries {
        changes.put(entry, &pointer);
    }
    if let Some(retirable) = places.retirable {
        changes.put(retirable, &pointer);
    }
    let mut counted = key.record.clone();
    counted.grants.live = counted.grants.live.saturating_add(1);
    counted.grants.ever = grant.serial.saturating_add(1);
    changes.put(key.place()?, &counted);
    Ok(())
}

/// Takes a grant away, with everything that leads to it.
pub(crate) fn delete(changes: &mut Changes, key: &Key, grant: &GrantRecord) -> Result<(), VaultError> {
    let places = Places::of(key, grant)?;
    changes.delete(places.own);
    places.entries.into_iter().chain(places.retirable).for_each(|entry| changes.delete(entry));
    let mut counted = key.record.clone();
    counted.grants.live = counted.grants.live.saturating_sub(1);
    changes.put(key.place()?, &counted);
    Ok(())
}

/// Takes all grants of a key away that is about to be destroyed.
pub(crate) async fn delete_all(env: &Env, changes: &mut Changes, key: &Key) -> Result<(), VaultError> {
    const PAGE: u16 = 500;
    let (region, id) = (&key.record.region, key.record.id);
    let prefix = place::grants(region, id);
    let own = format!("{prefix}{}", place::GRANTS_TO);
    let mut after = None;
    loop {
        let (places, more) = env.vault.places(&prefix, after.as_ref(), PAGE).await?;
        for place in &places {
            changes.delete(place.clone());
            if !place.as_bytes().starts_with(own.as_bytes()) {
                continue;
            }
            // One that was changed outside the service leaves an entry behind that leads nowhere.
            if let Ok(Some(held)) = env.vault.read::<GrantRecord>(place).await
                && let Some(retirable) = Places::of(key, &held.record)?.retirable
            {
                changes.delete(retirable);
            }
        }
        after = places.into_iter().next_back();
        if !more || after.is_none() {
            return Ok(());
        }
    }
}

/// Where a grant and the entries that lead to it stand.
struct Places {
    own: RecordKey,
    last: String,
    entries: Vec<RecordKey>,
    retirable: Option<RecordKey>,
}

impl Places {
    fn of(key: &Key, grant: &GrantRecord) -> Result<Self, VaultError> {
        let (region, id, terms) = (&key.record.region, key.record.id, &grant.terms);
        let last = place::grant_to(&digest_of(terms.grantee.as_str()), grant.serial);
        let mut entries =
            vec![place::grant_in_order(region, id, grant.serial)?, place::grant_by_id(region, id, grant.id)?];
        if terms.name.is_some() {
            entries.push(by_terms(key, terms)?);
        }
        let retiring = terms.retiring.as_ref().map(|retiring| digest_of(retiring.as_str()));
        let retirable = retiring.map(|retiring| place::retirable(region, &retiring, id, grant.serial));
        Ok(Self { own: place::grant(region, id, &last)?, last, entries, retirable: retirable.transpose()? })
    }
}

fn by_terms(key: &Key, terms: &GrantTerms) -> Result<RecordKey, VaultError> {
    place::grant_by_terms(&key.record.region, key.record.id, &hex::encode(terms.digest()))
}

/// A record that was changed outside the service is left out of a list; the others are not.
pub(crate) fn unless_tampered<T>(read: Result<Option<T>, Error>) -> Result<Option<T>, Error> {
    match read {
        Err(Error::Internal(Cause::Vault(VaultError::Tampered(_)))) => Ok(None),
        read => read,
    }
}

/// What a grant's constraints say to the policies about a call that makes or ends it.
pub(crate) fn facts(terms: &GrantTerms) -> Facts<'_> {
    let kind = |term: &ContextTerm| {
        let kind = if term.exact { "EncryptionContextEquals" } else { "EncryptionContextSubset" };
        (ConditionKey::GrantConstraintType, kind.to_owned())
    };
    Facts {
        context: terms.context.as_ref().map(|term| &term.context),
        values: terms.context.iter().map(kind).collect(),
        ..Facts::default()
    }
}

/// What stands for a principal in a place: names may be longer than places are.
pub(crate) fn digest_of(principal: &str) -> String {
    let mut digest = hex::encode(sha256(principal.as_bytes()));
    digest.truncate(32);
    digest
}

/// Who a grant says may retire it, for a caller with some unique id.
pub(crate) struct RetiringParties {
    retiring: Option<Principal>,
    grantee: Option<Principal>,
}

impl RetiringParties {
    pub(crate) fn of(terms: &GrantTerms, id: &str) -> Self {
        let lists_itself = terms.operations.contains(GrantOperation::RetireGrant);
        let grantee = terms.grantee_as(id).filter(|_| lists_itself);
        Self {
            retiring: terms.retiring_as(id).and_then(Party::parse),
            grantee: grantee.and_then(Party::parse),
        }
    }

    pub(crate) fn retirable<'a>(&'a self, issuing_account: &'a str) -> Retirable<'a> {
        Retirable { retiring: self.retiring.as_ref(), grantee: self.grantee.as_ref(), issuing_account }
    }
}

/// A grant as the policy engine knows it; `None` when what it names can be nobody.
pub(crate) fn compiled(id: String, terms: &GrantTerms) -> Option<Grant> {
    let pairs = |term: &ContextTerm| -> ContextPairs {
        term.context.pairs().map(|(name, value)| (name.into(), value.into())).collect()
    };
    let context = match &terms.context {
        None => ContextConstraint::None,
        Some(term) if term.exact => ContextConstraint::Equals(pairs(term)),
        Some(term) => ContextConstraint::Subset(pairs(term)),
    };
    Some(Grant {
        id: id.into(),
        grantee: terms.grantee.parse()?,
        operations: terms.operations,
        constraints: GrantConstraints { context, source_arn: terms.source_arn.as_deref().map(Box::from) },
    })
}
