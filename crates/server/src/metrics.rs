//! Counters of the service and their text form.
//!
//! Every cell exists from the start, so a request only adds to atomics. Label values come from closed sets: the
//! operations of the API and the error names below; nothing that a client sends becomes a label.

mod text;

use std::{
    future::ready,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
};
use reseal_core::{
    ops::{self, Entry},
    per_thread::{Own, PerThread},
};

use crate::{
    connection::{Answer, Answering, Handler, Peer},
    limits::Limits,
    listener::{self, Running, ServeError},
    shutdown::Shutdown,
};

/// Names that errors are counted under, sorted; any other name is counted under the last entry.
const ERROR_NAMES: [&str; 86] = [
    "AccessDenied",
    "AccessDeniedException",
    "AlreadyExistsException",
    "CloudHsmClusterInUseException",
    "CloudHsmClusterInvalidConfigurationException",
    "CloudHsmClusterNotActiveException",
    "CloudHsmClusterNotFoundException",
    "CloudHsmClusterNotRelatedException",
    "ConflictException",
    "CustomKeyStoreHasCMKsException",
    "CustomKeyStoreInvalidStateException",
    "CustomKeyStoreNameInUseException",
    "CustomKeyStoreNotFoundException",
    "DeleteConflict",
    "DependencyTimeoutException",
    "DisabledException",
    "DryRunOperationException",
    "EntityAlreadyExists",
    "ExpiredImportTokenException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IDPCommunicationError",
    "IDPRejectedClaim",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "IncorrectKeyException",
    "IncorrectKeyMaterialException",
    "IncorrectTrustAnchorException",
    "InternalFailure",
    "InvalidAction",
    "InvalidAliasNameException",
    "InvalidArnException",
    "InvalidCiphertextException",
    "InvalidClientTokenId",
    "InvalidGrantIdException",
    "InvalidGrantTokenException",
    "InvalidIdentityToken",
    "InvalidImportTokenException",
    "InvalidInput",
    "InvalidKeyUsageException",
    "InvalidMarkerException",
    "InvalidSignatureException",
    "KMSInternalException",
    "KMSInvalidMacException",
    "KMSInvalidSignatureException",
    "KMSInvalidStateException",
    "KeyUnavailableException",
    "LimitExceeded",
    "LimitExceededException",
    "MalformedHttpRequestException",
    "MalformedPolicyDocument",
    "MalformedPolicyDocumentException",
    "MalformedQueryString",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NoSuchEntity",
    "NotAuthorizedException",
    "NotFoundException",
    "PackedPolicyTooLarge",
    "RequestEntityTooLarge",
    "RequestTimeout",
    "SerializationException",
    "ServiceFailure",
    "ServiceUnavailable",
    "SignatureDoesNotMatch",
    "TagException",
    "Throttling",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
    "UnsupportedOperationException",
    "ValidationError",
    "ValidationException",
    "XksKeyAlreadyInUseException",
    "XksKeyInvalidConfigurationException",
    "XksKeyNotFoundException",
    "XksProxyIncorrectAuthenticationCredentialException",
    "XksProxyInvalidConfigurationException",
    "XksProxyInvalidResponseException",
    "XksProxyUriEndpointInUseException",
    "XksProxyUriInUseException",
    "XksProxyUriUnreachableException",
    "XksProxyVpcEndpointServiceInUseException",
    "XksProxyVpcEndpointServiceInvalidConfigurationException",
    "XksProxyVpcEndpointServiceNotFoundException",
    OTHER,
];
const OTHER: &str = "other";

/// Upper bounds of the latency buckets in microseconds; one more bucket takes what is slower.
const BUCKETS_MICROS: [u64; 16] = [
    25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    5_000_000,
];

/// The counters of a service.
pub struct Metrics {
    /// In the order of the API's table: what every call looks up by its place there.
    operations: Box<[OperationMetrics]>,
    /// Of IAM and STS, sorted by name.
    actions: Box<[OperationMetrics]>,
    /// Requests that name no operation of the API.
    pub(crate) no_operation: OperationMetrics,
    pub(crate) connections: Arc<ConnectionCounts>,
    failed_authentications: ErrorCounts,
    panics: AtomicU64,
}

