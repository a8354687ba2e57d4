//! Reads the case tables into requests, for the engine and for the naive evaluator alike.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::*;

/// The fixed part of the tables, `cases/world.json`.
pub(super) struct World(Value);

/// One request with its policies, still as JSON.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) arn: String,
    pub(super) role: Option<String>,
    pub(super) action: String,
    /// Key ARN, or the resource of a request without key.
    pub(super) resource: String,
    /// Account of the key; `None` for a request without key.
    pub(super) key_account: Option<String>,
    pub(super) across_accounts: bool,
    pub(super) key_policy: Option<Value>,
    pub(super) identity: Vec<Value>,
    pub(super) boundary: Option<Value>,
    pub(super) session: Vec<Value>,
    pub(super) grants: Vec<Value>,
    pub(super) new_grant: Option<Value>,
    pub(super) context: MapContext,
}

/// Condition keys as a map; names as a policy would write them.
#[derive(Debug, Clone, Default)]
pub(super) struct MapContext {
    pub(super) values: BTreeMap<String, Vec<String>>,
    pub(super) unknown: BTreeSet<String>,
}

impl RequestContext for MapContext {
    fn values(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> Availability {
        let wanted = key.name().to_lowercase();
        if self.unknown.iter().any(|name| name.to_lowercase() == wanted) {
            return Availability::Unknown;
        }
        for (name, values) in &self.values {
            if name.to_lowercase() == wanted {
                for value in values {
                    visit(value);
                }
            }
        }
        Availability::Known
    }

    fn encryption_context(&self, visit: &mut dyn FnMut(&str, &str)) {
        for (name, values) in &self.values {
            if let Some(key) = name.strip_prefix("kms:EncryptionContext:") {
                for value in values {
                    visit(key, value);
                }
            }
        }
    }
}

impl World {
    pub(super) fn load() -> Self {
        Self(serde_json::from_str(include_str!("../../cases/world.json")).unwrap())
    }

    pub(super) fn key(&self) -> &str {
        self.0["key"].as_str().unwrap()
    }

    pub(super) fn actors(&self) -> Vec<String> {
        self.0["actors"].as_object().unwrap().keys().cloned().collect()
    }

    /// A request of `actor` on the world's key, without policies.
    pub(super) fn request(&self, actor: &str) -> Case {
        let who = &self.0["actors"][actor];
        let arn = who["arn"].as_str().unwrap_or_else(|| panic!("no actor {actor}")).to_owned();
        let role = who["role"].as_str().map(str::to_owned);
        let mut context = MapContext::default();
        let caller = caller(&arn, role.as_deref());
        for name in [
            "aws:PrincipalArn",
            "aws:PrincipalAccount",
            "aws:PrincipalType",
            "aws:username",
            "kms:CallerAccount",
        ] {
            let mut values = Vec::new();
            assert!(caller.values(&ConditionKey::parse(name), &mut |value| values.push(value.to_owned())));
            context.values.insert(name.to_owned(), values);
        }
        Case {
            arn,
            role,
            action: "kms:Decrypt".to_owned(),
            resource: self.key().to_owned(),
            key_account: Some(self.0["key_account"].as_str().unwrap().to_owned()),
            across_accounts: true,
            key_policy: None,
            identity: Vec::new(),
            boundary: None,
            session: Vec::new(),
            grants: Vec::new(),
            new_grant: None,
            context,
        }
    }

    /// A case of a table.
    pub(super) fn case(&self, case: &Value) -> Case {
        let mut request = self.request(case["caller"].as_str().unwrap());
        let version = case["version"].as_str().unwrap_or("2012-10-17");
        for field in case.as_object().unwrap().keys() {
            let value = &case[field];
            match field.as_str() {
                "name" | "caller" | "expect" | "version" => {}
                "action" => request.action = value.as_str().unwrap().to_owned(),
                "resource" => {
                    request.resource = value.as_str().unwrap().to_owned();
                    request.key_account = None;
                }
                "across_accounts" => request.across_accounts = value.as_bool().unwrap(),
                "key_policy" => request.key_policy = Some(self.policy(value, version)),
                "identity" => request.identity = self.policies(value, version),
                "boundary" => request.boundary = Some(self.policy(value, version)),
                "session" => request.session = self.policies(value, version),
                "grants" => request.grants = value.as_array().unwrap().clone(),
                "new_grant" => request.new_grant = Some(value.clone()),
                "context" => request.context.extend(value.as_object().unwrap()),
                "unknown" => {
                    let names =
                        value.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
                    request.context.unknown = names.collect();
                }
                other => panic!("unknown field {other}"),
            }
        }
        request
    }

    pub(super) fn policy(&self, value: &Value, version: &str) -> Value {
        let statements = value.as_str().map_or(value, |name| &self.0["policies"][name]);
        assert!(statements.is_array(), "no policy {value}");
        json!({"Version": version, "Statement": statements})
    }

