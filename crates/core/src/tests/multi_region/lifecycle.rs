use super::*;
use crate::testkit::BEGINNING;

const CALL: &str = "AwsApiCall";
const SERVICE: &str = "AwsServiceEvent";

#[tokio::test]
async fn a_primary_waits_for_its_replicas() {
    let world = World::new().await;
    let id = three(&world).await;
    let request = json!({"KeyId": id, "PendingWindowInDays": 10});
    let answer = world.ask("ScheduleKeyDeletion", &request).await.unwrap();
    let expected =
        json!({"KeyId": arn(PRIMARY, &id), "KeyState": "PendingReplicaDeletion", "PendingWindowInDays": 10});
    assert_eq!(answer, expected);
    let described = metadata(&world, PRIMARY, &id).await;
    assert_eq!(text(&described, "/KeyState"), "PendingReplicaDeletion");
    assert_eq!(
        (&described["PendingDeletionWindowInDays"], &described["Enabled"]),
        (&json!(10), &json!(false))
    );
    assert!(described.get("DeletionDate").is_none());
    let words = format!("{} is pending replica deletion.", arn(PRIMARY, &id));
    for (name, mut body) in [
        ("Encrypt", json!({"Plaintext": "AA=="})),
        ("EnableKey", json!({})),
        ("ScheduleKeyDeletion", json!({})),
        ("ReplicateKey", json!({"ReplicaRegion": REPLICA})),
        ("UpdatePrimaryRegion", json!({"PrimaryRegion": REPLICA})),
        ("TagResource", json!({"Tags": []})),
    ] {
        body["KeyId"] = json!(id);
        assert_eq!(
            fault(world.ask(name, &body).await),
            ("KMSInvalidStateException", words.clone()),
            "{name}"
        );
    }
    encrypt_in(&world, REPLICA, &id).await;
    world.ask("CancelKeyDeletion", &json!({"KeyId": id})).await.unwrap();
    assert_eq!(state(&world, PRIMARY, &id).await, "Disabled");
    // With the last replica gone its window starts; until then it waits, however long that takes.
    world.ask("ScheduleKeyDeletion", &request).await.unwrap();
    world.clock.set(BEGINNING.plus_days(100));
    assert_eq!(world.env.destroy_due_keys().await.unwrap(), 0);
    for (region, window) in [(REPLICA, 7), (THIRD, 20)] {
        let request = json!({"KeyId": id, "PendingWindowInDays": window});
        ask_in(&world, region, "ScheduleKeyDeletion", request).await.unwrap();
    }
    world.clock.set(BEGINNING.plus_days(107));
    assert_eq!(world.env.destroy_due_keys().await.unwrap(), 1);
    assert_eq!(state(&world, PRIMARY, &id).await, "PendingReplicaDeletion");
    assert_eq!(set(&metadata(&world, THIRD, &id).await).2, [THIRD]);
    world.clock.set(BEGINNING.plus_days(120));
    assert_eq!(world.env.destroy_due_keys().await.unwrap(), 1);
    let described = metadata(&world, PRIMARY, &id).await;
    assert_eq!(text(&described, "/KeyState"), "PendingDeletion");
    assert!(described.get("PendingDeletionWindowInDays").is_none());
    let due = BEGINNING.plus_days(130);
    assert_eq!(described["DeletionDate"], json!(due.as_epoch_seconds()));
    // After a restart too.
    let again = World::over(world.store.clone(), 2).await;
    again.clock.set(due);
    assert_eq!(again.env.destroy_due_keys().await.unwrap(), 1);
    for kind in ["key/", "material/", "account-key/", "due/"] {
        assert!(again.store.scan(kind.as_bytes(), None, 10).await.unwrap().records.is_empty(), "{kind}");
    }
}

