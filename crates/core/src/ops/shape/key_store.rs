//! Shapes of custom key stores.

use std::sync::Arc;

use reseal_types::{AccountId, SecretBytes};

use crate::{
    error::Error,
    json::JsonObject,
    key_store::{EndpointService, ProxyBacking},
    members::{Bounds, Members, ModelEnum},
};

/// `CustomKeyStoreIdType`
pub(crate) const KEY_STORE_ID: Bounds = Bounds(1, 64);
/// `CustomKeyStoreNameType`
pub(crate) const KEY_STORE_NAME: Bounds = Bounds(1, 256);

/// `CustomKeyStoreType`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyStoreType {
    AwsCloudhsm,
    ExternalKeyStore,
}

impl ModelEnum for KeyStoreType {
    const ALL: &'static [Self] = &[Self::AwsCloudhsm, Self::ExternalKeyStore];

    fn name(self) -> &'static str {
        match self {
            Self::AwsCloudhsm => "AWS_CLOUDHSM",
            Self::ExternalKeyStore => "EXTERNAL_KEY_STORE",
        }
    }
}

/// `XksProxyConnectivityType`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connectivity {
    PublicEndpoint,
    VpcEndpointService,
}

impl ModelEnum for Connectivity {
    const ALL: &'static [Self] = &[Self::PublicEndpoint, Self::VpcEndpointService];

    fn name(self) -> &'static str {
        match self {
            Self::PublicEndpoint => "PUBLIC_ENDPOINT",
            Self::VpcEndpointService => "VPC_ENDPOINT_SERVICE",
        }
    }
}

/// `XksProxyAuthenticationCredentialType`
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Arc<SecretBytes>,
}

/// The members about an external key store proxy.
pub(crate) struct ProxyMembers {
    pub(crate) endpoint: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) connectivity: Option<Connectivity>,
    pub(crate) service_name: Option<String>,
    pub(crate) service_owner: Option<AccountId>,
    pub(crate) credential: Option<Credential>,
}

/// The members about a cluster.
pub(crate) struct ClusterMembers {
    pub(crate) cluster_id: Option<String>,
    pub(crate) password: Option<Arc<SecretBytes>>,
}

/// A required `CustomKeyStoreId`.
pub(crate) fn key_store_id(members: &mut Members<'_>) -> Result<String, Error> {
    members.required_text("CustomKeyStoreId", KEY_STORE_ID)
}

impl ClusterMembers {
    pub(crate) fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let legal = |b: u8| matches!(b, b'2'..=b'7' | b'a'..=b'z' | b'A'..=b'Z');
        let matches = |text: &str| {
            let id = text.strip_prefix("cluster-").unwrap_or_default();
            (11..=16).contains(&id.len()) && id.bytes().all(legal)
        };
        let pattern = "cluster-[2-7a-zA-Z]{11,16}";
        Ok(Self {
            cluster_id: members.patterned_text("CloudHsmClusterId", Bounds(19, 24), pattern, matches)?,
            password: members.sensitive_text("KeyStorePassword", Bounds(7, 32), None)?.map(secret),
        })
    }

    pub(crate) fn are_absent(&self) -> bool {
        self.cluster_id.is_none() && self.password.is_none()
    }

    /// CloudTrail's name for it is not the API's.
    pub(crate) fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.optional_text("clusterId", self.cluster_id.as_deref());
    }
}

impl ProxyMembers {
    pub(crate) fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            endpoint: members.patterned_text(
                "XksProxyUriEndpoint",
                Bounds(10, 128),
                "^https://[a-zA-Z0-9.-]+$",
                is_endpoint,
            )?,
            path: members.patterned_text(
                "XksProxyUriPath",
                Bounds(10, 128),
                r"^(/[a-zA-Z0-9\/_-]+/kms/xks/v\d{1,2})$|^(/kms/xks/v\d{1,2})$",
                is_path,
            )?,
            connectivity: members.choice("XksProxyConnectivity")?,
            service_name: members.patterned_text(
                "XksProxyVpcEndpointServiceName",
                Bounds(20, 64),
                r"^(com|eu)\.amazonaws\.vpce\.([a-z]+-){2,3}\d+\.vpce-svc-[0-9a-z]+$",
                is_service_name,
            )?,
            service_owner: members
                .patterned_text("XksProxyVpcEndpointServiceOwner", Bounds(12, 12), "[0-9]{12}", |text| {
                    AccountId::parse(text).is_some()
                })?
                .and_then(|text| AccountId::parse(&text)),
            credential: members.structure("XksProxyAuthenticationCredential", credential)?,
        })
    }

    pub(crate) fn are_absent(&self) -> bool {
        let Self { endpoint, path, connectivity, service_name, service_owner, credential } = self;
        endpoint.is_none()
            && path.is_none()
            && connectivity.is_none()
            && service_name.is_none()
            && service_owner.is_none()
            && credential.is_none()
    }

    pub(crate) fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.optional_text("xksProxyConnectivity", self.connectivity.map(ModelEnum::name));
        parameters.optional_text("xksProxyUriEndpoint", self.endpoint.as_deref());
        parameters.optional_text("xksProxyUriPath", self.path.as_deref());
        parameters.optional_text("xksProxyVpcEndpointServiceName", self.service_name.as_deref());
        let owner = self.service_owner.as_ref().map(AccountId::as_str);
        parameters.optional_text("xksProxyVpcEndpointServiceOwner", owner);
    }
}

