//! What the pipeline asks of an error, whichever API it belongs to.

use super::Error;

/// A failed call, as the pipeline and the audit record see it.
pub trait Fault: Send + Sync {
    /// The error of this crate behind it, if there is one.
    fn as_core(&self) -> Option<&Error>;

    /// What audit records call it: CloudTrail writes a refusal as `AccessDenied`.
    fn audit_code(&self) -> &str;

    /// What the caller is told.
    fn message(&self) -> Option<String>;

    /// Whether the policies refused: the owner of the resource then learns nothing of the call.
    fn is_refusal(&self) -> bool;
}

impl Fault for Error {
    fn as_core(&self) -> Option<&Error> {
        Some(self)
    }

    fn audit_code(&self) -> &str {
        match self {
            Self::AccessDenied(_) => "AccessDenied",
            other => other.code(),
        }
    }

    fn message(&self) -> Option<String> {
        Self::message(self)
    }

    fn is_refusal(&self) -> bool {
        matches!(self, Self::AccessDenied(_))
    }
}
