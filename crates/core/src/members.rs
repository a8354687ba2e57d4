//! Reading a request body: JSON members to typed values, with AWS's words for every broken rule.
//!
//! A wrong JSON type, a duplicate key or invalid base64 is a `SerializationException` at once. Broken
//! constraints of the service model are gathered, all of them, and answered together by `finish`; until then
//! a getter of a broken member returns a placeholder that nobody gets to see.

mod json;

use std::borrow::Cow;

use base64_simd::STANDARD;
use json::Node;
use reseal_types::{EncryptionContext, Timestamp};

use crate::error::Error;

/// The members of a request, taken out one by one.
pub(crate) struct Members<'a> {
    taken_from: Vec<(Cow<'a, str>, Node<'a>)>,
    path: String,
    violations: Violations,
    grant_tokens: Vec<String>,
}

/// Broken constraints. All are counted, but only so many are told: a small body must not make a large answer.
#[derive(Default)]
struct Violations {
    told: Vec<String>,
    count: usize,
}

const MOST_TOLD: usize = 20;

impl Violations {
    fn add(&mut self, text: String) {
        self.count += 1;
        if self.told.len() < MOST_TOLD {
            self.told.push(text);
        }
    }
}

/// Inclusive bounds of a length or a number.
#[derive(Clone, Copy)]
pub(crate) struct Bounds(pub(crate) i64, pub(crate) i64);

/// A value of an enumeration of the service model.
pub(crate) trait ModelEnum: Copy + 'static {
    /// All values, in the order of AWS's messages.
    const ALL: &'static [Self];

    /// The value's name in the model.
    fn name(self) -> &'static str;
}

/// A pattern of the model that says which bytes a text is made of, as it is written there and as what it says.
pub(crate) type BytePattern<'p> = (&'p str, fn(u8) -> bool);

type Taken<T> = Result<T, Error>;

impl<'a> Members<'a> {
    /// Parses a body: a JSON object, or nothing at all, which is an empty one.
    ///
    /// # Errors
    /// [`Error::Serialization`] when it is neither.
    pub(crate) fn parse(body: &'a [u8]) -> Taken<Self> {
        let members = if body.is_empty() { Vec::new() } else { json::object(body)? };
        Ok(Self {
            taken_from: members,
            path: String::new(),
            violations: Violations::default(),
            grant_tokens: Vec::new(),
        })
    }

    /// Keeps the grant tokens of the request for the pipeline: what they speak for is no operation's business.
    pub(crate) fn keep_grant_tokens(&mut self, tokens: Vec<String>) {
        self.grant_tokens = tokens;
    }

    /// Answers all broken constraints, if any; gives the grant tokens of the request.
    ///
    /// # Errors
    /// [`Error::Validation`] in AWS's words.
    pub(crate) fn finish(self) -> Taken<Vec<String>> {
        let count = self.violations.count;
        if count == 0 {
            return Ok(self.grant_tokens);
        }
        let errors = if count == 1 { "error" } else { "errors" };
        Err(Error::Validation(format!(
            "{count} validation {errors} detected: {}",
            self.violations.told.join("; ")
        )))
    }

