//! The reader against `serde_json`, which accepts and refuses the same texts.

use std::fmt;

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::*;

/// What the reader says of a body: the value, or what is wrong with it.
fn read(body: &[u8]) -> Result<String, &'static str> {
    let broken = |broken: Broken| if broken.duplicate { "duplicate" } else { "syntax" };
    reader::read(body).map(|node| format!("{node:?}")).map_err(broken)
}

/// The same from `serde_json`.
fn expected(body: &[u8]) -> Result<String, &'static str> {
    let wrong = |error: serde_json::Error| if error.is_data() { "duplicate" } else { "syntax" };
    serde_json::from_slice::<Node<'_>>(body).map(|node| format!("{node:?}")).map_err(wrong)
}

/// Texts on the edge of what is JSON.
const CORNERS: &[&str] = &[
    "",
    " ",
    "{}",
    " { } ",
    "[]",
    "[ ]",
    "[,]",
    "[1,]",
    "[1 2]",
    "{,}",
    r#"{"a"}"#,
    r#"{"a":}"#,
    r#"{"a":1,}"#,
    r#"{"a":1 "b":2}"#,
    "{a:1}",
    r#"{"a":1}{"#,
    "null",
    "nul",
    "nulll",
    "true",
    "false",
    "falsy",
    "True",
    "0",
    "-0",
    "-",
    "+1",
    "01",
    "-01",
    "1.",
    ".5",
    "1.5",
    "1e5",
    "1E+5",
    "1e",
    "1e-",
    "1-2",
    "1.2.3",
    "-1",
    "0.1",
    "123456789.987654321e-3",
    "1e308",
    "1e309",
    "-1e999",
    "1e-999",
    "NaN",
    "Infinity",
    "0x10",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "123456789012345678",
    "1234567890123456789",
    "100000000000000000000000000000000000000000000000000000",
    r#""\u00fc\/\b\f\n\r\t\"\\""#,
    r#""\u00FC""#,
    r#""\ud83d\ude00""#,
    r#""\uD83D""#,
    r#""\uD83Dx""#,
    r#""\uD83D\n""#,
    r#""\uD83D\u0041""#,
    r#""\uDE00""#,
    r#""\uD83D\uD83D""#,
    r#""\uDE00\uD83D""#,
    r#""\u12""#,
    r#""\u+123""#,
    r#""\u123g""#,
    r#""\x""#,
    r#""\"#,
    "\"\u{7f}\u{2028}\u{0}\"",
    "\"\n\"",
    "\"\t\"",
    "\"ü😀\"",
    "\"a",
    "\u{feff}{}",
    "\u{a0}1",
    "\u{b}1",
    "// x\n1",
    r#"{"a":1,"a":2}"#,
    r#"{"a":1,"\u0061":2}"#,
    r#"{"":1,"":2}"#,
    r#"[{"a":{"b":1,"b":1}}"#,
    r#"{"a":1,"a":2"#,
    r#"{"b":{"a":1},"a":{"a":1}}"#,
    "'a'",
    "\"abcdefg\\",
    "\"abcdefgh\\u",
];

#[test]
fn corners_are_read_as_by_serde_json() {
    for text in CORNERS {
        assert_eq!(read(text.as_bytes()), expected(text.as_bytes()), "{text}");
        let within = format!("\r\n{{\"key\"\t:\t[ {text} ] }}\n");
        assert_eq!(read(within.as_bytes()), expected(within.as_bytes()), "{within}");
    }
    for bytes in
        [&b"\"\xff\""[..], b"\xff", b"\"\xed\xa0\x80\"", b"\"\xc0\x80\"", b"\"\xf0\x9f\"", b"\"\\u00\xff\""]
    {
        assert_eq!((read(bytes), expected(bytes)), (Err("syntax"), Err("syntax")), "{bytes:?}");
    }
}

#[test]
fn values_within_each_other_have_the_same_bound() {
    for depth in [1, 126, 127, 128, 129] {
        let lists = "[".repeat(depth) + &"]".repeat(depth);
        let objects = "{\"a\":".repeat(depth) + "0" + &"}".repeat(depth);
        for text in [lists, objects] {
            assert_eq!(read(text.as_bytes()), expected(text.as_bytes()), "{depth}");
            assert_eq!(read(text.as_bytes()).is_ok(), depth < 128, "{depth}");
        }
    }
    // What lies side by side does not count.
    assert!(read(format!("[{}[]]", "[[]],{\"a\":[]},".repeat(1_000)).as_bytes()).is_ok());
}

