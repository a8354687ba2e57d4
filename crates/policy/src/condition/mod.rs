//! Conditions of a statement: compiled operators over typed keys.
//!
//! Three answers are possible. `Unknown` arises when the request cannot tell the values of a key; it never lets an
//! Allow match and never keeps a Deny from matching.

mod arn;
mod ip;
mod operator;
mod scalar;

use arn::ArnMatcher;
use ip::Block;
use operator::Relation;
pub(crate) use operator::{Comparison, Operator, Quantifier};
use scalar::{Moment, Number, is_canonical_base64};

use crate::context::{Availability, ConditionKey, RequestContext, equal_ignoring_case};
use crate::error::PolicyError;
use crate::template::{Matcher, Piece, Syntax, complete_text, pieces};

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    True,
    False,
    Unknown,
}

/// One operator applied to one key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    key: ConditionKey,
    operator: Operator,
    operands: Operands,
    /// The values as written, for explanations.
    values: Box<[Box<str>]>,
    /// Some operand holds a policy variable.
    templated: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Operands {
    Text(Box<[Matcher]>),
    IgnoreCase(Box<[Box<[Piece]>]>),
    Number(Relation, Box<[Number]>),
    Date(Relation, Box<[Moment]>),
    Bool(Box<[bool]>),
    Binary(Box<[Box<str>]>),
    Ip(Box<[Block]>),
    Arn(Box<[ArnMatcher]>),
    Null(Box<[bool]>),
}

impl Condition {
    /// Compiles `{operator: {key: values}}`.
    pub(crate) fn new(
        operator: Operator,
        key: &str,
        values: &[String],
        variables: bool,
    ) -> Result<Self, PolicyError> {
        let operands = Operands::new(operator.comparison, values, variables)?;
        let templated = variables && values.iter().any(|value| value.contains("${"));
        let values = values.iter().map(|value| value.as_str().into()).collect();
        Ok(Self { key: ConditionKey::parse(key), operator, operands, values, templated })
    }

    pub(crate) fn key(&self) -> &ConditionKey {
        &self.key
    }

    pub(crate) fn operator(&self) -> Operator {
        self.operator
    }

