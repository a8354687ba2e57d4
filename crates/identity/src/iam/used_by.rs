//! Which users, groups and roles a managed policy is attached to or bounds.

use reseal_core::directory::{IdentityKind, IdentityRecord};

use crate::{
    action::{Action, Reply, Spec, Work},
    fault::Fault,
    members::{Bounds, Members},
    page::Page,
    subject::{Found, Subject},
    xml::Xml,
};

/// The kinds in the order in which an answer lists them, with the names of their lists and filters.
const KINDS: [(IdentityKind, &str, &str); 3] = [
    (IdentityKind::Group, "PolicyGroups", "Group"),
    (IdentityKind::User, "PolicyUsers", "User"),
    (IdentityKind::Role, "PolicyRoles", "Role"),
];
const FILTERS: [&str; 5] = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];
const READ_AT_ONCE: u16 = 500;

pub(super) struct ListEntitiesForPolicy {
    arn: String,
    filter: Option<&'static str>,
    usage: Option<&'static str>,
    path_prefix: String,
    page: Page,
}

impl Action for ListEntitiesForPolicy {
    const SPEC: Spec = Spec::reads("iam:ListEntitiesForPolicy");

    fn read(members: &mut Members<'_>) -> Self {
        Self {
            arn: members.arn("PolicyArn"),
            filter: members.choice("EntityFilter", &FILTERS),
            usage: members.choice("PolicyUsageFilter", &["PermissionsPolicy", "PermissionsBoundary"]),
            path_prefix: members.text("PathPrefix", Bounds(1, 512)).unwrap_or_default(),
            page: Page::read(members),
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Policy(&self.arn)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        if !matches!(found, Found::AwsPolicy(_)) {
            found.policy()?;
        }
        let mut users = Vec::new();
        for (kind, _, filter) in KINDS {
            if self.filter.is_none_or(|wanted| wanted == filter) {
                self.gather(work, kind, &mut users).await?;
            }
        }
        let place = |record: &IdentityRecord| KINDS.iter().position(|(kind, ..)| *kind == record.kind);
        let name = |record: &IdentityRecord| {
            format!("{}/{}", place(record).unwrap_or_default(), record.name.to_ascii_lowercase())
        };
        let page = self.page.of(users, name)?;
        Ok(Reply::with(|xml| {
            for (kind, list, noun) in KINDS {
                let of_kind = page.items.iter().filter(|record| record.kind == kind);
                xml.list(list, of_kind, |xml, record| show(noun, record, xml));
            }
            page.finish(xml);
        }))
    }
}

impl ListEntitiesForPolicy {
    /// All of a kind that have the policy, in the order of their lower-case names.
    async fn gather(
        &self,
        work: Work<'_>,
        kind: IdentityKind,
        users: &mut Vec<IdentityRecord>,
    ) -> Result<(), Fault> {
        let mut after = None;
        loop {
            let (read, more) =
                work.env.identities(work.account(), kind, after.as_deref(), READ_AT_ONCE).await?;
            after = read.last().map(|stored| stored.record.name.to_ascii_lowercase());
            users.extend(
                read.into_iter().map(|stored| stored.record).filter(|record| self.is_used_by(record)),
            );
            if !more || after.is_none() {
                return Ok(());
            }
        }
    }

    fn is_used_by(&self, record: &IdentityRecord) -> bool {
        let attached = record.attached.contains(&self.arn);
        let bounds = record.boundary.as_deref() == Some(self.arn.as_str());
        let used = match self.usage {
            Some("PermissionsPolicy") => attached,
            Some(_) => bounds,
            None => attached || bounds,
        };
        used && record.path.starts_with(&self.path_prefix)
    }
}

fn show(noun: &str, record: &IdentityRecord, xml: &mut Xml) {
    xml.text(&format!("{noun}Name"), &record.name);
    xml.text(&format!("{noun}Id"), &record.id);
}
