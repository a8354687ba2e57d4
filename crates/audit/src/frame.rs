//! The one place where a record becomes a line.
//!
//! Lines of one place are framed in the order in which they will stand in the log; how those of several places come
//! together is settled when their batches are written. So a hash chain belongs to the writer, which alone knows the line
//! before and which lines were lost.

/// The longest record. Readers take a longer line for damage.
pub const MAX_RECORD_BYTES: usize = 16 << 20;

/// The bytes are not a JSON object on one line, or too many.
#[derive(Debug)]
pub(crate) struct NotARecord;

/// A record that can stand in a line. Looked at before anybody waits for its place in the log.
#[derive(Clone, Copy)]
pub(crate) struct Framed<'r>(&'r [u8]);

impl<'r> Framed<'r> {
    /// A line feed inside would let one record pass for two, so it is looked for although no JSON writer makes one.
    pub(crate) fn of(record: &'r [u8]) -> Result<Self, NotARecord> {
        let is_object = record.first() == Some(&b'{') && record.last() == Some(&b'}');
        if !is_object || record.len() > MAX_RECORD_BYTES || memchr::memchr(b'\n', record).is_some() {
            return Err(NotARecord);
        }
        Ok(Self(record))
    }

    /// Appends the record and a line feed.
    pub(crate) fn push_to(self, lines: &mut Vec<u8>) {
        let Self(record) = self;
        lines.reserve(record.len() + 1);
        lines.extend_from_slice(record);
        lines.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_objects_on_one_line_only() {
        let mut lines = Vec::new();
        Framed::of(b"{}").unwrap().push_to(&mut lines);
        Framed::of(br#"{"a":"\n"}"#).unwrap().push_to(&mut lines);
        for bad in [&b""[..], b"{", b"[]", b"{}\n", b"{\n}", b" {}"] {
            assert!(Framed::of(bad).is_err(), "{bad:?}");
        }
        let mut long = vec![b'{'; MAX_RECORD_BYTES];
        long.push(b'}');
        assert!(Framed::of(&long).is_err());
        assert_eq!(lines, b"{}\n{\"a\":\"\\n\"}\n");
    }
}