    /// The values as written.
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|value| &**value)
    }

    /// Whether the condition reads a key of the given sort, also through a policy variable.
    pub(crate) fn mentions(&self, sort: fn(&ConditionKey) -> bool) -> bool {
        sort(&self.key)
            || match &self.operands {
                Operands::Text(list) => list.iter().any(|matcher| matcher.mentions(sort)),
                Operands::Arn(list) => list.iter().any(|matcher| matcher.mentions(sort)),
                Operands::IgnoreCase(list) => list.iter().flatten().any(|piece| piece.mentions(sort)),
                _ => false,
            }
    }

    /// Evaluates the condition for one request.
    pub(crate) fn truth(&self, context: &dyn RequestContext) -> Truth {
        if self.templated && !self.variables_allow_a_match(context) {
            return Truth::False;
        }
        let (mut holding, mut failing) = (0_usize, 0_usize);
        let availability = context.values(&self.key, &mut |value| {
            // A value that the operator cannot read holds neither plainly nor negated.
            let holds = self.operands.accept(value, context).is_some_and(|m| m != self.operator.negated);
            *if holds { &mut holding } else { &mut failing } += 1;
        });
        if availability == Availability::Unknown {
            return Truth::Unknown;
        }
        let present = holding + failing > 0;
        if let Operands::Null(wanted) = &self.operands {
            return Truth::from(wanted.contains(&!present));
        }
        if !present {
            return Truth::from(self.holds_without_values());
        }
        match self.operator.quantifier {
            Quantifier::ForAll => Truth::from(failing == 0),
            // Only names that differ in letter case give a single-valued key two values. Which one the policy meant
            // cannot be told unless they agree.
            Quantifier::Plain if holding > 0 && failing > 0 && !self.key.is_multi_valued() => Truth::Unknown,
            Quantifier::Plain | Quantifier::ForAny => Truth::from(holding > 0),
        }
    }

    fn holds_without_values(&self) -> bool {
        self.operator.if_exists
            || match self.operator.quantifier {
                Quantifier::ForAll => true,
                Quantifier::ForAny => false,
                Quantifier::Plain => self.operator.negated,
            }
    }

    /// A value whose variable has no value matches nothing. When that leaves no value, or when the operator is
    /// negated (where "matches nothing" would count as holding), the whole condition fails.
    fn variables_allow_a_match(&self, context: &dyn RequestContext) -> bool {
        let (resolved, total) = match &self.operands {
            Operands::Text(list) => (list.iter().filter(|m| m.is_resolved(context)).count(), list.len()),
            Operands::Arn(list) => (list.iter().filter(|m| m.is_resolved(context)).count(), list.len()),
            Operands::IgnoreCase(list) => {
                (list.iter().filter(|pieces| complete_text(pieces, context).is_ok()).count(), list.len())
            }
            _ => return true,
        };
        resolved == total || (resolved > 0 && !self.operator.negated)
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl Operands {
    fn new(comparison: Comparison, values: &[String], variables: bool) -> Result<Self, PolicyError> {
        let plain = Syntax { variables, wildcards: false };
        Ok(match comparison {
            Comparison::StringEquals => Self::Text(each(values, |value| Matcher::new(value, plain))?),
            Comparison::StringLike => {
                let syntax = Syntax { variables, wildcards: true };
                Self::Text(each(values, |value| Matcher::new(value, syntax))?)
            }
            Comparison::StringEqualsIgnoreCase => {
                Self::IgnoreCase(each(values, |value| Ok(pieces(value, plain)?.into()))?)
            }
            Comparison::Numeric(relation) => {
                Self::Number(relation, each(values, |v| readable(v, Number::parse(v)))?)
            }
            Comparison::Date(relation) => {
                Self::Date(relation, each(values, |v| readable(v, Moment::parse(v)))?)
            }
            Comparison::Bool => Self::Bool(each(values, |v| readable(v, boolean(v)))?),
            Comparison::Null => Self::Null(each(values, |v| readable(v, boolean(v)))?),
            Comparison::Binary => {
                let canonical = |v: &String| is_canonical_base64(v).then(|| v.as_str().into());
                Self::Binary(each(values, |v| readable(v, canonical(v)))?)
            }
            Comparison::IpAddress => Self::Ip(each(values, |v| readable(v, Block::parse(v)))?),
            Comparison::Arn => Self::Arn(each(values, |v| readable(v, ArnMatcher::new(v, variables)?))?),
        })
    }

    /// Whether `value` equals or matches any operand; `None` when the operator cannot read it.
    fn accept(&self, value: &str, context: &dyn RequestContext) -> Option<bool> {
        Some(match self {
            Self::Text(list) => list.iter().any(|matcher| matcher.matches(value, context) == Ok(true)),
            Self::Arn(list) => list.iter().any(|matcher| matcher.matches(value, context) == Ok(true)),
            Self::IgnoreCase(list) => list.iter().any(|pieces| {
                complete_text(pieces, context).is_ok_and(|wanted| equal_ignoring_case(&wanted, value))
            }),
            Self::Number(relation, list) => {
                let number = Number::parse(value)?;
                list.iter().any(|own| number.compare(*own).is_some_and(|order| relation.holds(order)))
            }
            Self::Date(relation, list) => {
                let moment = Moment::parse(value)?;
                list.iter().any(|own| relation.holds(moment.cmp(own)))
            }
            Self::Bool(list) => list.contains(&boolean(value)?),
            Self::Binary(list) => list.iter().any(|own| **own == *value),
            Self::Ip(list) => {
                let mut inside = false;
                for block in list {
                    inside |= block.contains(value)?;
                }
                inside
            }
            // Null looks at presence alone.
            Self::Null(_) => true,
        })
    }
}

fn each<T>(
    values: &[String],
    read: impl FnMut(&String) -> Result<T, PolicyError>,
) -> Result<Box<[T]>, PolicyError> {
    values.iter().map(read).collect()
}

fn readable<T>(value: &str, read: Option<T>) -> Result<T, PolicyError> {
    read.ok_or_else(|| PolicyError::InvalidConditionValue {
        operator: String::new(),
        value: value.to_owned(),
    })
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}
