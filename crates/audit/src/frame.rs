//! The one place where a record becomes a line.
//!
//! Lines are framed in the order in which they will stand in the log, one at a time. A hash chain belongs here:
//! the framer would hold the hash of the line before and add it to each line. It would have to be set back to
//! the last line kept when a batch is lost, which the writer knows.

/// The longest record. Readers take a longer line for damage.
pub const MAX_RECORD_BYTES: usize = 16 << 20;

/// The bytes are not a JSON object on one line, or too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotARecord;

/// Appends `record` and a line feed to `lines`.
///
/// A line feed inside would let one record pass for two, so it is looked for although no JSON writer makes one.
pub(crate) fn push_line(record: &[u8], lines: &mut Vec<u8>) -> Result<(), NotARecord> {
    let is_object = record.first() == Some(&b'{') && record.last() == Some(&b'}');
    if !is_object || record.len() > MAX_RECORD_BYTES || memchr::memchr(b'\n', record).is_some() {
        return Err(NotARecord);
    }
    lines.reserve(record.len() + 1);
    lines.extend_from_slice(record);
    lines.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_objects_on_one_line_only() {
        let mut lines = Vec::new();
        push_line(b"{}", &mut lines).unwrap();
        push_line(br#"{"a":"\n"}"#, &mut lines).unwrap();
        for bad in [&b""[..], b"{", b"[]", b"{}\n", b"{\n}", b" {}"] {
            assert_eq!(push_line(bad, &mut lines), Err(NotARecord), "{bad:?}");
        }
        let mut long = vec![b'{'; MAX_RECORD_BYTES];
        long.push(b'}');
        assert_eq!(push_line(&long, &mut lines), Err(NotARecord));
        assert_eq!(lines, b"{}\n{\"a\":\"\\n\"}\n");
    }
}
