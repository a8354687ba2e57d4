//! The only map from a failure to the wire: HTTP status, exception name, text.
//!
//! All matches are exhaustive: a new kind of failure does not compile until it has its place here. The cause of
//! an internal error goes to the log and never into an answer.

use std::borrow::Cow;

use hyper::StatusCode;
use reseal_core::{call::RequestId, error::Error as CoreError};
use reseal_identity::Fault;
use reseal_sigv4::Error as SignatureError;
use tracing::error;

use crate::body::BodyError;

/// Why a request is not answered as it wished.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The service refused or failed.
    Call(CoreError),
    /// An action of IAM or STS refused or failed.
    Action(Fault),
    /// The signature was not accepted.
    Signature(SignatureError),
    /// The body was not accepted.
    Body(BodyError),
    /// More header lines than the limit.
    TooManyHeaders,
    /// No such operation.
    UnknownOperation,
    /// Not a place where anything is served.
    Nowhere,
    /// A defect: the code that answers panicked.
    Panicked,
}

impl From<CoreError> for Failure {
    fn from(error: CoreError) -> Self {
        Self::Call(error)
    }
}

impl From<SignatureError> for Failure {
    fn from(error: SignatureError) -> Self {
        Self::Signature(error)
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl Failure {
    /// The exception's name.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Call(error) => error.code(),
            Self::Action(fault) => fault.code(),
            Self::Signature(error) => error.code(),
            Self::Body(BodyError::TooLong) => "RequestEntityTooLarge",
            Self::Body(BodyError::TimedOut) => "RequestTimeout",
            Self::Body(BodyError::Broken) | Self::TooManyHeaders => "MalformedHttpRequestException",
            Self::UnknownOperation | Self::Nowhere => "UnknownOperationException",
            Self::Panicked => "KMSInternalException",
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Call(error) => call_status(error),
            Self::Action(fault) => {
                StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Body(BodyError::TooLong) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyError::TimedOut) => StatusCode::REQUEST_TIMEOUT,
            Self::TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            // KMS answers 400 to signatures also where the list of common errors says 403.
            Self::Signature(_) | Self::Body(BodyError::Broken) | Self::UnknownOperation => {
                StatusCode::BAD_REQUEST
            }
            Self::Nowhere => StatusCode::NOT_FOUND,
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The text, where AWS gives one.
    pub(super) fn message(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Call(error) => error.message()?.into(),
            Self::Action(fault) => fault.text().into(),
            Self::Signature(error) => error.to_string().into(),
            Self::Body(BodyError::TooLong) => "The request body is too large.".into(),
            Self::Body(BodyError::TimedOut) => "The request body did not arrive in time.".into(),
            Self::Body(BodyError::Broken) => "The request body could not be read.".into(),
            Self::TooManyHeaders => "The request has too many headers.".into(),
            Self::UnknownOperation | Self::Nowhere => return None,
            Self::Panicked => "The request was rejected because an internal error occurred.".into(),
        })
    }

    /// `{"__type":"<name>"}`, with `"message"` where there is one.
    pub(super) fn body(&self) -> Vec<u8> {
        let mut body = format!(r#"{{"__type":"{}""#, self.code()).into_bytes();
        if let Some(message) = self.message() {
            body.extend_from_slice(br#","message":"#);
            // Writing a string to memory does not fail.
            let _ = serde_json::to_writer(&mut body, &message);
        }
        body.push(b'}');
        body
    }

    /// Puts what the caller is not told into the log.
    pub(crate) fn log(&self, request_id: Option<&RequestId>) {
        let request_id = request_id.map_or("none", RequestId::as_str);
        match self {
            Self::Call(CoreError::Internal(cause))
            | Self::Action(Fault::Core(CoreError::Internal(cause))) => {
                error!(request_id, %cause, "a call failed");
            }
            Self::Panicked => error!(request_id, "a call met a defect"),
            Self::Call(_)
            | Self::Action(_)
            | Self::Signature(_)
            | Self::Body(_)
            | Self::TooManyHeaders
            | Self::UnknownOperation
            | Self::Nowhere => {}
        }
    }
}

/// The service model gives no exception a status of its own: 400, and 500 for those marked as faults.
fn call_status(error: &CoreError) -> StatusCode {
    match error {
        CoreError::NotFound(_)
        | CoreError::InvalidArn(_)
        | CoreError::Disabled(_)
        | CoreError::InvalidState(_)
        | CoreError::InvalidKeyUsage(_)
        | CoreError::IncorrectKey
        | CoreError::InvalidCiphertext
        | CoreError::IncorrectKeyMaterial
        | CoreError::InvalidImportToken
        | CoreError::ExpiredImportToken
        | CoreError::InvalidMac
        | CoreError::InvalidSignature
        | CoreError::AlreadyExists(_)
        | CoreError::InvalidAliasName(_)
        | CoreError::ReservedAlias
        | CoreError::LimitExceeded(_)
        | CoreError::RotationConflict
        | CoreError::MalformedPolicy(_)
        | CoreError::Tag(_)
        | CoreError::Unsupported(_)
        | CoreError::Validation(_)
        | CoreError::Serialization(_)
        | CoreError::AccessDenied(_)
        | CoreError::DryRun
        | CoreError::InvalidGrantId(_)
        | CoreError::InvalidGrantToken
        | CoreError::KeyStore(..)
        | CoreError::InvalidMarker
        | CoreError::Throttled => StatusCode::BAD_REQUEST,
        CoreError::DependencyTimeout | CoreError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(failure: impl Into<Failure>, status: u16, body: &str) {
        let failure = failure.into();
        assert_eq!(failure.status().as_u16(), status, "{failure:?}");
        assert_eq!(String::from_utf8(failure.body()).unwrap(), body);
        assert!(crate::metrics::is_counted(failure.code()), "{failure:?} is counted as something else");
    }

    #[test]
    fn failures_on_the_wire() {
        check(
            CoreError::Disabled("arn:a\"b".to_owned()),
            400,
            r#"{"__type":"DisabledException","message":"arn:a\"b is disabled."}"#,
        );
        check(CoreError::InvalidCiphertext, 400, r#"{"__type":"InvalidCiphertextException"}"#);
        check(
            CoreError::Internal(reseal_core::error::Cause::WorkerLost),
            500,
            r#"{"__type":"KMSInternalException","message":"The request was rejected because an internal error occurred."}"#,
        );
        check(
            SignatureError::MissingAuthenticationToken,
            400,
            r#"{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}"#,
        );
        check(
            BodyError::TooLong,
            413,
            r#"{"__type":"RequestEntityTooLarge","message":"The request body is too large."}"#,
        );
        check(
            BodyError::TimedOut,
            408,
            r#"{"__type":"RequestTimeout","message":"The request body did not arrive in time."}"#,
        );
        check(
            BodyError::Broken,
            400,
            r#"{"__type":"MalformedHttpRequestException","message":"The request body could not be read."}"#,
        );
        check(
            Failure::TooManyHeaders,
            431,
            r#"{"__type":"MalformedHttpRequestException","message":"The request has too many headers."}"#,
        );
        check(Failure::UnknownOperation, 400, r#"{"__type":"UnknownOperationException"}"#);
        check(Failure::Nowhere, 404, r#"{"__type":"UnknownOperationException"}"#);
        check(
            Failure::Panicked,
            500,
            r#"{"__type":"KMSInternalException","message":"The request was rejected because an internal error occurred."}"#,
        );
    }
}
