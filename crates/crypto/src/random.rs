//! Randomness from the deterministic random bit generator of AWS-LC (SP 800-90A, seeded by the operating
//! system).

use zeroize::{Zeroize, Zeroizing};

use crate::error::CryptoError;

/// Fills `bytes`, for secrets and for anything else.
///
/// # Errors
/// [`CryptoError::Failure`] when the generator fails; `bytes` must then not be used.
pub fn fill(bytes: &mut [u8]) -> Result<(), CryptoError> {
    aws_lc_rs::rand::fill(bytes)?;
    Ok(())
}

const POOL_BYTES: usize = 4096;

/// Random bytes drawn in advance, for values that become public: salts, nonces, ids.
///
/// A call of the generator costs about as much for one byte as for hundreds, so that small draws are cheaper
/// from here. Each byte is handed out once and overwritten at once. Keys must come from [`fill`]: what waits
/// here is in memory before its use.
pub struct RandomPool {
    bytes: Zeroizing<Box<[u8]>>,
    used: usize,
}

impl RandomPool {
    /// An empty pool; the first draw fills it.
    pub fn new() -> Self {
        Self { bytes: Zeroizing::new(vec![0; POOL_BYTES].into_boxed_slice()), used: POOL_BYTES }
    }

    /// Fills `out`.
    ///
    /// # Errors
    /// [`CryptoError::Failure`] when the generator fails; `out` must then not be used.
    pub fn fill(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        if out.len() > POOL_BYTES / 4 {
            return fill(out);
        }
        if out.len() > POOL_BYTES - self.used {
            // Marked as used first: if the generator fails half-way, nothing of this is handed out.
            self.used = POOL_BYTES;
            fill(&mut self.bytes)?;
            self.used = 0;
        }
        let end = self.used + out.len();
        let drawn = self.bytes.get_mut(self.used..end).ok_or(CryptoError::Failure)?;
        out.copy_from_slice(drawn);
        drawn.zeroize();
        self.used = end;
        Ok(())
    }

    /// `N` bytes, as in [`RandomPool::fill`].
    ///
    /// # Errors
    /// [`CryptoError::Failure`] when the generator fails.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], CryptoError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}

impl Default for RandomPool {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn never_hands_out_a_byte_twice() {
        let mut pool = RandomPool::new();
        let mut seen = HashSet::new();
        for _ in 0..3 * POOL_BYTES / 16 {
            assert!(seen.insert(pool.array::<16>().unwrap()));
        }
        let mut odd = [0; 1000];
        let mut large = [0; 2 * POOL_BYTES];
        for _ in 0..20 {
            pool.fill(&mut odd).unwrap();
            pool.fill(&mut large).unwrap();
            assert!(seen.insert(*odd.first_chunk().unwrap()));
            assert!(seen.insert(*odd.last_chunk().unwrap()));
            assert!(seen.insert(*large.last_chunk().unwrap()));
        }
    }

    #[test]
    fn what_was_handed_out_is_gone() {
        let mut pool = RandomPool::new();
        let drawn: [u8; 64] = pool.array().unwrap();
        assert_ne!(drawn, [0; 64]);
        assert_eq!(pool.bytes[..64], [0; 64]);
        assert_ne!(pool.bytes[64..128], [0; 64]);
    }
}
