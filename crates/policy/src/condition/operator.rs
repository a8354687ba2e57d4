//! Names of condition operators: `[ForAllValues:|ForAnyValue:]<Operator>[IfExists]`, case-sensitive.

use std::cmp::Ordering;

/// How the values of the request are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantifier {
    /// No set prefix.
    Plain,
    ForAll,
    ForAny,
}

/// What is compared, before negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Relation),
    Date(Relation),
    Bool,
    Binary,
    IpAddress,
    Arn,
    Null,
}

/// An order relation; request value on the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

/// A condition operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) quantifier: Quantifier,
    pub(crate) comparison: Comparison,
    pub(crate) negated: bool,
    pub(crate) if_exists: bool,
}

impl Operator {
    /// Reads an operator name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (quantifier, rest) = if let Some(rest) = name.strip_prefix("ForAllValues:") {
            (Quantifier::ForAll, rest)
        } else if let Some(rest) = name.strip_prefix("ForAnyValue:") {
            (Quantifier::ForAny, rest)
        } else {
            (Quantifier::Plain, name)
        };
        let (base, if_exists) = match rest.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let (comparison, negated) = comparison(base)?;
        // Null asks about presence itself: there is nothing to combine and nothing to skip.
        if comparison == Comparison::Null && (if_exists || quantifier != Quantifier::Plain) {
            return None;
        }
        Some(Self { quantifier, comparison, negated, if_exists })
    }
}

impl Operator {
    /// The name as a policy writes it. `ArnEquals` comes out as `ArnLike`, which it equals.
    pub(crate) fn name(self) -> String {
        let quantifier = match self.quantifier {
            Quantifier::Plain => "",
            Quantifier::ForAll => "ForAllValues:",
            Quantifier::ForAny => "ForAnyValue:",
        };
        let (stem, positive, negative) = match self.comparison {
            Comparison::StringEquals => ("String", "Equals", "NotEquals"),
            Comparison::StringEqualsIgnoreCase => ("String", "EqualsIgnoreCase", "NotEqualsIgnoreCase"),
            Comparison::StringLike => ("String", "Like", "NotLike"),
            Comparison::Numeric(relation) => ("Numeric", relation.name(), "NotEquals"),
            Comparison::Date(relation) => ("Date", relation.name(), "NotEquals"),
            Comparison::Bool => ("Bool", "", ""),
            Comparison::Binary => ("Binary", "Equals", "Equals"),
            Comparison::IpAddress => ("", "IpAddress", "NotIpAddress"),
            Comparison::Arn => ("Arn", "Like", "NotLike"),
            Comparison::Null => ("Null", "", ""),
        };
        let ending = if self.negated { negative } else { positive };
        let if_exists = if self.if_exists { "IfExists" } else { "" };
        format!("{quantifier}{stem}{ending}{if_exists}")
    }
}

impl Relation {
    fn name(self) -> &'static str {
        match self {
            Self::Equals => "Equals",
            Self::LessThan => "LessThan",
            Self::LessThanEquals => "LessThanEquals",
            Self::GreaterThan => "GreaterThan",
            Self::GreaterThanEquals => "GreaterThanEquals",
        }
    }

    pub(crate) fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equals => order.is_eq(),
            Self::LessThan => order.is_lt(),
            Self::LessThanEquals => order.is_le(),
            Self::GreaterThan => order.is_gt(),
            Self::GreaterThanEquals => order.is_ge(),
        }
    }
}

fn comparison(name: &str) -> Option<(Comparison, bool)> {
    if let Some(relation) = name.strip_prefix("Numeric") {
        return relation_of(relation).map(|(relation, negated)| (Comparison::Numeric(relation), negated));
    }
    if let Some(relation) = name.strip_prefix("Date") {
        return relation_of(relation).map(|(relation, negated)| (Comparison::Date(relation), negated));
    }
    Some(match name {
        "StringEquals" => (Comparison::StringEquals, false),
        "StringNotEquals" => (Comparison::StringEquals, true),
        "StringEqualsIgnoreCase" => (Comparison::StringEqualsIgnoreCase, false),
        "StringNotEqualsIgnoreCase" => (Comparison::StringEqualsIgnoreCase, true),
        "StringLike" => (Comparison::StringLike, false),
        "StringNotLike" => (Comparison::StringLike, true),
        "Bool" => (Comparison::Bool, false),
        "BinaryEquals" => (Comparison::Binary, false),
        "IpAddress" => (Comparison::IpAddress, false),
        "NotIpAddress" => (Comparison::IpAddress, true),
        "ArnEquals" | "ArnLike" => (Comparison::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Comparison::Arn, true),
        "Null" => (Comparison::Null, false),
        _ => return None,
    })
}

fn relation_of(name: &str) -> Option<(Relation, bool)> {
    Some(match name {
        "Equals" => (Relation::Equals, false),
        "NotEquals" => (Relation::Equals, true),
        "LessThan" => (Relation::LessThan, false),
        "LessThanEquals" => (Relation::LessThanEquals, false),
        "GreaterThan" => (Relation::GreaterThan, false),
        "GreaterThanEquals" => (Relation::GreaterThanEquals, false),
        _ => return None,
    })
}
