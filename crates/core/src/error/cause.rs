//! Why the service itself failed.

use std::fmt;

/// Why the service failed. For the log, never for the caller.
#[derive(Debug)]
pub enum Cause {
    /// The store failed or gave back what was not stored.
    Vault(crate::vault::VaultError),
    /// Audit records cannot be kept.
    Audit(crate::audit::AuditUnavailable),
    /// No random bytes.
    Entropy(crate::env::NoEntropy),
    /// A cryptographic operation that cannot fail did.
    Crypto(&'static str),
    /// A worker went away with its job.
    WorkerLost,
    /// A stored key policy no longer compiles: its key's ARN.
    StoredPolicy(String),
    /// The same records kept changing while the call tried to change them.
    Contended,
    /// A response could not be written as JSON.
    Response(serde_json::Error),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vault(error) => error.fmt(f),
            Self::Audit(error) => error.fmt(f),
            Self::Entropy(error) => error.fmt(f),
            Self::Crypto(what) => write!(f, "{what} failed"),
            Self::WorkerLost => f.write_str("a worker went away with its job"),
            Self::StoredPolicy(key) => write!(f, "the stored policy of {key} does not compile"),
            Self::Contended => f.write_str("the same records kept changing"),
            Self::Response(error) => write!(f, "a response could not be written: {error}"),
        }
    }
}
