use reseal_types::Timestamp;

use super::*;
use crate::{
    store::{Batch, Write},
    testkit::BEGINNING,
};

async fn last(world: &World, key: &str) -> Value {
    world.ask("GetKeyLastUsage", &json!({"KeyId": key})).await.unwrap()
}

fn record_of(world: &World, event_id: &str) -> Value {
    let records = world.audit.records();
    records.into_iter().find(|record| record["eventID"] == event_id).unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(BEGINNING.millis() + millis)
}

#[tokio::test]
async fn the_last_use_is_the_last_call_that_worked() {
    let world = World::new().await;
    world.clock.set(at(1_000));
    let key = symmetric(&world).await;
    let id = key.rsplit('/').next().unwrap();
    let created = at(1_000).as_epoch_seconds();
    let unused =
        json!({"KeyId": id, "KeyLastUsage": {}, "TrackingStartDate": created, "KeyCreationDate": created});
    assert_eq!(last(&world, &key).await, unused);
    // What looks at the key does not use it, nor does what fails or only tries.
    world.ask("DescribeKey", &json!({"KeyId": key})).await.unwrap();
    let dry = json!({"KeyId": key, "Plaintext": "AA==", "DryRun": true});
    assert_eq!(fault(world.ask("Encrypt", &dry).await).0, "DryRunOperationException");
    let bad = json!({"KeyId": key, "CiphertextBlob": "AA=="});
    assert_eq!(fault(world.ask("Decrypt", &bad).await).0, "InvalidCiphertextException");
    world.audit.set_full(true);
    assert!(world.ask("Encrypt", &json!({"KeyId": key, "Plaintext": "AA=="})).await.is_err());
    world.audit.set_full(false);
    assert_eq!(last(&world, &key).await, unused);

    world.clock.set(at(5_000));
    let blob = encrypt(&world, &key, json!({})).await;
    let used = last(&world, &key).await["KeyLastUsage"].clone();
    assert_eq!(
        (&used["Operation"], &used["Timestamp"]),
        (&json!("Encrypt"), &json!(at(5_000).as_epoch_seconds()))
    );
    let record = record_of(&world, &text(&used, "/CloudTrailEventId"));
    assert_eq!((&record["eventName"], &record["requestID"]), (&used["Operation"], &used["KmsRequestId"]));
    // At the same moment, but later.
    world.ask("Decrypt", &json!({"CiphertextBlob": blob})).await.unwrap();
    assert_eq!(last(&world, &key).await["KeyLastUsage"]["Operation"], "Decrypt");
    // A change of the key forgets nothing, nor does another state.
    world.ask("DisableKey", &json!({"KeyId": key})).await.unwrap();
    let after = last(&world, &key).await;
    assert_eq!(after["KeyLastUsage"]["Operation"], "Decrypt");
    assert_eq!(
        fault(world.ask("GetKeyLastUsage", &json!({"KeyId": "alias/a"})).await).0,
        "NotFoundException"
    );
}

#[tokio::test]
async fn re_encryption_uses_two_keys_each_by_the_record_of_its_owner() {
    let world = World::new().await;
    let source = symmetric(&world).await;
    let other = world.call("444455556666", "us-east-1");
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": ["arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root"]}}]});
    let made = world.ask_as(&other, "CreateKey", &json!({"Policy": policy.to_string()})).await.unwrap();
    let destination = text(&made, "/KeyMetadata/Arn");
    let blob = encrypt(&world, &source, json!({})).await;
    let request = json!({"CiphertextBlob": blob, "DestinationKeyId": destination});
    world.ask("ReEncrypt", &request).await.unwrap();
    let here = last(&world, &source).await["KeyLastUsage"].clone();
    let there = world.ask_as(&other, "GetKeyLastUsage", &json!({"KeyId": destination})).await.unwrap();
    let there = there["KeyLastUsage"].clone();
    assert_eq!((&here["Operation"], &there["Operation"]), (&json!("ReEncrypt"), &json!("ReEncrypt")));
    assert_eq!(here["KmsRequestId"], there["KmsRequestId"]);
    for (used, account) in [(&here, "111122223333"), (&there, "444455556666")] {
        let record = record_of(&world, &text(used, "/CloudTrailEventId"));
        assert_eq!(record["recipientAccountId"], account);
    }
}

#[tokio::test]
async fn last_uses_outlive_a_restart_once_they_are_written() {
    let world = World::new().await;
    let (one, two) = (symmetric(&world).await, symmetric(&world).await);
    encrypt(&world, &one, json!({})).await;
    assert_eq!(world.env.write_last_uses().await.unwrap(), 1);
    assert_eq!(world.env.write_last_uses().await.unwrap(), 0);
    let known = last(&world, &one).await;
    encrypt(&world, &two, json!({})).await;
    let again = World::over(world.store.clone(), 2).await;
    again.clock.set(at(50_000));
    assert_eq!(last(&again, &one).await, known, "tracking began when it first began");
    assert_eq!(last(&again, &two).await["KeyLastUsage"], json!({}), "killed before it was written");
    encrypt(&again, &one, json!({})).await;
    let now = last(&again, &one).await;
    assert_eq!(now["KeyLastUsage"]["Timestamp"], json!(at(50_000).as_epoch_seconds()));
    assert_eq!(again.env.write_last_uses().await.unwrap(), 1);
}

