use reseal_types::Timestamp;

use super::*;
use crate::testkit::BEGINNING;

const DAY_MILLIS: i64 = 86_400_000;

/// Moves the clock to so many days after the beginning and lets the job do its step.
async fn after_days(world: &World, days: u32) -> usize {
    world.clock.set(BEGINNING.plus_days(days));
    world.env.rotate_due_keys().await.unwrap()
}

async fn status(world: &World, key: &str) -> Value {
    world.ask("GetKeyRotationStatus", &json!({"KeyId": key})).await.unwrap()
}

async fn materials(world: &World, key: &str) -> Vec<Value> {
    let request = json!({"KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"});
    world.ask("ListKeyRotations", &request).await.unwrap()["Rotations"].as_array().unwrap().clone()
}

async fn enable(world: &World, key: &str, days: u32) {
    let request = json!({"KeyId": key, "RotationPeriodInDays": days});
    world.ask("EnableKeyRotation", &request).await.unwrap();
}

/// How many days after the beginning the next rotation is due.
fn days(answer: &Value) -> u32 {
    let is_it =
        |days: &u32| json!(BEGINNING.plus_days(*days).as_epoch_seconds()) == answer["NextRotationDate"];
    (0..4_000).find(is_it).unwrap()
}

#[tokio::test]
async fn a_key_rotates_when_due_and_not_a_moment_before() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let id = key.rsplit('/').next().unwrap();
    assert_eq!(status(&world, &key).await, json!({"KeyId": id, "KeyRotationEnabled": false}));
    enable(&world, &key, 90).await;
    let answer = status(&world, &key).await;
    assert_eq!(
        (&answer["KeyRotationEnabled"], &answer["RotationPeriodInDays"], days(&answer)),
        (&json!(true), &json!(90), 90)
    );
    let mut blobs = vec![encrypt(&world, &key, json!({})).await];
    world.clock.set(Timestamp::from_millis(BEGINNING.plus_days(90).millis() - 1));
    assert_eq!(world.env.rotate_due_keys().await.unwrap(), 0);
    for round in 1..=3 {
        assert_eq!(after_days(&world, 90 * round).await, 1);
        assert_eq!(world.env.rotate_due_keys().await.unwrap(), 0, "once");
        assert_eq!(days(&status(&world, &key).await), 90 * (round + 1));
        blobs.push(encrypt(&world, &key, json!({})).await);
    }
    let mut seen = Vec::new();
    for blob in &blobs {
        let opened = world.ask("Decrypt", &json!({"CiphertextBlob": blob})).await.unwrap();
        assert_eq!(opened["Plaintext"], "c2VjcmV0");
        seen.push(text(&opened, "/KeyMaterialId"));
    }
    let listed = materials(&world, &key).await;
    let newest_first: Vec<_> = listed.iter().map(|entry| text(entry, "/KeyMaterialId")).rev().collect();
    assert_eq!(newest_first, seen);
    let states: Vec<_> = listed.iter().map(|entry| entry["KeyMaterialState"].clone()).collect();
    assert_eq!(states, ["CURRENT", "NON_CURRENT", "NON_CURRENT", "NON_CURRENT"]);
    assert_eq!(listed[0]["RotationType"], "AUTOMATIC");
    assert_eq!(listed[0]["RotationDate"], json!(BEGINNING.plus_days(270).as_epoch_seconds()));
    assert_eq!(
        listed[3].as_object().unwrap().len(),
        3,
        "the first material was not rotated in: {}",
        listed[3]
    );
    let events = world.audit.records().into_iter().filter(|record| record["eventName"] == "RotateKey");
    let events: Vec<_> = events.collect();
    assert_eq!(events.len(), 3);
    let details = &events[2]["serviceEventDetails"];
    assert_eq!(
        (&details["keyId"], &details["rotationType"], &details["keyOrigin"]),
        (&json!(key), &json!("AUTOMATIC"), &json!("AWS_KMS"))
    );
    assert_eq!(
        (&details["previousKeyMaterialId"], &details["currentKeyMaterialId"]),
        (&json!(seen[2]), &json!(seen[3]))
    );
}

#[tokio::test]
async fn another_period_starts_anew_and_the_same_one_does_not() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    enable(&world, &key, 200).await;
    world.clock.set(BEGINNING.plus_days(10));
    enable(&world, &key, 200).await;
    assert_eq!(days(&status(&world, &key).await), 200);
    enable(&world, &key, 100).await;
    assert_eq!(days(&status(&world, &key).await), 110);
    world.ask("EnableKeyRotation", &json!({"KeyId": key})).await.unwrap();
    let answer = status(&world, &key).await;
    assert_eq!((&answer["RotationPeriodInDays"], days(&answer)), (&json!(365), 375));
    world.ask("DisableKeyRotation", &json!({"KeyId": key})).await.unwrap();
    world.ask("DisableKeyRotation", &json!({"KeyId": key})).await.unwrap();
    assert_eq!(after_days(&world, 3_000).await, 0);
    let left = world.store.scan(b"due/", None, 10).await.unwrap();
    assert!(left.records.is_empty(), "an index entry was left behind");
}

