use super::*;

#[tokio::test]
async fn every_call_leaves_one_record() {
    let world = World::new().await;
    let (from, to) = (symmetric(&world).await, symmetric(&world).await);
    let blob = encrypt(&world, &from, json!({"Project": "Alpha"})).await;
    let request = json!({"CiphertextBlob": blob, "SourceEncryptionContext": {"Project": "Alpha"},
        "DestinationKeyId": to});
    world.ask("ReEncrypt", &request).await.unwrap();
    world.ask("Decrypt", &json!({"CiphertextBlob": blob})).await.unwrap_err();
    let records = world.audit.records();
    let names: Vec<String> = records.iter().map(|record| text(record, "/eventName")).collect();
    assert_eq!(names, ["CreateKey", "CreateKey", "Encrypt", "ReEncrypt", "Decrypt"]);
    let moved = &records[3];
    assert_eq!(moved["requestParameters"]["sourceEncryptionContext"], json!({"Project": "Alpha"}));
    assert_eq!(moved["requestParameters"]["sourceEncryptionAlgorithm"], "SYMMETRIC_DEFAULT");
    assert_eq!(moved["responseElements"], Value::Null);
    assert_eq!(moved["readOnly"], true);
    let arns: Vec<String> = (0..2).map(|n| text(moved, &format!("/resources/{n}/ARN"))).collect();
    assert_eq!(arns, [from, to]);
    assert_eq!(moved["additionalEventData"].as_object().unwrap().len(), 2);
    assert_eq!(records[4]["errorCode"], "InvalidCiphertextException");
    assert!(records[4].get("errorMessage").is_none());
    for record in &records {
        assert!(!record.to_string().contains(&blob) && !record.to_string().contains("c2VjcmV0"));
    }
}

#[tokio::test]
async fn refusals_are_recorded_as_access_denied() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let stranger = world.call("444455556666", "us-east-1");
    world.ask_as(&stranger, "DescribeKey", &json!({"KeyId": key})).await.unwrap_err();
    let records = world.audit.records();
    let last = records.last().unwrap();
    assert_eq!(last["errorCode"], "AccessDenied");
    assert_eq!(last["userIdentity"]["accountId"], "444455556666");
}

#[tokio::test]
async fn without_a_log_there_is_no_work() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    world.audit.set_broken(true);
    for (name, body) in [("CreateKey", json!({})), ("DescribeKey", json!({"KeyId": key}))] {
        assert_eq!(fault(world.ask(name, &body).await).0, "KMSInternalException");
    }
    world.audit.set_broken(false);
    let keys = world.ask("ListKeys", &json!({})).await.unwrap();
    assert_eq!(keys["Keys"].as_array().unwrap().len(), 1, "nothing was done unrecorded");
}

#[tokio::test]
async fn a_change_and_its_record_survive_together() {
    let world = World::new().await;
    symmetric(&world).await;
    // The next run finds the row in the outbox but, as after a crash, an empty log.
    let again = World::over(world.store.clone(), 2).await;
    assert_eq!(again.env.deliver_outbox().await.unwrap(), 1);
    let records = again.audit.records();
    assert_eq!(records, world.audit.records(), "the very record that was acknowledged");
    assert_eq!(again.env.deliver_outbox().await.unwrap(), 0, "once");
}

#[tokio::test]
async fn what_the_log_holds_is_not_delivered_again() {
    let world = World::new().await;
    symmetric(&world).await;
    assert_eq!(world.env.deliver_outbox().await.unwrap(), 0);
    let left = world.store.scan(b"outbox/", None, 10).await.unwrap();
    assert!(left.records.is_empty());
}

#[tokio::test]
async fn delivered_rows_are_swept() {
    let world = World::new().await;
    symmetric(&world).await;
    assert_eq!(world.env.sweep_outbox().await.unwrap(), 1);
    assert!(world.store.scan(b"outbox/", None, 10).await.unwrap().records.is_empty());
}

#[tokio::test]
async fn a_record_the_log_could_not_take_is_delivered_later() {
    let world = World::new().await;
    world.audit.set_full(true);
    assert_eq!(fault(world.ask("CreateKey", &json!({})).await).0, "KMSInternalException");
    assert!(world.audit.records().is_empty());
    world.audit.set_full(false);
    world.env.sweep_outbox().await.unwrap();
    let names: Vec<String> = world.audit.records().iter().map(|record| text(record, "/eventName")).collect();
    assert_eq!(names, ["CreateKey"], "the key is there, so its record must be");
    assert!(world.store.scan(b"outbox/", None, 10).await.unwrap().records.is_empty());
}

