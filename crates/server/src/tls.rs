//! TLS 1.3 and 1.2 from PEM files, which can be read again while serving.
//!
//! Connections keep the configuration they began with. A reload that fails changes nothing.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use reseal_core::call::TlsDetails;
use rustls::{
    CertificateError, RootCertStore, ServerConfig, ServerConnection,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    server::{VerifierBuilderError, WebPkiClientVerifier},
};

/// The files of a TLS listener.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// PEM: the certificate chain, leaf first.
    pub certificates: PathBuf,
    /// PEM: the private key of the leaf.
    pub private_key: PathBuf,
    /// Whether clients are asked for certificates.
    pub clients: ClientCertificates,
}

/// Whether clients are asked for certificates. They never replace the signature of a request.
#[derive(Debug, Clone)]
pub enum ClientCertificates {
    /// They are not.
    NotAsked,
    /// They may show one; a wrong one is refused. The file is PEM: the authorities that may have issued it.
    Optional(PathBuf),
    /// They must show one issued by an authority of this PEM file.
    Required(PathBuf),
}

/// The TLS configuration in use.
pub struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
}

/// Why TLS cannot be configured.
#[derive(Debug)]
pub enum TlsError {
    /// A file cannot be read or is not PEM.
    Unreadable(PathBuf, pem::Error),
    /// A file holds no certificate.
    NoCertificate(PathBuf),
    /// An authority's certificate cannot be used.
    Authority(PathBuf, rustls::Error),
    /// The authorities cannot be used together.
    Authorities(VerifierBuilderError),
    /// Certificate and key do not fit together, or cannot be used.
    Rejected(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(file, error) => write!(f, "{}: {error}", file.display()),
            Self::NoCertificate(file) => write!(f, "{}: holds no certificate", file.display()),
            Self::Authority(file, error) => write!(f, "{}: {error}", file.display()),
            Self::Authorities(error) => error.fmt(f),
            Self::Rejected(rustls::Error::InvalidCertificate(CertificateError::BadEncoding)) => {
                f.write_str("the certificate is not a valid X.509 certificate")
            }
            Self::Rejected(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TlsError {}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let current = RwLock::new(read(&files)?);
        Ok(Self { files, current })
    }

    /// Reads the files again, for the connections to come.
    ///
    /// # Errors
    /// [`TlsError`]; the configuration stays as it was then.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = read(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Rejected)?;
    let verifier = |authorities: &Path| -> Result<_, TlsError> {
        let roots = Arc::new(read_authorities(authorities)?);
        Ok(WebPkiClientVerifier::builder_with_provider(roots, provider))
    };
    let builder = match &files.clients {
        ClientCertificates::NotAsked => builder.with_no_client_auth(),
        ClientCertificates::Optional(file) => {
            let verifier = verifier(file)?.allow_unauthenticated().build().map_err(TlsError::Authorities)?;
            builder.with_client_cert_verifier(verifier)
        }
        ClientCertificates::Required(file) => {
            builder.with_client_cert_verifier(verifier(file)?.build().map_err(TlsError::Authorities)?)
        }
    };
    let private_key = PrivateKeyDer::from_pem_file(&files.private_key)
        .map_err(|error| TlsError::Unreadable(files.private_key.clone(), error))?;
    let mut config = builder
        .with_single_cert(read_certificates(&files.certificates)?, private_key)
        .map_err(TlsError::Rejected)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |error| TlsError::Unreadable(file.to_owned(), error);
    let certificates = CertificateDer::pem_file_iter(file).map_err(unreadable)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    if certificates.is_empty() { Err(TlsError::NoCertificate(file.to_owned())) } else { Ok(certificates) }
}

/// The certificates of a PEM file as authorities.
pub(crate) fn read_authorities(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(file)? {
        roots.add(certificate).map_err(|error| TlsError::Authority(file.to_owned(), error))?;
    }
    Ok(roots)
}

/// What an audit record says about a TLS connection, besides the host of each request.
pub(crate) struct TlsSession {
    version: &'static str,
    cipher_suite: String,
    key_exchange: Option<String>,
}

impl TlsSession {
    /// What was agreed on, once the handshake is done.
    pub(crate) fn of(connection: &ServerConnection) -> Self {
        let version = match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
            // The library speaks these two only.
            _ => "TLSv1.3",
        };
        let suite = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
        // The IANA registry says TLS_, also for the suites of TLS 1.3.
        let cipher_suite = suite.unwrap_or_default().replacen("TLS13_", "TLS_", 1);
        let group = connection.negotiated_key_exchange_group();
        let key_exchange = group.and_then(|group| group.name().as_str()).map(str::to_owned);
        Self { version, cipher_suite, key_exchange }
    }

    pub(crate) fn details(&self, host: &str) -> TlsDetails {
        TlsDetails {
            version: self.version,
            cipher_suite: self.cipher_suite.clone(),
            host: host.to_owned(),
            key_exchange: self.key_exchange.clone(),
        }
    }
}