/// Rules of a proxy's settings that the model does not have.
pub(crate) fn check_proxy(proxy: &ProxyBacking) -> Result<(), Error> {
    // A pattern of the model takes other versions, too; there is no other protocol to speak.
    if !proxy.path.ends_with("/kms/xks/v1") {
        return Err(Error::Validation("XksProxyUriPath must end with /kms/xks/v1.".to_owned()));
    }
    let host = proxy.host();
    let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    let is_address = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if is_address || !host.split('.').all(label) {
        return Err(Error::Validation(
            "XksProxyUriEndpoint must be https:// and a DNS host name.".to_owned(),
        ));
    }
    Ok(())
}

/// The VPC endpoint service that these members ask for, over what there was before.
pub(crate) fn endpoint_service(
    connectivity: Connectivity,
    members: &ProxyMembers,
    before: Option<&EndpointService>,
) -> Result<Option<EndpointService>, Error> {
    let invalid = |text: &str| Err(Error::Validation(text.to_owned()));
    if connectivity == Connectivity::PublicEndpoint {
        if members.service_name.is_some() || members.service_owner.is_some() {
            return invalid(
                "XksProxyVpcEndpointServiceName and XksProxyVpcEndpointServiceOwner are only valid for \
                 XksProxyConnectivity VPC_ENDPOINT_SERVICE.",
            );
        }
        return Ok(None);
    }
    let owner = members.service_owner.or(before.and_then(|service| service.owner));
    match members.service_name.clone().or_else(|| before.map(|service| service.name.clone())) {
        Some(name) => Ok(Some(EndpointService { name, owner })),
        None => invalid(
            "XksProxyVpcEndpointServiceName is required for XksProxyConnectivity VPC_ENDPOINT_SERVICE.",
        ),
    }
}

fn credential(members: &mut Members<'_>) -> Result<Credential, Error> {
    let base32: fn(u8) -> bool = |b| matches!(b, b'A'..=b'Z' | b'2'..=b'7');
    let base64: fn(u8) -> bool = |b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'+' | b'=');
    let id = members.sensitive_text("AccessKeyId", Bounds(20, 30), Some(("^[A-Z2-7]+$", base32)))?;
    let key = members.sensitive_text(
        "RawSecretAccessKey",
        Bounds(43, 64),
        Some((r"^[a-zA-Z0-9\/+=]+$", base64)),
    )?;
    members.require("AccessKeyId", id.is_some());
    members.require("RawSecretAccessKey", key.is_some());
    Ok(Credential {
        access_key_id: id.unwrap_or_default(),
        secret_access_key: secret(key.unwrap_or_default()),
    })
}

fn secret(text: String) -> Arc<SecretBytes> {
    Arc::new(SecretBytes::from(text.into_bytes()))
}

fn is_endpoint(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    text.strip_prefix("https://").is_some_and(|host| !host.is_empty() && host.bytes().all(legal))
}

fn is_path(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-');
    let Some((prefix, version)) = text.rsplit_once("/kms/xks/v") else { return false };
    let prefix =
        prefix.is_empty() || prefix.len() > 1 && prefix.starts_with('/') && prefix.bytes().all(legal);
    prefix && (1..=2).contains(&version.len()) && version.bytes().all(|b| b.is_ascii_digit())
}

fn is_service_name(text: &str) -> bool {
    let Some((region, id)) = ["com", "eu"]
        .iter()
        .find_map(|top| text.strip_prefix(top)?.strip_prefix(".amazonaws.vpce."))
        .and_then(|rest| rest.split_once(".vpce-svc-"))
    else {
        return false;
    };
    let mut words: Vec<&str> = region.split('-').collect();
    let number = words.pop().unwrap_or_default();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    (2..=3).contains(&words.len())
        && words.iter().all(is_word)
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && !id.is_empty()
        && id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_the_model() {
        for (text, fits) in [
            ("https://a.b", true),
            ("https://A-1.example.com", true),
            ("https://", false),
            ("http://a.b", false),
            ("https://a.b:443", false),
            ("https://a/b", false),
        ] {
            assert_eq!(is_endpoint(text), fits, "{text}");
        }
        for (text, fits) in [
            ("/kms/xks/v1", true),
            ("/kms/xks/v12", true),
            ("/a/kms/xks/v1", true),
            ("/a/b_-9/kms/xks/v1", true),
            ("//kms/xks/v1", false),
            ("a/kms/xks/v1", false),
            ("/kms/xks/v", false),
            ("/kms/xks/v123", false),
            ("/kms/xks/vx", false),
            ("/a.b/kms/xks/v1", false),
            ("/kms/xks/v1/", false),
        ] {
            assert_eq!(is_path(text), fits, "{text}");
        }
        for (text, fits) in [
            ("com.amazonaws.vpce.us-east-1.vpce-svc-0a1b", true),
            ("eu.amazonaws.vpce.us-gov-east-1.vpce-svc-0", true),
            ("com.amazonaws.vpce.us-1.vpce-svc-0", false),
            ("com.amazonaws.vpce.us-a-b-c-1.vpce-svc-0", false),
            ("com.amazonaws.vpce.us-east-x.vpce-svc-0", false),
            ("com.amazonaws.vpce.us-east-1.vpce-svc-", false),
            ("com.amazonaws.vpce.us-east-1.vpce-svc-A", false),
            ("org.amazonaws.vpce.us-east-1.vpce-svc-0", false),
        ] {
            assert_eq!(is_service_name(text), fits, "{text}");
        }
    }
}
