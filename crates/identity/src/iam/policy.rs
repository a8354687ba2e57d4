//! Managed policies: made, shown, listed, deleted.

use reseal_core::directory::{AwsManagedPolicy, Edits, ManagedPolicyRecord, PolicyVersion, policy_arn};
use reseal_policy::IdentityPolicy;
use serde_json::json;

use super::{document, entity};
use crate::{
    action::{Action, Facts, Reply, Spec, Work},
    fault::{Code, Fault},
    members::{Bounds, Members},
    page::Page,
    subject::{Found, Subject},
    xml::Xml,
};

/// Most characters of a managed policy, without white space.
pub(super) const CHARACTERS: usize = 6_144;

pub(super) struct CreatePolicy {
    name: String,
    path: String,
    document: String,
    description: Option<String>,
    tags: Vec<(String, String)>,
}

impl Action for CreatePolicy {
    const SPEC: Spec = Spec::changes("iam:CreatePolicy");

    fn read(members: &mut Members<'_>) -> Self {
        Self {
            name: members.name("PolicyName", 128),
            path: members.path("Path"),
            document: members.document("PolicyDocument"),
            description: members.text("Description", Bounds(0, 1_000)),
            tags: members.tags("Tags"),
        }
    }

    fn check(&self) -> Result<(), Fault> {
        check_document(&self.document)
    }

    fn subject(&self) -> Subject<'_> {
        Subject::New("policy", &self.path, &self.name)
    }

    fn facts(&self) -> Facts<'_> {
        Facts { tags: &self.tags, ..Facts::default() }
    }

    async fn execute(self, work: Work<'_>, _: Found) -> Result<Reply, Fault> {
        if work.env.managed_policy_is_taken(work.account(), &self.name).await? {
            let text =
                format!("A policy called {} already exists. Duplicate names are not allowed.", self.name);
            return Err(Fault::new(Code::EntityAlreadyExists, text));
        }
        let now = work.env.clock().now();
        let policy = ManagedPolicyRecord {
            account: work.account(),
            name: self.name,
            path: self.path,
            id: work.env.new_unique_id("ANPA").map_err(reseal_core::error::Error::from)?,
            created: now,
            updated: now,
            description: self.description.unwrap_or_default(),
            versions: vec![PolicyVersion { number: 1, document: self.document, created: now }],
            default_version: 1,
            next_version: 2,
            attachments: 0,
            boundaries: 0,
            tags: self.tags,
        };
        let mut edits = Edits::default();
        edits.create(&policy)?;
        let arn = policy_arn(work.partition(), &policy);
        let noted = json!({"policy": {"policyName": policy.name, "policyId": policy.id, "arn": arn}});
        let reply = Reply::with(|xml| xml.element("Policy", |xml| show(work, &policy, false, xml)));
        Ok(reply.and(edits).noting(noted))
    }
}

pub(super) struct GetPolicy {
    arn: String,
}

impl Action for GetPolicy {
    const SPEC: Spec = Spec::reads("iam:GetPolicy");

    fn read(members: &mut Members<'_>) -> Self {
        Self { arn: members.arn("PolicyArn") }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Policy(&self.arn)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        if let Found::AwsPolicy(policy) = found {
            return Ok(Reply::with(|xml| xml.element("Policy", |xml| show_aws(work, policy, xml))));
        }
        let policy = found.policy()?.record;
        Ok(Reply::with(|xml| xml.element("Policy", |xml| show(work, &policy, false, xml))))
    }
}

pub(super) struct ListPolicies {
    scope: &'static str,
    only_attached: bool,
    path_prefix: String,
    usage: Option<&'static str>,
    page: Page,
}

/// One of either kind.
enum Either {
    Aws(&'static AwsManagedPolicy),
    Own(Box<ManagedPolicyRecord>),
}

impl Action for ListPolicies {
    const SPEC: Spec = Spec::reads("iam:ListPolicies");

