//! Conditions that cannot hold, and values that cannot be.

use super::catalog::{Carriers, carriers, domain};
use super::warning::{Suspicion, Why};
use super::{Json, strings};
use crate::condition::{Comparison, Operator, Quantifier};
use crate::context::{ConditionKey, equal_ignoring_case};
use crate::grant::GrantOperation;
use crate::nearest::nearest;
use crate::pattern::Pattern;

/// One operator on one key.
struct Entry<'a> {
    operator: Operator,
    operator_name: &'a str,
    key: ConditionKey,
    key_name: &'a str,
    values: Vec<&'a str>,
}

/// Adds what looks wrong with a condition block. `actions` are those that the statement covers.
pub(super) fn look_at(
    block: Option<&Json>,
    allows: bool,
    variables: bool,
    actions: &[&str],
    found: &mut Vec<Suspicion>,
) {
    let entries = entries(block);
    for entry in &entries {
        if let Some(suspicion) = entry.about_the_key(allows, actions) {
            found.push(suspicion);
        }
        entry.about_the_values(variables, found);
        if let Some(why) = entry.contradiction(&entries, variables) {
            found.push(entry.never_holds(why));
        }
    }
}

fn entries(block: Option<&Json>) -> Vec<Entry<'_>> {
    let Some(Json::Object(operators)) = block else { return Vec::new() };
    let mut entries = Vec::new();
    for (operator_name, keys) in operators {
        let (Some(operator), Json::Object(keys)) = (Operator::parse(operator_name), keys) else { continue };
        entries.extend(keys.iter().map(|(key_name, values)| Entry {
            operator,
            operator_name,
            key: ConditionKey::parse(key_name),
            key_name,
            values: strings(values),
        }));
    }
    entries
}

