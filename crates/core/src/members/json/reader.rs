//! Reads JSON (RFC 8259, with the limits of `serde_json`, which the tests compare it with) in one pass. Nothing is
//! copied but texts with escapes, and no byte is looked at more than a fixed number of times.

use std::borrow::Cow;

use super::Node;
use crate::json::plain_length;

/// More members than this are rare.
const USUAL_MEMBERS: usize = 8;

/// Lists and objects within each other, at most: each is a call of a function.
const MAX_DEPTH: usize = 127;

/// Where a body is wrong: how many of its bytes come before that.
pub(super) struct Broken {
    pub(super) at: usize,
    /// Whether it is valid JSON up to there, but for a key that stands twice in one object.
    pub(super) duplicate: bool,
}

/// The one value that `body` is.
pub(super) fn read(body: &[u8]) -> Result<Node<'_>, Broken> {
    let text =
        std::str::from_utf8(body).map_err(|error| Broken { at: error.valid_up_to(), duplicate: false })?;
    let mut reader = Reader { text, at: 0, depth: 0, duplicate: false };
    let node = reader.value().filter(|_| reader.peek().is_none());
    node.ok_or(Broken { at: reader.at, duplicate: reader.duplicate })
}

/// What reads gives nothing when the text is wrong, and then stays where it is wrong.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    duplicate: bool,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space, and stays before it.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte()?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        if self.peek() != Some(byte) {
            return None;
        }
        self.at += 1;
        Some(())
    }

    fn value(&mut self) -> Option<Node<'a>> {
        match self.peek() {
            Some(b'"') => self.string().map(Node::Text),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::list),
            Some(b'n') => self.word("null", Node::Null),
            Some(b't') => self.word("true", Node::Bool(true)),
            Some(b'f') => self.word("false", Node::Bool(false)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => None,
        }
    }

    fn word(&mut self, word: &str, node: Node<'a>) -> Option<Node<'a>> {
        if !self.rest().starts_with(word) {
            return None;
        }
        self.at += word.len();
        Some(node)
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Option<Node<'a>>) -> Option<Node<'a>> {
        if self.depth == MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        self.at += 1;
        let node = read(self)?;
        self.depth -= 1;
        Some(node)
    }

    fn object(&mut self) -> Option<Node<'a>> {
        if self.ends_with(b'}') {
            return Some(Node::Object(Vec::new()));
        }
        let mut members = Vec::with_capacity(USUAL_MEMBERS);
        loop {
            if self.peek() != Some(b'"') {
                return None;
            }
            let key = self.string()?;
            self.expect(b':')?;
            members.push((key, self.value()?));
            if self.ends_with(b'}') {
                break;
            }
            self.expect(b',')?;
        }
        if has_duplicates(&members) {
            self.at -= 1;
            self.duplicate = true;
            return None;
        }
        Some(Node::Object(members))
    }

    fn list(&mut self) -> Option<Node<'a>> {
        let mut nodes = Vec::new();
        if self.ends_with(b']') {
            return Some(Node::List(nodes));
        }
        loop {
            nodes.push(self.value()?);
            if self.ends_with(b']') {
                return Some(Node::List(nodes));
            }
            self.expect(b',')?;
        }
    }

    /// Whether what is being read ends here, and goes beyond the end if so.
    fn ends_with(&mut self, end: u8) -> bool {
        let ends = self.peek() == Some(end);
        self.at += usize::from(ends);
        ends
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.at += 1;
        let plain = self.plain();
        if self.byte() == Some(b'"') {
            self.at += 1;
            return Some(Cow::Borrowed(plain));
        }
        self.escaped(plain).map(Cow::Owned)
    }

    /// What stands before the next quote, backslash or control character. All of these are ASCII, so that it ends
    /// between two characters.
    fn plain(&mut self) -> &'a str {
        let rest = self.rest();
        let length = plain_length(rest.as_bytes());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    #[cold]
    fn escaped(&mut self, plain: &str) -> Option<String> {
        let mut text = plain.to_owned();
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Some(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => return None,
            }
            text.push_str(self.plain());
        }
    }

    fn escape(&mut self) -> Option<char> {
        self.at += 1;
        let character = match self.byte() {
            Some(same @ (b'"' | b'\\' | b'/')) => char::from(same),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code_point(),
            _ => return None,
        };
        self.at += 1;
        Some(character)
    }

    /// The character of a `\u` escape, or of two that only together are one.
    fn code_point(&mut self) -> Option<char> {
        let first = self.code_unit()?;
        if let Some(character) = char::from_u32(first.into()) {
            return Some(character);
        }
        if !self.rest().starts_with("\\u") {
            return None;
        }
        self.at += 1;
        let pair = [first, self.code_unit()?];
        char::decode_utf16(pair).next()?.ok()
    }

    /// The four digits after a `u`.
    fn code_unit(&mut self) -> Option<u16> {
        let mut unit = 0;
        for _ in 0..4 {
            self.at += 1;
            unit = unit << 4 | char::from(self.byte()?).to_digit(16)?;
        }
        self.at += 1;
        u16::try_from(unit).ok()
    }

    fn number(&mut self) -> Option<Node<'a>> {
        let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let rest = self.rest();
        let length = rest.bytes().take_while(part).count();
        let number = rest.get(..length).unwrap_or_default();
        let node = whole(number).or_else(|| other(number))?;
        self.at += length;
        Some(node)
    }
}

/// The number of a few digits, as nearly all are.
fn whole(number: &str) -> Option<Node<'_>> {
    const FEW: usize = 18;
    let few = number.len() <= FEW && !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
    if few { number.parse().ok().map(Node::Integer) } else { None }
}

/// Zero, negative and very large numbers, and those with a fraction or an exponent.
#[cold]
fn other(number: &str) -> Option<Node<'_>> {
    let number: serde_json::Number = serde_json::from_str(number).ok()?;
    number.as_i64().map(Node::Integer).or_else(|| number.as_f64().map(Node::Number))
}

fn has_duplicates(members: &[(Cow<'_, str>, Node<'_>)]) -> bool {
    const FEW: usize = 16;
    if members.len() <= FEW {
        let mut rest = members;
        while let Some(((key, _), after)) = rest.split_first() {
            if after.iter().any(|(other, _)| other == key) {
                return true;
            }
            rest = after;
        }
        return false;
    }
    // Comparing each with each would let a large body cost a second of work.
    let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_ref()).collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}
