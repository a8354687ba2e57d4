//! Which users are in which groups.

use reseal_core::directory::{Edits, IdentityKind, Member};

use super::entity;
use crate::{
    action::{Action, Reply, Spec, Work},
    fault::{Code, Fault},
    members::Members,
    page::Page,
    subject::{Found, Subject, no_identity},
};

/// AWS: ten for each user.
const MOST: usize = 10;

pub(super) struct AddUserToGroup {
    group: String,
    user: String,
}

impl Action for AddUserToGroup {
    const SPEC: Spec = Spec::changes("iam:AddUserToGroup");

    fn read(members: &mut Members<'_>) -> Self {
        Self { group: members.name("GroupName", 128), user: members.name("UserName", 128) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(IdentityKind::Group, &self.group)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let group = found.identity()?;
        let user = work.env.identity(work.account(), IdentityKind::User, &self.user).await?;
        let mut user = user.ok_or_else(|| no_identity(IdentityKind::User, &self.user))?;
        if user.record.groups.contains(&group.record.name) {
            return Ok(Reply::default());
        }
        if user.record.groups.len() >= MOST {
            return Err(Fault::new(
                Code::LimitExceeded,
                format!("Cannot exceed quota for GroupsPerUser: {MOST}"),
            ));
        }
        user.record.groups.push(group.record.name.clone());
        let mut edits = Edits::default();
        // Written, not only relied on: a deletion of the group must meet this change.
        edits.update(&group)?;
        edits.update(&user)?;
        let (account, group) = (work.account(), group.record.name.as_str());
        edits.add_member(Member { account, group, user: &user.record.name })?;
        Ok(Reply::done(edits))
    }
}

pub(super) struct RemoveUserFromGroup {
    group: String,
    user: String,
}

impl Action for RemoveUserFromGroup {
    const SPEC: Spec = Spec::changes("iam:RemoveUserFromGroup");

    fn read(members: &mut Members<'_>) -> Self {
        Self { group: members.name("GroupName", 128), user: members.name("UserName", 128) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(IdentityKind::Group, &self.group)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let group = found.identity()?.record;
        let user = work.env.identity(work.account(), IdentityKind::User, &self.user).await?;
        let mut user = user.ok_or_else(|| no_identity(IdentityKind::User, &self.user))?;
        let before = user.record.groups.len();
        user.record.groups.retain(|name| *name != group.name);
        if user.record.groups.len() == before {
            let text = format!("User {} is not in group {}.", self.user, self.group);
            return Err(Fault::new(Code::NoSuchEntity, text));
        }
        let mut edits = Edits::default();
        edits.update(&user)?;
        let (account, group) = (work.account(), group.name.as_str());
        edits.remove_member(Member { account, group, user: &user.record.name })?;
        Ok(Reply::done(edits))
    }
}

pub(super) struct ListGroupsForUser {
    user: String,
    page: Page,
}

impl Action for ListGroupsForUser {
    const SPEC: Spec = Spec::reads("iam:ListGroupsForUser");

    fn read(members: &mut Members<'_>) -> Self {
        Self { user: members.name("UserName", 128), page: Page::read(members) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(IdentityKind::User, &self.user)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut groups = Vec::new();
        for name in found.identity()?.record.groups {
            groups.extend(work.env.identity(work.account(), IdentityKind::Group, &name).await?);
        }
        groups.sort_by(|one, other| one.record.name.cmp(&other.record.name));
        let page = self.page.of(groups, |group| group.record.name.clone())?;
        Ok(Reply::with(|xml| {
            xml.list("Groups", &page.items, |xml, group| entity::show(work, &group.record, true, xml));
            page.finish(xml);
        }))
    }
}
