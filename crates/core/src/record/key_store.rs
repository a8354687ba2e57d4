//! A custom key store as it is stored: its name, what it stands on, whether it is connected.

use std::sync::Arc;

use minicbor::{CborLen, Decode, Encode, bytes::ByteVec};
use reseal_types::{AccountId, Region, Reveal, SecretBytes, Timestamp};
use zeroize::Zeroize;

use super::{Record, decode_cbor, encode_cbor};
use crate::key_store::{Backing, ClusterBacking, EndpointService, ProxyBacking};

/// A custom key store.
#[derive(Clone)]
pub(crate) struct KeyStoreRecord {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: String,
    pub(crate) created: Timestamp,
    pub(crate) backing: Backing,
    pub(crate) connection: Connection,
}

/// `ConnectionState`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    Disconnected,
    Connecting,
    Connected,
    Failed(ConnectionError),
    Disconnecting,
}

/// `ConnectionErrorCode`: those that this service can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionError {
    InvalidCredentials,
    ClusterNotFound,
    NetworkErrors,
    InternalError,
    InsufficientHsms,
    UserLockedOut,
    UserNotFound,
    UserLoggedIn,
    ProxyAccessDenied,
    ProxyNotReachable,
    ServiceNotFound,
    ProxyInvalidResponse,
    ProxyInvalidConfiguration,
    ServiceInvalidConfiguration,
    ProxyTimedOut,
    ProxyInvalidTls,
}

impl Connection {
    /// The name in the API.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "DISCONNECTED",
            Self::Connecting => "CONNECTING",
            Self::Connected => "CONNECTED",
            Self::Failed(_) => "FAILED",
            Self::Disconnecting => "DISCONNECTING",
        }
    }

    /// Why it failed, if it did.
    pub(crate) fn error(self) -> Option<&'static str> {
        match self {
            Self::Failed(error) => Some(error.as_str()),
            _ => None,
        }
    }

    fn parse(state: &str, error: Option<&str>) -> Option<Self> {
        Some(match (state, error) {
            ("DISCONNECTED", None) => Self::Disconnected,
            ("CONNECTING", None) => Self::Connecting,
            ("CONNECTED", None) => Self::Connected,
            ("DISCONNECTING", None) => Self::Disconnecting,
            ("FAILED", Some(error)) => {
                Self::Failed(ConnectionError::ALL.iter().copied().find(|known| known.as_str() == error)?)
            }
            _ => return None,
        })
    }
}

impl ConnectionError {
    const ALL: &'static [Self] = &[
        Self::InvalidCredentials,
        Self::ClusterNotFound,
        Self::NetworkErrors,
        Self::InternalError,
        Self::InsufficientHsms,
        Self::UserLockedOut,
        Self::UserNotFound,
        Self::UserLoggedIn,
        Self::ProxyAccessDenied,
        Self::ProxyNotReachable,
        Self::ServiceNotFound,
        Self::ProxyInvalidResponse,
        Self::ProxyInvalidConfiguration,
        Self::ServiceInvalidConfiguration,
        Self::ProxyTimedOut,
        Self::ProxyInvalidTls,
    ];

    /// The name in the API.
    fn as_str(self) -> &'static str {
        match self {
            Self::InvalidCredentials => "INVALID_CREDENTIALS",
            Self::ClusterNotFound => "CLUSTER_NOT_FOUND",
            Self::NetworkErrors => "NETWORK_ERRORS",
            Self::InternalError => "INTERNAL_ERROR",
            Self::InsufficientHsms => "INSUFFICIENT_CLOUDHSM_HSMS",
            Self::UserLockedOut => "USER_LOCKED_OUT",
            Self::UserNotFound => "USER_NOT_FOUND",
            Self::UserLoggedIn => "USER_LOGGED_IN",
            Self::ProxyAccessDenied => "XKS_PROXY_ACCESS_DENIED",
            Self::ProxyNotReachable => "XKS_PROXY_NOT_REACHABLE",
            Self::ServiceNotFound => "XKS_VPC_ENDPOINT_SERVICE_NOT_FOUND",
            Self::ProxyInvalidResponse => "XKS_PROXY_INVALID_RESPONSE",
            Self::ProxyInvalidConfiguration => "XKS_PROXY_INVALID_CONFIGURATION",
            Self::ServiceInvalidConfiguration => "XKS_VPC_ENDPOINT_SERVICE_INVALID_CONFIGURATION",
            Self::ProxyTimedOut => "XKS_PROXY_TIMED_OUT",
            Self::ProxyInvalidTls => "XKS_PROXY_INVALID_TLS_CONFIGURATION",
        }
    }
}

const FORM: u8 = 1;

#[derive(Encode, Decode, CborLen)]
struct StoredKeyStore {
    #[n(0)]
    id: String,
    #[n(1)]
    account: String,
    #[n(2)]
    region: String,
    #[n(3)]
    name: String,
    #[n(4)]
    created_millis: i64,
    #[n(5)]
    state: String,
    #[n(6)]
    error: Option<String>,
    #[n(7)]
    cluster: Option<StoredCluster>,
    #[n(8)]
    proxy: Option<StoredProxy>,
}

#[derive(Encode, Decode, CborLen)]
struct StoredCluster {
    #[n(0)]
    id: String,
    #[n(1)]
    trust_anchor: String,
    #[n(2)]
    password: ByteVec,
}

#[derive(Encode, Decode, CborLen)]
struct StoredProxy {
    #[n(0)]
    endpoint: String,
    #[n(1)]
    path: String,
    #[n(2)]
    access_key_id: String,
    #[n(3)]
    secret_access_key: ByteVec,
    #[n(4)]
    service: Option<String>,
    #[n(5)]
    service_owner: Option<String>,
}

