//! A proxy that may be reached: where it is, whom its certificate must come from, how long it may take.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use reseal_core::key_store::ProxyFault;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{sync::Semaphore, time::timeout};

use super::connection::{Connections, PostError};
use crate::KeyStoreFileError;

/// The settings of a proxy.
#[derive(Debug, Clone)]
pub struct ProxySettings {
    /// The host of `XksProxyUriEndpoint`, in lower case.
    pub host: String,
    /// `HOST:PORT` to connect to.
    pub connect: String,
    /// PEM: the authorities that its certificate may come from.
    pub ca: PathBuf,
    /// PEM: a certificate to show it, leaf first, and its private key.
    pub client: Option<(PathBuf, PathBuf)>,
    /// The VPC endpoint service that stands for it.
    pub service: Option<String>,
    /// How long a call may take, all attempts together.
    pub timeout: Duration,
    /// How many calls may be under way at a time.
    pub calls: usize,
}

/// A proxy, with the connections to it.
pub struct ProxyEndpoint {
    settings: ProxySettings,
    connections: Connections,
    /// Calls above this many wait, within their time.
    calls: Semaphore,
}

impl ProxyEndpoint {
    /// Reads the files. Connects to nothing.
    ///
    /// # Errors
    /// When a file or the host's name cannot be used.
    pub fn load(settings: ProxySettings) -> Result<Self, KeyStoreFileError> {
        let name = ServerName::try_from(settings.host.clone())
            .map_err(|_| KeyStoreFileError::new(Path::new(&settings.host), "not a host name".to_owned()))?;
        let tls = Arc::new(client_config(&settings)?);
        let connections = Connections::new(settings.connect.clone(), name, tls);
        let calls = Semaphore::new(settings.calls);
        Ok(Self { settings, connections, calls })
    }

    pub(crate) fn host(&self) -> &str {
        &self.settings.host
    }

    pub(crate) fn service(&self) -> Option<&String> {
        self.settings.service.as_ref()
    }

    /// Sends a request and gives status and body of the answer.
    pub(super) async fn post(
        &self,
        path: &str,
        headers: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<(u16, Bytes), ProxyFault> {
        let attempts = async {
            let _turn = self.calls.acquire().await.map_err(|_| ProxyFault::Throttled)?;
            self.try_twice(path, headers, body).await
        };
        timeout(self.settings.timeout, attempts).await.unwrap_or(Err(ProxyFault::TimedOut))
    }

    /// All calls of the API may be made again. A connection that was kept may have been closed by the other side just
    /// now, which says nothing about a fresh one; and a proxy may be one of several behind an address.
    async fn try_twice(
        &self,
        path: &str,
        headers: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<(u16, Bytes), ProxyFault> {
        match self.connections.post(path, headers, body.clone()).await {
            Err(PostError::Broken) => {}
            Err(error) => return Err(error.fault()),
            Ok(answer) => return Ok(answer),
        }
        self.connections.drop_idle();
        self.connections.post(path, headers, body).await.map_err(PostError::fault)
    }
}

/// The suites of the proxy API specification, and TLS 1.3's third, which no TLS 1.3 server need offer alone.
fn client_config(settings: &ProxySettings) -> Result<ClientConfig, KeyStoreFileError> {
    use aws_lc_rs::cipher_suite as suite;
    let provider = CryptoProvider {
        cipher_suites: vec![
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        ],
        ..aws_lc_rs::default_provider()
    };
    let failed = |file: &Path, error: rustls::Error| KeyStoreFileError::new(file, error.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&settings.ca)? {
        roots.add(certificate).map_err(|error| failed(&settings.ca, error))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&settings.ca, error))?
        .with_root_certificates(roots);
    let Some((chain, key)) = &settings.client else { return Ok(builder.with_no_client_auth()) };
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| KeyStoreFileError::new(key, error.to_string()))?;
    builder.with_client_auth_cert(certificates(chain)?, private).map_err(|error| failed(chain, error))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, KeyStoreFileError> {
    let failed = |error: String| KeyStoreFileError::new(file, error);
    let read = CertificateDer::pem_file_iter(file).map_err(|error| failed(error.to_string()))?;
    let read = read.collect::<Result<Vec<_>, _>>().map_err(|error| failed(error.to_string()))?;
    if read.is_empty() { Err(failed("holds no certificate".to_owned())) } else { Ok(read) }
}
