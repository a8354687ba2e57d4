//! The four ways a request names a KMS key: key id, key ARN, alias name, alias ARN.
//!
//! Source of the forms and of the two kinds of refusal: the `KeyId` parameter in the KMS API reference and
//! what the service answers to malformed ones.

use std::{fmt, str::FromStr, sync::Arc};

use crate::arn::{AccountId, Partition, Region};

/// The id of a KMS key: a UUID, or `mrk-` and 32 hex digits for a multi-Region key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
}

impl FromStr for KeyId {
    type Err = KeyRefError;

    fn from_str(text: &str) -> Result<Self, KeyRefError> {
        let parsed = match text.strip_prefix("mrk-") {
            Some(digits) => lower_hex(digits.bytes()).map(|bytes| Self { multi_region: true, bytes }),
            None => uuid_bytes(text).map(|bytes| Self { multi_region: false, bytes }),
        };
        parsed.ok_or_else(|| KeyRefError::InvalidKeyId(text.to_owned()))
    }
}

/// Where the dashes of `8-4-4-4-12` stand.
const DASHES: [usize; 4] = [8, 13, 18, 23];

fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let dashes_fit =
        text.len() == 36 && text.bytes().enumerate().all(|(at, b)| DASHES.contains(&at) == (b == b'-'));
    dashes_fit.then(|| lower_hex(text.bytes().filter(|b| *b != b'-')))?
}

/// Exactly 32 digits, lower case.
fn lower_hex(digits: impl Iterator<Item = u8>) -> Option<[u8; 16]> {
    let mut digits = digits.map(|digit| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    });
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = digits.next()?? << 4 | digits.next()??;
    }
    digits.next().is_none().then_some(bytes)
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
pub enum KeyRef {
    /// `1234abcd-12ab-34cd-56ef-1234567890ab`: a key of the caller's account and the endpoint's Region.
    KeyId(KeyId),
    /// `arn:aws:kms:us-east-1:111122223333:key/1234abcd-…`
    KeyArn(ArnPlace, KeyId),
    /// `alias/name`: an alias of the caller's account and the endpoint's Region.
    AliasName(AliasName),
    /// `arn:aws:kms:us-east-1:111122223333:alias/name`
    AliasArn(ArnPlace, AliasName),
}

/// Where the resource of an ARN lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArnPlace {
    /// The partition named by the ARN.
    pub partition: Partition,
    /// The Region named by the ARN.
    pub region: Region,
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

impl KeyRef {
    /// Parses any of the four forms.
    ///
    /// # Errors
    /// [`KeyRefError`], which the service answers as `NotFoundException` or `InvalidArnException`.
    pub fn parse(text: &str) -> Result<Self, KeyRefError> {
        if text.starts_with("arn:") {
            return parse_arn(text).ok_or_else(|| KeyRefError::InvalidArn(text.to_owned()));
        }
        if text.starts_with(ALIAS_PREFIX) {
            let name = AliasName::parse(text).map_err(|_| KeyRefError::InvalidKeyId(text.to_owned()))?;
            return Ok(Self::AliasName(name));
        }
        text.parse().map(Self::KeyId)
    }
}

fn parse_arn(text: &str) -> Option<KeyRef> {
    let mut parts = text.splitn(6, ':');
    let (_arn, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    if service != "kms" {
        return None;
    }
    let place = ArnPlace {
        partition: Partition::parse(partition)?,
        region: Region::parse(region)?,
        account: AccountId::parse(account)?,
    };
    if let Some(id) = resource.strip_prefix("key/") {
        return Some(KeyRef::KeyArn(place, id.parse().ok()?));
    }
    Some(KeyRef::AliasArn(place, AliasName::parse(resource).ok()?))
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
    fn all_four_forms() {
        assert!(matches!(KeyRef::parse(UUID), Ok(KeyRef::KeyId(_))));
        assert!(matches!(KeyRef::parse("alias/a/B_c-1"), Ok(KeyRef::AliasName(_))));
        let arn = format!("arn:aws:kms:us-east-1:111122223333:key/{UUID}");
        assert!(matches!(KeyRef::parse(&arn), Ok(KeyRef::KeyArn(_, _))));
        let alias = KeyRef::parse("arn:aws:kms:us-east-1:111122223333:alias/x").unwrap();
        let KeyRef::AliasArn(place, name) = alias else { panic!("{alias:?}") };
        assert_eq!((place.region.as_str(), name.as_str()), ("us-east-1", "alias/x"));
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
