use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

const AGREEING: [(&str, usize, usize); 4] =
    [("ECC_NIST_P256", 32, 91), ("ECC_NIST_P384", 48, 120), ("ECC_NIST_P521", 66, 158), ("SM2", 32, 91)];
const ENCAPSULATING: [(&str, usize, usize); 3] =
    [("ML_KEM_512", 768, 822), ("ML_KEM_768", 1088, 1206), ("ML_KEM_1024", 1568, 1590)];

async fn agreement(world: &World, spec: &str) -> (String, Value) {
    let key = key(world, json!({"KeySpec": spec, "KeyUsage": "KEY_AGREEMENT"})).await;
    let public = world.ask("GetPublicKey", &json!({"KeyId": key})).await.unwrap();
    assert_eq!(public["KeyAgreementAlgorithms"], json!(["ECDH"]));
    (key, public["PublicKey"].clone())
}

async fn kem(world: &World, spec: &str) -> String {
    key(world, json!({"KeySpec": spec, "KeyUsage": "ENCAPSULATE_DECAPSULATE"})).await
}

fn derive(key: &str, peer: &Value) -> Value {
    json!({"KeyId": key, "KeyAgreementAlgorithm": "ECDH", "PublicKey": peer})
}

fn length(value: &Value) -> usize {
    STANDARD.decode(value.as_str().unwrap()).unwrap().len()
}

#[tokio::test]
async fn both_sides_derive_the_same() {
    let world = World::new().await;
    for (spec, secret, public) in AGREEING {
        let (alice, of_alice) = agreement(&world, spec).await;
        let (bob, of_bob) = agreement(&world, spec).await;
        assert_eq!(length(&of_alice), public, "{spec}");
        let one = world.ask("DeriveSharedSecret", &derive(&alice, &of_bob)).await.unwrap();
        let two = world.ask("DeriveSharedSecret", &derive(&bob, &of_alice)).await.unwrap();
        assert_eq!(one["SharedSecret"], two["SharedSecret"], "{spec}");
        assert_eq!(length(&one["SharedSecret"]), secret, "{spec}");
        assert_eq!((&one["KeyId"], &one["KeyOrigin"]), (&json!(alice), &json!("AWS_KMS")));
        let own = world.ask("DeriveSharedSecret", &derive(&alice, &of_alice)).await.unwrap();
        assert_ne!(own["SharedSecret"], one["SharedSecret"], "{spec}");
    }
}

#[tokio::test]
async fn what_is_no_peer_has_no_words() {
    let world = World::new().await;
    let (key, own) = agreement(&world, "ECC_NIST_P256").await;
    let (_, p384) = agreement(&world, "ECC_NIST_P384").await;
    let (_, sm2) = agreement(&world, "SM2").await;
    for peer in [&p384, &sm2, &json!("AAAA"), &json!("MAA=")] {
        let error = world.ask("DeriveSharedSecret", &derive(&key, peer)).await.unwrap_err();
        assert_eq!((error.code(), error.message()), ("ValidationException", Some(String::new())));
        let mut dry = derive(&key, peer);
        dry["DryRun"] = json!(true);
        assert_eq!(fault(world.ask("DeriveSharedSecret", &dry).await).0, "ValidationException");
    }
    let mut dry = derive(&key, &own);
    dry["DryRun"] = json!(true);
    assert_eq!(fault(world.ask("DeriveSharedSecret", &dry).await).0, "DryRunOperationException");
}

#[tokio::test]
async fn what_is_encapsulated_comes_out_again() {
    let world = World::new().await;
    for (spec, ciphertext, public) in ENCAPSULATING {
        let key = kem(&world, spec).await;
        let answer = world.ask("GetPublicKey", &json!({"KeyId": key})).await.unwrap();
        assert_eq!(answer["EncapsulationAlgorithms"], json!(["ML_KEM"]));
        assert_eq!(length(&answer["PublicKey"]), public, "{spec}");
        let request = json!({"KeyId": key, "EncapsulationAlgorithm": "ML_KEM"});
        let made = world.ask("Encapsulate", &request).await.unwrap();
        let sealed = &made["SharedSecretCiphertextBlob"];
        assert_eq!((length(sealed), length(&made["SharedSecret"])), (ciphertext, 32), "{spec}");
        let mut open = request.clone();
        open["SharedSecretCiphertextBlob"] = sealed.clone();
        let opened = world.ask("Decapsulate", &open).await.unwrap();
        let expected = json!({
            "KeyId": key, "SharedSecret": made["SharedSecret"], "EncapsulationAlgorithm": "ML_KEM"
        });
        assert_eq!(opened, expected, "{spec}");
        let again = world.ask("Encapsulate", &request).await.unwrap();
        assert_ne!(again["SharedSecret"], made["SharedSecret"], "{spec}");
    }
}

#[tokio::test]
async fn decapsulation_refuses_lengths_alone() {
    let world = World::new().await;
    let (key, other) = (kem(&world, "ML_KEM_512").await, kem(&world, "ML_KEM_512").await);
    let made = world.ask("Encapsulate", &json!({"KeyId": key, "EncapsulationAlgorithm": "ML_KEM"})).await;
    let made = made.unwrap();
    let sealed = STANDARD.decode(text(&made, "/SharedSecretCiphertextBlob")).unwrap();
    let open = |key: &str, sealed: &[u8]| {
        json!({"KeyId": key, "EncapsulationAlgorithm": "ML_KEM",
               "SharedSecretCiphertextBlob": STANDARD.encode(sealed)})
    };
    let mut altered = sealed.clone();
    altered[0] ^= 1;
    for (key, sealed) in [(&other, &sealed), (&key, &altered)] {
        let opened = world.ask("Decapsulate", &open(key, sealed)).await.unwrap();
        assert_eq!(length(&opened["SharedSecret"]), 32);
        assert_ne!(opened["SharedSecret"], made["SharedSecret"]);
    }
    for wrong in [&sealed[1..], &[&sealed[..], &[0]].concat()] {
        let error = world.ask("Decapsulate", &open(&key, wrong)).await.unwrap_err();
        assert_eq!((error.code(), error.message()), ("InvalidCiphertextException", None));
    }
}

