//! Users: made, shown, listed, renamed, deleted.

use reseal_core::directory::{Edits, IdentityKind, Member, identity_arn};
use reseal_core::identity::PrincipalKind;
use serde_json::json;

use super::{
    boundary,
    entity::{self, Draft},
};
use crate::{
    action::{Action, Facts, Reply, Spec, Work},
    fault::Fault,
    members::{Bounds, Members},
    page::Page,
    subject::{Found, Subject},
};

pub(super) struct CreateUser {
    name: String,
    path: String,
    boundary: Option<String>,
    tags: Vec<(String, String)>,
}

impl Action for CreateUser {
    const SPEC: Spec = Spec::changes("iam:CreateUser");

    fn read(members: &mut Members<'_>) -> Self {
        Self {
            name: members.name("UserName", 64),
            path: members.path("Path"),
            boundary: members.optional_arn("PermissionsBoundary"),
            tags: members.tags("Tags"),
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::New("user", &self.path, &self.name)
    }

    fn facts(&self) -> Facts<'_> {
        Facts { tags: &self.tags, boundary: self.boundary.as_deref(), ..Facts::default() }
    }

    async fn execute(self, work: Work<'_>, _: Found) -> Result<Reply, Fault> {
        let Self { name, path, boundary, tags } = self;
        let mut edits = Edits::default();
        boundary::count(work, &mut edits, None, boundary.as_deref()).await?;
        let user = Draft { kind: IdentityKind::User, name, path, boundary, tags }.into_record(work).await?;
        edits.create(&user)?;
        let arn = identity_arn(work.partition(), &user);
        let noted =
            json!({"user": {"userName": user.name, "userId": user.id, "arn": arn, "path": user.path}});
        let reply = Reply::with(|xml| xml.element("User", |xml| entity::show(work, &user, false, xml)));
        Ok(reply.and(edits).noting(noted))
    }
}

pub(super) struct GetUser {
    name: Option<String>,
}

impl Action for GetUser {
    const SPEC: Spec = Spec::reads("iam:GetUser");

    fn read(members: &mut Members<'_>) -> Self {
        Self { name: members.optional_name("UserName", 128) }
    }

    fn subject(&self) -> Subject<'_> {
        self.name.as_deref().map_or(Subject::Caller, |name| Subject::Identity(IdentityKind::User, name))
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let caller = &work.call.caller;
        if self.name.is_none() && *caller.principal().kind() == PrincipalKind::Root {
            // The root has no record: IAM shows the account's number and when the account was made.
            return Ok(Reply::with(|xml| {
                xml.element("User", |xml| {
                    xml.text("UserId", caller.account().as_str());
                    xml.text("Arn", caller.arn());
                });
            }));
        }
        let found = match &self.name {
            Some(_) => found,
            None => Subject::UserOrCaller(None).find(work).await?,
        };
        let user = found.identity()?.record;
        Ok(Reply::with(|xml| xml.element("User", |xml| entity::show(work, &user, false, xml))))
    }
}

pub(super) struct ListUsers {
    path_prefix: String,
    page: Page,
}

impl Action for ListUsers {
    const SPEC: Spec = Spec::reads("iam:ListUsers");

    fn read(members: &mut Members<'_>) -> Self {
        let path_prefix = members.text("PathPrefix", Bounds(1, 512)).unwrap_or_default();
        Self { path_prefix, page: Page::read(members) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::New("user", &self.path_prefix, "")
    }

    async fn execute(self, work: Work<'_>, _: Found) -> Result<Reply, Fault> {
        let page = entity::list(work, IdentityKind::User, &self.path_prefix, &self.page).await?;
        Ok(Reply::with(|xml| {
            xml.list("Users", &page.items, |xml, user| entity::show(work, &user.record, true, xml));
            page.finish(xml);
        }))
    }
}

pub(super) struct UpdateUser {
    name: String,
    new_name: Option<String>,
    new_path: Option<String>,
}

impl Action for UpdateUser {
    const SPEC: Spec = Spec::changes("iam:UpdateUser");

    fn read(members: &mut Members<'_>) -> Self {
        Self {
            name: members.name("UserName", 128),
            new_name: members.optional_name("NewUserName", 64),
            new_path: members.optional_path("NewPath"),
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(IdentityKind::User, &self.name)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let old = found.identity()?;
        let mut user = old.record.clone();
        user.path = self.new_path.unwrap_or(user.path);
        user.name = self.new_name.unwrap_or(user.name);
        let moved = !user.name.eq_ignore_ascii_case(&old.record.name);
        if moved && work.env.identity_is_taken(user.account, user.kind, &user.name).await? {
            return Err(entity::taken(user.kind, &user.name));
        }
        let mut edits = Edits::default();
        if user.name != old.record.name {
            for key in &user.access_keys {
                work.env.update_access_key(&mut edits, &user, key).await?;
            }
        }
        // Lists of members have lower-case names: another letter case is no move.
        for group in user.groups.iter().filter(|_| moved) {
            let member = Member { account: user.account, group, user: &old.record.name };
            edits.remove_member(member)?;
            edits.add_member(Member { user: &user.name, ..member })?;
        }
        edits.rename(&old, &user)?;
        Ok(Reply::done(edits))
    }
}

pub(super) struct DeleteUser {
    name: String,
}

impl Action for DeleteUser {
    const SPEC: Spec = Spec::changes("iam:DeleteUser");

    fn read(members: &mut Members<'_>) -> Self {
        Self { name: members.name("UserName", 128) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(IdentityKind::User, &self.name)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let user = found.identity()?;
        entity::refuse_deletion(&user.record, false)?;
        let mut edits = Edits::default();
        boundary::count(work, &mut edits, user.record.boundary.as_deref(), None).await?;
        edits.delete(&user)?;
        Ok(Reply::done(edits))
    }
}
