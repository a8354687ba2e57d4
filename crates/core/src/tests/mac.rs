use super::*;

const ACCOUNT: &str = "111122223333";
const MESSAGE: &str = "bWVzc2FnZQ==";
const ALL: [(&str, &str, usize); 4] = [
    ("HMAC_224", "HMAC_SHA_224", 28),
    ("HMAC_256", "HMAC_SHA_256", 32),
    ("HMAC_384", "HMAC_SHA_384", 48),
    ("HMAC_512", "HMAC_SHA_512", 64),
];

async fn hmac(world: &World, spec: &str) -> String {
    key(world, json!({"KeySpec": spec, "KeyUsage": "GENERATE_VERIFY_MAC"})).await
}

fn request(key: &str, algorithm: &str) -> Value {
    json!({"KeyId": key, "Message": MESSAGE, "MacAlgorithm": algorithm})
}

/// The request of VerifyMac for a MAC that GenerateMac answered.
async fn made(world: &World, key: &str, algorithm: &str) -> Value {
    let answer = world.ask("GenerateMac", &request(key, algorithm)).await.unwrap();
    let mut verify = request(key, algorithm);
    verify["Mac"] = answer["Mac"].clone();
    verify
}

#[tokio::test]
async fn every_spec_has_its_algorithm() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let world = World::new().await;
    for (spec, algorithm, length) in ALL {
        let key = hmac(&world, spec).await;
        let metadata = world.ask("DescribeKey", &json!({"KeyId": key})).await.unwrap();
        assert_eq!(metadata["KeyMetadata"]["MacAlgorithms"], json!([algorithm]));
        assert!(metadata["KeyMetadata"].get("CurrentKeyMaterialId").is_none());
        let verify = made(&world, &key, algorithm).await;
        assert_eq!(STANDARD.decode(verify["Mac"].as_str().unwrap()).unwrap().len(), length);
        let answer = world.ask("VerifyMac", &verify).await.unwrap();
        assert_eq!(answer, json!({"KeyId": key, "MacValid": true, "MacAlgorithm": algorithm}));
        for (_, other, _) in ALL.iter().filter(|(_, other, _)| *other != algorithm) {
            for name in ["GenerateMac", "VerifyMac"] {
                let mut wrong = verify.clone();
                wrong["MacAlgorithm"] = json!(other);
                let (code, message) = fault(world.ask(name, &wrong).await);
                assert_eq!(code, "InvalidKeyUsageException");
                assert_eq!(message, format!("Algorithm {other} is incompatible with key spec {spec}."));
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_mac_is_an_error_without_words() {
    let world = World::new().await;
    let key = hmac(&world, "HMAC_256").await;
    let other = hmac(&world, "HMAC_256").await;
    let right = made(&world, &key, "HMAC_SHA_256").await;
    let change = |member: &str, value: &str| {
        let mut changed = right.clone();
        changed[member] = json!(value);
        changed
    };
    for wrong in [change("Mac", "AAAA"), change("Message", "bWFzc2FnZQ=="), change("KeyId", &other)] {
        let error = world.ask("VerifyMac", &wrong).await.unwrap_err();
        assert_eq!((error.code(), error.message()), ("KMSInvalidMacException", None));
    }
    let mut dry = right.clone();
    dry["DryRun"] = json!(true);
    assert_eq!(fault(world.ask("VerifyMac", &dry).await).0, "DryRunOperationException");
    dry["Mac"] = json!("AAAA");
    assert_eq!(fault(world.ask("VerifyMac", &dry).await).0, "KMSInvalidMacException");
}

#[tokio::test]
async fn usages_and_states() {
    let world = World::new().await;
    let encrypting = symmetric(&world).await;
    let key = hmac(&world, "HMAC_256").await;
    let verify = made(&world, &key, "HMAC_SHA_256").await;
    for name in ["GenerateMac", "VerifyMac"] {
        let mut wrong = verify.clone();
        wrong["KeyId"] = json!(encrypting);
        let (code, message) = fault(world.ask(name, &wrong).await);
        assert_eq!(code, "InvalidKeyUsageException");
        assert_eq!(
            message,
            format!("{encrypting} key usage is ENCRYPT_DECRYPT which is not valid for {name}.")
        );
    }
    let refused = world.ask("Encrypt", &json!({"KeyId": key, "Plaintext": "AAAA"})).await;
    assert_eq!(fault(refused).0, "InvalidKeyUsageException");
    let blob = encrypt(&world, &encrypting, json!({})).await;
    let refused = world.ask("Decrypt", &json!({"KeyId": key, "CiphertextBlob": blob})).await;
    assert_eq!(fault(refused).0, "IncorrectKeyException");
    let refused = world.ask("GetPublicKey", &json!({"KeyId": key})).await;
    assert_eq!(fault(refused).0, "UnsupportedOperationException");
    for (operation, expected) in
        [("DisableKey", "DisabledException"), ("ScheduleKeyDeletion", "KMSInvalidStateException")]
    {
        world.ask(operation, &json!({"KeyId": key})).await.unwrap();
        for name in ["GenerateMac", "VerifyMac"] {
            assert_eq!(fault(world.ask(name, &verify).await).0, expected, "{name} after {operation}");
        }
    }
}

#[tokio::test]
async fn policies_ask_for_the_algorithm() {
    let world = World::new().await;
    let account = json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:root")});
    let policy = |algorithm: &str| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": account, "Action": "kms:*", "Resource": "*"},
            {"Effect": "Deny", "Principal": account, "Action": ["kms:GenerateMac", "kms:VerifyMac"],
             "Resource": "*", "Condition": {"StringNotEquals": {"kms:MacAlgorithm": algorithm}}},
        ]})
        .to_string()
    };
    let spec = json!({"KeySpec": "HMAC_512", "KeyUsage": "GENERATE_VERIFY_MAC"});
    for (algorithm, allowed) in [("HMAC_SHA_512", true), ("HMAC_SHA_256", false)] {
        let mut create = spec.clone();
        create["Policy"] = json!(policy(algorithm));
        let key = key(&world, create).await;
        let result = world.ask("GenerateMac", &request(&key, "HMAC_SHA_512")).await;
        assert_eq!(result.is_ok(), allowed, "{algorithm}");
        if !allowed {
            assert_eq!(fault(result).0, "AccessDeniedException");
        }
    }
}