#[tokio::test]
async fn both_accounts_of_a_call_get_a_record() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ["111122223333", "444455556666"]}, "Action": "kms:*",
         "Resource": "*"}]});
    world.ask("PutKeyPolicy", &json!({"KeyId": key, "Policy": policy.to_string()})).await.unwrap();
    let guest = world.call("444455556666", "us-east-1");
    world.ask_as(&guest, "DescribeKey", &json!({"KeyId": key})).await.unwrap();
    let records = world.audit.records();
    let [.., theirs, ours] = records.as_slice() else { panic!("two records") };
    assert_eq!(theirs["recipientAccountId"], "444455556666");
    assert_eq!(
        (&ours["recipientAccountId"], &ours["userIdentity"]["type"]),
        (&json!("111122223333"), &json!("AWSAccount"))
    );
    assert_eq!(theirs["sharedEventID"], ours["sharedEventID"]);
    assert_ne!(theirs["eventID"], ours["eventID"]);
    assert!(ours["userIdentity"].get("arn").is_none());
}

#[tokio::test]
async fn the_log_is_flushed_also_when_nothing_is_swept() {
    let world = World::new().await;
    assert_eq!(world.env.sweep_outbox().await.unwrap(), 0);
    world.audit.set_broken(true);
    assert!(world.env.sweep_outbox().await.is_err(), "a flush that fails must be told");
}

/// The `authorization` of the last record in the log of `account`.
fn authorization(world: &World, account: &str) -> Value {
    let records = world.audit.records();
    let of = |record: &&Value| record["recipientAccountId"] == account;
    records.iter().rfind(of).unwrap()["authorization"].clone()
}

#[tokio::test]
async fn records_name_what_decided() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let created = json!([{"action": "kms:CreateKey", "effect": "Allow", "decidedBy": []}]);
    assert_eq!(authorization(&world, "111122223333"), created, "the root user needs no policy");
    let by = |effect: &str, by: Value| json!([{"action": "kms:Encrypt", "effect": effect, "decidedBy": by}]);
    encrypt(&world, &key, json!({})).await;
    let account_statement = by("Allow", json!(["key-policy/Enable IAM User Permissions"]));
    assert_eq!(authorization(&world, "111122223333"), account_statement);

    let guest = world.call("444455556666", "us-east-1");
    let request = json!({"KeyId": key, "Plaintext": "c2VjcmV0"});
    world.ask_as(&guest, "Encrypt", &request).await.unwrap_err();
    assert_eq!(authorization(&world, "444455556666"), by("Deny", json!([])));
    let grant = json!({"KeyId": key, "GranteePrincipal": "arn:aws:iam::444455556666:root",
        "Operations": ["Encrypt"]});
    let id = text(&world.ask("CreateGrant", &grant).await.unwrap(), "/GrantId");
    world.ask_as(&guest, "Encrypt", &request).await.unwrap();
    assert_eq!(authorization(&world, "111122223333"), by("Allow", json!([format!("grant/{id}")])));
    assert_eq!(
        authorization(&world, "444455556666"),
        by("Allow", json!([])),
        "what is another's is not told"
    );

    let deny = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*"},
        {"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"}]});
    world.ask("PutKeyPolicy", &json!({"KeyId": key, "Policy": deny.to_string()})).await.unwrap();
    world.ask("Encrypt", &request).await.unwrap_err();
    let mut refused = by("Deny", json!(["key-policy/No"]));
    refused[0]["refusedKey"] = json!(key);
    assert_eq!(authorization(&world, "111122223333"), refused, "the key is none of the call's resources");
    world.ask_as(&guest, "Encrypt", &request).await.unwrap_err();
    assert_eq!(authorization(&world, "444455556666"), by("Deny", json!([])));
    world.ask("RetireGrant", &json!({"KeyId": key, "GrantId": id})).await.unwrap();
    let retired =
        json!([{"action": "kms:RetireGrant", "effect": "Allow", "decidedBy": [format!("grant/{id}")]}]);
    assert_eq!(authorization(&world, "111122223333"), retired);
}
