//! JSON as the policy grammar needs it: duplicate names are refused (two readers could otherwise see two different
//! policies in one text) and scalars are kept as text.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::PolicyError;

/// A JSON value; numbers and booleans as the text that conditions compare.
#[derive(Debug)]
pub(crate) enum Json {
    /// `null`, which no policy element accepts.
    Null,
    /// `true`, `false` or a number, as text.
    Scalar(String),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object in document order, names unique.
    Object(Vec<(String, Json)>),
}

/// Reads one JSON document. Nesting is bounded by the reader (128 levels).
pub(crate) fn parse(text: &str) -> Result<Json, PolicyError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Json::deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| PolicyError::InvalidJson { line: error.line(), column: error.column() })?;
    refuse_duplicates(&value)?;
    Ok(value)
}

fn refuse_duplicates(value: &Json) -> Result<(), PolicyError> {
    match value {
        Json::Array(items) => items.iter().try_for_each(refuse_duplicates),
        Json::Object(members) => {
            let mut seen = BTreeSet::new();
            for (name, member) in members {
                if !seen.insert(name.as_str()) {
                    return Err(PolicyError::DuplicateElement(name.clone()));
                }
                refuse_duplicates(member)?;
            }
            Ok(())
        }
        Json::Null | Json::Scalar(_) | Json::String(_) => Ok(()),
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        // The debug form keeps the `.0` of `1546257599.0`, as the author wrote it.
        Ok(Json::Scalar(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(member) = members.next_entry()? {
            list.push(member);
        }
        Ok(Json::Object(list))
    }
}
