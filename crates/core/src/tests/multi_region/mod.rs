//! Multi-Region keys: what related keys share stays in step, what is their own stays apart.

mod lifecycle;
mod refusals;

use super::*;

const ACCOUNT: &str = "111122223333";
const PRIMARY: &str = "us-east-1";
const REPLICA: &str = "us-west-2";
const THIRD: &str = "eu-central-1";

/// Calls an operation in a Region.
async fn ask_in(world: &World, region: &str, name: &str, body: Value) -> Result<Value, Error> {
    world.ask_as(&world.call(ACCOUNT, region), name, &body).await
}

/// Creates a primary; gives its id.
async fn primary(world: &World, mut request: Value) -> String {
    request["MultiRegion"] = json!(true);
    text(&world.ask("CreateKey", &request).await.unwrap(), "/KeyMetadata/KeyId")
}

async fn replicate(world: &World, id: &str, region: &str) -> Value {
    world.ask("ReplicateKey", &json!({"KeyId": id, "ReplicaRegion": region})).await.unwrap()
}

/// A primary with replicas in both other Regions; gives the id.
async fn three(world: &World) -> String {
    let id = primary(world, json!({})).await;
    for region in [REPLICA, THIRD] {
        replicate(world, &id, region).await;
    }
    id
}

fn arn(region: &str, id: &str) -> String {
    format!("arn:aws:kms:{region}:{ACCOUNT}:key/{id}")
}

async fn metadata(world: &World, region: &str, id: &str) -> Value {
    ask_in(world, region, "DescribeKey", json!({"KeyId": id})).await.unwrap()["KeyMetadata"].take()
}

async fn state(world: &World, region: &str, id: &str) -> String {
    text(&metadata(world, region, id).await, "/KeyState")
}

async fn encrypt_in(world: &World, region: &str, id: &str) -> Value {
    let request = json!({"KeyId": id, "Plaintext": "c2VjcmV0"});
    ask_in(world, region, "Encrypt", request).await.unwrap()["CiphertextBlob"].take()
}

async fn assert_decrypts(world: &World, region: &str, id: &str, blob: &Value) {
    let answer = ask_in(world, region, "Decrypt", json!({"CiphertextBlob": blob})).await.unwrap();
    assert_eq!(
        (text(&answer, "/Plaintext"), text(&answer, "/KeyId")),
        ("c2VjcmV0".to_owned(), arn(region, id))
    );
}

/// What metadata say of the set: own type, the primary's Region, the replicas' Regions.
fn set(metadata: &Value) -> (String, String, Vec<String>) {
    let configuration = &metadata["MultiRegionConfiguration"];
    let id = text(metadata, "/KeyId");
    let region = |key: &Value| {
        let region = text(key, "/Region");
        assert_eq!(text(key, "/Arn"), arn(&region, &id));
        region
    };
    let replicas = configuration["ReplicaKeys"].as_array().unwrap().iter().map(region).collect();
    (text(configuration, "/MultiRegionKeyType"), region(&configuration["PrimaryKey"]), replicas)
}

#[tokio::test]
async fn related_keys_open_each_others_ciphertexts() {
    let world = World::new().await;
    let id = three(&world).await;
    assert!(id.starts_with("mrk-") && id.len() == 36, "{id}");
    for from in [PRIMARY, REPLICA, THIRD] {
        let blob = encrypt_in(&world, from, &id).await;
        for to in [PRIMARY, REPLICA, THIRD] {
            assert_decrypts(&world, to, &id, &blob).await;
        }
        let local = text(&ask_in(&world, THIRD, "CreateKey", json!({})).await.unwrap(), "/KeyMetadata/Arn");
        let request = json!({"CiphertextBlob": blob, "SourceKeyId": id, "DestinationKeyId": local});
        let moved = ask_in(&world, THIRD, "ReEncrypt", request).await.unwrap();
        assert_eq!((text(&moved, "/SourceKeyId"), text(&moved, "/KeyId")), (arn(THIRD, &id), local));
        let back = json!({"CiphertextBlob": moved["CiphertextBlob"], "DestinationKeyId": id});
        let back = ask_in(&world, THIRD, "ReEncrypt", back).await.unwrap();
        assert_decrypts(&world, from, &id, &back["CiphertextBlob"]).await;
    }
}

