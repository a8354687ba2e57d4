//! Failures in the words of the query protocol, which has names and statuses of its own for what happens before an
//! action.

use hyper::StatusCode;
use reseal_core::{call::RequestId, error::Error as CoreError};
use reseal_identity::Api;

use super::{Failure, xml};
use crate::connection::Answer;

/// The failure as IAM and STS answer it.
pub(crate) fn query_failure(failure: &Failure, api: Option<Api>, request_id: Option<&RequestId>) -> Answer {
    let (code, status) = named(failure);
    let text = match failure {
        Failure::Signature(_) if code == "MissingAuthenticationToken" => {
            "Request is missing Authentication Token".into()
        }
        Failure::Call(CoreError::Internal(_)) | Failure::Panicked => {
            "The request processing has failed because of an unknown error, exception or failure.".into()
        }
        other => other.message().unwrap_or_default(),
    };
    let senders = status.is_client_error();
    let id = request_id.map(RequestId::as_str);
    xml(status, reseal_identity::failure(api, code, senders, &text, id))
}

/// The error's name.
pub(crate) fn query_code(failure: &Failure) -> &'static str {
    named(failure).0
}

fn named(failure: &Failure) -> (&'static str, StatusCode) {
    let code = failure.code();
    match failure {
        Failure::Signature(_) => {
            let name = match code {
                "ExpiredTokenException" => "ExpiredToken",
                "IncompleteSignatureException" => "IncompleteSignature",
                "InvalidSignatureException" => "SignatureDoesNotMatch",
                "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
                "UnrecognizedClientException" => "InvalidClientTokenId",
                _ => return (code, StatusCode::INTERNAL_SERVER_ERROR),
            };
            (name, StatusCode::FORBIDDEN)
        }
        Failure::Call(CoreError::Internal(_)) | Failure::Panicked => {
            ("ServiceFailure", StatusCode::INTERNAL_SERVER_ERROR)
        }
        Failure::Call(_)
        | Failure::Action(_)
        | Failure::Body(_)
        | Failure::TooManyHeaders
        | Failure::UnknownOperation
        | Failure::Nowhere => (code, failure.status()),
    }
}

#[cfg(test)]
mod tests {
    use reseal_identity::{Code, Fault};
    use reseal_sigv4::Error as SignatureError;

    use super::*;

    #[test]
    fn names_and_statuses() {
        let cases: [(Failure, &str, u16); 8] = [
            (SignatureError::MissingAuthenticationToken.into(), "MissingAuthenticationToken", 403),
            (SignatureError::SignatureMismatch.into(), "SignatureDoesNotMatch", 403),
            (SignatureError::UnrecognizedClient.into(), "InvalidClientTokenId", 403),
            (SignatureError::ExpiredToken.into(), "ExpiredToken", 403),
            (SignatureError::HostNotSigned.into(), "SignatureDoesNotMatch", 403),
            (Failure::Panicked, "ServiceFailure", 500),
            (Failure::Action(Fault::Answer(Code::NoSuchEntity, String::new())), "NoSuchEntity", 404),
            (Failure::TooManyHeaders, "MalformedHttpRequestException", 431),
        ];
        for (failure, code, status) in cases {
            assert_eq!(named(&failure), (code, StatusCode::from_u16(status).unwrap()), "{failure:?}");
            assert!(crate::metrics::is_counted(code), "{code}");
        }
    }
}
