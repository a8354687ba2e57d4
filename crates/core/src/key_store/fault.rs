//! Why a key store did not do as it was asked, and what a caller is told of it.
//!
//! One fault is a different exception to each kind of call: while a store is set up, while a KMS key is created in
//! it, while such a key is used. Source: "Troubleshooting external key stores" and "Troubleshooting a custom key
//! store" of the KMS developer guide.

use std::fmt;

use crate::{
    error::{Error, InvalidState, KeyStoreRefusal as Refusal},
    record::ConnectionError,
};

/// Why a key store did not do as it was asked. No variant carries what it was asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStoreFault {
    /// An external key store proxy.
    Proxy(ProxyFault),
    /// A cluster.
    Cluster(ClusterFault),
}

/// Why an external key store proxy did not do as it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyFault {
    /// No connection.
    Unreachable,
    /// No TLS on the connection.
    Tls,
    /// A connection, but no answer in time.
    TimedOut,
    /// The proxy waited in vain for its key manager: `DependencyTimeoutException`.
    ManagerTimedOut,
    /// `ThrottlingException`
    Throttled,
    /// The answer is not one of the protocol, or `ValidationException`.
    InvalidResponse,
    /// `InternalException`
    Internal,
    /// All key managers behind it say `UNAVAILABLE`.
    ManagersUnavailable,
    /// `AuthenticationFailedException`
    NotAuthenticated,
    /// `AccessDeniedException`
    AccessDenied,
    /// `InvalidUriPathException`
    InvalidUriPath,
    /// `KeyNotFoundException`
    KeyNotFound,
    /// `InvalidStateException`: the external key is not enabled.
    KeyNotEnabled,
    /// `InvalidKeyUsageException`
    KeyUsage,
    /// `UnsupportedOperationException`
    Unsupported,
    /// The external key is not AES-256, or not for both encryption and decryption.
    KeyUnfit,
    /// `InvalidCiphertextException`
    InvalidCiphertext,
    /// No such VPC endpoint service.
    ServiceNotFound,
    /// The VPC endpoint service is not that of the endpoint.
    ServiceUnfit,
}

/// Why a cluster did not do as it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterFault {
    /// No cluster with this id for this account and Region.
    NotFound,
    /// It is not initialized, or not there at the moment.
    NotActive,
    /// It lacks a mechanism that the service needs.
    Unfit,
    /// The certificate is not its trust anchor.
    TrustAnchor,
    /// The password is wrong.
    Password,
    /// The user is locked after too many wrong passwords.
    UserLocked,
    /// It has no such user.
    UserMissing,
    /// Somebody else is logged in.
    UserLoggedIn,
    /// It cannot be talked to.
    Unreachable,
    /// It did not answer in time.
    TimedOut,
    /// It has more to do than it can.
    Busy,
    /// The key is not in it.
    KeyMissing,
    /// The ciphertext does not open.
    InvalidCiphertext,
    /// It failed otherwise.
    Failed,
}

impl From<ProxyFault> for KeyStoreFault {
    fn from(fault: ProxyFault) -> Self {
        Self::Proxy(fault)
    }
}

impl From<ClusterFault> for KeyStoreFault {
    fn from(fault: ClusterFault) -> Self {
        Self::Cluster(fault)
    }
}

impl fmt::Display for KeyStoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proxy(fault) => fault.words(),
            Self::Cluster(fault) => fault.words(),
        })
    }
}

impl std::error::Error for KeyStoreFault {}

impl KeyStoreFault {
    /// What CreateCustomKeyStore, UpdateCustomKeyStore and ConnectCustomKeyStore answer.
    pub(crate) fn at_setup(self) -> Error {
        let (refusal, words) = match self {
            Self::Proxy(fault) => (fault.at_setup(), fault.words()),
            Self::Cluster(fault) => (fault.at_setup(), fault.words()),
        };
        Error::KeyStore(refusal, words.into())
    }

    /// What CreateKey answers.
    pub(crate) fn at_key_creation(self) -> Error {
        match self {
            Self::Proxy(fault) => fault.at_key_creation(),
            Self::Cluster(ClusterFault::TimedOut) => Error::DependencyTimeout,
            Self::Cluster(fault @ ClusterFault::Unfit) => {
                Error::KeyStore(Refusal::ClusterInvalidConfiguration, fault.words().into())
            }
            Self::Cluster(fault) => Error::KeyStore(Refusal::InvalidState, fault.words().into()),
        }
    }

    /// What cryptographic operations answer: the one exception, told apart by its words. Only that a ciphertext
    /// does not open in a cluster, which tells no more than it does in the service, is answered alike.
    pub(crate) fn at_use(self) -> Error {
        Error::InvalidState(InvalidState::KeyStore(match self {
            Self::Proxy(fault) => fault.words(),
            Self::Cluster(ClusterFault::InvalidCiphertext) => return Error::InvalidCiphertext,
            Self::Cluster(fault) => fault.words(),
        }))
    }

