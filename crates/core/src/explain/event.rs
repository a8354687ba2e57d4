//! From an audit record back to the questions that its call put to the policies.

use serde_json::Value;

use super::{Question, Recorded, SessionPolicies};
use crate::{operation::OpSpec, ops, trail::EVENT_SOURCE};

/// Why a record leads to no question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventError(pub String);

impl std::fmt::Display for EventError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EventError {}

/// The access key id of the session that made a recorded call, if it was one of a role: the record of its opening tells
/// its policies and tags.
pub fn session_of(record: &Value) -> Option<&str> {
    let identity = record.get("userIdentity")?;
    identity.get("type").filter(|kind| *kind == "AssumedRole")?;
    identity.get("accessKeyId")?.as_str()
}

/// The decisions of a recorded call: what to ask to have each explained, and what the record says about it. `opening`:
/// the record of the call that opened the session ([`session_of`]).
///
/// # Errors
/// [`EventError`] when the record is not that of a call of the KMS API, or was written before anything was decided.
pub fn questions_about(
    record: &Value,
    opening: Option<&Value>,
) -> Result<Vec<(Question, Recorded)>, EventError> {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let refuse = |text: &str| Err(EventError(text.to_owned()));
    let entry = text("/eventName").filter(|_| text("/eventSource") == Some(EVENT_SOURCE)).and_then(ops::find);
    let Some(entry) = entry else { return refuse("the record is not that of a call of the KMS API") };
    let Some(principal) = text("/userIdentity/arn") else {
        return refuse(
            "the record is the copy of the key's owner, which does not say who called: ask for the other one",
        );
    };
    let Some(decisions) = record.get("authorization").and_then(Value::as_array) else {
        return refuse("the call failed before anything was decided");
    };
    let mut keys = 0;
    let mut questions = Vec::with_capacity(decisions.len());
    for (index, decision) in decisions.iter().enumerate() {
        let action = decision.get("action").and_then(Value::as_str).unwrap_or_default();
        let resource = resource(record, entry.spec, index);
        let on_key = resource.is_none() && entry.spec.keys.iter().any(|rule| rule.action == action);
        let key = if on_key {
            keys += 1;
            let refused = decision.get("refusedKey").and_then(Value::as_str).map(str::to_owned);
            let Some(key) = key_at(record, entry.spec, action, keys - 1).or(refused) else {
                return refuse(
                    "the record does not name the key that was refused: it was known by a ciphertext only, and \
                     is another account's. Ask by principal, action and key",
                );
            };
            Some(key)
        } else {
            None
        };
        let question = Question {
            principal: principal.to_owned(),
            action: action.to_owned(),
            key,
            region: text("/awsRegion").map(str::to_owned),
            context: context(record, action),
            values: values(record, action, opening),
            grant: grant(record),
            resource,
            session: opening.map(session_policies),
            whole: true,
        };
        questions.push((question, recorded(record, decision)));
    }
    Ok(questions)
}

fn recorded(record: &Value, decision: &Value) -> Recorded {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let by = decision.get("decidedBy").and_then(Value::as_array);
    let by = by.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let error = text(record, "errorCode").map(|code| match text(record, "errorMessage") {
        Some(message) => format!("{code}: {message}"),
        None => code,
    });
    Recorded {
        time: text(record, "eventTime").unwrap_or_default(),
        effect: text(decision, "effect").unwrap_or_default(),
        decided_by: by.collect(),
        error,
    }
}

/// What a decision on no key was about, where that is not everything: the alias of an operation on aliases, which is
/// decided first, and the principal whose grants are to be listed.
fn resource(record: &Value, spec: &OpSpec, index: usize) -> Option<String> {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    match (spec.name, index) {
        ("CreateAlias" | "UpdateAlias" | "DeleteAlias", 0) => {
            let caller: Vec<&str> = text("/userIdentity/arn")?.split(':').collect();
            let (partition, account) = (caller.get(1)?, caller.get(4)?);
            let (region, name) = (text("/awsRegion")?, text("/requestParameters/aliasName")?);
            Some(format!("arn:{partition}:kms:{region}:{account}:{name}"))
        }
        ("ListRetirableGrants", 0) => text("/requestParameters/retiringPrincipal").map(str::to_owned),
        _ => None,
    }
}

