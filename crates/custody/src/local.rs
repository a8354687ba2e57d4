//! Wrapping with a root key that is in memory.

use reseal_core::custodian::CustodianError;
use reseal_crypto::{CryptoError, RootKey};
use reseal_types::SecretBytes;

pub(crate) fn wrap(
    root: &RootKey,
    plaintext: &SecretBytes,
    context: &[u8],
) -> Result<Vec<u8>, CustodianError> {
    let mut salt = [0; 32];
    let wrapped = reseal_crypto::random::fill(&mut salt)
        .and_then(|()| reseal_crypto::wrap(root, context, salt, plaintext));
    wrapped.map_err(unavailable)
}

pub(crate) fn unwrap(root: &RootKey, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, CustodianError> {
    reseal_crypto::unwrap(root, context, wrapped).map_err(|_| CustodianError::WrongRootKeyOrTampered)
}

/// Whether both are the same root key and the library works.
pub(crate) fn agree(one: &RootKey, other: &RootKey) -> Result<bool, CustodianError> {
    let probe = SecretBytes::from(vec![0; 32]);
    let wrapped = wrap(one, &probe, b"health")?;
    Ok(unwrap(other, &wrapped, b"health").is_ok_and(|opened| opened.ct_eq(&probe)))
}

pub(crate) fn unavailable(error: CryptoError) -> CustodianError {
    CustodianError::Unavailable { reason: error.to_string() }
}
