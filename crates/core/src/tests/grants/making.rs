use super::*;

#[tokio::test]
async fn a_name_makes_retries_safe() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let named = |name: &str| json!({"Name": name, "RetiringPrincipal": root(THIRD)});
    let (first, token) = grant(&world, &key, json!(["Encrypt", "Decrypt"]), named("n")).await;
    let (again, other_token) =
        grant(&world, &key, json!(["Decrypt", "Encrypt", "Decrypt"]), named("n")).await;
    assert_eq!(first, again, "the operations are a set");
    assert_ne!(token, other_token);
    let (other, _) = grant(&world, &key, json!(["Encrypt"]), named("n")).await;
    assert_ne!(first, other, "other terms are another grant");
    let unnamed = json!({"RetiringPrincipal": root(THIRD)});
    let (one, _) = grant(&world, &key, json!(["Encrypt"]), unnamed.clone()).await;
    let (two, _) = grant(&world, &key, json!(["Encrypt"]), unnamed).await;
    assert_ne!(one, two);
    // Both tokens of the one grant do.
    world
        .ask_as(&world.call(THIRD, "us-east-1"), "RetireGrant", &json!({"GrantToken": other_token}))
        .await
        .unwrap();
    let (code, _) = fault(world.ask("RetireGrant", &json!({"GrantToken": token})).await);
    assert_eq!(code, "NotFoundException");
    let (anew, _) = grant(&world, &key, json!(["Encrypt", "Decrypt"]), named("n")).await;
    assert_ne!(first, anew, "one that has ended does not come back");
}

#[tokio::test]
async fn a_grant_made_through_a_grant_gives_no_more() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let subset = json!({"Constraints": {"EncryptionContextSubset": {"a": "1"}}});
    let (parent, _) = grant(&world, &key, json!(["CreateGrant", "Encrypt"]), subset).await;
    let child = |operations: Value, constraints: Value| {
        let mut request = json!({"KeyId": key, "GranteePrincipal": root(THIRD), "Operations": operations});
        request.as_object_mut().unwrap().extend(constraints.as_object().unwrap().clone());
        request
    };
    let within = json!({"Constraints": {"EncryptionContextEquals": {"a": "1", "b": "2"}}});
    for (request, allowed) in [
        (child(json!(["Encrypt"]), within.clone()), true),
        (child(json!(["Encrypt"]), json!({"Constraints": {"EncryptionContextSubset": {"a": "1"}}})), true),
        (child(json!(["Encrypt", "Decrypt"]), within.clone()), false),
        (child(json!(["Encrypt"]), json!({})), false),
        (child(json!(["Encrypt"]), json!({"Constraints": {"EncryptionContextSubset": {"b": "2"}}})), false),
    ] {
        let made = world.ask_as(&guest(&world), "CreateGrant", &request).await;
        assert_eq!(made.is_ok(), allowed, "{request}");
        if !allowed {
            assert_eq!(fault(made).0, "AccessDeniedException");
        }
    }
    let third = world.call(THIRD, "us-east-1");
    assert!(encrypt_as(&world, &third, &key, json!({"a": "1", "b": "2"})).await.is_ok());
    // A child outlives its parent, but nothing new comes of that.
    world.ask("RevokeGrant", &json!({"KeyId": key, "GrantId": parent})).await.unwrap();
    assert!(encrypt_as(&world, &third, &key, json!({"a": "1", "b": "2"})).await.is_ok());
    let denied = world.ask_as(&guest(&world), "CreateGrant", &child(json!(["Encrypt"]), within)).await;
    assert_eq!(fault(denied).0, "AccessDeniedException");
}

#[tokio::test]
async fn policies_can_limit_the_grants_that_are_made() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let condition = json!({"ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "Decrypt"]},
        "StringEquals": {"kms:GranteePrincipal": root(GUEST), "kms:GrantConstraintType": "EncryptionContextEquals",
            "kms:EncryptionContext:a": "1"},
        "Bool": {"kms:GrantIsForAWSResource": "false"}});
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": root(OWNER)}, "NotAction": "kms:CreateGrant", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": root(OWNER)}, "Action": "kms:CreateGrant", "Resource": "*",
         "Condition": condition}]});
    world.ask("PutKeyPolicy", &json!({"KeyId": key, "Policy": policy.to_string()})).await.unwrap();
    let equals = |value: &str| json!({"EncryptionContextEquals": {"a": value}});
    for (grantee, operations, constraints, allowed) in [
        (GUEST, json!(["Encrypt"]), equals("1"), true),
        (GUEST, json!(["Encrypt", "DescribeKey"]), equals("1"), false),
        (THIRD, json!(["Encrypt"]), equals("1"), false),
        (GUEST, json!(["Encrypt"]), equals("2"), false),
        (GUEST, json!(["Encrypt"]), json!({"EncryptionContextSubset": {"a": "1"}}), false),
    ] {
        let request = json!({"KeyId": key, "GranteePrincipal": root(grantee), "Operations": operations,
            "Constraints": constraints});
        assert_eq!(world.ask("CreateGrant", &request).await.is_ok(), allowed, "{request}");
    }
}

