//! Why a policy document is refused. Every variant names the caller's own input, so the text may be shown to the
//! caller; it must never hold anything that did not come from the document.

use std::fmt;

/// A policy document that cannot be stored. The key-policy operations answer each of these with
/// MalformedPolicyDocumentException and the `Display` text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyError {
    /// Longer than [`MAX_DOCUMENT_BYTES`](crate::MAX_DOCUMENT_BYTES).
    TooLong,
    /// Not JSON; positions count from 1.
    InvalidJson {
        /// Line of the fault.
        line: usize,
        /// Column of the fault.
        column: usize,
    },
    /// The same name twice in one JSON object (condition keys: in any letter case).
    DuplicateElement(String),
    /// A name that the policy grammar does not know at this place.
    UnknownElement(String),
    /// An element whose JSON type is wrong.
    WrongType(&'static str),
    /// `Version` is neither 2012-10-17 nor 2008-10-17.
    UnsupportedVersion(String),
    /// No `Statement`, or an empty one.
    NoStatement,
    /// A statement without `Effect`.
    MissingEffect,
    /// An `Effect` other than `Allow` and `Deny`.
    InvalidEffect(String),
    /// A key policy statement with neither `Principal` nor `NotPrincipal`, or with an empty one.
    MissingPrincipal,
    /// An identity policy statement that names a principal.
    PrincipalNotAllowed,
    /// A principal of a form that a key policy cannot name.
    InvalidPrincipal(String),
    /// An element together with its `Not` form.
    ConflictingElements(&'static str, &'static str),
    /// An identity policy statement without actions.
    MissingAction,
    /// An action that is neither `*` nor `service:name`.
    InvalidAction(String),
    /// An identity policy statement without resources.
    MissingResource,
    /// A trust policy statement that names a resource.
    ResourceNotAllowed,
    /// A resource that is neither an ARN pattern nor `*`.
    InvalidResource(String),
    /// A condition operator that does not exist.
    UnknownOperator(String),
    /// A condition value that its operator cannot read.
    InvalidConditionValue {
        /// The operator as written.
        operator: String,
        /// The value as text.
        value: String,
    },
    /// `${` that does not begin a policy variable.
    InvalidVariable(String),
    /// `ForAllValues` on `kms:EncryptionContext:<key>`.
    OverlyPermissiveContext,
    /// `ForAllValues` on `aws:RequestTag/<key>`.
    OverlyPermissiveTag,
}

impl PolicyError {
    /// Completes an error about a condition value with the operator as the document writes it.
    pub(crate) fn in_operator(self, operator: &str) -> Self {
        match self {
            Self::InvalidConditionValue { value, .. } => {
                Self::InvalidConditionValue { operator: operator.to_owned(), value }
            }
            other => other,
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("The policy document is too long."),
            Self::InvalidJson { line, column } => {
                write!(f, "This policy contains invalid Json at line {line}, column {column}.")
            }
            Self::DuplicateElement(name) => {
                write!(f, "The policy contains the element {name} more than once.")
            }
            Self::UnknownElement(name) => write!(f, "The policy contains an unknown element: {name}."),
            Self::WrongType(element) => write!(f, "The policy element {element} is of the wrong type."),
            Self::UnsupportedVersion(version) => {
                write!(f, "The policy must be of version 2012-10-17 or 2008-10-17, not {version}.")
            }
            Self::NoStatement => f.write_str("The policy must contain at least one statement."),
            Self::MissingEffect => f.write_str("Missing required field Effect."),
            Self::InvalidEffect(effect) => write!(f, "Invalid effect: {effect}."),
            Self::MissingPrincipal => f.write_str("Missing required field Principal."),
            Self::PrincipalNotAllowed => f.write_str("Policy document should not specify a principal."),
            // The exact text of the service, which clients match on.
            Self::InvalidPrincipal(_) => {
                f.write_str("Policy contains a statement with one or more invalid principals.")
            }
            Self::ConflictingElements(one, other) => {
                write!(f, "A policy statement cannot contain both {one} and {other}.")
            }
            Self::MissingAction => f.write_str("Policy statement must contain actions."),
            Self::InvalidAction(action) => {
                write!(f, "Action {action} must be prefaced by a service, for example kms:Encrypt, or be *.")
            }
            Self::MissingResource => f.write_str("Policy statement must contain resources."),
            Self::ResourceNotAllowed => f.write_str("Has prohibited field Resource"),
            Self::InvalidResource(resource) => {
                write!(f, "Resource {resource} must be in ARN format or \"*\".")
            }
            Self::UnknownOperator(name) => write!(f, "Invalid Condition type : {name}."),
            Self::InvalidConditionValue { operator, value } => {
                write!(f, "The condition operator {operator} cannot read the value {value}.")
            }
            Self::InvalidVariable(text) => write!(f, "Invalid policy variable in {text}."),
            Self::OverlyPermissiveContext => overly_permissive(f, "encryption context"),
            Self::OverlyPermissiveTag => overly_permissive(f, "tag"),
        }
    }
}

impl std::error::Error for PolicyError {}

fn overly_permissive(f: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
    write!(
        f,
        "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key \
         matches requests without the specified {what} or with an unspecified {what}. \
         To fix, remove ForAllValues."
    )
}