#[tokio::test]
async fn a_disabled_key_rotates_once_it_is_enabled_if_that_is_overdue() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let id = json!({"KeyId": key});
    enable(&world, &key, 90).await;
    world.ask("DisableKey", &id).await.unwrap();
    for operation in ["EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand"] {
        assert_eq!(fault(world.ask(operation, &id).await).0, "DisabledException", "{operation}");
    }
    assert_eq!(after_days(&world, 89).await, 0);
    world.ask("EnableKey", &id).await.unwrap();
    assert_eq!(materials(&world, &key).await.len(), 1, "the clock ran on, but is not over");
    world.ask("DisableKey", &id).await.unwrap();
    assert_eq!(after_days(&world, 100).await, 0);
    let waiting = status(&world, &key).await;
    assert_eq!((&waiting["KeyRotationEnabled"], days(&waiting)), (&json!(true), 90));
    world.ask("EnableKey", &id).await.unwrap();
    assert_eq!(materials(&world, &key).await.len(), 2);
    assert_eq!(days(&status(&world, &key).await), 190);
    assert_eq!(after_days(&world, 190).await, 1);
}

#[tokio::test]
async fn rotation_is_suspended_while_a_key_waits_for_its_deletion() {
    let world = World::new().await;
    let (key, other) = (symmetric(&world).await, symmetric(&world).await);
    let id = json!({"KeyId": key});
    enable(&world, &key, 90).await;
    enable(&world, &other, 90).await;
    world.clock.set(BEGINNING.plus_days(80));
    for key in [&key, &other] {
        world.ask("ScheduleKeyDeletion", &json!({"KeyId": key})).await.unwrap();
        assert_eq!(status(&world, key).await["KeyRotationEnabled"], false);
        assert!(status(&world, key).await.get("NextRotationDate").is_none());
    }
    world.ask("CancelKeyDeletion", &json!({"KeyId": other})).await.unwrap();
    assert_eq!(days(&status(&world, &other).await), 90, "restored");
    assert_eq!(materials(&world, &other).await.len(), 1);
    assert_eq!(after_days(&world, 95).await, 0);
    assert_eq!(
        fault(world.ask("EnableKeyRotation", &id).await),
        ("KMSInvalidStateException", format!("{key} is pending deletion."))
    );
    world.ask("CancelKeyDeletion", &id).await.unwrap();
    assert_eq!(materials(&world, &key).await.len(), 2, "made up for");
    assert_eq!(days(&status(&world, &key).await), 185);
    assert_eq!(after_days(&world, 185).await, 0, "still disabled");
    world.ask("EnableKey", &id).await.unwrap();
    assert_eq!(materials(&world, &key).await.len(), 3);
}

#[tokio::test]
async fn on_demand_rotation_leaves_the_schedule_alone_and_keeps_clear_of_it() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let id = json!({"KeyId": key});
    enable(&world, &key, 90).await;
    world.ask("RotateKeyOnDemand", &id).await.unwrap();
    assert_eq!(days(&status(&world, &key).await), 90);
    let before = |minutes: i64| Timestamp::from_millis(BEGINNING.plus_days(90).millis() - minutes * 60_000);
    world.clock.set(before(21));
    world.ask("RotateKeyOnDemand", &id).await.unwrap();
    world.clock.set(before(20));
    assert_eq!(fault(world.ask("RotateKeyOnDemand", &id).await).0, "ConflictException");
    assert_eq!(after_days(&world, 90).await, 1);
    world.ask("RotateKeyOnDemand", &id).await.unwrap();
    let kinds: Vec<_> =
        materials(&world, &key).await.iter().map(|entry| entry["RotationType"].clone()).collect();
    assert_eq!(
        kinds,
        [json!("ON_DEMAND"), json!("AUTOMATIC"), json!("ON_DEMAND"), json!("ON_DEMAND"), Value::Null]
    );
    // Automatic rotations do not count: 25 on demand, of which three are done.
    for _ in 3..25 {
        world.ask("RotateKeyOnDemand", &id).await.unwrap();
    }
    assert_eq!(fault(world.ask("RotateKeyOnDemand", &id).await).0, "LimitExceededException");
    assert_eq!(after_days(&world, 180).await, 1);
}

#[tokio::test]
async fn rotations_are_listed_page_by_page() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    for _ in 0..5 {
        world.ask("RotateKeyOnDemand", &json!({"KeyId": key})).await.unwrap();
    }
    for (include, expected) in [("ROTATIONS_ONLY", 5), ("ALL_KEY_MATERIAL", 6)] {
        let (mut seen, mut request) =
            (Vec::new(), json!({"KeyId": key, "Limit": 2, "IncludeKeyMaterial": include}));
        loop {
            let page = world.ask("ListKeyRotations", &request).await.unwrap();
            seen.extend(
                page["Rotations"].as_array().unwrap().iter().map(|entry| text(entry, "/KeyMaterialId")),
            );
            assert_eq!(page["Truncated"], json!(page.get("NextMarker").is_some()));
            let Some(marker) = page.get("NextMarker") else { break };
            let other = json!({"KeyId": key, "Marker": marker, "IncludeKeyMaterial": if expected == 5 {
                "ALL_KEY_MATERIAL"
            } else {
                "ROTATIONS_ONLY"
            }});
            assert_eq!(fault(world.ask("ListKeyRotations", &other).await).0, "InvalidMarkerException");
            request["Marker"] = marker.clone();
        }
        let whole: Vec<_> =
            materials(&world, &key).await.iter().map(|entry| text(entry, "/KeyMaterialId")).collect();
        assert_eq!(seen, whole[..expected], "{include}");
    }
}