#[tokio::test]
async fn usages_states_and_refusals() {
    let world = World::new().await;
    let (agreeing, public) = agreement(&world, "ECC_NIST_P256").await;
    let encapsulating = kem(&world, "ML_KEM_512").await;
    let made = json!({"KeyId": encapsulating, "EncapsulationAlgorithm": "ML_KEM"});
    let made = world.ask("Encapsulate", &made).await.unwrap();
    let calls = |agreeing: &str, encapsulating: &str| {
        let kem = json!({"KeyId": encapsulating, "EncapsulationAlgorithm": "ML_KEM"});
        let mut open = kem.clone();
        open["SharedSecretCiphertextBlob"] = made["SharedSecretCiphertextBlob"].clone();
        [("DeriveSharedSecret", derive(agreeing, &public)), ("Encapsulate", kem), ("Decapsulate", open)]
    };
    for (name, request) in calls(&encapsulating, &agreeing) {
        let (code, message) = fault(world.ask(name, &request).await);
        assert_eq!(code, "InvalidKeyUsageException");
        assert!(message.ends_with(&format!("which is not valid for {name}.")), "{message}");
    }
    for (name, request) in calls(&agreeing, &encapsulating) {
        let key = request["KeyId"].clone();
        let action = format!("kms:{name}");
        let put = json!({"KeyId": key, "Policy": policy_without("111122223333", &[&action])});
        world.ask("PutKeyPolicy", &put).await.unwrap();
        let (code, message) = fault(world.ask(name, &request).await);
        assert_eq!(code, "AccessDeniedException");
        assert!(message.contains(&action), "{message}");
        let put = json!({"KeyId": key, "Policy": policy_without("111122223333", &["kms:None"])});
        world.ask("PutKeyPolicy", &put).await.unwrap();
        assert!(world.ask(name, &request).await.is_ok());
    }
    for (operation, expected) in
        [("DisableKey", "DisabledException"), ("ScheduleKeyDeletion", "KMSInvalidStateException")]
    {
        for key in [&agreeing, &encapsulating] {
            world.ask(operation, &json!({"KeyId": key})).await.unwrap();
        }
        for (name, request) in calls(&agreeing, &encapsulating) {
            assert_eq!(fault(world.ask(name, &request).await).0, expected, "{name} after {operation}");
        }
    }
}

#[tokio::test]
async fn records_tell_no_secret() {
    let world = World::new().await;
    let (key, public) = agreement(&world, "ECC_NIST_P384").await;
    let answer = world.ask("DeriveSharedSecret", &derive(&key, &public)).await.unwrap();
    let records = world.audit.records();
    let record = records.last().unwrap();
    assert_eq!(record["requestParameters"], json!({"keyId": key, "keyAgreementAlgorithm": "ECDH"}));
    assert!(!record.to_string().contains(answer["SharedSecret"].as_str().unwrap()));
    let key = kem(&world, "ML_KEM_768").await;
    let request = json!({"KeyId": key, "EncapsulationAlgorithm": "ML_KEM"});
    world.ask("Encapsulate", &request).await.unwrap();
    let records = world.audit.records();
    let expected = json!({"keyId": key, "encapsulationAlgorithm": "ML_KEM"});
    assert_eq!(records.last().unwrap()["requestParameters"], expected);
}

#[tokio::test]
async fn keys_survive_a_restart() {
    let world = World::new().await;
    let (agreeing, public) = agreement(&world, "ECC_NIST_P521").await;
    let before = world.ask("DeriveSharedSecret", &derive(&agreeing, &public)).await.unwrap();
    let key = kem(&world, "ML_KEM_1024").await;
    let request = json!({"KeyId": key, "EncapsulationAlgorithm": "ML_KEM"});
    let made = world.ask("Encapsulate", &request).await.unwrap();
    let later = World::over(std::sync::Arc::clone(&world.store), 2).await;
    let after = later.ask("DeriveSharedSecret", &derive(&agreeing, &public)).await.unwrap();
    assert_eq!(before, after);
    let mut open = request.clone();
    open["SharedSecretCiphertextBlob"] = made["SharedSecretCiphertextBlob"].clone();
    let opened = later.ask("Decapsulate", &open).await.unwrap();
    assert_eq!(opened["SharedSecret"], made["SharedSecret"]);
}

#[tokio::test]
async fn a_usage_belongs_to_its_specs() {
    let world = World::new().await;
    for (spec, usage) in [
        ("ECC_SECG_P256K1", "KEY_AGREEMENT"),
        ("HMAC_256", "SIGN_VERIFY"),
        ("ML_KEM_768", "KEY_AGREEMENT"),
        ("ECC_NIST_P256", "ENCAPSULATE_DECAPSULATE"),
    ] {
        let (code, message) =
            fault(world.ask("CreateKey", &json!({"KeySpec": spec, "KeyUsage": usage})).await);
        assert_eq!(code, "ValidationException");
        assert_eq!(message, format!("KeyUsage {usage} is not compatible with KeySpec {spec}"));
    }
}
