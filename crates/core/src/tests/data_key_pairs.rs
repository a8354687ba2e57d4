use base64::{Engine, engine::general_purpose::STANDARD};
use reseal_crypto::{attestation::Roots, kem::KemKeyPair, signing::SigningKey};
use reseal_types::{KeySpec, SecretBytes};

use super::{
    key_stores::{change, cluster_request, create, proxy_request},
    *,
};
use crate::recipient::Attestation;

const BOTH: [&str; 2] = ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"];
const SPECS: [&str; 12] = [
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "SM2",
    "ECC_NIST_EDWARDS25519",
    "ML_KEM_512",
    "ML_KEM_768",
    "ML_KEM_1024",
];

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn request(key: &str, spec: &str) -> Value {
    json!({"KeyId": key, "KeyPairSpec": spec, "EncryptionContext": {"Department": "IT"}})
}

/// Decrypts the private key of an answer.
async fn opened(world: &World, answer: &Value) -> Vec<u8> {
    let decrypt = json!({
        "CiphertextBlob": answer["PrivateKeyCiphertextBlob"], "EncryptionContext": {"Department": "IT"},
    });
    let opened = world.ask("Decrypt", &decrypt).await.unwrap();
    assert_eq!(opened["KeyMaterialId"], answer["KeyMaterialId"]);
    bytes(&opened["Plaintext"])
}

#[tokio::test]
async fn the_halves_belong_together() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    for spec in SPECS {
        // Each search for RSA primes takes seconds.
        let names = if matches!(spec, "RSA_3072" | "RSA_4096") { &BOTH[1..] } else { &BOTH[..] };
        for name in names {
            let answer = world.ask(name, &request(&key, spec)).await.unwrap();
            assert_eq!((&answer["KeyId"], &answer["KeyPairSpec"]), (&json!(key), &json!(spec)));
            let private = opened(&world, &answer).await;
            let plaintext = answer.get("PrivateKeyPlaintext").map(bytes);
            assert_eq!(plaintext, (*name == BOTH[0]).then(|| private.clone()), "{spec} {name}");
            assert!(answer.get("CiphertextForRecipient").is_none());
            let (spec, private) = (KeySpec::parse(spec).unwrap(), SecretBytes::from(private));
            let public = match spec {
                KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => {
                    KemKeyPair::load(spec, &private).unwrap().public_key_der().to_vec()
                }
                _ => SigningKey::load(spec, &private).unwrap().public_key_der().to_vec(),
            };
            assert_eq!(public, bytes(&answer["PublicKey"]), "{spec}");
        }
    }
    let unlike = world.ask(BOTH[0], &request(&key, "ECC_NIST_P256")).await.unwrap();
    let like = world.ask(BOTH[0], &request(&key, "ECC_NIST_P256")).await.unwrap();
    assert_ne!(unlike["PublicKey"], like["PublicKey"]);
}

#[tokio::test]
async fn the_context_binds() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let answer = world.ask(BOTH[1], &request(&key, "ECC_NIST_P384")).await.unwrap();
    let wrong = json!({"CiphertextBlob": answer["PrivateKeyCiphertextBlob"]});
    assert_eq!(fault(world.ask("Decrypt", &wrong).await).0, "InvalidCiphertextException");
}

#[tokio::test]
async fn refusals() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    for name in BOTH {
        let (code, message) = fault(world.ask(name, &request(&key, "ML_DSA_44")).await);
        assert_eq!(code, "ValidationException");
        assert!(
            message.contains("Value 'ML_DSA_44' at 'keyPairSpec' failed to satisfy constraint"),
            "{message}"
        );
        let (_, message) = fault(world.ask(name, &json!({"KeyId": key})).await);
        assert!(message.contains("Value null at 'keyPairSpec'"), "{message}");
        let mut dry = request(&key, "RSA_4096");
        dry["DryRun"] = json!(true);
        assert_eq!(fault(world.ask(name, &dry).await).0, "DryRunOperationException");
        for (spec, usage) in [("RSA_2048", "ENCRYPT_DECRYPT"), ("ECC_NIST_P256", "SIGN_VERIFY")] {
            let other = super::key(&world, json!({"KeySpec": spec, "KeyUsage": usage})).await;
            for dry in [false, true] {
                let mut wrong = request(&other, "ECC_NIST_P256");
                wrong["DryRun"] = json!(dry);
                let (code, message) = fault(world.ask(name, &wrong).await);
                assert_eq!(code, "InvalidKeyUsageException");
                assert_eq!(message, format!("{other} key usage is {usage} which is not valid for {name}."));
            }
        }
        let missing = "1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(fault(world.ask(name, &request(missing, "SM2")).await).0, "NotFoundException");
    }
    for (operation, expected) in
        [("DisableKey", "DisabledException"), ("ScheduleKeyDeletion", "KMSInvalidStateException")]
    {
        world.ask(operation, &json!({"KeyId": key})).await.unwrap();
        for name in BOTH {
            assert_eq!(fault(world.ask(name, &request(&key, "SM2")).await).0, expected);
        }
    }
}

