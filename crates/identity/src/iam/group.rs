//! Groups: made, shown with their members, listed, renamed, deleted.

use reseal_core::directory::{Edits, IdentityKind, Member, Stored};

use super::entity::{self, Draft};
use crate::{
    action::{Action, Reply, Spec, Work},
    fault::{Code, Fault},
    members::{Bounds, Members},
    page::{Page, Paged},
    subject::{Found, Subject},
};

/// A group is renamed together with the records of all its members, in one commit.
const MOST_RENAMED: u16 = 1_000;

pub(super) struct CreateGroup {
    name: String,
    path: String,
}

impl Action for CreateGroup {
    const SPEC: Spec = Spec::changes("iam:CreateGroup");

    fn read(members: &mut Members<'_>) -> Self {
        Self { name: members.name("GroupName", 128), path: members.path("Path") }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::New("group", &self.path, &self.name)
    }

    async fn execute(self, work: Work<'_>, _: Found) -> Result<Reply, Fault> {
        let Self { name, path } = self;
        let draft = Draft { kind: IdentityKind::Group, name, path, boundary: None, tags: Vec::new() };
        let group = draft.into_record(work).await?;
        let mut edits = Edits::default();
        edits.create(&group)?;
        let reply = Reply::with(|xml| xml.element("Group", |xml| entity::show(work, &group, false, xml)));
        Ok(reply.and(edits))
    }
}

pub(super) struct GetGroup {
    name: String,
    page: Page,
}

impl Action for GetGroup {
    const SPEC: Spec = Spec::reads("iam:GetGroup");

    fn read(members: &mut Members<'_>) -> Self {
        Self { name: members.name("GroupName", 128), page: Page::read(members) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(IdentityKind::Group, &self.name)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let group = found.identity()?.record;
        let limit = u16::try_from(self.page.limit()).unwrap_or(u16::MAX);
        let after = self.page.after()?;
        let (names, more) = work.env.members(group.account, &group.name, after.as_deref(), limit).await?;
        let last = names.last().filter(|_| more).cloned();
        let mut items = Vec::with_capacity(names.len());
        for name in names {
            items.extend(work.env.member(group.account, &name).await?);
        }
        let page = Paged { items, last };
        Ok(Reply::with(|xml| {
            xml.element("Group", |xml| entity::show(work, &group, false, xml));
            xml.list("Users", &page.items, |xml, user| entity::show(work, &user.record, true, xml));
            page.finish(xml);
        }))
    }
}

pub(super) struct ListGroups {
    path_prefix: String,
    page: Page,
}

impl Action for ListGroups {
    const SPEC: Spec = Spec::reads("iam:ListGroups");

    fn read(members: &mut Members<'_>) -> Self {
        let path_prefix = members.text("PathPrefix", Bounds(1, 512)).unwrap_or_default();
        Self { path_prefix, page: Page::read(members) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::New("group", &self.path_prefix, "")
    }

    async fn execute(self, work: Work<'_>, _: Found) -> Result<Reply, Fault> {
        let page = entity::list(work, IdentityKind::Group, &self.path_prefix, &self.page).await?;
        Ok(Reply::with(|xml| {
            xml.list("Groups", &page.items, |xml, group| entity::show(work, &group.record, true, xml));
            page.finish(xml);
        }))
    }
}

pub(super) struct UpdateGroup {
    name: String,
    new_name: Option<String>,
    new_path: Option<String>,
}

impl Action for UpdateGroup {
    const SPEC: Spec = Spec::changes("iam:UpdateGroup");

    fn read(members: &mut Members<'_>) -> Self {
        Self {
            name: members.name("GroupName", 128),
            new_name: members.optional_name("NewGroupName", 128),
            new_path: members.optional_path("NewPath"),
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(IdentityKind::Group, &self.name)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let old = found.identity()?;
        let mut group = old.record.clone();
        group.path = self.new_path.unwrap_or(group.path);
        group.name = self.new_name.unwrap_or(group.name);
        let moved = !group.name.eq_ignore_ascii_case(&old.record.name);
        if moved && work.env.identity_is_taken(group.account, group.kind, &group.name).await? {
            return Err(entity::taken(group.kind, &group.name));
        }
        let mut edits = Edits::default();
        if group.name != old.record.name {
            rename_in_members(work, &mut edits, &old.record, &group.name).await?;
        }
        edits.rename(&old, &group)?;
        Ok(Reply::done(edits))
    }
}

async fn rename_in_members(
    work: Work<'_>,
    edits: &mut Edits,
    old: &reseal_core::directory::IdentityRecord,
    name: &str,
) -> Result<(), Fault> {
    let (members, more) = work.env.members(old.account, &old.name, None, MOST_RENAMED).await?;
    if more {
        let text = format!("A group with more than {MOST_RENAMED} users cannot be renamed.");
        return Err(Fault::new(Code::LimitExceeded, text));
    }
    for member in members {
        let from = Member { account: old.account, group: &old.name, user: &member };
        // Lists of members have lower-case names: another letter case is no move.
        if !name.eq_ignore_ascii_case(&old.name) {
            edits.remove_member(from)?;
            edits.add_member(Member { group: name, ..from })?;
        }
        let Some(mut user) = work.env.member(old.account, &member).await? else { continue };
        let in_it = user.record.groups.iter_mut().filter(|group| **group == old.name);
        in_it.for_each(|group| name.clone_into(group));
        edits.update(&user)?;
    }
    Ok(())
}

pub(super) struct DeleteGroup {
    name: String,
}

impl Action for DeleteGroup {
    const SPEC: Spec = Spec::changes("iam:DeleteGroup");

    fn read(members: &mut Members<'_>) -> Self {
        Self { name: members.name("GroupName", 128) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(IdentityKind::Group, &self.name)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let group: Stored<_> = found.identity()?;
        let (members, _) = work.env.members(group.record.account, &group.record.name, None, 1).await?;
        entity::refuse_deletion(&group.record, !members.is_empty())?;
        Reply::deleted(&group)
    }
}
