use super::*;
use crate::tests::principals;

#[tokio::test]
async fn replicas_that_cannot_be_made() {
    let world = World::new().await;
    let id = primary(&world, json!({})).await;
    let single = symmetric(&world).await;
    replicate(&world, &id, REPLICA).await;
    let to = |key: &str, region: &str| json!({"KeyId": key, "ReplicaRegion": region});
    let not_primary =
        |arn: &str| ("UnsupportedOperationException", format!("{arn} is not a multi-region primary key."));
    assert_eq!(fault(world.ask("ReplicateKey", &to(&single, THIRD)).await), not_primary(&single));
    let second_hand = fault(ask_in(&world, REPLICA, "ReplicateKey", to(&id, THIRD)).await);
    assert_eq!(second_hand, not_primary(&arn(REPLICA, &id)));
    let cases = [
        (to(&id, REPLICA), "AlreadyExistsException"),
        (to(&id, PRIMARY), "ValidationException"),
        (to(&id, "mars-north-1"), "UnsupportedOperationException"),
        (to(&id, "Mars"), "ValidationException"),
        (json!({"KeyId": id}), "ValidationException"),
        (to("arn:aws:kms:nowhere", THIRD), "InvalidArnException"),
        (to(&arn(REPLICA, &id), THIRD), "NotFoundException"),
        (to("alias/a", THIRD), "NotFoundException"),
        (to(&id.replace("mrk-", "mrk-0")[..36], THIRD), "NotFoundException"),
        (json!({"KeyId": id, "ReplicaRegion": THIRD, "Policy": "{"}), "MalformedPolicyDocumentException"),
        (
            json!({"KeyId": id, "ReplicaRegion": THIRD, "Policy": policy_without(ACCOUNT, &["kms:PutKeyPolicy"])}),
            "MalformedPolicyDocumentException",
        ),
        (
            json!({"KeyId": id, "ReplicaRegion": THIRD, "Policy": " ".repeat(32_769)}),
            "LimitExceededException",
        ),
        (
            json!({"KeyId": id, "ReplicaRegion": THIRD, "Tags": [{"TagKey": "aws:a", "TagValue": ""}]}),
            "TagException",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(fault(world.ask("ReplicateKey", &body).await).0, expected, "{body}");
    }
    world.ask("DisableKey", &json!({"KeyId": id})).await.unwrap();
    let disabled = fault(world.ask("ReplicateKey", &to(&id, THIRD)).await);
    assert_eq!(disabled, ("DisabledException", format!("{} is disabled.", arn(PRIMARY, &id))));
    assert_eq!(set(&metadata(&world, PRIMARY, &id).await).2, [REPLICA], "nothing was begun");
}

#[tokio::test]
async fn primaries_that_cannot_be_moved() {
    let world = World::new().await;
    let id = primary(&world, json!({})).await;
    let single = symmetric(&world).await;
    replicate(&world, &id, REPLICA).await;
    let to = |key: &str, region: &str| json!({"KeyId": key, "PrimaryRegion": region});
    let absent = format!("Key '{}' does not exist", arn(THIRD, &id));
    assert_eq!(fault(world.ask("UpdatePrimaryRegion", &to(&id, THIRD)).await), ("NotFoundException", absent));
    for (body, expected) in [
        (to(&single, REPLICA), "UnsupportedOperationException"),
        (to(&id, PRIMARY), "ValidationException"),
        (to(&id, "mars-north-1"), "UnsupportedOperationException"),
        (to(&id, "us_east_1"), "ValidationException"),
        (json!({"PrimaryRegion": THIRD}), "ValidationException"),
        (to("arn:aws:kms:nowhere", THIRD), "InvalidArnException"),
        (to("alias/a", THIRD), "NotFoundException"),
    ] {
        assert_eq!(fault(world.ask("UpdatePrimaryRegion", &body).await).0, expected, "{body}");
    }
    ask_in(&world, REPLICA, "DisableKey", json!({"KeyId": id})).await.unwrap();
    let disabled = fault(world.ask("UpdatePrimaryRegion", &to(&id, REPLICA)).await);
    assert_eq!(disabled, ("DisabledException", format!("{} is disabled.", arn(REPLICA, &id))));
    ask_in(&world, REPLICA, "ScheduleKeyDeletion", json!({"KeyId": id})).await.unwrap();
    let pending = fault(world.ask("UpdatePrimaryRegion", &to(&id, REPLICA)).await);
    assert_eq!(pending, ("KMSInvalidStateException", format!("{} is pending deletion.", arn(REPLICA, &id))));
}

#[tokio::test]
async fn policies_of_both_keys_and_their_conditions_decide() {
    let world = World::new().await;
    let condition = |action: &str, key: &str, value: &str| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"},
            {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*",
             "Condition": {"StringNotEquals": {key: value}}},
        ]})
        .to_string()
    };
    let id =
        primary(&world, json!({"Policy": condition("kms:ReplicateKey", "kms:ReplicaRegion", REPLICA)})).await;
    let to = |region: &str| json!({"KeyId": id, "ReplicaRegion": region});
    assert_eq!(fault(world.ask("ReplicateKey", &to(THIRD)).await).0, "AccessDeniedException");
    let policy = condition("kms:UpdatePrimaryRegion", "kms:PrimaryRegion", THIRD);
    let mut request = to(REPLICA);
    request["Policy"] = json!(policy);
    world.ask("ReplicateKey", &request).await.unwrap();
    // The replica's policy has a say in who makes it the primary.
    let update = json!({"KeyId": id, "PrimaryRegion": REPLICA});
    let (code, message) = fault(world.ask("UpdatePrimaryRegion", &update).await);
    assert_eq!(code, "AccessDeniedException");
    assert!(
        message.contains(&format!("kms:UpdatePrimaryRegion on resource: {}", arn(REPLICA, &id))),
        "{message}"
    );
    // What a key is in its set can be asked of each of them.
    let only_primaries = condition("kms:Encrypt", "kms:MultiRegionKeyType", "PRIMARY");
    for region in [PRIMARY, REPLICA] {
        let put = json!({"KeyId": id, "Policy": only_primaries});
        ask_in(&world, region, "PutKeyPolicy", put).await.unwrap();
    }
    encrypt_in(&world, PRIMARY, &id).await;
    let refused = ask_in(&world, REPLICA, "Encrypt", json!({"KeyId": id, "Plaintext": "AA=="})).await;
    assert_eq!(fault(refused).0, "AccessDeniedException");
    let stranger = world.call("444455556666", PRIMARY);
    for (name, body) in [("ReplicateKey", to(THIRD)), ("UpdatePrimaryRegion", update)] {
        let mut body = body.clone();
        assert_eq!(fault(world.ask_as(&stranger, name, &body).await).0, "NotFoundException");
        body["KeyId"] = json!(arn(PRIMARY, &id));
        assert_eq!(fault(world.ask_as(&stranger, name, &body).await).0, "AccessDeniedException");
    }
}

