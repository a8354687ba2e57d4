//! What the service does by itself. Each job is a step that looks at the clock and does what is due.

mod deletion;
mod due;
mod expiry;
mod rotation;

use tracing::error;

use crate::{
    env::Env,
    error::{Cause, Error},
    store::StoreError,
    vault::VaultError,
};

/// How much was done because its time had come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// KMS keys destroyed.
    pub destroyed: usize,
    /// Imported key material that expired.
    pub expired: usize,
    /// KMS keys with new key material.
    pub rotated: usize,
}

impl Env {
    /// One step of everything that waits for its time, in the order that destroys first. What fails is reported and tried
    /// again with the next step.
    pub async fn do_what_is_due(&self) -> Done {
        let count = |what: &str, result: Result<usize, Error>| {
            result.unwrap_or_else(|error| {
                error!(?error, "{what} could not be looked for; trying again");
                0
            })
        };
        Done {
            destroyed: count("keys due for destruction", self.destroy_due_keys().await),
            expired: count("expired key material", self.destroy_expired_material().await),
            rotated: count("keys due for rotation", self.rotate_due_keys().await),
        }
    }
}

/// Whether the key changed while a job was at it: the next step looks again.
fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::Internal(Cause::Vault(VaultError::Store(StoreError::Conflict))))
}
