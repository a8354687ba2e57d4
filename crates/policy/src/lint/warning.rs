//! Warnings, in words. They quote the document, with everything escaped that is not printable ASCII, so that they can
//! stand in a header or in a line of a log.

use std::fmt;

/// A warning about one statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWarning {
    /// Which statement, counted from 0.
    pub statement: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// What looks wrong.
    pub what: Suspicion,
}

/// What looks wrong with a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suspicion {
    /// No `Action`: the statement has no effect.
    NoAction,
    /// No `Resource`: the statement has no effect.
    NoResource,
    /// `kms:ReEncrypt`
    ReEncryptWithoutSide,
    /// An action or a pattern of actions that KMS does not have.
    UnknownAction {
        /// As written.
        action: String,
        /// The action that may be meant.
        nearest: Option<String>,
    },
    /// An action of another service.
    ForeignAction(String),
    /// An action that key policies do not decide.
    NotByKeyPolicy(String),
    /// A resource that is not this key.
    OtherResource(String),
    /// An Allow for everyone without any condition.
    AllowToEveryone,
    /// An Allow with `NotPrincipal`.
    AllowToAllOthers,
    /// A condition key that does not exist.
    UnknownConditionKey {
        /// As written.
        key: String,
        /// The key that may be meant.
        nearest: Option<String>,
    },
    /// A condition key that counts in IAM policies only: such an Allow has no effect.
    IdentityPoliciesOnly(String),
    /// A condition that can never hold.
    NeverHolds {
        /// The operator.
        operator: String,
        /// The condition key.
        key: String,
        /// Why.
        why: Why,
    },
    /// A value that the condition key never has.
    ImpossibleValue {
        /// The condition key.
        key: String,
        /// The value as written.
        value: String,
        /// The value that may be meant.
        nearest: Option<String>,
    },
    /// A `*` or `?` that stands for itself.
    LiteralWildcard {
        /// The operator.
        operator: String,
        /// The value as written.
        value: String,
    },
    /// `${` in a document whose version has no variables.
    LiteralVariable(String),
}

/// Why a condition can never hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No request that reaches this service has the key.
    NeverPresent,
    /// None of the statement's actions has the key.
    NotWithTheseActions,
    /// There are no values.
    NoValues,
    /// The operator cannot read the values of the key.
    WrongOperator,
    /// Another condition of the statement excludes it.
    Contradiction,
}

/// Longest quotation.
const MOST_QUOTED: usize = 100;

/// A text of the document in quotes.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars().take(MOST_QUOTED) {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                ' '..='~' => write!(f, "{c}")?,
                c => write!(f, "{}", c.escape_unicode())?,
            }
        }
        f.write_str(if self.0.chars().nth(MOST_QUOTED).is_some() { "...\"" } else { "\"" })
    }
}

impl fmt::Display for PolicyWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement {}", self.statement)?;
        if let Some(sid) = &self.sid {
            write!(f, " ({})", Quoted(sid))?;
        }
        write!(f, ": {}", self.what)
    }
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAction => f.write_str("no Action, so it has no effect"),
            Self::NoResource => f.write_str("no Resource, so it has no effect"),
            Self::ReEncryptWithoutSide => f.write_str(
                "kms:ReEncrypt is not an action: name kms:ReEncryptFrom and kms:ReEncryptTo, or kms:ReEncrypt*",
            ),
            Self::UnknownAction { action, nearest } => {
                write!(f, "there is no action {}", Quoted(action))?;
                meant(f, nearest.as_deref())
            }
            Self::ForeignAction(action) => {
                write!(f, "action {} is not one of kms: and is never asked for here", Quoted(action))
            }
            Self::NotByKeyPolicy(action) => {
                write!(f, "action {} is not decided by key policies", Quoted(action))
            }
            Self::OtherResource(resource) => {
                write!(f, "resource {} is not this key: write \"*\"", Quoted(resource))
            }
            Self::AllowToEveryone => f.write_str(
                "it allows every principal of every account whose own policies agree, without any condition",
            ),
            Self::AllowToAllOthers => {
                f.write_str("an Allow with NotPrincipal allows every other principal of every account")
            }
            Self::UnknownConditionKey { key, nearest } => {
                write!(f, "there is no condition key {}, so it never has a value", Quoted(key))?;
                meant(f, nearest.as_deref())
            }
            Self::IdentityPoliciesOnly(key) => {
                write!(f, "condition key {} counts in IAM policies only, so this Allow has no effect", Quoted(key))
            }
            Self::NeverHolds { operator, key, why } => {
                write!(f, "condition {} on {} can never hold: {why}", Quoted(operator), Quoted(key))
            }
            Self::ImpossibleValue { key, value, nearest } => {
                write!(f, "{} never has the value {}", Quoted(key), Quoted(value))?;
                meant(f, nearest.as_deref())
            }
            Self::LiteralWildcard { operator, value } => write!(
                f,
                "{operator} takes the wildcard in {} as a mere character; {} does not",
                Quoted(value),
                if operator.contains("Not") { "StringNotLike" } else { "StringLike" }
            ),
            Self::LiteralVariable(value) => write!(
                f,
                "{} is no policy variable in a document without Version 2012-10-17",
                Quoted(value)
            ),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeverPresent => "no request to this service has the key",
            Self::NotWithTheseActions => "no action of the statement has the key",
            Self::NoValues => "it has no values",
            Self::WrongOperator => "the operator cannot read the values of the key",
            Self::Contradiction => "another condition excludes it",
        })
    }
}

fn meant(f: &mut fmt::Formatter<'_>, nearest: Option<&str>) -> fmt::Result {
    nearest.map_or(Ok(()), |nearest| write!(f, "; is {nearest} meant?"))
}
