//! The bodies of the query protocol: `Action=CreateUser&Version=2010-05-08&UserName=alice`, form-encoded.
//!
//! Nothing here panics on any bytes; what does not fit is refused as a whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::{Map, Value};

/// Most parameters of a call: the largest list of the service models, fifty tags with key and value, fits many times.
const MOST_PARAMETERS: usize = 1_000;
/// Most parts of a name such as `Tags.member.1.Key`.
const MOST_PARTS: usize = 8;

/// Parameters by name, each given once.
#[derive(Clone, PartialEq, Eq)]
pub struct Form(BTreeMap<String, String>);

/// The body is not form-encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedForm;

impl fmt::Display for MalformedForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body is not form-encoded")
    }
}

impl std::error::Error for MalformedForm {}

impl Form {
    /// Reads a body or a query string.
    ///
    /// # Errors
    /// [`MalformedForm`] for broken escapes, texts that are not UTF-8, repeated names, names that the audit record could
    /// not tell apart, and too many of them.
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedForm> {
        let mut parameters = BTreeMap::new();
        for pair in bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if parameters.len() == MOST_PARAMETERS || parameters.insert(name, value).is_some() {
                return Err(MalformedForm);
            }
        }
        if shows_twice(&parameters) { Err(MalformedForm) } else { Ok(Self(parameters)) }
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether any parameter's name begins so.
    pub(crate) fn has_prefix(&self, prefix: &str) -> bool {
        self.0.range(prefix.to_owned()..).next().is_some_and(|(name, _)| name.starts_with(prefix))
    }

    /// The parameters as an audit record shows them: first letters lower-cased, lists as lists. Without those of
    /// `secret`, and without what names the action itself or its signature.
    pub(crate) fn describe(&self, secret: &[&str]) -> Option<Vec<u8>> {
        let mut root = Node::default();
        for (name, value) in &self.0 {
            let own = ["Action", "Version"].contains(&name.as_str()) || name.starts_with("X-Amz-");
            if !own && !secret.contains(&name.as_str()) {
                root.put(name, value);
            }
        }
        if root.children.is_empty() {
            return None;
        }
        serde_json::to_vec(&root.into_value()).ok()
    }
}

/// Whether one parameter would hide another in the audit record: their names differ only in the case of first letters, or
/// one has a value where the other has parts. No client sends that; who reads the record must see what was done.
fn shows_twice(parameters: &BTreeMap<String, String>) -> bool {
    let shown = |name: &String| name.splitn(MOST_PARTS, '.').map(lower_first).collect::<Vec<_>>();
    let names: BTreeSet<Vec<String>> = parameters.keys().map(shown).collect();
    let has_parent = |name: &Vec<String>| {
        (1..name.len()).any(|parts| names.contains(name.get(..parts).unwrap_or_default()))
    };
    names.len() < parameters.len() || names.iter().any(has_parent)
}

/// A parameter's value or what stands below its name.
#[derive(Default)]
struct Node {
    value: Option<String>,
    children: BTreeMap<String, Node>,
}

impl Node {
    fn put(&mut self, name: &str, value: &str) {
        let mut node = self;
        for part in name.splitn(MOST_PARTS, '.') {
            node = node.children.entry(part.to_owned()).or_default();
        }
        node.value = Some(value.to_owned());
    }

    fn into_value(mut self) -> Value {
        if let Some(members) = self.children.remove("member").filter(|_| self.children.is_empty()) {
            let mut items: Vec<_> = members.children.into_iter().collect();
            items.sort_by_key(|(index, _)| index.parse::<u32>().unwrap_or(u32::MAX));
            return Value::Array(items.into_iter().map(|(_, item)| item.into_value()).collect());
        }
        if self.children.is_empty() {
            return Value::String(self.value.unwrap_or_default());
        }
        let members = self.children.into_iter().map(|(name, child)| (lower_first(&name), child.into_value()));
        Value::Object(members.collect::<Map<_, _>>())
    }
}

/// A member's name as messages and audit records show it.
pub(crate) fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

fn decode(text: &[u8]) -> Result<String, MalformedForm> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else { return Err(MalformedForm) };
                u8::try_from(high * 16 + low).map_err(|_| MalformedForm)?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).map_err(|_| MalformedForm)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn described(text: &str) -> Value {
        let form = Form::parse(text.as_bytes()).unwrap();
        form.describe(&["TokenCode"]).map_or(Value::Null, |json| serde_json::from_slice(&json).unwrap())
    }

    #[test]
    fn reads_escapes_and_refuses_what_is_broken() {
        let form = Form::parse(b"A=1+2%2B3&B=&C&D=%C3%BC").unwrap();
        let values: Vec<_> = ["A", "B", "C", "D", "E"].map(|name| form.get(name)).into();
        assert_eq!(values, [Some("1 2+3"), Some(""), Some(""), Some("\u{fc}"), None]);
        for broken in ["A=%", "A=%4", "A=%zz", "A=%FF", "A=1&A=2"] {
            assert!(Form::parse(broken.as_bytes()).is_err(), "{broken}");
        }
        let many: Vec<_> = (0..=MOST_PARAMETERS).map(|index| format!("P{index}=")).collect();
        assert!(Form::parse(many.join("&").as_bytes()).is_err());
    }

    /// What was asked for must be what the record says: `UserName` is read, `userName` would be shown.
    #[test]
    fn refuses_what_would_hide_a_parameter_from_the_record() {
        for hiding in [
            "UserName=mallory&userName=alice",
            "UserName=mallory&UserName.x=1",
            "UserName.x=1&UserName-a=2&UserName=mallory",
            "PolicyDocument=wide&PolicyDocument.member.1=narrow",
            "Tags.member.1.Key=a&tags.member.1.key=b",
            "Tags.member.1=a&Tags.member.1.Key=b",
        ] {
            assert!(Form::parse(hiding.as_bytes()).is_err(), "{hiding}");
        }
        for distinct in
            ["UserName=a&UserNames=b", "Tags.member.1.Key=a&Tags.member.11.Key=b&Tags.member.1.Value=c"]
        {
            assert!(Form::parse(distinct.as_bytes()).is_ok(), "{distinct}");
        }
        let deep = format!("A{}=1&B=2", ".".repeat(100_000));
        assert!(Form::parse(deep.as_bytes()).is_ok());
    }

    #[test]
    fn shows_lists_and_no_secrets() {
        let shown = described(
            "Action=A&Version=V&UserName=a&TokenCode=123456&Tags.member.2.Key=k2&Tags.member.1.Key=k1\
             &Tags.member.1.Value=v&X-Amz-Signature=abc&TagKeys.member.10=j&TagKeys.member.9=i",
        );
        let expected = serde_json::json!({
            "userName": "a", "tags": [{"key": "k1", "value": "v"}, {"key": "k2"}], "tagKeys": ["i", "j"]
        });
        assert_eq!(shown, expected);
        assert_eq!(described("Action=GetCallerIdentity&Version=2011-06-15"), Value::Null);
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(form) = Form::parse(&bytes) {
                let _ = form.describe(&[]);
            }
        }

        #[test]
        fn no_form_does_harm(text in "([A-C.]{0,4}(\\.member)?(\\.[0-9]{1,3})?=[a-z%+]{0,3}&){0,20}") {
            if let Ok(form) = Form::parse(text.as_bytes()) {
                let json = form.describe(&[]);
                prop_assert!(json.is_none_or(|json| serde_json::from_slice::<Value>(&json).is_ok()));
            }
        }
    }
}
