//! What the service does by itself. Each job is a step that looks at the clock and does what is due.

mod deletion;
mod due;
mod expiry;
mod rotation;

use crate::{
    error::{Cause, Error},
    store::StoreError,
    vault::VaultError,
};

/// Whether the key changed while a job was at it: the next step looks again.
fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::Internal(Cause::Vault(VaultError::Store(StoreError::Conflict))))
}
