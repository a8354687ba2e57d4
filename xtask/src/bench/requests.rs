//! Requests signed beforehand: two symmetric keys with the default policy, 32-byte plaintexts, one context pair.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::TcpStream,
    time::UNIX_EPOCH,
};

use anyhow::{Context, Result, bail};
use reseal_sigv4::{Credentials, RequestParts, Scope, sign};
use serde_json::{Value, json};

use super::process::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, Server};

/// Many different bodies, so that nothing is answered from a warm copy of one request.
const VARIANTS: usize = 200;

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    ReEncrypt,
    Encrypt,
    Decrypt,
    GenerateDataKey,
}

impl Operation {
    pub(super) const ALL: [Self; 4] = [Self::ReEncrypt, Self::Encrypt, Self::Decrypt, Self::GenerateDataKey];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ReEncrypt => "ReEncrypt",
            Self::Encrypt => "Encrypt",
            Self::Decrypt => "Decrypt",
            Self::GenerateDataKey => "GenerateDataKey",
        }
    }
}

/// Keys and ciphertexts that the requests name.
pub(super) struct Setup {
    address: String,
    from: String,
    to: String,
    blobs: Vec<String>,
}

impl Setup {
    pub(super) fn prepare(server: &Server) -> Result<Self> {
        let address = server.address.clone();
        let create = || -> Result<String> {
            let created = call(&address, "CreateKey", &json!({}))?;
            text(&created, "/KeyMetadata/Arn")
        };
        let (from, to) = (create()?, create()?);
        let mut blobs = Vec::with_capacity(VARIANTS);
        for _ in 0..VARIANTS {
            let request =
                json!({"KeyId": from, "KeySpec": "AES_256", "EncryptionContext": {"purpose": "bench"}});
            blobs.push(text(&call(&address, "GenerateDataKey", &request)?, "/CiphertextBlob")?);
        }
        Ok(Self { address, from, to, blobs })
    }

    pub(super) fn requests(&self, operation: Operation) -> Vec<Vec<u8>> {
        let context = json!({"purpose": "bench"});
        let body = |blob: &String| match operation {
            Operation::ReEncrypt => json!({"CiphertextBlob": blob, "SourceEncryptionContext": context,
                "DestinationKeyId": self.to, "DestinationEncryptionContext": context}),
            Operation::Encrypt => json!({"KeyId": self.from, "EncryptionContext": context,
                "Plaintext": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}),
            Operation::Decrypt => json!({"CiphertextBlob": blob, "EncryptionContext": context}),
            Operation::GenerateDataKey => {
                json!({"KeyId": self.from, "KeySpec": "AES_256", "EncryptionContext": context})
            }
        };
        self.blobs
            .iter()
            .filter_map(|blob| signed(&self.address, operation.name(), &body(blob)).ok())
            .collect()
    }

    /// The bytes of a ReEncrypt, for the echo.
    pub(super) fn echo_request(&self) -> Vec<u8> {
        self.requests(Operation::ReEncrypt).into_iter().next().unwrap_or_default()
    }
}

fn signed(address: &str, operation: &str, body: &Value) -> Result<Vec<u8>> {
    let body = body.to_string();
    let target = format!("TrentService.{operation}");
    let headers: [(&str, &[u8]); 3] = [
        ("host", address.as_bytes()),
        ("content-type", b"application/x-amz-json-1.1"),
        ("x-amz-target", target.as_bytes()),
    ];
    let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers };
    let credentials = Credentials {
        access_key_id: ACCESS_KEY_ID,
        secret_access_key: SECRET_ACCESS_KEY.as_bytes(),
        session_token: None,
    };
    let scope = Scope { region: "us-east-1", service: "kms" };
    let added = sign(parts, body.as_bytes(), &credentials, &scope, now()?)?;
    let mut request = String::from("POST / HTTP/1.1\r\n");
    for (name, value) in &headers {
        write!(request, "{name}: {}\r\n", std::str::from_utf8(value)?)?;
    }
    for (name, value) in added {
        write!(request, "{name}: {value}\r\n")?;
    }
    write!(request, "content-length: {}\r\n\r\n{body}", body.len())?;
    Ok(request.into_bytes())
}

#[expect(clippy::disallowed_methods, reason = "a client signs with the time of day")]
fn now() -> Result<i64> {
    Ok(i64::try_from(std::time::SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?)
}

fn call(address: &str, operation: &str, body: &Value) -> Result<Value> {
    let mut stream = TcpStream::connect(address)?;
    let request = String::from_utf8(signed(address, operation, body)?)?;
    stream.write_all(request.replacen("\r\n", "\r\nconnection: close\r\n", 1).as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an HTTP answer")?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("{operation}: {answer}");
    }
    Ok(serde_json::from_str(body)?)
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    Ok(value.pointer(pointer).and_then(Value::as_str).context("a text member")?.to_owned())
}
