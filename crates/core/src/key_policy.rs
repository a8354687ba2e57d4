//! Rules for a key policy that is about to be stored.

use reseal_policy::{ConditionKey, KeyPolicy, PolicyWarning, key_policy_allows_update, lint_key_policy};

use reseal_types::{KeySpec, KeyUsage, Origin};

use crate::{
    authorize::{Context, policy_caller},
    call::Call,
    env::Env,
    error::{Error, Limit},
    identity::root_arn,
    keyring::Key,
    operation::Facts,
    record::PolicyText,
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

/// What conditions may ask about a key that is yet to be made.
pub(crate) fn values_of_new_key(
    spec: KeySpec,
    usage: Option<KeyUsage>,
    origin: Origin,
    multi_region_type: Option<&str>,
) -> Vec<(ConditionKey, String)> {
    let usage = usage.map(|usage| usage.to_string()).unwrap_or_default();
    let mut values = vec![
        (ConditionKey::KeySpec, spec.to_string()),
        (ConditionKey::CustomerMasterKeySpec, spec.to_string()),
        (ConditionKey::KeyUsage, usage.clone()),
        (ConditionKey::CustomerMasterKeyUsage, usage),
        (ConditionKey::KeyOrigin, origin.to_string()),
        (ConditionKey::MultiRegion, multi_region_type.is_some().to_string()),
    ];
    values.extend(multi_region_type.map(|kind| (ConditionKey::MultiRegionKeyType, kind.to_owned())));
    values
}

/// A policy that a caller wants a key to have.
pub(crate) struct NewPolicy<'a> {
    pub(crate) text: String,
    /// ARN of the key.
    pub(crate) key_arn: &'a str,
    /// Whether the caller may lock itself out.
    pub(crate) bypass: bool,
    /// What conditions may ask about the key.
    pub(crate) about: About<'a>,
}

/// The key of a new policy.
pub(crate) enum About<'a> {
    /// It is there.
    Key(&'a Key),
    /// It is yet to be made.
    NewKey(Vec<(ConditionKey, String)>),
}

impl NewPolicy<'_> {
    /// Checks all that `check_grammar` checks, that the principals it names of accounts here exist, and, unless the
    /// check is bypassed, that the caller could replace the policy again. Gives what is to be stored, and warnings for
    /// the caller.
    pub(crate) async fn check(self, env: &Env, call: &Call) -> Result<(PolicyText, Vec<String>), Error> {
        let Self { text, key_arn, bypass, about } = self;
        let policy = check_grammar(env, &text)?;
        let named = env.named_principals(policy.principals()).await?.map_err(|_| {
            let text = "Policy contains a statement with one or more invalid principals.";
            Error::MalformedPolicy(text.to_owned())
        })?;
        let caller = policy_caller(call)?;
        let (key, mut values) = match about {
            About::Key(key) => (Some(key), Vec::new()),
            About::NewKey(values) => (None, values),
        };
        values.push((ConditionKey::PolicyName, "default".to_owned()));
        let facts = Facts { values, ..Facts::default() };
        let context = Context::new(env, call, &caller, key, &facts);
        if !bypass && !key_policy_allows_update(&policy, &caller, key_arn, &context) {
            let text = "The new key policy will not allow you to update the key policy in the future.";
            return Err(Error::MalformedPolicy(text.to_owned()));
        }
        let warnings = lint_key_policy(&text, key_arn).iter().map(PolicyWarning::to_string).collect();
        Ok((PolicyText { text, named }, warnings))
    }
}
