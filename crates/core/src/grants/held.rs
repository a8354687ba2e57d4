//! Grants in use: those of each caller of a key, read at its first call and kept until the key changes.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use reseal_policy::{Caller, Grant, GrantOperation, GrantSet, RequestContext};

use super::{compiled, digest_of};
use crate::{
    env::Env,
    error::Error,
    keyring::Key,
    record::{GrantRecord, place},
};

/// What the grants on one version of a key give to those who have called, by the ARN that a grant would name.
///
/// A principal without grants is held too, so that its calls read nothing either.
#[derive(Default)]
pub(crate) struct GrantsHeld(RwLock<HashMap<Box<str>, Held>>);

/// The grants that name an ARN and mean the user or role with this unique id.
struct Held {
    id: Box<str>,
    set: Arc<GrantSet>,
}

/// So many principals' grants are held for one key; above this all are read anew.
const MOST_PRINCIPALS: usize = 4_096;

/// The grants on a key that name a caller, its role or its account.
pub(crate) struct CallerGrants(Vec<Arc<GrantSet>>);

impl CallerGrants {
    /// Those that can allow the operation under this context.
    pub(crate) fn candidates(
        &self,
        operation: GrantOperation,
        context: &dyn RequestContext,
    ) -> Vec<Arc<Grant>> {
        let mut found = Vec::new();
        self.0.iter().for_each(|set| set.candidates(operation, context, &mut found));
        found
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Grant>> {
        self.0.iter().flat_map(|set| set.iter())
    }
}

impl GrantsHeld {
    /// The caller's grants, if all of them are held. `id`: the unique id of its user or role.
    pub(crate) fn of(&self, caller: &Caller<'_>, id: &str) -> Option<CallerGrants> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut sets = Some(Vec::new());
        caller.names(&mut |name| {
            let same = held.get(name).filter(|held| *held.id == *id_behind(name, id));
            match (same, &mut sets) {
                (Some(held), Some(sets)) => sets.push(Arc::clone(&held.set)),
                _ => sets = None,
            }
        });
        sets.map(CallerGrants)
    }

    fn keep(&self, name: &str, id: &str, set: &Arc<GrantSet>) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= MOST_PRINCIPALS {
            held.clear();
        }
        held.insert(name.into(), Held { id: id.into(), set: Arc::clone(set) });
    }
}

/// The unique id behind one of a caller's names: none behind that of its account.
fn id_behind<'a>(name: &str, id: &'a str) -> &'a str {
    if name.ends_with(":root") { "" } else { id }
}

impl Env {
    /// The caller's grants on the key.
    pub(crate) async fn grants_of(
        &self,
        key: &Key,
        caller: &Caller<'_>,
        id: &str,
    ) -> Result<CallerGrants, Error> {
        let mut names = Vec::new();
        caller.names(&mut |name| names.push(name.to_owned()));
        let mut sets = Vec::new();
        for name in names {
            let id = id_behind(&name, id);
            let set = Arc::new(self.grants_to(key, &name, id).await?);
            key.grants.keep(&name, id, &set);
            sets.push(set);
        }
        Ok(CallerGrants(sets))
    }

    /// The grants on the key whose grantee is `name`, with that unique id. One that was changed outside the service
    /// gives nothing.
    async fn grants_to(&self, key: &Key, name: &str, id: &str) -> Result<GrantSet, Error> {
        const PAGE: u16 = 500;
        let record = &key.record;
        let last = place::grants_to(&digest_of(name));
        let prefix = format!("{}{last}", place::grants(&record.region, record.id));
        let (mut grants, mut after) = (Vec::new(), None);
        loop {
            let (page, more) = self.vault.scan::<GrantRecord>(&prefix, after.as_ref(), PAGE).await?;
            after = page.last().map(|(place, _)| place.clone());
            let found = page.into_iter().filter_map(|(_, held)| held.ok().map(|held| held.record));
            let theirs = found.filter(|grant| {
                grant.terms.grantee_as(id).is_some_and(|grantee| grantee.principal() == Some(name))
            });
            grants.extend(theirs.filter_map(|grant| compiled(grant.id.to_string(), &grant.terms)));
            if !more || after.is_none() {
                return Ok(GrantSet::new(grants));
            }
        }
    }
}
