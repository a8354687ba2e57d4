use super::*;
use crate::store::{Batch, RecordKey, Versioned, Write};

/// Writes `record` at `key` behind the service's back.
async fn put(world: &World, key: &RecordKey, record: Versioned) {
    let writes = vec![Write::Put { key: key.clone(), record }];
    world.store.commit(Batch { writes, ..Batch::default() }).await.unwrap();
}

async fn refused(world: &World) -> Vec<RecordKey> {
    let mut places = Vec::new();
    world.env.vault().scrub(|place| places.push(place.clone())).await.unwrap();
    places
}

#[tokio::test]
async fn an_edited_record_is_refused_by_name_and_the_rest_works() {
    let world = World::new().await;
    let (one, two) = (symmetric(&world).await, symmetric(&world).await);
    let records = world.store.scan(b"", None, 1_000).await.unwrap().records;
    let mine = one.rsplit('/').next().unwrap();
    for (place, good) in records.iter().filter(|(place, _)| place.to_string().contains(mine)) {
        let mut flipped = good.clone();
        *flipped.value.last_mut().unwrap() ^= 1;
        let newer = Versioned { version: good.version + 1, ..good.clone() };
        let truncated = Versioned { value: good.value[..good.value.len() - 1].to_vec(), ..good.clone() };
        for edited in [flipped, newer, truncated] {
            put(&world, place, edited).await;
            assert_eq!(refused(&world).await, std::slice::from_ref(place));
            let fresh = World::over(world.store.clone(), 9).await;
            encrypt(&fresh, &two, json!({})).await;
            if place.to_string().starts_with("key/") || place.to_string().starts_with("material/") {
                let request = json!({"KeyId": one, "Plaintext": "AA=="});
                assert_eq!(fault(fresh.ask("Encrypt", &request).await).0, "KMSInternalException");
            }
            put(&world, place, good.clone()).await;
        }
    }
    assert!(refused(&world).await.is_empty());
}

#[tokio::test]
async fn records_cannot_be_swapped() {
    let world = World::new().await;
    symmetric(&world).await;
    symmetric(&world).await;
    for kind in ["key/", "material/"] {
        let records = world.store.scan(kind.as_bytes(), None, 2).await.unwrap().records;
        let [(one, a), (two, b)] = records.as_slice() else { panic!("two of {kind}") };
        put(&world, one, b.clone()).await;
        put(&world, two, a.clone()).await;
        assert_eq!(refused(&world).await, [one.clone(), two.clone()]);
        put(&world, one, a.clone()).await;
        put(&world, two, b.clone()).await;
    }
}

#[tokio::test]
async fn versions_are_never_used_twice() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let place =
        RecordKey::new(format!("key/us-east-1/{}", key.rsplit('/').next().unwrap()).as_bytes()).unwrap();
    let before = world.store.get(&place).await.unwrap().unwrap().version;
    let again = World::over(world.store.clone(), 2).await;
    again.ask("DisableKey", &json!({"KeyId": key})).await.unwrap();
    let after = again.store.get(&place).await.unwrap().unwrap().version;
    assert!(after > before + 1_000, "a new start begins far above what an earlier one can have used");
}

#[tokio::test]
async fn the_store_sees_no_secret_and_no_metadata() {
    let world = World::new().await;
    let request =
        json!({"Description": "a-telling-description", "Tags": [{"TagKey": "telling", "TagValue": "x"}]});
    key(&world, request).await;
    for (_, record) in world.store.scan(b"", None, 1_000).await.unwrap().records {
        let seen = String::from_utf8_lossy(&record.value).into_owned();
        assert!(!seen.contains("telling") && !seen.contains("Enable IAM"));
    }
}