#[tokio::test]
async fn an_asymmetric_replica_has_the_same_key_pair() {
    let world = World::new().await;
    let id = primary(&world, json!({"KeySpec": "SM2", "KeyUsage": "ENCRYPT_DECRYPT"})).await;
    replicate(&world, &id, REPLICA).await;
    let public = |region: &'static str| ask_in(&world, region, "GetPublicKey", json!({"KeyId": id}));
    let (one, two) = (public(PRIMARY).await.unwrap(), public(REPLICA).await.unwrap());
    assert_eq!(one["PublicKey"], two["PublicKey"]);
    let request = json!({"KeyId": id, "Plaintext": "c2VjcmV0", "EncryptionAlgorithm": "SM2PKE"});
    let blob = ask_in(&world, PRIMARY, "Encrypt", request).await.unwrap();
    let request =
        json!({"KeyId": id, "CiphertextBlob": blob["CiphertextBlob"], "EncryptionAlgorithm": "SM2PKE"});
    let answer = ask_in(&world, REPLICA, "Decrypt", request).await.unwrap();
    assert_eq!(text(&answer, "/Plaintext"), "c2VjcmV0");
}

#[tokio::test]
async fn a_replica_is_answered_complete() {
    let world = World::new().await;
    let id =
        primary(&world, json!({"Description": "first", "Tags": [{"TagKey": "a", "TagValue": "1"}]})).await;
    let bare = replicate(&world, &id, REPLICA).await;
    assert_eq!(bare["ReplicaKeyMetadata"], metadata(&world, REPLICA, &id).await);
    assert_eq!((&bare["ReplicaKeyMetadata"]["Description"], &bare["ReplicaTags"]), (&json!(""), &json!([])));
    assert_eq!(text(&bare, "/ReplicaKeyMetadata/KeyState"), "Enabled");
    assert!(text(&bare, "/ReplicaPolicy").contains("key-default-1"));
    let policy = policy_without(ACCOUNT, &["kms:DeleteAlias"]);
    let tags = json!([{"TagKey": "b", "TagValue": "2"}]);
    let request = json!({"KeyId": arn(PRIMARY, &id), "ReplicaRegion": THIRD, "Policy": policy, "Tags": tags,
        "Description": "third"});
    let full = world.ask("ReplicateKey", &request).await.unwrap();
    assert_eq!((&full["ReplicaTags"], text(&full, "/ReplicaPolicy")), (&tags, policy.clone()));
    let stored = ask_in(&world, THIRD, "GetKeyPolicy", json!({"KeyId": id})).await.unwrap();
    assert_eq!(text(&stored, "/Policy"), policy);
    for (region, kind) in [(PRIMARY, "PRIMARY"), (REPLICA, "REPLICA"), (THIRD, "REPLICA")] {
        let described = metadata(&world, region, &id).await;
        let expected = (kind.to_owned(), PRIMARY.to_owned(), vec![THIRD.to_owned(), REPLICA.to_owned()]);
        assert_eq!(set(&described), expected, "in {region}");
        let keys = ask_in(&world, region, "ListKeys", json!({})).await.unwrap();
        assert_eq!(keys["Keys"], json!([{"KeyId": id, "KeyArn": arn(region, &id)}]));
    }
}

#[tokio::test]
async fn new_key_material_arrives_in_every_region_and_stays_after_a_restart() {
    let world = World::new().await;
    let id = three(&world).await;
    let old = encrypt_in(&world, THIRD, &id).await;
    // All three have the old material in memory now.
    for region in [PRIMARY, REPLICA, THIRD] {
        assert_decrypts(&world, region, &id, &old).await;
    }
    let refused = fault(ask_in(&world, REPLICA, "RotateKeyOnDemand", json!({"KeyId": id})).await);
    let text_of = format!("{} is not a multi-region primary key.", arn(REPLICA, &id));
    assert_eq!(refused, ("UnsupportedOperationException", text_of));
    world.ask("RotateKeyOnDemand", &json!({"KeyId": id})).await.unwrap();
    let current = text(&metadata(&world, PRIMARY, &id).await, "/CurrentKeyMaterialId");
    let again = World::over(world.store.clone(), 2).await;
    for world in [&world, &again] {
        for region in [PRIMARY, REPLICA, THIRD] {
            assert_eq!(text(&metadata(world, region, &id).await, "/CurrentKeyMaterialId"), current);
            let new = encrypt_in(world, region, &id).await;
            for to in [PRIMARY, REPLICA, THIRD] {
                assert_decrypts(world, to, &id, &new).await;
                assert_decrypts(world, to, &id, &old).await;
            }
        }
    }
    // A replica made later has all of it.
    let late = primary(&world, json!({})).await;
    let old = encrypt_in(&world, PRIMARY, &late).await;
    world.ask("RotateKeyOnDemand", &json!({"KeyId": late})).await.unwrap();
    replicate(&world, &late, THIRD).await;
    assert_decrypts(&world, THIRD, &late, &old).await;
    let new = encrypt_in(&world, PRIMARY, &late).await;
    assert_decrypts(&world, THIRD, &late, &new).await;
}

