//! Who sends this request: Signature Version 4 through `reseal-sigv4`, with the credentials of `reseal-core`.
//!
//! An unknown access key costs the same work as a wrong signature, and the outcome of a check never reaches the
//! caller in another form than AWS's own errors.

use std::net::IpAddr;

use hyper::{
    HeaderMap, Version,
    header::{HOST, HeaderName, HeaderValue, USER_AGENT},
    http::request::Parts,
};
use reseal_core::{
    call::{Call, RequestId},
    env::Env,
    identity::{Authenticated, Credential},
};
use reseal_sigv4::{Checked, Claim, Error, RequestParts};
use reseal_types::{AccountId, Region};

use crate::{connection::Peer, signing_keys, wire::Failure};

/// Which signatures a call may carry.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope {
    /// For KMS, in a Region that is served.
    Kms,
    /// For IAM or STS by their signing name, in any Region: both know none.
    Global(&'static str),
}

impl Scope {
    fn service(self) -> &'static str {
        match self {
            Self::Kms => "kms",
            Self::Global(name) => name,
        }
    }
}

/// Where calls belong that belong to no Region, as AWS has it in its own records.
const HOME: &str = "us-east-1";

const SESSION_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Bytes of `User-Agent` that a call keeps.
const MAX_USER_AGENT: usize = 1_024;

/// Development mode: signatures are not checked.
#[derive(Debug, Clone, Copy)]
pub struct DevMode {
    /// Every well-formed credential is the root of this account.
    pub account: AccountId,
}

/// A request with all that its authentication needs.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'r> {
    pub(crate) env: &'r Env,
    pub(crate) dev: Option<DevMode>,
    pub(crate) scope: Scope,
    pub(crate) request: &'r Parts,
    pub(crate) peer: &'r Peer,
    pub(crate) request_id: RequestId,
    pub(crate) body: &'r [u8],
}

/// The call, if the request is signed by whom it names.
pub(crate) async fn authenticate(presented: Presented<'_>) -> Result<Call, Failure> {
    match presented.by_memory()? {
        Some(call) => Ok(call),
        None => Box::pin(presented.by_store()).await,
    }
}

impl Presented<'_> {
    /// By a long-term credential in memory, as nearly always; `None`: there must be more than that. What waits for
    /// nothing needs none of its state kept.
    fn by_memory(&self) -> Result<Option<Call>, Failure> {
        let is_plain =
            self.request.uri.query().is_none() && !self.request.headers.contains_key(SESSION_TOKEN);
        if !is_plain && self.dev.is_none() {
            return Ok(None);
        }
        let headers = header_lines(self.request);
        let claim = self.claim(&headers)?;
        if let Some(dev) = self.dev {
            let caller = self.env.dev_root(dev.account, claim.access_key_id());
            return self.call(&claim, self.region(&claim), &headers, caller).map(Some);
        }
        let region = self.region(&claim);
        let checked = self.check(&claim, region.as_ref())?;
        let Some(credential) = self.env.credential_in_memory(claim.access_key_id()) else { return Ok(None) };
        let caller = self.verify(&checked, credential)?;
        self.call(&claim, region, &headers, caller).map(Some)
    }

    async fn by_store(&self) -> Result<Call, Failure> {
        let headers = header_lines(self.request);
        let claim = self.claim(&headers)?;
        let region = self.region(&claim);
        let checked = self.check(&claim, region.as_ref())?;
        let credential = self.env.credential(claim.access_key_id(), claim.session_token()).await?;
        let Some(credential) = credential else {
            signing_keys::verify_unknown(&checked, self.body);
            return Err(Error::UnrecognizedClient.into());
        };
        let caller = self.verify(&checked, credential)?;
        self.call(&claim, region, &headers, caller)
    }

    fn claim<'h>(&'h self, headers: &'h [(&'h str, &'h [u8])]) -> Result<Claim<'h>, Failure> {
        let Parts { method, uri, .. } = self.request;
        let (method, path) = (method.as_str(), uri.path());
        Ok(Claim::parse(RequestParts { method, path, query: uri.query().unwrap_or_default(), headers })?)
    }

    /// Where the call belongs; `None`: in a Region that is not served.
    fn region(&self, claim: &Claim<'_>) -> Option<Region> {
        match self.scope {
            Scope::Kms => self.env.settings().regions.get(claim.credential().region().as_bytes()).cloned(),
            Scope::Global(_) => Region::parse(HOME),
        }
    }

    fn check<'c>(&self, claim: &'c Claim<'_>, region: Option<&Region>) -> Result<Checked<'c>, Failure> {
        let now = self.env.clock().now().seconds();
        Ok(claim.check(now, &[self.scope.service()], |_| region.is_some())?)
    }

    fn verify(&self, checked: &Checked<'_>, credential: Credential) -> Result<Authenticated, Failure> {
        let caller = signing_keys::verify(checked, credential, self.body)?;
        // By the time after all waiting for the store.
        if caller.is_expired(self.env.clock()) {
            return Err(Error::ExpiredToken.into());
        }
        Ok(caller)
    }

    fn call(
        &self,
        claim: &Claim<'_>,
        region: Option<Region>,
        headers: &[(&str, &[u8])],
        caller: Authenticated,
    ) -> Result<Call, Failure> {
        let region = region.ok_or_else(|| Error::ScopeRegion(claim.credential().region().into()))?;
        Ok(call_of(caller, region, self.request, self.peer, self.request_id, host_of(headers)))
    }
}

