//! Writing JSON objects member by member, without an intermediate tree. Used for audit records, one of which
//! is made for every call.
//!
//! What each member runs is one copy of code that is never inlined: code that runs once per call costs most of its time
//! to be fetched, and a record runs this dozens of times.

use memchr::memchr2;
use reseal_types::Timestamp;

/// A JSON object being written. Before every member stands a comma; the first becomes the brace in the end.
pub(crate) struct JsonObject<'b> {
    buffer: &'b mut Vec<u8>,
}

impl<'b> JsonObject<'b> {
    /// Writes an object at the end of `buffer`.
    pub(crate) fn write(buffer: &'b mut Vec<u8>, fill: impl FnOnce(&mut JsonObject<'_>)) {
        let start = buffer.len();
        fill(&mut JsonObject { buffer });
        match buffer.get_mut(start) {
            Some(comma) => *comma = b'{',
            None => buffer.push(b'{'),
        }
        buffer.push(b'}');
    }

    /// The members of an object, each behind a comma, without its braces.
    pub(crate) fn members_alone(fill: impl FnOnce(&mut JsonObject<'_>)) -> Vec<u8> {
        let mut buffer = Vec::new();
        fill(&mut JsonObject { buffer: &mut buffer });
        buffer
    }

    /// Writes a name and makes room for `more` bytes of its value.
    #[inline(never)]
    fn name(&mut self, name: &'static str, more: usize) -> &mut Vec<u8> {
        self.begin(name, more, b"\":")
    }

    /// Writes a name and what follows it, and makes room for them and for `more` bytes. Names are ours, and none needs
    /// an escape.
    #[expect(clippy::inline_always, reason = "what follows is a constant of a few bytes, written at once")]
    #[inline(always)]
    fn begin(&mut self, name: &'static str, more: usize, end: &'static [u8]) -> &mut Vec<u8> {
        debug_assert!(is_plain(name.as_bytes()), "{name}");
        self.buffer.reserve(name.len() + more + 5);
        self.buffer.extend_from_slice(b",\"");
        self.buffer.extend_from_slice(name.as_bytes());
        self.buffer.extend_from_slice(end);
        self.buffer
    }

    /// A text member.
    #[inline(never)]
    pub(crate) fn text(&mut self, name: &'static str, value: &str) {
        if is_plain(value.as_bytes()) {
            self.plain(name, value.as_bytes());
        } else {
            escaped(self.name(name, value.len() + 2), value);
        }
    }

    /// A text member that is known to need no escape: a constant, or a name of a narrow alphabet.
    #[inline(never)]
    pub(crate) fn plain(&mut self, name: &'static str, value: &[u8]) {
        debug_assert!(is_plain(value), "{name}");
        let buffer = self.begin(name, value.len() + 1, b"\":\"");
        buffer.extend_from_slice(value);
        buffer.push(b'"');
    }

    /// A text member that needs no escape, written in its place by `fill`.
    pub(crate) fn filled(&mut self, name: &'static str, fill: impl FnOnce(&mut Vec<u8>)) {
        let buffer = self.name(name, 2);
        buffer.push(b'"');
        fill(buffer);
        buffer.push(b'"');
    }

    /// A member that is a moment.
    pub(crate) fn time(&mut self, name: &'static str, at: Timestamp) {
        match at.iso_8601() {
            Some(text) => self.plain(name, &text),
            None => self.plain(name, at.to_string().as_bytes()),
        }
    }

    /// Members that are JSON already, each behind a comma.
    pub(crate) fn members(&mut self, json: &[u8]) {
        debug_assert!(json.first().is_none_or(|first| *first == b','));
        self.buffer.extend_from_slice(json);
    }

    /// A text member, if there is one.
    pub(crate) fn optional_text(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A number member.
    pub(crate) fn number(&mut self, name: &'static str, value: i64) {
        let buffer = self.name(name, 0);
        buffer.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A number member, if there is one.
    pub(crate) fn optional_number(&mut self, name: &'static str, value: Option<i64>) {
        if let Some(value) = value {
            self.number(name, value);
        }
    }

    /// A boolean member.
    pub(crate) fn boolean(&mut self, name: &'static str, value: bool) {
        self.raw(name, if value { b"true" } else { b"false" });
    }

    /// A member that is JSON already.
    #[inline(never)]
    pub(crate) fn raw(&mut self, name: &'static str, json: &[u8]) {
        self.name(name, json.len()).extend_from_slice(json);
    }

    /// An object member.
    pub(crate) fn object(&mut self, name: &'static str, fill: impl FnOnce(&mut JsonObject<'_>)) {
        JsonObject::write(self.name(name, 2), fill);
    }

    /// A member that is a list of objects, one for each item.
    pub(crate) fn objects<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(&mut JsonObject<'_>, T),
    ) {
        let buffer = self.name(name, 2);
        buffer.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                buffer.push(b',');
            }
            JsonObject::write(buffer, |object| fill(object, item));
        }
        buffer.push(b']');
    }

    /// A member that is a list of texts.
    pub(crate) fn texts<'t>(&mut self, name: &'static str, items: impl IntoIterator<Item = &'t str>) {
        let buffer = self.name(name, 2);
        buffer.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                buffer.push(b',');
            }
            text(buffer, item);
        }
        buffer.push(b']');
    }

    /// A member that maps texts to texts, left out when there are none.
    pub(crate) fn map<'t>(
        &mut self,
        name: &'static str,
        pairs: impl ExactSizeIterator<Item = (&'t str, &'t str)>,
    ) {
        if pairs.len() > 0 {
            self.object(name, |object| pairs.for_each(|(key, value)| object.pair(key, value)));
        }
    }

    /// A text member whose name is not ours.
    pub(crate) fn pair(&mut self, key: &str, value: &str) {
        self.buffer.push(b',');
        text(self.buffer, key);
        self.buffer.push(b':');
        text(self.buffer, value);
    }
}

