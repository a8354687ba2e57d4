use base64::{Engine, engine::general_purpose::STANDARD};
use reseal_types::{KeySpec, KeyUsage, MessageType, SigningAlgorithm};

use super::*;

const ACCOUNT: &str = "111122223333";

/// What can be signed, RSA with one length of modulus only: finding primes is slow.
fn signing() -> impl Iterator<Item = KeySpec> {
    let specs = KeySpec::ALL.iter().copied().filter(|spec| spec.allows(KeyUsage::SignVerify));
    specs.filter(|spec| !matches!(spec, KeySpec::Rsa3072 | KeySpec::Rsa4096))
}

async fn signer(world: &World, spec: &str) -> String {
    key(world, json!({"KeySpec": spec, "KeyUsage": "SIGN_VERIFY"})).await
}

fn request(key: &str, algorithm: &str, message_type: &str, length: usize) -> Value {
    json!({
        "KeyId": key, "SigningAlgorithm": algorithm, "MessageType": message_type,
        "Message": STANDARD.encode(vec![7; length]),
    })
}

/// The request of Verify for the signature that Sign answers.
async fn signed(world: &World, request: &Value) -> Value {
    let answer = world.ask("Sign", request).await.unwrap();
    assert_eq!(
        (&answer["KeyId"], &answer["SigningAlgorithm"]),
        (&request["KeyId"], &request["SigningAlgorithm"])
    );
    let mut verify = request.clone();
    verify["Signature"] = answer["Signature"].clone();
    verify
}

fn changed(request: &Value, member: &str, value: impl Into<Value>) -> Value {
    let mut changed = request.clone();
    changed[member] = value.into();
    changed
}

