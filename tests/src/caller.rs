//! The IAM user that tests call as: least privilege by `tests/caller-policy.json`, made by the root user through IAM.
//!
//! IAM is asked by requests of our own: the AWS SDK for IAM would take longer to build than everything else here.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;

use crate::ACCOUNT;

const POLICY: &str = include_str!("../caller-policy.json");
const NAME: &str = "caller";
const PATIENCE: Duration = Duration::from_mins(1);

/// Makes the user, its policy and its access key; gives the credentials. `address` is host and port of the server.
pub(crate) fn new_caller(address: &str, root: &Credentials) -> Result<Credentials, io::Error> {
    let policy = POLICY.replace("ACCOUNT", ACCOUNT);
    ask(address, root, &[("Action", "CreateUser"), ("UserName", NAME)])?;
    let made =
        ask(address, root, &[("Action", "CreatePolicy"), ("PolicyName", NAME), ("PolicyDocument", &policy)])?;
    let policy_arn = element(&made, "Arn")?;
    ask(address, root, &[("Action", "AttachUserPolicy"), ("UserName", NAME), ("PolicyArn", policy_arn)])?;
    let key = ask(address, root, &[("Action", "CreateAccessKey"), ("UserName", NAME)])?;
    let (id, secret) = (element(&key, "AccessKeyId")?, element(&key, "SecretAccessKey")?);
    Ok(Credentials::new(id, secret, None, None, "test"))
}

/// One request to IAM; gives the body of the answer.
fn ask(address: &str, root: &Credentials, parameters: &[(&str, &str)]) -> Result<String, io::Error> {
    let mut body = "Version=2010-05-08".to_owned();
    for (name, value) in parameters {
        body = format!("{body}&{name}={}", encoded(value));
    }
    let content_type = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let mut request = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\n{}: {}\r\ncontent-length: {}\r\nconnection: close\r\n",
        content_type.0,
        content_type.1,
        body.len()
    );
    let headers = [("host", address), content_type];
    for (name, value) in signature(root, &headers, &format!("http://{address}/"), body.as_bytes())? {
        request = format!("{request}{name}: {value}\r\n");
    }
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(format!("{request}\r\n{body}").as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200 ") { Ok(answer) } else { Err(io::Error::other(answer)) }
}

/// The headers that sign the request.
#[expect(clippy::disallowed_methods, reason = "the server under test has the time of the day")]
fn signature(
    root: &Credentials,
    headers: &[(&str, &str)],
    url: &str,
    body: &[u8],
) -> Result<Vec<(String, String)>, io::Error> {
    let identity = root.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("iam")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(io::Error::other)?
        .into();
    let signable = SignableRequest::new("POST", url, headers.iter().copied(), SignableBody::Bytes(body))
        .map_err(io::Error::other)?;
    let (instructions, _) = sign(signable, &params).map_err(io::Error::other)?.into_parts();
    let (added, _) = instructions.into_parts();
    Ok(added.iter().map(|header| (header.name().to_owned(), header.value().to_owned())).collect())
}

/// The text of the first element of this name.
fn element<'a>(answer: &'a str, name: &str) -> Result<&'a str, io::Error> {
    let (_, rest) = answer.split_once(&format!("<{name}>")).ok_or_else(|| missing(answer, name))?;
    let (text, _) = rest.split_once('<').ok_or_else(|| missing(answer, name))?;
    Ok(text)
}

fn missing(answer: &str, name: &str) -> io::Error {
    io::Error::other(format!("no {name} in {answer}"))
}

fn encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() {
            text.push(byte.into());
        } else {
            // Writing into a string does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
