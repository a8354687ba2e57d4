//! KMS keys in custom key stores: making them, using them, losing them.

use super::{
    key_stores::{change, cluster_request, create, proxy_request, settle},
    *,
};
use crate::{
    key_store::{ClusterFault, KeyStoreFault, ProxyFault},
    testkit::BEGINNING,
};

async fn connected(world: &World, request: &Value) -> String {
    let id = create(world, request).await;
    change(world, "ConnectCustomKeyStore", &id).await;
    world.outside.take_asked();
    id
}

fn in_proxy(store: &str, key: &str) -> Value {
    json!({"Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store, "XksKeyId": key})
}

fn in_cluster(store: &str) -> Value {
    json!({"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store})
}

async fn metadata(world: &World, key: &str) -> Value {
    world.ask("DescribeKey", &json!({"KeyId": key})).await.unwrap()["KeyMetadata"].clone()
}

async fn decrypt(world: &World, blob: &str, context: Value) -> Result<Value, Error> {
    world.ask("Decrypt", &json!({"CiphertextBlob": blob, "EncryptionContext": context})).await
}

#[tokio::test]
async fn keys_in_both_kinds_of_store() {
    let world = World::new().await;
    let proxy = connected(&world, &proxy_request("proxy", "/kms/xks/v1")).await;
    let cluster = connected(&world, &cluster_request("cluster")).await;
    let external = key(&world, in_proxy(&proxy, "key-1")).await;
    let hardware = key(&world, in_cluster(&cluster)).await;
    let asked = world.outside.take_asked();
    for (call, asked) in &asked {
        assert_eq!((*call, asked.operation), ("provide_key", "CreateKey"));
        assert_eq!(asked.principal.as_deref(), Some("arn:aws:iam::111122223333:root"));
        assert_eq!(asked.key_arn, None);
    }
    let about = metadata(&world, &external).await;
    assert_eq!(text(&about, "/CustomKeyStoreId"), proxy);
    assert_eq!(about["XksKeyConfiguration"], json!({"Id": "key-1"}));
    assert_eq!(
        (text(&about, "/Origin").as_str(), about.get("CloudHsmClusterId")),
        ("EXTERNAL_KEY_STORE", None)
    );
    assert_eq!(about.get("CurrentKeyMaterialId"), None);
    let about = metadata(&world, &hardware).await;
    assert_eq!(text(&about, "/CloudHsmClusterId"), "cluster-aaaaaaaaaaa");
    assert_eq!((text(&about, "/Origin").as_str(), about.get("XksKeyConfiguration")), ("AWS_CLOUDHSM", None));
    assert_eq!(world.outside.labels().into_iter().collect::<Vec<_>>(), std::slice::from_ref(&hardware));
}

#[tokio::test]
async fn cryptography_with_both_kinds_of_key() {
    let world = World::new().await;
    let proxy = connected(&world, &proxy_request("proxy", "/kms/xks/v1")).await;
    let cluster = connected(&world, &cluster_request("cluster")).await;
    let external = key(&world, in_proxy(&proxy, "key-1")).await;
    let hardware = key(&world, in_cluster(&cluster)).await;
    world.outside.take_asked();
    let plain = symmetric(&world).await;
    for key in [&external, &hardware] {
        let context = json!({"a": "b"});
        let blob = encrypt(&world, key, context.clone()).await;
        let opened = decrypt(&world, &blob, context.clone()).await.unwrap();
        assert_eq!(
            (text(&opened, "/Plaintext"), text(&opened, "/KeyId")),
            ("c2VjcmV0".to_owned(), key.clone())
        );
        assert_eq!(opened.get("KeyMaterialId"), None);
        let wrong = fault(decrypt(&world, &blob, json!({"a": "c"})).await);
        assert_eq!(wrong, ("InvalidCiphertextException", String::new()));
        let named = json!({"CiphertextBlob": blob, "KeyId": plain, "EncryptionContext": context});
        assert_eq!(fault(world.ask("Decrypt", &named).await).0, "IncorrectKeyException");

        let moved = json!({
            "CiphertextBlob": blob, "SourceEncryptionContext": context, "DestinationKeyId": plain,
        });
        let moved = world.ask("ReEncrypt", &moved).await.unwrap();
        assert!(
            moved.get("SourceKeyMaterialId").is_none() && moved.get("DestinationKeyMaterialId").is_some()
        );
        let back = json!({"CiphertextBlob": text(&moved, "/CiphertextBlob"), "DestinationKeyId": key});
        let back = world.ask("ReEncrypt", &back).await.unwrap();
        let opened = decrypt(&world, &text(&back, "/CiphertextBlob"), json!({})).await.unwrap();
        assert_eq!(text(&opened, "/Plaintext"), "c2VjcmV0");

        let data_key = json!({"KeyId": key, "KeySpec": "AES_256"});
        let made = world.ask("GenerateDataKey", &data_key).await.unwrap();
        let opened = decrypt(&world, &text(&made, "/CiphertextBlob"), json!({})).await.unwrap();
        assert_eq!(opened["Plaintext"], made["Plaintext"]);
        let made = world.ask("GenerateDataKeyWithoutPlaintext", &data_key).await.unwrap();
        decrypt(&world, &text(&made, "/CiphertextBlob"), json!({})).await.unwrap();
    }
    let asked = world.outside.take_asked();
    assert!(asked.iter().all(|(_, asked)| asked.key_arn.is_some() && asked.principal.is_some()));
    let operations: Vec<_> = asked.iter().map(|(call, asked)| (*call, asked.operation)).collect();
    let once = [
        ("encrypt", "Encrypt"),
        ("decrypt", "Decrypt"),
        ("decrypt", "Decrypt"),
        ("decrypt", "ReEncrypt"),
        ("encrypt", "ReEncrypt"),
        ("decrypt", "Decrypt"),
        ("encrypt", "GenerateDataKey"),
        ("decrypt", "Decrypt"),
        ("encrypt", "GenerateDataKeyWithoutPlaintext"),
        ("decrypt", "Decrypt"),
    ];
    assert_eq!(operations, [once, once].concat());
}

#[tokio::test]
async fn what_a_key_store_takes() {
    let world = World::new().await;
    let proxy = create(&world, &proxy_request("proxy", "/kms/xks/v1")).await;
    let cluster = connected(&world, &cluster_request("cluster")).await;
    let (code, words) = fault(world.ask("CreateKey", &in_proxy(&proxy, "key-1")).await);
    assert_eq!(code, "CustomKeyStoreInvalidStateException");
    assert!(words.starts_with("This external key store is not connected to its external key store proxy."));
    change(&world, "ConnectCustomKeyStore", &proxy).await;
    let taken = key(&world, in_proxy(&proxy, "key-1")).await;
    let and = |request: Value, member: &str, value: Value| {
        let mut request = request;
        request[member] = value;
        request
    };
    for (request, code) in [
        (in_proxy("cks-0", "key-1"), "CustomKeyStoreNotFoundException"),
        (in_proxy("nonsense/", "key-1"), "CustomKeyStoreNotFoundException"),
        (in_proxy(&proxy, "key-1"), "XksKeyAlreadyInUseException"),
        (in_proxy(&proxy, "none"), "XksKeyNotFoundException"),
        (in_proxy(&cluster, "key-2"), "ValidationException"),
        (in_cluster(&proxy), "ValidationException"),
        (and(in_cluster(&cluster), "XksKeyId", json!("key-2")), "ValidationException"),
        (and(in_proxy(&proxy, "key-2"), "XksKeyId", Value::Null), "ValidationException"),
        (and(in_cluster(&cluster), "CustomKeyStoreId", Value::Null), "ValidationException"),
        (json!({"CustomKeyStoreId": cluster}), "ValidationException"),
        (and(in_cluster(&cluster), "MultiRegion", json!(true)), "UnsupportedOperationException"),
        (
            and(
                and(in_cluster(&cluster), "KeySpec", json!("RSA_2048")),
                "KeyUsage",
                json!("ENCRYPT_DECRYPT"),
            ),
            "ValidationException",
        ),
    ] {
        assert_eq!(fault(world.ask("CreateKey", &request).await).0, code, "{request}");
    }
    // The same external key behind another key store is another one.
    let second = connected(&world, &proxy_request("second", "/second/kms/xks/v1")).await;
    let other = key(&world, in_proxy(&second, "key-1")).await;
    assert_ne!(taken, other);
    // Another account does not have the store.
    let stranger = world.call("444455556666", "us-east-1");
    let told = fault(world.ask_as(&stranger, "CreateKey", &in_proxy(&proxy, "key-3")).await).0;
    assert_eq!(told, "CustomKeyStoreNotFoundException");
}

#[tokio::test]
async fn every_fault_has_its_answer() {
    use {ClusterFault as C, ProxyFault as P};
    let world = World::new().await;
    let proxy = connected(&world, &proxy_request("proxy", "/kms/xks/v1")).await;
    let cluster = connected(&world, &cluster_request("cluster")).await;
    let external = key(&world, in_proxy(&proxy, "key-1")).await;
    let hardware = key(&world, in_cluster(&cluster)).await;
    let (invalid_store, unfit) =
        ("CustomKeyStoreInvalidStateException", "XksKeyInvalidConfigurationException");
    let faults: [(KeyStoreFault, &str); 23] = [
        (P::Unreachable.into(), invalid_store),
        (P::Tls.into(), invalid_store),
        (P::TimedOut.into(), invalid_store),
        (P::ManagerTimedOut.into(), invalid_store),
        (P::Throttled.into(), invalid_store),
        (P::InvalidResponse.into(), invalid_store),
        (P::Internal.into(), invalid_store),
        (P::NotAuthenticated.into(), invalid_store),
        (P::InvalidUriPath.into(), invalid_store),
        (P::AccessDenied.into(), "KMSInvalidStateException"),
        (P::KeyNotFound.into(), "XksKeyNotFoundException"),
        (P::KeyNotEnabled.into(), unfit),
        (P::KeyUsage.into(), unfit),
        (P::KeyUnfit.into(), unfit),
        (P::Unsupported.into(), unfit),
        (P::InvalidCiphertext.into(), invalid_store),
        (C::NotFound.into(), invalid_store),
        (C::Unfit.into(), "CloudHsmClusterInvalidConfigurationException"),
        (C::Unreachable.into(), invalid_store),
        (C::Busy.into(), invalid_store),
        (C::KeyMissing.into(), invalid_store),
        (C::Failed.into(), invalid_store),
        (C::TimedOut.into(), "DependencyTimeoutException"),
    ];
    let blobs = [encrypt(&world, &external, json!({})).await, encrypt(&world, &hardware, json!({})).await];
    for (broken, at_creation) in faults {
        world.outside.set_fault(Some(broken));
        let of_proxy = matches!(broken, KeyStoreFault::Proxy(_));
        let (create, key, blob) = if of_proxy {
            (in_proxy(&proxy, "key-2"), &external, &blobs[0])
        } else {
            (in_cluster(&cluster), &hardware, &blobs[1])
        };
        assert_eq!(fault(world.ask("CreateKey", &create).await).0, at_creation, "{broken:?}");
        let at_use = ("KMSInvalidStateException", broken.to_string());
        let request = json!({"KeyId": key, "Plaintext": "AA=="});
        assert_eq!(fault(world.ask("Encrypt", &request).await), at_use);
        let request = json!({"KeyId": key, "KeySpec": "AES_128"});
        assert_eq!(fault(world.ask("GenerateDataKey", &request).await), at_use);
        assert_eq!(fault(decrypt(&world, blob, json!({})).await), at_use);
        let request = json!({"CiphertextBlob": blob, "DestinationKeyId": key});
        assert_eq!(fault(world.ask("ReEncrypt", &request).await), at_use);
    }
    world.outside.set_fault(None);
    assert_eq!(
        key(&world, in_proxy(&proxy, "key-2")).await.len(),
        external.len(),
        "nothing was kept of failures"
    );
    // Where it is the ciphertext that does not open, a cluster answers as the service itself does.
    world.outside.set_fault(Some(C::InvalidCiphertext.into()));
    assert_eq!(
        fault(decrypt(&world, &blobs[1], json!({})).await),
        ("InvalidCiphertextException", String::new())
    );
}

#[tokio::test]
async fn keys_are_unavailable_while_their_store_is_disconnected() {
    let world = World::new().await;
    for (request, of_key) in
        [(proxy_request("store", "/kms/xks/v1"), "XksKeyId"), (cluster_request("cluster"), "none")]
    {
        let store = connected(&world, &request).await;
        let create = if of_key == "XksKeyId" { in_proxy(&store, "key-1") } else { in_cluster(&store) };
        let (arn, disabled) = (key(&world, create.clone()).await, symmetric(&world).await);
        let blob = encrypt(&world, &arn, json!({})).await;
        // From the answer on, not only once the work behind it is done.
        world.ask("DisconnectCustomKeyStore", &json!({"CustomKeyStoreId": store})).await.unwrap();
        let words = match of_key {
            "XksKeyId" => "This KMS key is in a custom key store that is not connected to its external key store proxy. \
                           Connect the external key store and try the request again."
                .to_owned(),
            _ => format!("{arn} is unavailable."),
        };
        for (operation, request) in [
            ("Encrypt", json!({"KeyId": arn, "Plaintext": "AA=="})),
            ("Decrypt", json!({"CiphertextBlob": blob})),
            ("GenerateDataKey", json!({"KeyId": arn, "KeySpec": "AES_256"})),
            ("GenerateDataKeyWithoutPlaintext", json!({"KeyId": arn, "KeySpec": "AES_256"})),
            ("ReEncrypt", json!({"CiphertextBlob": blob, "DestinationKeyId": disabled})),
        ] {
            let told = fault(world.ask(operation, &request).await);
            assert_eq!(told, ("KMSInvalidStateException", words.clone()), "{operation}");
        }
        assert_eq!(
            fault(world.ask("RotateKeyOnDemand", &json!({"KeyId": arn})).await).0,
            "UnsupportedOperationException"
        );
        let about = metadata(&world, &arn).await;
        assert_eq!((text(&about, "/KeyState").as_str(), &about["Enabled"]), ("Unavailable", &json!(false)));

        // It can still be managed, and what is decided meanwhile shows afterwards.
        world.ask("DisableKey", &json!({"KeyId": arn})).await.unwrap();
        let alias = format!("alias/{of_key}");
        world.ask("CreateAlias", &json!({"AliasName": alias, "TargetKeyId": arn})).await.unwrap();
        let tags = json!({"KeyId": arn, "Tags": [{"TagKey": "k", "TagValue": "v"}]});
        world.ask("TagResource", &tags).await.unwrap();
        assert_eq!(text(&metadata(&world, &arn).await, "/KeyState"), "Unavailable");
        settle(&world).await;
        change(&world, "ConnectCustomKeyStore", &store).await;
        assert_eq!(text(&metadata(&world, &arn).await, "/KeyState"), "Disabled");
        world.ask("EnableKey", &json!({"KeyId": arn})).await.unwrap();
        assert_eq!(text(&decrypt(&world, &blob, json!({})).await.unwrap(), "/Plaintext"), "c2VjcmV0");

        // Deletion wins over everything, and comes back as unavailable.
        change(&world, "DisconnectCustomKeyStore", &store).await;
        let schedule = json!({"KeyId": arn, "PendingWindowInDays": 7});
        world.ask("ScheduleKeyDeletion", &schedule).await.unwrap();
        assert_eq!(text(&metadata(&world, &arn).await, "/KeyState"), "PendingDeletion");
        world.ask("CancelKeyDeletion", &json!({"KeyId": arn})).await.unwrap();
        assert_eq!(text(&metadata(&world, &arn).await, "/KeyState"), "Unavailable");
    }
}

/// Source: the key state table and "Custom key stores" of the KMS developer guide.
const NOT_IN_CUSTOM_KEY_STORES: [&str; 10] = [
    "DeleteImportedKeyMaterial",
    "DisableKeyRotation",
    "EnableKeyRotation",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GetKeyRotationStatus",
    "GetParametersForImport",
    "ImportKeyMaterial",
    "ListKeyRotations",
    "RotateKeyOnDemand",
];

#[tokio::test]
async fn what_keys_of_custom_key_stores_cannot_do() {
    let world = World::new().await;
    let store = connected(&world, &proxy_request("proxy", "/kms/xks/v1")).await;
    let arn = key(&world, in_proxy(&store, "key-1")).await;
    let known = NOT_IN_CUSTOM_KEY_STORES.iter().filter(|name| crate::ops::find(name).is_some());
    let known: Vec<_> = known.collect();
    assert!(!known.is_empty());
    for disabled in [false, true] {
        if disabled {
            world.ask("DisableKey", &json!({"KeyId": arn})).await.unwrap();
        }
        for name in &known {
            // More members than any one of them has: those it does not know are left alone.
            let request = json!({
                "KeyId": arn, "KeyPairSpec": "RSA_2048", "WrappingAlgorithm": "RSAES_OAEP_SHA_256",
                "WrappingKeySpec": "RSA_2048", "ImportToken": "AA==", "EncryptedKeyMaterial": "AA==",
                "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
            });
            let (code, words) = fault(world.ask(name, &request).await);
            assert_eq!(code, "UnsupportedOperationException", "{name}");
            assert_eq!(
                words,
                format!("{arn} origin is EXTERNAL_KEY_STORE which is not valid for this operation.")
            );
        }
    }
}

#[tokio::test]
async fn keys_hold_their_store_until_they_are_gone() {
    let world = World::new().await;
    let store = connected(&world, &proxy_request("proxy", "/kms/xks/v1")).await;
    let hsm = connected(&world, &cluster_request("cluster")).await;
    let (external, hardware) =
        (key(&world, in_proxy(&store, "key-1")).await, key(&world, in_cluster(&hsm)).await);
    for arn in [&external, &hardware] {
        world.ask("ScheduleKeyDeletion", &json!({"KeyId": arn, "PendingWindowInDays": 7})).await.unwrap();
    }
    change(&world, "DisconnectCustomKeyStore", &store).await;
    let (code, words) = fault(world.ask("DeleteCustomKeyStore", &json!({"CustomKeyStoreId": store})).await);
    assert_eq!(
        (code, words),
        ("CustomKeyStoreHasCMKsException", format!("Custom key store {store} contains KMS keys."))
    );
    world.clock.set(BEGINNING.plus_days(8));
    assert_eq!(world.env.destroy_due_keys().await.unwrap(), 2);
    settle(&world).await;
    assert!(world.outside.labels().is_empty(), "the key in the cluster is gone, too");
    world.ask("DeleteCustomKeyStore", &json!({"CustomKeyStoreId": store})).await.unwrap();
    for (place, _) in world.store.scan(b"", None, 1_000).await.unwrap().records {
        let place = place.to_string();
        assert!(!place.starts_with("external-key/") && !place.starts_with("key-store-key/"), "{place}");
    }
}

#[tokio::test]
async fn a_full_audit_log_leaves_no_key_in_a_cluster() {
    let world = World::new().await;
    let hsm = connected(&world, &cluster_request("cluster")).await;
    let arn = key(&world, in_cluster(&hsm)).await;
    world.ask("ScheduleKeyDeletion", &json!({"KeyId": arn, "PendingWindowInDays": 7})).await.unwrap();
    world.clock.set(BEGINNING.plus_days(8));
    world.audit.set_full(true);
    assert_eq!(world.env.destroy_due_keys().await.unwrap(), 1);
    world.audit.set_full(false);
    settle(&world).await;
    assert!(world.outside.labels().is_empty());
}

#[tokio::test]
async fn audit_records_name_the_store() {
    let world = World::new().await;
    let store = connected(&world, &proxy_request("proxy", "/kms/xks/v1")).await;
    let arn = key(&world, in_proxy(&store, "key-1")).await;
    encrypt(&world, &arn, json!({})).await;
    let records = world.audit.records();
    let of = |name: &str| records.iter().find(|record| record["eventName"] == name).unwrap();
    let about = json!({"customKeyStoreId": store, "xksKeyId": "key-1"});
    assert_eq!(of("Encrypt")["additionalEventData"], about);
    assert_eq!(of("CreateKey")["additionalEventData"], about);
    assert_eq!(of("CreateKey")["requestParameters"]["xksKeyId"], "key-1");
    assert_eq!(of("CreateKey")["requestParameters"]["customKeyStoreId"], store.as_str());
}

#[tokio::test]
async fn random_bytes_of_a_cluster() {
    let world = World::new().await;
    let cluster = connected(&world, &cluster_request("cluster")).await;
    let ask = |store: &str| json!({"NumberOfBytes": 3, "CustomKeyStoreId": store});
    let random = world.ask("GenerateRandom", &ask(&cluster)).await.unwrap();
    assert_eq!(text(&random, "/Plaintext"), "BAQE");
    let proxy = create(&world, &proxy_request("proxy", "/kms/xks/v1")).await;
    assert_eq!(fault(world.ask("GenerateRandom", &ask(&proxy)).await).0, "UnsupportedOperationException");
    assert_eq!(fault(world.ask("GenerateRandom", &ask("cks-0")).await).0, "CustomKeyStoreNotFoundException");
    change(&world, "DisconnectCustomKeyStore", &cluster).await;
    let told = fault(world.ask("GenerateRandom", &ask(&cluster)).await).0;
    assert_eq!(told, "CustomKeyStoreInvalidStateException");
}
