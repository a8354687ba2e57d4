//! The form of answers on the wire: AWS JSON 1.1 with the headers that AWS KMS sends.

mod error;
mod query;

use std::sync::LazyLock;

use bytes::Bytes;
pub(crate) use error::Failure;
use http_body_util::Full;
use hyper::{
    HeaderMap, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderName, HeaderValue, PRAGMA},
};
pub(crate) use query::{query_code, query_failure};
use reseal_core::{call::RequestId, ops::Reply};

use crate::connection::Answer;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const DEV_MODE: HeaderName = HeaderName::from_static("x-reseal-dev-mode");
/// One line each for what was accepted and looks like a mistake, as in a key policy.
const WARNING: HeaderName = HeaderName::from_static("x-reseal-policy-warning");
/// Clients bound the head of an answer.
const MOST_WARNINGS: usize = 10;
const AWS_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");
const XML: HeaderValue = HeaderValue::from_static("text/xml");
const PLAIN_JSON: HeaderValue = HeaderValue::from_static("application/json");
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-cache, no-store, must-revalidate, private");
const EXPIRED: HeaderValue = HeaderValue::from_static("0");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const UNCHECKED: HeaderValue = HeaderValue::from_static("signatures are not checked");

/// The answer to a call that succeeded: a JSON object or nothing, and a header for each of the first warnings.
pub(crate) fn success(reply: Reply) -> Answer {
    let mut answer = answer(StatusCode::OK, AWS_JSON, reply.body.into());
    for warning in reply.warnings.iter().take(MOST_WARNINGS) {
        if let Ok(warning) = HeaderValue::from_str(warning) {
            answer.headers_mut().append(WARNING, warning);
        }
    }
    answer
}

/// The answer to a call that failed.
pub(crate) fn failure(failure: &Failure) -> Answer {
    answer(failure.status(), AWS_JSON, failure.body().into())
}

/// An answer of IAM or STS.
pub(crate) fn xml(status: StatusCode, body: Vec<u8>) -> Answer {
    answer(status, XML, body.into())
}

/// An answer that is not part of the AWS API.
pub(crate) fn plain_json(status: StatusCode, body: String) -> Answer {
    answer(status, PLAIN_JSON, body.into())
}

/// What every answer carries: which request it is, and how far it can be trusted.
pub(crate) fn mark(answer: &mut Answer, request_id: Option<&RequestId>, dev_mode: bool) {
    let headers = answer.headers_mut();
    match request_id.map(|id| HeaderValue::from_bytes(id.as_bytes())) {
        Some(Ok(id)) => drop(headers.insert(REQUEST_ID, id)),
        _ => drop(headers.remove(REQUEST_ID)),
    }
    if dev_mode {
        headers.insert(DEV_MODE, UNCHECKED);
    }
}

/// Hyper adds `Date` and `Content-Length`.
fn answer(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Answer {
    let mut headers = COMMON.clone();
    headers.insert(CONTENT_TYPE, content_type);
    let mut answer = Answer::new(Full::new(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

/// The headers of every answer. A copy costs a fraction of what inserting them does, as long as it need not grow: so
/// the two that differ have their places, and a few more are left for HTTP/2.
static COMMON: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut headers = HeaderMap::with_capacity(8);
    headers.extend([
        (CONTENT_TYPE, AWS_JSON),
        (CACHE_CONTROL, NOT_KEPT),
        (EXPIRES, EXPIRED),
        (PRAGMA, NO_CACHE),
        (REQUEST_ID, HeaderValue::from_static("")),
    ]);
    headers
});
