//! Who holds the root key, as the service sees it: domain keys go in plain and come out wrapped, and back.
//!
//! The root key itself never crosses this line, so a custodian may be a file, a token, a TPM or another KMS.

use std::fmt;

use async_trait::async_trait;
use reseal_types::SecretBytes;

/// Holder of the root key.
#[async_trait]
pub trait Custodian: Send + Sync {
    /// Wraps `plaintext`, a domain key, bound to `context`: the place where the result will be stored.
    ///
    /// # Errors
    /// [`CustodianError`]; nothing may be stored then.
    async fn wrap(&self, plaintext: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, CustodianError>;

    /// Opens what [`Custodian::wrap`] made under the same root key and context.
    ///
    /// # Errors
    /// [`CustodianError::WrongRootKeyOrTampered`] when the bytes do not open; the others say nothing about them.
    async fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, CustodianError>;

    /// Whether wrapping would work now. Must not change anything where the root key is kept.
    ///
    /// # Errors
    /// What [`Custodian::wrap`] would fail with.
    async fn health(&self) -> Result<(), CustodianError>;

    /// Kind and whereabouts of the root key, such as `file /var/lib/reseal/root.key`. Shown to operators; no secret.
    fn describe(&self) -> String;
}

/// Why the root key could not be used. No variant carries a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustodianError {
    /// It cannot be reached or cannot work now; the same call may succeed later.
    Unavailable {
        /// What stands in the way, for the operator.
        reason: String,
    },
    /// The wrapped bytes do not open: made under another root key or context, or altered. Which of them is not
    /// told apart, because authenticated encryption cannot.
    WrongRootKeyOrTampered,
    /// Somebody must mend something first.
    Misconfigured {
        /// What is wrong, with the place.
        problem: String,
        /// What to do about it: a command where there is one.
        mend: String,
    },
}

impl fmt::Display for CustodianError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable { reason } => write!(f, "the root key cannot be used now: {reason}"),
            Self::WrongRootKeyOrTampered => {
                f.write_str("a wrapped key does not open: it belongs to another root key, or was altered")
            }
            Self::Misconfigured { problem, mend } => write!(f, "{problem}; to mend it: {mend}"),
        }
    }
}

impl std::error::Error for CustodianError {}
