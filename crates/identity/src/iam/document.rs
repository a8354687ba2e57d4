//! Rules for policy documents that are about to be stored.

use reseal_policy::{PolicyError, Principal, TrustPolicy};

use crate::{
    action::Work,
    fault::{Code, Fault},
};

/// The compiled policy, or the service's words for what is wrong with it.
pub(crate) fn checked<T>(parsed: Result<T, PolicyError>) -> Result<T, Fault> {
    parsed.map_err(|error| {
        let text = match &error {
            PolicyError::InvalidJson { .. } => "Syntax errors in policy.".to_owned(),
            other => other.to_string(),
        };
        Fault::new(Code::MalformedPolicyDocument, text)
    })
}

/// How IAM counts the size of a policy: without white space.
pub(crate) fn characters(document: &str) -> usize {
    document.chars().filter(|letter| !letter.is_whitespace()).count()
}

/// Checks a trust policy: grammar, and that the principals it names of accounts here exist.
pub(super) async fn check_trust(work: Work<'_>, text: &str) -> Result<(), Fault> {
    let policy = checked(TrustPolicy::parse(text))?;
    if work.env.settings().development {
        return Ok(());
    }
    for principal in policy.principals() {
        if !work.env.principal_exists(principal).await? {
            let (kind, name) = shown(principal);
            let text = format!("Invalid principal in policy: \"{kind}\":\"{name}\"");
            return Err(Fault::new(Code::MalformedPolicyDocument, text));
        }
    }
    Ok(())
}

fn shown(principal: &Principal) -> (&'static str, &str) {
    match principal {
        Principal::Anyone => ("AWS", "*"),
        Principal::Account { account, .. } => ("AWS", account),
        Principal::User(arn)
        | Principal::Role(arn)
        | Principal::RoleSession(arn)
        | Principal::FederatedUser(arn) => ("AWS", arn),
        Principal::Federated(arn) => ("Federated", arn),
        Principal::Service(name) => ("Service", name),
    }
}