impl Metrics {
    /// Counters for the operations of the API.
    pub fn new() -> Self {
        let mut actions: Vec<_> =
            reseal_identity::all().map(|entry| OperationMetrics::new(entry.spec.name())).collect();
        actions.sort_unstable_by_key(|action| action.name);
        Self {
            operations: ops::all().map(|entry| OperationMetrics::new(entry.spec.name)).collect(),
            actions: actions.into(),
            no_operation: OperationMetrics::new("none"),
            connections: Arc::default(),
            failed_authentications: ErrorCounts::new(),
            panics: AtomicU64::new(0),
        }
    }

    /// The counters of one operation.
    pub(crate) fn operation(&self, entry: &Entry) -> &OperationMetrics {
        ops::index_of(entry).and_then(|index| self.operations.get(index)).unwrap_or(&self.no_operation)
    }

    /// The counters of one action of IAM or STS.
    pub(crate) fn action(&self, name: &str) -> &OperationMetrics {
        let found = self.actions.binary_search_by(|action| action.name.cmp(name));
        found.ok().and_then(|index| self.actions.get(index)).unwrap_or(&self.no_operation)
    }

    pub(crate) fn authentication_failed(&self, code: &str) {
        self.failed_authentications.add(code);
    }

    pub(crate) fn handler_panicked(&self) {
        self.panics.fetch_add(1, Relaxed);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The counters of one operation.
pub(crate) struct OperationMetrics {
    name: &'static str,
    times: PerThread<Times>,
    errors: ErrorCounts,
}

/// How long the requests took that one thread served.
#[derive(Default)]
struct Times {
    /// One for each bucket and one for slower requests; not cumulative.
    buckets: [AtomicU64; BUCKETS_MICROS.len() + 1],
    nanos: AtomicU64,
}

impl Times {
    fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_MICROS.iter().position(|bound| nanos <= bound * 1_000);
        if let Some(count) = self.buckets.get(bucket.unwrap_or(BUCKETS_MICROS.len())) {
            count.fetch_add(1, Relaxed);
        }
        self.nanos.fetch_add(nanos, Relaxed);
    }
}

impl OperationMetrics {
    fn new(name: &'static str) -> Self {
        Self { name, times: PerThread::new(Times::default), errors: ErrorCounts::new() }
    }

    /// The counts of all threads: one for each bucket and one for slower requests, and the time of all in nanoseconds.
    fn times(&self) -> ([u64; BUCKETS_MICROS.len() + 1], u64) {
        let mut buckets = [0; _];
        let mut nanos = 0;
        for times in self.times.iter() {
            buckets.iter_mut().zip(&times.buckets).for_each(|(sum, count)| *sum += count.load(Relaxed));
            nanos += times.nanos.load(Relaxed);
        }
        (buckets, nanos)
    }

    /// Counts a request that took `time`, and its error if it failed.
    pub(crate) fn observe(&self, time: Duration, error: Option<&str>) {
        self.times.mine().add(time);
        if let Some(error) = error {
            self.errors.add(error);
        }
    }
}

/// A count for each error name.
struct ErrorCounts([AtomicU64; ERROR_NAMES.len()]);

impl ErrorCounts {
    const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; _])
    }

    fn add(&self, name: &str) {
        let [known @ .., _] = &ERROR_NAMES;
        if let Some(count) = self.0.get(known.binary_search(&name).unwrap_or(known.len())) {
            count.fetch_add(1, Relaxed);
        }
    }

    fn nonzero(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.0.iter().map(|count| count.load(Relaxed));
        ERROR_NAMES.into_iter().zip(counts).filter(|(_, count)| *count > 0)
    }
}

/// Whether errors of that name have a count of their own.
#[cfg(test)]
pub(crate) fn is_counted(name: &str) -> bool {
    name != OTHER && ERROR_NAMES.contains(&name)
}

/// The counters of a listener's connections.
#[derive(Default)]
pub(crate) struct ConnectionCounts {
    opened: AtomicU64,
    closed: AtomicU64,
    timed_out: AtomicU64,
}

impl ConnectionCounts {
    pub(crate) fn opened(&self) {
        self.opened.fetch_add(1, Relaxed);
    }

