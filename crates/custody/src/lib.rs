//! Keys in the hands of others: custodians of the root key, and what custom key stores stand on.
//!
//! [`file::FileCustodian`] keeps it in a file that only its owner can read; [`memory::MemoryCustodian`] keeps it
//! nowhere. The root key must never leave this crate, in a message least of all. [`key_stores::ConfiguredKeyStores`]
//! reaches external key store proxies and PKCS#11 tokens.
#![forbid(unsafe_code)]

pub mod file;
mod format;
pub mod key_stores;
mod local;
pub mod memory;
mod pkcs11;
mod xks;

use std::{
    fmt,
    path::{Path, PathBuf},
};

pub use file::{FileCustodian, RootKeyFileError};
pub use key_stores::ConfiguredKeyStores;
pub use memory::MemoryCustodian;
pub use pkcs11::{Cluster, ClusterSettings};
pub use xks::{ProxyEndpoint, ProxySettings};

/// A file that key stores need and that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStoreFileError {
    file: PathBuf,
    problem: String,
}

impl KeyStoreFileError {
    pub(crate) fn new(file: &Path, problem: String) -> Self {
        Self { file: file.to_owned(), problem }
    }
}

impl fmt::Display for KeyStoreFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.problem)
    }
}

impl std::error::Error for KeyStoreFileError {}
