//! Tags of users and roles.

use std::marker::PhantomData;

use reseal_core::directory::Edits;

use super::{entity, owner::Tagged};
use crate::{
    action::{Action, Facts, Reply, Spec, Work},
    fault::{Code, Fault},
    members::{Bounds, Members},
    page::Page,
    subject::{Found, Subject},
};

/// AWS: fifty for each resource.
const MOST: usize = 50;

pub(super) struct Tag<O> {
    owner: String,
    tags: Vec<(String, String)>,
    of: PhantomData<fn() -> O>,
}

impl<O: Tagged> Action for Tag<O> {
    const SPEC: Spec = Spec::changes(O::TAG);

    fn read(members: &mut Members<'_>) -> Self {
        Self { owner: O::read(members), tags: members.tags("Tags"), of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(O::KIND, &self.owner)
    }

    fn facts(&self) -> Facts<'_> {
        Facts { tags: &self.tags, ..Facts::default() }
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut owner = found.identity()?;
        let tags = &mut owner.record.tags;
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
        let mut edits = Edits::default();
        edits.update(&owner)?;
        Ok(Reply::done(edits))
    }
}

pub(super) struct Untag<O> {
    owner: String,
    keys: Vec<String>,
    of: PhantomData<fn() -> O>,
}

impl<O: Tagged> Action for Untag<O> {
    const SPEC: Spec = Spec::changes(O::UNTAG);

    fn read(members: &mut Members<'_>) -> Self {
        let keys = members.texts("TagKeys", 50, Bounds(1, 128)).unwrap_or_default();
        Self { owner: O::read(members), keys, of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(O::KIND, &self.owner)
    }

    fn facts(&self) -> Facts<'_> {
        Facts { tag_keys: &self.keys, ..Facts::default() }
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut owner = found.identity()?;
        let named = |key: &str| self.keys.iter().any(|named| named.eq_ignore_ascii_case(key));
        owner.record.tags.retain(|(key, _)| !named(key));
        let mut edits = Edits::default();
        edits.update(&owner)?;
        Ok(Reply::done(edits))
    }
}

pub(super) struct ListTags<O> {
    owner: String,
    page: Page,
    of: PhantomData<fn() -> O>,
}

impl<O: Tagged> Action for ListTags<O> {
    const SPEC: Spec = Spec::reads(O::LIST_TAGS);

    fn read(members: &mut Members<'_>) -> Self {
        Self { owner: O::read(members), page: Page::read(members), of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(O::KIND, &self.owner)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut tags = found.identity()?.record.tags;
        tags.sort_unstable();
        let page = self.page.of(tags, |(key, _)| key.clone())?;
        Ok(Reply::with(|xml| {
            entity::show_tags(&page.items, xml);
            page.finish(xml);
        }))
    }
}