/// The policies that a session was opened with.
fn session_policies(opening: &Value) -> SessionPolicies {
    let parameter = |name: &str| opening.pointer(&format!("/requestParameters/{name}"));
    let arns = parameter("policyArns").and_then(Value::as_array).into_iter().flatten();
    let arns = arns.filter_map(|policy| policy.get("arn").unwrap_or(policy).as_str());
    SessionPolicies {
        document: parameter("policy").and_then(Value::as_str).map(str::to_owned),
        arns: arns.map(str::to_owned).collect(),
    }
}

/// The key of the decision: as the call named it, so that an alias counts as one; else the key that was found.
fn key_at(record: &Value, spec: &OpSpec, action: &str, index: usize) -> Option<String> {
    let names: &[&str] = match action {
        "kms:ReEncryptFrom" => &["sourceKeyId"],
        "kms:ReEncryptTo" => &["destinationKeyId"],
        _ if spec.name.ends_with("Alias") => &["targetKeyId"],
        _ => &["keyId"],
    };
    let named = names.iter().find_map(|name| record.get("requestParameters")?.get(name)?.as_str());
    let found = record.pointer(&format!("/resources/{index}/ARN")).and_then(Value::as_str);
    named.filter(|name| name.contains("alias/")).or(found).or(named).map(str::to_owned)
}

fn grant(record: &Value) -> Option<String> {
    let given = record.pointer("/requestParameters/grantId");
    given.or_else(|| record.pointer("/additionalEventData/grantId"))?.as_str().map(str::to_owned)
}