#[tokio::test]
async fn many_last_uses_are_written_and_read() {
    let world = World::new().await;
    let mut keys = Vec::new();
    for _ in 0..450 {
        let key = symmetric(&world).await;
        encrypt(&world, &key, json!({})).await;
        keys.push(key);
    }
    assert_eq!(world.env.write_last_uses().await.unwrap(), 450);
    let again = World::over(world.store.clone(), 2).await;
    for key in &keys {
        assert_eq!(last(&again, key).await["KeyLastUsage"]["Operation"], "Encrypt");
    }
}

#[tokio::test]
async fn a_damaged_record_is_not_written_over() {
    let world = World::new().await;
    let (one, two) = (symmetric(&world).await, symmetric(&world).await);
    encrypt(&world, &one, json!({})).await;
    world.env.write_last_uses().await.unwrap();
    let (place, mut record) = world.store.scan(b"last-use/", None, 10).await.unwrap().records.remove(0);
    record.value[20] ^= 1;
    let writes = vec![Write::Put { key: place.clone(), record: record.clone() }];
    world.store.commit(Batch { writes, ..Batch::default() }).await.unwrap();

    let again = World::over(world.store.clone(), 2).await;
    assert_eq!(fault(again.ask("GetKeyLastUsage", &json!({"KeyId": one})).await).0, "KMSInternalException");
    encrypt(&again, &one, json!({})).await;
    encrypt(&again, &two, json!({})).await;
    assert_eq!(again.env.write_last_uses().await.unwrap(), 1, "the neighbour's");
    assert_eq!(again.env.write_last_uses().await.unwrap(), 0);
    assert_eq!(world.store.get(&place).await.unwrap(), Some(record));
    let mut damaged = Vec::new();
    again.env.vault().scrub(|place| damaged.push(place.clone())).await.unwrap();
    assert_eq!(damaged, [place]);
}

#[tokio::test]
async fn related_keys_are_used_apart() {
    let world = World::new().await;
    let primary = key(&world, json!({"MultiRegion": true})).await;
    let id = primary.rsplit('/').next().unwrap();
    world.ask("ReplicateKey", &json!({"KeyId": primary, "ReplicaRegion": "us-west-2"})).await.unwrap();
    let west = world.call("111122223333", "us-west-2");
    world.ask_as(&west, "Encrypt", &json!({"KeyId": id, "Plaintext": "AA=="})).await.unwrap();
    let there = world.ask_as(&west, "GetKeyLastUsage", &json!({"KeyId": id})).await.unwrap();
    assert_eq!(there["KeyLastUsage"]["Operation"], "Encrypt");
    assert_eq!(last(&world, &primary).await["KeyLastUsage"], json!({}));
}

#[tokio::test]
async fn a_destroyed_key_leaves_no_use_behind() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    encrypt(&world, &key, json!({})).await;
    world.env.write_last_uses().await.unwrap();
    world.ask("ScheduleKeyDeletion", &json!({"KeyId": key, "PendingWindowInDays": 7})).await.unwrap();
    world.clock.set(BEGINNING.plus_days(7));
    assert_eq!(world.env.destroy_due_keys().await.unwrap(), 1);
    assert!(world.store.scan(b"last-use/", None, 10).await.unwrap().records.is_empty());
}

#[tokio::test]
async fn policies_can_ask_for_how_long_a_key_was_not_used() {
    let world = World::new().await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Deny", "Principal": "*", "Action": ["kms:ScheduleKeyDeletion", "kms:DisableKey"], "Resource": "*",
         "Condition": {"NumericLessThan": {"kms:TrailingDaysWithoutKeyUsage": "30"}}},
    ]});
    let key = key(&world, json!({"Policy": policy.to_string()})).await;
    let id = json!({"KeyId": key});
    let refused = async |world: &World| {
        for operation in ["ScheduleKeyDeletion", "DisableKey"] {
            assert_eq!(fault(world.ask(operation, &id).await).0, "AccessDeniedException", "{operation}");
        }
    };
    // Never used: counted from when it was made.
    world.clock.set(Timestamp::from_millis(BEGINNING.plus_days(30).millis() - 1_000));
    refused(&world).await;
    encrypt(&world, &key, json!({})).await;
    world.clock.set(BEGINNING.plus_days(59));
    refused(&world).await;
    world.env.write_last_uses().await.unwrap();
    let again = World::over(world.store.clone(), 2).await;
    again.clock.set(BEGINNING.plus_days(59));
    refused(&again).await;
    again.clock.set(BEGINNING.plus_days(60));
    again.ask("DisableKey", &id).await.unwrap();
    again.ask("ScheduleKeyDeletion", &id).await.unwrap();
}