#[test]
fn many_members_are_looked_at_for_duplicates_too() {
    let body = |last: &str| {
        let members: Vec<String> = (0..50).map(|n| format!("\"k{n}\":{n}")).collect();
        format!("{{{},\"{last}\":0}}", members.join(","))
    };
    assert!(read(body("k50").as_bytes()).is_ok());
    assert_eq!(read(body("k7").as_bytes()), Err("duplicate"));
}

#[test]
fn the_place_is_told() {
    let cases = [
        ("{\n \"a\": x}", "is not valid JSON at line 2, column 7"),
        ("{\n", "is not valid JSON at line 2, column 0"),
        ("{\"a\":\"\u{1}\"}", "is not valid JSON at line 1, column 7"),
        (r#"{"a":"\q"}"#, "is not valid JSON at line 1, column 8"),
        ("[\n\n{\"a\":1,\n\"a\":2 } ]", "has a duplicate key at line 4, column 7"),
    ];
    for (body, expected) in cases {
        let Err(Error::Serialization(text)) = object(body.as_bytes()) else { panic!("{body}") };
        assert_eq!(text, format!("The request body {expected}."), "{body}");
    }
    let Err(Error::Serialization(text)) = object(b"{\"a\":\"\xff\"}") else { panic!() };
    assert_eq!(text, "The request body is not valid JSON at line 1, column 7.");
}

/// JSON texts, with white space here and there.
fn json() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<u64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n}")),
        any::<f64>().prop_map(|n| format!("{n:e}")),
        "-?[0-9]{1,30}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
    ];
    let letters = "([a-c ü😀\u{7f}]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-fA-F]{4}|\\\\ud83d\\\\ude0[0-9]){0,12}";
    let text = letters.prop_map(|text| format!("\"{text}\"")).boxed();
    let key = prop_oneof!["\"[a-d]{1,2}\"", text.clone()];
    let leaf = prop_oneof![number, text, "null|true|false"];
    leaf.prop_recursive(6, 60, 20, move |inner| {
        let member =
            (key.clone(), "[ \t\r\n]{0,2}", inner.clone()).prop_map(|(k, s, v)| format!("{k}{s}:{s}{v}{s}"));
        prop_oneof![
            prop::collection::vec(inner, 0..8).prop_map(|items| format!("[{}]", items.join(" ,"))),
            prop::collection::vec(member, 0..20).prop_map(|members| format!("{{{}}}", members.join(", "))),
        ]
    })
}

/// A few bytes to put in place of others.
fn wounds() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, Vec<u8>)>> {
    let telling = prop::sample::select(b"{}[]\",:\\u0d8Dc9-+.eE \n\x00\x1f\x7ftn/".to_vec());
    let byte = prop_oneof![4 => telling, 1 => any::<u8>()];
    prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, prop::collection::vec(byte, 0..3)), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whole_texts_are_read_as_by_serde_json(text in json()) {
        prop_assert_eq!(read(text.as_bytes()), expected(text.as_bytes()));
    }

    #[test]
    fn broken_texts_are_refused_as_by_serde_json(text in json(), wounds in wounds()) {
        let mut bytes = text.into_bytes();
        for (place, removed, put) in wounds {
            let start = place.index(bytes.len() + 1);
            let end = bytes.len().min(start + usize::from(removed));
            bytes.splice(start..end, put);
        }
        let (ours, theirs) = (read(&bytes), expected(&bytes));
        // Bytes that are no text are refused before anything else is found wrong.
        if std::str::from_utf8(&bytes).is_err() {
            prop_assert!(ours.is_err() && theirs.is_err());
        } else {
            prop_assert_eq!(ours, theirs);
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

    #[expect(clippy::cast_precision_loss, reason = "as such a number is read")]
    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
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
        let mut members: Vec<(Cow<'de, str>, Node<'de>)> = Vec::new();
        while let Some(Key(key)) = map.next_key()? {
            members.push((key, map.next_value()?));
        }
        let keys: std::collections::HashSet<&str> = members.iter().map(|(key, _)| &**key).collect();
        if keys.len() < members.len() {
            return Err(A::Error::custom("duplicate key"));
        }
        Ok(Node::Object(members))
    }
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