impl Entry<'_> {
    fn never_holds(&self, why: Why) -> Suspicion {
        Suspicion::NeverHolds { operator: self.operator_name.to_owned(), key: self.key_name.to_owned(), why }
    }

    /// Whether the condition fails for a request without the key.
    fn needs_a_value(&self) -> bool {
        match self.operator.comparison {
            Comparison::Null => {
                !self.values.is_empty() && self.values.iter().all(|value| value.eq_ignore_ascii_case("false"))
            }
            _ => {
                !self.operator.negated
                    && !self.operator.if_exists
                    && self.operator.quantifier != Quantifier::ForAll
            }
        }
    }

    fn needs_no_value(&self) -> bool {
        self.operator.comparison == Comparison::Null
            && !self.values.is_empty()
            && self.values.iter().all(|value| value.eq_ignore_ascii_case("true"))
    }

    fn about_the_key(&self, allows: bool, actions: &[&str]) -> Option<Suspicion> {
        let carriers = carriers(&self.key);
        if carriers == Carriers::Unknown {
            let key = self.key_name.to_owned();
            return Some(Suspicion::UnknownConditionKey { nearest: ConditionKey::nearest(&key), key });
        }
        if allows && self.key.is_for_identity_policies_only() {
            return Some(Suspicion::IdentityPoliciesOnly(self.key_name.to_owned()));
        }
        if !self.needs_a_value() {
            return None;
        }
        if self.values.is_empty() {
            return Some(self.never_holds(Why::NoValues));
        }
        match carriers {
            Carriers::None => Some(self.never_holds(Why::NeverPresent)),
            Carriers::These(these) => {
                let any = actions.iter().any(|action| these.contains(action));
                // Statements without known actions are warned of for that.
                (!any && !actions.is_empty()).then(|| self.never_holds(Why::NotWithTheseActions))
            }
            Carriers::All | Carriers::Unknown => None,
        }
    }

    fn about_the_values(&self, variables: bool, found: &mut Vec<Suspicion>) {
        if !variables && let Some(value) = self.values.iter().find(|value| value.contains("${")) {
            found.push(Suspicion::LiteralVariable((*value).to_owned()));
        }
        if let Some(words) = domain(&self.key)
            && !self.operator_reads(words)
        {
            found.push(self.never_holds(Why::WrongOperator));
            return;
        }
        for value in self.values.iter().filter(|value| !(variables && value.contains("${"))) {
            let names = self.possible_names();
            if !self.may_match(value, &names) {
                let nearest = nearest(value, names).map(str::to_owned);
                let (key, value) = (self.key_name.to_owned(), (*value).to_owned());
                found.push(Suspicion::ImpossibleValue { key, value, nearest });
            } else if self.operator.comparison == Comparison::StringEquals
                && domain(&self.key).is_none()
                && value.contains(['*', '?'])
            {
                let operator = self.operator_name.to_owned();
                found.push(Suspicion::LiteralWildcard { operator, value: (*value).to_owned() });
            }
        }
    }

    /// Whether the operator can compare with such words.
    fn operator_reads(&self, words: &[&str]) -> bool {
        match self.operator.comparison {
            Comparison::StringEquals
            | Comparison::StringEqualsIgnoreCase
            | Comparison::StringLike
            | Comparison::Null => true,
            Comparison::Bool => words.contains(&"false"),
            Comparison::Numeric(_)
            | Comparison::Date(_)
            | Comparison::Binary
            | Comparison::IpAddress
            | Comparison::Arn => false,
        }
    }

    /// All names that the key can have as values; none when they are not known.
    fn possible_names(&self) -> Vec<&'static str> {
        match domain(&self.key) {
            Some(words) => words.to_vec(),
            None if self.key == ConditionKey::GrantOperations => {
                GrantOperation::ALL.iter().map(|one| one.name()).collect()
            }
            None => Vec::new(),
        }
    }

    /// Whether some request may have a value that matches `value`.
    fn may_match(&self, value: &str, names: &[&str]) -> bool {
        use ConditionKey as K;
        let comparison = self.operator.comparison;
        if let K::CallerAccount | K::PrincipalAccount | K::ResourceAccount = self.key {
            let is_account = value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit());
            return is_account || comparison != Comparison::StringEquals;
        }
        match comparison {
            _ if names.is_empty() => true,
            Comparison::StringEquals => names.contains(&value),
            Comparison::StringEqualsIgnoreCase | Comparison::Bool => {
                names.iter().any(|name| equal_ignoring_case(name, value))
            }
            Comparison::StringLike => {
                let pattern = Pattern::new(value);
                names.iter().any(|name| pattern.matches(name))
            }
            _ => true,
        }
    }

    /// Whether another condition on the same key excludes this one.
    fn contradiction(&self, all: &[Entry<'_>], variables: bool) -> Option<Why> {
        let others = || all.iter().filter(|other| !std::ptr::eq(*other, self) && other.key == self.key);
        if self.needs_a_value() && others().any(Entry::needs_no_value) {
            return Some(Why::Contradiction);
        }
        let literal = self.operator.comparison == Comparison::StringEquals
            && self.needs_a_value()
            && self.operator.quantifier == Quantifier::Plain
            && !self.key.is_multi_valued();
        if !literal || self.values.is_empty() || (variables && self.values.iter().any(|v| v.contains("${"))) {
            return None;
        }
        let possible = self.values.iter().any(|value| others().all(|other| other.admits(value, variables)));
        (!possible).then_some(Why::Contradiction)
    }

    /// Whether the condition can hold for a request whose only value is `value`. True when that is not obvious.
    fn admits(&self, value: &str, variables: bool) -> bool {
        if variables && self.values.iter().any(|own| own.contains("${")) {
            return true;
        }
        let listed = match self.operator.comparison {
            Comparison::StringEquals => self.values.contains(&value),
            Comparison::StringEqualsIgnoreCase => {
                self.values.iter().any(|own| equal_ignoring_case(own, value))
            }
            Comparison::StringLike => self.values.iter().any(|own| Pattern::new(own).matches(value)),
            _ => return true,
        };
        listed != self.operator.negated
    }
}
