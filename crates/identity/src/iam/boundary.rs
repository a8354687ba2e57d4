//! Permissions boundaries of users and roles.

use std::marker::PhantomData;

use reseal_core::directory::{AwsManagedPolicy, Edits};

use super::owner::Principal;
use crate::{
    action::{Action, Facts, Reply, Spec, Work},
    fault::{Code, Fault},
    members::Members,
    subject::{Found, Subject},
};

pub(super) struct PutBoundary<O> {
    owner: String,
    boundary: String,
    of: PhantomData<fn() -> O>,
}

impl<O: Principal> Action for PutBoundary<O> {
    const SPEC: Spec = Spec::changes(O::PUT_BOUNDARY);

    fn read(members: &mut Members<'_>) -> Self {
        Self { owner: O::read(members), boundary: members.arn("PermissionsBoundary"), of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(O::KIND, &self.owner)
    }

    fn facts(&self) -> Facts<'_> {
        Facts { boundary: Some(&self.boundary), ..Facts::default() }
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut owner = found.identity()?;
        let mut edits = Edits::default();
        count(work, &mut edits, owner.record.boundary.as_deref(), Some(&self.boundary)).await?;
        owner.record.boundary = Some(self.boundary);
        edits.update(&owner)?;
        Ok(Reply::done(edits))
    }
}

pub(super) struct DeleteBoundary<O> {
    owner: String,
    of: PhantomData<fn() -> O>,
}

impl<O: Principal> Action for DeleteBoundary<O> {
    const SPEC: Spec = Spec::changes(O::DELETE_BOUNDARY);

    fn read(members: &mut Members<'_>) -> Self {
        Self { owner: O::read(members), of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Identity(O::KIND, &self.owner)
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut owner = found.identity()?;
        let Some(boundary) = owner.record.boundary.take() else {
            let text = format!("The permissions boundary of {} cannot be found.", self.owner);
            return Err(Fault::new(Code::NoSuchEntity, text));
        };
        let mut edits = Edits::default();
        count(work, &mut edits, Some(&boundary), None).await?;
        edits.update(&owner)?;
        Ok(Reply::done(edits))
    }
}

/// Counts a boundary off one policy and onto another, so that one in use cannot be deleted.
///
/// # Errors
/// When the new one does not exist.
pub(super) async fn count(
    work: Work<'_>,
    edits: &mut Edits,
    old: Option<&str>,
    new: Option<&str>,
) -> Result<(), Fault> {
    if old == new {
        return Ok(());
    }
    if let Some(old) = old
        && let Some(mut policy) = work.env.managed_policy(work.account(), old).await?
    {
        policy.record.boundaries = policy.record.boundaries.saturating_sub(1);
        edits.update(&policy)?;
    }
    let Some(new) = new.filter(|arn| AwsManagedPolicy::find(work.partition(), arn).is_none()) else {
        return Ok(());
    };
    let Some(mut policy) = work.env.managed_policy(work.account(), new).await? else {
        let text = format!("Scope ARN: {new} does not exist or is not attachable.");
        return Err(Fault::new(Code::NoSuchEntity, text));
    };
    policy.record.boundaries = policy.record.boundaries.saturating_add(1);
    edits.update(&policy)?;
    Ok(())
}
