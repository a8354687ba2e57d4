//! What stands behind a custom key store and does not work: the answer to each call that sets one up.

use super::{
    key_stores::{change, cluster_request, create, described, proxy_request, with},
    *,
};
use crate::key_store::{ClusterFault, KeyStoreFault, ProxyFault};

#[tokio::test]
async fn what_stands_behind_a_key_store_is_looked_at_first() {
    use {ClusterFault as C, ProxyFault as P};
    let world = World::new().await;
    for (broken, code) in [
        (P::Unreachable, "XksProxyUriUnreachableException"),
        (P::Tls, "XksProxyUriUnreachableException"),
        (P::TimedOut, "XksProxyUriUnreachableException"),
        (P::ManagerTimedOut, "XksProxyUriUnreachableException"),
        (P::Throttled, "XksProxyUriUnreachableException"),
        (P::ManagersUnavailable, "XksProxyUriUnreachableException"),
        (P::NotAuthenticated, "XksProxyIncorrectAuthenticationCredentialException"),
        (P::InvalidUriPath, "XksProxyInvalidConfigurationException"),
        (P::InvalidResponse, "XksProxyInvalidResponseException"),
        (P::Internal, "XksProxyInvalidResponseException"),
    ] {
        world.outside.set_fault(Some(broken.into()));
        let request = proxy_request("p", "/kms/xks/v1");
        let (told, words) = fault(world.ask("CreateCustomKeyStore", &request).await);
        assert_eq!((told, words), (code, KeyStoreFault::from(broken).to_string()));
    }
    for (broken, code) in [
        (C::NotActive, "CloudHsmClusterNotActiveException"),
        (C::Unfit, "CloudHsmClusterInvalidConfigurationException"),
    ] {
        world.outside.set_fault(Some(broken.into()));
        let told = fault(world.ask("CreateCustomKeyStore", &cluster_request("c")).await).0;
        assert_eq!(told, code);
    }
    world.outside.set_fault(None);
    for (changes, code) in [
        (json!({"CloudHsmClusterId": "cluster-ccccccccccc"}), "CloudHsmClusterNotFoundException"),
        (json!({"TrustAnchorCertificate": "b"}), "IncorrectTrustAnchorException"),
    ] {
        let told = fault(world.ask("CreateCustomKeyStore", &with(&cluster_request("c"), changes)).await).0;
        assert_eq!(told, code);
    }
    let elsewhere =
        with(&proxy_request("p", "/kms/xks/v1"), json!({"XksProxyUriEndpoint": "https://elsewhere.example"}));
    let told = fault(world.ask("CreateCustomKeyStore", &elsewhere).await).0;
    assert_eq!(told, "XksProxyUriUnreachableException");
    assert!(
        world.ask("DescribeCustomKeyStores", &json!({})).await.unwrap()["CustomKeyStores"]
            .as_array()
            .is_some_and(Vec::is_empty)
    );
}

/// A proxy behind an endpoint service is not asked before it is connected.
#[tokio::test]
async fn an_endpoint_service_is_looked_at_when_connected() {
    use ProxyFault as P;
    let world = World::new().await;
    world.outside.set_fault(Some(P::TimedOut.into()));
    let mut request = with(
        &proxy_request("p", "/kms/xks/v1"),
        json!({
            "XksProxyConnectivity": "VPC_ENDPOINT_SERVICE",
            "XksProxyVpcEndpointServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-1",
        }),
    );
    let id = create(&world, &request).await;
    let configuration = described(&world, &id).await["XksProxyConfiguration"].clone();
    assert_eq!(text(&configuration, "/Connectivity"), "VPC_ENDPOINT_SERVICE");
    assert_eq!(text(&configuration, "/VpcEndpointServiceOwner"), "111122223333");
    for (broken, code) in [
        (P::Unreachable, "XKS_PROXY_NOT_REACHABLE"),
        (P::TimedOut, "XKS_PROXY_TIMED_OUT"),
        (P::Tls, "XKS_PROXY_INVALID_TLS_CONFIGURATION"),
        (P::NotAuthenticated, "INVALID_CREDENTIALS"),
        (P::AccessDenied, "XKS_PROXY_ACCESS_DENIED"),
        (P::InvalidUriPath, "XKS_PROXY_INVALID_CONFIGURATION"),
        (P::InvalidResponse, "XKS_PROXY_INVALID_RESPONSE"),
        (P::ServiceNotFound, "XKS_VPC_ENDPOINT_SERVICE_NOT_FOUND"),
    ] {
        world.outside.set_fault(Some(broken.into()));
        change(&world, "ConnectCustomKeyStore", &id).await;
        assert_eq!(text(&described(&world, &id).await, "/ConnectionErrorCode"), code);
        change(&world, "DisconnectCustomKeyStore", &id).await;
    }
    request["CustomKeyStoreName"] = json!("q");
    request["XksProxyUriEndpoint"] = json!("https://elsewhere.example");
    let told = fault(world.ask("CreateCustomKeyStore", &request).await).0;
    assert_eq!(told, "XksProxyVpcEndpointServiceInUseException");
    world.ask("DeleteCustomKeyStore", &json!({"CustomKeyStoreId": id})).await.unwrap();
    request["XksProxyUriEndpoint"] = json!("https://proxy.example.com");
    request["XksProxyVpcEndpointServiceName"] = json!("com.amazonaws.vpce.us-east-1.vpce-svc-2");
    let told = fault(world.ask("CreateCustomKeyStore", &request).await).0;
    assert_eq!(told, "XksProxyVpcEndpointServiceNotFoundException");
}