    fn take(&mut self, name: &str) -> Option<Node<'a>> {
        let position = self.taken_from.iter().position(|(member, _)| member == name)?;
        match self.taken_from.swap_remove(position).1 {
            Node::Null => None,
            node => Some(node),
        }
    }

    /// Whether a member was sent that has not been taken yet.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.taken_from.iter().any(|(member, node)| member == name && !matches!(node, Node::Null))
    }

    /// Records that a required member is missing.
    pub(crate) fn require(&mut self, name: &str, present: bool) {
        if !present {
            let path = self.path_of(name);
            self.violations
                .add(format!("Value null at '{path}' failed to satisfy constraint: Member must not be null"));
        }
    }

    /// Text with a length in characters.
    pub(crate) fn text(&mut self, name: &str, length: Bounds) -> Taken<Option<String>> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let text = node.into_text(name)?;
        self.check_text(name, None, &text, length);
        Ok(Some(text.into_owned()))
    }

    /// Text that must be there.
    pub(crate) fn required_text(&mut self, name: &str, length: Bounds) -> Taken<String> {
        let text = self.text(name, length)?;
        self.require(name, text.is_some());
        Ok(text.unwrap_or_default())
    }

    /// Text that must also match the model's pattern, for which `matches` stands.
    pub(crate) fn patterned_text(
        &mut self,
        name: &str,
        length: Bounds,
        pattern: &str,
        matches: impl Fn(&str) -> bool,
    ) -> Taken<Option<String>> {
        let text = self.text(name, length)?;
        if let Some(text) = text.as_deref().filter(|text| is_too_empty(text, pattern) || !matches(text)) {
            let rule = format!("Member must satisfy regular expression pattern: {pattern}");
            self.broken(name, None, Some(text), &rule);
        }
        Ok(text)
    }

    /// Text that no message may show, with the model's pattern if it has one.
    pub(crate) fn sensitive_text(
        &mut self,
        name: &str,
        length: Bounds,
        pattern: Option<BytePattern<'_>>,
    ) -> Taken<Option<String>> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let text = node.into_text(name)?.into_owned();
        if let Some(rule) = length.broken_by_text(&text) {
            self.broken(name, None, None, &rule);
        }
        let broken =
            |(pattern, legal): &BytePattern<'_>| is_too_empty(&text, pattern) || !text.bytes().all(legal);
        if let Some((pattern, _)) = pattern.filter(broken) {
            let rule = format!("Member must satisfy regular expression pattern: {pattern}");
            self.broken(name, None, None, &rule);
        }
        Ok(Some(text))
    }

    /// Bytes in base64 with a length; the value is never shown in a message.
    pub(crate) fn blob(&mut self, name: &str, length: Bounds) -> Taken<Option<Vec<u8>>> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let text = node.into_text(name)?;
        let bytes = STANDARD
            .decode_to_vec(text.as_bytes())
            .map_err(|_| Error::Serialization(format!("{name} is not valid base64.")))?;
        if let Some(rule) = length.broken_by(bytes.len(), "length") {
            self.broken(name, None, None, &rule);
        }
        Ok(Some(bytes))
    }

    /// Bytes that must be there.
    pub(crate) fn required_blob(&mut self, name: &str, length: Bounds) -> Taken<Vec<u8>> {
        let blob = self.blob(name, length)?;
        self.require(name, blob.is_some());
        Ok(blob.unwrap_or_default())
    }

    /// A whole number within bounds.
    pub(crate) fn integer(&mut self, name: &str, range: Bounds) -> Taken<Option<i64>> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let number = node.into_integer(name)?;
        if let Some(rule) = range.broken_by_number(number) {
            self.broken(name, None, Some(&number.to_string()), &rule);
        }
        Ok(Some(number))
    }

    /// A moment, in epoch seconds with or without a fraction.
    pub(crate) fn timestamp(&mut self, name: &str) -> Taken<Option<Timestamp>> {
        self.take(name).map(|node| node.into_millis(name).map(Timestamp::from_millis)).transpose()
    }

    /// A boolean.
    pub(crate) fn boolean(&mut self, name: &str) -> Taken<Option<bool>> {
        self.take(name).map(|node| node.into_bool(name)).transpose()
    }

    /// A boolean that is false when absent.
    pub(crate) fn flag(&mut self, name: &str) -> Taken<bool> {
        Ok(self.boolean(name)?.unwrap_or(false))
    }

    /// A value of an enumeration.
    pub(crate) fn choice<E: ModelEnum>(&mut self, name: &str) -> Taken<Option<E>> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let text = node.into_text(name)?;
        let found = E::ALL.iter().copied().find(|value| value.name() == text);
        if found.is_none() {
            self.broken(name, None, Some(&text), &not_in_set::<E>());
        }
        Ok(found)
    }

    /// A value of an enumeration that must be there.
    pub(crate) fn required_choice<E: ModelEnum>(&mut self, name: &str) -> Taken<Option<E>> {
        let sent = self.taken_from.iter().any(|(member, node)| member == name && !matches!(node, Node::Null));
        self.require(name, sent);
        self.choice(name)
    }

    /// A list of values of an enumeration.
    pub(crate) fn choices<E: ModelEnum>(&mut self, name: &str, count: Bounds) -> Taken<Vec<E>> {
        let mut chosen = Vec::new();
        for (index, node) in self.list(name, count)?.into_iter().flatten().enumerate() {
            let text = node.into_text(name)?;
            if let Some(value) = E::ALL.iter().copied().find(|value| value.name() == text) {
                chosen.push(value);
            } else {
                self.broken(name, Some(index), Some(&text), &not_in_set::<E>());
            }
        }
        Ok(chosen)
    }

    /// A list of texts that no message may show; `None` when absent.
    pub(crate) fn sensitive_texts(
        &mut self,
        name: &str,
        count: Bounds,
        length: Bounds,
    ) -> Taken<Option<Vec<String>>> {
        let Some(nodes) = self.list(name, count)? else { return Ok(None) };
        let mut texts = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.into_iter().enumerate() {
            let text = node.into_text(name)?.into_owned();
            if let Some(rule) = length.broken_by_text(&text) {
                self.broken(name, Some(index), None, &rule);
            }
            texts.push(text);
        }
        Ok(Some(texts))
    }

    /// A list of texts; `None` when absent.
    pub(crate) fn texts(&mut self, name: &str, count: Bounds, length: Bounds) -> Taken<Option<Vec<String>>> {
        let Some(nodes) = self.list(name, count)? else { return Ok(None) };
        let mut texts = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.into_iter().enumerate() {
            let text = node.into_text(name)?.into_owned();
            self.check_text(name, Some(index), &text, length);
            texts.push(text);
        }
        Ok(Some(texts))
    }

    /// A list of structures, each read by `read`; `None` when absent.
    pub(crate) fn structures<T>(
        &mut self,
        name: &str,
        count: Bounds,
        mut read: impl FnMut(&mut Members<'a>) -> Taken<T>,
    ) -> Taken<Option<Vec<T>>> {
        let Some(nodes) = self.list(name, count)? else { return Ok(None) };
        let mut items = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.into_iter().enumerate() {
            let path = format!("{}.{}.member.", self.path_of(name), index + 1);
            let members = node.into_object(name)?;
            let mut inner = self.nested(members, path);
            items.push(read(&mut inner)?);
            self.violations = inner.violations;
        }
        Ok(Some(items))
    }

    /// A structure within this request, whose broken constraints are counted together with the others.
    fn nested(&mut self, taken_from: Vec<(Cow<'a, str>, Node<'a>)>, path: String) -> Self {
        let violations = std::mem::take(&mut self.violations);
        Self { taken_from, path, violations, grant_tokens: Vec::new() }
    }

    /// A structure, read by `read`; `None` when absent.
    pub(crate) fn structure<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Members<'a>) -> Taken<T>,
    ) -> Taken<Option<T>> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let path = format!("{}.", self.path_of(name));
        let mut inner = self.nested(node.into_object(name)?, path);
        let value = read(&mut inner)?;
        self.violations = inner.violations;
        Ok(Some(value))
    }

    /// An encryption context; empty when absent.
    pub(crate) fn encryption_context(&mut self, name: &str) -> Taken<EncryptionContext> {
        Ok(self.optional_encryption_context(name)?.unwrap_or_default())
    }

    /// An encryption context; `None` when absent.
    pub(crate) fn optional_encryption_context(&mut self, name: &str) -> Taken<Option<EncryptionContext>> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let members = node.into_object(name)?;
        let mut pairs = Vec::with_capacity(members.len());
        for (key, value) in members {
            // A null value of a map entry equals its absence, as for members.
            if !matches!(value, Node::Null) {
                pairs.push((key, value.into_text(name)?));
            }
        }
        EncryptionContext::new(pairs).map(Some).map_err(|_| {
            Error::Validation(format!(
                "{name} is too long: its canonical form can have at most {} bytes.",
                reseal_types::context::MAX_CANONICAL_BYTES
            ))
        })
    }

    fn list(&mut self, name: &str, count: Bounds) -> Taken<Option<Vec<Node<'a>>>> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let nodes = node.into_list(name)?;
        if let Some(rule) = count.broken_by(nodes.len(), "length") {
            self.broken(name, None, None, &rule);
        }
        Ok(Some(nodes))
    }

    fn check_text(&mut self, name: &str, item: Option<usize>, text: &str, length: Bounds) {
        if let Some(rule) = length.broken_by_text(text) {
            self.broken(name, item, Some(text), &rule);
        }
    }

    /// Records a broken constraint of a member, or of an item of it. The value is shown only where it may be.
    #[cold]
    fn broken(&mut self, name: &str, item: Option<usize>, shown: Option<&str>, rule: &str) {
        let value = shown.map(|text| format!(" '{text}'")).unwrap_or_default();
        let item = item.map(|index| format!(".{}.member", index + 1)).unwrap_or_default();
        let path = self.path_of(name);
        self.violations.add(format!("Value{value} at '{path}{item}' failed to satisfy constraint: {rule}"));
    }

    /// Member names appear in messages with the first letter lower-cased.
    fn path_of(&self, name: &str) -> String {
        let mut letters = name.chars();
        let first = letters.next().map(|letter| letter.to_ascii_lowercase());
        self.path.chars().chain(first).chain(letters).collect()
    }
}

