//! The last step: recompute the signature and compare.
//!
//! [`Verified`] can be made here only, so whoever holds one knows that the holder of the secret access key signed
//! this request with this body.

use std::fmt;

use crate::canonical;
use crate::claim::Claim;
use crate::encode::{sha256_hex, shown};
use crate::error::Error;
use crate::key::SigningKey;
use crate::signed_headers::Lines;

/// Working memory to keep between verifications, so that they need not allocate.
///
/// It holds the last request's canonical form for a while; it is not to be shown.
#[derive(Default)]
pub struct Scratch {
    buffer: Vec<u8>,
}

/// Memory beyond this size is given back after a verification.
const KEPT_BYTES: usize = 16 * 1024;

/// A claim that fits this endpoint and this time. Made by [`Claim::check`] only.
#[derive(Clone, Copy)]
pub struct Checked<'c> {
    claim: &'c Claim<'c>,
    lines: Lines,
}

impl<'c> Checked<'c> {
    pub(crate) fn new(claim: &'c Claim<'c>, lines: Lines) -> Self {
        Self { claim, lines }
    }

    /// The claim, still unverified.
    pub fn claim(&self) -> &'c Claim<'c> {
        self.claim
    }

    /// Verifies the signature over the request and `body`, the bytes as received (after transfer decoding).
    ///
    /// `key` must be that of the claim's access key and scope. Errors: `PayloadHashMismatch` or
    /// `UnsupportedPayload` for an `X-Amz-Content-Sha256` that is not the hash of `body`, else `SignatureMismatch`.
    pub fn verify(
        &self,
        key: &SigningKey,
        body: &[u8],
        scratch: &mut Scratch,
    ) -> Result<Verified<'c>, Error> {
        let claim = self.claim;
        let payload_hash = sha256_hex(body);
        check_declared_hash(claim.content_sha256.as_deref(), &payload_hash)?;
        let buffer = &mut scratch.buffer;
        buffer.clear();
        let (parts, parameters, signed) = (&claim.parts, &claim.parameters, &claim.signed_headers);
        canonical::write_request(buffer, parts, parameters, signed, &self.lines, &payload_hash);
        canonical::replace_by_string_to_sign(buffer, claim.signed_at, claim.credential.scope());
        let result = key.verify_hex(buffer, &claim.signature);
        buffer.shrink_to(KEPT_BYTES);
        result.map(|()| Verified { claim, payload_hash })
    }
}

/// A request that the holder of its access key's secret has signed. Made by [`Checked::verify`] only:
///
/// ```compile_fail,E0451
/// fn forge(claim: &'static reseal_sigv4::Claim<'static>) -> reseal_sigv4::Verified<'static> {
///     reseal_sigv4::Verified { claim, payload_hash: [0; 64] }
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Verified<'c> {
    claim: &'c Claim<'c>,
    payload_hash: [u8; 64],
}

impl<'c> Verified<'c> {
    /// What the request claims; now proven, but for the session token, whose owner the caller must compare.
    pub fn claim(&self) -> &'c Claim<'c> {
        self.claim
    }

    /// The SHA-256 of the body in lower-case hexadecimal.
    pub fn payload_sha256(&self) -> &str {
        std::str::from_utf8(&self.payload_hash).unwrap_or_default() // hexadecimal digits only
    }
}

impl fmt::Debug for Checked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked").field("claim", &self.claim).finish_non_exhaustive()
    }
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("claim", &self.claim).finish_non_exhaustive()
    }
}

fn check_declared_hash(declared: Option<&[u8]>, payload_hash: &[u8; 64]) -> Result<(), Error> {
    match declared {
        None => Ok(()),
        Some(hash) if hash == payload_hash.as_slice() => Ok(()),
        // AWS KMS takes neither unsigned nor streamed bodies; those are for Amazon S3.
        Some(name) if name.starts_with(b"UNSIGNED-") || name.starts_with(b"STREAMING-") => {
            Err(Error::UnsupportedPayload(shown(name)))
        }
        Some(_) => Err(Error::PayloadHashMismatch),
    }
}
