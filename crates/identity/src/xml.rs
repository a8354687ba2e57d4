//! Writing XML element by element, without a tree.

use reseal_types::Timestamp;

/// XML being written.
#[derive(Debug, Default)]
pub(crate) struct Xml(String);

impl Xml {
    /// An element with others in it.
    pub(crate) fn element(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.start(name);
        fill(self);
        self.end(name);
    }

    /// An element with a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.element(name, |xml| xml.escaped(text));
    }

    /// An element with a text, if there is one.
    pub(crate) fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// An element with a truth value.
    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        self.text(name, if value { "true" } else { "false" });
    }

    /// An element with a number.
    pub(crate) fn number(&mut self, name: &str, value: impl std::fmt::Display) {
        self.text(name, &value.to_string());
    }

    /// An element with a date.
    pub(crate) fn date(&mut self, name: &str, at: Timestamp) {
        self.text(name, &at.to_string());
    }

    /// A list: one `member` for each item.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(&mut Self, T),
    ) {
        self.element(name, |xml| {
            for item in items {
                xml.element("member", |xml| fill(xml, item));
            }
        });
    }

    /// A list of texts.
    pub(crate) fn texts<'t>(&mut self, name: &str, items: impl IntoIterator<Item = &'t str>) {
        self.list(name, items, Self::escaped);
    }

    /// The root element of an answer, in the namespace of its API.
    pub(crate) fn root(&mut self, name: &str, namespace: &str, fill: impl FnOnce(&mut Self)) {
        self.0.extend(["<", name, " xmlns=\"", namespace, "\">"]);
        fill(self);
        self.end(name);
    }

    /// Elements that were written elsewhere.
    pub(crate) fn append(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    /// What was written.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }

    fn start(&mut self, name: &str) {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push('>');
    }

    fn end(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    /// Characters that XML cannot hold at all become U+FFFD.
    fn escaped(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\r' => self.0.push_str("&#xD;"),
                '\t' | '\n' => self.0.push(letter),
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => self.0.push('\u{fffd}'),
                other => self.0.push(other),
            }
        }
    }
}

/// Percent-encodes a policy document as IAM answers it.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_elements_lists_and_escapes() {
        let mut xml = Xml::default();
        xml.root("R", "ns", |xml| {
            xml.text("T", "a<b>&\"\r\n\u{1}ü");
            xml.optional("None", None);
            xml.boolean("B", true);
            xml.date("D", Timestamp::from_millis(0));
            xml.texts("L", ["x", "y"]);
        });
        let expected = "<R xmlns=\"ns\"><T>a&lt;b&gt;&amp;&quot;&#xD;\n\u{fffd}ü</T><B>true</B>\
            <D>1970-01-01T00:00:00Z</D><L><member>x</member><member>y</member></L></R>";
        assert_eq!(String::from_utf8(xml.into_bytes()).unwrap(), expected);
        assert_eq!(percent_encoded("{\"a\": \"ü~\"}"), "%7B%22a%22%3A%20%22%C3%BC~%22%7D");
    }
}
