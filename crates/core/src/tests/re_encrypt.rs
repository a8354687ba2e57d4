use super::*;

const ACCOUNT: &str = "111122223333";
const OTHER: &str = "444455556666";

#[tokio::test]
async fn moves_a_ciphertext_and_replaces_its_context() {
    let world = World::new().await;
    let (from, to) = (symmetric(&world).await, symmetric(&world).await);
    let blob = encrypt(&world, &from, json!({"a": "1"})).await;
    let request =
        json!({"CiphertextBlob": blob, "SourceEncryptionContext": {"a": "1"}, "DestinationKeyId": to});
    let answer = world.ask("ReEncrypt", &request).await.unwrap();
    let members: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    let all = [
        "CiphertextBlob",
        "DestinationEncryptionAlgorithm",
        "DestinationKeyMaterialId",
        "KeyId",
        "SourceEncryptionAlgorithm",
        "SourceKeyId",
        "SourceKeyMaterialId",
    ];
    assert_eq!(members, all);
    assert_eq!((text(&answer, "/SourceKeyId"), text(&answer, "/KeyId")), (from, to));
    let decrypted = world.ask("Decrypt", &json!({"CiphertextBlob": answer["CiphertextBlob"]})).await.unwrap();
    assert_eq!(text(&decrypted, "/Plaintext"), "c2VjcmV0");
}

#[tokio::test]
async fn after_rotation_the_same_key_gives_two_material_ids() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let blob = encrypt(&world, &key, json!({})).await;
    world.ask("RotateKeyOnDemand", &json!({"KeyId": key})).await.unwrap();
    assert!(
        world.ask("Decrypt", &json!({"CiphertextBlob": blob})).await.is_ok(),
        "old material still decrypts"
    );
    let request = json!({"CiphertextBlob": blob, "DestinationKeyId": key});
    let answer = world.ask("ReEncrypt", &request).await.unwrap();
    assert_ne!(answer["SourceKeyMaterialId"], answer["DestinationKeyMaterialId"]);
}

#[tokio::test]
async fn the_source_must_be_the_key_of_the_ciphertext() {
    let world = World::new().await;
    let (from, to) = (symmetric(&world).await, symmetric(&world).await);
    let signer = key(&world, json!({"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"})).await;
    let blob = encrypt(&world, &from, json!({})).await;
    for wrong in [&to, &signer] {
        let request = json!({"CiphertextBlob": blob, "SourceKeyId": wrong, "DestinationKeyId": to});
        let (code, message) = fault(world.ask("ReEncrypt", &request).await);
        assert_eq!(code, "IncorrectKeyException");
        assert_eq!(
            message,
            "The key ID in the request does not identify a CMK that can perform this operation."
        );
    }
    let request = json!({"CiphertextBlob": blob, "DestinationKeyId": signer});
    let (code, message) = fault(world.ask("ReEncrypt", &request).await);
    assert_eq!(code, "InvalidKeyUsageException");
    assert_eq!(message, format!("{signer} key usage is SIGN_VERIFY which is not valid for ReEncrypt."));
}

#[tokio::test]
async fn each_side_is_authorized_on_its_own() {
    for (action, side, shown) in [
        ("kms:ReEncryptFrom", 0, "this ciphertext"),
        ("kms:ReEncryptTo", 1, "no resource-based policy allows"),
    ] {
        let world = World::new().await;
        let keys = [symmetric(&world).await, symmetric(&world).await];
        let blob = encrypt(&world, &keys[0], json!({})).await;
        let put = json!({"KeyId": keys[side], "Policy": policy_without(ACCOUNT, &[action])});
        world.ask("PutKeyPolicy", &put).await.unwrap();
        let request = json!({"CiphertextBlob": blob, "DestinationKeyId": keys[1]});
        let (code, message) = fault(world.ask("ReEncrypt", &request).await);
        assert_eq!(code, "AccessDeniedException");
        assert!(message.contains(action) && message.contains(shown), "{message}");
    }
}

