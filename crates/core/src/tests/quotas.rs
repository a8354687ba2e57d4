//! Quotas on the number of keys and on the rate of calls, which are off unless set.

use std::sync::Arc;

use super::*;
use crate::{
    env::Settings,
    quota::RequestRates,
    store::MemoryStore,
    testkit::{BEGINNING, settings},
};

const TOO_FAST: &str =
    "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.";

async fn world_with(settings: Settings) -> World {
    World::with(Arc::new(MemoryStore::default()), 1, settings).await
}

async fn limited(rates: &[&str]) -> World {
    let request_rates = RequestRates::parse(rates.iter().copied()).unwrap();
    world_with(Settings { request_rates, ..settings() }).await
}

fn after(world: &World, millis: i64) {
    world.clock.set(reseal_types::Timestamp::from_millis(BEGINNING.millis() + millis));
}

#[tokio::test]
async fn calls_beyond_the_rate_are_refused_until_time_has_passed() {
    let world = limited(&["CreateKey=2"]).await;
    let create = || async { world.ask("CreateKey", &json!({})).await };
    let key = text(&create().await.unwrap(), "/KeyMetadata/KeyId");
    create().await.unwrap();
    assert_eq!(fault(create().await), ("ThrottlingException", TOO_FAST.to_owned()));
    let records = world.audit.records();
    assert_eq!(text(records.last().unwrap(), "/errorCode"), "ThrottlingException");
    for (account, region) in [("111122223333", "us-west-2"), ("444455556666", "us-east-1")] {
        let call = world.call(account, region);
        world.ask_as(&call, "CreateKey", &json!({})).await.expect("counted apart");
    }
    for _ in 0..10 {
        world.ask("DescribeKey", &json!({"KeyId": key})).await.expect("has no limit");
    }
    after(&world, 499);
    assert_eq!(fault(create().await).0, "ThrottlingException");
    after(&world, 500);
    create().await.unwrap();
    assert_eq!(fault(create().await).0, "ThrottlingException");
    let keys = world.ask("ListKeys", &json!({})).await.unwrap();
    assert_eq!(keys["Keys"].as_array().unwrap().len(), 3, "what was refused did not happen");
}

#[tokio::test]
async fn cryptographic_operations_share_a_rate_by_the_kind_of_key() {
    let world = limited(&["crypto/symmetric=6", "crypto/ecc=1"]).await;
    let symmetric = symmetric(&world).await;
    let sm2 = key(&world, json!({"KeySpec": "SM2", "KeyUsage": "ENCRYPT_DECRYPT"})).await;
    let blob = encrypt(&world, &symmetric, json!({})).await;
    let dry = json!({"KeyId": symmetric, "Plaintext": "AA==", "DryRun": true});
    assert_eq!(fault(world.ask("Encrypt", &dry).await).0, "DryRunOperationException");
    let unknown = json!({"KeyId": "alias/none", "Plaintext": "AA=="});
    assert_eq!(fault(world.ask("Encrypt", &unknown).await).0, "NotFoundException");
    world.ask("GenerateRandom", &json!({"NumberOfBytes": 8})).await.unwrap();
    world.ask("GenerateDataKey", &json!({"KeyId": symmetric, "KeySpec": "AES_256"})).await.unwrap();
    // One key in each of two groups.
    let request = json!({"CiphertextBlob": blob, "DestinationKeyId": sm2,
        "DestinationEncryptionAlgorithm": "SM2PKE"});
    world.ask("ReEncrypt", &request).await.unwrap();
    assert_eq!(fault(world.ask("Decrypt", &json!({"CiphertextBlob": blob})).await).0, "ThrottlingException");
    let with_sm2 = json!({"KeyId": sm2, "Plaintext": "AA==", "EncryptionAlgorithm": "SM2PKE"});
    assert_eq!(fault(world.ask("Encrypt", &with_sm2).await).0, "ThrottlingException");
    after(&world, 1_000);
    // Within one key it counts once.
    for _ in 0..6 {
        let blob = json!({"CiphertextBlob": blob, "DestinationKeyId": symmetric});
        world.ask("ReEncrypt", &blob).await.unwrap();
    }
    assert_eq!(fault(world.ask("Decrypt", &json!({"CiphertextBlob": blob})).await).0, "ThrottlingException");
}

