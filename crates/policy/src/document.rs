//! Policy JSON to compiled statements. Strict: a document is either understood entirely or refused; nothing is
//! skipped, since a skipped part of a Deny would be a hole.

use std::collections::BTreeSet;

use crate::condition::{Condition, Operator, Quantifier};
use crate::context::ConditionKey;
use crate::error::PolicyError;
use crate::json::{self, Json};
use crate::pattern::Pattern;
use crate::principal::{Principal, Principals};
use crate::statement::{Actions, Effect, Resources, Statement};
use crate::template::{Matcher, Syntax};

/// Longest document that is looked at, in bytes: the longest `Policy` member the API accepts. Operations set lower
/// limits of their own.
pub const MAX_DOCUMENT_BYTES: usize = 131_072;

/// A policy document, parsed and compiled.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyDocument {
    id: Option<Box<str>>,
    variables: bool,
    statements: Box<[Statement]>,
}

/// The resource policy of a KMS key: every statement names principals.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyPolicy(PolicyDocument);

/// A policy attached to an identity, or used as permissions boundary or session policy: no principals.
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityPolicy {
    document: PolicyDocument,
    name: Option<Box<str>>,
}

/// The trust policy of a role: who may assume it. Every statement names principals and none names resources, since
/// the role itself is the resource.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustPolicy(KeyPolicy);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Key,
    Identity,
    Trust,
}

type Members = Vec<(String, Json)>;

impl KeyPolicy {
    /// Parses and compiles a key policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        PolicyDocument::parse(text, Kind::Key).map(Self)
    }

    /// The document.
    pub fn document(&self) -> &PolicyDocument {
        &self.0
    }

    /// Every principal the policy names, in document order, so that a caller with a directory can check that they
    /// exist.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.0.statements.iter().filter_map(|statement| statement.principals.as_ref()).flat_map(|p| &p.list)
    }
}

impl IdentityPolicy {
    /// Parses and compiles an identity policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Ok(Self { document: PolicyDocument::parse(text, Kind::Identity)?, name: None })
    }

    /// With a name for audit records and explanations.
    #[must_use]
    pub fn named(self, name: impl Into<Box<str>>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Its name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The document.
    pub fn document(&self) -> &PolicyDocument {
        &self.document
    }
}

impl TrustPolicy {
    /// Parses and compiles a trust policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        PolicyDocument::parse(text, Kind::Trust).map(|document| Self(KeyPolicy(document)))
    }

    /// As the policy of the resource in a decision about `sts:AssumeRole` and the like, where it plays the part that a
    /// key policy plays for a KMS key.
    pub fn as_resource_policy(&self) -> &KeyPolicy {
        &self.0
    }

    /// Every principal the policy names, in document order.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.0.principals()
    }
}

impl PolicyDocument {
    /// The document's `Id`.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether the version (2012-10-17) gives `${...}` its meaning.
    pub fn has_variables(&self) -> bool {
        self.variables
    }

    /// The statements in document order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn parse(text: &str, kind: Kind) -> Result<Self, PolicyError> {
        if text.len() > MAX_DOCUMENT_BYTES {
            return Err(PolicyError::TooLong);
        }
        let Json::Object(members) = json::parse(text)? else { return Err(PolicyError::WrongType("Policy")) };
        let (mut id, mut variables, mut statements) = (None, false, None);
        for (name, value) in members {
            match name.as_str() {
                "Version" => {
                    variables = match string(value, "Version")?.as_str() {
                        "2012-10-17" => true,
                        "2008-10-17" => false,
                        other => return Err(PolicyError::UnsupportedVersion(other.to_owned())),
                    }
                }
                "Id" => id = Some(string(value, "Id")?.into()),
                "Statement" => statements = Some(value),
                _ => return Err(PolicyError::UnknownElement(name)),
            }
        }
        let items = match statements {
            Some(Json::Array(items)) if !items.is_empty() => items,
            Some(Json::Object(members)) => vec![Json::Object(members)],
            None | Some(Json::Array(_)) => return Err(PolicyError::NoStatement),
            Some(_) => return Err(PolicyError::WrongType("Statement")),
        };
        let statements = items.into_iter().enumerate().map(|(place, item)| match item {
            Json::Object(members) => Draft::read(members)?.compile(kind, variables, place),
            _ => Err(PolicyError::WrongType("Statement")),
        });
        Ok(Self { id, variables, statements: statements.collect::<Result<_, _>>()? })
    }
}

/// The elements of one statement, each in either of its forms.
#[derive(Default)]
struct Draft {
    sid: Option<String>,
    effect: Option<Effect>,
    principal: [Option<Json>; 2],
    action: [Option<Json>; 2],
    resource: [Option<Json>; 2],
    condition: Option<Json>,
}

