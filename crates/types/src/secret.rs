//! Bytes that must stay secret: key material, plaintexts, data keys.
//!
//! The type has no `Debug`, `Display`, `Clone`, `PartialEq` or serialised form, and is overwritten with
//! zeros when dropped. Every look inside names its reason, so that a search for [`Reveal`] audits them all.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Secret bytes, zeroized on drop.
///
/// ```compile_fail
/// let secret = reseal_types::SecretBytes::from(vec![1, 2, 3]);
/// println!("{secret:?}");
/// ```
/// ```compile_fail
/// let secret = reseal_types::SecretBytes::from(vec![1, 2, 3]);
/// let copy = secret.clone();
/// ```
/// ```compile_fail
/// let secret = reseal_types::SecretBytes::from(vec![1, 2, 3]);
/// assert!(secret == secret);
/// ```
pub struct SecretBytes(Zeroizing<Box<[u8]>>);

/// Why secret bytes are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reveal {
    /// They are the key or the input of a cryptographic primitive.
    ToCipher,
    /// They are about to be sealed into a stored record.
    ToSeal,
    /// The caller asked for them and is authorized to have them.
    ToCaller,
}

impl SecretBytes {
    /// `len` zero bytes which `fill` writes in place, so that no second copy ever exists.
    ///
    /// # Errors
    /// Whatever `fill` returns.
    pub fn generate<E>(len: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut bytes = Zeroizing::new(vec![0; len].into_boxed_slice());
        fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The bytes, for the reason given.
    pub fn reveal(&self, _why: Reveal) -> &[u8] {
        &self.0
    }

    /// Length in bytes; not a secret.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both hold the same bytes, in time that depends on the length only.
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl From<Vec<u8>> for SecretBytes {
    /// Takes the vector over; spare capacity is overwritten, so no copy stays behind.
    fn from(mut bytes: Vec<u8>) -> Self {
        if bytes.len() == bytes.capacity() {
            return Self(Zeroizing::new(bytes.into_boxed_slice()));
        }
        let copy = bytes.as_slice().into();
        zeroize::Zeroize::zeroize(&mut bytes);
        Self(Zeroizing::new(copy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_by_value() {
        let a = SecretBytes::from(vec![1, 2, 3]);
        let mut spare = Vec::with_capacity(64);
        spare.extend([1, 2, 3]);
        assert!(a.ct_eq(&SecretBytes::from(spare)));
        assert!(!a.ct_eq(&SecretBytes::from(vec![1, 2, 4])));
        assert!(!a.ct_eq(&SecretBytes::from(vec![1, 2])));
    }
}