#[tokio::test]
async fn what_makes_no_grant_is_refused() {
    let world = World::new().await;
    let symmetric = symmetric(&world).await;
    let rsa = key(&world, json!({"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"})).await;
    let base = json!({"KeyId": symmetric, "GranteePrincipal": root(GUEST), "Operations": ["Encrypt"]});
    let nine: serde_json::Map<String, Value> = (0..9).map(|n| (n.to_string(), json!("v"))).collect();
    let cases = [
        (json!({"GranteePrincipal": null}), "ValidationException"),
        (json!({"GranteePrincipal": "*"}), "ValidationException"),
        (json!({"GranteePrincipal": GUEST}), "InvalidArnException"),
        (json!({"GranteePrincipal": "logs.amazonaws.com"}), "InvalidArnException"),
        (json!({"GranteePrincipal": "arn:aws:iam::444455556666:group/g"}), "InvalidArnException"),
        (json!({"GranteePrincipal": "arn:aws-cn:iam::444455556666:root"}), "InvalidArnException"),
        (json!({"RetiringPrincipal": "arn:aws:iam::4444:root"}), "InvalidArnException"),
        (json!({"Operations": null}), "ValidationException"),
        (json!({"Operations": []}), "ValidationException"),
        (json!({"Operations": ["ListGrants"]}), "ValidationException"),
        (json!({"Operations": ["Encrypt", "Sign"]}), "ValidationException"),
        (json!({"KeyId": rsa, "Operations": ["GenerateDataKey"]}), "ValidationException"),
        (
            json!({"KeyId": rsa, "Constraints": {"EncryptionContextEquals": {"a": "1"}}}),
            "ValidationException",
        ),
        (
            json!({"Constraints": {"EncryptionContextEquals": {"a": "1"}, "EncryptionContextSubset": {"a": "1"}}}),
            "ValidationException",
        ),
        (json!({"Constraints": {"EncryptionContextEquals": {}}}), "ValidationException"),
        (json!({"Constraints": {"EncryptionContextSubset": nine}}), "ValidationException"),
        (json!({"Constraints": {"EncryptionContextSubset": {"a": "x".repeat(385)}}}), "ValidationException"),
        (json!({"Constraints": {"SourceArn": "arn:aws:s3:::bucket-without-account"}}), "ValidationException"),
        (json!({"Name": "a b"}), "ValidationException"),
        (json!({"GranteeServicePrincipal": "logs.us-east-1.amazonaws.com"}), "ValidationException"),
        (
            json!({"GranteePrincipal": null, "GranteeServicePrincipal": "logs.us-east-1.amazonaws.com"}),
            "ValidationException",
        ),
        (
            json!({"RetiringPrincipal": root(OWNER), "RetiringServicePrincipal": "logs.us-east-1.amazonaws.com"}),
            "ValidationException",
        ),
        (json!({"KeyId": "alias/a"}), "NotFoundException"),
        (json!({"KeyId": "1234abcd-12ab-34cd-56ef-1234567890ab"}), "NotFoundException"),
    ];
    for (change, expected) in cases {
        let mut request = base.clone();
        request.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(fault(world.ask("CreateGrant", &request).await).0, expected, "{change}");
    }
    assert_eq!(world.ask("ListGrants", &json!({"KeyId": symmetric})).await.unwrap()["Grants"], json!([]));
    let bad_id = json!({"KeyId": symmetric, "GrantId": "abc"});
    for name in ["ListGrants", "RevokeGrant", "RetireGrant"] {
        assert_eq!(fault(world.ask(name, &bad_id).await).0, "InvalidGrantIdException", "{name}");
    }
    for body in [
        json!({}),
        json!({"KeyId": symmetric}),
        json!({"GrantToken": "x", "KeyId": symmetric, "GrantId": "y"}),
    ] {
        assert_eq!(fault(world.ask("RetireGrant", &body).await).0, "ValidationException", "{body}");
    }
}

