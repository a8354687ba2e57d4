use reseal_types::Timestamp;

use super::*;
use crate::testkit::BEGINNING;

#[tokio::test]
async fn a_key_is_destroyed_when_due_and_not_a_moment_before() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    world.ask("CreateAlias", &json!({"AliasName": "alias/a", "TargetKeyId": key})).await.unwrap();
    world.ask("ScheduleKeyDeletion", &json!({"KeyId": key, "PendingWindowInDays": 7})).await.unwrap();
    let due = BEGINNING.plus_days(7);
    world.clock.set(Timestamp::from_millis(due.millis() - 1));
    assert_eq!(world.env.destroy_due_keys().await.unwrap(), 0);
    world.clock.set(due);
    assert_eq!(world.env.destroy_due_keys().await.unwrap(), 1);
    let (code, message) = fault(world.ask("DescribeKey", &json!({"KeyId": key})).await);
    assert_eq!((code, message), ("NotFoundException", format!("Key '{key}' does not exist")));
    let aliases = world.ask("ListAliases", &json!({})).await.unwrap();
    assert_eq!(aliases, json!({"Aliases": [], "Truncated": false}));
    let keys = world.ask("ListKeys", &json!({})).await.unwrap();
    assert_eq!(keys, json!({"Keys": [], "Truncated": false}));
    for kind in ["key/", "material/", "alias/", "account-key/", "due/"] {
        let left = world.store.scan(kind.as_bytes(), None, 10).await.unwrap();
        assert!(left.records.is_empty(), "{kind} left behind");
    }
    let event = world.audit.records().into_iter().find(|record| record["eventName"] == "DeleteKey").unwrap();
    assert_eq!(event["eventType"], "AwsServiceEvent");
}

#[tokio::test]
async fn a_cancelled_deletion_leaves_the_key_disabled() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let id = json!({"KeyId": key});
    let not_pending = fault(world.ask("CancelKeyDeletion", &id).await);
    assert_eq!(not_pending, ("KMSInvalidStateException", format!("{key} is not pending deletion.")));
    world.ask("ScheduleKeyDeletion", &id).await.unwrap();
    assert_eq!(fault(world.ask("ScheduleKeyDeletion", &id).await).0, "KMSInvalidStateException");
    assert_eq!(fault(world.ask("EnableKey", &id).await).0, "KMSInvalidStateException");
    world.ask("CancelKeyDeletion", &id).await.unwrap();
    let described = world.ask("DescribeKey", &id).await.unwrap();
    assert_eq!(text(&described, "/KeyMetadata/KeyState"), "Disabled");
    world.clock.set(BEGINNING.plus_days(31));
    assert_eq!(world.env.destroy_due_keys().await.unwrap(), 0);
    world.ask("EnableKey", &id).await.unwrap();
    encrypt(&world, &key, json!({})).await;
}

#[tokio::test]
async fn a_disabled_key_is_refused_by_the_very_next_call() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    encrypt(&world, &key, json!({})).await;
    world.ask("DisableKey", &json!({"KeyId": key})).await.unwrap();
    let request = json!({"KeyId": key, "Plaintext": "AA=="});
    assert_eq!(
        fault(world.ask("Encrypt", &request).await),
        ("DisabledException", format!("{key} is disabled."))
    );
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let blob = encrypt(&world, &key, json!({"a": "b"})).await;
    world.ask("CreateAlias", &json!({"AliasName": "alias/a", "TargetKeyId": key})).await.unwrap();
    world
        .ask("TagResource", &json!({"KeyId": key, "Tags": [{"TagKey": "t", "TagValue": "v"}]}))
        .await
        .unwrap();
    let again = World::over(world.store.clone(), 2).await;
    let request = json!({"CiphertextBlob": blob, "KeyId": "alias/a", "EncryptionContext": {"a": "b"}});
    assert_eq!(text(&again.ask("Decrypt", &request).await.unwrap(), "/Plaintext"), "c2VjcmV0");
    let tags = again.ask("ListResourceTags", &json!({"KeyId": key})).await.unwrap();
    assert_eq!(tags, json!({"Tags": [{"TagKey": "t", "TagValue": "v"}], "Truncated": false}));
}

#[tokio::test]
async fn aliases_move_between_keys_of_one_kind() {
    let world = World::new().await;
    let (one, two) = (symmetric(&world).await, symmetric(&world).await);
    let sm2 = key(&world, json!({"KeySpec": "SM2", "KeyUsage": "ENCRYPT_DECRYPT"})).await;
    let alias = |target: &str| json!({"AliasName": "alias/a", "TargetKeyId": target});
    world.ask("CreateAlias", &alias(&one)).await.unwrap();
    let taken = fault(world.ask("CreateAlias", &alias(&two)).await);
    let arn = "arn:aws:kms:us-east-1:111122223333:alias/a";
    assert_eq!(taken, ("AlreadyExistsException", format!("An alias with the name {arn} already exists")));
    assert_eq!(fault(world.ask("UpdateAlias", &alias(&sm2)).await).0, "ValidationException");
    world.ask("UpdateAlias", &alias(&two)).await.unwrap();
    let described = world.ask("DescribeKey", &json!({"KeyId": "alias/a"})).await.unwrap();
    assert_eq!(text(&described, "/KeyMetadata/Arn"), two);
    for (key, count) in [(&one, 0), (&two, 1)] {
        let listed = world.ask("ListAliases", &json!({"KeyId": key})).await.unwrap();
        assert_eq!(listed["Aliases"].as_array().unwrap().len(), count);
    }
    world.ask("DeleteAlias", &json!({"AliasName": "alias/a"})).await.unwrap();
    let gone = fault(world.ask("DeleteAlias", &json!({"AliasName": "alias/a"})).await);
    assert_eq!(gone, ("NotFoundException", format!("Alias {arn} is not found.")));
}

