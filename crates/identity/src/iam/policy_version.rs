//! Versions of managed policies: at most five, one of them in force.

use reseal_core::directory::{Edits, ManagedPolicyRecord, PolicyVersion};

use super::policy::check_document;
use crate::{
    action::{Action, Reply, Spec, Work},
    fault::{Code, Fault},
    members::{Bounds, Members},
    page::Page,
    subject::{Found, Subject},
    xml::{Xml, percent_encoded},
};

/// AWS: five.
const MOST: usize = 5;

pub(super) struct CreatePolicyVersion {
    arn: String,
    document: String,
    set_as_default: bool,
}

impl Action for CreatePolicyVersion {
    const SPEC: Spec = Spec::changes("iam:CreatePolicyVersion");

    fn read(members: &mut Members<'_>) -> Self {
        Self {
            arn: members.arn("PolicyArn"),
            document: members.document("PolicyDocument"),
            set_as_default: members.boolean("SetAsDefault").unwrap_or(false),
        }
    }

    fn check(&self) -> Result<(), Fault> {
        check_document(&self.document)
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Policy(&self.arn)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut policy = found.policy()?;
        let record = &mut policy.record;
        if record.versions.len() >= MOST {
            let text = "A managed policy can have up to 5 versions. Before you create a new version, you must \
                        delete an existing version.";
            return Err(Fault::new(Code::LimitExceeded, text));
        }
        let now = work.env.clock().now();
        let version = PolicyVersion { number: record.next_version, document: self.document, created: now };
        record.next_version = record.next_version.saturating_add(1);
        record.updated = now;
        if self.set_as_default {
            record.default_version = version.number;
        }
        let reply = Reply::with(|xml| {
            xml.element("PolicyVersion", |xml| show(&version, self.set_as_default, false, xml));
        });
        record.versions.push(version);
        let mut edits = Edits::default();
        edits.update(&policy)?;
        Ok(reply.and(edits))
    }
}

pub(super) struct GetPolicyVersion {
    arn: String,
    version: String,
}

impl Action for GetPolicyVersion {
    const SPEC: Spec = Spec::reads("iam:GetPolicyVersion");

    fn read(members: &mut Members<'_>) -> Self {
        Self { arn: members.arn("PolicyArn"), version: version_id(members) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Policy(&self.arn)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        if let (Found::AwsPolicy(policy), "v1") = (&found, self.version.as_str()) {
            return Ok(Reply::with(|xml| {
                xml.element("PolicyVersion", |xml| {
                    xml.text("Document", &percent_encoded(policy.document));
                    xml.text("VersionId", "v1");
                    xml.boolean("IsDefaultVersion", true);
                });
            }));
        }
        let policy = found.policy()?.record;
        let version = find(&policy, &self.arn, &self.version)?;
        let default = version.number == policy.default_version;
        Ok(Reply::with(|xml| xml.element("PolicyVersion", |xml| show(version, default, true, xml))))
    }
}

pub(super) struct ListPolicyVersions {
    arn: String,
    page: Page,
}

impl Action for ListPolicyVersions {
    const SPEC: Spec = Spec::reads("iam:ListPolicyVersions");

    fn read(members: &mut Members<'_>) -> Self {
        Self { arn: members.arn("PolicyArn"), page: Page::read(members) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Policy(&self.arn)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        if let Found::AwsPolicy(_) = found {
            return Ok(Reply::with(|xml| {
                xml.list("Versions", [()], |xml, ()| {
                    xml.text("VersionId", "v1");
                    xml.boolean("IsDefaultVersion", true);
                });
                xml.boolean("IsTruncated", false);
            }));
        }
        let policy = found.policy()?.record;
        // Newest first, as IAM lists them; names of equal length, so that they compare as the numbers do.
        let mut versions = policy.versions.clone();
        versions.reverse();
        let page = self.page.of(versions, |version| format!("{:010}", u32::MAX - version.number))?;
        Ok(Reply::with(|xml| {
            xml.list("Versions", &page.items, |xml, version| {
                show(version, version.number == policy.default_version, false, xml);
            });
            page.finish(xml);
        }))
    }
}

pub(super) struct SetDefaultPolicyVersion {
    arn: String,
    version: String,
}

impl Action for SetDefaultPolicyVersion {
    const SPEC: Spec = Spec::changes("iam:SetDefaultPolicyVersion");

    fn read(members: &mut Members<'_>) -> Self {
        Self { arn: members.arn("PolicyArn"), version: version_id(members) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Policy(&self.arn)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut policy = found.policy()?;
        policy.record.default_version = find(&policy.record, &self.arn, &self.version)?.number;
        policy.record.updated = work.env.clock().now();
        Reply::updated(&policy)
    }
}

pub(super) struct DeletePolicyVersion {
    arn: String,
    version: String,
}

impl Action for DeletePolicyVersion {
    const SPEC: Spec = Spec::changes("iam:DeletePolicyVersion");

    fn read(members: &mut Members<'_>) -> Self {
        Self { arn: members.arn("PolicyArn"), version: version_id(members) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Policy(&self.arn)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut policy = found.policy()?;
        let number = find(&policy.record, &self.arn, &self.version)?.number;
        if number == policy.record.default_version {
            return Err(Fault::new(Code::DeleteConflict, "Cannot delete the default version of a policy."));
        }
        policy.record.versions.retain(|version| version.number != number);
        policy.record.updated = work.env.clock().now();
        Reply::updated(&policy)
    }
}

fn version_id(members: &mut Members<'_>) -> String {
    members.required("VersionId", Bounds(2, 64))
}

fn find<'a>(policy: &'a ManagedPolicyRecord, arn: &str, id: &str) -> Result<&'a PolicyVersion, Fault> {
    let version = policy.versions.iter().find(|version| format!("v{}", version.number) == id);
    version.ok_or_else(|| {
        let text = format!("Policy {arn} version {id} does not exist or is not attachable.");
        Fault::new(Code::NoSuchEntity, text)
    })
}

fn show(version: &PolicyVersion, default: bool, whole: bool, xml: &mut Xml) {
    if whole {
        xml.text("Document", &percent_encoded(&version.document));
    }
    xml.text("VersionId", &format!("v{}", version.number));
    xml.boolean("IsDefaultVersion", default);
    xml.date("CreateDate", version.created);
}
