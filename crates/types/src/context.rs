//! The encryption context and its one canonical byte form.
//!
//! AWS does not publish how it turns the map into bytes. Ours is injective: lengths stand before every
//! string, so `{"a":"bc"}` and `{"ab":"c"}` can never meet. docs/ciphertext-format.md specifies it.

use std::{borrow::Cow, fmt};

/// A set of pairs, sorted by the UTF-8 bytes of the key; no key occurs twice. Kept as its canonical form.
///
/// Exact code points count: no Unicode normalisation, no folding of case.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptionContext {
    pairs: usize,
    canonical: Cow<'static, [u8]>,
}

/// The most bytes the canonical form may have. Source: the additional authenticated data an external key
/// store proxy must take, which is the tightest bound AWS documents.
pub const MAX_CANONICAL_BYTES: usize = 8192;

/// Why pairs do not make an encryption context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextError {
    /// The same key stands twice.
    DuplicateKey,
    /// The canonical form would exceed [`MAX_CANONICAL_BYTES`].
    TooLong,
}

impl EncryptionContext {
    /// Makes a context of pairs in any order.
    ///
    /// # Errors
    /// [`ContextError`] when a key occurs twice or the whole is too long.
    pub fn new<K: AsRef<str>, V: AsRef<str>>(mut pairs: Vec<(K, V)>) -> Result<Self, ContextError> {
        pairs.sort_unstable_by(|(one, _), (other, _)| one.as_ref().cmp(other.as_ref()));
        if pairs.windows(2).any(|pair| matches!(pair, [a, b] if a.0.as_ref() == b.0.as_ref())) {
            return Err(ContextError::DuplicateKey);
        }
        let texts = || pairs.iter().flat_map(|(key, value)| [key.as_ref(), value.as_ref()]);
        let length = texts().fold(LENGTH_BYTES, |sum, text| sum + LENGTH_BYTES + text.len());
        if length > MAX_CANONICAL_BYTES {
            return Err(ContextError::TooLong);
        }
        if pairs.is_empty() {
            return Ok(Self::default());
        }
        let mut canonical = Vec::with_capacity(length);
        push_length(&mut canonical, pairs.len());
        for text in texts() {
            push_length(&mut canonical, text.len());
            canonical.extend_from_slice(text.as_bytes());
        }
        Ok(Self { pairs: pairs.len(), canonical: Cow::Owned(canonical) })
    }

    /// Whether there are no pairs. An empty context equals an absent one.
    pub fn is_empty(&self) -> bool {
        self.pairs == 0
    }

    /// The pairs in canonical order.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let mut rest = self.canonical.get(LENGTH_BYTES..).unwrap_or_default();
        (0..self.pairs).map(move |_| (next_text(&mut rest), next_text(&mut rest)))
    }

    /// The canonical bytes: u32 big-endian number of pairs, then for each pair in order the u32 big-endian
    /// length and the UTF-8 bytes of the key, then the same of the value.
    pub fn canonical_bytes(&self) -> &[u8] {
        &self.canonical
    }
}

impl Default for EncryptionContext {
    /// No pairs, which equals an absent context.
    fn default() -> Self {
        Self { pairs: 0, canonical: Cow::Borrowed(&[0; LENGTH_BYTES]) }
    }
}

impl fmt::Debug for EncryptionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.pairs()).finish()
    }
}

const LENGTH_BYTES: usize = 4;

/// Lengths are bounded by [`MAX_CANONICAL_BYTES`], far below `u32::MAX`.
fn push_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

/// Takes a text that `new` wrote off the front.
fn next_text<'c>(rest: &mut &'c [u8]) -> &'c str {
    let text = rest.split_first_chunk::<LENGTH_BYTES>().and_then(|(length, after)| {
        let (text, after) = after.split_at_checked(u32::from_be_bytes(*length).try_into().ok()?)?;
        *rest = after;
        std::str::from_utf8(text).ok()
    });
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
        EncryptionContext::new(pairs.to_vec()).unwrap()
    }

    #[test]
    fn published_bytes() {
        let cases = [
            (context(&[]), "00000000"),
            (context(&[("Department", "IT")]), "000000010000000a4465706172746d656e74000000024954"),
            (
                context(&[("ü", ""), ("a", "1"), ("A", "2")]),
                "00000003000000014100000001320000000161000000013100000002c3bc00000000",
            ),
        ];
        for (context, bytes) in cases {
            assert_eq!(hex::encode(context.canonical_bytes()), bytes);
        }
    }

    #[test]
    fn an_empty_one_is_the_default() {
        let empty = context(&[]);
        assert_eq!(empty, EncryptionContext::default());
        assert!(empty.is_empty() && empty.pairs().len() == 0 && !context(&[("", "")]).is_empty());
    }

    #[test]
    fn borders_between_key_and_value_count() {
        assert_ne!(context(&[("a", "bc")]).canonical_bytes(), context(&[("ab", "c")]).canonical_bytes());
    }

    #[test]
    fn limits() {
        let pairs = |len: usize| vec![("k", "v".repeat(len))];
        assert!(EncryptionContext::new(pairs(MAX_CANONICAL_BYTES - 13)).is_ok());
        assert_eq!(EncryptionContext::new(pairs(MAX_CANONICAL_BYTES - 12)), Err(ContextError::TooLong));
        let twice = vec![("a", "1"), ("a", "2")];
        assert_eq!(EncryptionContext::new(twice), Err(ContextError::DuplicateKey));
    }

    proptest! {
        #[test]
        fn injective_and_order_free(
            one in prop::collection::btree_map(".{0,3}", ".{0,3}", 0..4),
            two in prop::collection::btree_map(".{0,3}", ".{0,3}", 0..4),
        ) {
            let bytes = |map: &BTreeMap<String, String>| {
                let reversed: Vec<_> = map.iter().rev().collect();
                let context = EncryptionContext::new(reversed).unwrap();
                assert!(context.pairs().eq(map.iter().map(|(key, value)| (&**key, &**value))));
                context.canonical_bytes().to_vec()
            };
            prop_assert_eq!(one == two, bytes(&one) == bytes(&two));
        }
    }
}