    /// What GenerateRandom answers.
    pub(crate) fn at_random(self) -> Error {
        match self {
            Self::Cluster(ClusterFault::TimedOut) => Error::DependencyTimeout,
            Self::Cluster(fault) => Error::KeyStore(Refusal::InvalidState, fault.words().into()),
            Self::Proxy(fault) => Error::KeyStore(Refusal::InvalidState, fault.words().into()),
        }
    }

    /// What DescribeCustomKeyStores shows when a connection failed.
    pub(crate) fn connection_error(self) -> ConnectionError {
        match self {
            Self::Proxy(fault) => fault.connection_error(),
            Self::Cluster(fault) => fault.connection_error(),
        }
    }
}

impl ProxyFault {
    fn words(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "AWS KMS cannot communicate with the external key store proxy. This might be a transient network issue. \
                 If you see this error repeatedly, verify that your external key store proxy is active and on the \
                 network, and that its endpoint URI is correct in your external key store."
            }
            Self::Tls => {
                "AWS KMS cannot establish a TLS connection to the external key store proxy. Verify the TLS \
                 configuration, including its certificate."
            }
            Self::TimedOut | Self::ManagerTimedOut => {
                "The external key store proxy did not respond to the request in the time allotted. Retry the request. If \
                 you see this error repeatedly, report it to your external key store proxy administrator."
            }
            Self::Throttled => {
                "The external key store proxy rejected the request because of a very high request rate. Reduce the \
                 frequency of your calls using KMS keys in this external key store."
            }
            Self::InvalidResponse => {
                "AWS KMS cannot interpret the response from the external key store proxy. If you see this error \
                 repeatedly, report it to your external key store proxy administrator."
            }
            Self::Internal => {
                "The external key store proxy rejected the request because it cannot communicate with the external key \
                 manager. If you see this error repeatedly, report it to your external key store proxy administrator."
            }
            Self::ManagersUnavailable => {
                "The external key store proxy reports that all external key manager instances are unavailable."
            }
            Self::NotAuthenticated => {
                "The external key store proxy rejected the request because it could not authenticate AWS KMS. Verify the \
                 credentials for your external key store and update if necessary."
            }
            Self::AccessDenied => {
                "The external key store proxy denied access to the operation. Verify that the user and the external key \
                 are both authorized for this operation, and try the request again."
            }
            Self::InvalidUriPath => {
                "The external key store proxy rejected the request because of an invalid URI path. Verify the URI path \
                 for your external key store and update if necessary."
            }
            Self::KeyNotFound => {
                "The external key store proxy rejected the request because it could not find the external key."
            }
            Self::KeyNotEnabled => {
                "The external key store proxy rejected the request because the external key is not enabled in its \
                 external key manager."
            }
            Self::KeyUsage => {
                "The external key store proxy rejected the request because the external key does not support the \
                 requested operation."
            }
            Self::Unsupported => {
                "The external key store proxy rejected the request because it does not support the requested operation."
            }
            Self::KeyUnfit => {
                "The external key is not an AES-256 symmetric key that performs encryption and decryption."
            }
            Self::InvalidCiphertext => {
                "The external key store proxy rejected the request because the specified ciphertext or additional \
                 authenticated data is corrupted, missing, or otherwise invalid."
            }
            Self::ServiceNotFound => "AWS KMS could not find the specified VPC endpoint service.",
            Self::ServiceUnfit => {
                "The VPC endpoint service is not the one of the private DNS name in the external key store proxy URI \
                 endpoint."
            }
        }
    }

    fn at_setup(self) -> Refusal {
        match self {
            Self::Unreachable
            | Self::Tls
            | Self::TimedOut
            | Self::ManagerTimedOut
            | Self::Throttled
            | Self::ManagersUnavailable => Refusal::ProxyUriUnreachable,
            Self::NotAuthenticated => Refusal::ProxyIncorrectCredential,
            Self::InvalidUriPath | Self::AccessDenied => Refusal::ProxyInvalidConfiguration,
            Self::ServiceNotFound => Refusal::ServiceNotFound,
            Self::ServiceUnfit => Refusal::ServiceInvalidConfiguration,
            // What says something about a key is no answer to a request that names none.
            Self::InvalidResponse
            | Self::Internal
            | Self::KeyNotFound
            | Self::KeyNotEnabled
            | Self::KeyUsage
            | Self::Unsupported
            | Self::KeyUnfit
            | Self::InvalidCiphertext => Refusal::ProxyInvalidResponse,
        }
    }

    fn at_key_creation(self) -> Error {
        let refusal = match self {
            Self::KeyNotFound => Refusal::ExternalKeyNotFound,
            Self::KeyNotEnabled | Self::KeyUsage | Self::KeyUnfit | Self::Unsupported => {
                Refusal::ExternalKeyInvalidConfiguration
            }
            // The model has no such error for CreateKey; the developer guide names it all the same.
            Self::AccessDenied => return Error::InvalidState(InvalidState::KeyStore(self.words())),
            Self::Unreachable
            | Self::Tls
            | Self::TimedOut
            | Self::ManagerTimedOut
            | Self::Throttled
            | Self::InvalidResponse
            | Self::Internal
            | Self::ManagersUnavailable
            | Self::NotAuthenticated
            | Self::InvalidUriPath
            | Self::InvalidCiphertext
            | Self::ServiceNotFound
            | Self::ServiceUnfit => Refusal::InvalidState,
        };
        Error::KeyStore(refusal, self.words().into())
    }

    fn connection_error(self) -> ConnectionError {
        match self {
            Self::Unreachable | Self::ManagersUnavailable => ConnectionError::ProxyNotReachable,
            Self::Tls => ConnectionError::ProxyInvalidTls,
            Self::TimedOut | Self::ManagerTimedOut | Self::Throttled => ConnectionError::ProxyTimedOut,
            Self::NotAuthenticated => ConnectionError::InvalidCredentials,
            Self::AccessDenied => ConnectionError::ProxyAccessDenied,
            Self::InvalidUriPath => ConnectionError::ProxyInvalidConfiguration,
            Self::ServiceNotFound => ConnectionError::ServiceNotFound,
            Self::ServiceUnfit => ConnectionError::ServiceInvalidConfiguration,
            Self::InvalidResponse
            | Self::Internal
            | Self::KeyNotFound
            | Self::KeyNotEnabled
            | Self::KeyUsage
            | Self::Unsupported
            | Self::KeyUnfit
            | Self::InvalidCiphertext => ConnectionError::ProxyInvalidResponse,
        }
    }
}

