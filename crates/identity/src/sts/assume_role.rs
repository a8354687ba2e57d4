//! AssumeRole: temporary credentials of a role whose trust policy lets the caller in. Within an account the trust policy
//! may name the caller, or leave it to the caller's own policies; across accounts both have to agree.

use reseal_core::{call::Call, identity::PrincipalKind};

use super::session::{self, Choices};
use crate::{
    action::{Action, Facts, Reply, Spec, Work},
    fault::{Code, Fault},
    members::{Bounds, Members},
    subject::{Found, Subject},
};

const EXTERNAL_ID: &str = r"[\w+=,.@:\/-]*";

pub(super) struct AssumeRole {
    choices: Choices,
    external_id: Option<String>,
    device: bool,
}

impl Action for AssumeRole {
    const SPEC: Spec = Spec { secret: &["TokenCode"], ..Spec::reads("sts:AssumeRole") };

    fn read(members: &mut Members<'_>) -> Self {
        let legal = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@:/-".contains(letter);
        let choices = Choices::read(members, true);
        let external_id = members.patterned("ExternalId", Bounds(2, 1_224), EXTERNAL_ID, legal);
        Self { choices, external_id, device: has_device(members) }
    }

    fn check(&self) -> Result<(), Fault> {
        refuse_device(self.device)?;
        self.choices.check()
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Assumed(&self.choices.role_arn)
    }

    fn facts(&self) -> Facts<'_> {
        let mut values = self.choices.values();
        values.extend(self.external_id.iter().map(|id| ("sts:ExternalId".to_owned(), id.as_str())));
        Facts { tags: &self.choices.tags, values, ..Facts::default() }
    }

    fn also(&self, call: &Call) -> Vec<&'static str> {
        let mut also = Vec::new();
        let session = call.caller.session();
        if !self.choices.tags.is_empty()
            || session.is_some_and(|session| !session.transitive_tag_keys.is_empty())
        {
            also.push("sts:TagSession");
        }
        if self.choices.source_identity.is_some()
            || session.is_some_and(|session| session.source_identity.is_some())
        {
            also.push("sts:SetSourceIdentity");
        }
        also
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let role = found.assumed()?;
        let is_root = *work.call.caller.principal().kind() == PrincipalKind::Root;
        // Development mode has no other callers.
        if is_root && !work.env.settings().development {
            return Err(Fault::new(Code::AccessDenied, "Roles may not be assumed by root accounts."));
        }
        session::open(work, &role, self.choices, None, |_| {}).await
    }
}

/// Whether a device for multi-factor authentication shall take part.
pub(super) fn has_device(members: &mut Members<'_>) -> bool {
    let serial = members.text("SerialNumber", Bounds(9, 256));
    let code = members.text("TokenCode", Bounds(6, 6));
    serial.is_some() || code.is_some()
}

/// There are no devices here, so none has shown this code.
pub(super) fn refuse_device(device: bool) -> Result<(), Fault> {
    if device {
        let text = "MultiFactorAuthentication failed with invalid MFA one time pass code.";
        return Err(Fault::new(Code::AccessDenied, text));
    }
    Ok(())
}
