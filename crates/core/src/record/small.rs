//! Records that are a handful of bytes.

use reseal_types::{Reveal, SecretBytes, Timestamp};

use super::Record;

/// One version of key material: 32 bytes of a symmetric key, or the PKCS#8 form of a key pair.
pub(crate) struct MaterialRecord(pub(crate) SecretBytes);

/// An entry of an index: that it is there is all it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker;

/// The versions below this one may have been used by an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RevisionRecord(pub(crate) u64);

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MomentRecord(pub(crate) Timestamp);

const FORM: u8 = 1;

/// A version byte and `bytes`, in a buffer of exactly that length.
pub(super) fn prefixed(form: u8, bytes: &[u8]) -> SecretBytes {
    let mut buffer = Vec::with_capacity(1 + bytes.len());
    buffer.push(form);
    buffer.extend_from_slice(bytes);
    SecretBytes::from(buffer)
}

impl Record for MaterialRecord {
    fn encode(&self) -> SecretBytes {
        prefixed(FORM, self.0.reveal(Reveal::ToSeal))
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&FORM, rest)) => Some(Self(SecretBytes::from(rest.to_vec()))),
            _ => None,
        }
    }
}

impl Record for Marker {
    fn encode(&self) -> SecretBytes {
        prefixed(FORM, &[])
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        (bytes == [FORM]).then_some(Self)
    }
}

impl Record for MomentRecord {
    fn encode(&self) -> SecretBytes {
        prefixed(FORM, &self.0.millis().to_be_bytes())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&FORM, rest)) => {
                Some(Self(Timestamp::from_millis(i64::from_be_bytes(rest.try_into().ok()?))))
            }
            _ => None,
        }
    }
}

impl Record for RevisionRecord {
    fn encode(&self) -> SecretBytes {
        prefixed(FORM, &self.0.to_be_bytes())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&FORM, rest)) => Some(Self(u64::from_be_bytes(rest.try_into().ok()?))),
            _ => None,
        }
    }
}