impl Draft {
    fn read(members: Members) -> Result<Self, PolicyError> {
        let mut draft = Self::default();
        let [principal, not_principal] = &mut draft.principal;
        let [action, not_action] = &mut draft.action;
        let [resource, not_resource] = &mut draft.resource;
        for (name, value) in members {
            match name.as_str() {
                "Sid" => draft.sid = Some(string(value, "Sid")?),
                "Effect" => draft.effect = Some(effect(&string(value, "Effect")?)?),
                "Principal" => *principal = Some(value),
                "NotPrincipal" => *not_principal = Some(value),
                "Action" => *action = Some(value),
                "NotAction" => *not_action = Some(value),
                "Resource" => *resource = Some(value),
                "NotResource" => *not_resource = Some(value),
                "Condition" => draft.condition = Some(value),
                _ => return Err(PolicyError::UnknownElement(name)),
            }
        }
        Ok(draft)
    }

    fn compile(self, kind: Kind, variables: bool, place: usize) -> Result<Statement, PolicyError> {
        let effect = self.effect.ok_or(PolicyError::MissingEffect)?;
        let principals = match (kind, one_of(self.principal, "Principal", "NotPrincipal")?) {
            (Kind::Key | Kind::Trust, Some((negated, value))) => {
                Some(Principals { negated, list: principals(value, kind)? })
            }
            (Kind::Key | Kind::Trust, None) => return Err(PolicyError::MissingPrincipal),
            (Kind::Identity, None) => None,
            (Kind::Identity, Some(_)) => return Err(PolicyError::PrincipalNotAllowed),
        };
        let actions = match one_of(self.action, "Action", "NotAction")? {
            Some((negated, value)) => Some(Actions { negated, list: actions(value)? }),
            None => None,
        };
        let resources = match one_of(self.resource, "Resource", "NotResource")? {
            Some(_) if kind == Kind::Trust => return Err(PolicyError::ResourceNotAllowed),
            Some((negated, value)) => Some(Resources { negated, list: resources(value, variables)? }),
            None if kind == Kind::Trust => Some(Resources { negated: false, list: anything()? }),
            None => None,
        };
        if kind != Kind::Key && actions.as_ref().is_none_or(|actions| actions.list.is_empty()) {
            return Err(PolicyError::MissingAction);
        }
        if kind == Kind::Identity && resources.as_ref().is_none_or(|resources| resources.list.is_empty()) {
            return Err(PolicyError::MissingResource);
        }
        // An empty list is a missing element; as a NotAction or NotResource it would otherwise mean "everything".
        let actions = actions.filter(|actions| !actions.list.is_empty());
        let resources = resources.filter(|resources| !resources.list.is_empty());
        let conditions = self.condition.map(|value| conditions(value, kind, variables)).transpose()?;
        let conditions = conditions.unwrap_or_default();
        // The documentation lists some keys for IAM policies only. A Deny that uses one keeps its effect.
        let foreign = ConditionKey::is_for_identity_policies_only;
        let inert = kind == Kind::Key
            && effect == Effect::Allow
            && (conditions.iter().any(|condition| condition.mentions(foreign))
                || resources.iter().flat_map(|r| &r.list).any(|matcher| matcher.mentions(foreign)));
        let has_sid = self.sid.is_some();
        let label = self.sid.unwrap_or_else(|| format!("#{place}")).into();
        let conditions = conditions.into();
        Ok(Statement { label, has_sid, effect, principals, actions, resources, conditions, inert })
    }
}

/// The element and whether it is the `Not` form.
fn one_of(
    [plain, negated]: [Option<Json>; 2],
    name: &'static str,
    not_name: &'static str,
) -> Result<Option<(bool, Json)>, PolicyError> {
    match (plain, negated) {
        (Some(_), Some(_)) => Err(PolicyError::ConflictingElements(name, not_name)),
        (Some(value), None) => Ok(Some((false, value))),
        (None, Some(value)) => Ok(Some((true, value))),
        (None, None) => Ok(None),
    }
}

fn effect(text: &str) -> Result<Effect, PolicyError> {
    match text {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => Err(PolicyError::InvalidEffect(other.to_owned())),
    }
}