    pub(crate) fn closed(&self) {
        self.closed.fetch_add(1, Relaxed);
    }

    pub(crate) fn timed_out(&self) {
        self.timed_out.fetch_add(1, Relaxed);
    }
}

/// Serves `GET /metrics`, without authentication, on a listener of its own with one thread.
///
/// # Errors
/// [`ServeError`] when the listener does not start.
pub fn serve_metrics(
    listen: SocketAddr,
    metrics: Arc<Metrics>,
    shutdown: &Shutdown,
) -> Result<Running, ServeError> {
    // Scrapers are few: these limits keep others from taking more.
    let limits = Limits {
        max_connections: 64,
        max_streams: 4,
        drain_timeout: Duration::from_secs(5),
        ..Limits::default()
    };
    let parts = listener::Parts { listen, tls: None, threads: 1, limits, counts: Arc::default() };
    listener::start(parts, &Exposition(metrics), shutdown)
}

#[derive(Clone)]
struct Exposition(Arc<Metrics>);

impl Own for Exposition {}

impl Handler for Exposition {
    fn handle(self, request: Request<Incoming>, _peer: Arc<Peer>) -> Answering {
        let (status, content_type, body) = if request.uri().path() != "/metrics" {
            (StatusCode::NOT_FOUND, "text/plain", String::new())
        } else if request.method() != Method::GET {
            (StatusCode::METHOD_NOT_ALLOWED, "text/plain", String::new())
        } else {
            (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text::write(&self.0))
        };
        let mut answer = Answer::new(Full::new(Bytes::from(body)));
        *answer.status_mut() = status;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Box::pin(ready(answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_for_the_search() {
        let [known @ .., last] = &ERROR_NAMES;
        assert!(known.is_sorted());
        assert_eq!(*last, OTHER);
        assert!(BUCKETS_MICROS.is_sorted());
    }

    #[test]
    fn counts_are_written_under_their_labels() {
        let metrics = Metrics::new();
        let operation = |name| metrics.operation(ops::find(name).unwrap());
        operation("Encrypt").observe(Duration::from_micros(25), None);
        operation("Encrypt").observe(Duration::from_micros(26), Some("DisabledException"));
        operation("Decrypt").observe(Duration::from_mins(1), Some("a name from nowhere"));
        metrics.action("Nonsense").observe(Duration::ZERO, Some("UnknownOperationException"));
        metrics.action("CreateUser").observe(Duration::ZERO, None);
        metrics.authentication_failed("InvalidSignatureException");
        metrics.handler_panicked();
        metrics.connections.opened();
        metrics.connections.opened();
        metrics.connections.closed();
        let text = text::write(&metrics);
        for line in [
            "reseal_requests_total{operation=\"Encrypt\"} 2",
            "reseal_requests_total{operation=\"CreateUser\"} 1",
            "reseal_request_errors_total{operation=\"Encrypt\",error=\"DisabledException\"} 1",
            "reseal_request_errors_total{operation=\"Decrypt\",error=\"other\"} 1",
            "reseal_request_errors_total{operation=\"none\",error=\"UnknownOperationException\"} 1",
            "reseal_request_duration_seconds_bucket{operation=\"Encrypt\",le=\"0.000025\"} 1",
            "reseal_request_duration_seconds_bucket{operation=\"Encrypt\",le=\"0.00005\"} 2",
            "reseal_request_duration_seconds_bucket{operation=\"Encrypt\",le=\"5\"} 2",
            "reseal_request_duration_seconds_bucket{operation=\"Decrypt\",le=\"5\"} 0",
            "reseal_request_duration_seconds_bucket{operation=\"Decrypt\",le=\"+Inf\"} 1",
            "reseal_request_duration_seconds_sum{operation=\"Encrypt\"} 0.000051",
            "reseal_request_duration_seconds_count{operation=\"Decrypt\"} 1",
            "reseal_failed_authentications_total{error=\"InvalidSignatureException\"} 1",
            "reseal_handler_panics_total 1",
            "reseal_connections 1",
            "reseal_connections_opened_total 2",
            "reseal_connections_timed_out_total 0",
        ] {
            assert!(text.lines().any(|written| written == line), "{line}\n{text}");
        }
    }
}