    fn read(members: &mut Members<'_>) -> Self {
        Self {
            scope: members.choice("Scope", &["All", "AWS", "Local"]).unwrap_or("All"),
            only_attached: members.boolean("OnlyAttached").unwrap_or(false),
            path_prefix: members.text("PathPrefix", Bounds(1, 512)).unwrap_or_default(),
            usage: members.choice("PolicyUsageFilter", &["PermissionsPolicy", "PermissionsBoundary"]),
            page: Page::read(members),
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::New("policy", "/", "*")
    }

    async fn execute(self, work: Work<'_>, _: Found) -> Result<Reply, Fault> {
        // Markers say which kind the page before ended in: AWS's own come first.
        let after = self.page.after()?;
        let after_own = after.as_deref().and_then(|after| after.strip_prefix("own/"));
        let mut items = Vec::new();
        if self.scope != "Local" && !self.only_attached && "/".starts_with(&self.path_prefix) {
            items.extend(AwsManagedPolicy::ALL.iter().map(Either::Aws));
        }
        if self.scope != "AWS" {
            let mut last = after_own.map(str::to_owned);
            loop {
                let (read, more) = work.env.managed_policies(work.account(), last.as_deref(), 500).await?;
                last = read.last().map(|stored| stored.record.name.to_ascii_lowercase());
                let wanted = read.into_iter().map(|stored| stored.record).filter(|policy| self.wants(policy));
                items.extend(wanted.map(|policy| Either::Own(Box::new(policy))));
                if items.len() > self.page.limit() + AwsManagedPolicy::ALL.len() || !more || last.is_none() {
                    break;
                }
            }
        }
        let page = self.page.of(items, |policy| match policy {
            Either::Aws(policy) => format!("aws/{}", policy.name),
            Either::Own(policy) => format!("own/{}", policy.name.to_ascii_lowercase()),
        })?;
        Ok(Reply::with(|xml| {
            xml.list("Policies", &page.items, |xml, policy| match policy {
                Either::Aws(policy) => show_aws(work, policy, xml),
                Either::Own(policy) => show(work, policy, true, xml),
            });
            page.finish(xml);
        }))
    }
}

impl ListPolicies {
    fn wants(&self, policy: &ManagedPolicyRecord) -> bool {
        let used = match self.usage {
            Some("PermissionsPolicy") => policy.attachments > 0,
            Some(_) => policy.boundaries > 0,
            None => !self.only_attached || policy.attachments + policy.boundaries > 0,
        };
        used && policy.path.starts_with(&self.path_prefix)
    }
}

pub(super) struct DeletePolicy {
    arn: String,
}

impl Action for DeletePolicy {
    const SPEC: Spec = Spec::changes("iam:DeletePolicy");

    fn read(members: &mut Members<'_>) -> Self {
        Self { arn: members.arn("PolicyArn") }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Policy(&self.arn)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let policy = found.policy()?;
        if policy.record.attachments + policy.record.boundaries > 0 {
            return Err(Fault::new(Code::DeleteConflict, "Cannot delete a policy attached to entities."));
        }
        if policy.record.versions.len() > 1 {
            let text = "This policy has more than one version. Before you delete a policy, you must delete the \
                        policy's versions. The default version is deleted with the policy.";
            return Err(Fault::new(Code::DeleteConflict, text));
        }
        Reply::deleted(&policy)
    }
}

/// Checks a managed policy that is about to be stored.
pub(super) fn check_document(text: &str) -> Result<(), Fault> {
    document::checked(IdentityPolicy::parse(text))?;
    if document::characters(text) > CHARACTERS {
        let text = format!("Cannot exceed quota for PolicySize: {CHARACTERS}");
        return Err(Fault::new(Code::LimitExceeded, text));
    }
    Ok(())
}

/// The members of a `Policy`. Listings leave out description and tags, as IAM's do.
fn show(work: Work<'_>, policy: &ManagedPolicyRecord, listed: bool, xml: &mut Xml) {
    xml.text("PolicyName", &policy.name);
    xml.text("PolicyId", &policy.id);
    xml.text("Arn", &policy_arn(work.partition(), policy));
    xml.text("Path", &policy.path);
    xml.text("DefaultVersionId", &format!("v{}", policy.default_version));
    xml.number("AttachmentCount", policy.attachments);
    xml.number("PermissionsBoundaryUsageCount", policy.boundaries);
    xml.boolean("IsAttachable", true);
    xml.date("CreateDate", policy.created);
    xml.date("UpdateDate", policy.updated);
    if listed {
        return;
    }
    if !policy.description.is_empty() {
        xml.text("Description", &policy.description);
    }
    if !policy.tags.is_empty() {
        entity::show_tags(&policy.tags, xml);
    }
}

fn show_aws(work: Work<'_>, policy: &AwsManagedPolicy, xml: &mut Xml) {
    xml.text("PolicyName", policy.name);
    xml.text("PolicyId", policy.id);
    xml.text("Arn", &policy.arn(work.partition()));
    xml.text("Path", "/");
    xml.text("DefaultVersionId", "v1");
    xml.boolean("IsAttachable", true);
}
