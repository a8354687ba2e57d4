//! Roles: made, shown, listed, changed, deleted; and their trust policies.

use reseal_core::directory::{Edits, IdentityKind, IdentityRecord, PolicyText, RoleFacts, identity_arn};
use serde_json::json;

use super::{
    boundary, document,
    entity::{self, Draft},
};
use crate::{
    action::{Action, Facts, Reply, Spec, Work},
    fault::{Code, Fault},
    members::{Bounds, Members},
    page::Page,
    subject::{Found, Subject},
};

const SHORTEST_SESSION: usize = 3_600;
const LONGEST_SESSION: usize = 43_200;
const DESCRIPTION: &str = r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*";
/// AWS: 2,048 by default, up to 4,096 on request.
const TRUST_CHARACTERS: usize = 4_096;

pub(super) struct CreateRole {
    name: String,
    path: String,
    trust: String,
    description: Option<String>,
    max_session_seconds: Option<u32>,
    boundary: Option<String>,
    tags: Vec<(String, String)>,
}

impl Action for CreateRole {
    const SPEC: Spec = Spec::changes("iam:CreateRole");

    fn read(members: &mut Members<'_>) -> Self {
        Self {
            name: members.name("RoleName", 64),
            path: members.path("Path"),
            trust: members.document("AssumeRolePolicyDocument"),
            description: description(members),
            max_session_seconds: members
                .integer("MaxSessionDuration", Bounds(SHORTEST_SESSION, LONGEST_SESSION)),
            boundary: members.optional_arn("PermissionsBoundary"),
            tags: members.tags("Tags"),
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::New("role", &self.path, &self.name)
    }

    fn facts(&self) -> Facts<'_> {
        Facts { tags: &self.tags, boundary: self.boundary.as_deref(), ..Facts::default() }
    }

    async fn execute(self, work: Work<'_>, _: Found) -> Result<Reply, Fault> {
        let Self { name, path, trust, description, max_session_seconds, boundary, tags } = self;
        let trust = check_trust(work, trust).await?;
        let mut edits = Edits::default();
        boundary::count(work, &mut edits, None, boundary.as_deref()).await?;
        let mut role =
            Draft { kind: IdentityKind::Role, name, path, boundary, tags }.into_record(work).await?;
        role.role = Some(RoleFacts {
            trust,
            description: description.unwrap_or_default(),
            max_session_seconds: max_session_seconds.unwrap_or(3_600),
        });
        edits.create(&role)?;
        let arn = identity_arn(work.partition(), &role);
        let noted =
            json!({"role": {"roleName": role.name, "roleId": role.id, "arn": arn, "path": role.path}});
        let reply = Reply::with(|xml| xml.element("Role", |xml| entity::show(work, &role, false, xml)));
        Ok(reply.and(edits).noting(noted))
    }
}

pub(super) struct GetRole {
    name: String,
}

impl Action for GetRole {
    const SPEC: Spec = Spec::reads("iam:GetRole");

    fn read(members: &mut Members<'_>) -> Self {
        Self { name: members.name("RoleName", 64) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(IdentityKind::Role, &self.name)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let role = found.identity()?.record;
        Ok(Reply::with(|xml| xml.element("Role", |xml| entity::show(work, &role, false, xml))))
    }
}

pub(super) struct ListRoles {
    path_prefix: String,
    page: Page,
}

impl Action for ListRoles {
    const SPEC: Spec = Spec::reads("iam:ListRoles");

    fn read(members: &mut Members<'_>) -> Self {
        let path_prefix = members.text("PathPrefix", Bounds(1, 512)).unwrap_or_default();
        Self { path_prefix, page: Page::read(members) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::New("role", &self.path_prefix, "")
    }

    async fn execute(self, work: Work<'_>, _: Found) -> Result<Reply, Fault> {
        let page = entity::list(work, IdentityKind::Role, &self.path_prefix, &self.page).await?;
        Ok(Reply::with(|xml| {
            xml.list("Roles", &page.items, |xml, role| entity::show(work, &role.record, true, xml));
            page.finish(xml);
        }))
    }
}

pub(super) struct UpdateRole {
    name: String,
    description: Option<String>,
    max_session_seconds: Option<u32>,
}

impl Action for UpdateRole {
    const SPEC: Spec = Spec::changes("iam:UpdateRole");

