//! Why a request could not be authenticated, with AWS's exception name and text for each case.
//!
//! An error never holds a key or a session token. Some texts repeat what the client sent in `Authorization`, as
//! AWS's do: they are made for the reply to that client; a log should rather keep [`Error::code`].

use std::fmt;

use crate::time::Timestamp;
use crate::{MAX_EXPIRES_SECONDS, TERMINATOR};

/// Why a request was refused. `Display` gives the text of the reply, [`Error::code`] its exception name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Neither an `Authorization` header nor a presigned query string.
    MissingAuthenticationToken,
    /// The `Authorization` header lacks parts, or the request has no date.
    AuthorizationIncomplete {
        /// What is missing, in the order in which the text names it.
        missing: Vec<AuthorizationPart>,
        /// The header as sent.
        header: Box<str>,
    },
    /// A presigned query string lacks parameters.
    QueryIncomplete {
        /// The names of the missing parameters.
        missing: Vec<&'static str>,
    },
    /// A part of the `Authorization` header is not `name=value`.
    NotKeyValue {
        /// The part.
        pair: Box<str>,
        /// The header as sent.
        header: Box<str>,
    },
    /// Signed by another algorithm than `AWS4-HMAC-SHA256`.
    UnsupportedAlgorithm(Box<str>),
    /// The credential is not `keyid/date/region/service/term`.
    MalformedCredential(Box<str>),
    /// The request's date is in no known form.
    MalformedDate(Box<str>),
    /// `X-Amz-Expires` is not a number of seconds from 1 to one week.
    MalformedExpires,
    /// The list of signed headers is not a sorted list of distinct lower-case names.
    MalformedSignedHeaders(Box<str>),
    /// Both an `Authorization` header and a presigned query string, or two session tokens.
    Ambiguous,
    /// Something that may appear once appears several times.
    Repeated(&'static str),
    /// Something that must be printable ASCII is not.
    NotPrintable(&'static str),
    /// Something is longer than this implementation reads.
    TooLong {
        /// What is too long.
        what: &'static str,
        /// The most that is accepted, in bytes or, for lists, entries.
        limit: usize,
    },
    /// The query string is not percent-encoded correctly.
    MalformedQuery,
    /// The request or its presigned validity lies too far back.
    Expired {
        /// When the request was signed.
        signed: Timestamp,
        /// The server's time.
        now: Timestamp,
        /// How long the request was valid.
        seconds: u32,
    },
    /// The request was signed too far ahead of the server's time.
    NotYetCurrent {
        /// When the request was signed.
        signed: Timestamp,
        /// The server's time.
        now: Timestamp,
    },
    /// The scope names a Region that is not served.
    ScopeRegion(Box<str>),
    /// The scope names another service than the one called.
    ScopeService {
        /// The service that should have been named.
        expected: Box<str>,
    },
    /// The scope does not end in `aws4_request`.
    ScopeTerminator(Box<str>),
    /// The scope's date is not the day of the request.
    ScopeDate {
        /// The date in the scope.
        scope: Box<str>,
        /// The date of the request.
        signed: Timestamp,
    },
    /// The `host` header is missing or not signed.
    HostNotSigned,
    /// A header that must be signed is not.
    HeaderNotSigned(Box<str>),
    /// A signed header is not in the request.
    SignedHeaderAbsent(Box<str>),
    /// `X-Amz-Content-Sha256` is not the SHA-256 of the body.
    PayloadHashMismatch,
    /// `X-Amz-Content-Sha256` asks for an unsigned or a streamed body.
    UnsupportedPayload(Box<str>),
    /// The signature is not the one the secret access key makes.
    SignatureMismatch,
    /// The access key is unknown or the session token is not its own. Found by who looks up access keys.
    UnrecognizedClient,
    /// The session token has expired. Found by who looks up access keys.
    ExpiredToken,
}

/// A part without which an `Authorization` header cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationPart {
    /// `Credential=`
    Credential,
    /// `Signature=`
    Signature,
    /// `SignedHeaders=`
    SignedHeaders,
    /// The `X-Amz-Date` or `Date` header.
    Date,
}