#[tokio::test]
async fn every_spec_signs_with_its_algorithms() {
    let world = World::new().await;
    for spec in signing() {
        let key = signer(&world, spec.as_str()).await;
        let names: Vec<_> = spec.signing_algorithms().iter().map(|algorithm| algorithm.as_str()).collect();
        let metadata = world.ask("DescribeKey", &json!({"KeyId": key})).await.unwrap();
        assert_eq!(metadata["KeyMetadata"]["SigningAlgorithms"], json!(names), "{spec}");
        let public = world.ask("GetPublicKey", &json!({"KeyId": key})).await.unwrap();
        assert_eq!(public["SigningAlgorithms"], json!(names), "{spec}");
        for algorithm in SigningAlgorithm::ALL {
            for message_type in MessageType::ALL {
                let lengths = algorithm.message_lengths(*message_type);
                let length = lengths.as_ref().map_or(32, |lengths| *lengths.end());
                let sign = request(&key, algorithm.as_str(), message_type.as_str(), length);
                let expected = if !spec.signing_algorithms().contains(algorithm) {
                    format!("Algorithm {algorithm} is incompatible with key spec {spec}.")
                } else if lengths.is_none() {
                    format!("Algorithm {algorithm} does not support message type {message_type}.")
                } else {
                    let verify = signed(&world, &sign).await;
                    let answer = world.ask("Verify", &verify).await.unwrap();
                    let right = json!({
                        "KeyId": key, "SignatureValid": true, "SigningAlgorithm": algorithm.as_str(),
                    });
                    assert_eq!(answer, right, "{spec} {algorithm} {message_type}");
                    continue;
                };
                assert_eq!(fault(world.ask("Sign", &sign).await).1, expected);
                let verify = changed(&sign, "Signature", "AAAA");
                assert_eq!(fault(world.ask("Verify", &verify).await).1, expected);
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_signature_is_an_error_without_words() {
    let world = World::new().await;
    for (spec, algorithm) in [
        ("ECC_NIST_P256", "ECDSA_SHA_256"),
        ("ECC_NIST_P384", "ECDSA_SHA_384"),
        ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512"),
        ("ML_DSA_44", "ML_DSA_SHAKE_256"),
        ("SM2", "SM2DSA"),
    ] {
        let (key, other) = (signer(&world, spec).await, signer(&world, spec).await);
        let right = signed(&world, &request(&key, algorithm, "RAW", 64)).await;
        let longest = STANDARD.encode([7; 6144]);
        for wrong in [
            changed(&right, "Signature", "AAAA"),
            changed(&right, "Signature", longest),
            changed(&right, "Message", STANDARD.encode([8; 64])),
            changed(&right, "KeyId", other),
        ] {
            let error = world.ask("Verify", &wrong).await.unwrap_err();
            assert_eq!((error.code(), error.message()), ("KMSInvalidSignatureException", None), "{spec}");
            let error = world.ask("Verify", &changed(&wrong, "DryRun", true)).await.unwrap_err();
            assert_eq!(error.code(), "KMSInvalidSignatureException");
        }
        let dry = world.ask("Verify", &changed(&right, "DryRun", true)).await;
        assert_eq!(fault(dry).0, "DryRunOperationException");
        let dry = world.ask("Sign", &changed(&request(&key, algorithm, "RAW", 1), "DryRun", true)).await;
        assert_eq!(fault(dry).0, "DryRunOperationException");
    }
}

#[tokio::test]
async fn lengths_of_messages() {
    let world = World::new().await;
    let digests = [
        ("RSA_2048", "RSASSA_PSS_SHA_384", "DIGEST", 48),
        ("ECC_NIST_P256", "ECDSA_SHA_256", "DIGEST", 32),
        ("ECC_NIST_P521", "ECDSA_SHA_512", "DIGEST", 64),
        ("SM2", "SM2DSA", "DIGEST", 32),
        ("ECC_NIST_EDWARDS25519", "ED25519_PH_SHA_512", "DIGEST", 64),
        ("ML_DSA_65", "ML_DSA_SHAKE_256", "EXTERNAL_MU", 64),
    ];
    for (spec, algorithm, message_type, length) in digests {
        let key = signer(&world, spec).await;
        for wrong in [1, length - 1, length + 1, 4096] {
            let sign = request(&key, algorithm, message_type, wrong);
            let (code, message) = fault(world.ask("Sign", &sign).await);
            assert_eq!(code, "ValidationException");
            assert_eq!(message, format!("Digest is invalid length for algorithm {algorithm}."));
            let verify = changed(&sign, "Signature", "AAAA");
            assert_eq!(fault(world.ask("Verify", &verify).await).1, message);
            assert_eq!(fault(world.ask("Sign", &changed(&sign, "DryRun", true)).await).1, message);
        }
    }
    let key = signer(&world, "ECC_NIST_P256").await;
    for (length, rule) in [(0, "greater than or equal to 1"), (4097, "less than or equal to 4096")] {
        let (code, message) = fault(world.ask("Sign", &request(&key, "ECDSA_SHA_256", "RAW", length)).await);
        assert_eq!(code, "ValidationException");
        let expected = format!(
            "1 validation error detected: Value at 'message' failed to satisfy constraint: \
             Member must have length {rule}"
        );
        assert_eq!(message, expected);
    }
    let (_, message) = fault(world.ask("Verify", &json!({"MessageType": "TEXT"})).await);
    assert!(message.starts_with("5 validation errors detected: "), "{message}");
    for member in ["keyId", "message", "signingAlgorithm", "signature"] {
        let missing =
            format!("Value null at '{member}' failed to satisfy constraint: Member must not be null");
        assert!(message.contains(&missing), "{message}");
    }
    assert!(message.contains("Value 'TEXT' at 'messageType' failed to satisfy constraint"), "{message}");
}

#[tokio::test]
async fn usages_and_states() {
    let world = World::new().await;
    let key = signer(&world, "ECC_NIST_P256").await;
    let verify = signed(&world, &request(&key, "ECDSA_SHA_256", "RAW", 9)).await;
    for usage in ["KEY_AGREEMENT", "ENCRYPT_DECRYPT"] {
        let spec = if usage == "KEY_AGREEMENT" { "ECC_NIST_P256" } else { "RSA_2048" };
        let other = super::key(&world, json!({"KeySpec": spec, "KeyUsage": usage})).await;
        for name in ["Sign", "Verify"] {
            let (code, message) = fault(world.ask(name, &changed(&verify, "KeyId", other.as_str())).await);
            assert_eq!(code, "InvalidKeyUsageException");
            assert_eq!(message, format!("{other} key usage is {usage} which is not valid for {name}."));
        }
    }
    let refused = world.ask("Encrypt", &json!({"KeyId": key, "Plaintext": "AAAA"})).await;
    assert_eq!(fault(refused).0, "InvalidKeyUsageException");
    for (operation, expected) in
        [("DisableKey", "DisabledException"), ("ScheduleKeyDeletion", "KMSInvalidStateException")]
    {
        world.ask(operation, &json!({"KeyId": key})).await.unwrap();
        for name in ["Sign", "Verify"] {
            assert_eq!(fault(world.ask(name, &verify).await).0, expected, "{name} after {operation}");
        }
    }
}

#[tokio::test]
async fn policies_ask_for_algorithm_and_message_type() {
    let world = World::new().await;
    let account = json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:root")});
    let policy = |name: &str, value: &str| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": account, "Action": "kms:*", "Resource": "*"},
            {"Effect": "Deny", "Principal": account, "Action": ["kms:Sign", "kms:Verify"],
             "Resource": "*", "Condition": {"StringNotEquals": {name: value}}},
        ]})
        .to_string()
    };
    for (name, value, raw, digest) in [
        ("kms:SigningAlgorithm", "ECDSA_SHA_256", true, true),
        ("kms:SigningAlgorithm", "ECDSA_SHA_384", false, false),
        ("kms:MessageType", "DIGEST", false, true),
        ("kms:MessageType", "RAW", true, false),
    ] {
        let create =
            json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY", "Policy": policy(name, value)});
        let key = key(&world, create).await;
        let mut by_default = request(&key, "ECDSA_SHA_256", "RAW", 32);
        by_default.as_object_mut().unwrap().remove("MessageType");
        for (sign, allowed) in [
            (request(&key, "ECDSA_SHA_256", "RAW", 32), raw),
            (by_default, raw),
            (request(&key, "ECDSA_SHA_256", "DIGEST", 32), digest),
        ] {
            let result = world.ask("Sign", &sign).await;
            assert_eq!(result.is_ok(), allowed, "{name} {value}");
            let verified = world.ask("Verify", &changed(&sign, "Signature", "AAAA")).await;
            let expected = if allowed { "KMSInvalidSignatureException" } else { "AccessDeniedException" };
            assert_eq!(fault(verified).0, expected, "{name} {value}");
        }
    }
}

