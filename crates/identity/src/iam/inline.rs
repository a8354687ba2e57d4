//! Inline policies of users, roles and groups.

use std::marker::PhantomData;

use reseal_policy::IdentityPolicy;

use super::{document, owner::Owner};
use crate::{
    action::{Action, Reply, Spec, Work, noun},
    fault::{Code, Fault},
    members::Members,
    page::Page,
    subject::{Found, Subject},
    xml::percent_encoded,
};

pub(super) struct PutPolicy<O> {
    owner: String,
    name: String,
    document: String,
    of: PhantomData<fn() -> O>,
}

impl<O: Owner> Action for PutPolicy<O> {
    const SPEC: Spec = Spec::changes(O::PUT_POLICY);

    fn read(members: &mut Members<'_>) -> Self {
        Self {
            owner: O::read(members),
            name: members.name("PolicyName", 128),
            document: members.document("PolicyDocument"),
            of: PhantomData,
        }
    }

    fn check(&self) -> Result<(), Fault> {
        document::checked(IdentityPolicy::parse(&self.document)).map(drop)
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(O::KIND, &self.owner)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut owner = found.identity()?;
        let inline = &mut owner.record.inline;
        inline.retain(|(name, _)| *name != self.name);
        inline.push((self.name, self.document));
        inline.sort_unstable();
        let characters: usize = inline.iter().map(|(_, document)| document::characters(document)).sum();
        let most = O::INLINE_CHARACTERS;
        if characters > most {
            let text =
                format!("Maximum policy size of {most} bytes exceeded for {} {}", noun(O::KIND), self.owner);
            return Err(Fault::new(Code::LimitExceeded, text));
        }
        Reply::updated(&owner)
    }
}

pub(super) struct GetPolicy<O> {
    owner: String,
    name: String,
    of: PhantomData<fn() -> O>,
}

impl<O: Owner> Action for GetPolicy<O> {
    const SPEC: Spec = Spec::reads(O::GET_POLICY);

    fn read(members: &mut Members<'_>) -> Self {
        Self { owner: O::read(members), name: members.name("PolicyName", 128), of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(O::KIND, &self.owner)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let owner = found.identity()?.record;
        let policy = owner.inline.iter().find(|(name, _)| *name == self.name);
        let (name, document) = policy.ok_or_else(|| no_inline::<O>(&self.name))?;
        Ok(Reply::with(|xml| {
            xml.text(O::MEMBER, &owner.name);
            xml.text("PolicyName", name);
            xml.text("PolicyDocument", &percent_encoded(document));
        }))
    }
}

pub(super) struct ListPolicies<O> {
    owner: String,
    page: Page,
    of: PhantomData<fn() -> O>,
}

impl<O: Owner> Action for ListPolicies<O> {
    const SPEC: Spec = Spec::reads(O::LIST_POLICIES);

    fn read(members: &mut Members<'_>) -> Self {
        Self { owner: O::read(members), page: Page::read(members), of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(O::KIND, &self.owner)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let names = found.identity()?.record.inline.into_iter().map(|(name, _)| name).collect();
        let page = self.page.of(names, String::clone)?;
        Ok(Reply::with(|xml| {
            xml.texts("PolicyNames", page.items.iter().map(String::as_str));
            page.finish(xml);
        }))
    }
}

pub(super) struct DeletePolicy<O> {
    owner: String,
    name: String,
    of: PhantomData<fn() -> O>,
}

impl<O: Owner> Action for DeletePolicy<O> {
    const SPEC: Spec = Spec::changes(O::DELETE_POLICY);

    fn read(members: &mut Members<'_>) -> Self {
        Self { owner: O::read(members), name: members.name("PolicyName", 128), of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(O::KIND, &self.owner)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut owner = found.identity()?;
        let before = owner.record.inline.len();
        owner.record.inline.retain(|(name, _)| *name != self.name);
        if owner.record.inline.len() == before {
            return Err(no_inline::<O>(&self.name));
        }
        Reply::updated(&owner)
    }
}

fn no_inline<O: Owner>(name: &str) -> Fault {
    Fault::new(Code::NoSuchEntity, format!("The {} policy with name {name} cannot be found.", noun(O::KIND)))
}
