//! What a request claims about its signature, and whether that claim may be believed if the signature is right.
//!
//! Nothing here has been verified: a claim names an access key, it does not prove anything.

use std::borrow::Cow;
use std::fmt;

use crate::credential::Credential;
use crate::error::Error;
use crate::signed_headers::SignedHeaders;
use crate::time::Timestamp;
use crate::uri::{Parameter, parse_query};
use crate::verify::Checked;
use crate::{
    MAX_PATH_BYTES, MAX_QUERY_BYTES, RequestParts, SKEW_SECONDS, TERMINATOR, header_form, query_form,
};

/// An unverified signature with all that is needed to verify it, borrowed from the request.
pub struct Claim<'a> {
    pub(crate) parts: RequestParts<'a>,
    pub(crate) parameters: Vec<Parameter<'a>>,
    pub(crate) credential: Credential<'a>,
    pub(crate) signed_headers: SignedHeaders<'a>,
    /// As sent: anything that is not the right signature, whatever its form, is a wrong signature.
    pub(crate) signature: Cow<'a, [u8]>,
    pub(crate) content_sha256: Option<Cow<'a, [u8]>>,
    pub(crate) signed_at: Timestamp,
    pub(crate) expires: Option<u32>,
    pub(crate) session_token: Option<Cow<'a, str>>,
}

impl<'a> Claim<'a> {
    /// Reads the signature of a request: in the `Authorization` header or, presigned, in the query string.
    ///
    /// Errors: `MissingAuthenticationToken` if there is neither, `Ambiguous` if there are both, otherwise what is
    /// missing, malformed, repeated or too long.
    pub fn parse(parts: RequestParts<'a>) -> Result<Self, Error> {
        if parts.query.len() > MAX_QUERY_BYTES {
            return Err(Error::TooLong { what: "query string", limit: MAX_QUERY_BYTES });
        }
        if parts.path.len() > MAX_PATH_BYTES {
            return Err(Error::TooLong { what: "path", limit: MAX_PATH_BYTES });
        }
        let headers = SingleHeaders::find(parts.headers)?;
        let parameters = parse_query(parts.query)?;
        match (headers.authorization, query_form::is_presigned(&parameters)) {
            (None, false) => Err(Error::MissingAuthenticationToken),
            (Some(_), true) => Err(Error::Ambiguous),
            (Some(authorization), false) => header_form::parse(parts, parameters, authorization, &headers),
            (None, true) => query_form::parse(parts, parameters, &headers),
        }
    }

    /// Checks the claim against the endpoint: the scope must name a Region that `serves_region` accepts, one of
    /// `services` and the day of the request; `now` (Unix seconds) must lie within the request's validity; and all
    /// headers that matter must be signed.
    ///
    /// `services` must not be empty; its first entry is the one that an error names.
    pub fn check(
        &self,
        now: i64,
        services: &[&str],
        serves_region: impl FnOnce(&str) -> bool,
    ) -> Result<Checked<'_>, Error> {
        self.check_scope(services, serves_region)?;
        self.check_time(now)?;
        let lines = self.signed_headers.locate(&self.parts)?;
        lines.check_coverage(&self.parts)?;
        Ok(Checked::new(self, lines))
    }

    /// The access key id and the scope.
    pub fn credential(&self) -> &Credential<'a> {
        &self.credential
    }

    /// The access key id.
    pub fn access_key_id(&self) -> &str {
        self.credential.access_key_id()
    }

    /// The names of the signed headers, ascending and separated by `;`.
    pub fn signed_headers(&self) -> &str {
        self.signed_headers.as_str()
    }

    /// When the request says it was signed.
    pub fn signed_at(&self) -> Timestamp {
        self.signed_at
    }

    /// How long a presigned request is valid, in seconds; `None` for the header form.
    pub fn expires(&self) -> Option<u32> {
        self.expires
    }

    /// Whether the signature came in the query string.
    pub fn is_presigned(&self) -> bool {
        self.expires.is_some()
    }

    /// The session token of temporary credentials. A secret of the caller: never log it.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    fn check_scope(&self, services: &[&str], serves_region: impl FnOnce(&str) -> bool) -> Result<(), Error> {
        let scope = &self.credential;
        if !serves_region(scope.region()) {
            return Err(Error::ScopeRegion(scope.region().into()));
        }
        if !services.contains(&scope.service()) {
            let expected = services.first().copied().unwrap_or_default().into();
            return Err(Error::ScopeService { expected });
        }
        if scope.terminator() != TERMINATOR {
            return Err(Error::ScopeTerminator(scope.terminator().into()));
        }
        if self.signed_at.as_bytes().get(..8) != Some(scope.date().as_bytes()) {
            return Err(Error::ScopeDate { scope: scope.date().into(), signed: self.signed_at });
        }
        Ok(())
    }

    /// The header form is valid 5 minutes both ways, the presigned form from 5 minutes before its date (clocks
    /// differ) until its date plus `X-Amz-Expires`; all limits are inclusive.
    fn check_time(&self, now: i64) -> Result<(), Error> {
        let (signed, age) = (self.signed_at, now.saturating_sub(self.signed_at.unix()));
        let seconds = self.expires.unwrap_or(SKEW_SECONDS.unsigned_abs().try_into().unwrap_or(u32::MAX));
        if age > i64::from(seconds) {
            return Err(Error::Expired { signed, now: Timestamp::from_unix(now), seconds });
        }
        if age < -SKEW_SECONDS {
            return Err(Error::NotYetCurrent { signed, now: Timestamp::from_unix(now) });
        }
        Ok(())
    }
}

/// Shows who claims to have signed, and nothing that could be used again.
impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("credential", &self.credential.as_str())
            .field("signed_at", &self.signed_at)
            .finish_non_exhaustive()
    }
}

/// The headers that may stand once only, since who verifies and who executes must read the same one.
#[derive(Default)]
pub(crate) struct SingleHeaders<'a> {
    pub(crate) authorization: Option<&'a [u8]>,
    pub(crate) amz_date: Option<&'a [u8]>,
    pub(crate) date: Option<&'a [u8]>,
    pub(crate) session_token: Option<&'a [u8]>,
    pub(crate) content_sha256: Option<&'a [u8]>,
    host: Option<&'a [u8]>,
    target: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
}

impl<'a> SingleHeaders<'a> {
    fn find(headers: &[(&str, &'a [u8])]) -> Result<Self, Error> {
        let mut found = Self::default();
        for (name, value) in headers {
            let (slot, shown) = match *name {
                "authorization" => (&mut found.authorization, "Authorization"),
                "x-amz-date" => (&mut found.amz_date, "X-Amz-Date"),
                "date" => (&mut found.date, "Date"),
                "x-amz-security-token" => (&mut found.session_token, "X-Amz-Security-Token"),
                "x-amz-content-sha256" => (&mut found.content_sha256, "X-Amz-Content-Sha256"),
                "host" => (&mut found.host, "Host"),
                "x-amz-target" => (&mut found.target, "X-Amz-Target"),
                "content-type" => (&mut found.content_type, "Content-Type"),
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(Error::Repeated(shown));
            }
        }
        Ok(found)
    }
}