    fn read(members: &mut Members<'_>) -> Self {
        Self {
            name: members.name("RoleName", 64),
            description: description(members),
            max_session_seconds: members
                .integer("MaxSessionDuration", Bounds(SHORTEST_SESSION, LONGEST_SESSION)),
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(IdentityKind::Role, &self.name)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut role = found.identity()?;
        if let Some(facts) = &mut role.record.role {
            facts.description = self.description.unwrap_or_default();
            facts.max_session_seconds = self.max_session_seconds.unwrap_or(facts.max_session_seconds);
        }
        let mut edits = Edits::default();
        edits.update(&role)?;
        Ok(Reply::with(|_| {}).and(edits))
    }
}

/// What UpdateRole took over; Terraform still calls it.
pub(super) struct UpdateRoleDescription {
    name: String,
    description: Option<String>,
}

impl Action for UpdateRoleDescription {
    const SPEC: Spec = Spec::changes("iam:UpdateRoleDescription");

    fn read(members: &mut Members<'_>) -> Self {
        let (name, description) = (members.name("RoleName", 64), description(members));
        if description.is_none() {
            members.required("Description", Bounds(0, 1_000));
        }
        Self { name, description }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(IdentityKind::Role, &self.name)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut role = found.identity()?;
        if let Some(facts) = &mut role.record.role {
            facts.description = self.description.unwrap_or_default();
        }
        let mut edits = Edits::default();
        edits.update(&role)?;
        let reply = Reply::with(|xml| {
            xml.element("Role", |xml| entity::show(work, &role.record, false, xml));
        });
        Ok(reply.and(edits))
    }
}

pub(super) struct UpdateAssumeRolePolicy {
    name: String,
    trust: String,
}

impl Action for UpdateAssumeRolePolicy {
    const SPEC: Spec = Spec::changes("iam:UpdateAssumeRolePolicy");

    fn read(members: &mut Members<'_>) -> Self {
        Self { name: members.name("RoleName", 64), trust: members.document("PolicyDocument") }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(IdentityKind::Role, &self.name)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut role = found.identity()?;
        let trust = check_trust(work, self.trust).await?;
        if let Some(facts) = &mut role.record.role {
            facts.trust = trust;
        }
        Reply::updated(&role)
    }
}

pub(super) struct DeleteRole {
    name: String,
}

impl Action for DeleteRole {
    const SPEC: Spec = Spec::changes("iam:DeleteRole");

    fn read(members: &mut Members<'_>) -> Self {
        Self { name: members.name("RoleName", 64) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(IdentityKind::Role, &self.name)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let role = found.identity()?;
        entity::refuse_deletion(&role.record, false)?;
        let mut edits = Edits::default();
        boundary::count(work, &mut edits, role.record.boundary.as_deref(), None).await?;
        edits.delete(&role)?;
        Ok(Reply::done(edits))
    }
}

/// The kinds of instances that would use a role do not exist here, but clients ask before they delete one.
pub(super) struct ListInstanceProfilesForRole {
    name: String,
}

impl Action for ListInstanceProfilesForRole {
    const SPEC: Spec = Spec::reads("iam:ListInstanceProfilesForRole");

    fn read(members: &mut Members<'_>) -> Self {
        let name = members.name("RoleName", 64);
        Page::read(members);
        Self { name }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(IdentityKind::Role, &self.name)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let _: IdentityRecord = found.identity()?.record;
        Ok(Reply::with(|xml| {
            xml.texts("InstanceProfiles", []);
            xml.boolean("IsTruncated", false);
        }))
    }
}

fn description(members: &mut Members<'_>) -> Option<String> {
    let legal = |letter: char| matches!(letter, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}');
    members.patterned("Description", Bounds(0, 1_000), DESCRIPTION, legal)
}

async fn check_trust(work: Work<'_>, trust: String) -> Result<PolicyText, Fault> {
    if document::characters(&trust) > TRUST_CHARACTERS {
        let text = format!("Cannot exceed quota for ACLSizePerRole: {TRUST_CHARACTERS}");
        return Err(Fault::new(Code::LimitExceeded, text));
    }
    document::check_trust(work, trust).await
}
