//! GetCallerIdentity: who the credentials belong to. Open to everyone who is authenticated, whatever policies say.

use crate::{
    action::{Action, Reply, Spec, Work},
    fault::Fault,
    members::Members,
    subject::{Found, Subject},
};

pub(super) struct GetCallerIdentity;

impl Action for GetCallerIdentity {
    const SPEC: Spec = Spec { open: true, ..Spec::reads("sts:GetCallerIdentity") };

    fn read(_: &mut Members<'_>) -> Self {
        Self
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Caller
    }

    async fn execute(self, work: Work<'_>, _: Found) -> Result<Reply, Fault> {
        let caller = &work.call.caller;
        Ok(Reply::with(|xml| {
            xml.text("Arn", caller.arn());
            xml.text("UserId", &caller.user_id());
            xml.text("Account", caller.account().as_str());
        }))
    }
}
