//! AssumeRoleWithWebIdentity: temporary credentials of a role for the bearer of a token whose provider the role trusts.
//! The token was verified before the action is reached: it is the credential of the call.

use reseal_core::identity::PrincipalKind;

use super::session::{self, Choices};
use crate::{
    action::{Action, Facts, Reply, Spec, Work},
    fault::{Code, Fault},
    members::{Bounds, Members},
    subject::{Found, Subject},
};

pub(super) struct AssumeRoleWithWebIdentity {
    choices: Choices,
    provider_id: bool,
}

impl Action for AssumeRoleWithWebIdentity {
    const SPEC: Spec = Spec {
        by_token: true,
        secret: &["WebIdentityToken"],
        ..Spec::reads("sts:AssumeRoleWithWebIdentity")
    };

    fn read(members: &mut Members<'_>) -> Self {
        let choices = Choices::read(members, false);
        Self { choices, provider_id: members.text("ProviderId", Bounds(4, 2_048)).is_some() }
    }

    fn check(&self) -> Result<(), Fault> {
        if self.provider_id {
            // For OAuth access tokens of a few public providers, which are no OIDC tokens.
            let text = "ProviderId is for OAuth 2.0 access tokens, which are not supported.";
            return Err(Fault::new(Code::ValidationError, text));
        }
        self.choices.check()
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Assumed(&self.choices.role_arn)
    }

    fn facts(&self) -> Facts<'_> {
        Facts { values: self.choices.values(), ..Facts::default() }
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let principal = work.call.caller.principal();
        let PrincipalKind::WebIdentity(token) = principal.kind() else {
            let text = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
            return Err(Fault::new(Code::AccessDenied, text));
        };
        let role = found.assumed()?;
        let provider = principal.arn().to_owned();
        session::open(work, &role, self.choices, Some(provider), |xml| {
            xml.text("SubjectFromWebIdentityToken", &token.subject);
            xml.text("Provider", &format!("https://{}", token.issuer));
            xml.text("Audience", &token.audience);
        })
        .await
    }
}
