//! External key stores: a client of the external key store proxy API, version 1.
//!
//! Source: the AWS KMS External Key Store Proxy API specification. The proxy gets ciphertext of the service's own
//! encryption, never a plaintext.

mod connection;
mod endpoint;
mod protocol;

use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
pub use endpoint::{ProxyEndpoint, ProxySettings};
use protocol::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, HealthRequest, HealthResponse,
    MetadataRequest, MetadataResponse, RequestMetadata,
};
use reseal_core::{
    env::Clock,
    key_store::{Asked, BackingKey, Foreign, KeyStore, KeyStoreFault, ProxyBacking, ProxyFault},
};
use reseal_crypto::digest;
use reseal_sigv4::{Credentials, RequestParts, Scope, sign};
use reseal_types::{Region, Reveal, SecretBytes};
use serde::{Serialize, de::DeserializeOwned};

/// An external key store: a proxy, and what is sent to it in the name of this key store.
pub(crate) struct ProxyKeyStore {
    endpoint: Arc<ProxyEndpoint>,
    settings: ProxyBacking,
    region: Region,
    clock: Arc<dyn Clock>,
}

const SERVICE: &str = "kms-xks-proxy";

impl ProxyKeyStore {
    pub(crate) fn new(
        endpoint: Arc<ProxyEndpoint>,
        settings: ProxyBacking,
        region: Region,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { endpoint, settings, region, clock }
    }

    /// One call of the API: `place` comes behind the path of the key store.
    async fn call<A: DeserializeOwned>(
        &self,
        place: &str,
        request: &impl Serialize,
    ) -> Result<A, KeyStoreFault> {
        let path = format!("{}{place}", self.settings.path);
        let body = serde_json::to_vec(request).map_err(|_| ProxyFault::InvalidResponse)?;
        let headers = self.signed_headers(&path, &body)?;
        let (status, answer) = self.endpoint.post(&path, &headers, body.into()).await?;
        protocol::read(status, &answer).map_err(KeyStoreFault::from)
    }

    fn signed_headers(&self, path: &str, body: &[u8]) -> Result<Vec<(&'static str, String)>, KeyStoreFault> {
        let host = self.endpoint.host();
        let headers: [(&str, &[u8]); 1] = [("host", host.as_bytes())];
        let parts = RequestParts { method: "POST", path, query: "", headers: &headers };
        let credentials = Credentials {
            access_key_id: &self.settings.access_key_id,
            secret_access_key: self.settings.secret_access_key.reveal(Reveal::ToCipher),
            session_token: None,
        };
        let scope = Scope { region: self.region.as_str(), service: SERVICE };
        let signed = sign(parts, body, &credentials, &scope, self.clock.now().seconds());
        // Host and path were checked when they were set.
        let mut signed = signed.map_err(|_| ProxyFault::InvalidUriPath)?;
        signed.push(("host", host.to_owned()));
        Ok(signed)
    }

    async fn health(&self, asked: &Asked) -> Result<(), KeyStoreFault> {
        let request = HealthRequest { request_metadata: RequestMetadata::of(asked) };
        let answer: HealthResponse = self.call("/health", &request).await?;
        Ok(answer.check()?)
    }
}

/// A cluster's key is none of a proxy's.
fn external(key: &BackingKey) -> Result<&str, KeyStoreFault> {
    match key {
        BackingKey::External(id) => Ok(id),
        BackingKey::InCluster { .. } => Err(ProxyFault::KeyNotFound.into()),
    }
}

#[async_trait]
impl KeyStore for ProxyKeyStore {
    async fn check(&self, asked: &Asked) -> Result<(), KeyStoreFault> {
        self.health(asked).await
    }

    async fn connect(&self, asked: &Asked) -> Result<(), KeyStoreFault> {
        self.health(asked).await
    }

    /// Proxies know no sessions; connections are shared with other key stores behind the same host.
    async fn disconnect(&self) {}

    async fn provide_key(&self, key: &BackingKey, asked: &Asked) -> Result<(), KeyStoreFault> {
        let place = format!("/keys/{}/metadata", external(key)?);
        let request = MetadataRequest { request_metadata: RequestMetadata::of(asked) };
        let answer: MetadataResponse = self.call(&place, &request).await?;
        Ok(answer.check()?)
    }

    async fn encrypt(
        &self,
        key: &BackingKey,
        plaintext: SecretBytes,
        associated: &[u8],
        asked: &Asked,
    ) -> Result<Foreign, KeyStoreFault> {
        let place = format!("/keys/{}/encrypt", external(key)?);
        let plain = plaintext.reveal(Reveal::ToCipher);
        let request = EncryptRequest {
            request_metadata: RequestMetadata::of(asked),
            plaintext: STANDARD.encode(plain),
            encryption_algorithm: protocol::AES_GCM,
            additional_authenticated_data: STANDARD.encode(associated),
            ciphertext_data_integrity_value_algorithm: protocol::SHA_256,
        };
        let answer: EncryptResponse = self.call(&place, &request).await?;
        let (foreign, integrity) = answer.take().ok_or(ProxyFault::InvalidResponse)?;
        let parts: [&[u8]; 5] =
            [associated, &foreign.metadata, &foreign.iv, &foreign.ciphertext, &foreign.tag];
        let intact = digest::equal_in_constant_time(&digest::sha256(&parts.concat()), &integrity);
        if intact && foreign.ciphertext.len() == plain.len() {
            return Ok(foreign);
        }
        Err(ProxyFault::InvalidResponse.into())
    }

    async fn decrypt(
        &self,
        key: &BackingKey,
        sealed: Foreign,
        associated: &[u8],
        asked: &Asked,
    ) -> Result<SecretBytes, KeyStoreFault> {
        let place = format!("/keys/{}/decrypt", external(key)?);
        let length = sealed.ciphertext.len();
        let request = DecryptRequest {
            request_metadata: RequestMetadata::of(asked),
            ciphertext: STANDARD.encode(&sealed.ciphertext),
            ciphertext_metadata: (!sealed.metadata.is_empty()).then(|| STANDARD.encode(&sealed.metadata)),
            initialization_vector: STANDARD.encode(&sealed.iv),
            authentication_tag: STANDARD.encode(sealed.tag),
            encryption_algorithm: protocol::AES_GCM,
            additional_authenticated_data: STANDARD.encode(associated),
        };
        let answer: DecryptResponse = self.call(&place, &request).await?;
        match STANDARD.decode(&answer.plaintext) {
            Ok(plaintext) if plaintext.len() == length => Ok(SecretBytes::from(plaintext)),
            _ => Err(ProxyFault::InvalidResponse.into()),
        }
    }

    async fn destroy_key(&self, _key: &BackingKey) -> Result<(), KeyStoreFault> {
        Ok(())
    }

    async fn random(&self, _length: usize) -> Result<SecretBytes, KeyStoreFault> {
        Err(ProxyFault::Unsupported.into())
    }
}
