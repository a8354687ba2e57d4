//! Who sends this request: Signature Version 4 through `reseal-sigv4`, with the credentials of `reseal-core`.
//!
//! An unknown access key costs the same work as a wrong signature, and the outcome of a check never reaches the
//! caller in another form than AWS's own errors.

use std::net::IpAddr;

use hyper::{
    HeaderMap, Version,
    header::{HOST, HeaderValue, USER_AGENT},
    http::request::Parts,
};
use reseal_core::{
    call::{Call, RequestId},
    env::Env,
    identity::Authenticated,
};
use reseal_sigv4::{Claim, Error, RequestParts};
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

/// Bytes of `User-Agent` that a call keeps.
const MAX_USER_AGENT: usize = 1_024;

/// Development mode: signatures are not checked.
#[derive(Debug, Clone, Copy)]
pub struct DevMode {
    /// Every well-formed credential is the root of this account.
    pub account: AccountId,
}

/// The call, if the request is signed by whom it names.
pub(crate) async fn authenticate(
    env: &Env,
    dev: Option<DevMode>,
    scope: Scope,
    request: &Parts,
    peer: &Peer,
    request_id: RequestId,
    body: &[u8],
) -> Result<Call, Failure> {
    let headers = header_lines(request);
    let claim = Claim::parse(RequestParts {
        method: request.method.as_str(),
        path: request.uri.path(),
        query: request.uri.query().unwrap_or_default(),
        headers: &headers,
    })?;
    let credential = claim.credential();
    let region = match scope {
        Scope::Kms => env.settings().regions.get(credential.region()).cloned(),
        Scope::Global(_) => Region::parse(HOME),
    };
    let caller = match dev {
        Some(dev) => env.dev_root(dev.account, credential.access_key_id()),
        None => verify(env, &claim, scope, region.is_some(), body).await?,
    };
    let region = region.ok_or_else(|| Error::ScopeRegion(credential.region().into()))?;
    let host = headers.iter().find(|(name, _)| *name == "host").map(|(_, value)| *value);
    Ok(call_of(caller, region, request, peer, request_id, host))
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
    let host = headers.iter().find(|(name, _)| *name == "host").map(|(_, value)| *value);
    Ok(call_of(caller, region, request, peer, request_id, host))
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

async fn verify(
    env: &Env,
    claim: &Claim<'_>,
    scope: Scope,
    is_served: bool,
    body: &[u8],
) -> Result<Authenticated, Failure> {
    let now = env.clock().now();
    let checked = claim.check(now.seconds(), &[scope.service()], |_| is_served)?;
    let credential = env.credential(claim.access_key_id(), claim.session_token()).await?;
    let Some(credential) = credential else {
        signing_keys::verify_unknown(&checked, body);
        return Err(Error::UnrecognizedClient.into());
    };
    let caller = signing_keys::verify(&checked, &credential, body)?;
    if credential.is_expired(now) {
        return Err(Error::ExpiredToken.into());
    }
    Ok(caller)
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
