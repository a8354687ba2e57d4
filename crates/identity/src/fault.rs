//! How calls of IAM and STS fail: the names, statuses and words of those services.

use reseal_core::error::{AccessDenied, Error, Fault as CoreFault};

/// A failed call.
#[derive(Debug)]
pub enum Fault {
    /// The service says no, in these words.
    Answer(Code, String),
    /// The core refused or failed.
    Core(Error),
}

/// The errors that IAM and STS know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The policies refuse, or a rule that stands above them.
    AccessDenied,
    /// Something else hangs on what is to be deleted.
    DeleteConflict,
    /// The name is taken.
    EntityAlreadyExists,
    /// The web identity token is out of its time.
    ExpiredToken,
    /// The keys of a token's issuer are not to be had.
    IdpCommunicationError,
    /// The issuer's provider does not let the token through.
    IdpRejectedClaim,
    /// No such action.
    InvalidAction,
    /// The credentials may not be used for this API.
    InvalidClientTokenId,
    /// The web identity token is not what it should be.
    InvalidIdentityToken,
    /// Arguments do not go together.
    InvalidInput,
    /// A quota is used up.
    LimitExceeded,
    /// A policy is refused.
    MalformedPolicyDocument,
    /// The body is not form-encoded.
    MalformedQueryString,
    /// It is not there.
    NoSuchEntity,
    /// The policies and tags of a session are too large together.
    PackedPolicyTooLarge,
    /// Arguments break a rule of the service model.
    ValidationError,
}

impl Code {
    /// The name on the wire and the HTTP status, as in the service models.
    fn wire(self) -> (&'static str, u16) {
        match self {
            Self::AccessDenied => ("AccessDenied", 403),
            Self::DeleteConflict => ("DeleteConflict", 409),
            Self::EntityAlreadyExists => ("EntityAlreadyExists", 409),
            Self::ExpiredToken => ("ExpiredTokenException", 400),
            Self::IdpCommunicationError => ("IDPCommunicationError", 400),
            Self::IdpRejectedClaim => ("IDPRejectedClaim", 403),
            Self::InvalidAction => ("InvalidAction", 400),
            Self::InvalidClientTokenId => ("InvalidClientTokenId", 403),
            Self::InvalidIdentityToken => ("InvalidIdentityToken", 400),
            Self::InvalidInput => ("InvalidInput", 400),
            Self::LimitExceeded => ("LimitExceeded", 409),
            Self::MalformedPolicyDocument => ("MalformedPolicyDocument", 400),
            Self::MalformedQueryString => ("MalformedQueryString", 400),
            Self::NoSuchEntity => ("NoSuchEntity", 404),
            Self::PackedPolicyTooLarge => ("PackedPolicyTooLarge", 400),
            Self::ValidationError => ("ValidationError", 400),
        }
    }
}

impl Fault {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self::Answer(code, message.into())
    }

    /// The error's name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Answer(code, _) => code.wire().0,
            Self::Core(Error::AccessDenied(_)) => "AccessDenied",
            Self::Core(Error::Throttled) => "Throttling",
            Self::Core(Error::Internal(_)) => "ServiceFailure",
            Self::Core(_) => "ValidationError",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Answer(code, _) => code.wire().1,
            Self::Core(Error::AccessDenied(_)) => 403,
            Self::Core(Error::Internal(_)) => 500,
            Self::Core(_) => 400,
        }
    }

    /// What the caller is told.
    pub fn text(&self) -> String {
        match self {
            Self::Answer(_, text) => text.clone(),
            Self::Core(Error::AccessDenied(denied)) => shown(denied),
            Self::Core(Error::Throttled) => "Rate exceeded".to_owned(),
            Self::Core(Error::Internal(_)) => {
                "The request processing has failed because of an unknown error, exception or failure."
                    .to_owned()
            }
            Self::Core(other) => other.message().unwrap_or_default(),
        }
    }
}

/// STS does not say why a role cannot be assumed: that would tell whether it is there.
fn shown(denied: &AccessDenied) -> String {
    let text = denied.to_string();
    if !denied.action.starts_with("sts:") {
        return text;
    }
    if denied.action == "sts:AssumeRoleWithWebIdentity" {
        return format!("Not authorized to perform {}", denied.action);
    }
    let end = text.find(" because ").or_else(|| text.find(" with an explicit deny "));
    end.and_then(|end| text.get(..end)).map_or(text.clone(), str::to_owned)
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl CoreFault for Fault {
    fn as_core(&self) -> Option<&Error> {
        match self {
            Self::Answer(..) => None,
            Self::Core(error) => Some(error),
        }
    }

    fn audit_code(&self) -> &str {
        match self {
            // CloudTrail writes the names of IAM's shapes.
            Self::Answer(Code::NoSuchEntity, _) => "NoSuchEntityException",
            Self::Answer(Code::EntityAlreadyExists, _) => "EntityAlreadyExistsException",
            Self::Answer(Code::DeleteConflict, _) => "DeleteConflictException",
            Self::Answer(Code::LimitExceeded, _) => "LimitExceededException",
            Self::Answer(Code::MalformedPolicyDocument, _) => "MalformedPolicyDocumentException",
            Self::Answer(Code::InvalidInput, _) => "InvalidInputException",
            other => other.code(),
        }
    }

    fn message(&self) -> Option<String> {
        Some(self.text())
    }

    fn is_refusal(&self) -> bool {
        matches!(self, Self::Answer(Code::AccessDenied, _) | Self::Core(Error::AccessDenied(_)))
    }
}