fn principals(value: Json, policy: Kind) -> Result<Box<[Principal]>, PolicyError> {
    let kinds = match value {
        Json::String(text) if text == "*" => return Ok([Principal::Anyone].into()),
        Json::String(text) => return Err(PolicyError::InvalidPrincipal(text)),
        Json::Object(kinds) => kinds,
        _ => return Err(PolicyError::WrongType("Principal")),
    };
    let mut list = Vec::new();
    for (kind, names) in kinds {
        for name in strings(names, "Principal")? {
            let principal = match kind.as_str() {
                "AWS" => Principal::parse(&name),
                "Service" => Principal::parse_service(&name),
                "Federated" if policy == Kind::Trust => Principal::parse_federated(&name),
                // Federated providers act through roles, and canonical users belong to another service: neither can
                // call here, so a policy that names one does not say what its author meant.
                "Federated" | "CanonicalUser" => None,
                _ => return Err(PolicyError::UnknownElement(kind)),
            };
            list.push(principal.ok_or(PolicyError::InvalidPrincipal(name))?);
        }
    }
    if list.is_empty() { Err(PolicyError::MissingPrincipal) } else { Ok(list.into()) }
}

fn actions(value: Json) -> Result<Box<[Pattern]>, PolicyError> {
    let names = strings(value, "Action")?.into_iter();
    names
        .map(
            |name| {
                if is_action(&name) { Ok(Pattern::new(&name)) } else { Err(PolicyError::InvalidAction(name)) }
            },
        )
        .collect()
}

/// `*`, or a service without wildcards and an action pattern.
fn is_action(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text == "*"
        || text.split_once(':').is_some_and(|(service, name)| {
            !service.is_empty()
                && service.bytes().all(word)
                && !name.is_empty()
                && name.bytes().all(|byte| word(byte) || byte == b'*' || byte == b'?')
        })
}

fn anything() -> Result<Box<[Matcher]>, PolicyError> {
    Ok([Matcher::new("*", Syntax { variables: false, wildcards: true })?].into())
}

fn resources(value: Json, variables: bool) -> Result<Box<[Matcher]>, PolicyError> {
    let syntax = Syntax { variables, wildcards: true };
    let texts = strings(value, "Resource")?.into_iter();
    texts
        .map(|text| {
            if text.starts_with("arn:")
                || text.starts_with(['*', '?'])
                || (variables && text.starts_with("${"))
            {
                Matcher::new(&text, syntax)
            } else {
                Err(PolicyError::InvalidResource(text))
            }
        })
        .collect()
}

fn conditions(value: Json, kind: Kind, variables: bool) -> Result<Vec<Condition>, PolicyError> {
    let Json::Object(operators) = value else { return Err(PolicyError::WrongType("Condition")) };
    let mut list = Vec::new();
    for (name, keys) in operators {
        let operator = Operator::parse(&name).ok_or_else(|| PolicyError::UnknownOperator(name.clone()))?;
        let Json::Object(keys) = keys else { return Err(PolicyError::WrongType("Condition")) };
        let mut seen = BTreeSet::new();
        for (key, values) in keys {
            let condition = Condition::new(operator, &key, &scalars(values, "Condition")?, variables)
                .map_err(|error| error.in_operator(&name))?;
            if kind == Kind::Key && operator.quantifier == Quantifier::ForAll {
                refuse_overly_permissive(condition.key())?;
            }
            // Names that differ in case only are one key; whether both or either should count is not defined.
            if !seen.insert(key.to_lowercase()) {
                return Err(PolicyError::DuplicateElement(key));
            }
            list.push(condition);
        }
    }
    Ok(list)
}

fn refuse_overly_permissive(key: &ConditionKey) -> Result<(), PolicyError> {
    match key {
        ConditionKey::EncryptionContext(_) => Err(PolicyError::OverlyPermissiveContext),
        ConditionKey::RequestTag(_) => Err(PolicyError::OverlyPermissiveTag),
        _ => Ok(()),
    }
}

fn string(value: Json, element: &'static str) -> Result<String, PolicyError> {
    match value {
        Json::String(text) => Ok(text),
        _ => Err(PolicyError::WrongType(element)),
    }
}

/// One string or an array of strings.
fn strings(value: Json, element: &'static str) -> Result<Vec<String>, PolicyError> {
    match value {
        Json::Array(items) => items.into_iter().map(|item| string(item, element)).collect(),
        other => string(other, element).map(|text| vec![text]),
    }
}

/// One condition value or an array of them; numbers and booleans count as their text.
fn scalars(value: Json, element: &'static str) -> Result<Vec<String>, PolicyError> {
    let scalar = |value| match value {
        Json::String(text) | Json::Scalar(text) => Ok(text),
        _ => Err(PolicyError::WrongType(element)),
    };
    match value {
        Json::Array(items) => items.into_iter().map(scalar).collect(),
        other => scalar(other).map(|text| vec![text]),
    }
}