fn context(record: &Value, action: &str) -> Vec<(String, String)> {
    let pointers: &[&str] = match action {
        "kms:ReEncryptFrom" => &["sourceEncryptionContext"],
        "kms:ReEncryptTo" => &["destinationEncryptionContext"],
        "kms:CreateGrant" => &["constraints/encryptionContextEquals", "constraints/encryptionContextSubset"],
        _ => &["encryptionContext"],
    };
    let maps = pointers.iter().filter_map(|name| record.pointer(&format!("/requestParameters/{name}")));
    let pairs = maps.filter_map(Value::as_object).flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Members of `requestParameters` that are condition keys under another name.
const PARAMETERS: &[(&str, &str)] = &[
    ("bypassPolicyLockoutSafetyCheck", "kms:BypassPolicyLockoutSafetyCheck"),
    ("constraints/sourceArn", "kms:GrantConstraintSourceArn"),
    ("customerMasterKeySpec", "kms:CustomerMasterKeySpec"),
    ("encryptionAlgorithm", "kms:EncryptionAlgorithm"),
    ("expirationModel", "kms:ExpirationModel"),
    ("granteePrincipal", "kms:GranteePrincipal"),
    ("granteeServicePrincipal", "kms:GranteeServicePrincipal"),
    ("keyAgreementAlgorithm", "kms:KeyAgreementAlgorithm"),
    ("keyPairSpec", "kms:DataKeyPairSpec"),
    ("keyUsage", "kms:KeyUsage"),
    ("macAlgorithm", "kms:MacAlgorithm"),
    ("messageType", "kms:MessageType"),
    ("multiRegion", "kms:MultiRegion"),
    ("operations", "kms:GrantOperations"),
    ("origin", "kms:KeyOrigin"),
    ("pendingWindowInDays", "kms:ScheduleKeyDeletionPendingWindowInDays"),
    ("policyName", "kms:PolicyName"),
    ("primaryRegion", "kms:PrimaryRegion"),
    ("replicaRegion", "kms:ReplicaRegion"),
    ("retiringPrincipal", "kms:RetiringPrincipal"),
    ("retiringServicePrincipal", "kms:RetiringServicePrincipal"),
    ("rotationPeriodInDays", "kms:RotationPeriodInDays"),
    ("signingAlgorithm", "kms:SigningAlgorithm"),
    ("tagKeys", "aws:TagKeys"),
    ("wrappingAlgorithm", "kms:WrappingAlgorithm"),
    ("wrappingKeySpec", "kms:WrappingKeySpec"),
];

fn values(record: &Value, action: &str, opening: Option<&Value>) -> Vec<(String, String)> {
    let mut values = Vec::new();
    let mut add = |key: &str, value: &Value| match value {
        Value::String(text) => values.push((key.to_owned(), text.clone())),
        Value::Number(_) | Value::Bool(_) => values.push((key.to_owned(), value.to_string())),
        Value::Array(items) => {
            let texts = items.iter().filter_map(Value::as_str);
            values.extend(texts.map(|text| (key.to_owned(), text.to_owned())));
        }
        _ => {}
    };
    let parameter = |name: &str| record.pointer(&format!("/requestParameters/{name}"));
    for (name, key) in PARAMETERS {
        if let Some(value) = parameter(name) {
            add(key, value);
        }
    }
    let side = match action {
        "kms:ReEncryptFrom" => parameter("sourceEncryptionAlgorithm"),
        "kms:ReEncryptTo" => parameter("destinationEncryptionAlgorithm"),
        _ => None,
    };
    if let Some(value) = side {
        add("kms:EncryptionAlgorithm", value);
    }
    if let Some(value) = parameter("keySpec").filter(|_| action == "kms:CreateKey") {
        add("kms:KeySpec", value);
    }
    for tag in parameter("tags").and_then(Value::as_array).into_iter().flatten() {
        if let (Some(key), Some(value)) = (tag.get("tagKey"), tag.get("tagValue")) {
            add("aws:TagKeys", key);
            add(&format!("aws:RequestTag/{}", key.as_str().unwrap_or_default()), value);
        }
    }
    if action.starts_with("kms:ReEncrypt") {
        let resources = record.get("resources").and_then(Value::as_array);
        if let Some([from, to]) = resources.map(Vec::as_slice) {
            add("kms:ReEncryptOnSameKey", &Value::Bool(from == to));
        }
    }
    for kind in ["encryptionContextEquals", "encryptionContextSubset"] {
        if action == "kms:CreateGrant" && parameter(&format!("constraints/{kind}")).is_some() {
            let name = kind.replacen('e', "E", 1);
            add("kms:GrantConstraintType", &Value::String(name));
        }
    }
    for (pointer, key) in FIELDS {
        if let Some(value) = record.pointer(pointer) {
            add(key, value);
        }
    }
    if let Some(opened) = record.pointer("/userIdentity/sessionContext/attributes/mfaAuthenticated") {
        add("aws:MultiFactorAuthPresent", opened);
    }
    let tags = opening.and_then(|opening| opening.pointer("/requestParameters/tags"));
    for tag in tags.and_then(Value::as_array).into_iter().flatten() {
        if let (Some(key), Some(value)) = (tag.get("key").and_then(Value::as_str), tag.get("value")) {
            add(&format!("aws:PrincipalTag/{key}"), value);
        }
    }
    add("aws:SecureTransport", &Value::Bool(record.get("tlsDetails").is_some()));
    values
}

/// Members of the record that are condition keys.
const FIELDS: &[(&str, &str)] = &[
    ("/sourceIPAddress", "aws:SourceIp"),
    ("/userAgent", "aws:UserAgent"),
    ("/eventTime", "aws:CurrentTime"),
    ("/userIdentity/principalId", "aws:userid"),
    ("/userIdentity/sessionContext/attributes/creationDate", "aws:TokenIssueTime"),
    ("/userIdentity/sessionContext/sourceIdentity", "aws:SourceIdentity"),
    ("/userIdentity/sessionContext/webIdFederationData/federatedProvider", "aws:FederatedProvider"),
];