#[tokio::test]
async fn states_of_both_sides_count() {
    let cases = [
        ("DisableKey", "DisabledException", " is disabled."),
        ("ScheduleKeyDeletion", "KMSInvalidStateException", " is pending deletion."),
    ];
    for (operation, expected, ending) in cases {
        for side in [0, 1] {
            let world = World::new().await;
            let keys = [symmetric(&world).await, symmetric(&world).await];
            let blob = encrypt(&world, &keys[0], json!({})).await;
            world.ask(operation, &json!({"KeyId": keys[side]})).await.unwrap();
            let request = json!({"CiphertextBlob": blob, "DestinationKeyId": keys[1]});
            let (code, message) = fault(world.ask("ReEncrypt", &request).await);
            assert_eq!((code, message), (expected, format!("{}{ending}", keys[side])));
        }
    }
}

#[tokio::test]
async fn a_foreign_account_learns_nothing() {
    let world = World::new().await;
    let own = symmetric(&world).await;
    let blob = encrypt(&world, &own, json!({})).await;
    let stranger = world.call(OTHER, "us-east-1");
    let created = world.ask_as(&stranger, "CreateKey", &json!({})).await.unwrap();
    let theirs = text(&created, "/KeyMetadata/Arn");
    let real = json!({"CiphertextBlob": blob, "DestinationKeyId": theirs});
    let (code, refused) = fault(world.ask_as(&stranger, "ReEncrypt", &real).await);
    assert_eq!(code, "AccessDeniedException");
    // The same blob in a Region where its key does not exist gives the same words.
    let elsewhere = world.call(OTHER, "us-west-2");
    let (_, absent) = fault(world.ask_as(&elsewhere, "Decrypt", &json!({"CiphertextBlob": blob})).await);
    assert_eq!(refused.replace("ReEncryptFrom", "Decrypt"), absent);
    // A key ARN that exists and one that does not are told alike.
    let missing = own.replace(&own[own.len() - 4..], "0000");
    let describe = |arn: String| json!({"KeyId": arn});
    let (_, exists) = fault(world.ask_as(&stranger, "DescribeKey", &describe(own.clone())).await);
    let (_, not) = fault(world.ask_as(&stranger, "DescribeKey", &describe(missing.clone())).await);
    assert_eq!(exists.replace(&own, ""), not.replace(&missing, ""));
}

#[tokio::test]
async fn a_deny_in_a_foreign_policy_reads_like_absence() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Deny", "Principal": {"AWS": OTHER}, "Action": "kms:*", "Resource": "*"}]});
    world.ask("PutKeyPolicy", &json!({"KeyId": key, "Policy": policy.to_string()})).await.unwrap();
    let missing = key.replace(&key[key.len() - 4..], "0000");
    let stranger = world.call(OTHER, "us-east-1");
    for operation in ["DescribeKey", "GetKeyPolicy"] {
        let (_, exists) = fault(world.ask_as(&stranger, operation, &json!({"KeyId": key})).await);
        let (_, not) = fault(world.ask_as(&stranger, operation, &json!({"KeyId": missing})).await);
        assert_eq!(exists.replace(&key, ""), not.replace(&missing, ""));
    }
}

#[tokio::test]
async fn across_accounts_with_the_policy_of_each_key() {
    let world = World::new().await;
    let from = symmetric(&world).await;
    let blob = encrypt(&world, &from, json!({})).await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Action": "kms:*",
         "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "kms:ReEncryptFrom", "Resource": "*"},
    ]});
    let put = json!({"KeyId": from, "Policy": policy.to_string()});
    world.ask("PutKeyPolicy", &put).await.unwrap();
    let guest = world.call(OTHER, "us-east-1");
    let created = world.ask_as(&guest, "CreateKey", &json!({})).await.unwrap();
    let to = text(&created, "/KeyMetadata/KeyId");
    let short = from.rsplit('/').next().unwrap();
    for source in [Value::Null, json!(from), json!(short)] {
        let request = json!({"CiphertextBlob": blob, "SourceKeyId": source, "DestinationKeyId": to});
        let answer = world.ask_as(&guest, "ReEncrypt", &request).await.unwrap();
        assert_eq!(text(&answer, "/SourceKeyId"), from);
    }
    let (code, _) = fault(world.ask_as(&guest, "Decrypt", &json!({"CiphertextBlob": blob})).await);
    assert_eq!(code, "AccessDeniedException", "ReEncryptFrom is not Decrypt");
}

