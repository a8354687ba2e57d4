//! The keys of token issuers, from a file or by HTTPS: the one place where the service calls out by itself, and only to
//! addresses of the configuration.

use std::{collections::HashMap, fmt, io, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Request, StatusCode, Uri,
    client::conn::http1,
    header::{ACCEPT, HOST},
};
use hyper_util::rt::TokioIo;
use reseal_identity::{Fetched, KeySource};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::tls::{TlsError, read_authorities};

/// All of a fetch must be done within this.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of a key set.
const MOST_BYTES: usize = 256 * 1_024;

/// The issuers of the configuration.
pub struct IssuerKeys {
    sources: HashMap<String, Source>,
    tls: Arc<ClientConfig>,
}

enum Source {
    File(PathBuf),
    Url(Uri),
}

/// Why an issuer cannot be used.
#[derive(Debug)]
pub enum IssuerError {
    /// Not `ISSUER=FILE` or `ISSUER=URL` with an issuer that begins with `https://`.
    Malformed(String),
    /// Keys may be fetched by HTTPS only, or by HTTP from this machine.
    Insecure(String),
    /// The authorities for HTTPS cannot be read.
    Authorities(TlsError),
    /// TLS cannot be used.
    Tls(rustls::Error),
}

impl fmt::Display for IssuerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(text) => write!(
                f,
                "\"{text}\" is not ISSUER=FILE or ISSUER=URL, such as \
                 https://issuer.example=/etc/reseal/issuer.json"
            ),
            Self::Insecure(text) => {
                write!(f, "\"{text}\": keys are fetched by https only, or by http from this machine")
            }
            Self::Authorities(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for IssuerError {}

impl IssuerKeys {
    /// The issuers of `entries`, each `ISSUER=FILE` or `ISSUER=URL`. Servers must show a certificate of the
    /// authorities in the PEM file; it is read only if some keys come by HTTPS.
    ///
    /// # Errors
    /// [`IssuerError`].
    pub fn new(entries: &[String], authorities: &std::path::Path) -> Result<Self, IssuerError> {
        let mut sources = HashMap::new();
        for entry in entries {
            let malformed = || IssuerError::Malformed(entry.clone());
            let (issuer, source) = entry.split_once('=').ok_or_else(malformed)?;
            if !issuer.starts_with("https://") || source.is_empty() {
                return Err(malformed());
            }
            sources.insert(issuer.to_owned(), Source::parse(source)?);
        }
        let by_https =
            |source: &Source| matches!(source, Source::Url(url) if url.scheme_str() == Some("https"));
        let roots = if sources.values().any(by_https) {
            read_authorities(authorities).map_err(IssuerError::Authorities)?
        } else {
            RootCertStore::empty()
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(IssuerError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { sources, tls: Arc::new(tls) })
    }

    async fn by_url(&self, url: &Uri) -> io::Result<Vec<u8>> {
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
        let host = url.host().ok_or_else(|| invalid("the URL has no host"))?;
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let secure = url.scheme_str() == Some("https");
        let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream = TcpStream::connect((bare.as_str(), port)).await?;
        let request = Request::get(url.path_and_query().map_or("/", |path| path.as_str()))
            .header(HOST, url.authority().map_or(host, |authority| authority.as_str()))
            .header(ACCEPT, "application/json")
            .body(Empty::<Bytes>::new())
            .map_err(io::Error::other)?;
        if secure {
            let name = ServerName::try_from(bare).map_err(io::Error::other)?;
            let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await?;
            exchange(stream, request).await
        } else {
            exchange(stream, request).await
        }
    }
}

impl Source {
    fn parse(text: &str) -> Result<Self, IssuerError> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        let Some(scheme) = scheme else { return Ok(Self::File(text.into())) };
        let url: Uri = text.parse().map_err(|_| IssuerError::Malformed(text.to_owned()))?;
        let here = |host: &str| {
            let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
            address.is_ok_and(|address| address.is_loopback()) || host == "localhost"
        };
        match scheme {
            "https" => Ok(Self::Url(url)),
            "http" if url.host().is_some_and(here) => Ok(Self::Url(url)),
            _ => Err(IssuerError::Insecure(text.to_owned())),
        }
    }
}

impl KeySource for IssuerKeys {
    fn knows(&self, issuer: &str) -> bool {
        self.sources.contains_key(issuer)
    }

    fn fetch<'a>(&'a self, issuer: &'a str) -> Fetched<'a> {
        Box::pin(async move {
            let unavailable = |error: io::Error| error.to_string();
            match self.sources.get(issuer).ok_or("the issuer is not known")? {
                Source::File(path) => {
                    let path = path.clone();
                    let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
                    read.map_err(io::Error::other).and_then(|read| read).map_err(unavailable)
                }
                Source::Url(url) => {
                    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
                    let fetched = tokio::time::timeout(TIMEOUT, self.by_url(url)).await.map_err(late);
                    fetched.and_then(|fetched| fetched).map_err(unavailable)
                }
            }
        })
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Empty<Bytes>>,
) -> io::Result<Vec<u8>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(io::Error::other)?;
    if answer.status() != StatusCode::OK {
        return Err(io::Error::other(format!("answered {}", answer.status())));
    }
    let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await.map_err(io::Error::other)?;
    connection.abort();
    Ok(body.to_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn outcome(entry: &str) -> Result<IssuerKeys, IssuerError> {
        IssuerKeys::new(&[entry.to_owned()], Path::new("/nowhere.pem"))
    }

    #[test]
    fn entries_of_the_configuration() {
        for good in [
            "https://issuer.example=/etc/keys.json",
            "https://issuer.example/x=keys.json",
            "https://issuer.example=http://127.0.0.1:8080/keys",
            "https://issuer.example=http://[::1]/keys",
            "https://issuer.example=http://localhost/keys",
        ] {
            assert!(outcome(good).is_ok(), "{good}");
        }
        assert!(matches!(outcome("https://a=http://10.0.0.1/keys"), Err(IssuerError::Insecure(_))));
        assert!(matches!(outcome("https://a=http://localhost.example/keys"), Err(IssuerError::Insecure(_))));
        assert!(matches!(outcome("https://a=ftp://b/keys"), Err(IssuerError::Insecure(_))));
        assert!(matches!(outcome("https://a=https://b/keys"), Err(IssuerError::Authorities(_))));
        for wrong in ["https://issuer.example", "issuer=/etc/keys.json", "https://issuer.example=", "=x"] {
            assert!(matches!(outcome(wrong), Err(IssuerError::Malformed(_))), "{wrong}");
        }
    }

    #[tokio::test]
    async fn keys_come_from_a_file() {
        let path = std::env::temp_dir().join(format!("issuer-keys-{}", std::process::id()));
        let source = outcome(&format!("https://issuer.example={}", path.display())).unwrap();
        assert!(source.fetch("https://issuer.example").await.is_err());
        std::fs::write(&path, b"{}").unwrap();
        assert_eq!(source.fetch("https://issuer.example").await, Ok(b"{}".to_vec()));
        assert!(source.knows("https://issuer.example") && !source.knows("https://other.example"));
        std::fs::remove_file(&path).unwrap();
    }
}