#[tokio::test]
async fn a_user_needs_to_create_keys_where_the_replica_goes() {
    let world = World::new().await;
    let id = primary(&world, json!({})).await;
    let policy = |actions: Value, condition: Value| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "kms:ReplicateKey", "Resource": "*"},
            {"Effect": "Allow", "Action": actions, "Resource": "*", "Condition": condition},
        ]})
        .to_string()
    };
    let create = policy(
        json!("kms:CreateKey"),
        json!({"StringEquals": {"aws:RequestedRegion": REPLICA, "kms:MultiRegionKeyType": "REPLICA",
            "kms:KeySpec": "SYMMETRIC_DEFAULT", "kms:KeyOrigin": "AWS_KMS"}, "Bool": {"kms:MultiRegion": "true"}}),
    );
    let access_key = principals::user(&world, "Alice", "AIDAALICE", &[&create]).await;
    let alice = principals::call(&world, &access_key, None).await.unwrap();
    let to = |region: &str| json!({"KeyId": id, "ReplicaRegion": region});
    let tagged = with_tag(to(REPLICA));
    for (body, action) in [(&to(THIRD), "kms:CreateKey"), (&tagged, "kms:TagResource")] {
        let (code, message) = fault(world.ask_as(&alice, "ReplicateKey", body).await);
        assert_eq!(code, "AccessDeniedException");
        assert!(
            message.contains(&format!("is not authorized to perform: {action} on resource: *")),
            "{message}"
        );
    }
    world.ask_as(&alice, "ReplicateKey", &to(REPLICA)).await.unwrap();
    // Another who may tag, with this tag alone.
    let all = json!(["kms:CreateKey", "kms:TagResource"]);
    let tag =
        policy(all, json!({"StringEquals": {"aws:RequestTag/team": "blue", "aws:RequestedRegion": THIRD}}));
    let access_key = principals::user(&world, "Bob", "AIDABOB", &[&tag]).await;
    let bob = principals::call(&world, &access_key, None).await.unwrap();
    assert_eq!(fault(world.ask_as(&bob, "ReplicateKey", &to(THIRD)).await).0, "AccessDeniedException");
    world.ask_as(&bob, "ReplicateKey", &with_tag(to(THIRD))).await.unwrap();
    // Without the permission on the primary the others do not help.
    let only_create =
        policy(json!(["kms:CreateKey", "kms:TagResource"]), json!({})).replace("kms:ReplicateKey", "kms:X");
    let access_key = principals::user(&world, "Carol", "AIDACAROL", &[&only_create]).await;
    let carol = principals::call(&world, &access_key, None).await.unwrap();
    let (code, message) = fault(world.ask_as(&carol, "ReplicateKey", &to(THIRD)).await);
    assert_eq!(code, "AccessDeniedException");
    assert!(message.contains("kms:ReplicateKey on resource: arn:"), "{message}");
}

fn with_tag(mut request: Value) -> Value {
    request["Tags"] = json!([{"TagKey": "team", "TagValue": "blue"}]);
    request
}