#[tokio::test]
async fn the_caller_is_charged_and_not_the_owner_of_the_key() {
    let world = limited(&["crypto/symmetric=1"]).await;
    let key = symmetric(&world).await;
    let guest = world.call("444455556666", "us-east-1");
    let request = json!({"KeyId": key, "Plaintext": "AA=="});
    assert_eq!(fault(world.ask_as(&guest, "Encrypt", &request).await).0, "AccessDeniedException");
    assert_eq!(fault(world.ask_as(&guest, "Encrypt", &request).await).0, "ThrottlingException");
    world.ask("Encrypt", &request).await.unwrap();
}

#[tokio::test]
async fn calls_that_act_in_two_regions_count_in_both() {
    let world = limited(&["CreateKey=1", "UpdatePrimaryRegion=1"]).await;
    let created = world.ask("CreateKey", &json!({"MultiRegion": true})).await.unwrap();
    let id = text(&created, "/KeyMetadata/KeyId");
    let there = world.call("111122223333", "eu-central-1");
    world.ask("ReplicateKey", &json!({"KeyId": id, "ReplicaRegion": "eu-central-1"})).await.unwrap();
    assert_eq!(fault(world.ask_as(&there, "CreateKey", &json!({})).await).0, "ThrottlingException");
    world.ask("UpdatePrimaryRegion", &json!({"KeyId": id, "PrimaryRegion": "eu-central-1"})).await.unwrap();
    let back = json!({"KeyId": id, "PrimaryRegion": "us-east-1"});
    assert_eq!(fault(world.ask_as(&there, "UpdatePrimaryRegion", &back).await).0, "ThrottlingException");
}

#[tokio::test]
async fn all_of_awss_rates_by_one_word() {
    let world = limited(&["aws", "CreateKey=3"]).await;
    for _ in 0..3 {
        world.ask("CreateKey", &json!({})).await.unwrap();
    }
    assert_eq!(fault(world.ask("CreateKey", &json!({})).await).0, "ThrottlingException");
    for _ in 0..5 {
        fault(world.ask("CreateAlias", &json!({"AliasName": "alias/a", "TargetKeyId": "alias/b"})).await);
        fault(world.ask("DisableKey", &json!({"KeyId": "alias/b"})).await);
    }
    assert_eq!(fault(world.ask("DisableKey", &json!({"KeyId": "alias/b"})).await).0, "ThrottlingException");
}

#[tokio::test]
async fn an_account_has_only_so_many_keys_in_a_region() {
    let settings = || Settings { keys_per_region: Some(2), ..settings() };
    let world = world_with(settings()).await;
    let (related, plain) = (json!({"MultiRegion": true}), json!({}));
    let (one, two, three, four) = tokio::join!(
        world.ask("CreateKey", &related),
        world.ask("CreateKey", &plain),
        world.ask("CreateKey", &plain),
        world.ask("CreateKey", &plain),
    );
    let results = [one, two, three, four];
    let made: Vec<String> =
        results.iter().flatten().map(|answer| text(answer, "/KeyMetadata/KeyId")).collect();
    assert_eq!(made.len(), 2);
    let refused = results.into_iter().find(Result::is_err).unwrap();
    let words = "An account can have at most 2 KMS keys in a Region.".to_owned();
    assert_eq!(fault(refused), ("LimitExceededException", words.clone()));
    // A replica counts where it is.
    let there = world.call("111122223333", "us-west-2");
    world.ask_as(&there, "CreateKey", &json!({})).await.unwrap();
    let multi_region = made.iter().find(|id| id.starts_with("mrk-")).unwrap();
    let replicate = json!({"KeyId": multi_region, "ReplicaRegion": "us-west-2"});
    world.ask("ReplicateKey", &replicate).await.unwrap();
    assert_eq!(fault(world.ask_as(&there, "CreateKey", &json!({})).await), ("LimitExceededException", words));
    // A refused change gives its place back, a key waiting for its end keeps it, a destroyed one does not.
    let other = made.iter().find(|id| !id.starts_with("mrk-")).unwrap();
    world.ask("ScheduleKeyDeletion", &json!({"KeyId": other, "PendingWindowInDays": 7})).await.unwrap();
    assert_eq!(fault(world.ask("CreateKey", &json!({})).await).0, "LimitExceededException");
    world.clock.set(BEGINNING.plus_days(7));
    world.env.destroy_due_keys().await.unwrap();
    world.ask("CreateKey", &json!({})).await.unwrap();
    assert_eq!(fault(world.ask("CreateKey", &json!({})).await).0, "LimitExceededException");
    // The next run counts anew.
    let again = World::with(world.store.clone(), 2, settings()).await;
    assert_eq!(fault(again.ask("CreateKey", &json!({})).await).0, "LimitExceededException");
    let third = again.call("111122223333", "eu-central-1");
    again.ask_as(&third, "CreateKey", &json!({})).await.unwrap();
}