impl Error {
    /// The name of the exception, for `__type` of the reply. All are answered with HTTP status 400.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::AuthorizationIncomplete { .. }
            | Self::QueryIncomplete { .. }
            | Self::NotKeyValue { .. }
            | Self::UnsupportedAlgorithm(_)
            | Self::MalformedCredential(_)
            | Self::MalformedDate(_)
            | Self::MalformedExpires
            | Self::MalformedSignedHeaders(_)
            | Self::Ambiguous
            | Self::Repeated(_)
            | Self::NotPrintable(_)
            | Self::TooLong { .. } => "IncompleteSignatureException",
            Self::MalformedQuery => "MalformedHttpRequestException",
            Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::ScopeRegion(_)
            | Self::ScopeService { .. }
            | Self::ScopeTerminator(_)
            | Self::ScopeDate { .. }
            | Self::HostNotSigned
            | Self::HeaderNotSigned(_)
            | Self::SignedHeaderAbsent(_)
            | Self::PayloadHashMismatch
            | Self::UnsupportedPayload(_)
            | Self::SignatureMismatch => "InvalidSignatureException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingAuthenticationToken => f.write_str("Missing Authentication Token"),
            Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::ScopeRegion(_)
            | Self::ScopeService { .. }
            | Self::ScopeTerminator(_)
            | Self::ScopeDate { .. } => self.fmt_time_or_scope(f),
            Self::HostNotSigned => {
                f.write_str("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
            }
            Self::HeaderNotSigned(name) => {
                write!(f, "There were headers present in the request which were not signed: '{name}'")
            }
            Self::SignedHeaderAbsent(name) => {
                write!(f, "There were signed headers which are not present in the request: '{name}'")
            }
            Self::PayloadHashMismatch => f.write_str(
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ),
            Self::UnsupportedPayload(value) => write!(
                f,
                "The value of 'x-amz-content-sha256' must be the SHA-256 of the request body, not '{value}'."
            ),
            Self::SignatureMismatch => f.write_str(
                "The request signature we calculated does not match the signature you provided. Check your AWS \
                 Secret Access Key and signing method. Consult the service documentation for details.",
            ),
            Self::UnrecognizedClient => f.write_str("The security token included in the request is invalid."),
            Self::ExpiredToken => f.write_str("The security token included in the request is expired"),
            Self::MalformedQuery => f.write_str("The query string is not correctly percent-encoded."),
            incomplete => incomplete.fmt_incomplete(f),
        }
    }
}

impl Error {
    fn fmt_time_or_scope(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { signed, now, seconds } => {
                let limit = Timestamp::from_unix(now.unix().saturating_sub(i64::from(*seconds)));
                write!(
                    f,
                    "Signature expired: {signed} is now earlier than {limit} ({now} - {})",
                    Span(*seconds)
                )
            }
            Self::NotYetCurrent { signed, now } => {
                let limit = Timestamp::from_unix(now.unix().saturating_add(crate::SKEW_SECONDS));
                write!(f, "Signature not yet current: {signed} is still later than {limit} ({now} + 5 min.)")
            }
            Self::ScopeRegion(region) => {
                write!(f, "Credential should be scoped to a valid region, not '{region}'.")
            }
            Self::ScopeService { expected } => {
                write!(f, "Credential should be scoped to correct service: '{expected}'.")
            }
            Self::ScopeTerminator(given) => {
                write!(
                    f,
                    "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{given}'."
                )
            }
            Self::ScopeDate { scope, signed } => write!(
                f,
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{scope}' != '{}', from '{signed}'.",
                signed.date()
            ),
            other => f.write_str(other.code()), // the caller sends only the variants above
        }
    }

    fn fmt_incomplete(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthorizationIncomplete { missing, header } => {
                for part in missing {
                    write!(f, "{part} ")?;
                }
                write!(f, "Authorization={header}")
            }
            Self::QueryIncomplete { missing } => {
                for name in missing {
                    write!(f, "AWS query-string parameters must include '{name}'. ")?;
                }
                f.write_str("Re-examine the query-string parameters.")
            }
            Self::NotKeyValue { pair, header } => write!(
                f,
                "'{pair}' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'."
            ),
            Self::UnsupportedAlgorithm(name) => write!(f, "Unsupported AWS 'algorithm': '{name}'."),
            Self::MalformedCredential(given) => write!(
                f,
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
                 '{given}'"
            ),
            Self::MalformedDate(given) => write!(
                f,
                "Date must be in ISO-8601 'basic format'. Got '{given}'. See http://en.wikipedia.org/wiki/ISO_8601"
            ),
            Self::MalformedExpires => {
                write!(f, "X-Amz-Expires must be a number of seconds from 1 to {MAX_EXPIRES_SECONDS}.")
            }
            Self::MalformedSignedHeaders(given) => write!(
                f,
                "'SignedHeaders' must be a sorted list of distinct lower-case header names separated by ';', got \
                 '{given}'."
            ),
            Self::Ambiguous => f.write_str(
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the Authorization \
                 header should be specified",
            ),
            Self::Repeated(what) => write!(f, "'{what}' must not be given more than once."),
            Self::NotPrintable(what) => write!(f, "'{what}' must consist of printable ASCII characters."),
            Self::TooLong { what, limit } => write!(f, "'{what}' is too long, the limit is {limit}."),
            other => f.write_str(other.code()), // the caller sends only the variants above
        }
    }
}

impl fmt::Display for AuthorizationPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credential => "Authorization header requires 'Credential' parameter.",
            Self::Signature => "Authorization header requires 'Signature' parameter.",
            Self::SignedHeaders => "Authorization header requires 'SignedHeaders' parameter.",
            Self::Date => {
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
            }
        })
    }
}

/// A number of seconds as AWS writes it: in minutes where that is exact.
struct Span(u32);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(60) {
            write!(f, "{} min.", self.0 / 60)
        } else {
            write!(f, "{} sec.", self.0)
        }
    }
}