#[tokio::test]
async fn records_tell_neither_message_nor_signature() {
    let world = World::new().await;
    let key = signer(&world, "ECC_NIST_P256").await;
    let verify = signed(&world, &request(&key, "ECDSA_SHA_256", "RAW", 60)).await;
    world.ask("Verify", &verify).await.unwrap();
    for record in world.audit.records().iter().rev().take(2) {
        let expected = json!({"keyId": key, "messageType": "RAW", "signingAlgorithm": "ECDSA_SHA_256"});
        assert_eq!((&record["requestParameters"], &record["responseElements"]), (&expected, &Value::Null));
        assert_eq!(record["readOnly"], true);
        let line = record.to_string();
        assert!(
            ["Message", "Signature"].iter().all(|member| !line.contains(verify[*member].as_str().unwrap()))
        );
    }
}

#[tokio::test]
async fn keys_survive_a_restart() {
    let world = World::new().await;
    let mut requests = Vec::new();
    for spec in signing() {
        let key = signer(&world, spec.as_str()).await;
        let algorithm = spec.signing_algorithms()[0];
        requests.push(signed(&world, &request(&key, algorithm.as_str(), "RAW", 100)).await);
    }
    let later = World::over(std::sync::Arc::clone(&world.store), 2).await;
    for verify in &requests {
        later.ask("Verify", verify).await.unwrap();
    }
}