impl Bounds {
    fn broken_by(self, length: usize, what: &str) -> Option<String> {
        self.broken(i64::try_from(length).unwrap_or(i64::MAX), what)
    }

    /// The length of a text is that in characters, of one to four bytes: most texts need no counting.
    fn broken_by_text(self, text: &str) -> Option<String> {
        let Self(least, most) = self;
        let bytes = i64::try_from(text.len()).unwrap_or(i64::MAX);
        if bytes <= most && bytes > least.saturating_sub(1).saturating_mul(4) {
            return None;
        }
        self.broken_by(text.chars().count(), "length")
    }

    fn broken_by_number(self, number: i64) -> Option<String> {
        self.broken(number, "value")
    }

    fn broken(self, value: i64, what: &str) -> Option<String> {
        let Self(least, most) = self;
        if (least..=most).contains(&value) {
            return None;
        }
        let (how, bound) = if value < least { ("greater", least) } else { ("less", most) };
        Some(format!("Member must have {what} {how} than or equal to {bound}"))
    }
}

/// No text matches but those patterns of the model that end in `*`.
fn is_too_empty(text: &str, pattern: &str) -> bool {
    text.is_empty() && !pattern.ends_with('*')
}

#[cold]
fn not_in_set<E: ModelEnum>() -> String {
    let names: Vec<&str> = E::ALL.iter().map(|value| value.name()).collect();
    format!("Member must satisfy enum value set: [{}]", names.join(", "))
}

#[cfg(test)]
mod tests;
