//! A request that can be signed, changed and verified.

use reseal_sigv4::{Claim, Credentials, Error, RequestParts, Scope, Scratch, SigningKey, presign, sign};

/// 2026-01-02T03:04:05Z.
pub(crate) const NOW: i64 = 1_767_323_045;
pub(crate) const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
pub(crate) const SCOPE: Scope<'static> = Scope { region: "us-east-1", service: "kms" };

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// A DescribeKey request as it is before signing.
pub(crate) fn unsigned() -> Request {
    let headers = [
        ("host", "kms.example.internal"),
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", "TrentService.DescribeKey"),
        ("user-agent", "test"),
    ];
    Request {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec(),
        body: br#"{"KeyId":"alias/test"}"#.to_vec(),
    }
}

/// The same, signed in the header form.
pub(crate) fn signed() -> Request {
    let mut request = unsigned();
    request.sign(None);
    request
}

/// The same, presigned for `expires` seconds.
pub(crate) fn presigned(expires: u32) -> Request {
    let mut request = unsigned();
    request.presign(None, expires);
    request
}

pub(crate) fn credentials(session_token: Option<&str>) -> Credentials<'_> {
    Credentials { access_key_id: ACCESS_KEY_ID, secret_access_key: SECRET.as_bytes(), session_token }
}

impl Request {
    pub(crate) fn get(&self, name: &str) -> String {
        let found = self.headers.iter().find(|(present, _)| present == name);
        String::from_utf8(found.expect("header is absent").1.clone()).expect("header is not text")
    }

    /// Replaces a header.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.add(name, value);
    }

    pub(crate) fn add(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(present, _)| present != name);
    }

    pub(crate) fn with_parts<T>(&self, use_them: impl FnOnce(RequestParts<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let (method, path, query) = (&self.method, &self.path, &self.query);
        use_them(RequestParts { method, path, query, headers: &headers })
    }

    pub(crate) fn sign(&mut self, session_token: Option<&str>) {
        let credentials = credentials(session_token);
        let added =
            self.with_parts(|parts| sign(parts, &self.body, &credentials, &SCOPE, NOW)).expect("not signed");
        for (name, value) in added {
            self.add(name, &value);
        }
    }

    pub(crate) fn presign(&mut self, session_token: Option<&str>, expires: u32) {
        let credentials = credentials(session_token);
        self.query = self
            .with_parts(|parts| presign(parts, &self.body, &credentials, &SCOPE, NOW, expires))
            .expect("not signed");
    }

    /// The whole way, as a server for KMS in us-east-1 goes it. Returns the session token.
    pub(crate) fn verify(&self, now: i64) -> Result<Option<String>, Error> {
        self.with_parts(|parts| {
            let claim = Claim::parse(parts)?;
            let checked = claim.check(now, &["kms"], |region| region == "us-east-1")?;
            let date = claim.credential().date();
            let key = SigningKey::derive(SECRET.as_bytes(), date, "us-east-1", "kms");
            let verified = checked.verify(&key, &self.body, &mut Scratch::default())?;
            assert_eq!(verified.claim().access_key_id(), claim.access_key_id());
            Ok(verified.claim().session_token().map(str::to_owned))
        })
    }
}
