//! Health for load balancers and supervisors: open to anyone, so it says no more than names and yes or no.

use std::{pin::Pin, sync::Arc, time::Duration};

use hyper::StatusCode;
use tracing::warn;

use crate::{connection::Answer, wire};

/// One thing the service cannot work without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Such as `store`. Letters, digits and underscores only.
    pub name: &'static str,
    /// Whether it works.
    pub working: bool,
}

/// Looks at everything the service cannot work without.
pub type Checks = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Vec<Check>> + Send>> + Send + Sync>;

/// Whoever asks for readiness does not wait longer than this.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The process answers, so it lives.
pub(crate) fn live() -> Answer {
    wire::plain_json(StatusCode::OK, r#"{"status":"live"}"#.to_owned())
}

/// Whether everything works: 200 or 503.
pub(crate) async fn ready(checks: &Checks) -> Answer {
    let Ok(checks) = tokio::time::timeout(TIMEOUT, checks()).await else {
        warn!("a readiness check took too long");
        return wire::plain_json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"not ready"}"#.to_owned());
    };
    let (status, word) = if checks.iter().all(|check| check.working) {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let checks: Vec<_> =
        checks.iter().map(|check| format!(r#""{}":{}"#, check.name, check.working)).collect();
    wire::plain_json(status, format!(r#"{{"status":"{word}","checks":{{{}}}}}"#, checks.join(",")))
}
