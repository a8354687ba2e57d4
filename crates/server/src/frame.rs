//! Recognises what a request asks for by its method, path and `X-Amz-Target`. Nothing is believed yet.

use hyper::{HeaderMap, Method, http::request::Parts};
use reseal_core::ops::{self, Entry};

/// What a request asks for.
pub(crate) enum Frame {
    /// An operation of the API.
    Operation(&'static Entry),
    /// A call that names no operation of the API.
    UnknownOperation,
    /// Whether the process lives.
    Live,
    /// Whether it can work.
    Ready,
    /// Nothing there.
    Nowhere,
}

impl Frame {
    pub(crate) fn of(request: &Parts) -> Self {
        match (&request.method, request.uri.path()) {
            (&Method::POST, "/") => {
                operation(&request.headers).map_or(Self::UnknownOperation, Self::Operation)
            }
            (&Method::GET, "/_reseal/health/live") => Self::Live,
            (&Method::GET, "/_reseal/health/ready") => Self::Ready,
            _ => Self::Nowhere,
        }
    }
}

/// AWS JSON 1.1 names the operation in a header, in exactly this case.
fn operation(headers: &HeaderMap) -> Option<&'static Entry> {
    const PREFIX: &[u8] = b"TrentService.";
    let name = headers.get("x-amz-target")?.as_bytes().strip_prefix(PREFIX)?;
    ops::find(std::str::from_utf8(name).ok()?)
}
