//! GetSessionToken: temporary credentials of the calling user or root itself. No policy can forbid it.

use reseal_core::identity::{NewSession, PrincipalKind, SessionRequest};
use serde_json::json;

use super::{
    assume_role::{has_device, refuse_device},
    session,
};
use crate::{
    action::{Action, Reply, Spec, Work},
    fault::{Code, Fault},
    members::{Bounds, Members},
    subject::{Found, Subject},
};

const DEFAULT_SECONDS: u32 = 43_200;
/// A root's session lasts an hour at most.
const ROOT_SECONDS: u32 = 3_600;

pub(super) struct GetSessionToken {
    seconds: Option<u32>,
    device: bool,
}

impl Action for GetSessionToken {
    const SPEC: Spec = Spec { open: true, secret: &["TokenCode"], ..Spec::reads("sts:GetSessionToken") };

    fn read(members: &mut Members<'_>) -> Self {
        Self {
            seconds: members.integer("DurationSeconds", Bounds(900, 129_600)),
            device: has_device(members),
        }
    }

    fn check(&self) -> Result<(), Fault> {
        refuse_device(self.device)
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Caller
    }

    async fn execute(self, work: Work<'_>, _: Found) -> Result<Reply, Fault> {
        let caller = &work.call.caller;
        let kind = caller.principal().kind();
        if caller.session().is_some() || matches!(kind, PrincipalKind::Role | PrincipalKind::WebIdentity(_)) {
            let text = "Cannot call GetSessionToken with session credentials";
            return Err(Fault::new(Code::AccessDenied, text));
        }
        let most = if *kind == PrincipalKind::Root { ROOT_SECONDS } else { u32::MAX };
        let seconds = self.seconds.unwrap_or(DEFAULT_SECONDS).min(most);
        let request = SessionRequest { seconds, ..SessionRequest::default() };
        let made = work.env.open_new_session(&NewSession::Caller(caller), request)?;
        let made = made.map_err(|_| Fault::new(Code::PackedPolicyTooLarge, String::new()))?;
        let noted = json!({"credentials": {
            "accessKeyId": made.access_key_id, "expiration": made.expires.to_string()
        }});
        Ok(Reply::with(|xml| session::show(&made, xml)).noting(noted))
    }
}