#[tokio::test]
async fn structural_limits_hold_at_their_boundary() {
    let world =
        world_with(Settings { aliases_per_key: 2, tags_per_key: 2, on_demand_rotations: 1, ..settings() })
            .await;
    let (key, other) = (symmetric(&world).await, symmetric(&world).await);
    let alias = |n: u32, key: &str| json!({"AliasName": format!("alias/{n}"), "TargetKeyId": key});
    for n in 0..2 {
        world.ask("CreateAlias", &alias(n, &key)).await.unwrap();
    }
    let full = ("LimitExceededException", "A KMS key can have at most 2 aliases.".to_owned());
    assert_eq!(fault(world.ask("CreateAlias", &alias(2, &key)).await), full);
    world.ask("CreateAlias", &alias(2, &other)).await.unwrap();
    assert_eq!(fault(world.ask("UpdateAlias", &alias(2, &key)).await), full);
    world.ask("UpdateAlias", &alias(1, &key)).await.expect("it is there already");
    let tag = |n: u32| json!({"KeyId": key, "Tags": [{"TagKey": n.to_string(), "TagValue": ""}]});
    for n in [0, 1, 1] {
        world.ask("TagResource", &tag(n)).await.unwrap();
    }
    assert_eq!(fault(world.ask("TagResource", &tag(2)).await), ("TagException", "Too many tags".to_owned()));
    world.ask("RotateKeyOnDemand", &json!({"KeyId": key})).await.unwrap();
    let words = format!(
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be \
         performed for this key: {key}"
    );
    let refused = fault(world.ask("RotateKeyOnDemand", &json!({"KeyId": key})).await);
    assert_eq!(refused, ("LimitExceededException", words));
}

#[tokio::test]
async fn a_custom_key_store_has_a_rate_of_its_own() {
    use super::key_stores::{change, cluster_request, create, proxy_request, with};
    let world = limited(&["crypto/custom-key-store=2", "crypto/symmetric=1"]).await;
    let mut made = Vec::new();
    for (store, request) in [
        (cluster_request("one"), json!({"Origin": "AWS_CLOUDHSM"})),
        (proxy_request("two", "/kms/xks/v1"), json!({"Origin": "EXTERNAL_KEY_STORE", "XksKeyId": "key-1"})),
    ] {
        let store = create(&world, &store).await;
        change(&world, "ConnectCustomKeyStore", &store).await;
        made.push((key(&world, with(&request, json!({"CustomKeyStoreId": store}))).await, store));
    }
    let [(one, store), (two, _)]: [(String, String); 2] = made.try_into().unwrap();
    encrypt(&world, &one, json!({})).await;
    let random = json!({"NumberOfBytes": 8, "CustomKeyStoreId": store});
    world.ask("GenerateRandom", &random).await.unwrap();
    let request = json!({"KeyId": one, "Plaintext": "AA=="});
    assert_eq!(fault(world.ask("Encrypt", &request).await).0, "ThrottlingException");
    assert_eq!(fault(world.ask("GenerateRandom", &random).await).0, "ThrottlingException");
    encrypt(&world, &two, json!({})).await;
    world.ask("GenerateRandom", &json!({"NumberOfBytes": 8})).await.expect("not of the store");
}

#[tokio::test]
async fn key_pairs_count_by_their_spec_and_signatures_by_their_key() {
    let world = limited(&["GenerateDataKeyPair/ECC_NIST_P256=2", "crypto/ecc=1"]).await;
    let wrapping = symmetric(&world).await;
    let pair = |spec: &str| json!({"KeyId": wrapping, "KeyPairSpec": spec});
    world.ask("GenerateDataKeyPair", &pair("ECC_NIST_P256")).await.unwrap();
    world.ask("GenerateDataKeyPairWithoutPlaintext", &pair("ECC_NIST_P256")).await.unwrap();
    let third = world.ask("GenerateDataKeyPair", &pair("ECC_NIST_P256")).await;
    assert_eq!(fault(third), ("ThrottlingException", TOO_FAST.to_owned()));
    world.ask("GenerateDataKeyPair", &pair("ECC_NIST_P384")).await.expect("has no limit");
    let signer = key(&world, json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"})).await;
    let sign = json!({"KeyId": signer, "Message": "AA==", "SigningAlgorithm": "ECDSA_SHA_256"});
    world.ask("Sign", &sign).await.unwrap();
    assert_eq!(fault(world.ask("Sign", &sign).await).0, "ThrottlingException");
}