#[tokio::test]
async fn what_is_a_keys_own_stays_in_its_region() {
    let world = World::new().await;
    let id = three(&world).await;
    let before = (metadata(&world, PRIMARY, &id).await, metadata(&world, THIRD, &id).await);
    let policy = policy_without(ACCOUNT, &["kms:CreateAlias"]);
    for (name, mut body) in [
        ("UpdateKeyDescription", json!({"Description": "mine"})),
        ("TagResource", json!({"Tags": [{"TagKey": "t", "TagValue": "v"}]})),
        ("PutKeyPolicy", json!({"Policy": policy})),
        ("DisableKey", json!({})),
    ] {
        body["KeyId"] = json!(id);
        ask_in(&world, REPLICA, name, body).await.unwrap();
    }
    ask_in(&world, THIRD, "CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": id})).await.unwrap();
    assert_eq!(state(&world, REPLICA, &id).await, "Disabled");
    assert_eq!((metadata(&world, PRIMARY, &id).await, metadata(&world, THIRD, &id).await), before);
    for region in [PRIMARY, THIRD] {
        let tags = ask_in(&world, region, "ListResourceTags", json!({"KeyId": id})).await.unwrap();
        assert_eq!(tags["Tags"], json!([]));
        let stored = ask_in(&world, region, "GetKeyPolicy", json!({"KeyId": id})).await.unwrap();
        assert_ne!(text(&stored, "/Policy"), policy);
    }
    let aliases = ask_in(&world, PRIMARY, "ListAliases", json!({"KeyId": id})).await.unwrap();
    assert_eq!(aliases["Aliases"], json!([]));
    // A shared change leaves it alone.
    world.ask("RotateKeyOnDemand", &json!({"KeyId": id})).await.unwrap();
    let replica = metadata(&world, REPLICA, &id).await;
    assert_eq!(
        (text(&replica, "/Description"), text(&replica, "/KeyState")),
        ("mine".into(), "Disabled".into())
    );
}

#[tokio::test]
async fn primary_and_replica_swap_roles() {
    let world = World::new().await;
    let id = three(&world).await;
    let update = |region: &str| json!({"KeyId": id, "PrimaryRegion": region});
    assert_eq!(world.ask("UpdatePrimaryRegion", &update(THIRD)).await.unwrap(), Value::Null);
    let again = World::over(world.store.clone(), 2).await;
    for world in [&world, &again] {
        for region in [PRIMARY, REPLICA, THIRD] {
            let kind = if region == THIRD { "PRIMARY" } else { "REPLICA" };
            let expected = (kind.to_owned(), THIRD.to_owned(), vec![PRIMARY.to_owned(), REPLICA.to_owned()]);
            let described = metadata(world, region, &id).await;
            assert_eq!(set(&described), expected, "in {region}");
            assert_eq!(text(&described, "/KeyState"), "Enabled");
        }
    }
    for (name, body) in [
        ("UpdatePrimaryRegion", update(REPLICA)),
        ("ReplicateKey", json!({"KeyId": id, "ReplicaRegion": REPLICA})),
        ("RotateKeyOnDemand", json!({"KeyId": id})),
    ] {
        let expected = format!("{} is not a multi-region primary key.", arn(PRIMARY, &id));
        assert_eq!(fault(world.ask(name, &body).await), ("UnsupportedOperationException", expected));
    }
    ask_in(&world, THIRD, "RotateKeyOnDemand", json!({"KeyId": id})).await.unwrap();
    let blob = encrypt_in(&world, THIRD, &id).await;
    assert_decrypts(&world, PRIMARY, &id, &blob).await;
    ask_in(&world, THIRD, "UpdatePrimaryRegion", update(PRIMARY)).await.unwrap();
    assert_eq!(set(&metadata(&world, REPLICA, &id).await).1, PRIMARY);
}
