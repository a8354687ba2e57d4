//! A JSON body as a tree that borrows from it. Duplicate keys are refused: two readers must never see two
//! different requests.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::Error;

/// More members than this are rare.
const USUAL_MEMBERS: usize = 8;

/// Any JSON value.
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
    // Looked at once as a whole, the bytes need not be looked at again text by text.
    let node = match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(body),
    };
    let node: Node<'_> = node.map_err(|error| Error::Serialization(in_words(&error)))?;
    match node {
        Node::Object(members) => Ok(members),
        _ => Err(Error::Serialization("The request body must be a JSON object.".to_owned())),
    }
}

/// Says where the body is wrong without repeating any of it.
fn in_words(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    if error.is_data() {
        return format!("The request body has a duplicate key at line {line}, column {column}.");
    }
    format!("The request body is not valid JSON at line {line}, column {column}.")
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

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Node::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        #[expect(clippy::cast_precision_loss, reason = "no whole number of the API is as large")]
        Ok(i64::try_from(value).map_or(Node::Number(value as f64), Node::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Node::Number(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(Cow<'de, str>, Node<'de>)> = Vec::with_capacity(USUAL_MEMBERS);
        while let Some(Key(key)) = map.next_key()? {
            members.push((key, map.next_value()?));
        }
        if has_duplicates(&members) {
            return Err(A::Error::custom("duplicate key"));
        }
        Ok(Node::Object(members))
    }
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

struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}
