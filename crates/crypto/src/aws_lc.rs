//! What AWS-LC has and its safe bindings do not: the only unsafe code of this crate.
//!
//! Every function here takes and gives ordinary values, frees what the library allocated, and looks at every result.
#![expect(unsafe_code, reason = "calls into the C library that aws-lc-rs has no safe function for")]

use std::ptr;

use aws_lc_sys::{
    ED25519ph_sign, ED25519ph_verify, EVP_PKEY, EVP_PKEY_CTX, EVP_PKEY_CTX_free, EVP_PKEY_CTX_kem_set_params,
    EVP_PKEY_CTX_new, EVP_PKEY_CTX_new_id, EVP_PKEY_KEM, EVP_PKEY_free, EVP_PKEY_get_raw_private_key,
    EVP_PKEY_get_raw_public_key, EVP_PKEY_keygen_deterministic, EVP_PKEY_keygen_init,
    EVP_PKEY_pqdsa_new_raw_private_key, EVP_PKEY_sign, EVP_PKEY_sign_init, EVP_PKEY_verify,
    EVP_PKEY_verify_init, SHA256_TransformBlocks,
};
pub(crate) use aws_lc_sys::{
    NID_MLDSA44, NID_MLDSA65, NID_MLDSA87, NID_MLKEM512, NID_MLKEM768, NID_MLKEM1024,
};
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

/// An ML-DSA key pair for message representatives that the caller made (FIPS 204 algorithms 7 and 8).
pub(crate) struct MlDsaKey(Key);

// SAFETY: the library counts references to a key atomically and lets any number of threads use one at once as long as
// none changes it; signing and verifying do not.
unsafe impl Send for MlDsaKey {}
// SAFETY: as for `Send`.
unsafe impl Sync for MlDsaKey {}

impl MlDsaKey {
    /// The key pair that follows from the seed; `nid` names the parameter set.
    ///
    /// # Errors
    /// [`CryptoError::Failure`] when the library fails.
    pub(crate) fn from_seed(nid: i32, seed: &[u8; 32]) -> Result<Self, CryptoError> {
        // SAFETY: the seed has the length given.
        let key = unsafe { EVP_PKEY_pqdsa_new_raw_private_key(nid, seed.as_ptr(), seed.len()) };
        ptr::NonNull::new(key).map(|key| Self(Key(key))).ok_or(CryptoError::Failure)
    }

    fn context(&self) -> Result<Context, CryptoError> {
        // SAFETY: the key is alive, and the context holds a reference of its own to it.
        let context = unsafe { EVP_PKEY_CTX_new(self.0.0.as_ptr(), ptr::null_mut()) };
        ptr::NonNull::new(context).map(Context).ok_or(CryptoError::Failure)
    }

    /// The signature of `length` bytes.
    ///
    /// # Errors
    /// [`CryptoError::Failure`] when the library fails or signatures have another length.
    pub(crate) fn sign_mu(&self, mu: &[u8; 64], length: usize) -> Result<Vec<u8>, CryptoError> {
        let context = self.context()?;
        let (mut signature, mut written) = (vec![0; length], length);
        let (to, from) = (signature.as_mut_ptr(), mu.as_ptr());
        // SAFETY: the context is alive, and both buffers have the lengths given; the library writes no more than that.
        let done = unsafe {
            EVP_PKEY_sign_init(context.0.as_ptr()) == 1
                && EVP_PKEY_sign(context.0.as_ptr(), to, &raw mut written, from, mu.len()) == 1
        };
        if done && written == length { Ok(signature) } else { Err(CryptoError::Failure) }
    }

    /// Whether the signature is right.
    ///
    /// # Errors
    /// [`CryptoError::Failure`] when the library cannot begin.
    pub(crate) fn verify_mu(&self, mu: &[u8; 64], signature: &[u8]) -> Result<bool, CryptoError> {
        let context = self.context()?;
        // SAFETY: the context is alive.
        if unsafe { EVP_PKEY_verify_init(context.0.as_ptr()) } != 1 {
            return Err(CryptoError::Failure);
        }
        let (context, given) = (context.0.as_ptr(), signature.as_ptr());
        // SAFETY: as above, and both buffers have the lengths given.
        Ok(unsafe { EVP_PKEY_verify(context, given, signature.len(), mu.as_ptr(), mu.len()) } == 1)
    }
}

/// Ed25519ph with an empty context (RFC 8032 section 5.1); `private` is the seed followed by the public key.
///
/// # Errors
/// [`CryptoError::Failure`] when the library fails.
pub(crate) fn ed25519ph_sign(private: &[u8; 64], message: &[u8]) -> Result<[u8; 64], CryptoError> {
    let mut signature = [0; 64];
    let (to, from, length) = (signature.as_mut_ptr(), message.as_ptr(), message.len());
    // SAFETY: the message has the length given, key and signature the one that the function has in its contract; no
    // byte of the context is read.
    let done = unsafe { ED25519ph_sign(to, from, length, private.as_ptr(), ptr::null(), 0) };
    if done == 1 { Ok(signature) } else { Err(CryptoError::Failure) }
}

/// Whether an Ed25519ph signature with an empty context is right.
pub(crate) fn ed25519ph_verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let (from, length) = (message.as_ptr(), message.len());
    // SAFETY: as for `ed25519ph_sign`.
    unsafe { ED25519ph_verify(from, length, signature.as_ptr(), public.as_ptr(), ptr::null(), 0) == 1 }
}

/// Hashes whole blocks into `state` (FIPS 180-4 section 6.2.2); padding is the caller's.
pub(crate) fn sha256_blocks(state: &mut [u32; 8], blocks: &[[u8; 64]]) {
    // The library's loop over blocks ends behind one, not before.
    if blocks.is_empty() {
        return;
    }
    // SAFETY: the state has the eight words that the function has in its contract, and it reads as many blocks of 64
    // bytes as are given.
    unsafe { SHA256_TransformBlocks(state.as_mut_ptr(), blocks.as_ptr().cast(), blocks.len()) }
}