impl ClusterFault {
    fn words(self) -> &'static str {
        match self {
            Self::NotFound => "AWS KMS cannot find the CloudHSM cluster with the specified cluster ID.",
            Self::NotActive => {
                "The CloudHSM cluster associated with the custom key store is not active. Initialize and activate the \
                 cluster and try the request again."
            }
            Self::Unfit => {
                "The CloudHSM cluster does not meet the configuration requirements: it must generate AES keys and \
                 perform AES-GCM encryption and decryption."
            }
            Self::TrustAnchor => {
                "The trust anchor certificate in the request is not the trust anchor certificate for the specified \
                 CloudHSM cluster."
            }
            Self::Password => {
                "The password of the custom key store is not the current password of the kmsuser crypto user in the \
                 CloudHSM cluster."
            }
            Self::UserLocked => {
                "The kmsuser crypto user is locked out of the CloudHSM cluster due to too many failed password attempts."
            }
            Self::UserMissing => "AWS KMS cannot find a kmsuser crypto user in the CloudHSM cluster.",
            Self::UserLoggedIn => "The kmsuser crypto user is logged into the CloudHSM cluster.",
            Self::Unreachable | Self::TimedOut => {
                "KMS cannot communicate with your CloudHSM cluster. This might be a transient network issue. Retry the \
                 request."
            }
            Self::Busy => {
                "The CloudHSM cluster cannot process the request at this time. Reduce the frequency of your calls using \
                 KMS keys in this custom key store."
            }
            Self::KeyMissing => "The key material of this KMS key is not in the CloudHSM cluster.",
            Self::InvalidCiphertext => {
                "The CloudHSM cluster rejected the request because the specified ciphertext is corrupted, missing, or \
                 otherwise invalid."
            }
            Self::Failed => "The CloudHSM cluster could not process the request.",
        }
    }

    fn at_setup(self) -> Refusal {
        match self {
            Self::NotFound => Refusal::ClusterNotFound,
            Self::TrustAnchor => Refusal::IncorrectTrustAnchor,
            Self::Unfit => Refusal::ClusterInvalidConfiguration,
            Self::NotActive
            | Self::Password
            | Self::UserLocked
            | Self::UserMissing
            | Self::UserLoggedIn
            | Self::Unreachable
            | Self::TimedOut
            | Self::Busy
            | Self::KeyMissing
            | Self::InvalidCiphertext
            | Self::Failed => Refusal::ClusterNotActive,
        }
    }

    fn connection_error(self) -> ConnectionError {
        match self {
            Self::NotFound => ConnectionError::ClusterNotFound,
            Self::NotActive => ConnectionError::InsufficientHsms,
            Self::Password => ConnectionError::InvalidCredentials,
            Self::UserLocked => ConnectionError::UserLockedOut,
            Self::UserMissing => ConnectionError::UserNotFound,
            Self::UserLoggedIn => ConnectionError::UserLoggedIn,
            Self::Unreachable | Self::TimedOut | Self::Busy => ConnectionError::NetworkErrors,
            Self::Unfit | Self::TrustAnchor | Self::KeyMissing | Self::InvalidCiphertext | Self::Failed => {
                ConnectionError::InternalError
            }
        }
    }
}
