//! An audit record that committed together with its change and is on its way to the log.

use reseal_types::SecretBytes;

use super::Record;

/// One audit record, a JSON object; its event id is part of its place.
pub(crate) struct OutboxRecord(pub(crate) Vec<u8>);

const FORM: u8 = 1;

impl Record for OutboxRecord {
    fn encode(&self) -> SecretBytes {
        super::small::prefixed(FORM, &self.0)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&FORM, rest)) => Some(Self(rest.to_vec())),
            _ => None,
        }
    }
}

impl OutboxRecord {
    /// The event id is what follows the last slash of the place.
    pub(crate) fn event_id(place: &[u8]) -> Option<&str> {
        std::str::from_utf8(place).ok()?.rsplit('/').next()
    }
}

#[cfg(test)]
mod tests {
    use reseal_types::Reveal;

    use super::*;

    #[test]
    fn round_trips() {
        let sealed = OutboxRecord(b"{}".to_vec()).encode();
        assert_eq!(OutboxRecord::decode(sealed.reveal(Reveal::ToSeal)).unwrap().0, b"{}");
        assert_eq!(OutboxRecord::event_id(b"outbox/00/abc"), Some("abc"));
    }
}
