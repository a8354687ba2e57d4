//! JSON web tokens in the compact form (RFC 7519), read and not believed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// Longest token (STS: 20,000 characters).
const MOST_BYTES: usize = 20_000;

/// A token's parts.
#[derive(Debug)]
pub(crate) struct Jwt<'a> {
    /// `alg`
    pub(crate) algorithm: String,
    /// `kid`
    pub(crate) key_id: Option<String>,
    claims: Map<String, Value>,
    /// What is signed.
    pub(crate) message: &'a str,
    pub(crate) signature: Vec<u8>,
}

impl<'a> Jwt<'a> {
    /// Reads a token; `None` when it is none.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MOST_BYTES {
            return None;
        }
        let (message, signature) = text.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        if claims.contains('.') {
            return None;
        }
        let header = object(header)?;
        // A header that asks for more than this code knows must be refused (RFC 7515, section 4.1.11).
        if header.contains_key("crit") {
            return None;
        }
        Some(Self {
            algorithm: header.get("alg")?.as_str()?.to_owned(),
            key_id: header.get("kid").and_then(Value::as_str).map(str::to_owned),
            claims: object(claims)?,
            message,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// A claim that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// A claim that is a text or a list of texts.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        match self.claims.get(name) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    /// A claim that is a moment, in seconds since 1970; `Err` when it is there and is none.
    pub(crate) fn seconds(&self, name: &str) -> Result<Option<i64>, ()> {
        match self.claims.get(name) {
            None => Ok(None),
            Some(value) => {
                let whole = value.as_i64();
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "saturates, which is as good as refusing"
                )]
                let rounded = value.as_f64().map(|seconds| seconds as i64);
                whole.or(rounded).map(Some).ok_or(())
            }
        }
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    match serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn reads_claims() {
        let text = token(
            r#"{"alg":"RS256","kid":"k"}"#,
            r#"{"sub":"s","aud":["a","b"],"exp":5,"nbf":6.7,"iat":"x"}"#,
        );
        let jwt = Jwt::parse(&text).unwrap();
        assert_eq!((jwt.algorithm.as_str(), jwt.key_id.as_deref()), ("RS256", Some("k")));
        assert_eq!((jwt.text("sub"), jwt.text("aud")), (Some("s"), None));
        assert_eq!((jwt.texts("aud"), jwt.texts("sub")), (vec!["a".into(), "b".into()], vec!["s".into()]));
        assert_eq!((jwt.seconds("exp"), jwt.seconds("nbf")), (Ok(Some(5)), Ok(Some(6))));
        assert_eq!((jwt.seconds("iat"), jwt.seconds("none")), (Err(()), Ok(None)));
        assert_eq!((jwt.message.matches('.').count(), jwt.signature.as_slice()), (1, b"sig".as_slice()));
    }

    #[test]
    fn refuses_what_is_no_token() {
        let good = token(r#"{"alg":"RS256"}"#, "{}");
        assert!(Jwt::parse(&good).is_some());
        let critical = token(r#"{"alg":"RS256","crit":["b64"]}"#, "{}");
        let wrong =
            ["", ".", "..", "a.b", "a.b.c", "e30.e30.", &format!("{good}.x"), &format!("{good}="), &critical];
        for text in wrong {
            assert!(Jwt::parse(text).is_none(), "{text}");
        }
        assert!(Jwt::parse(&"e".repeat(MOST_BYTES + 1)).is_none());
    }

    proptest! {
        #[test]
        fn no_text_does_harm(text in ".{0,200}") {
            let _ = Jwt::parse(&text);
        }

        #[test]
        fn no_content_does_harm(header in prop::collection::vec(any::<u8>(), 0..60), claims in ".{0,80}") {
            let text = format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
            let _ = Jwt::parse(&text);
        }

        #[test]
        fn no_claim_does_harm(name in "[a-z]{1,3}", value in "(\"[a-z]{0,3}\"|[0-9]{1,30}|-?[0-9]\\.[0-9]e[0-9]{1,3}|null|\\[1\\]|\\{\\})") {
            let text = token(r#"{"alg":"RS256"}"#, &format!("{{\"{name}\":{value}}}"));
            if let Some(jwt) = Jwt::parse(&text) {
                let _ = (jwt.text(&name), jwt.texts(&name), jwt.seconds(&name));
            }
        }
    }
}