#[tokio::test]
async fn keys_in_custom_key_stores_make_none() {
    let world = World::new().await;
    for (store, origin) in [
        (proxy_request("proxy", "/kms/xks/v1"), "EXTERNAL_KEY_STORE"),
        (cluster_request("cluster"), "AWS_CLOUDHSM"),
    ] {
        let store = create(&world, &store).await;
        change(&world, "ConnectCustomKeyStore", &store).await;
        let mut in_store = json!({"Origin": origin, "CustomKeyStoreId": store});
        if origin == "EXTERNAL_KEY_STORE" {
            in_store["XksKeyId"] = json!("key-1");
        }
        let key = key(&world, in_store).await;
        for name in BOTH {
            let (code, message) = fault(world.ask(name, &request(&key, "ECC_NIST_P256")).await);
            assert_eq!(code, "UnsupportedOperationException");
            assert_eq!(message, format!("{key} origin is {origin} which is not valid for this operation."));
        }
    }
}

#[tokio::test]
async fn policies_ask_for_the_pair_spec_and_the_context() {
    let world = World::new().await;
    let account = json!({"AWS": "arn:aws:iam::111122223333:root"});
    for (name, value, allowed) in [
        ("kms:DataKeyPairSpec", "ECC_NIST_P256", true),
        ("kms:DataKeyPairSpec", "ECC_NIST_P384", false),
        ("kms:EncryptionContext:Department", "IT", true),
        ("kms:EncryptionContext:Department", "HR", false),
        ("kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT", true),
    ] {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": account, "NotAction": "kms:GenerateDataKeyPair*", "Resource": "*"},
            {"Effect": "Allow", "Principal": account, "Action": "kms:GenerateDataKeyPair*", "Resource": "*",
             "Condition": {"StringEquals": {name: value}}},
        ]});
        let key = key(&world, json!({"Policy": policy.to_string()})).await;
        for operation in BOTH {
            let result = world.ask(operation, &request(&key, "ECC_NIST_P256")).await;
            assert_eq!(result.is_ok(), allowed, "{name} {value}");
            if !allowed {
                assert_eq!(fault(result).0, "AccessDeniedException");
            }
        }
    }
    let denied = policy_without(
        "111122223333",
        &BOTH.map(|name| ["kms:", name].concat()).each_ref().map(String::as_str),
    );
    let key = key(&world, json!({"Policy": denied})).await;
    for operation in BOTH {
        assert_eq!(fault(world.ask(operation, &request(&key, "SM2")).await).0, "AccessDeniedException");
    }
}

#[tokio::test]
async fn the_private_key_is_for_the_recipient_alone() {
    let roots = Roots::from_pem(include_bytes!("../../../crypto/vectors/attestation/root.pem")).unwrap();
    let mut world = World::new().await;
    let document = STANDARD.encode(include_bytes!("../../../crypto/vectors/attestation/enclave.cose"));
    let key = symmetric(&world).await;
    let mut attested = request(&key, "ECC_NIST_P256");
    attested["Recipient"] =
        json!({"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": document});
    assert_eq!(fault(world.ask(BOTH[0], &attested).await).0, "UnsupportedOperationException");
    world.env.settings.attestation =
        Some(Attestation { roots: std::sync::Arc::new(roots), max_age_millis: 300_000 });
    let answer = world.ask(BOTH[0], &attested).await.unwrap();
    assert!(answer.get("PrivateKeyPlaintext").is_none() && answer.get("KeyMaterialId").is_none());
    let sealed = bytes(&answer["CiphertextForRecipient"]);
    let private = bytes(&world.ask("Decrypt", &json!({
        "CiphertextBlob": answer["PrivateKeyCiphertextBlob"], "EncryptionContext": {"Department": "IT"},
    })).await.unwrap()["Plaintext"]);
    assert!(!sealed.windows(private.len()).any(|window| window == private));
    let ignored = world.ask(BOTH[1], &attested).await.unwrap();
    assert!(ignored.get("CiphertextForRecipient").is_none(), "no member of that operation");
}

#[tokio::test]
async fn records_tell_no_key() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    for name in BOTH {
        let answer = world.ask(name, &request(&key, "ECC_NIST_EDWARDS25519")).await.unwrap();
        let records = world.audit.records();
        let record = records.last().unwrap();
        let expected = json!({
            "keyId": key, "keyPairSpec": "ECC_NIST_EDWARDS25519", "encryptionContext": {"Department": "IT"},
        });
        assert_eq!((&record["eventName"], &record["requestParameters"]), (&json!(name), &expected));
        assert_eq!((&record["responseElements"], &record["readOnly"]), (&Value::Null, &json!(true)));
        assert_eq!(record["additionalEventData"]["keyMaterialId"], answer["KeyMaterialId"]);
        let line = record.to_string();
        for member in ["PrivateKeyCiphertextBlob", "PrivateKeyPlaintext", "PublicKey"] {
            assert!(answer[member].as_str().is_none_or(|secret| !line.contains(secret)), "{member}");
        }
    }
}
