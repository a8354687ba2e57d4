//! Signature Version 4 (`AWS4-HMAC-SHA256`): verifying the requests a server receives and signing the requests
//! a client sends.
//!
//! Rules are those of "AWS Signature Version 4 for API requests" (AWS Identity and Access Management User Guide),
//! with the 5 minute clock tolerance of AWS KMS. Verification goes through values that only the step before can
//! make, so no step can be left out:
//!
//! ```text
//! RequestParts -> Claim::parse -> Claim::check -> Checked::verify -> Verified
//! ```
//!
//! This crate is pure: it never reads a clock, a file, the network or the process environment, never looks up who
//! an access key belongs to, and never shows a secret access key, a signing key or a session token.
#![forbid(unsafe_code)]

mod canonical;
mod claim;
mod credential;
mod encode;
mod error;
mod header_form;
mod key;
mod query_form;
mod sign;
mod signed_headers;
mod time;
mod uri;
#[cfg(test)]
mod vectors;
mod verify;

pub use claim::Claim;
pub use credential::Credential;
pub use error::{AuthorizationPart, Error};
pub use key::SigningKey;
pub use sign::{Credentials, Scope, presign, sign};
pub use time::Timestamp;
pub use verify::{Checked, Scratch, Verified};

/// The one signing algorithm that is accepted.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The fixed last element of every credential scope.
pub const TERMINATOR: &str = "aws4_request";
/// How far the clocks of client and server may be apart, in seconds, both ways and inclusive.
pub const SKEW_SECONDS: i64 = 300;
/// The longest validity of a presigned request, in seconds (one week).
pub const MAX_EXPIRES_SECONDS: u32 = 604_800;

/// Most header lines a signed request may have.
pub const MAX_HEADERS: usize = 128;
/// Longest `Authorization` header, in bytes.
pub const MAX_AUTHORIZATION_BYTES: usize = 8 * 1024;
/// Longest query string, in bytes; session tokens make presigned ones long.
pub const MAX_QUERY_BYTES: usize = 16 * 1024;
/// Longest path, in bytes.
pub const MAX_PATH_BYTES: usize = 4 * 1024;

/// What a signature covers of an HTTP request besides the body, as it was received.
///
/// It holds what the request holds, session token and signature included, and therefore has no `Debug`.
#[derive(Clone, Copy)]
pub struct RequestParts<'a> {
    /// The HTTP method, in the case in which it was sent.
    pub method: &'a str,
    /// The path as it was sent, still percent-encoded.
    pub path: &'a str,
    /// The query string as it was sent, without the `?`; empty if there is none.
    pub query: &'a str,
    /// Header lines in wire order: names in lower case, values as received, repeated names allowed.
    /// For HTTP/2 the caller supplies `host` from `:authority`, and that one too: some clients sign it by its own name.
    pub headers: &'a [(&'a str, &'a [u8])],
}
