//! Hex digits of ids, which every call writes a few of: computed all at once, without a table.

use reseal_types::KeyMaterialId;

/// The text of bytes whose number is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct HexText<const BYTES: usize>([[u8; 2]; BYTES]);

impl<const BYTES: usize> HexText<BYTES> {
    pub(crate) fn of(bytes: &[u8; BYTES]) -> Self {
        let mut pairs = [[0; 2]; BYTES];
        for (pair, byte) in pairs.iter_mut().zip(bytes) {
            *pair = [digit(byte >> 4), digit(byte & 0x0f)];
        }
        Self(pairs)
    }

    /// The lower-case digits.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    /// The lower-case digits.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl From<KeyMaterialId> for HexText<32> {
    fn from(id: KeyMaterialId) -> Self {
        Self::of(&id.0)
    }
}

/// Digits come in two runs of ASCII: no jump, so that many are made with one instruction.
const fn digit(value: u8) -> u8 {
    value + b'0' + if value < 10 { 0 } else { b'a' - b'0' - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_digits() {
        let bytes: [u8; 256] = std::array::from_fn(|byte| u8::try_from(byte).unwrap());
        assert_eq!(HexText::of(&bytes).as_bytes(), hex::encode(bytes).as_bytes());
    }
}
