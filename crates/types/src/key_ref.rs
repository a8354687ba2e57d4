//! The four ways a request names a KMS key: key id, key ARN, alias name, alias ARN.
//!
//! Source of the forms and of the two kinds of refusal: the `KeyId` parameter in the KMS API reference and
//! what the service answers to malformed ones.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::Arc,
};

use crate::arn::{AccountId, Partition, Region};

/// The id of a KMS key: a UUID, or `mrk-` and 32 hex digits for a multi-Region key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId {
    multi_region: bool,
    bytes: [u8; 16],
}

impl KeyId {
    /// The id with these 16 bytes. For single-Region keys the bytes become an RFC 4122 version 4 UUID.
    pub fn from_random(multi_region: bool, mut bytes: [u8; 16]) -> Self {
        if !multi_region {
            bytes[6] = bytes[6] & 0x0f | 0x40;
            bytes[8] = bytes[8] & 0x3f | 0x80;
        }
        Self { multi_region, bytes }
    }

    /// The id with exactly these 16 bytes, as they stand in a ciphertext header.
    pub const fn from_bytes(multi_region: bool, bytes: [u8; 16]) -> Self {
        Self { multi_region, bytes }
    }

    /// Whether this is the id of a multi-Region key.
    pub const fn is_multi_region(&self) -> bool {
        self.multi_region
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.bytes
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("mrk-");
        let bytes = match digits {
            Some(digits) => lower_hex(digits.as_bytes().try_into().ok()?)?,
            None => uuid_bytes(text.as_bytes().try_into().ok()?)?,
        };
        Some(Self { multi_region: digits.is_some(), bytes })
    }
}

// The bytes are enough: every call looks for a key or two, and no two keys differ in the form of their ids alone.
impl Hash for KeyId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_ne_bytes(self.bytes));
    }
}

impl FromStr for KeyId {
    type Err = KeyRefError;

    fn from_str(text: &str) -> Result<Self, KeyRefError> {
        Self::parse(text).ok_or_else(|| KeyRefError::InvalidKeyId(text.to_owned()))
    }
}

/// Of `8-4-4-4-12` digits.
fn uuid_bytes(text: &[u8; 36]) -> Option<[u8; 16]> {
    if [text[8], text[13], text[18], text[23]] != [b'-'; 4] {
        return None;
    }
    let mut digits = [0; 32];
    digits[..8].copy_from_slice(&text[..8]);
    digits[8..12].copy_from_slice(&text[9..13]);
    digits[12..16].copy_from_slice(&text[14..18]);
    digits[16..20].copy_from_slice(&text[19..23]);
    digits[20..].copy_from_slice(&text[24..]);
    lower_hex(&digits)
}

/// Digits in lower case: every call names a key or two, so eight digits are read at a time.
fn lower_hex(digits: &[u8; 32]) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    for (four, eight) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(digits.as_chunks::<8>().0) {
        *four = eight_digits(*eight)?;
    }
    Some(bytes)
}

