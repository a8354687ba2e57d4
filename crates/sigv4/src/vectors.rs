//! Computed vectors (botocore's signers, AWS's example credentials): every intermediate value, then the whole way
//! in both directions.

use serde_json::Value;

use crate::canonical::{replace_by_string_to_sign, write_request};
use crate::encode::sha256_hex;
use crate::key::tests::derived_hex;
use crate::{Claim, Credentials, RequestParts, Scope, Scratch, SigningKey, Timestamp, presign, sign};

/// One vector, taken apart.
struct Vector {
    json: Value,
    headers: Vec<(String, String)>,
    query: String,
}

impl Vector {
    fn all() -> Vec<Self> {
        let file: Value = serde_json::from_str(include_str!("../vectors/sigv4-vectors.json")).unwrap();
        file["vectors"].as_array().unwrap().iter().cloned().map(Self::new).collect()
    }

    fn new(json: Value) -> Self {
        let sent = json["headers"].as_object().unwrap().iter();
        let mut headers: Vec<_> =
            sent.map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap().to_owned())).collect();
        headers.push(("host".to_owned(), json["host"].as_str().unwrap().to_owned()));
        headers.push(("user-agent".to_owned(), "test".to_owned()));
        let url = json["url"].as_str().unwrap();
        let query = url.split_once('?').map_or("", |(_, query)| query).to_owned();
        Self { json, headers, query }
    }

    fn text(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap()
    }

    fn headers(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }

    fn parts<'a>(&'a self, headers: &'a [(&'a str, &'a [u8])]) -> RequestParts<'a> {
        RequestParts { method: self.text("method"), path: "/", query: &self.query, headers }
    }

    fn now(&self) -> i64 {
        Timestamp::parse_basic(self.text("time").as_bytes()).unwrap().unix()
    }

    fn credentials(&self) -> Credentials<'_> {
        Credentials {
            access_key_id: self.text("accessKeyId"),
            secret_access_key: self.text("secretAccessKey").as_bytes(),
            session_token: self.json["sessionToken"].as_str(),
        }
    }
}

#[test]
fn every_intermediate_value() {
    let vectors = Vector::all();
    assert_eq!(vectors.len(), 4);
    for vector in &vectors {
        let name = vector.text("name");
        let headers = vector.headers();
        let claim = Claim::parse(vector.parts(&headers)).unwrap();
        let mut buffer = Vec::new();
        let payload = sha256_hex(vector.text("body").as_bytes());
        let (parts, signed) = (&claim.parts, &claim.signed_headers);
        let lines = signed.locate(parts).unwrap();
        write_request(&mut buffer, parts, &claim.parameters, signed, &lines, &payload);
        assert_eq!(std::str::from_utf8(&buffer).unwrap(), vector.text("canonicalRequest"), "{name}");

        replace_by_string_to_sign(&mut buffer, claim.signed_at(), claim.credential().scope());
        assert_eq!(std::str::from_utf8(&buffer).unwrap(), vector.text("stringToSign"), "{name}");

        let (secret, region) = (vector.text("secretAccessKey"), vector.text("region"));
        let key_hex = derived_hex(secret, claim.credential().date(), region, vector.text("service"));
        assert_eq!(key_hex, vector.text("signingKeyHex"), "{name}");

        let key = SigningKey::derive(secret.as_bytes(), claim.credential().date(), region, "kms");
        assert_eq!(key.sign_hex(&buffer).as_slice(), vector.text("signature").as_bytes(), "{name}");
    }
}

#[test]
fn all_are_verified() {
    for vector in Vector::all() {
        let headers = vector.headers();
        let claim = Claim::parse(vector.parts(&headers)).unwrap();
        assert_eq!(claim.access_key_id(), vector.text("accessKeyId"));
        assert_eq!(claim.session_token(), vector.json["sessionToken"].as_str());
        assert_eq!(claim.signed_at().as_str(), vector.text("time"));
        assert_eq!(claim.is_presigned(), !vector.query.is_empty());
        let checked = claim.check(vector.now(), &["kms"], |region| region == "us-east-1").unwrap();
        let secret = vector.credentials().secret_access_key;
        let key = SigningKey::derive(secret, "20260102", "us-east-1", "kms");
        let body = vector.text("body").as_bytes();
        let verified = checked.verify(&key, body, &mut Scratch::default()).unwrap();
        assert_eq!(verified.payload_sha256().as_bytes(), sha256_hex(body));
    }
}

#[test]
fn all_are_made() {
    let scope = Scope { region: "us-east-1", service: "kms" };
    for vector in Vector::all() {
        let mut headers = vector.headers();
        let added = ["x-amz-date", "x-amz-security-token", "authorization"];
        headers.retain(|(name, _)| !added.contains(name));
        let parts = RequestParts { query: "", ..vector.parts(&headers) };
        let body = vector.text("body").as_bytes();
        if vector.query.is_empty() {
            let mut made = sign(parts, body, &vector.credentials(), &scope, vector.now()).unwrap();
            let mut sent = vector.headers.clone();
            sent.retain(|(name, _)| added.contains(&name.as_str()));
            sent.sort();
            made.sort();
            assert_eq!(
                made.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Vec<_>>(),
                sent
            );
        } else {
            let made = presign(parts, body, &vector.credentials(), &scope, vector.now(), 300).unwrap();
            // The order of parameters in a query string is free.
            let sorted = |query: &str| {
                let mut parameters: Vec<_> = query.split('&').map(str::to_owned).collect();
                parameters.sort();
                parameters
            };
            assert_eq!(sorted(&made), sorted(&vector.query));
        }
    }
}