#[tokio::test]
async fn records_tell_neither_message_nor_mac() {
    let world = World::new().await;
    let key = hmac(&world, "HMAC_384").await;
    let verify = made(&world, &key, "HMAC_SHA_384").await;
    world.ask("VerifyMac", &verify).await.unwrap();
    for record in world.audit.records().iter().rev().take(2) {
        let expected = json!({"keyId": key, "macAlgorithm": "HMAC_SHA_384"});
        assert_eq!((&record["requestParameters"], &record["responseElements"]), (&expected, &Value::Null));
        assert_eq!(record["readOnly"], true);
        let line = record.to_string();
        assert!(!line.contains(MESSAGE) && !line.contains(verify["Mac"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn a_key_survives_a_restart() {
    let world = World::new().await;
    let key = hmac(&world, "HMAC_224").await;
    let verify = made(&world, &key, "HMAC_SHA_224").await;
    let later = World::over(std::sync::Arc::clone(&world.store), 2).await;
    assert!(later.ask("VerifyMac", &verify).await.is_ok());
}

#[tokio::test]
async fn a_replica_makes_the_same_macs() {
    let world = World::new().await;
    let create = json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC", "MultiRegion": true});
    let primary = key(&world, create).await;
    let verify = made(&world, &primary, "HMAC_SHA_256").await;
    let replicate = json!({"KeyId": primary, "ReplicaRegion": "eu-central-1"});
    let replica = world.ask("ReplicateKey", &replicate).await.unwrap();
    let mut there = verify.clone();
    there["KeyId"] = replica["ReplicaKeyMetadata"]["Arn"].clone();
    let call = world.call(ACCOUNT, "eu-central-1");
    assert!(world.ask_as(&call, "VerifyMac", &there).await.is_ok());
}