    fn policies(&self, value: &Value, version: &str) -> Vec<Value> {
        value.as_array().unwrap().iter().map(|policy| self.policy(policy, version)).collect()
    }
}

impl MapContext {
    pub(super) fn extend(&mut self, values: &Map<String, Value>) {
        for (name, value) in values {
            let list = match value {
                Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
                value => vec![value.as_str().unwrap().to_owned()],
            };
            self.values.insert(name.clone(), list);
        }
    }
}

/// The decision of the engine with the labels of what decided.
pub(super) fn decide(case: &Case) -> (Decision, Vec<String>) {
    with_engine(case, |request, policies| {
        let decision = evaluate(request, policies);
        let mut labels = Vec::new();
        labels.extend(decision.because.key.map(|at| policies.label(at)));
        labels.extend(decision.because.grant.map(|index| format!("grant[{index}]")));
        labels.extend(decision.because.own.map(|at| policies.label(at)));
        (decision, labels)
    })
}

/// The decision about retiring a grant that the key's account issued.
pub(super) fn decide_retiring(case: &Case, grant: &Value) -> Decision {
    let principal = |name: &str| grant[name].as_str().map(|arn| Principal::parse(arn).unwrap());
    let (retiring, grantee) = (principal("retiring"), principal("grantee"));
    let retirable = Retirable {
        retiring: retiring.as_ref(),
        grantee: grantee.as_ref().filter(|_| grant["names_retire"] == true),
        issuing_account: "111122223333",
    };
    with_engine(case, |request, policies| evaluate_retiring(request, policies, &retirable))
}

/// Compiles the case and hands it to the engine.
pub(super) fn with_engine<T>(case: &Case, ask: impl FnOnce(&Request<'_>, &Policies<'_>) -> T) -> T {
    let key = case.key_policy.as_ref().map(|policy| KeyPolicy::parse(&policy.to_string()).unwrap());
    let identity = compile(&case.identity);
    let boundary = case.boundary.as_ref().map(|policy| IdentityPolicy::parse(&policy.to_string()).unwrap());
    let session = compile(&case.session);
    let grants: Vec<_> = case.grants.iter().map(|value| Arc::new(grant(value))).collect();
    let policies = Policies {
        key_names_another: false,
        key: key.as_ref(),
        identity: &identity,
        boundary: boundary.as_ref(),
        session: &session,
        grants: &grants,
    };
    let caller = caller(&case.arn, case.role.as_deref());
    let target = match &case.key_account {
        Some(account) => Target::Key { arn: &case.resource, account, across_accounts: case.across_accounts },
        None => Target::Other { resource: &case.resource },
    };
    let new_grant = case.new_grant.as_ref().map(grant);
    let request = Request {
        caller: &caller,
        action: &case.action,
        target,
        context: &case.context,
        new_grant: new_grant.as_ref(),
    };
    ask(&request, &policies)
}

pub(super) fn caller<'a>(arn: &'a str, role: Option<&'a str>) -> Caller<'a> {
    match role {
        Some(role) => Caller::role_session(arn, role),
        None if arn.ends_with(":root") => Caller::root(arn),
        None if arn.contains(":federated-user/") => Caller::federated_user(arn),
        None => Caller::user(arn),
    }
    .unwrap()
}

/// The word that the tables use for a reason.
pub(super) fn word(reason: DenialReason) -> &'static str {
    match reason {
        DenialReason::ExplicitDeny(PolicyKind::Key) => "explicit-deny:key",
        DenialReason::ExplicitDeny(PolicyKind::Identity) => "explicit-deny:identity",
        DenialReason::ExplicitDeny(PolicyKind::Boundary) => "explicit-deny:boundary",
        DenialReason::ExplicitDeny(PolicyKind::Session) => "explicit-deny:session",
        DenialReason::NoIdentityPolicyAllows => "no-identity",
        DenialReason::NoResourcePolicyAllows => "no-resource",
        DenialReason::NoBoundaryAllows => "no-boundary",
        DenialReason::NoSessionPolicyAllows => "no-session",
        DenialReason::NotAcrossAccounts => "not-across",
    }
}

fn compile(policies: &[Value]) -> Vec<Arc<IdentityPolicy>> {
    policies.iter().map(|policy| Arc::new(IdentityPolicy::parse(&policy.to_string()).unwrap())).collect()
}

pub(super) fn grant(value: &Value) -> Grant {
    let pairs = |name: &str| -> Option<ContextPairs> {
        let pairs = value.get(name)?.as_object().unwrap();
        Some(pairs.iter().map(|(name, own)| (name.as_str().into(), own.as_str().unwrap().into())).collect())
    };
    let context = match (pairs("EncryptionContextEquals"), pairs("EncryptionContextSubset")) {
        (Some(pairs), None) => ContextConstraint::Equals(pairs),
        (None, Some(pairs)) => ContextConstraint::Subset(pairs),
        _ => ContextConstraint::None,
    };
    let operations = value["operations"].as_array().unwrap().iter();
    Grant {
        id: Box::default(),
        grantee: Principal::parse(value["grantee"].as_str().unwrap()).unwrap(),
        operations: operations.map(|name| GrantOperation::parse(name.as_str().unwrap()).unwrap()).collect(),
        constraints: GrantConstraints { context, source_arn: value["SourceArn"].as_str().map(Box::from) },
    }
}
