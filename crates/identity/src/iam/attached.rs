//! Managed policies attached to users, roles and groups.

use std::marker::PhantomData;

use reseal_core::directory::{AwsManagedPolicy, Edits};

use super::owner::Owner;
use crate::{
    action::{Action, Facts, Reply, Spec, Work},
    fault::{Code, Fault},
    members::{Bounds, Members},
    page::Page,
    subject::{Found, Subject, no_policy},
};

/// AWS: ten for each.
const MOST: usize = 10;

pub(super) struct Attach<O> {
    owner: String,
    arn: String,
    of: PhantomData<fn() -> O>,
}

impl<O: Owner> Action for Attach<O> {
    const SPEC: Spec = Spec::changes(O::ATTACH);

    fn read(members: &mut Members<'_>) -> Self {
        Self { owner: O::read(members), arn: members.arn("PolicyArn"), of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(O::KIND, &self.owner)
    }

    fn facts(&self) -> Facts<'_> {
        Facts { policy_arn: Some(&self.arn), ..Facts::default() }
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut owner = found.identity()?;
        let mut edits = Edits::default();
        let attached = owner.record.attached.contains(&self.arn);
        if AwsManagedPolicy::find(work.partition(), &self.arn).is_none() {
            let policy = work.env.managed_policy(work.account(), &self.arn).await?;
            let mut policy = policy.ok_or_else(|| {
                let text = format!("Policy {} does not exist or is not attachable.", self.arn);
                Fault::new(Code::NoSuchEntity, text)
            })?;
            policy.record.attachments = policy.record.attachments.saturating_add(1);
            if !attached {
                edits.update(&policy)?;
            }
        }
        if attached {
            return Ok(Reply::default());
        }
        if owner.record.attached.len() >= MOST {
            return Err(Fault::new(
                Code::LimitExceeded,
                format!("Cannot exceed quota for {}: {MOST}", O::QUOTA),
            ));
        }
        owner.record.attached.push(self.arn);
        edits.update(&owner)?;
        Ok(Reply::done(edits))
    }
}

pub(super) struct Detach<O> {
    owner: String,
    arn: String,
    of: PhantomData<fn() -> O>,
}

impl<O: Owner> Action for Detach<O> {
    const SPEC: Spec = Spec::changes(O::DETACH);

    fn read(members: &mut Members<'_>) -> Self {
        Self { owner: O::read(members), arn: members.arn("PolicyArn"), of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(O::KIND, &self.owner)
    }

    fn facts(&self) -> Facts<'_> {
        Facts { policy_arn: Some(&self.arn), ..Facts::default() }
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut owner = found.identity()?;
        let before = owner.record.attached.len();
        owner.record.attached.retain(|arn| *arn != self.arn);
        if owner.record.attached.len() == before {
            return Err(no_policy(&self.arn));
        }
        let mut edits = Edits::default();
        if let Some(mut policy) = work.env.managed_policy(work.account(), &self.arn).await? {
            policy.record.attachments = policy.record.attachments.saturating_sub(1);
            edits.update(&policy)?;
        }
        edits.update(&owner)?;
        Ok(Reply::done(edits))
    }
}

pub(super) struct ListAttached<O> {
    owner: String,
    path_prefix: String,
    page: Page,
    of: PhantomData<fn() -> O>,
}

impl<O: Owner> Action for ListAttached<O> {
    const SPEC: Spec = Spec::reads(O::LIST_ATTACHED);

    fn read(members: &mut Members<'_>) -> Self {
        Self {
            owner: O::read(members),
            path_prefix: members.text("PathPrefix", Bounds(1, 512)).unwrap_or_default(),
            page: Page::read(members),
            of: PhantomData,
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(O::KIND, &self.owner)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut attached = found.identity()?.record.attached;
        attached.retain(|arn| path_of(arn).starts_with(&self.path_prefix));
        attached.sort_unstable();
        let page = self.page.of(attached, String::clone)?;
        Ok(Reply::with(|xml| {
            xml.list("AttachedPolicies", &page.items, |xml, arn| {
                xml.text("PolicyName", arn.rsplit('/').next().unwrap_or_default());
                xml.text("PolicyArn", arn);
            });
            page.finish(xml);
        }))
    }
}

/// The path within the ARN of a policy.
fn path_of(arn: &str) -> &str {
    let start = arn.find(":policy/").map_or(0, |at| at + ":policy".len());
    let end = arn.rfind('/').map_or(arn.len(), |at| at + 1);
    arn.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_policies() {
        assert_eq!(path_of("arn:aws:iam::111122223333:policy/P"), "/");
        assert_eq!(path_of("arn:aws:iam::111122223333:policy/a/b/P"), "/a/b/");
        assert_eq!(path_of("nonsense"), "nonsense");
    }
}
