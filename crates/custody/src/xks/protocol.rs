//! The bodies of the proxy API, and what its errors mean.

use base64::{Engine, engine::general_purpose::STANDARD};
use reseal_core::key_store::{Asked, Foreign, ProxyFault};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub(super) const AES_GCM: &str = "AES_GCM";
pub(super) const SHA_256: &str = "SHA_256";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestMetadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_principal_arn: Option<&'a str>,
    kms_operation: &'a str,
    kms_request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_arn: Option<&'a str>,
}

impl<'a> RequestMetadata<'a> {
    pub(super) fn of(asked: &'a Asked) -> Self {
        Self {
            aws_principal_arn: asked.principal.as_deref(),
            kms_operation: asked.operation,
            kms_request_id: &asked.request_id,
            kms_key_arn: asked.key_arn.as_deref(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HealthRequest<'a> {
    pub(super) request_metadata: RequestMetadata<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetadataRequest<'a> {
    pub(super) request_metadata: RequestMetadata<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EncryptRequest<'a> {
    pub(super) request_metadata: RequestMetadata<'a>,
    pub(super) plaintext: String,
    pub(super) encryption_algorithm: &'static str,
    pub(super) additional_authenticated_data: String,
    pub(super) ciphertext_data_integrity_value_algorithm: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DecryptRequest<'a> {
    pub(super) request_metadata: RequestMetadata<'a>,
    pub(super) ciphertext: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ciphertext_metadata: Option<String>,
    pub(super) initialization_vector: String,
    pub(super) authentication_tag: String,
    pub(super) encryption_algorithm: &'static str,
    pub(super) additional_authenticated_data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HealthResponse {
    xks_proxy_fleet_size: u32,
    xks_proxy_vendor: String,
    xks_proxy_model: String,
    ekm_vendor: String,
    ekm_fleet_details: Vec<FleetDetail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FleetDetail {
    id: String,
    model: String,
    health_status: HealthStatus,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum HealthStatus {
    Active,
    Degraded,
    Unavailable,
}

impl HealthResponse {
    /// Whether there is a key manager to work with.
    pub(super) fn check(&self) -> Result<(), ProxyFault> {
        let Self { xks_proxy_fleet_size, ekm_fleet_details: managers, .. } = self;
        let named = [&self.xks_proxy_vendor, &self.xks_proxy_model, &self.ekm_vendor];
        let details = managers.iter().flat_map(|manager| [&manager.id, &manager.model]);
        let complete = named.into_iter().chain(details).all(|text| !text.is_empty());
        if !complete || *xks_proxy_fleet_size == 0 || !(1..=10).contains(&managers.len()) {
            return Err(ProxyFault::InvalidResponse);
        }
        if managers.iter().all(|manager| manager.health_status == HealthStatus::Unavailable) {
            return Err(ProxyFault::ManagersUnavailable);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
pub(super) struct MetadataResponse {
    #[serde(rename = "keySpec")]
    spec: String,
    #[serde(rename = "keyUsage")]
    usage: Vec<String>,
    #[serde(rename = "keyStatus")]
    status: KeyStatus,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum KeyStatus {
    Enabled,
    Disabled,
}

impl MetadataResponse {
    /// Whether the external key can be that of a KMS key.
    pub(super) fn check(&self) -> Result<(), ProxyFault> {
        let can = |usage: &str| self.usage.iter().any(|known| known == usage);
        if self.usage.len() > 10 {
            return Err(ProxyFault::InvalidResponse);
        }
        if self.spec != "AES_256" || !can("ENCRYPT") || !can("DECRYPT") {
            return Err(ProxyFault::KeyUnfit);
        }
        if self.status == KeyStatus::Disabled { Err(ProxyFault::KeyNotEnabled) } else { Ok(()) }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EncryptResponse {
    ciphertext: String,
    initialization_vector: String,
    authentication_tag: String,
    ciphertext_metadata: Option<String>,
    ciphertext_data_integrity_value: String,
}

impl EncryptResponse {
    /// What was made, and its integrity value; `None` when it is not of the lengths of the protocol.
    pub(super) fn take(self) -> Option<(Foreign, Vec<u8>)> {
        let decode = |text: &str| STANDARD.decode(text).ok();
        let metadata = self.ciphertext_metadata.as_deref().map_or(Some(Vec::new()), decode)?;
        let foreign = Foreign {
            iv: decode(&self.initialization_vector)?,
            metadata,
            tag: decode(&self.authentication_tag)?.try_into().ok()?,
            ciphertext: decode(&self.ciphertext)?,
        };
        let fits = matches!(foreign.iv.len(), 12 | 16) && foreign.metadata.len() <= 20;
        fits.then_some((foreign, decode(&self.ciphertext_data_integrity_value)?))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DecryptResponse {
    pub(super) plaintext: String,
}

/// `errorMessage` is for the proxy's own people; it is not even looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorResponse {
    error_name: String,
}

/// Reads an answer. The name says what an error means; its status only says that it is one.
pub(super) fn read<A: DeserializeOwned>(status: u16, body: &[u8]) -> Result<A, ProxyFault> {
    if status == 200 {
        return serde_json::from_slice(body).map_err(|_| ProxyFault::InvalidResponse);
    }
    let error: ErrorResponse = serde_json::from_slice(body).map_err(|_| ProxyFault::InvalidResponse)?;
    Err(match error.error_name.as_str() {
        "InvalidStateException" => ProxyFault::KeyNotEnabled,
        "InvalidCiphertextException" => ProxyFault::InvalidCiphertext,
        "InvalidKeyUsageException" => ProxyFault::KeyUsage,
        "AuthenticationFailedException" => ProxyFault::NotAuthenticated,
        "AccessDeniedException" => ProxyFault::AccessDenied,
        "KeyNotFoundException" => ProxyFault::KeyNotFound,
        "InvalidUriPathException" => ProxyFault::InvalidUriPath,
        "ThrottlingException" => ProxyFault::Throttled,
        "InternalException" => ProxyFault::Internal,
        "UnsupportedOperationException" => ProxyFault::Unsupported,
        "DependencyTimeoutException" => ProxyFault::ManagerTimedOut,
        // `ValidationException`, too: what we sent was not what it takes.
        _ => ProxyFault::InvalidResponse,
    })
}

#[cfg(test)]
mod tests {
    use reseal_crypto::digest::sha256;

    use super::*;

    fn health(changes: serde_json::Value) -> Result<(), ProxyFault> {
        let mut body = serde_json::json!({
            "xksProxyFleetSize": 2, "xksProxyVendor": "v", "xksProxyModel": "m", "ekmVendor": "e",
            "ekmFleetDetails": [
                {"id": "1", "model": "m", "healthStatus": "UNAVAILABLE"},
                {"id": "2", "model": "m", "healthStatus": "DEGRADED"},
            ],
        });
        let serde_json::Value::Object(changes) = changes else { panic!("not an object") };
        for (name, value) in changes {
            body[name] = value;
        }
        read::<HealthResponse>(200, body.to_string().as_bytes())?.check()
    }

    #[test]
    fn health_answers() {
        use serde_json::json;
        assert_eq!(health(json!({})), Ok(()));
        let manager = |status: &str| json!({"id": "1", "model": "m", "healthStatus": status});
        assert_eq!(health(json!({"ekmFleetDetails": [manager("ACTIVE")]})), Ok(()));
        let gone = json!({"ekmFleetDetails": [manager("UNAVAILABLE"), manager("UNAVAILABLE")]});
        assert_eq!(health(gone), Err(ProxyFault::ManagersUnavailable));
        for wrong in [
            json!({"ekmFleetDetails": []}),
            json!({"ekmFleetDetails": vec![manager("ACTIVE"); 11]}),
            json!({"ekmFleetDetails": [manager("WELL")]}),
            json!({"xksProxyFleetSize": 0}),
            json!({"xksProxyFleetSize": -1}),
            json!({"xksProxyVendor": null}),
            json!({"ekmVendor": ""}),
        ] {
            assert_eq!(health(wrong.clone()), Err(ProxyFault::InvalidResponse), "{wrong}");
        }
    }

    #[test]
    fn errors_by_their_names() {
        let read = |status, body: &str| read::<DecryptResponse>(status, body.as_bytes()).err();
        for (name, fault) in [
            ("ValidationException", ProxyFault::InvalidResponse),
            ("InvalidStateException", ProxyFault::KeyNotEnabled),
            ("InvalidCiphertextException", ProxyFault::InvalidCiphertext),
            ("InvalidKeyUsageException", ProxyFault::KeyUsage),
            ("AuthenticationFailedException", ProxyFault::NotAuthenticated),
            ("AccessDeniedException", ProxyFault::AccessDenied),
            ("KeyNotFoundException", ProxyFault::KeyNotFound),
            ("InvalidUriPathException", ProxyFault::InvalidUriPath),
            ("ThrottlingException", ProxyFault::Throttled),
            ("InternalException", ProxyFault::Internal),
            ("UnsupportedOperationException", ProxyFault::Unsupported),
            ("DependencyTimeoutException", ProxyFault::ManagerTimedOut),
            ("SomethingElse", ProxyFault::InvalidResponse),
        ] {
            let body = format!(r#"{{"errorName": "{name}", "errorMessage": "m"}}"#);
            assert_eq!(read(400, &body), Some(fault), "{name}");
        }
        for (status, body) in [(200, "{}"), (200, "no JSON"), (503, "<html>"), (404, "{}"), (302, "")] {
            assert_eq!(read(status, body), Some(ProxyFault::InvalidResponse), "{status} {body}");
        }
        assert_eq!(read(200, r#"{"plaintext": "AA==", "more": 1}"#), None);
    }

    #[test]
    fn metadata_answers() {
        let check = |spec: &str, usage: &[&str], status: &str| {
            let body =
                serde_json::json!({"keySpec": spec, "keyUsage": usage, "keyStatus": status}).to_string();
            read::<MetadataResponse>(200, body.as_bytes()).and_then(|answer| answer.check())
        };
        let both = ["ENCRYPT", "DECRYPT"];
        assert_eq!(check("AES_256", &["SIGN", "DECRYPT", "ENCRYPT"], "ENABLED"), Ok(()));
        assert_eq!(check("AES_128", &both, "ENABLED"), Err(ProxyFault::KeyUnfit));
        assert_eq!(check("AES_256", &["ENCRYPT"], "ENABLED"), Err(ProxyFault::KeyUnfit));
        assert_eq!(check("AES_256", &["DECRYPT"], "ENABLED"), Err(ProxyFault::KeyUnfit));
        assert_eq!(check("AES_256", &both, "DISABLED"), Err(ProxyFault::KeyNotEnabled));
        assert_eq!(check("AES_256", &both, "LOST"), Err(ProxyFault::InvalidResponse));
        assert_eq!(check("AES_256", &["ENCRYPT"; 11], "ENABLED"), Err(ProxyFault::InvalidResponse));
    }

    /// The integrity value of the proxy API specification's own example.
    #[test]
    fn the_published_integrity_value() {
        let (associated, metadata) = (b"project=nile,department=marketing", b"key_version=1");
        let body = serde_json::json!({
            "ciphertext": "ghxkK1txeDNn3q8Y",
            "initializationVector": "HMrlRw85cAJUd5Ax",
            "authenticationTag": "vBxN2ncH1oEkR8WVXpmyYQ==",
            "ciphertextMetadata": STANDARD.encode(metadata),
            "ciphertextDataIntegrityValue": "qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc=",
        });
        let answer: EncryptResponse = read(200, body.to_string().as_bytes()).ok().unwrap();
        let (foreign, integrity) = answer.take().unwrap();
        let parts: [&[u8]; 5] =
            [associated, &foreign.metadata, &foreign.iv, &foreign.ciphertext, &foreign.tag];
        assert_eq!(sha256(&parts.concat()), integrity.as_slice());
        assert_eq!(foreign.metadata, metadata);
    }

    #[test]
    fn answers_of_wrong_lengths() {
        let answer = |iv: usize, tag: usize, metadata: usize| {
            let body = serde_json::json!({
                "ciphertext": "AAAA",
                "initializationVector": STANDARD.encode(vec![0; iv]),
                "authenticationTag": STANDARD.encode(vec![0; tag]),
                "ciphertextMetadata": STANDARD.encode(vec![0; metadata]),
                "ciphertextDataIntegrityValue": "AAAA",
            });
            read::<EncryptResponse>(200, body.to_string().as_bytes()).ok().unwrap().take().is_some()
        };
        assert!(answer(12, 16, 0) && answer(16, 16, 20));
        assert!(!answer(11, 16, 0) && !answer(12, 15, 0) && !answer(12, 16, 21));
    }
}
