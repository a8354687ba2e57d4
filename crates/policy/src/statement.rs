//! Compiled statements and the test whether one applies to a request.

use crate::condition::{Condition, Truth};
use crate::context::RequestContext;
use crate::pattern::Pattern;
use crate::principal::Principals;
use crate::template::Matcher;

/// What a statement does, and what a decision says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The request may go on.
    Allow,
    /// The request is refused.
    Deny,
}

/// One statement of a policy, compiled.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The `Sid`, or `#` and the place among the statements, counted from 0.
    pub(crate) label: Box<str>,
    /// Whether the label is a `Sid`.
    pub(crate) has_sid: bool,
    pub(crate) effect: Effect,
    /// Present in key policies only.
    pub(crate) principals: Option<Principals>,
    /// `None`: the element is missing, and the statement applies to nothing.
    pub(crate) actions: Option<Actions>,
    /// `None`: the element is missing, and the statement applies to nothing.
    pub(crate) resources: Option<Resources>,
    pub(crate) conditions: Box<[Condition]>,
    /// An Allow that can never apply although it is well-formed (see `document`).
    pub(crate) inert: bool,
}

/// `Action` or `NotAction`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actions {
    pub(crate) negated: bool,
    pub(crate) list: Box<[Pattern]>,
}

/// `Resource` or `NotResource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resources {
    pub(crate) negated: bool,
    pub(crate) list: Box<[Matcher]>,
}

impl Statement {
    /// The `Sid`, if the statement has one.
    pub fn sid(&self) -> Option<&str> {
        self.has_sid.then_some(&*self.label)
    }

    /// The `Sid`, or `#` and the place among the statements, counted from 0.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether the statement allows or denies.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Whether the statement can apply to anything: a key policy statement without `Action` or `Resource` cannot.
    pub fn is_effective(&self) -> bool {
        !self.inert && self.actions.is_some() && self.resources.is_some()
    }

    /// Whether action and resource are those of the statement. The principal is the caller's business.
    pub(crate) fn covers(&self, action: &str, resource: &str, context: &dyn RequestContext) -> bool {
        let (Some(actions), Some(resources)) = (&self.actions, &self.resources) else { return false };
        !self.inert && actions.cover(action) && resources.cover(resource, context)
    }

    /// Whether the conditions let the statement apply. What cannot be known counts against the request: it stops an
    /// Allow and does not stop a Deny.
    pub(crate) fn conditions_hold(&self, context: &dyn RequestContext) -> bool {
        let mut unknown = false;
        for condition in &self.conditions {
            match condition.truth(context) {
                Truth::True => {}
                Truth::False => return false,
                Truth::Unknown => unknown = true,
            }
        }
        !unknown || self.effect == Effect::Deny
    }
}

impl Actions {
    pub(crate) fn cover(&self, action: &str) -> bool {
        self.list.iter().any(|pattern| pattern.matches_ignoring_case(action)) != self.negated
    }
}

impl Resources {
    pub(crate) fn cover(&self, resource: &str, context: &dyn RequestContext) -> bool {
        let mut listed = false;
        for matcher in &self.list {
            match matcher.matches(resource, context) {
                Ok(matches) => listed |= matches,
                // "Everything but an unknown thing" is not a set anyone can have meant.
                Err(_) if self.negated => return false,
                Err(_) => {}
            }
        }
        listed != self.negated
    }
}