/// A call whose caller was made of a token in it. It belongs to no Region.
pub(crate) fn call_by_token(
    caller: Authenticated,
    request: &Parts,
    peer: &Peer,
    request_id: RequestId,
) -> Result<Call, Failure> {
    let region = Region::parse(HOME).ok_or_else(|| Error::ScopeRegion(HOME.into()))?;
    let headers = header_lines(request);
    Ok(call_of(caller, region, request, peer, request_id, host_of(&headers)))
}

fn host_of<'h>(headers: &[(&str, &'h [u8])]) -> Option<&'h [u8]> {
    headers.iter().find(|(name, _)| *name == "host").map(|(_, value)| *value)
}

fn call_of(
    caller: Authenticated,
    region: Region,
    request: &Parts,
    peer: &Peer,
    request_id: RequestId,
    host: Option<&[u8]>,
) -> Call {
    let host = || String::from_utf8_lossy(host.unwrap_or_default());
    Call {
        caller,
        region,
        request_id,
        source_ip: peer.ip,
        user_agent: user_agent(&request.headers),
        tls: peer.tls.get().map(|tls| tls.details(&host())),
    }
}

/// The header lines as they are signed. HTTP/2 has the host in a field of its own.
fn header_lines(request: &Parts) -> Vec<(&str, &[u8])> {
    let mut lines = Vec::with_capacity(request.headers.len() + 2);
    let authority = request.uri.authority().filter(|_| request.version == Version::HTTP_2);
    let authority = authority.map(|authority| authority.as_str().as_bytes());
    // A host line that says the same may stand beside it. One that does not makes two hosts, which is refused.
    let same = authority.is_some() && request.headers.get(HOST).map(HeaderValue::as_bytes) == authority;
    // Some clients sign the field by its own name.
    lines.extend(authority.map(|authority| (":authority", authority)));
    lines.extend(authority.filter(|_| !same).map(|authority| ("host", authority)));
    lines.extend(request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    lines
}

fn user_agent(headers: &HeaderMap) -> String {
    let value = headers.get(USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
    let kept = value.get(..MAX_USER_AGENT).unwrap_or(value);
    String::from_utf8_lossy(kept).into_owned()
}

/// Told of every request that was not authenticated: where it came from, and the name of its error.
pub(crate) type FailedAuthentication = dyn Fn(IpAddr, &'static str) + Send + Sync;
