//! What users, roles and groups have in common: how they are made, listed and shown.

use reseal_core::directory::{IdentityKind, IdentityRecord, Stored, identity_arn};

use crate::{
    action::Work,
    fault::{Code, Fault},
    page::{Page, Paged},
    xml::{Xml, percent_encoded},
};

/// What is chosen for a new user, role or group.
pub(super) struct Draft {
    pub(super) kind: IdentityKind,
    pub(super) name: String,
    pub(super) path: String,
    pub(super) boundary: Option<String>,
    pub(super) tags: Vec<(String, String)>,
}

impl Draft {
    /// The record, if the name is free.
    pub(super) async fn into_record(self, work: Work<'_>) -> Result<IdentityRecord, Fault> {
        let Self { kind, name, path, boundary, tags } = self;
        if work.env.identity_is_taken(work.account(), kind, &name).await? {
            return Err(taken(kind, &name));
        }
        let prefix = match kind {
            IdentityKind::User => "AIDA",
            IdentityKind::Role => "AROA",
            IdentityKind::Group => "AGPA",
        };
        Ok(IdentityRecord {
            kind,
            account: work.account(),
            name,
            path,
            id: work.env.new_unique_id(prefix).map_err(reseal_core::error::Error::from)?,
            created: work.env.clock().now(),
            inline: Vec::new(),
            attached: Vec::new(),
            boundary,
            tags,
            access_keys: Vec::new(),
            groups: Vec::new(),
            role: None,
        })
    }
}

/// The error for a name in use.
pub(super) fn taken(kind: IdentityKind, name: &str) -> Fault {
    let noun = match kind {
        IdentityKind::User => "User",
        IdentityKind::Role => "Role",
        IdentityKind::Group => "Group",
    };
    Fault::new(Code::EntityAlreadyExists, format!("{noun} with name {name} already exists."))
}

/// A page of users, roles or groups whose path begins so.
pub(super) async fn list(
    work: Work<'_>,
    kind: IdentityKind,
    path_prefix: &str,
    page: &Page,
) -> Result<Paged<Stored<IdentityRecord>>, Fault> {
    let (mut items, mut after) = (Vec::new(), page.after()?);
    loop {
        let (read, more) = work.env.identities(work.account(), kind, after.as_deref(), 500).await?;
        after = read.last().map(|stored| sort_name(&stored.record));
        items.extend(read.into_iter().filter(|stored| stored.record.path.starts_with(path_prefix)));
        if items.len() > page.limit() || !more || after.is_none() {
            return page.of(items, |stored| sort_name(&stored.record));
        }
    }
}

/// Names are in the order of their lower-case forms.
fn sort_name(record: &IdentityRecord) -> String {
    record.name.to_ascii_lowercase()
}

/// The members of a `User`, `Role` or `Group`. Listings leave out boundary and tags, as IAM's do.
pub(super) fn show(work: Work<'_>, record: &IdentityRecord, listed: bool, xml: &mut Xml) {
    let (name, id) = match record.kind {
        IdentityKind::User => ("UserName", "UserId"),
        IdentityKind::Role => ("RoleName", "RoleId"),
        IdentityKind::Group => ("GroupName", "GroupId"),
    };
    xml.text("Path", &record.path);
    xml.text(name, &record.name);
    xml.text(id, &record.id);
    xml.text("Arn", &identity_arn(work.partition(), record));
    xml.date("CreateDate", record.created);
    if let Some(role) = &record.role {
        xml.text("AssumeRolePolicyDocument", &percent_encoded(&role.trust.text));
        if !role.description.is_empty() {
            xml.text("Description", &role.description);
        }
        xml.number("MaxSessionDuration", role.max_session_seconds);
    }
    if listed {
        return;
    }
    if let Some(boundary) = &record.boundary {
        xml.element("PermissionsBoundary", |xml| {
            xml.text("PermissionsBoundaryType", "Policy");
            xml.text("PermissionsBoundaryArn", boundary);
        });
    }
    if !record.tags.is_empty() {
        show_tags(&record.tags, xml);
    }
}

/// The member `Tags`.
pub(super) fn show_tags(tags: &[(String, String)], xml: &mut Xml) {
    xml.list("Tags", tags, |xml, (key, value)| {
        xml.text("Key", key);
        xml.text("Value", value);
    });
}

/// What must be gone before a user, role or group can be deleted.
pub(super) fn refuse_deletion(record: &IdentityRecord, has_members: bool) -> Result<(), Fault> {
    let what = if has_members {
        "must remove users from group first"
    } else if !record.access_keys.is_empty() {
        "must delete access keys first"
    } else if !record.groups.is_empty() {
        "must remove user from group first"
    } else if !record.inline.is_empty() {
        "must delete policies first"
    } else if !record.attached.is_empty() {
        "must detach all policies first"
    } else {
        return Ok(());
    };
    Err(Fault::new(Code::DeleteConflict, format!("Cannot delete entity, {what}.")))
}
