//! What each key of a multi-Region key knows of the others.
//!
//! All Regions are namespaces of one store, so every related key's record names all of them, and one commit
//! changes all of these records. The states Creating and Updating, in which AWS shows that Regions are not in step
//! yet, therefore never occur.

use minicbor::{CborLen, Decode, Encode};
use reseal_types::Region;

/// A primary key and its replicas. One key id; each key stands in the Region's own namespace, with its own copy of
/// the key material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MultiRegion {
    pub(crate) primary: Region,
    /// In order of their names.
    pub(crate) replicas: Vec<Region>,
    /// Of a primary whose deletion waits for its replicas: how many days its window will have. Not shared.
    pub(crate) waiting_days: Option<u32>,
}

impl MultiRegion {
    /// A primary without replicas.
    pub(crate) const fn alone(primary: Region) -> Self {
        Self { primary, replicas: Vec::new(), waiting_days: None }
    }

    /// The Regions of all related keys, the primary's first.
    pub(crate) fn regions(&self) -> impl Iterator<Item = &Region> {
        std::iter::once(&self.primary).chain(&self.replicas)
    }

    /// Adds a replica.
    pub(crate) fn add(&mut self, replica: &Region) {
        if let Err(at) = self.replicas.binary_search(replica) {
            self.replicas.insert(at, replica.clone());
        }
    }

    /// Removes a replica.
    pub(crate) fn remove(&mut self, replica: &Region) {
        self.replicas.retain(|known| known != replica);
    }

    /// Swaps the roles of the primary and of a replica.
    pub(crate) fn promote(&mut self, replica: &Region) {
        self.remove(replica);
        let former = std::mem::replace(&mut self.primary, replica.clone());
        self.add(&former);
    }
}

#[derive(Encode, Decode, CborLen)]
pub(super) struct StoredMultiRegion {
    #[n(0)]
    primary: String,
    #[n(1)]
    replicas: Vec<String>,
    #[n(2)]
    waiting_days: Option<u32>,
}

impl From<&MultiRegion> for StoredMultiRegion {
    fn from(multi_region: &MultiRegion) -> Self {
        Self {
            primary: multi_region.primary.to_string(),
            replicas: multi_region.replicas.iter().map(Region::to_string).collect(),
            waiting_days: multi_region.waiting_days,
        }
    }
}

impl StoredMultiRegion {
    pub(super) fn parse(self) -> Option<MultiRegion> {
        Some(MultiRegion {
            primary: Region::parse(&self.primary)?,
            replicas: self.replicas.iter().map(|name| Region::parse(name)).collect::<Option<_>>()?,
            waiting_days: self.waiting_days,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        Region::parse(name).unwrap()
    }

    #[test]
    fn roles_change_and_the_stored_form_keeps_them() {
        let mut set = MultiRegion::alone(region("us-east-1"));
        for replica in ["us-west-2", "eu-central-1", "us-west-2"] {
            set.add(&region(replica));
        }
        set.promote(&region("us-west-2"));
        set.waiting_days = Some(9);
        let names: Vec<&str> = set.regions().map(Region::as_str).collect();
        assert_eq!(names, ["us-west-2", "eu-central-1", "us-east-1"]);
        assert_eq!(StoredMultiRegion::from(&set).parse(), Some(set.clone()));
        set.remove(&region("eu-central-1"));
        assert_eq!(set.replicas, [region("us-east-1")]);
    }
}