#[tokio::test]
async fn destroying_a_replica_takes_nothing_from_the_others() {
    let world = World::new().await;
    let id = three(&world).await;
    let blob = encrypt_in(&world, REPLICA, &id).await;
    ask_in(&world, REPLICA, "ScheduleKeyDeletion", json!({"KeyId": id, "PendingWindowInDays": 7}))
        .await
        .unwrap();
    let taken = fault(world.ask("ReplicateKey", &json!({"KeyId": id, "ReplicaRegion": REPLICA})).await);
    let expected = format!("Key '{}' already exists", arn(REPLICA, &id));
    assert_eq!(taken, ("AlreadyExistsException", expected), "also while it is pending deletion");
    world.clock.set(BEGINNING.plus_days(7));
    assert_eq!(world.env.destroy_due_keys().await.unwrap(), 1);
    let gone = fault(ask_in(&world, REPLICA, "DescribeKey", json!({"KeyId": id})).await);
    assert_eq!(gone.0, "NotFoundException");
    for region in [PRIMARY, THIRD] {
        assert_decrypts(&world, region, &id, &blob).await;
        assert_eq!(set(&metadata(&world, region, &id).await).2, [THIRD]);
    }
    assert_eq!(state(&world, PRIMARY, &id).await, "Enabled");
    // It can be made again, with the same key material.
    replicate(&world, &id, REPLICA).await;
    assert_decrypts(&world, REPLICA, &id, &blob).await;
}

#[tokio::test]
async fn the_log_tells_it_in_every_region() {
    let world = World::new().await;
    let id = three(&world).await;
    world.ask("RotateKeyOnDemand", &json!({"KeyId": id})).await.unwrap();
    world.ask("UpdatePrimaryRegion", &json!({"KeyId": id, "PrimaryRegion": THIRD})).await.unwrap();
    let request = json!({"KeyId": id, "PendingWindowInDays": 7});
    ask_in(&world, REPLICA, "ScheduleKeyDeletion", request).await.unwrap();
    world.clock.set(BEGINNING.plus_days(7));
    world.env.destroy_due_keys().await.unwrap();
    let records = world.audit.records();
    let told: Vec<(String, String, String, String)> = records
        .iter()
        .map(|record| {
            assert_eq!(record["resources"].as_array().unwrap().len(), 1);
            let text = |pointer| text(record, pointer);
            (text("/eventName"), text("/awsRegion"), text("/eventType"), text("/resources/0/ARN"))
        })
        .collect();
    let line = |name: &str, region: &str, kind: &str| {
        (name.to_owned(), region.to_owned(), kind.to_owned(), arn(region, &id))
    };
    let expected = [
        line("CreateKey", PRIMARY, CALL),
        line("ReplicateKey", PRIMARY, CALL),
        line("CreateKey", REPLICA, SERVICE),
        line("ReplicateKey", PRIMARY, CALL),
        line("CreateKey", THIRD, SERVICE),
        line("SynchronizeMultiRegionKey", PRIMARY, SERVICE),
        line("RotateKeyOnDemand", PRIMARY, CALL),
        line("RotateKey", PRIMARY, SERVICE),
        line("SynchronizeMultiRegionKey", PRIMARY, SERVICE),
        line("UpdatePrimaryRegion", PRIMARY, CALL),
        line("UpdatePrimaryRegion", THIRD, CALL),
        line("SynchronizeMultiRegionKey", PRIMARY, SERVICE),
        line("ScheduleKeyDeletion", REPLICA, CALL),
        line("DeleteKey", REPLICA, SERVICE),
        line("SynchronizeMultiRegionKey", THIRD, SERVICE),
    ];
    assert_eq!(told, expected);
    let replicated = &records[1];
    let expected = json!({"keyId": id, "replicaRegion": REPLICA, "bypassPolicyLockoutSafetyCheck": false, "description": ""});
    assert_eq!(replicated["requestParameters"], expected);
    let elements = &replicated["responseElements"];
    assert_eq!(text(elements, "/replicaKeyMetadata/multiRegionConfiguration/multiRegionKeyType"), "REPLICA");
    assert!(text(elements, "/replicaPolicy").contains("key-default-1"));
    let [here, there] = [&records[9], &records[10]];
    assert_eq!(
        (&here["requestID"], &here["requestParameters"]),
        (&there["requestID"], &there["requestParameters"])
    );
    assert_ne!(here["eventID"], there["eventID"]);
    // The records were committed with the changes: a crash before they reach the log loses none.
    let again = World::over(world.store.clone(), 2).await;
    again.env.deliver_outbox().await.unwrap();
    let mut names: Vec<String> =
        again.audit.records().iter().map(|record| text(record, "/eventID")).collect();
    let mut all: Vec<String> = records.iter().map(|record| text(record, "/eventID")).collect();
    names.sort_unstable();
    all.sort_unstable();
    assert_eq!(names, all);
}