/// Writes a text with its quotes.
#[inline(never)]
pub(crate) fn text(buffer: &mut Vec<u8>, value: &str) {
    if is_plain(value.as_bytes()) {
        plain_text(buffer, value);
    } else {
        escaped(buffer, value);
    }
}

/// Writes a text that needs no escape with its quotes.
pub(crate) fn plain_text(buffer: &mut Vec<u8>, value: &str) {
    debug_assert!(is_plain(value.as_bytes()), "{value}");
    buffer.reserve(value.len() + 2);
    buffer.push(b'"');
    buffer.extend_from_slice(value.as_bytes());
    buffer.push(b'"');
}

#[cold]
fn escaped(buffer: &mut Vec<u8>, value: &str) {
    // Writing to a vector cannot fail.
    let _: Result<(), _> = serde_json::to_writer(buffer, value);
}

/// As many bytes as processors compare at once.
const BLOCK: usize = 16;

/// Whether nothing needs an escape: in longer texts a block at a time, the last of which overlaps with the one before.
#[inline(never)]
fn is_plain(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk() else { return plain_length(bytes) == bytes.len() };
    bytes.as_chunks().0.iter().all(is_plain_block) && is_plain_block(last)
}

/// Looks at all bytes whatever it finds.
#[expect(clippy::needless_bitwise_bool, reason = "without a way out it becomes a few vector instructions")]
fn is_plain_block(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(true, |plain, byte| plain & (*byte >= b' ') & (*byte != b'"') & (*byte != b'\\'))
}

/// How many bytes stand before the first that needs an escape: looked at eight at a time, since most texts are short.
pub(crate) fn plain_length(bytes: &[u8]) -> usize {
    /// What is longer is most often a ciphertext, and much longer.
    const SHORT: usize = 32;
    let (short, long) = bytes.split_at_checked(SHORT).unwrap_or((bytes, &[]));
    let (words, rest) = short.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let found = found_in(u64::from_le_bytes(*word));
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let special = rest.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'));
    special.map_or_else(|| short.len() + long_plain_length(long), |at| words.len() * 8 + at)
}

/// The same for many bytes: first where a quote or backslash ends them, then whether all up to there are high enough.
/// Neither looks beyond that end, or a body of many texts would be looked at as often.
fn long_plain_length(bytes: &[u8]) -> usize {
    let end = memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
    let bytes = bytes.get(..end).unwrap_or_default();
    if bytes.iter().fold(u8::MAX, |least, byte| least.min(*byte)) >= b' ' {
        return end;
    }
    bytes.iter().position(|byte| *byte < b' ').unwrap_or(end)
}

/// The highest bit of each byte of a word that needs an escape. For each byte a subtraction borrows into its highest
/// bit when the byte is the one looked for (or below the space), or has that bit anyway; no byte that needs an escape
/// has. A borrow may run on into the byte above, but only from one that was found: the lowest is always right.
fn found_in(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGHEST: u64 = ONES << 7;
    let quote = (word ^ (ONES * u64::from(b'"'))).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
    let control = word.wrapping_sub(ONES * u64::from(b' '));
    (quote | backslash | control) & !word & HIGHEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_byte_that_needs_an_escape() {
        for length in 0..80 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![0xff; length];
                    bytes[at] = byte;
                    let escaped = byte < b' ' || byte == b'"' || byte == b'\\';
                    let expected = if escaped { at } else { length };
                    assert_eq!(plain_length(&bytes), expected, "{byte} at {at} of {length}");
                    assert_eq!(is_plain(&bytes), !escaped, "{byte} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn writes_what_serde_reads() {
        let mut buffer = Vec::new();
        JsonObject::write(&mut buffer, |object| {
            object.plain("plain", b"a");
            object.text("odd", "\"\\\n\u{1}ü\u{2028}");
            object.optional_text("absent", None);
            object.number("number", -5);
            object.boolean("yes", true);
            object.raw("nothing", b"null");
            object.filled("filled", |text| text.extend_from_slice(b"in place"));
            object.time("time", Timestamp::from_millis(0));
            object.time("later", Timestamp::from_millis(253_402_300_800_000));
            object.members(br#","one":1,"two":2"#);
            object.object("inner", |_| {});
            object.objects("list", [1, 2], |object, n| object.number("n", n));
            object.texts("texts", ["x", "y"]);
            object.map("map", [("k", "v")].into_iter());
            object.map("none", [].into_iter());
        });
        let read: serde_json::Value = serde_json::from_slice(&buffer).unwrap();
        let expected = serde_json::json!({
            "plain": "a", "odd": "\"\\\n\u{1}ü\u{2028}", "number": -5, "yes": true, "nothing": null,
            "filled": "in place", "time": "1970-01-01T00:00:00Z", "later": "10000-01-01T00:00:00Z", "one": 1, "two": 2,
            "inner": {}, "list": [{"n": 1}, {"n": 2}], "texts": ["x", "y"], "map": {"k": "v"}
        });
        assert_eq!(read, expected);
        assert!(!buffer.contains(&b'\n'), "one record is one line");
    }
}
