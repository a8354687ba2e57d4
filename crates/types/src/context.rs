//! The encryption context and its one canonical byte form.
//!
//! AWS does not publish how it turns the map into bytes. Ours is injective: lengths stand before every
//! string, so `{"a":"bc"}` and `{"ab":"c"}` can never meet. docs/ciphertext-format.md specifies it.

/// A set of pairs, sorted by the UTF-8 bytes of the key; no key occurs twice.
///
/// Exact code points count: no Unicode normalisation, no folding of case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EncryptionContext(Vec<(String, String)>);

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
    pub fn new(mut pairs: Vec<(String, String)>) -> Result<Self, ContextError> {
        pairs.sort_unstable();
        if pairs.windows(2).any(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
            return Err(ContextError::DuplicateKey);
        }
        let context = Self(pairs);
        if context.canonical_len() > MAX_CANONICAL_BYTES {
            return Err(ContextError::TooLong);
        }
        Ok(context)
    }

    /// Whether there are no pairs. An empty context equals an absent one.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pairs in canonical order.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The canonical bytes: u32 big-endian number of pairs, then for each pair in order the u32 big-endian
    /// length and the UTF-8 bytes of the key, then the same of the value.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.canonical_len());
        push_length(&mut bytes, self.0.len());
        for text in self.0.iter().flat_map(|(key, value)| [key, value]) {
            push_length(&mut bytes, text.len());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }

    fn canonical_len(&self) -> usize {
        self.0.iter().fold(4, |sum, (key, value)| sum + 8 + key.len() + value.len())
    }
}

/// Lengths are bounded by [`MAX_CANONICAL_BYTES`], far below `u32::MAX`.
fn push_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
        EncryptionContext::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
            .unwrap()
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
    fn borders_between_key_and_value_count() {
        assert_ne!(context(&[("a", "bc")]).canonical_bytes(), context(&[("ab", "c")]).canonical_bytes());
    }

    #[test]
    fn limits() {
        let pairs = |len: usize| vec![("k".to_owned(), "v".repeat(len))];
        assert!(EncryptionContext::new(pairs(MAX_CANONICAL_BYTES - 13)).is_ok());
        assert_eq!(EncryptionContext::new(pairs(MAX_CANONICAL_BYTES - 12)), Err(ContextError::TooLong));
        let twice = vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        assert_eq!(EncryptionContext::new(twice), Err(ContextError::DuplicateKey));
    }

    proptest! {
        #[test]
        fn injective_and_order_free(
            one in prop::collection::btree_map(".{0,3}", ".{0,3}", 0..4),
            two in prop::collection::btree_map(".{0,3}", ".{0,3}", 0..4),
        ) {
            let bytes = |map: &BTreeMap<String, String>| {
                let reversed = map.iter().rev().map(|(k, v)| (k.clone(), v.clone())).collect();
                EncryptionContext::new(reversed).unwrap().canonical_bytes()
            };
            prop_assert_eq!(one == two, bytes(&one) == bytes(&two));
        }
    }
}