#[tokio::test]
async fn names_that_are_no_aliases() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let cases = [
        ("a", "ValidationException"),
        ("alias/a:b", "InvalidAliasNameException"),
        ("alias/", "InvalidAliasNameException"),
        ("alias/aws/s3", "NotAuthorizedException"),
        ("alias/ü", "ValidationException"),
    ];
    for (name, expected) in cases {
        let request = json!({"AliasName": name, "TargetKeyId": key});
        assert_eq!(fault(world.ask("CreateAlias", &request).await).0, expected, "{name}");
    }
}

#[tokio::test]
async fn pages_are_walked_by_markers_that_fit_nothing_else() {
    let world = World::new().await;
    for _ in 0..5 {
        symmetric(&world).await;
    }
    let (mut seen, mut request) = (Vec::new(), json!({"Limit": 2}));
    loop {
        let page = world.ask("ListKeys", &request).await.unwrap();
        seen.extend(page["Keys"].as_array().unwrap().iter().map(|key| text(key, "/KeyId")));
        let Some(marker) = page.get("NextMarker") else { break };
        let elsewhere = fault(world.ask("ListAliases", &json!({"Marker": marker})).await);
        assert_eq!(elsewhere.0, "InvalidMarkerException");
        request = json!({"Limit": 2, "Marker": marker});
    }
    assert!(seen.len() == 5 && seen.is_sorted(), "{seen:?}");
    assert_eq!(fault(world.ask("ListKeys", &json!({"Marker": "AAAA"})).await).0, "InvalidMarkerException");
}

#[tokio::test]
async fn a_policy_that_locks_its_author_out_is_refused() {
    let world = World::new().await;
    let policy = policy_without("111122223333", &["kms:PutKeyPolicy"]);
    let (code, message) = fault(world.ask("CreateKey", &json!({"Policy": policy})).await);
    assert_eq!(code, "MalformedPolicyDocumentException");
    assert_eq!(message, "The new key policy will not allow you to update the key policy in the future.");
    let bypass = json!({"Policy": policy, "BypassPolicyLockoutSafetyCheck": true});
    assert!(world.ask("CreateKey", &bypass).await.is_ok());
}

#[tokio::test]
async fn concurrent_changes_of_one_key_all_happen() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let tag = |n: usize| {
        let request = json!({"KeyId": key, "Tags": [{"TagKey": format!("t{n}"), "TagValue": ""}]});
        let world = &world;
        async move { world.ask("TagResource", &request).await.map(drop) }
    };
    let (one, two, three) = tokio::join!(tag(1), tag(2), tag(3));
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    let tags = world.ask("ListResourceTags", &json!({"KeyId": key})).await.unwrap();
    assert_eq!(tags["Tags"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_lockout_check_knows_the_key() {
    let world = World::new().await;
    let only = |condition: Value| {
        let root = "arn:aws:iam::111122223333:root";
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": root},
            "Action": "kms:*", "Resource": "*", "Condition": {"StringEquals": condition}}]})
        .to_string()
    };
    for (condition, locked) in [
        (json!({"kms:KeySpec": "SYMMETRIC_DEFAULT", "kms:KeyOrigin": "AWS_KMS"}), false),
        (json!({"kms:KeySpec": "RSA_2048"}), true),
        (json!({"kms:CallerAccount": "444455556666"}), true),
    ] {
        let policy = only(condition);
        let key = symmetric(&world).await;
        let made = world.ask("CreateKey", &json!({"Policy": policy})).await;
        let put = world.ask("PutKeyPolicy", &json!({"KeyId": key, "Policy": policy})).await;
        assert_eq!((made.is_err(), put.is_err()), (locked, locked), "{policy}");
    }
}

#[tokio::test]
async fn policies_that_look_wrong_are_kept_and_warned_of() {
    let world = World::new().await;
    let policy = |action: &str| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*"},
            {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"}]})
        .to_string()
    };
    let key = symmetric(&world).await;
    let call = world.call("111122223333", "us-east-1");
    for (name, mut body) in [("CreateKey", json!({})), ("PutKeyPolicy", json!({"KeyId": key}))] {
        for (action, count) in [("kms:ReEncrypt", 1), ("kms:ReEncrypt*", 0)] {
            body["Policy"] = policy(action).into();
            let body = body.to_string();
            let entry = crate::ops::find(name).unwrap();
            let reply = entry.handle(&world.env, &call, body.as_bytes()).await.unwrap();
            assert_eq!(reply.warnings.len(), count, "{name} {action}");
            assert!(reply.warnings.iter().all(|text| text.starts_with("statement 1: kms:ReEncrypt is not")));
        }
    }
}
