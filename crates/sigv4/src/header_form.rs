//! The signature in an `Authorization` header:
//! `AWS4-HMAC-SHA256 Credential=<credential>, SignedHeaders=<names>, Signature=<hex>`.

use std::borrow::Cow;

use crate::claim::{Claim, SingleHeaders};
use crate::credential::Credential;
use crate::encode::{cut, printable, shown};
use crate::error::{AuthorizationPart, Error};
use crate::signed_headers::SignedHeaders;
use crate::time::Timestamp;
use crate::uri::Parameter;
use crate::{ALGORITHM, MAX_AUTHORIZATION_BYTES, RequestParts};

/// Reads the header form.
pub(crate) fn parse<'a>(
    parts: RequestParts<'a>,
    parameters: Vec<Parameter<'a>>,
    authorization: &'a [u8],
    headers: &SingleHeaders<'a>,
) -> Result<Claim<'a>, Error> {
    if authorization.len() > MAX_AUTHORIZATION_BYTES {
        return Err(Error::TooLong { what: "Authorization", limit: MAX_AUTHORIZATION_BYTES });
    }
    let header = printable(authorization.trim_ascii()).ok_or(Error::NotPrintable("Authorization"))?;
    let (algorithm, rest) = cut(header, b' ');
    let fields = Fields::parse(header, rest)?;
    let (Some(credential), Some(signed_headers), Some(signature), true) = (
        fields.credential,
        fields.signed_headers,
        fields.signature,
        headers.amz_date.or(headers.date).is_some(),
    ) else {
        return Err(incomplete(header, &fields, headers));
    };
    if algorithm != ALGORITHM {
        return Err(Error::UnsupportedAlgorithm(algorithm.into()));
    }
    Ok(Claim {
        parts,
        parameters,
        credential: Credential::parse(Cow::Borrowed(credential))?,
        signed_headers: SignedHeaders::parse(Cow::Borrowed(signed_headers))?,
        signature: Cow::Borrowed(signature.as_bytes()),
        content_sha256: headers.content_sha256.map(|value| Cow::Borrowed(value.trim_ascii())),
        signed_at: signed_at(headers)?,
        expires: None,
        session_token: session_token(headers)?.map(Cow::Borrowed),
    })
}

/// The three named values; an empty one counts as missing.
#[derive(Default)]
struct Fields<'a> {
    credential: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn parse(header: &str, mut rest: &'a str) -> Result<Self, Error> {
        let mut fields = Self::default();
        while !rest.is_empty() {
            let (pair, behind) = cut(rest, b',');
            rest = behind;
            let pair = pair.trim_ascii();
            // By the whole beginning: to look for the `=` first would be one more pass over each pair.
            let (slot, shown, value) = if let Some(value) = pair.strip_prefix("Credential=") {
                (&mut fields.credential, "Credential", value)
            } else if let Some(value) = pair.strip_prefix("SignedHeaders=") {
                (&mut fields.signed_headers, "SignedHeaders", value)
            } else if let Some(value) = pair.strip_prefix("Signature=") {
                (&mut fields.signature, "Signature", value)
            } else if pair.is_empty() || pair.contains('=') {
                continue;
            } else {
                return Err(Error::NotKeyValue { pair: pair.into(), header: header.into() });
            };
            if !value.is_empty() && slot.replace(value).is_some() {
                return Err(Error::Repeated(shown));
            }
        }
        Ok(fields)
    }
}

fn incomplete(header: &str, fields: &Fields<'_>, headers: &SingleHeaders<'_>) -> Error {
    let found = [
        (AuthorizationPart::Credential, fields.credential.is_some()),
        (AuthorizationPart::Signature, fields.signature.is_some()),
        (AuthorizationPart::SignedHeaders, fields.signed_headers.is_some()),
        (AuthorizationPart::Date, headers.amz_date.or(headers.date).is_some()),
    ];
    let missing = found.into_iter().filter(|(_, found)| !found).map(|(part, _)| part).collect();
    Error::AuthorizationIncomplete { missing, header: header.into() }
}

/// `X-Amz-Date` goes before `Date`, which may also have the form that HTTP prescribes for it.
fn signed_at(headers: &SingleHeaders<'_>) -> Result<Timestamp, Error> {
    let value = headers.amz_date.or(headers.date).unwrap_or_default().trim_ascii();
    let http = || if headers.amz_date.is_none() { Timestamp::parse_http(value) } else { None };
    Timestamp::parse_basic(value).or_else(http).ok_or_else(|| Error::MalformedDate(shown(value)))
}

fn session_token<'a>(headers: &SingleHeaders<'a>) -> Result<Option<&'a str>, Error> {
    let Some(value) = headers.session_token else { return Ok(None) };
    printable(value.trim_ascii()).map(Some).ok_or(Error::NotPrintable("X-Amz-Security-Token"))
}
