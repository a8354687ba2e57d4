//! The text of a root key file: `reseal-root-key-v1:<64 hex digits>:<8 hex digits>` and a line feed.
//!
//! The last digits are the CRC-32 of everything before the second colon. It is there for typing errors and cut
//! files, not for attackers: who can write the file can write a key of their own.

use reseal_crypto::wrap::ROOT_KEY_LEN;
use reseal_types::{Reveal, SecretBytes};
use zeroize::Zeroizing;

const PREFIX: &[u8] = b"reseal-root-key-v1:";
const KEY_END: usize = PREFIX.len() + 2 * ROOT_KEY_LEN;
const CHECKSUM_DIGITS: usize = 8;

/// Length of the whole text in bytes.
pub(crate) const TEXT_LEN: usize = KEY_END + 1 + CHECKSUM_DIGITS + 1;

/// Why a text is not a root key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatError {
    /// There is nothing.
    Empty,
    /// It starts as it should and ends too early.
    Truncated,
    /// It is something else.
    NotARootKey,
    /// A digit is wrong.
    Checksum,
}

/// The text for a key of 32 bytes.
pub(crate) fn encode(key: &SecretBytes) -> Result<Zeroizing<Vec<u8>>, FormatError> {
    // Made at its final size: a vector that grows leaves copies behind.
    let mut text = Zeroizing::new(vec![0; TEXT_LEN]);
    let (prefix, rest) = text.split_at_mut(PREFIX.len());
    prefix.copy_from_slice(PREFIX);
    let (digits, _) = rest.split_at_mut(2 * ROOT_KEY_LEN);
    hex::encode_to_slice(key.reveal(Reveal::ToSeal), digits).map_err(|_| FormatError::NotARootKey)?;
    let (body, end) = text.split_at_mut(KEY_END);
    end.copy_from_slice(format!(":{:08x}\n", crc32(body)).as_bytes());
    Ok(text)
}

/// Reads a text back.
pub(crate) fn decode(text: &[u8]) -> Result<SecretBytes, FormatError> {
    if text.is_empty() {
        return Err(FormatError::Empty);
    }
    let start = text.len().min(PREFIX.len());
    if text.get(..start) != PREFIX.get(..start) {
        return Err(FormatError::NotARootKey);
    }
    if text.len() < TEXT_LEN {
        return Err(FormatError::Truncated);
    }
    let (body, end) = text.split_at_checked(KEY_END).ok_or(FormatError::Truncated)?;
    let digits = body.get(PREFIX.len()..).ok_or(FormatError::Truncated)?;
    let checksum = end.strip_prefix(b":").and_then(|end| end.strip_suffix(b"\n"));
    let checksum =
        checksum.filter(|digits| digits.len() == CHECKSUM_DIGITS).ok_or(FormatError::NotARootKey)?;
    if checksum != format!("{:08x}", crc32(body)).as_bytes() {
        return Err(FormatError::Checksum);
    }
    SecretBytes::generate(ROOT_KEY_LEN, |key| hex::decode_to_slice(digits, key))
        .map_err(|_| FormatError::NotARootKey)
}

/// CRC-32 as in IEEE 802.3, bit by bit: it runs over 83 bytes once.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(crc & 1));
    !bytes.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_gives_the_published_check_value() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn round_trips_in_the_documented_shape() {
        let key = SecretBytes::from((0..32).collect::<Vec<u8>>());
        let text = encode(&key).unwrap();
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let body = format!("reseal-root-key-v1:{hex}");
        assert_eq!(*text, format!("{body}:{:08x}\n", crc32(body.as_bytes())).into_bytes());
        assert_eq!(text.len(), TEXT_LEN);
        assert!(decode(&text).unwrap().ct_eq(&key));
        assert!(encode(&SecretBytes::from(vec![0; 31])).is_err());
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_noticed() {
        let text = encode(&SecretBytes::from(vec![0xA5; 32])).unwrap();
        for len in 1..text.len() {
            assert_eq!(decode(&text[..len]).err(), Some(FormatError::Truncated), "{len}");
        }
        assert_eq!(decode(b"").err(), Some(FormatError::Empty));
        for at in 0..text.len() {
            for flip in [0x01, 0x20, 0x80] {
                let mut text = text.clone();
                text[at] ^= flip;
                assert!(decode(&text).is_err(), "{at} {flip}");
            }
        }
        let longer = [&text[..], b"\n"].concat();
        assert_eq!(decode(&longer).err(), Some(FormatError::NotARootKey));
        let mut typo = text.clone();
        typo.swap(19, 20);
        assert_eq!(decode(&typo).err(), Some(FormatError::Checksum));
        assert_eq!(decode(b"-----BEGIN PRIVATE KEY-----\n").err(), Some(FormatError::NotARootKey));
    }
}
