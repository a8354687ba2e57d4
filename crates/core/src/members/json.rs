//! A JSON body as a tree that borrows from it. Duplicate keys are refused: two readers must never see two
//! different requests.

mod reader;

use std::borrow::Cow;

use reader::Broken;

use crate::error::Error;

/// Any JSON value.
#[cfg_attr(test, derive(Debug))]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    /// A number with a fraction, or too large for a whole one.
    Number(f64),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// The members of a body that is one JSON object.
pub(super) fn object(body: &[u8]) -> Result<Vec<(Cow<'_, str>, Node<'_>)>, Error> {
    match reader::read(body).map_err(|broken| in_words(body, &broken))? {
        Node::Object(members) => Ok(members),
        _ => Err(Error::Serialization("The request body must be a JSON object.".to_owned())),
    }
}

/// Says where the body is wrong without repeating any of it: the line, and the byte of the line, from one.
#[cold]
fn in_words(body: &[u8], broken: &Broken) -> Error {
    let what = if broken.duplicate { "has a duplicate key" } else { "is not valid JSON" };
    // A line feed belongs to the line that it ends.
    let before = body.get(..broken.at).unwrap_or(body);
    let mut lines = before.split(|byte| *byte == b'\n');
    let last = lines.next_back().unwrap_or_default();
    let line = lines.count() + 1;
    let column = last.len() + usize::from(broken.at < body.len());
    Error::Serialization(format!("The request body {what} at line {line}, column {column}."))
}

impl<'a> Node<'a> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL_VALUE",
            Self::Bool(true) => "TRUE_VALUE",
            Self::Bool(false) => "FALSE_VALUE",
            Self::Integer(_) => "NUMBER_VALUE",
            Self::Number(_) => "DECIMAL_VALUE",
            Self::Text(_) => "STRING_VALUE",
            Self::List(_) => "START_ARRAY",
            Self::Object(_) => "START_OBJECT",
        }
    }

    fn not_a(&self, wanted: &str, member: &str) -> Error {
        Error::Serialization(format!("{} cannot be converted to {wanted} for {member}.", self.kind()))
    }

    pub(super) fn into_text(self, member: &str) -> Result<Cow<'a, str>, Error> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(other.not_a("String", member)),
        }
    }

    pub(super) fn into_integer(self, member: &str) -> Result<i64, Error> {
        match self {
            Self::Integer(number) => Ok(number),
            other => Err(other.not_a("Integer", member)),
        }
    }

    /// Epoch seconds, as milliseconds.
    pub(super) fn into_millis(self, member: &str) -> Result<i64, Error> {
        match self {
            Self::Integer(seconds) => Ok(seconds.saturating_mul(1_000)),
            // Whole milliseconds; a float that is not a number or too large becomes the nearest there is.
            #[expect(clippy::cast_possible_truncation, reason = "saturates, which is what is wanted")]
            Self::Number(seconds) => Ok((seconds * 1_000.0).round() as i64),
            other => Err(other.not_a("Timestamp", member)),
        }
    }

    pub(super) fn into_bool(self, member: &str) -> Result<bool, Error> {
        match self {
            Self::Bool(value) => Ok(value),
            other => Err(other.not_a("Boolean", member)),
        }
    }

    pub(super) fn into_list(self, member: &str) -> Result<Vec<Self>, Error> {
        match self {
            Self::List(nodes) => Ok(nodes),
            other => Err(other.not_a("List", member)),
        }
    }

    pub(super) fn into_object(self, member: &str) -> Result<Vec<(Cow<'a, str>, Self)>, Error> {
        match self {
            Self::Object(members) => Ok(members),
            other => Err(other.not_a("Structure", member)),
        }
    }
}

#[cfg(test)]
mod tests;
