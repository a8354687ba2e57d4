//! The public keys of an issuer: a JSON web key set (RFC 7517). Keys of other kinds or for other uses are left out.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reseal_crypto::token::TokenKey;
use serde_json::{Map, Value};

/// Most keys of an issuer that are looked at.
const MOST_KEYS: usize = 100;

/// An issuer's keys.
#[derive(Default)]
pub(crate) struct KeySet(Vec<(Option<String>, TokenKey)>);

impl KeySet {
    /// Reads a key set; `None` when it is none.
    pub(crate) fn parse(json: &[u8]) -> Option<Self> {
        let Value::Object(members) = serde_json::from_slice(json).ok()? else { return None };
        let keys = members.get("keys")?.as_array()?;
        Some(Self(keys.iter().take(MOST_KEYS).filter_map(read).collect()))
    }

    /// The keys that may have signed a token with that algorithm and key id. A token without an id may be by any.
    pub(crate) fn candidates<'a>(
        &'a self,
        algorithm: &'a str,
        key_id: Option<&'a str>,
    ) -> impl Iterator<Item = &'a TokenKey> {
        let fits = move |id: Option<&str>| key_id.is_none() || id == key_id;
        let keys = self.0.iter().filter(move |(id, key)| key.algorithm() == algorithm && fits(id.as_deref()));
        keys.map(|(_, key)| key)
    }
}

fn read(value: &Value) -> Option<(Option<String>, TokenKey)> {
    let members = value.as_object()?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let key = match text("kty")? {
        "RSA" => TokenKey::rsa(&bytes(members, "n")?, &bytes(members, "e")?).ok()?,
        "EC" if text("crv") == Some("P-256") => {
            TokenKey::p256(&bytes(members, "x")?, &bytes(members, "y")?).ok()?
        }
        _ => return None,
    };
    let other_algorithm = text("alg").is_some_and(|algorithm| algorithm != key.algorithm());
    (!other_algorithm).then(|| (text("kid").map(str::to_owned), key))
}

fn bytes(members: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(members.get(name)?.as_str()?.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The key of RFC 7515, appendix A.3, and neighbours that are not for signatures of tokens here.
    const SET: &str = r#"{"keys":[
        {"kty":"EC","crv":"P-256","kid":"one","use":"sig","alg":"ES256",
         "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        {"kty":"EC","crv":"P-256","kid":"two","use":"enc",
         "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        {"kty":"EC","crv":"P-384","kid":"three","x":"AA","y":"AA"},
        {"kty":"oct","kid":"four","k":"AA"},
        {"kty":"RSA","kid":"five","n":"AQ","e":"AQAB"}
    ]}"#;

    #[test]
    fn finds_keys_by_algorithm_and_id() {
        let set = KeySet::parse(SET.as_bytes()).unwrap();
        let count = |algorithm, id| set.candidates(algorithm, id).count();
        assert_eq!([count("ES256", Some("one")), count("ES256", None)], [1, 1]);
        assert_eq!(
            [count("RS256", Some("one")), count("ES256", Some("two")), count("none", None)],
            [0, 0, 0]
        );
        assert!(KeySet::parse(b"[]").is_none());
        assert!(KeySet::parse(b"{}").is_none());
    }

    proptest! {
        #[test]
        fn no_set_does_harm(kind in "(RSA|EC|oct)", a in "[A-Za-z0-9_=-]{0,90}", b in "[A-Za-z0-9_=-]{0,90}") {
            let set = format!(
                r#"{{"keys":[{{"kty":"{kind}","crv":"P-256","n":"{a}","e":"{b}","x":"{a}","y":"{b}"}}]}}"#
            );
            let set = KeySet::parse(set.as_bytes()).unwrap();
            for key in set.candidates("RS256", None).chain(set.candidates("ES256", None)) {
                prop_assert!(key.verify(b"message", a.as_bytes()).is_err());
            }
        }

        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = KeySet::parse(&bytes);
        }
    }
}
