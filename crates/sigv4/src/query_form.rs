//! The signature in the query string of a presigned request.

use std::borrow::Cow;

use crate::claim::{Claim, SingleHeaders};
use crate::credential::Credential;
use crate::encode::{is_printable, shown};
use crate::error::Error;
use crate::signed_headers::SignedHeaders;
use crate::time::Timestamp;
use crate::uri::Parameter;
use crate::{ALGORITHM, MAX_EXPIRES_SECONDS, RequestParts};

/// Whether the query string means to carry a signature.
pub(crate) fn is_presigned(parameters: &[Parameter<'_>]) -> bool {
    let telling: [&[u8]; 3] = [b"X-Amz-Algorithm", b"X-Amz-Credential", b"X-Amz-Signature"];
    parameters.iter().any(|(name, _)| telling.contains(&name.as_ref()))
}

/// Reads the presigned form.
pub(crate) fn parse<'a>(
    parts: RequestParts<'a>,
    parameters: Vec<Parameter<'a>>,
    headers: &SingleHeaders<'a>,
) -> Result<Claim<'a>, Error> {
    let mut found = Found { values: Vec::new() };
    for (name, value) in &parameters {
        found.take(name, value.clone())?;
    }
    let missing: Vec<_> = REQUIRED.into_iter().filter(|name| found.get(name).is_empty()).collect();
    if !missing.is_empty() {
        return Err(Error::QueryIncomplete { missing });
    }
    let algorithm = found.text("X-Amz-Algorithm")?;
    if algorithm != ALGORITHM {
        return Err(Error::UnsupportedAlgorithm(algorithm.into()));
    }
    if headers.session_token.is_some() {
        return Err(Error::Ambiguous); // a presigned request carries its session token in the query string
    }
    let date = found.get("X-Amz-Date");
    let signed_at = Timestamp::parse_basic(&date).ok_or_else(|| Error::MalformedDate(shown(&date)))?;
    let token_is_present = found.has("X-Amz-Security-Token");
    let claim = Claim {
        parts,
        credential: Credential::parse(found.text("X-Amz-Credential")?)?,
        signed_headers: SignedHeaders::parse(found.text("X-Amz-SignedHeaders")?)?,
        signature: found.get("X-Amz-Signature"),
        content_sha256: content_sha256(&found, headers)?,
        signed_at,
        expires: Some(expires(&found.get("X-Amz-Expires"))?),
        session_token: if token_is_present { Some(found.text("X-Amz-Security-Token")?) } else { None },
        parameters,
    };
    Ok(claim)
}

const REQUIRED: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "X-Amz-Date",
    "X-Amz-Expires",
];
const OPTIONAL: [&str; 2] = ["X-Amz-Security-Token", "X-Amz-Content-Sha256"];

/// The parameters that matter to a signature, each at most once.
struct Found<'a> {
    values: Vec<(&'static str, Cow<'a, [u8]>)>,
}

impl<'a> Found<'a> {
    fn take(&mut self, name: &[u8], value: Cow<'a, [u8]>) -> Result<(), Error> {
        let Some(known) = REQUIRED.into_iter().chain(OPTIONAL).find(|known| known.as_bytes() == name) else {
            return Ok(());
        };
        if self.has(known) {
            return Err(Error::Repeated(known));
        }
        self.values.push((known, value));
        Ok(())
    }

    fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(known, _)| *known == name)
    }

    /// Empty if the parameter is absent.
    fn get(&self, name: &str) -> Cow<'a, [u8]> {
        self.values
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.clone())
            .unwrap_or_default()
    }

    fn text(&self, name: &'static str) -> Result<Cow<'a, str>, Error> {
        let value = self.get(name);
        if !is_printable(&value) {
            return Err(Error::NotPrintable(name));
        }
        match value {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).ok(),
            Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).ok(),
        }
        .ok_or(Error::NotPrintable(name))
    }
}

/// The payload hash may stand in the query string or in a header, not in both.
fn content_sha256<'a>(
    found: &Found<'a>,
    headers: &SingleHeaders<'a>,
) -> Result<Option<Cow<'a, [u8]>>, Error> {
    match (found.has("X-Amz-Content-Sha256"), headers.content_sha256) {
        (true, Some(_)) => Err(Error::Repeated("X-Amz-Content-Sha256")),
        (true, None) => Ok(Some(found.get("X-Amz-Content-Sha256"))),
        (false, header) => Ok(header.map(|value| Cow::Borrowed(value.trim_ascii()))),
    }
}

fn expires(value: &[u8]) -> Result<u32, Error> {
    let digits = value.len() <= 6 && value.iter().all(u8::is_ascii_digit);
    let seconds = std::str::from_utf8(value).ok().filter(|_| digits).and_then(|text| text.parse().ok());
    seconds.filter(|seconds| (1..=MAX_EXPIRES_SECONDS).contains(seconds)).ok_or(Error::MalformedExpires)
}
