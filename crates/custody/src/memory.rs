//! A root key that dies with the process: for tests, and for a service that keeps its records in memory too.

use async_trait::async_trait;
use reseal_core::custodian::{Custodian, CustodianError};
use reseal_crypto::{RootKey, wrap::ROOT_KEY_LEN};
use reseal_types::SecretBytes;

use crate::local;

/// Holds a random root key in memory only. What it wraps cannot be opened after it is gone.
pub struct MemoryCustodian {
    root: RootKey,
}

impl MemoryCustodian {
    /// A fresh root key.
    ///
    /// # Errors
    /// [`CustodianError::Unavailable`] when there are no random bytes.
    pub fn generate() -> Result<Self, CustodianError> {
        let root = SecretBytes::generate(ROOT_KEY_LEN, reseal_crypto::random::fill)
            .and_then(|key| RootKey::new(&key))
            .map_err(local::unavailable)?;
        Ok(Self { root })
    }
}

#[async_trait]
impl Custodian for MemoryCustodian {
    async fn wrap(&self, plaintext: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, CustodianError> {
        local::wrap(&self.root, plaintext, context)
    }

    async fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, CustodianError> {
        local::unwrap(&self.root, wrapped, context)
    }

    async fn health(&self) -> Result<(), CustodianError> {
        local::agree(&self.root, &self.root).map(|_| ())
    }

    fn describe(&self) -> String {
        "memory (lost when the process ends)".to_owned()
    }
}
