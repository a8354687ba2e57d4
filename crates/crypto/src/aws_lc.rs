//! What AWS-LC has and its safe bindings do not: the only unsafe code of this crate.
//!
//! Every function here takes and gives ordinary values, frees what the library allocated, and looks at every result.
#![expect(unsafe_code, reason = "calls into the C library that aws-lc-rs has no safe function for")]

use std::ptr;

use aws_lc_sys::{
    EVP_PKEY, EVP_PKEY_CTX, EVP_PKEY_CTX_free, EVP_PKEY_CTX_kem_set_params, EVP_PKEY_CTX_new_id,
    EVP_PKEY_KEM, EVP_PKEY_free, EVP_PKEY_get_raw_private_key, EVP_PKEY_get_raw_public_key,
    EVP_PKEY_keygen_deterministic, EVP_PKEY_keygen_init,
};
pub(crate) use aws_lc_sys::{NID_MLKEM512, NID_MLKEM768, NID_MLKEM1024};
use reseal_types::SecretBytes;

use crate::error::CryptoError;

/// A key of the library, freed at its end.
struct Key(ptr::NonNull<EVP_PKEY>);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the library, is freed nowhere else and not used again.
        unsafe { EVP_PKEY_free(self.0.as_ptr()) }
    }
}

/// A context of the library, freed at its end.
struct Context(ptr::NonNull<EVP_PKEY_CTX>);

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: as for `Key`.
        unsafe { EVP_PKEY_CTX_free(self.0.as_ptr()) }
    }
}

/// The ML-KEM key pair that follows from the seed d || z (FIPS 203 algorithm 16): decapsulation and encapsulation key.
/// `nid` names the parameter set and `lengths` are those of its two keys in bytes.
///
/// # Errors
/// [`CryptoError::Failure`] when the library fails or the lengths are not those of the parameter set.
pub(crate) fn ml_kem_key_pair(
    nid: i32,
    seed: &[u8; 64],
    lengths: (usize, usize),
) -> Result<(SecretBytes, Vec<u8>), CryptoError> {
    let key = ml_kem_key(nid, seed)?;
    let private = SecretBytes::generate(lengths.0, |bytes| {
        let mut length = bytes.len();
        // SAFETY: the key is alive; the buffer has the length given, and the library writes no more than that.
        let done =
            unsafe { EVP_PKEY_get_raw_private_key(key.0.as_ptr(), bytes.as_mut_ptr(), &raw mut length) };
        if done == 1 && length == bytes.len() { Ok(()) } else { Err(CryptoError::Failure) }
    })?;
    let mut public = vec![0; lengths.1];
    let mut length = public.len();
    // SAFETY: as for the private key.
    let done = unsafe { EVP_PKEY_get_raw_public_key(key.0.as_ptr(), public.as_mut_ptr(), &raw mut length) };
    if done == 1 && length == public.len() { Ok((private, public)) } else { Err(CryptoError::Failure) }
}

fn ml_kem_key(nid: i32, seed: &[u8; 64]) -> Result<Key, CryptoError> {
    // SAFETY: takes no pointer but the absent engine.
    let context = unsafe { EVP_PKEY_CTX_new_id(EVP_PKEY_KEM, ptr::null_mut()) };
    let context = Context(ptr::NonNull::new(context).ok_or(CryptoError::Failure)?);
    // SAFETY: the context is alive.
    let ready = unsafe {
        EVP_PKEY_CTX_kem_set_params(context.0.as_ptr(), nid) == 1
            && EVP_PKEY_keygen_init(context.0.as_ptr()) == 1
    };
    if !ready {
        return Err(CryptoError::Failure);
    }
    let (mut key, mut length) = (ptr::null_mut(), seed.len());
    // SAFETY: the context is alive, and the seed has the length given; the library checks that it is its own.
    let done = unsafe {
        EVP_PKEY_keygen_deterministic(context.0.as_ptr(), &raw mut key, seed.as_ptr(), &raw mut length)
    };
    let key = ptr::NonNull::new(key).map(Key);
    key.filter(|_| done == 1).ok_or(CryptoError::Failure)
}
