//! The exceptions of custom key stores.

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStoreRefusal {
    /// No custom key store with this id or name.
    NotFound,
    /// Another one has this name.
    NameInUse,
    /// Its connection state does not allow the call.
    InvalidState,
    /// It contains KMS keys.
    HasKeys,
    /// Another one stands on this cluster.
    ClusterInUse,
    /// No such cluster.
    ClusterNotFound,
    /// The cluster is not active.
    ClusterNotActive,
    /// The cluster lacks something.
    ClusterInvalidConfiguration,
    /// The cluster has another certificate than the one before.
    ClusterNotRelated,
    /// The certificate is not the cluster's.
    IncorrectTrustAnchor,
    /// Another one has this endpoint and path.
    ProxyUriInUse,
    /// One of the other connectivity, or none other may, has this endpoint.
    ProxyUriEndpointInUse,
    /// The proxy is not there, or has no key manager.
    ProxyUriUnreachable,
    /// The proxy does not know the credential.
    ProxyIncorrectCredential,
    /// The proxy is configured otherwise.
    ProxyInvalidConfiguration,
    /// The proxy's answer makes no sense.
    ProxyInvalidResponse,
    /// Another one uses this VPC endpoint service.
    ServiceInUse,
    /// No such VPC endpoint service.
    ServiceNotFound,
    /// The VPC endpoint service is not fit.
    ServiceInvalidConfiguration,
    /// Another KMS key of the key store uses this external key.
    ExternalKeyInUse,
    /// The external key is not fit.
    ExternalKeyInvalidConfiguration,
    /// No such external key.
    ExternalKeyNotFound,
}

impl KeyStoreRefusal {
    /// The name of the exception, as SDKs know it.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotFound => "CustomKeyStoreNotFoundException",
            Self::NameInUse => "CustomKeyStoreNameInUseException",
            Self::InvalidState => "CustomKeyStoreInvalidStateException",
            Self::HasKeys => "CustomKeyStoreHasCMKsException",
            Self::ClusterInUse => "CloudHsmClusterInUseException",
            Self::ClusterNotFound => "CloudHsmClusterNotFoundException",
            Self::ClusterNotActive => "CloudHsmClusterNotActiveException",
            Self::ClusterInvalidConfiguration => "CloudHsmClusterInvalidConfigurationException",
            Self::ClusterNotRelated => "CloudHsmClusterNotRelatedException",
            Self::IncorrectTrustAnchor => "IncorrectTrustAnchorException",
            Self::ProxyUriInUse => "XksProxyUriInUseException",
            Self::ProxyUriEndpointInUse => "XksProxyUriEndpointInUseException",
            Self::ProxyUriUnreachable => "XksProxyUriUnreachableException",
            Self::ProxyIncorrectCredential => "XksProxyIncorrectAuthenticationCredentialException",
            Self::ProxyInvalidConfiguration => "XksProxyInvalidConfigurationException",
            Self::ProxyInvalidResponse => "XksProxyInvalidResponseException",
            Self::ServiceInUse => "XksProxyVpcEndpointServiceInUseException",
            Self::ServiceNotFound => "XksProxyVpcEndpointServiceNotFoundException",
            Self::ServiceInvalidConfiguration => "XksProxyVpcEndpointServiceInvalidConfigurationException",
            Self::ExternalKeyInUse => "XksKeyAlreadyInUseException",
            Self::ExternalKeyInvalidConfiguration => "XksKeyInvalidConfigurationException",
            Self::ExternalKeyNotFound => "XksKeyNotFoundException",
        }
    }
}