#[tokio::test]
async fn keys_that_have_no_rotation() {
    let world = World::new().await;
    let sm2 = key(&world, json!({"KeySpec": "SM2", "KeyUsage": "ENCRYPT_DECRYPT"})).await;
    for operation in ["EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand"] {
        let refused = fault(world.ask(operation, &json!({"KeyId": sm2})).await);
        assert_eq!(refused, ("UnsupportedOperationException", String::new()), "{operation}");
    }
    assert_eq!(status(&world, &sm2).await["KeyRotationEnabled"], false);
    assert!(materials(&world, &sm2).await.is_empty());
}

#[tokio::test]
async fn related_keys_rotate_together_by_the_primary() {
    let world = World::new().await;
    let primary = key(&world, json!({"MultiRegion": true})).await;
    let id = primary.rsplit('/').next().unwrap();
    let replicate = json!({"KeyId": primary, "ReplicaRegion": "us-west-2"});
    world.ask("ReplicateKey", &replicate).await.unwrap();
    let west = world.call("111122223333", "us-west-2");
    enable(&world, &primary, 90).await;
    let there = json!({"KeyId": id});
    let mut answer = world.ask_as(&west, "GetKeyRotationStatus", &there).await.unwrap();
    assert_eq!((&answer["KeyRotationEnabled"], days(&answer)), (&json!(true), 90));
    let refused = fault(world.ask_as(&west, "DisableKeyRotation", &there).await);
    assert_eq!(refused.0, "UnsupportedOperationException");
    assert_eq!(after_days(&world, 90).await, 1);
    // The key of the other Region becomes the primary: from now on it rotates by that one's state.
    let move_it = json!({"KeyId": primary, "PrimaryRegion": "us-west-2"});
    world.ask("UpdatePrimaryRegion", &move_it).await.unwrap();
    world.ask("DisableKey", &json!({"KeyId": primary})).await.unwrap();
    assert_eq!(after_days(&world, 180).await, 1);
    answer = world.ask_as(&west, "GetKeyRotationStatus", &there).await.unwrap();
    assert_eq!(days(&answer), 270);
    let all = json!({"KeyId": id, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"});
    let listed = world.ask_as(&west, "ListKeyRotations", &all).await.unwrap();
    let here = world.ask("ListKeyRotations", &all).await.unwrap();
    assert_eq!(listed["Rotations"].as_array().unwrap().len(), 3);
    assert_eq!(listed, here);
    let blob = world.ask_as(&west, "Encrypt", &json!({"KeyId": id, "Plaintext": "c2VjcmV0"})).await.unwrap();
    world.ask("EnableKey", &json!({"KeyId": primary})).await.unwrap();
    let opened = world.ask("Decrypt", &json!({"CiphertextBlob": blob["CiphertextBlob"]})).await.unwrap();
    assert_eq!(opened["Plaintext"], "c2VjcmV0");
}

#[tokio::test]
async fn a_key_rotates_after_a_restart_however_long_that_took() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    enable(&world, &key, 90).await;
    let again = World::over(world.store.clone(), 2).await;
    again.clock.set(Timestamp::from_millis(BEGINNING.millis() + 500 * DAY_MILLIS));
    assert_eq!(again.env.rotate_due_keys().await.unwrap(), 1, "once, not for each period missed");
    assert_eq!(again.env.rotate_due_keys().await.unwrap(), 0);
    assert_eq!(days(&status(&again, &key).await), 590);
}

#[tokio::test]
async fn the_period_is_what_a_policy_can_ask_for() {
    let world = World::new().await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Deny", "Principal": "*", "Action": "kms:EnableKeyRotation", "Resource": "*",
         "Condition": {"NumericGreaterThan": {"kms:RotationPeriodInDays": "180"}}},
    ]});
    let key = key(&world, json!({"Policy": policy.to_string()})).await;
    enable(&world, &key, 180).await;
    for request in [json!({"KeyId": key, "RotationPeriodInDays": 181}), json!({"KeyId": key})] {
        assert_eq!(fault(world.ask("EnableKeyRotation", &request).await).0, "AccessDeniedException");
    }
}

#[tokio::test]
async fn nothing_rotates_that_could_not_be_recorded() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    enable(&world, &key, 90).await;
    world.audit.set_broken(true);
    assert_eq!(after_days(&world, 90).await, 0);
    world.audit.set_broken(false);
    assert_eq!(materials(&world, &key).await.len(), 1);
    assert_eq!(after_days(&world, 90).await, 1);
}
