//! What must be unique among the custom key stores of an account and Region.
//!
//! All changes of it rewrite one guard record, so that two of them cannot both be made on the strength of the same
//! look at the others.

use reseal_types::{AccountId, Region};

use super::{Backing, ProxyBacking};
use crate::{
    env::Env,
    error::{Error, KeyStoreRefusal as Refusal},
    record::{KeyStoreRecord, Marker, place},
    store::RecordKey,
    vault::Changes,
};

/// The custom key stores of an account in a Region, as they are now.
pub(crate) struct Siblings {
    records: Vec<KeyStoreRecord>,
    guard: RecordKey,
    guard_version: Option<u64>,
}

const PAGE: u16 = 1_000;

impl Siblings {
    /// Reads them. The guard comes first: what changes after it is noticed at the commit.
    pub(crate) async fn read(env: &Env, account: AccountId, region: &Region) -> Result<Self, Error> {
        let guard = place::key_store_guard(account, region)?;
        let guard_version = env.vault.read::<Marker>(&guard).await?.map(|held| held.version);
        let (prefix, mut records, mut after) = (place::key_store_prefix(account, region), Vec::new(), None);
        loop {
            let (page, more) = env.vault.scan::<KeyStoreRecord>(&prefix, after.as_ref(), PAGE).await?;
            after = page.last().map(|(place, _)| place.clone());
            for (_, held) in page {
                records.push(held?.record);
            }
            if !more || after.is_none() {
                return Ok(Self { records, guard, guard_version });
            }
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.records.len()
    }

    /// The one with that name.
    pub(crate) fn named(&self, name: &str) -> Option<&KeyStoreRecord> {
        self.records.iter().find(|record| record.name == name)
    }

    /// Refuses a name that another one than `own` has.
    pub(crate) fn check_name(&self, name: &str, own: Option<&str>) -> Result<(), Error> {
        match self.named(name).filter(|record| own != Some(record.id.as_str())) {
            Some(_) => Err(Error::KeyStore(
                Refusal::NameInUse,
                "The custom key store name is already assigned to another custom key store in the account."
                    .into(),
            )),
            None => Ok(()),
        }
    }

    /// Refuses to stand on what another one than `own` stands on.
    pub(crate) fn check_backing(&self, backing: &Backing, own: Option<&str>) -> Result<(), Error> {
        for other in self.records.iter().filter(|record| own != Some(record.id.as_str())) {
            match (backing, &other.backing) {
                (Backing::Cluster(mine), Backing::Cluster(theirs)) => {
                    // Clusters with one certificate stem from one backup.
                    if mine.cluster_id == theirs.cluster_id
                        || same_text(&mine.trust_anchor, &theirs.trust_anchor)
                    {
                        return Err(Error::KeyStore(
                            Refusal::ClusterInUse,
                            "The CloudHSM cluster, or one that shares a backup history with it, is already associated \
                             with a custom key store in the account."
                                .into(),
                        ));
                    }
                }
                (Backing::Proxy(mine), Backing::Proxy(theirs)) => check_proxy(mine, theirs)?,
                (Backing::Cluster(_), Backing::Proxy(_)) | (Backing::Proxy(_), Backing::Cluster(_)) => {}
            }
        }
        Ok(())
    }

    /// Makes `changes` fail if any of the others changed meanwhile.
    pub(crate) fn guard(self, changes: &mut Changes) {
        changes.expect(self.guard.clone(), self.guard_version);
        changes.put(self.guard, &Marker);
    }
}

/// Line ends and blanks are not part of a certificate.
fn same_text(one: &str, other: &str) -> bool {
    one.split_whitespace().flat_map(str::chars).eq(other.split_whitespace().flat_map(str::chars))
}

fn check_proxy(mine: &ProxyBacking, theirs: &ProxyBacking) -> Result<(), Error> {
    let refuse = |refusal, words: &'static str| Err(Error::KeyStore(refusal, words.into()));
    if mine.host() == theirs.host() {
        if mine.path == theirs.path {
            return refuse(
                Refusal::ProxyUriInUse,
                "The XksProxyUriEndpoint and XksProxyUriPath are already associated with another external key store \
                 in this Region.",
            );
        }
        // Endpoints are shared by public ones among themselves only.
        if mine.service.is_some() || theirs.service.is_some() {
            return refuse(
                Refusal::ProxyUriEndpointInUse,
                "The XksProxyUriEndpoint is already associated with another external key store in this Region.",
            );
        }
    }
    match (&mine.service, &theirs.service) {
        (Some(mine), Some(theirs)) if mine.name == theirs.name => refuse(
            Refusal::ServiceInUse,
            "The VPC endpoint service is already associated with another external key store in this Region.",
        ),
        _ => Ok(()),
    }
}
