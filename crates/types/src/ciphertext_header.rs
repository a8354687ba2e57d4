//! The readable part of a ciphertext blob: which format, which KMS key, which key material.
//!
//! docs/ciphertext-format.md specifies it. The header is authenticated by the blob, not by this parser: what
//! it says is a claim until the blob has been opened.

use std::fmt;

use crate::key_ref::KeyId;

/// The first four bytes of every blob. The first differs from the `0x01` of AWS's own blobs, so that neither
/// is ever taken for the other.
pub const MAGIC: [u8; 4] = *b"rSe1";

/// The one format version.
pub const FORMAT_VERSION: u8 = 0x01;

/// Bytes before the commitment.
pub const HEADER_LEN: usize = 89;

/// The id of a version of key material: 32 bytes, 64 lower-case hex digits in the API.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyMaterialId(pub [u8; 32]);

impl KeyMaterialId {
    /// Parses 64 lower-case hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        (!text.bytes().any(|b| b.is_ascii_uppercase())).then_some(Self(bytes))
    }
}

impl fmt::Display for KeyMaterialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        hex::encode_to_slice(self.0, &mut digits).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for KeyMaterialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How the rest of a blob is made. Numbers are never reused and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// 0x0001: per-message key and commitment by SP 800-108 with HMAC-SHA-256, AES-256-GCM.
    DerivedAesGcm,
    /// 0x0002: as 0x0001, then AES-256-GCM once more in an external key manager.
    ExternalKeyStore,
    /// 0x0004: AES-256-GCM in a cluster of hardware modules.
    Cluster,
}

impl Suite {
    /// The registered number.
    pub const fn number(self) -> u16 {
        match self {
            Self::DerivedAesGcm => 0x0001,
            Self::ExternalKeyStore => 0x0002,
            Self::Cluster => 0x0004,
        }
    }

    fn from_number(number: u16) -> Option<Self> {
        [Self::DerivedAesGcm, Self::ExternalKeyStore, Self::Cluster]
            .into_iter()
            .find(|suite| suite.number() == number)
    }
}

/// The parsed header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CiphertextHeader {
    /// How the rest is made.
    pub suite: Suite,
    /// Made by GenerateDataKey or one of its siblings, not by Encrypt.
    pub data_key: bool,
    /// The KMS key.
    pub key_id: KeyId,
    /// The version of its key material.
    pub material_id: KeyMaterialId,
    /// The random salt of this message.
    pub salt: [u8; 32],
}

const FLAG_DATA_KEY: u8 = 0b0000_0001;
const KEY_ID_UUID: u8 = 0;
const KEY_ID_MULTI_REGION: u8 = 1;

impl CiphertextHeader {
    /// Reads the header at the front of a blob; `None` when the blob is not ours, has an unknown version,
    /// suite or flag, or is too short.
    pub fn parse(blob: &[u8]) -> Option<Self> {
        let header = blob.first_chunk::<HEADER_LEN>()?;
        let (magic, rest) = header.split_first_chunk::<4>()?;
        let (&[version, suite_high, suite_low, flags, id_type], rest) = rest.split_first_chunk::<5>()?;
        let (&id, rest) = rest.split_first_chunk::<16>()?;
        let (&material, rest) = rest.split_first_chunk::<32>()?;
        let &salt = rest.first_chunk::<32>()?;
        let known = *magic == MAGIC && version == FORMAT_VERSION && flags & !FLAG_DATA_KEY == 0;
        if !known || id_type > KEY_ID_MULTI_REGION {
            return None;
        }
        Some(Self {
            suite: Suite::from_number(u16::from_be_bytes([suite_high, suite_low]))?,
            data_key: flags & FLAG_DATA_KEY != 0,
            key_id: KeyId::from_bytes(id_type == KEY_ID_MULTI_REGION, id),
            material_id: KeyMaterialId(material),
            salt,
        })
    }

    /// The bytes of the header, offsets 0 to 88 of the blob.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let id_type = if self.key_id.is_multi_region() { KEY_ID_MULTI_REGION } else { KEY_ID_UUID };
        let [suite_high, suite_low] = self.suite.number().to_be_bytes();
        let mut header = [0; HEADER_LEN];
        let parts: [&[u8]; 5] = [
            &MAGIC,
            &[FORMAT_VERSION, suite_high, suite_low, u8::from(self.data_key), id_type],
            self.key_id.as_bytes(),
            &self.material_id.0,
            &self.salt,
        ];
        let mut rest = header.as_mut_slice();
        for part in parts {
            if let Some((here, after)) = std::mem::take(&mut rest).split_at_mut_checked(part.len()) {
                here.copy_from_slice(part);
                rest = after;
            }
        }
        header
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips(
            suite in prop::sample::select(vec![Suite::DerivedAesGcm, Suite::ExternalKeyStore, Suite::Cluster]),
            multi: bool,
            id: [u8; 16],
            material: [u8; 32],
            salt: [u8; 32],
            data_key: bool,
        ) {
            let header = CiphertextHeader {
                suite,
                data_key,
                key_id: KeyId::from_bytes(multi, id),
                material_id: KeyMaterialId(material),
                salt,
            };
            prop_assert_eq!(CiphertextHeader::parse(&header.to_bytes()), Some(header));
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_read_back(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut ours = bytes.clone();
            for (to, from) in ours.iter_mut().zip([b'r', b'S', b'e', b'1', 1, 0, 1]) {
                *to = from;
            }
            for blob in [bytes, ours] {
                if let Some(header) = CiphertextHeader::parse(&blob) {
                    prop_assert_eq!(&header.to_bytes()[..], &blob[..HEADER_LEN]);
                }
            }
        }
    }
}