#[tokio::test]
async fn a_service_may_be_named_and_is_nobody_here() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let request = json!({"KeyId": key, "GranteeServicePrincipal": "logs.us-east-1.amazonaws.com",
        "RetiringServicePrincipal": "logs.us-east-1.amazonaws.com", "Operations": ["Encrypt"],
        "Constraints": {"SourceArn": "arn:aws:logs:us-east-1:111122223333:log-group:g"}});
    world.ask("CreateGrant", &request).await.unwrap();
    let list = world.ask("ListGrants", &json!({"KeyId": key})).await.unwrap();
    let entry = &list["Grants"][0];
    assert_eq!(entry["GranteeServicePrincipal"], request["GranteeServicePrincipal"]);
    assert_eq!(entry["RetiringServicePrincipal"], request["RetiringServicePrincipal"]);
    assert_eq!(entry["Constraints"], request["Constraints"]);
    assert!(entry.get("GranteePrincipal").is_none() && entry.get("RetiringPrincipal").is_none());
}

#[tokio::test]
async fn the_operations_of_each_kind_of_key() {
    let world = World::new().await;
    for (spec, usage, yes, no) in [
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "GenerateDataKeyPair", "GetPublicKey"),
        ("RSA_2048", "ENCRYPT_DECRYPT", "GetPublicKey", "Sign"),
        ("SM2", "SIGN_VERIFY", "Sign", "Decrypt"),
    ] {
        let key = key(&world, json!({"KeySpec": spec, "KeyUsage": usage})).await;
        for (operation, allowed) in [(yes, true), ("DescribeKey", true), ("CreateGrant", true), (no, false)] {
            let request = json!({"KeyId": key, "GranteePrincipal": root(GUEST), "Operations": [operation]});
            assert_eq!(world.ask("CreateGrant", &request).await.is_ok(), allowed, "{spec} {operation}");
        }
    }
}

#[tokio::test]
async fn a_key_has_at_most_so_many_grants() {
    let mut world = World::new().await;
    world.env.settings.grants_per_key = 2;
    let key = symmetric(&world).await;
    let (first, _) = grant(&world, &key, json!(["Encrypt"]), json!({"Name": "n"})).await;
    grant(&world, &key, json!(["Encrypt"]), json!({})).await;
    let request = json!({"KeyId": key, "GranteePrincipal": root(GUEST), "Operations": ["Encrypt"]});
    assert_eq!(fault(world.ask("CreateGrant", &request).await).0, "LimitExceededException");
    let (again, _) = grant(&world, &key, json!(["Encrypt"]), json!({"Name": "n"})).await;
    assert_eq!(first, again, "a retry makes nothing new");
    world.ask("RevokeGrant", &json!({"KeyId": key, "GrantId": first})).await.unwrap();
    world.ask("CreateGrant", &request).await.unwrap();
}

#[tokio::test]
async fn states_of_the_key_stop_new_grants_only() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let (one, _) = grant(&world, &key, json!(["Encrypt"]), json!({})).await;
    let (two, _) = grant(&world, &key, json!(["Encrypt"]), json!({})).await;
    let request = json!({"KeyId": key, "GranteePrincipal": root(GUEST), "Operations": ["Encrypt"]});
    world.ask("DisableKey", &json!({"KeyId": key})).await.unwrap();
    assert_eq!(fault(world.ask("CreateGrant", &request).await).0, "DisabledException");
    world.ask("RevokeGrant", &json!({"KeyId": key, "GrantId": one})).await.unwrap();
    world.ask("ScheduleKeyDeletion", &json!({"KeyId": key})).await.unwrap();
    assert_eq!(fault(world.ask("CreateGrant", &request).await).0, "KMSInvalidStateException");
    assert_eq!(
        world.ask("ListGrants", &json!({"KeyId": key})).await.unwrap()["Grants"].as_array().unwrap().len(),
        1
    );
    world.ask("RetireGrant", &json!({"KeyId": key, "GrantId": two})).await.unwrap();
}

#[tokio::test]
async fn related_keys_have_grants_of_their_own() {
    let world = World::new().await;
    let primary = key(&world, json!({"MultiRegion": true})).await;
    let (id, _) = grant(&world, &primary, json!(["Encrypt"]), json!({})).await;
    world.ask("ReplicateKey", &json!({"KeyId": primary, "ReplicaRegion": "us-west-2"})).await.unwrap();
    let replica = primary.replace("us-east-1", "us-west-2");
    let west = world.call(GUEST, "us-west-2");
    assert_eq!(fault(encrypt_as(&world, &west, &replica, json!({})).await).0, "AccessDeniedException");
    assert!(encrypt_as(&world, &guest(&world), &primary, json!({})).await.is_ok());
    let owner = world.call(OWNER, "us-west-2");
    let list = world.ask_as(&owner, "ListGrants", &json!({"KeyId": replica})).await.unwrap();
    assert_eq!(list["Grants"], json!([]));
    let (code, _) =
        fault(world.ask_as(&owner, "RevokeGrant", &json!({"KeyId": replica, "GrantId": id})).await);
    assert_eq!(code, "NotFoundException");
}