impl Drop for StoredCluster {
    fn drop(&mut self) {
        self.password.zeroize();
    }
}

impl Drop for StoredProxy {
    fn drop(&mut self) {
        self.secret_access_key.zeroize();
    }
}

fn secret(bytes: &ByteVec) -> Arc<SecretBytes> {
    Arc::new(SecretBytes::from(bytes.to_vec()))
}

fn to_store(secret: &SecretBytes) -> ByteVec {
    secret.reveal(Reveal::ToSeal).to_vec().into()
}

impl Record for KeyStoreRecord {
    fn encode(&self) -> SecretBytes {
        let (cluster, proxy) = match &self.backing {
            Backing::Cluster(cluster) => {
                let ClusterBacking { cluster_id, trust_anchor, password } = cluster;
                let (id, trust_anchor) = (cluster_id.clone(), trust_anchor.clone());
                (Some(StoredCluster { id, trust_anchor, password: to_store(password) }), None)
            }
            Backing::Proxy(proxy) => {
                let owner = proxy.service.as_ref().and_then(|service| service.owner);
                let stored = StoredProxy {
                    endpoint: proxy.endpoint.clone(),
                    path: proxy.path.clone(),
                    access_key_id: proxy.access_key_id.clone(),
                    secret_access_key: to_store(&proxy.secret_access_key),
                    service: proxy.service.as_ref().map(|service| service.name.clone()),
                    service_owner: owner.map(|owner| owner.to_string()),
                };
                (None, Some(stored))
            }
        };
        let stored = StoredKeyStore {
            id: self.id.clone(),
            account: self.account.to_string(),
            region: self.region.to_string(),
            name: self.name.clone(),
            created_millis: self.created.millis(),
            state: self.connection.as_str().to_owned(),
            error: self.connection.error().map(str::to_owned),
            cluster,
            proxy,
        };
        encode_cbor(FORM, &stored)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let stored: StoredKeyStore = decode_cbor(FORM, bytes)?;
        let backing = match (&stored.cluster, &stored.proxy) {
            (Some(cluster), None) => Backing::Cluster(ClusterBacking {
                cluster_id: cluster.id.clone(),
                trust_anchor: cluster.trust_anchor.clone(),
                password: secret(&cluster.password),
            }),
            (None, Some(proxy)) => Backing::Proxy(ProxyBacking {
                endpoint: proxy.endpoint.clone(),
                path: proxy.path.clone(),
                access_key_id: proxy.access_key_id.clone(),
                secret_access_key: secret(&proxy.secret_access_key),
                service: match (&proxy.service, &proxy.service_owner) {
                    (Some(name), None) => Some(EndpointService { name: name.clone(), owner: None }),
                    (Some(name), Some(owner)) => {
                        Some(EndpointService { name: name.clone(), owner: Some(AccountId::parse(owner)?) })
                    }
                    (None, None) => None,
                    (None, Some(_)) => return None,
                },
            }),
            _ => return None,
        };
        Some(Self {
            connection: Connection::parse(&stored.state, stored.error.as_deref())?,
            account: AccountId::parse(&stored.account)?,
            region: Region::parse(&stored.region)?,
            created: Timestamp::from_millis(stored.created_millis),
            id: stored.id,
            name: stored.name,
            backing,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(backing: Backing, connection: Connection) -> KeyStoreRecord {
        KeyStoreRecord {
            id: "cks-1234567890abcdef0".to_owned(),
            account: AccountId::parse("111122223333").unwrap(),
            region: Region::parse("eu-west-1").unwrap(),
            name: "a name".to_owned(),
            created: Timestamp::from_millis(1),
            backing,
            connection,
        }
    }

    fn cluster() -> Backing {
        Backing::Cluster(ClusterBacking {
            cluster_id: "cluster-1a23b4cdefg".to_owned(),
            trust_anchor: "-----BEGIN".to_owned(),
            password: Arc::new(SecretBytes::from(b"kmsuserpassword".to_vec())),
        })
    }

    fn proxy(service: Option<EndpointService>) -> Backing {
        Backing::Proxy(ProxyBacking {
            endpoint: "https://Proxy.example.com".to_owned(),
            path: "/kms/xks/v1".to_owned(),
            access_key_id: "ABCDE".to_owned(),
            secret_access_key: Arc::new(SecretBytes::from(b"secret".to_vec())),
            service,
        })
    }

    #[test]
    fn round_trips() {
        let service = |owner| EndpointService { name: "n".to_owned(), owner };
        let (own, other) = (service(None), service(AccountId::parse("444455556666")));
        let states = ConnectionError::ALL.iter().map(|error| Connection::Failed(*error)).chain([
            Connection::Disconnected,
            Connection::Connecting,
            Connection::Connected,
            Connection::Disconnecting,
        ]);
        for state in states {
            let proxies = [proxy(None), proxy(Some(own.clone())), proxy(Some(other.clone()))];
            for backing in proxies.into_iter().chain([cluster()]) {
                let bytes = record(backing, state).encode();
                let bytes = bytes.reveal(Reveal::ToSeal);
                let read = KeyStoreRecord::decode(bytes).unwrap();
                assert_eq!(read.encode().reveal(Reveal::ToSeal), bytes);
                assert_eq!(read.connection, state);
                assert!(
                    KeyStoreRecord::decode(&bytes[1..]).is_none(),
                    "the version byte is part of the form"
                );
            }
        }
    }

    #[test]
    fn hosts_compare_without_case() {
        let Backing::Proxy(proxy) = proxy(None) else { panic!() };
        assert_eq!(proxy.host(), "proxy.example.com");
    }
}
