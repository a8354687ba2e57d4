//! Tags of users, roles, managed policies and OIDC providers.

use std::marker::PhantomData;

use reseal_core::directory::{
    DirectoryRecord, IdentityRecord, ManagedPolicyRecord, OidcProviderRecord, Stored,
};

use super::{entity, owner::Principal, provider};
use crate::{
    action::{Action, Facts, Reply, Spec, Work},
    fault::{Code, Fault},
    members::{Bounds, Members},
    page::Page,
    subject::{Found, Subject},
};

/// AWS: fifty for each resource.
const MOST: usize = 50;

type Tags = Vec<(String, String)>;

/// A kind of resource that has tags, with the names of its actions.
pub(super) trait Tagged: Send + Sync + 'static {
    const TAG: &'static str;
    const UNTAG: &'static str;
    const LIST_TAGS: &'static str;

    type Record: DirectoryRecord + Send;

    /// What the request names it by.
    fn read(members: &mut Members<'_>) -> String;
    fn subject(name: &str) -> Subject<'_>;
    fn found(found: Found) -> Result<Stored<Self::Record>, Fault>;
    fn tags(record: &mut Self::Record) -> &mut Tags;
}

impl<P: Principal> Tagged for P {
    const TAG: &'static str = <P as Principal>::TAG;
    const UNTAG: &'static str = <P as Principal>::UNTAG;
    const LIST_TAGS: &'static str = <P as Principal>::LIST_TAGS;

    type Record = IdentityRecord;

    fn read(members: &mut Members<'_>) -> String {
        P::read(members)
    }

    fn subject(name: &str) -> Subject<'_> {
        Subject::Identity(P::KIND, name)
    }

    fn found(found: Found) -> Result<Stored<IdentityRecord>, Fault> {
        found.identity()
    }

    fn tags(record: &mut IdentityRecord) -> &mut Tags {
        &mut record.tags
    }
}

pub(super) struct OfPolicy;

impl Tagged for OfPolicy {
    const TAG: &'static str = "iam:TagPolicy";
    const UNTAG: &'static str = "iam:UntagPolicy";
    const LIST_TAGS: &'static str = "iam:ListPolicyTags";

    type Record = ManagedPolicyRecord;

    fn read(members: &mut Members<'_>) -> String {
        members.arn("PolicyArn")
    }

    fn subject(arn: &str) -> Subject<'_> {
        Subject::Policy(arn)
    }

    fn found(found: Found) -> Result<Stored<ManagedPolicyRecord>, Fault> {
        found.policy()
    }

    fn tags(record: &mut ManagedPolicyRecord) -> &mut Tags {
        &mut record.tags
    }
}

pub(super) struct OfProvider;

impl Tagged for OfProvider {
    const TAG: &'static str = "iam:TagOpenIDConnectProvider";
    const UNTAG: &'static str = "iam:UntagOpenIDConnectProvider";
    const LIST_TAGS: &'static str = "iam:ListOpenIDConnectProviderTags";

    type Record = OidcProviderRecord;

    fn read(members: &mut Members<'_>) -> String {
        provider::read_arn(members)
    }

    fn subject(arn: &str) -> Subject<'_> {
        Subject::Provider(arn)
    }

    fn found(found: Found) -> Result<Stored<OidcProviderRecord>, Fault> {
        found.provider()
    }

    fn tags(record: &mut OidcProviderRecord) -> &mut Tags {
        &mut record.tags
    }
}

pub(super) struct Tag<T> {
    name: String,
    tags: Tags,
    of: PhantomData<fn() -> T>,
}

impl<T: Tagged> Action for Tag<T> {
    const SPEC: Spec = Spec::changes(T::TAG);

    fn read(members: &mut Members<'_>) -> Self {
        Self { name: T::read(members), tags: members.tags("Tags"), of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        T::subject(&self.name)
    }

    fn facts(&self) -> Facts<'_> {
        Facts { tags: &self.tags, ..Facts::default() }
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut stored = T::found(found)?;
        let tags = T::tags(&mut stored.record);
        for (key, value) in self.tags {
            match tags.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&key)) {
                Some(known) => *known = (key, value),
                None => tags.push((key, value)),
            }
        }
        if tags.len() > MOST {
            return Err(Fault::new(
                Code::LimitExceeded,
                format!("The number of tags has reached the maximum limit of {MOST}."),
            ));
        }
        Reply::updated(&stored)
    }
}

pub(super) struct Untag<T> {
    name: String,
    keys: Vec<String>,
    of: PhantomData<fn() -> T>,
}

impl<T: Tagged> Action for Untag<T> {
    const SPEC: Spec = Spec::changes(T::UNTAG);

    fn read(members: &mut Members<'_>) -> Self {
        let keys = members.texts("TagKeys", 50, Bounds(1, 128)).unwrap_or_default();
        Self { name: T::read(members), keys, of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        T::subject(&self.name)
    }

    fn facts(&self) -> Facts<'_> {
        Facts { tag_keys: &self.keys, ..Facts::default() }
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut stored = T::found(found)?;
        let named = |key: &str| self.keys.iter().any(|named| named.eq_ignore_ascii_case(key));
        T::tags(&mut stored.record).retain(|(key, _)| !named(key));
        Reply::updated(&stored)
    }
}

pub(super) struct ListTags<T> {
    name: String,
    page: Page,
    of: PhantomData<fn() -> T>,
}

impl<T: Tagged> Action for ListTags<T> {
    const SPEC: Spec = Spec::reads(T::LIST_TAGS);

    fn read(members: &mut Members<'_>) -> Self {
        Self { name: T::read(members), page: Page::read(members), of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        T::subject(&self.name)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut tags = std::mem::take(T::tags(&mut T::found(found)?.record));
        tags.sort_unstable();
        let page = self.page.of(tags, |(key, _)| key.clone())?;
        Ok(Reply::with(|xml| {
            entity::show_tags(&page.items, xml);
            page.finish(xml);
        }))
    }
}
