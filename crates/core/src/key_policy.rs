//! Rules for a key policy that is about to be stored.

use reseal_policy::{KeyPolicy, key_policy_allows_update};

use crate::{
    authorize::{Context, policy_caller},
    call::Call,
    env::Env,
    error::{Error, Limit},
    identity::root_arn,
    operation::Facts,
};

/// The policy of a key that was created without one: the account decides, through its own policies. Laid out as
/// AWS returns it.
pub(crate) fn default_policy(env: &Env, account: reseal_types::AccountId) -> String {
    let root = root_arn(env.settings.partition.as_str(), account);
    format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {{
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "{root}"
    }},
    "Action" : "kms:*",
    "Resource" : "*"
  }} ]
}}"#
    )
}

/// Checks length, grammar and the form of principals.
pub(crate) fn check_grammar(env: &Env, text: &str) -> Result<KeyPolicy, Error> {
    let most = env.settings.key_policy_bytes;
    if text.len() > most {
        return Err(Error::LimitExceeded(Limit::KeyPolicyBytes(most)));
    }
    KeyPolicy::parse(text).map_err(|error| Error::MalformedPolicy(error.to_string()))
}

/// Checks all that `check_grammar` checks, and, unless `bypass` is set, that the caller could replace the policy
/// again.
pub(crate) fn check(env: &Env, call: &Call, text: &str, key_arn: &str, bypass: bool) -> Result<(), Error> {
    let policy = check_grammar(env, text)?;
    let caller = policy_caller(call)?;
    let values = vec![(reseal_policy::ConditionKey::PolicyName, "default".to_owned())];
    let context = Context::new(env, call, &caller, None, Facts { values, ..Facts::default() });
    if bypass || key_policy_allows_update(&policy, &caller, key_arn, &context) {
        return Ok(());
    }
    let text = "The new key policy will not allow you to update the key policy in the future.";
    Err(Error::MalformedPolicy(text.to_owned()))
}