/// Works on all eight bytes of a word at once; none of the sums reaches the next byte.
fn eight_digits(digits: [u8; 8]) -> Option<[u8; 4]> {
    const ONES: u64 = u64::MAX / 255;
    let digits = u64::from_le_bytes(digits);
    // Letters, from `a` on, have the bit of value 64, and their low bits count from one.
    let values = (digits & (ONES * 0x0f)) + (digits >> 6 & ONES) * 9;
    // A digit is what its value is written as.
    let letters = (values + ONES * 6) >> 4 & ONES;
    let written = values + ONES * u64::from(b'0') + letters * u64::from(b'a' - b'0' - 10);
    if written != digits || values & (ONES * 0xf0) != 0 {
        return None;
    }
    let pairs = (values << 4 | values >> 8) & 0x00ff_00ff_00ff_00ff;
    let halves = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    let [a, b, c, d, ..] = (halves | halves >> 16).to_le_bytes();
    Some([a, b, c, d])
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 32];
        hex::encode_to_slice(self.bytes, &mut digits).map_err(|_| fmt::Error)?;
        let mut rest = std::str::from_utf8(&digits).map_err(|_| fmt::Error)?;
        if self.multi_region {
            return write!(f, "mrk-{rest}");
        }
        for group in [8, 4, 4, 4] {
            let (digits, behind) = rest.split_at(group);
            f.write_str(digits)?;
            f.write_str("-")?;
            rest = behind;
        }
        f.write_str(rest)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An alias name with its `alias/` prefix: `alias/` and 1 to 250 of `a-z A-Z 0-9 / _ -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AliasName(Arc<str>);

/// What every alias name starts with.
pub const ALIAS_PREFIX: &str = "alias/";

/// Names under this prefix belong to the service.
pub const RESERVED_ALIAS_PREFIX: &str = "alias/aws/";

impl AliasName {
    /// Parses a name with its prefix.
    ///
    /// # Errors
    /// Which rule of alias names the text breaks.
    pub fn parse(text: &str) -> Result<Self, AliasNameError> {
        let name = text.strip_prefix(ALIAS_PREFIX).ok_or(AliasNameError::NoPrefix)?;
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-');
        if name.is_empty() || text.len() > 256 || !name.bytes().all(legal) {
            return Err(AliasNameError::Characters);
        }
        Ok(Self(text.into()))
    }

    /// The name with its prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is reserved for the service's own keys.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with(RESERVED_ALIAS_PREFIX)
    }
}

impl fmt::Display for AliasName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AliasName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not an alias name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AliasNameError {
    /// It does not start with `alias/`.
    NoPrefix,
    /// Nothing follows the prefix, it is too long, or a character is not allowed.
    Characters,
}

/// A KMS key as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRef<'t> {
    /// `1234abcd-12ab-34cd-56ef-1234567890ab`: a key of the caller's account and the endpoint's Region.
    KeyId(KeyId),
    /// `arn:aws:kms:us-east-1:111122223333:key/1234abcd-…`
    KeyArn(ArnPlace<'t>, KeyId),
    /// `alias/name`: an alias of the caller's account and the endpoint's Region.
    AliasName(AliasName),
    /// `arn:aws:kms:us-east-1:111122223333:alias/name`
    AliasArn(ArnPlace<'t>, AliasName),
}

/// Where the resource of an ARN lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArnPlace<'t> {
    /// The partition named by the ARN: a legal name.
    pub partition: &'t str,
    /// The Region named by the ARN: a legal name.
    pub region: &'t str,
    /// The account named by the ARN.
    pub account: AccountId,
}

/// Why a text names no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRefError {
    /// Neither a UUID, nor `mrk-` and 32 hex digits, nor an alias: the text as sent.
    InvalidKeyId(String),
    /// It starts like an ARN but is not a well-formed KMS key or alias ARN: the text as sent.
    InvalidArn(String),
}

impl<'t> KeyRef<'t> {
    /// Parses any of the four forms.
    ///
    /// # Errors
    /// [`KeyRefError`], which the service answers as `NotFoundException` or `InvalidArnException`.
    pub fn parse(text: &'t str) -> Result<Self, KeyRefError> {
        if let Some(rest) = text.strip_prefix("arn:") {
            return parse_arn(rest).ok_or_else(|| KeyRefError::InvalidArn(text.to_owned()));
        }
        if text.starts_with(ALIAS_PREFIX) {
            let name = AliasName::parse(text).map_err(|_| KeyRefError::InvalidKeyId(text.to_owned()))?;
            return Ok(Self::AliasName(name));
        }
        text.parse().map(Self::KeyId)
    }
}

/// What stands behind `arn:`. Only for the end of what differs in length is anything searched.
fn parse_arn(text: &str) -> Option<KeyRef<'_>> {
    const ACCOUNT_DIGITS: usize = 12;
    let (partition, rest) = cut(text)?;
    let (region, rest) = cut(rest.strip_prefix("kms:")?)?;
    let (account, rest) = rest.split_at_checked(ACCOUNT_DIGITS)?;
    let resource = rest.strip_prefix(':')?;
    let place = ArnPlace {
        partition: Some(partition).filter(|text| Partition::is_legal(text))?,
        region: Some(region).filter(|text| Region::is_legal(text))?,
        account: AccountId::parse(account)?,
    };
    if let Some(id) = resource.strip_prefix("key/") {
        return Some(KeyRef::KeyArn(place, KeyId::parse(id)?));
    }
    Some(KeyRef::AliasArn(place, AliasName::parse(resource).ok()?))
}

/// What stands before and after the next colon. The parts of an ARN are so short that searching byte by byte is
/// cheapest.
fn cut(text: &str) -> Option<(&str, &str)> {
    let colon = text.bytes().position(|byte| byte == b':')?;
    Some((text.get(..colon)?, text.get(colon + 1..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UUID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn key_ids_round_trip() {
        for text in [UUID, "mrk-1234abcd12ab34cd56ef1234567890ab"] {
            assert_eq!(text.parse::<KeyId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn malformed_key_ids_are_named() {
        let bad = [
            "",
            "x",
            "1234abcd12ab34cd56ef1234567890ab",
            "1234ABCD-12ab-34cd-56ef-1234567890ab",
            "mrk-1234abcd",
            "mrk-1234abcd-12ab-34cd-56ef-1234567890ab",
            "1234abcd-12ab-34cd-56ef-1234567890ab ",
            "alias/",
            "alias/a:b",
        ];
        for text in bad {
            assert_eq!(KeyRef::parse(text), Err(KeyRefError::InvalidKeyId(text.to_owned())));
        }
    }

    #[test]
    fn only_lower_case_digits_are_digits() {
        for at in 0..8 {
            for byte in 0..=u8::MAX {
                let mut digits = *b"0189abef";
                digits[at] = byte;
                let expected = match byte {
                    b'A'..=b'F' => None,
                    _ => hex::decode(digits).ok(),
                };
                assert_eq!(eight_digits(digits).map(Vec::from), expected, "{byte} at {at}");
            }
        }
        for dash in [8, 13, 18, 23] {
            let mut text = UUID.to_owned();
            text.replace_range(dash..=dash, "0");
            assert!(text.parse::<KeyId>().is_err(), "{text}");
        }
    }

    #[test]
    fn all_four_forms() {
        assert!(matches!(KeyRef::parse(UUID), Ok(KeyRef::KeyId(_))));
        assert!(matches!(KeyRef::parse("alias/a/B_c-1"), Ok(KeyRef::AliasName(_))));
        let arn = format!("arn:aws:kms:us-east-1:111122223333:key/{UUID}");
        assert!(matches!(KeyRef::parse(&arn), Ok(KeyRef::KeyArn(_, _))));
        let alias = KeyRef::parse("arn:aws:kms:us-east-1:111122223333:alias/x").unwrap();
        let KeyRef::AliasArn(place, name) = alias else { panic!("{alias:?}") };
        assert_eq!((place.region, name.as_str()), ("us-east-1", "alias/x"));
    }

    #[test]
    fn malformed_arns_are_refused() {
        let bad = [
            "arn:",
            "arn:aws:s3:us-east-1:111122223333:key/x",
            "arn:aws:kms:us-east-1:1111:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms::111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:us-east-1:111122223333:key/nope",
            "arn:aws:kms:us-east-1:111122223333:key",
            "arn:aws:kms:us-east-1:111122223333:alias/",
            "arn:aws:kms:us-east-1:111122223333:grant/x",
        ];
        for text in bad {
            assert_eq!(KeyRef::parse(text), Err(KeyRefError::InvalidArn(text.to_owned())), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".*") {
            let _ = KeyRef::parse(&text);
            let _ = KeyRef::parse(&format!("arn:aws:kms:{text}"));
            let _ = AliasName::parse(&text);
        }

        #[test]
        fn random_ids_round_trip(multi_region: bool, bytes: [u8; 16]) {
            let id = KeyId::from_random(multi_region, bytes);
            prop_assert_eq!(id.to_string().parse::<KeyId>(), Ok(id));
        }
    }
}
