//! Recognises what a request asks for by its method, path, `X-Amz-Target` and content type. Nothing is believed yet.

use hyper::{
    HeaderMap, Method,
    header::{CONTENT_TYPE, HeaderName},
    http::request::Parts,
};
use reseal_core::ops::{self, Entry};

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// What a request asks for.
pub(crate) enum Frame {
    /// An operation of the API.
    Operation(&'static Entry),
    /// An action of IAM or STS, named in a form: the body of a POST.
    Form,
    /// The same in the query string of a GET.
    FormInQuery,
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
            (&Method::POST, "/") if is_form(&request.headers) => Self::Form,
            (&Method::GET, "/") if request.uri.query().is_some_and(names_action) => Self::FormInQuery,
            (&Method::POST, "/") => {
                operation(&request.headers).map_or(Self::UnknownOperation, Self::Operation)
            }
            (&Method::GET, "/_reseal/health/live") => Self::Live,
            (&Method::GET, "/_reseal/health/ready") => Self::Ready,
            _ => Self::Nowhere,
        }
    }
}

/// IAM and STS speak the query protocol; calls of the JSON protocol name their target.
fn is_form(headers: &HeaderMap) -> bool {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    let start = headers.get(CONTENT_TYPE).and_then(|value| value.as_bytes().get(..FORM.len()));
    start.is_some_and(|start| start.eq_ignore_ascii_case(FORM)) && !headers.contains_key(TARGET)
}

fn names_action(query: &str) -> bool {
    query.split('&').any(|pair| pair.starts_with("Action="))
}

/// AWS JSON 1.1 names the operation in a header, in exactly this case.
fn operation(headers: &HeaderMap) -> Option<&'static Entry> {
    const PREFIX: &[u8] = b"TrentService.";
    let name = headers.get(TARGET)?.as_bytes().strip_prefix(PREFIX)?;
    ops::find(std::str::from_utf8(name).ok()?)
}
