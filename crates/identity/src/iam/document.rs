//! Rules for policy documents that are about to be stored.

use reseal_core::directory::PolicyText;
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
pub(super) async fn check_trust(work: Work<'_>, text: String) -> Result<PolicyText, Fault> {
    let policy = checked(TrustPolicy::parse(&text))?;
    let named = work.env.named_principals(policy.principals()).await?;
    let named = named.map_err(|principal| {
        let (kind, name) = shown(principal);
        let text = format!("Invalid principal in policy: \"{kind}\":\"{name}\"");
        Fault::new(Code::MalformedPolicyDocument, text)
    })?;
    Ok(PolicyText { text, named })
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