#[tokio::test]
async fn asymmetric_on_either_side() {
    let world = World::new().await;
    let symmetric = symmetric(&world).await;
    let sm2 = key(&world, json!({"KeySpec": "SM2", "KeyUsage": "ENCRYPT_DECRYPT"})).await;
    let blob = encrypt(&world, &symmetric, json!({"k": "v"})).await;
    let request = json!({"CiphertextBlob": blob, "SourceEncryptionContext": {"k": "v"}, "DestinationKeyId": sm2,
        "DestinationEncryptionAlgorithm": "SM2PKE"});
    let there = world.ask("ReEncrypt", &request).await.unwrap();
    assert!(there.get("DestinationKeyMaterialId").is_none());
    let back = json!({"CiphertextBlob": there["CiphertextBlob"], "SourceKeyId": sm2,
        "SourceEncryptionAlgorithm": "SM2PKE", "DestinationKeyId": symmetric});
    let answer = world.ask("ReEncrypt", &back).await.unwrap();
    assert!(answer.get("SourceKeyMaterialId").is_none());
    let decrypted = world.ask("Decrypt", &json!({"CiphertextBlob": answer["CiphertextBlob"]})).await.unwrap();
    assert_eq!(text(&decrypted, "/Plaintext"), "c2VjcmV0");
    let refused = [
        (json!({"DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT"}), "InvalidKeyUsageException"),
        (json!({"DestinationEncryptionContext": {"a": "b"}}), "ValidationException"),
    ];
    for (change, expected) in refused {
        let mut request = request.clone();
        request.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(fault(world.ask("ReEncrypt", &request).await).0, expected);
    }
    let unnamed = json!({"CiphertextBlob": there["CiphertextBlob"], "SourceEncryptionAlgorithm": "SM2PKE",
        "DestinationKeyId": symmetric});
    assert_eq!(fault(world.ask("ReEncrypt", &unnamed).await).0, "ValidationException");
}

#[tokio::test]
async fn dry_runs_check_everything_and_keep_nothing() {
    let world = World::new().await;
    let (from, to) = (symmetric(&world).await, symmetric(&world).await);
    let blob = encrypt(&world, &from, json!({})).await;
    let ask = async |request: Value| fault(world.ask("ReEncrypt", &request).await).0;
    let good = json!({"CiphertextBlob": blob, "DestinationKeyId": to, "DryRun": true});
    assert_eq!(ask(good).await, "DryRunOperationException");
    let wrong = json!({"CiphertextBlob": blob, "DestinationKeyId": to, "DryRun": true,
        "SourceEncryptionContext": {"a": "b"}});
    assert_eq!(ask(wrong).await, "InvalidCiphertextException");
    let ignoring = json!({"SourceKeyId": from, "DestinationKeyId": to, "DryRun": true,
        "DryRunModifiers": ["IGNORE_CIPHERTEXT"]});
    assert_eq!(ask(ignoring).await, "DryRunOperationException");
    let no_source = json!({"DestinationKeyId": to, "DryRun": true, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]});
    assert_eq!(ask(no_source).await, "ValidationException");
    let not_dry = json!({"DestinationKeyId": to, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]});
    assert_eq!(ask(not_dry).await, "ValidationException");
}

#[tokio::test]
async fn contexts_never_meet() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let blob = encrypt(&world, &key, json!({"ab": "c"})).await;
    for wrong in [json!({"a": "bc"}), json!({"ab": "C"}), json!({}), json!({"ab": "c", "x": ""})] {
        let request = json!({"CiphertextBlob": blob, "EncryptionContext": wrong});
        let (code, message) = fault(world.ask("Decrypt", &request).await);
        assert_eq!((code, message.as_str()), ("InvalidCiphertextException", ""));
    }
}