#[tokio::test]
async fn changes_that_meet_leave_all_keys_in_step() {
    let world = World::new().await;
    let id = primary(&world, json!({})).await;
    let in_third = json!({"KeyId": id, "ReplicaRegion": THIRD});
    let in_replica = json!({"KeyId": id, "ReplicaRegion": REPLICA});
    let rotate = json!({"KeyId": id});
    let (one, two, three, four) = tokio::join!(
        world.ask("ReplicateKey", &in_third),
        world.ask("RotateKeyOnDemand", &rotate),
        world.ask("ReplicateKey", &in_replica),
        world.ask("RotateKeyOnDemand", &rotate),
    );
    assert!(one.is_ok() && two.is_ok() && three.is_ok() && four.is_ok());
    let current = text(&metadata(&world, PRIMARY, &id).await, "/CurrentKeyMaterialId");
    for region in [PRIMARY, REPLICA, THIRD] {
        let described = metadata(&world, region, &id).await;
        assert_eq!(set(&described).2, [THIRD, REPLICA], "in {region}");
        assert_eq!(text(&described, "/CurrentKeyMaterialId"), current);
        let materials = format!("material/{region}/");
        assert_eq!(world.store.scan(materials.as_bytes(), None, 10).await.unwrap().records.len(), 3);
        let blob = encrypt_in(&world, region, &id).await;
        assert_decrypts(&world, PRIMARY, &id, &blob).await;
    }
}

#[tokio::test]
async fn a_record_of_before_there_were_replicas_is_that_of_a_lone_primary() {
    use crate::record::{KeyRecord, Record};
    let world = World::new().await;
    let id = primary(&world, json!({})).await;
    let key =
        world.env.key(&world.call(ACCOUNT, PRIMARY).region, id.parse().unwrap()).await.unwrap().unwrap();
    let mut old = key.record.clone();
    old.multi_region = None;
    let bytes = old.encode();
    assert_eq!(KeyRecord::decode(bytes.reveal(reseal_types::Reveal::ToSeal)), Some(key.record.clone()));
}

#[tokio::test]
async fn a_damaged_record_stops_shared_changes_but_no_destruction() {
    use crate::store::{Batch, RecordKey, Write};
    let world = World::new().await;
    let id = three(&world).await;
    for region in [PRIMARY, REPLICA] {
        let request = json!({"KeyId": id, "PendingWindowInDays": 7});
        ask_in(&world, region, "ScheduleKeyDeletion", request).await.unwrap();
    }
    world.ask("CancelKeyDeletion", &json!({"KeyId": id})).await.unwrap();
    world.ask("EnableKey", &json!({"KeyId": id})).await.unwrap();
    let damaged = RecordKey::new(format!("key/{THIRD}/{id}").as_bytes()).unwrap();
    let mut record = world.store.get(&damaged).await.unwrap().unwrap();
    *record.value.last_mut().unwrap() ^= 1;
    let writes = vec![Write::Put { key: damaged, record }];
    world.store.commit(Batch { writes, ..Batch::default() }).await.unwrap();
    let world = World::over(world.store.clone(), 2).await;
    let before = metadata(&world, PRIMARY, &id).await;
    let refused = fault(world.ask("RotateKeyOnDemand", &json!({"KeyId": id})).await);
    assert_eq!(refused.0, "KMSInternalException");
    assert_eq!(metadata(&world, PRIMARY, &id).await, before, "in all Regions or in none");
    encrypt_in(&world, PRIMARY, &id).await;
    world.clock.set(BEGINNING.plus_days(7));
    assert_eq!(world.env.destroy_due_keys().await.unwrap(), 1);
    assert_eq!(set(&metadata(&world, PRIMARY, &id).await).2, [THIRD]);
    let left = world.store.scan(format!("material/{REPLICA}/").as_bytes(), None, 10).await.unwrap();
    assert!(left.records.is_empty());
}
