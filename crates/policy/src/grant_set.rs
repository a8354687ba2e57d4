//! Grants on one key, such as those of one grantee, arranged so that a decision looks only at those that can allow it.
//!
//! A key may have tens of thousands of grants for one grantee, each for an encryption context of its own. A grant with
//! a constraint on the context needs certain pairs in the request; it is filed under the one of its pairs that the
//! fewest others have, and found again only by a request that carries that pair.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::context::RequestContext;
use crate::grant::{Grant, GrantOperation};
use crate::principal::Principal;

/// Grants on one key.
#[derive(Debug, Default)]
pub struct GrantSet {
    /// Oldest first.
    grants: Box<[Arc<Grant>]>,
    /// Those without a constraint on the context, by their place in `grants`. Places rise in every list here.
    unconstrained: Vec<usize>,
    /// The others: name, then value of the pair they are filed under.
    by_pair: BTreeMap<Box<str>, BTreeMap<Box<str>, Vec<usize>>>,
    /// Those that allow CreateGrant: there the constraints limit what may be passed on.
    creating: Vec<usize>,
    /// Those that allow DescribeKey, whose requests have no encryption context.
    describing: Vec<usize>,
}

impl GrantSet {
    /// Arranges `grants`, oldest first. Of several that allow just the same to the same, the oldest is kept.
    pub fn new(grants: impl IntoIterator<Item = Grant>) -> Self {
        let mut seen = BTreeSet::new();
        let distinct = grants
            .into_iter()
            .filter(|grant| seen.insert((text(&grant.grantee), grant.operations, grant.constraints.clone())));
        let grants: Box<[_]> = distinct.map(Arc::new).collect();
        let mut set = Self { grants: Box::default(), ..Self::default() };
        let mut frequency = BTreeMap::<&(Box<str>, Box<str>), usize>::new();
        for pair in grants.iter().flat_map(|grant| grant.constraints.context.pairs()) {
            *frequency.entry(pair).or_default() += 1;
        }
        let mut described = BTreeSet::new();
        for (index, grant) in grants.iter().enumerate() {
            let pairs = grant.constraints.context.pairs().iter();
            match pairs.min_by_key(|pair| frequency.get(pair)) {
                None => set.unconstrained.push(index),
                Some((name, value)) => {
                    let values = set.by_pair.entry(name.clone()).or_default();
                    values.entry(value.clone()).or_default().push(index);
                }
            }
            if grant.operations.contains(GrantOperation::CreateGrant) {
                set.creating.push(index);
            }
            // Without a SourceArn one is as good as all of them.
            let describes = grant.operations.contains(GrantOperation::DescribeKey);
            if describes && (grant.constraints.source_arn.is_some() || described.insert(text(&grant.grantee)))
            {
                set.describing.push(index);
            }
        }
        set.grants = grants;
        set
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.grants.is_empty()
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Grant>> {
        self.grants.iter()
    }

    /// Adds those grants to `found` that can allow `operation` under this context, oldest first. Whether one does is
    /// decided by [`evaluate`](crate::evaluate).
    pub fn candidates(
        &self,
        operation: GrantOperation,
        context: &dyn RequestContext,
        found: &mut Vec<Arc<Grant>>,
    ) {
        let mut places: Vec<usize> = match operation {
            GrantOperation::CreateGrant => self.creating.clone(),
            GrantOperation::DescribeKey => self.describing.clone(),
            _ => self.unconstrained.clone(),
        };
        if !matches!(operation, GrantOperation::CreateGrant | GrantOperation::DescribeKey) {
            context.encryption_context(&mut |name, value| {
                let filed = self.by_pair.get(name).and_then(|values| values.get(value));
                places.extend(filed.into_iter().flatten());
            });
            places.sort_unstable();
        }
        let grants = places.into_iter().filter_map(|place| self.grants.get(place));
        found.extend(grants.filter(|grant| grant.operations.contains(operation)).cloned());
    }
}

/// Principals have no order of their own.
fn text(principal: &Principal) -> String {
    format!("{principal:?}")
}
