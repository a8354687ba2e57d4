//! Custom key stores themselves: setting them up, connecting them, and all that is refused on the way.

use super::*;
use crate::key_store::ProxyFault;

const SECRET: &str = "0123456789012345678901234567890123456789abcd";

pub(super) fn proxy_request(name: &str, path: &str) -> Value {
    json!({
        "CustomKeyStoreName": name,
        "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
        "XksProxyConnectivity": "PUBLIC_ENDPOINT",
        "XksProxyUriEndpoint": "https://proxy.example.com",
        "XksProxyUriPath": path,
        "XksProxyAuthenticationCredential": {
            "AccessKeyId": "ABCDEFGHIJKLMNOPQRST", "RawSecretAccessKey": SECRET,
        },
    })
}

pub(super) fn cluster_request(name: &str) -> Value {
    json!({
        "CustomKeyStoreName": name,
        "CloudHsmClusterId": "cluster-aaaaaaaaaaa",
        "TrustAnchorCertificate": "a",
        "KeyStorePassword": "kmsuserpassword",
    })
}

pub(super) fn with(request: &Value, changes: Value) -> Value {
    let mut request = request.clone();
    let Value::Object(changes) = changes else { panic!("not an object: {changes}") };
    for (member, value) in changes {
        request[member] = value;
    }
    request
}

pub(super) async fn create(world: &World, request: &Value) -> String {
    text(&world.ask("CreateCustomKeyStore", request).await.unwrap(), "/CustomKeyStoreId")
}

/// What is to be done about key stores is done.
pub(super) async fn work(world: &World, tasks: usize) {
    for _ in 0..tasks {
        let task = world.env.next_key_store_task().await;
        world.env.work_on_key_store(&task).await.unwrap();
    }
}

/// Connects or disconnects. Three changes: to the state in between, to the new state; and each is looked after.
pub(super) async fn change(world: &World, operation: &str, id: &str) {
    let answer = world.ask(operation, &json!({"CustomKeyStoreId": id})).await.unwrap();
    assert_eq!(answer, json!({}));
    settle(world).await;
}

/// Works until nothing is waiting.
pub(super) async fn settle(world: &World) {
    while world.env.has_key_store_tasks() {
        work(world, 1).await;
    }
}

pub(super) async fn described(world: &World, id: &str) -> Value {
    let answer = world.ask("DescribeCustomKeyStores", &json!({"CustomKeyStoreId": id})).await.unwrap();
    answer["CustomKeyStores"][0].clone()
}

async fn state(world: &World, id: &str) -> String {
    text(&described(world, id).await, "/ConnectionState")
}

