//! What is legal in a key policy and probably not what its author meant: actions and condition keys that do not exist,
//! statements without effect, conditions that cannot hold.
//!
//! Nothing here decides anything. A document is looked at as text, once, when it is stored.

mod catalog;
mod conditions;
mod warning;

use catalog::NOT_BY_KEY_POLICY;
pub(crate) use catalog::{ACTIONS, Carriers, carriers};
pub use warning::{PolicyWarning, Suspicion, Why};

use crate::context::EmptyContext;
use crate::json::{self, Json};
use crate::nearest::nearest;
use crate::pattern::Pattern;
use crate::template::{Matcher, Syntax};

/// Looks through a key policy that [`KeyPolicy::parse`](crate::KeyPolicy::parse) accepts, for the key with this ARN.
/// Nothing is found in other texts.
pub fn lint_key_policy(text: &str, key_arn: &str) -> Vec<PolicyWarning> {
    let Ok(Json::Object(document)) = json::parse(text) else { return Vec::new() };
    let variables = member(&document, "Version").and_then(one_string) == Some("2012-10-17");
    let statements = match member(&document, "Statement") {
        Some(Json::Array(items)) => items.iter().collect(),
        Some(statement) => vec![statement],
        None => Vec::new(),
    };
    let mut warnings = Vec::new();
    for (index, statement) in statements.into_iter().enumerate() {
        let Json::Object(members) = statement else { continue };
        let sid = member(members, "Sid").and_then(one_string);
        let found = Statement { members, variables, key_arn }.suspicions();
        warnings.extend(found.into_iter().map(|what| PolicyWarning {
            statement: index,
            sid: sid.map(str::to_owned),
            what,
        }));
    }
    warnings
}

/// A statement as JSON.
struct Statement<'a> {
    members: &'a [(String, Json)],
    variables: bool,
    key_arn: &'a str,
}

impl Statement<'_> {
    fn suspicions(&self) -> Vec<Suspicion> {
        let mut found = Vec::new();
        let actions = self.actions(&mut found);
        self.resources(&mut found);
        self.principals(&mut found);
        conditions::look_at(self.get("Condition"), self.allows(), self.variables, &actions, &mut found);
        found
    }

    fn get(&self, name: &str) -> Option<&Json> {
        member(self.members, name)
    }

    fn allows(&self) -> bool {
        self.get("Effect").and_then(one_string) == Some("Allow")
    }

    /// Names what is wrong with the actions; gives those that the statement covers.
    fn actions(&self, found: &mut Vec<Suspicion>) -> Vec<&'static str> {
        let (named, negated) = match (self.get("Action"), self.get("NotAction")) {
            (Some(value), _) => (strings(value), false),
            (None, Some(value)) => (strings(value), true),
            (None, None) => (Vec::new(), false),
        };
        if named.is_empty() {
            found.push(Suspicion::NoAction);
        }
        let mut covered = vec![false; ACTIONS.len()];
        for name in named {
            let Some((service, action)) = name.split_once(':') else {
                covered.fill(true);
                continue;
            };
            if !service.eq_ignore_ascii_case("kms") {
                found.push(Suspicion::ForeignAction(name.to_owned()));
                continue;
            }
            let pattern = Pattern::new(action);
            let matching = ACTIONS.iter().map(|known| pattern.matches_ignoring_case(known));
            let mut any = false;
            for (covered, matches) in covered.iter_mut().zip(matching) {
                *covered |= matches;
                any |= matches;
            }
            if action.eq_ignore_ascii_case("ReEncrypt") {
                found.push(Suspicion::ReEncryptWithoutSide);
            } else if !any {
                let nearest = nearest(action, ACTIONS.iter().copied()).map(|near| format!("kms:{near}"));
                found.push(Suspicion::UnknownAction { action: name.to_owned(), nearest });
            } else if !negated && NOT_BY_KEY_POLICY.iter().any(|known| known.eq_ignore_ascii_case(action)) {
                found.push(Suspicion::NotByKeyPolicy(name.to_owned()));
            }
        }
        let wanted = ACTIONS.iter().zip(covered).filter(|(_, covered)| *covered != negated);
        wanted.map(|(action, _)| *action).collect()
    }

    fn resources(&self, found: &mut Vec<Suspicion>) {
        let (named, negated) = match (self.get("Resource"), self.get("NotResource")) {
            (Some(value), _) => (strings(value), false),
            (None, Some(value)) => (strings(value), true),
            (None, None) => (Vec::new(), false),
        };
        if named.is_empty() {
            found.push(Suspicion::NoResource);
        }
        let syntax = Syntax { variables: self.variables, wildcards: true };
        for resource in named {
            let matches = Matcher::new(resource, syntax).map(|it| it.matches(self.key_arn, &EmptyContext));
            if !negated && matches == Ok(Ok(false)) {
                found.push(Suspicion::OtherResource(resource.to_owned()));
            }
        }
    }

    fn principals(&self, found: &mut Vec<Suspicion>) {
        if !self.allows() {
            return;
        }
        if self.get("NotPrincipal").is_some() {
            found.push(Suspicion::AllowToAllOthers);
        }
        let everyone = match self.get("Principal") {
            Some(Json::Object(kinds)) => kinds.iter().any(|(_, names)| strings(names).contains(&"*")),
            Some(value) => one_string(value) == Some("*"),
            None => false,
        };
        let conditional = matches!(self.get("Condition"), Some(Json::Object(keys)) if !keys.is_empty());
        if everyone && !conditional {
            found.push(Suspicion::AllowToEveryone);
        }
    }
}

fn member<'a>(members: &'a [(String, Json)], name: &str) -> Option<&'a Json> {
    members.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn one_string(value: &Json) -> Option<&str> {
    match value {
        Json::String(text) => Some(text),
        _ => None,
    }
}

/// One or several texts, numbers and booleans too.
fn strings(value: &Json) -> Vec<&str> {
    let text = |value| match value {
        &Json::String(ref text) | &Json::Scalar(ref text) => Some(text.as_str()),
        _ => None,
    };
    match value {
        Json::Array(items) => items.iter().filter_map(text).collect(),
        value => text(value).into_iter().collect(),
    }
}
