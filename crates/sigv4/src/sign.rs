//! Signing requests, for clients of AWS APIs: in the header form and presigned.

use crate::canonical;
use crate::encode::sha256_hex;
use crate::error::Error;
use crate::key::SigningKey;
use crate::signed_headers::SignedHeaders;
use crate::time::Timestamp;
use crate::uri::{Parameter, parse_query, write_query};
use crate::{ALGORITHM, MAX_EXPIRES_SECONDS, RequestParts, TERMINATOR};

/// Headers that proxies and HTTP libraries add or change, and therefore are not signed.
const UNSIGNED: [&str; 12] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

/// An access key. Holds a secret, therefore has no `Debug`.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The access key id.
    pub access_key_id: &'a str,
    /// The secret access key.
    pub secret_access_key: &'a [u8],
    /// The session token of temporary credentials.
    pub session_token: Option<&'a str>,
}

/// What a signature is good for.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The Region, such as `us-east-1`.
    pub region: &'a str,
    /// The service's signing name, such as `kms`.
    pub service: &'a str,
}

/// Signs a request at `now` (Unix seconds) and returns the headers to add to it: `x-amz-date`,
/// `x-amz-security-token` if there is a session token, and `authorization`.
///
/// `parts` must contain `host` and none of the headers that are returned. Errors: `HostNotSigned`, `Repeated`,
/// `MalformedQuery`, `MalformedSignedHeaders` for a header name that is not a lower-case one.
pub fn sign(
    parts: RequestParts<'_>,
    body: &[u8],
    credentials: &Credentials<'_>,
    scope: &Scope<'_>,
    now: i64,
) -> Result<Vec<(&'static str, String)>, Error> {
    for (name, shown) in REFUSED_HEADERS {
        if parts.headers.iter().any(|(present, _)| *present == name) {
            return Err(Error::Repeated(shown));
        }
    }
    let time = Timestamp::from_unix(now);
    let mut headers = parts.headers.to_vec();
    headers.push(("x-amz-date", time.as_str().as_bytes()));
    headers.extend(credentials.session_token.map(|token| ("x-amz-security-token", token.as_bytes())));
    let parts = RequestParts { headers: &headers, ..parts };

    let signed = signed_headers(&parts)?;
    let signature = signature(&parts, &parse_query(parts.query)?, &signed, body, credentials, scope, time)?;
    let credential = credential(credentials, scope, time);
    let names = signed.as_str();
    let authorization =
        format!("{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}");
    let token = credentials.session_token.map(|token| ("x-amz-security-token", token.to_owned()));
    let date = ("x-amz-date", time.as_str().to_owned());
    Ok([date].into_iter().chain(token).chain([("authorization", authorization)]).collect())
}

const REFUSED_HEADERS: [(&str, &str); 3] = [
    ("authorization", "Authorization"),
    ("x-amz-date", "X-Amz-Date"),
    ("x-amz-security-token", "X-Amz-Security-Token"),
];

/// Signs a request at `now` (Unix seconds), to be valid for `expires` seconds (1 to 604,800), and returns its whole
/// query string, the parameters of `parts.query` included.
///
/// Errors: as [`sign`], and `MalformedExpires`.
pub fn presign(
    parts: RequestParts<'_>,
    body: &[u8],
    credentials: &Credentials<'_>,
    scope: &Scope<'_>,
    now: i64,
    expires: u32,
) -> Result<String, Error> {
    if !(1..=MAX_EXPIRES_SECONDS).contains(&expires) {
        return Err(Error::MalformedExpires);
    }
    let time = Timestamp::from_unix(now);
    let signed = signed_headers(&parts)?;
    let (credential, expires) = (credential(credentials, scope, time), expires.to_string());
    let mut parameters = parse_query(parts.query)?;
    let added = [
        ("X-Amz-Algorithm", Some(ALGORITHM)),
        ("X-Amz-Credential", Some(credential.as_str())),
        ("X-Amz-Date", Some(time.as_str())),
        ("X-Amz-Expires", Some(expires.as_str())),
        ("X-Amz-SignedHeaders", Some(signed.as_str())),
        ("X-Amz-Security-Token", credentials.session_token),
        ("X-Amz-Signature", None),
    ];
    for (name, value) in added {
        if parameters.iter().any(|(present, _)| present.as_ref() == name.as_bytes()) {
            return Err(Error::Repeated(name));
        }
        parameters.extend(
            value.map(|value| -> Parameter<'_> { (name.as_bytes().into(), value.as_bytes().into()) }),
        );
    }
    let signature = signature(&parts, &parameters, &signed, body, credentials, scope, time)?;
    let mut query = Vec::new();
    write_query(&mut query, &parameters);
    query.extend_from_slice(b"&X-Amz-Signature=");
    query.extend_from_slice(signature.as_bytes());
    String::from_utf8(query).map_err(|_| Error::MalformedQuery) // percent-encoded, so always ASCII
}

fn signed_headers(parts: &RequestParts<'_>) -> Result<SignedHeaders<'static>, Error> {
    let names = parts.headers.iter().map(|(name, _)| *name);
    let mut names: Vec<&str> = names.filter(|name| !UNSIGNED.contains(name)).collect();
    names.sort_unstable();
    names.dedup();
    if !names.contains(&"host") {
        return Err(Error::HostNotSigned);
    }
    let list = names.join(";");
    if !names.iter().all(|name| name.bytes().all(is_header_name_byte)) {
        return Err(Error::MalformedSignedHeaders(list.into()));
    }
    SignedHeaders::parse(list.into())
}

/// The characters of an HTTP field name (RFC 9110, section 5.6.2) without the upper-case ones.
fn is_header_name_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.'
        | b'^' | b'_' | b'`' | b'|' | b'~')
}

fn credential(credentials: &Credentials<'_>, scope: &Scope<'_>, time: Timestamp) -> String {
    format!("{}/{}/{}/{}/{TERMINATOR}", credentials.access_key_id, time.date(), scope.region, scope.service)
}

fn signature(
    parts: &RequestParts<'_>,
    parameters: &[Parameter<'_>],
    signed: &SignedHeaders<'_>,
    body: &[u8],
    credentials: &Credentials<'_>,
    scope: &Scope<'_>,
    time: Timestamp,
) -> Result<String, Error> {
    let key = SigningKey::derive(credentials.secret_access_key, time.date(), scope.region, scope.service);
    let mut buffer = Vec::new();
    let lines = signed.locate(parts)?;
    canonical::write_request(&mut buffer, parts, parameters, signed, &lines, &sha256_hex(body));
    let full_scope = format!("{}/{}/{}/{TERMINATOR}", time.date(), scope.region, scope.service);
    canonical::replace_by_string_to_sign(&mut buffer, time, &full_scope);
    Ok(key.sign_hex(&buffer).iter().copied().map(char::from).collect())
}