#[tokio::test]
async fn an_external_key_store_from_beginning_to_end() {
    let world = World::new().await;
    let id = create(&world, &proxy_request("one", "/kms/xks/v1")).await;
    assert!(id.len() == 21 && id.starts_with("cks-"), "{id}");
    let entry = described(&world, &id).await;
    let expected = json!({
        "CustomKeyStoreId": id,
        "CustomKeyStoreName": "one",
        "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
        "ConnectionState": "DISCONNECTED",
        "CreationDate": 1_767_323_045.0,
        "XksProxyConfiguration": {
            "Connectivity": "PUBLIC_ENDPOINT",
            "AccessKeyId": "ABCDEFGHIJKLMNOPQRST",
            "UriEndpoint": "https://proxy.example.com",
            "UriPath": "/kms/xks/v1",
        },
    });
    assert_eq!(entry, expected);
    let asked = world.outside.take_asked();
    let [("check", asked)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((asked.operation, &asked.principal), ("CreateCustomKeyStore", &None));

    world.ask("ConnectCustomKeyStore", &json!({"CustomKeyStoreId": id})).await.unwrap();
    assert_eq!(state(&world, &id).await, "CONNECTING");
    settle(&world).await;
    assert_eq!(state(&world, &id).await, "CONNECTED");
    change(&world, "ConnectCustomKeyStore", &id).await;
    assert_eq!(state(&world, &id).await, "CONNECTED", "connecting what is connected is no error");

    let delete = fault(world.ask("DeleteCustomKeyStore", &json!({"CustomKeyStoreId": id})).await);
    assert_eq!(delete.0, "CustomKeyStoreInvalidStateException");
    world.ask("DisconnectCustomKeyStore", &json!({"CustomKeyStoreId": id})).await.unwrap();
    assert_eq!(state(&world, &id).await, "DISCONNECTING");
    for operation in ["ConnectCustomKeyStore", "DisconnectCustomKeyStore", "DeleteCustomKeyStore"] {
        let (code, words) = fault(world.ask(operation, &json!({"CustomKeyStoreId": id})).await);
        assert_eq!(code, "CustomKeyStoreInvalidStateException", "{operation}");
        assert_eq!(
            words,
            format!("Custom key store {id} is DISCONNECTING, which is not valid for {operation}.")
        );
    }
    settle(&world).await;
    assert_eq!(state(&world, &id).await, "DISCONNECTED");
    let again = fault(world.ask("DisconnectCustomKeyStore", &json!({"CustomKeyStoreId": id})).await);
    assert_eq!(again.0, "CustomKeyStoreInvalidStateException");
    change(&world, "DeleteCustomKeyStore", &id).await;
    for operation in [
        "DescribeCustomKeyStores",
        "ConnectCustomKeyStore",
        "DisconnectCustomKeyStore",
        "UpdateCustomKeyStore",
        "DeleteCustomKeyStore",
    ] {
        let (code, words) = fault(world.ask(operation, &json!({"CustomKeyStoreId": id})).await);
        assert_eq!(code, "CustomKeyStoreNotFoundException", "{operation}");
        assert_eq!(words, format!("Custom key store {id} is not found."));
    }
    for (place, record) in world.store.scan(b"", None, 1_000).await.unwrap().records {
        let seen = String::from_utf8_lossy(&record.value).into_owned();
        assert!(!seen.contains(SECRET) && !place.to_string().starts_with("key-store/"), "{place}");
    }
}

#[tokio::test]
async fn a_cluster_and_its_password() {
    let world = World::new().await;
    let request = with(&cluster_request("hsm"), json!({"KeyStorePassword": "wrong-password"}));
    let id = create(&world, &request).await;
    let entry = described(&world, &id).await;
    assert_eq!(text(&entry, "/CloudHsmClusterId"), "cluster-aaaaaaaaaaa");
    assert_eq!(text(&entry, "/TrustAnchorCertificate"), "a");
    assert!(!entry.to_string().contains("password"));
    change(&world, "ConnectCustomKeyStore", &id).await;
    let entry = described(&world, &id).await;
    assert_eq!(text(&entry, "/ConnectionState"), "FAILED");
    assert_eq!(text(&entry, "/ConnectionErrorCode"), "INVALID_CREDENTIALS");
    let again = fault(world.ask("ConnectCustomKeyStore", &json!({"CustomKeyStoreId": id})).await);
    assert_eq!(again.0, "CustomKeyStoreInvalidStateException", "what failed is disconnected first");
    let update = json!({"CustomKeyStoreId": id, "KeyStorePassword": "kmsuserpassword"});
    let early = fault(world.ask("UpdateCustomKeyStore", &update).await);
    assert_eq!(early.0, "CustomKeyStoreInvalidStateException");
    change(&world, "DisconnectCustomKeyStore", &id).await;
    assert_eq!(described(&world, &id).await.get("ConnectionErrorCode"), None);
    assert_eq!(world.ask("UpdateCustomKeyStore", &update).await.unwrap(), json!({}));
    change(&world, "ConnectCustomKeyStore", &id).await;
    assert_eq!(state(&world, &id).await, "CONNECTED");
    for record in world.audit.records() {
        let text = record.to_string();
        assert!(!text.contains("kmsuserpassword") && !text.contains("wrong-password"), "{text}");
    }
    let record =
        world.audit.records().into_iter().find(|record| record["eventName"] == "UpdateCustomKeyStore");
    assert!(record.is_some());
}

#[tokio::test]
async fn what_must_be_unique() {
    let world = World::new().await;
    create(&world, &proxy_request("one", "/kms/xks/v1")).await;
    create(&world, &cluster_request("hsm")).await;
    let service = json!({
        "XksProxyConnectivity": "VPC_ENDPOINT_SERVICE",
        "XksProxyVpcEndpointServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-1",
    });
    for (request, code) in [
        (proxy_request("one", "/other/kms/xks/v1"), "CustomKeyStoreNameInUseException"),
        (cluster_request("one"), "CustomKeyStoreNameInUseException"),
        (proxy_request("two", "/kms/xks/v1"), "XksProxyUriInUseException"),
        (
            with(
                &proxy_request("two", "/kms/xks/v1"),
                json!({"XksProxyUriEndpoint": "https://PROXY.example.com"}),
            ),
            "XksProxyUriInUseException",
        ),
        (with(&proxy_request("two", "/b/kms/xks/v1"), service), "XksProxyUriEndpointInUseException"),
        (cluster_request("two"), "CloudHsmClusterInUseException"),
        (
            with(&cluster_request("two"), json!({"CloudHsmClusterId": "cluster-bbbbbbbbbbb"})),
            "CloudHsmClusterInUseException",
        ),
    ] {
        assert_eq!(fault(world.ask("CreateCustomKeyStore", &request).await).0, code, "{request}");
    }
    // Another path is another key store; another Region and another account are other worlds.
    create(&world, &proxy_request("two", "/b/kms/xks/v1")).await;
    for call in [world.call("111122223333", "us-west-2"), world.call("444455556666", "us-east-1")] {
        for request in [proxy_request("one", "/kms/xks/v1"), cluster_request("hsm")] {
            world.ask_as(&call, "CreateCustomKeyStore", &request).await.unwrap();
        }
        let all = world.ask_as(&call, "DescribeCustomKeyStores", &json!({})).await.unwrap();
        assert_eq!(all["CustomKeyStores"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn only_so_many() {
    let world = World::new().await;
    for number in 0..10 {
        create(&world, &proxy_request(&format!("store {number}"), &format!("/p{number}/kms/xks/v1"))).await;
    }
    let (code, words) =
        fault(world.ask("CreateCustomKeyStore", &proxy_request("more", "/more/kms/xks/v1")).await);
    assert_eq!(code, "LimitExceededException");
    assert!(words.contains("limit of 10 custom key stores"), "{words}");

    let (mut names, mut marker) = (Vec::new(), None);
    loop {
        let request = match &marker {
            Some(marker) => json!({"Limit": 3, "Marker": marker}),
            None => json!({"Limit": 3}),
        };
        let page = world.ask("DescribeCustomKeyStores", &request).await.unwrap();
        for entry in page["CustomKeyStores"].as_array().unwrap() {
            names.push(text(entry, "/CustomKeyStoreName"));
        }
        assert_eq!(page["Truncated"], page.get("NextMarker").is_some());
        match page.get("NextMarker") {
            Some(next) => marker = Some(next.clone()),
            None => break,
        }
    }
    names.sort();
    assert_eq!(names, (0..10).map(|number| format!("store {number}")).collect::<Vec<_>>());
    for request in [json!({"Marker": "nonsense"}), json!({"CustomKeyStoreName": "store 1", "Marker": marker})]
    {
        assert_eq!(fault(world.ask("DescribeCustomKeyStores", &request).await).0, "InvalidMarkerException");
    }
    let found =
        world.ask("DescribeCustomKeyStores", &json!({"CustomKeyStoreName": "store 7"})).await.unwrap();
    assert_eq!(text(&found, "/CustomKeyStores/0/CustomKeyStoreName"), "store 7");
    let missing = world.ask("DescribeCustomKeyStores", &json!({"CustomKeyStoreName": "store 77"})).await;
    assert_eq!(
        fault(missing),
        ("CustomKeyStoreNotFoundException", "Custom key store store 77 is not found.".to_owned())
    );
}

#[tokio::test]
async fn what_does_not_fit_together() {
    let world = World::new().await;
    let (proxy, cluster) = (proxy_request("p", "/kms/xks/v1"), cluster_request("c"));
    for (request, words) in [
        (with(&cluster, json!({"XksProxyUriPath": "/kms/xks/v1"})), "XksProxy parameters are not valid"),
        (with(&cluster, json!({"CloudHsmClusterId": null})), "CloudHsmClusterId is required"),
        (with(&cluster, json!({"TrustAnchorCertificate": null})), "TrustAnchorCertificate is required"),
        (with(&cluster, json!({"KeyStorePassword": null})), "KeyStorePassword is required"),
        (with(&proxy, json!({"KeyStorePassword": "1234567"})), "CloudHsmClusterId, KeyStorePassword"),
        (with(&proxy, json!({"XksProxyConnectivity": null})), "XksProxyConnectivity is required"),
        (with(&proxy, json!({"XksProxyAuthenticationCredential": null})), "Credential is required"),
        (with(&proxy, json!({"XksProxyUriEndpoint": null})), "XksProxyUriEndpoint is required"),
        (with(&proxy, json!({"XksProxyUriPath": null})), "XksProxyUriPath is required"),
        (with(&proxy, json!({"XksProxyUriPath": "/kms/xks/v2"})), "must end with /kms/xks/v1"),
        (
            with(&proxy, json!({"XksProxyUriEndpoint": "https://127.0.0.1"})),
            "must be https:// and a DNS host",
        ),
        (
            with(&proxy, json!({"XksProxyUriEndpoint": "https://a..example"})),
            "must be https:// and a DNS host",
        ),
        (
            with(&proxy, json!({"XksProxyConnectivity": "VPC_ENDPOINT_SERVICE"})),
            "XksProxyVpcEndpointServiceName is required",
        ),
        (
            with(
                &proxy,
                json!({"XksProxyVpcEndpointServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-1"}),
            ),
            "are only valid for XksProxyConnectivity VPC_ENDPOINT_SERVICE",
        ),
    ] {
        let (code, told) = fault(world.ask("CreateCustomKeyStore", &request).await);
        assert_eq!(code, "ValidationException", "{request}");
        assert!(told.contains(words), "{told}");
    }
    // No message shows a secret.
    let credential = json!({"AccessKeyId": "short", "RawSecretAccessKey": "not-long-enough"});
    let request = with(
        &proxy,
        json!({"XksProxyAuthenticationCredential": credential, "KeyStorePassword": "secret", "CloudHsmClusterId": "x"}),
    );
    let (code, told) = fault(world.ask("CreateCustomKeyStore", &request).await);
    assert_eq!(code, "ValidationException");
    assert!(told.starts_with("7 validation errors detected: "), "{told}");
    for shown in
        ["'xksProxyAuthenticationCredential.rawSecretAccessKey'", "'keyStorePassword'", "Value 'x' at"]
    {
        assert!(told.contains(shown), "{told}");
    }
    for hidden in ["short", "not-long-enough", "'secret'"] {
        assert!(!told.contains(hidden), "{told}");
    }
}

#[tokio::test]
async fn updates_and_the_states_they_need() {
    let world = World::new().await;
    let id = create(&world, &proxy_request("one", "/kms/xks/v1")).await;
    create(&world, &proxy_request("two", "/two/kms/xks/v1")).await;
    change(&world, "ConnectCustomKeyStore", &id).await;
    let update = |changes: Value| with(&json!({"CustomKeyStoreId": id}), changes);
    let credential = json!({"AccessKeyId": "ZZZZZZZZZZZZZZZZZZZZ", "RawSecretAccessKey": SECRET});
    for changes in [
        json!({}),
        json!({"NewCustomKeyStoreName": "one"}),
        json!({"NewCustomKeyStoreName": "uno"}),
        json!({"XksProxyUriPath": "/uno/kms/xks/v1", "XksProxyAuthenticationCredential": credential}),
    ] {
        assert_eq!(world.ask("UpdateCustomKeyStore", &update(changes)).await.unwrap(), json!({}));
    }
    let entry = described(&world, &id).await;
    assert_eq!(text(&entry, "/CustomKeyStoreName"), "uno");
    assert_eq!(text(&entry, "/XksProxyConfiguration/UriPath"), "/uno/kms/xks/v1");
    assert_eq!(text(&entry, "/XksProxyConfiguration/AccessKeyId"), "ZZZZZZZZZZZZZZZZZZZZ");
    assert_eq!(text(&entry, "/ConnectionState"), "CONNECTED");
    let service = json!({
        "XksProxyConnectivity": "VPC_ENDPOINT_SERVICE",
        "XksProxyUriEndpoint": "https://Proxy.example.com",
        "XksProxyVpcEndpointServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-1",
        "XksProxyVpcEndpointServiceOwner": "444455556666",
    });
    for (changes, code) in [
        (json!({"NewCustomKeyStoreName": "two"}), "CustomKeyStoreNameInUseException"),
        (json!({"XksProxyUriPath": "/two/kms/xks/v1"}), "XksProxyUriInUseException"),
        (json!({"XksProxyUriEndpoint": "https://proxy.example.com"}), "CustomKeyStoreInvalidStateException"),
        (service.clone(), "CustomKeyStoreInvalidStateException"),
        (json!({"KeyStorePassword": "1234567"}), "ValidationException"),
    ] {
        let told = fault(world.ask("UpdateCustomKeyStore", &update(changes.clone())).await).0;
        assert_eq!(told, code, "{changes}");
    }
    change(&world, "DisconnectCustomKeyStore", &id).await;
    let told = fault(world.ask("UpdateCustomKeyStore", &update(service.clone())).await).0;
    assert_eq!(told, "XksProxyUriEndpointInUseException", "a public one has the endpoint");
    let told = update(json!({"XksProxyConnectivity": "VPC_ENDPOINT_SERVICE"}));
    assert_eq!(fault(world.ask("UpdateCustomKeyStore", &told).await).0, "ValidationException");
    let other = world.ask("DescribeCustomKeyStores", &json!({"CustomKeyStoreName": "two"})).await.unwrap();
    let other = json!({"CustomKeyStoreId": text(&other, "/CustomKeyStores/0/CustomKeyStoreId")});
    world.ask("DeleteCustomKeyStore", &other).await.unwrap();
    world.ask("UpdateCustomKeyStore", &update(service)).await.unwrap();
    let configuration = described(&world, &id).await["XksProxyConfiguration"].clone();
    assert_eq!(text(&configuration, "/VpcEndpointServiceOwner"), "444455556666");
    let public = json!({
        "XksProxyConnectivity": "PUBLIC_ENDPOINT", "XksProxyUriEndpoint": "https://proxy.example.com",
    });
    world.outside.set_fault(Some(ProxyFault::Unreachable.into()));
    let told = fault(world.ask("UpdateCustomKeyStore", &update(public.clone())).await).0;
    assert_eq!(told, "XksProxyUriUnreachableException", "a public one is asked first");
    world.outside.set_fault(None);
    world.ask("UpdateCustomKeyStore", &update(public)).await.unwrap();
    assert_eq!(described(&world, &id).await["XksProxyConfiguration"].get("VpcEndpointServiceName"), None);

    let hsm = create(&world, &cluster_request("hsm")).await;
    for (changes, code) in [
        (json!({"CloudHsmClusterId": "cluster-bbbbbbbbbbb"}), "CloudHsmClusterNotRelatedException"),
        (json!({"CloudHsmClusterId": "cluster-ccccccccccc"}), "CloudHsmClusterNotFoundException"),
        (json!({"XksProxyUriPath": "/kms/xks/v1"}), "ValidationException"),
    ] {
        let request = with(&json!({"CustomKeyStoreId": hsm}), changes);
        assert_eq!(fault(world.ask("UpdateCustomKeyStore", &request).await).0, code);
    }
}

#[tokio::test]
async fn what_was_under_way_goes_on_after_a_restart() {
    let world = World::new().await;
    let connected = create(&world, &proxy_request("connected", "/a/kms/xks/v1")).await;
    change(&world, "ConnectCustomKeyStore", &connected).await;
    let connecting = create(&world, &proxy_request("connecting", "/b/kms/xks/v1")).await;
    world.ask("ConnectCustomKeyStore", &json!({"CustomKeyStoreId": connecting})).await.unwrap();
    let disconnecting = create(&world, &proxy_request("disconnecting", "/c/kms/xks/v1")).await;
    change(&world, "ConnectCustomKeyStore", &disconnecting).await;

    let world = World::over(world.store.clone(), 2).await;
    world.ask("DisconnectCustomKeyStore", &json!({"CustomKeyStoreId": disconnecting})).await.unwrap();
    let world = World::over(world.store.clone(), 3).await;
    world.env.resume_key_stores().await.unwrap();
    settle(&world).await;
    for (id, expected) in
        [(&connected, "CONNECTED"), (&connecting, "CONNECTED"), (&disconnecting, "DISCONNECTED")]
    {
        assert_eq!(state(&world, id).await, expected);
    }
    let connects = world.outside.take_asked().into_iter().filter(|(call, _)| *call == "connect").count();
    assert_eq!(connects, 2, "what was connected is connected again at once");

    // That it cannot be used now does not disconnect it.
    let world = World::over(world.store.clone(), 4).await;
    world.outside.set_fault(Some(ProxyFault::Unreachable.into()));
    world.env.resume_key_stores().await.unwrap();
    settle(&world).await;
    assert_eq!(state(&world, &connected).await, "CONNECTED");
    world.env.check_key_stores().await.unwrap();
    let asked = world.outside.take_asked();
    assert!(asked.iter().any(|(call, asked)| *call == "check" && asked.operation == "KmsHealthCheck"));
}

/// Two set up key stores at once, so that one of them meets a conflict and asks its proxy again, which then does not answer.
#[tokio::test]
async fn nobody_waits_for_the_proxy_of_another() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let gate = world.outside.shut();
    let mut asked = 0;
    let mut asked_for = async |number: usize| {
        for _ in 0..1_000 {
            asked += world.outside.take_asked().len();
            if asked == number {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("asked {asked} times, not {number}");
    };
    let others = async {
        asked_for(2).await;
        gate.add_permits(2);
        asked_for(3).await;
        let request = json!({"KeyId": key, "Description": "not held up"});
        tokio::select! {
            biased;
            answer = world.ask("UpdateKeyDescription", &request) => assert_eq!(answer.unwrap(), Value::Null),
            () = async { for _ in 0..1_000 { tokio::task::yield_now().await } } => panic!("held up"),
        }
        gate.add_permits(1);
    };
    let (one, two) = (proxy_request("one", "/a/kms/xks/v1"), proxy_request("two", "/b/kms/xks/v1"));
    tokio::join!(create(&world, &one), create(&world, &two), others);
}

#[tokio::test]
async fn disconnecting_overtakes_connecting() {
    let world = World::new().await;
    let id = create(&world, &proxy_request("one", "/kms/xks/v1")).await;
    settle(&world).await;
    world.ask("ConnectCustomKeyStore", &json!({"CustomKeyStoreId": id})).await.unwrap();
    let connecting = world.env.next_key_store_task().await;
    world.ask("DisconnectCustomKeyStore", &json!({"CustomKeyStoreId": id})).await.unwrap();
    world.env.work_on_key_store(&connecting).await.unwrap();
    settle(&world).await;
    assert_eq!(state(&world, &id).await, "DISCONNECTED");
}

#[tokio::test]
async fn audit_records() {
    let world = World::new().await;
    let id = create(&world, &proxy_request("one", "/kms/xks/v1")).await;
    let hsm = create(&world, &cluster_request("hsm")).await;
    world.ask("ConnectCustomKeyStore", &json!({"CustomKeyStoreId": hsm})).await.unwrap();
    let records = world.audit.records();
    let [proxy, cluster, connect] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(
        proxy["requestParameters"],
        json!({
            "customKeyStoreName": "one",
            "customKeyStoreType": "EXTERNAL_KEY_STORE",
            "xksProxyConnectivity": "PUBLIC_ENDPOINT",
            "xksProxyUriEndpoint": "https://proxy.example.com",
            "xksProxyUriPath": "/kms/xks/v1",
        })
    );
    assert_eq!(proxy["responseElements"], json!({"customKeyStoreId": id}));
    assert_eq!(proxy["additionalEventData"], json!({"customKeyStoreName": "one"}));
    assert_eq!(
        cluster["requestParameters"],
        json!({
            "customKeyStoreName": "hsm",
            "customKeyStoreType": "AWS_CLOUDHSM",
            "clusterId": "cluster-aaaaaaaaaaa",
        })
    );
    let about = json!({"customKeyStoreName": "hsm", "clusterId": "cluster-aaaaaaaaaaa"});
    assert_eq!(connect["additionalEventData"], about);
    assert_eq!(connect["requestParameters"], json!({"customKeyStoreId": hsm}));
    assert_eq!(connect["responseElements"], Value::Null);
    assert_eq!(connect["readOnly"], false);
}
