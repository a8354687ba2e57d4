use super::*;

const HERE: &str = "us-east-1";
const THERE: &str = "us-west-2";

async fn ask_there(world: &World, operation: &str, request: &Value) -> Result<Value, Error> {
    world.ask_as(&world.call("111122223333", THERE), operation, request).await
}

async fn state_there(world: &World, id: &str) -> String {
    let described = ask_there(world, "DescribeKey", &json!({"KeyId": id})).await.unwrap();
    text(&described, "/KeyMetadata/KeyState")
}

async fn states_in(world: &World, region: &str, id: &str) -> Vec<(String, String)> {
    let request = json!({"KeyId": id, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"});
    let listed =
        world.ask_as(&world.call("111122223333", region), "ListKeyRotations", &request).await.unwrap();
    let pair = |entry: &Value| (text(entry, "/KeyMaterialState"), text(entry, "/ImportState"));
    listed["Rotations"].as_array().unwrap().iter().map(pair).collect()
}

/// A primary with key material, and a replica without; gives the key id.
async fn related(world: &World) -> String {
    let primary = key(world, json!({"Origin": "EXTERNAL", "MultiRegion": true})).await;
    let replicate = json!({"KeyId": primary, "ReplicaRegion": THERE});
    let refused = fault(world.ask("ReplicateKey", &replicate).await);
    assert_eq!(refused.0, "KMSInvalidStateException", "nothing to replicate yet");
    import(world, &primary, &[1; 32], json!({"KeyMaterialDescription": "one"})).await.unwrap();
    let made = world.ask("ReplicateKey", &replicate).await.unwrap();
    assert_eq!(text(&made, "/ReplicaKeyMetadata/KeyState"), "PendingImport");
    primary.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_replica_takes_the_key_material_of_its_primary_and_no_other() {
    let world = World::new().await;
    let id = related(&world).await;
    assert_eq!(state_there(&world, &id).await, "PendingImport");
    let other = fault(import_in(&world, THERE, &id, &[2; 32], json!({})).await);
    assert_eq!(other.0, "IncorrectKeyMaterialException");
    let new = json!({"ImportType": "NEW_KEY_MATERIAL"});
    assert_eq!(
        fault(import_in(&world, THERE, &id, &[1; 32], new.clone()).await).0,
        "IncorrectKeyMaterialException"
    );
    assert_eq!(fault(import_in(&world, THERE, &id, &[2; 32], new).await).0, "UnsupportedOperationException");
    let described = json!({"KeyMaterialDescription": "two"});
    assert_eq!(
        fault(import_in(&world, THERE, &id, &[1; 32], described).await).0,
        "UnsupportedOperationException"
    );
    let end = BEGINNING.plus_days(3);
    import_in(&world, THERE, &id, &[1; 32], expiring(end)).await.unwrap();
    assert_eq!(state_there(&world, &id).await, "Enabled");
    let blob = ask_there(&world, "Encrypt", &json!({"KeyId": id, "Plaintext": "c2VjcmV0"})).await.unwrap();
    assert!(decrypts(&world, &text(&blob, "/CiphertextBlob")).await, "one key material, one ciphertext");
    // When it expires is each Region's own affair.
    assert!(metadata(&world, &id).await.get("ValidTo").is_none());
    world.clock.set(end);
    assert_eq!(
        (state_there(&world, &id).await, state(&world, &id).await),
        ("PendingImport".to_owned(), "Enabled".to_owned())
    );
    assert_eq!(world.env.destroy_expired_material().await.unwrap(), 1);
    assert!(decrypts(&world, &text(&blob, "/CiphertextBlob")).await);
    world.ask("DeleteImportedKeyMaterial", &json!({"KeyId": id})).await.unwrap();
    import_in(&world, THERE, &id, &[1; 32], json!({})).await.unwrap();
    assert_eq!(
        (state_there(&world, &id).await, state(&world, &id).await),
        ("Enabled".to_owned(), "PendingImport".to_owned())
    );
}

#[tokio::test]
async fn new_key_material_rotates_once_every_region_has_it() {
    let world = World::new().await;
    let id = related(&world).await;
    import_in(&world, THERE, &id, &[1; 32], json!({})).await.unwrap();
    let request = json!({"KeyId": id});
    let new = json!({"ImportType": "NEW_KEY_MATERIAL"});
    import(&world, &id, &[2; 32], new.clone()).await.unwrap();
    let (waiting, imported, missing) =
        ("PENDING_MULTI_REGION_IMPORT_AND_ROTATION", "IMPORTED", "PENDING_IMPORT");
    let pairs = |pairs: [(&str, &str); 2]| {
        pairs.map(|(state, import)| (state.to_owned(), import.to_owned())).to_vec()
    };
    assert_eq!(states_in(&world, HERE, &id).await, pairs([(waiting, imported), ("CURRENT", imported)]));
    assert_eq!(states_in(&world, THERE, &id).await, pairs([(waiting, missing), ("CURRENT", imported)]));
    assert_eq!(state_there(&world, &id).await, "Enabled");
    assert_eq!(fault(world.ask("RotateKeyOnDemand", &request).await).0, "KMSInvalidStateException");
    import_in(&world, THERE, &id, &[2; 32], json!({"ImportType": "EXISTING_KEY_MATERIAL"})).await.unwrap();
    for region in [HERE, THERE] {
        let expected = pairs([("PENDING_ROTATION", imported), ("CURRENT", imported)]);
        assert_eq!(states_in(&world, region, &id).await, expected);
    }
    // Deleting it there takes it from there only; deleting it here takes it from everywhere.
    let second = text(&listed(&world, &id).await[0], "/KeyMaterialId");
    let delete = json!({"KeyId": id, "KeyMaterialId": second});
    ask_there(&world, "DeleteImportedKeyMaterial", &delete).await.unwrap();
    assert_eq!(states_in(&world, THERE, &id).await[0], (waiting.to_owned(), missing.to_owned()));
    import_in(&world, THERE, &id, &[2; 32], json!({})).await.unwrap();
    world.ask("DeleteImportedKeyMaterial", &delete).await.unwrap();
    for region in [HERE, THERE] {
        assert_eq!(states_in(&world, region, &id).await, [("CURRENT".to_owned(), imported.to_owned())]);
    }
    assert_eq!(materials_stored(&world).await, 2);

    import(&world, &id, &[2; 32], new).await.unwrap();
    import_in(&world, THERE, &id, &[2; 32], json!({})).await.unwrap();
    let refused = fault(ask_there(&world, "RotateKeyOnDemand", &request).await);
    assert_eq!(refused.0, "UnsupportedOperationException");
    world.ask("RotateKeyOnDemand", &request).await.unwrap();
    for region in [HERE, THERE] {
        let expected = pairs([("CURRENT", imported), ("NON_CURRENT", imported)]);
        assert_eq!(states_in(&world, region, &id).await, expected);
    }
    let blob = ask_there(&world, "Encrypt", &json!({"KeyId": id, "Plaintext": "c2VjcmV0"})).await.unwrap();
    let opened = world.ask("Decrypt", &json!({"CiphertextBlob": blob["CiphertextBlob"]})).await.unwrap();
    assert_eq!(opened["KeyMaterialId"], json!(second));
    // A replica made now misses both.
    let replicate = json!({"KeyId": id, "ReplicaRegion": "eu-central-1"});
    world.ask("ReplicateKey", &replicate).await.unwrap();
    for bytes in [1, 2] {
        let third = world.call("111122223333", "eu-central-1");
        let described = world.ask_as(&third, "DescribeKey", &request).await.unwrap();
        assert_eq!(text(&described, "/KeyMetadata/KeyState"), "PendingImport");
        import_in(&world, "eu-central-1", &id, &[bytes; 32], json!({})).await.unwrap();
    }
    let third = world.call("111122223333", "eu-central-1");
    let opened =
        world.ask_as(&third, "Decrypt", &json!({"CiphertextBlob": blob["CiphertextBlob"]})).await.unwrap();
    assert_eq!(opened["Plaintext"], "c2VjcmV0");
}

#[tokio::test]
async fn a_description_is_set_at_the_primary_for_all() {
    let world = World::new().await;
    let id = related(&world).await;
    import_in(&world, THERE, &id, &[1; 32], json!({"KeyMaterialDescription": "one"})).await.unwrap();
    import(&world, &id, &[1; 32], json!({"KeyMaterialDescription": "uno"})).await.unwrap();
    let all = json!({"KeyId": id, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"});
    let there = ask_there(&world, "ListKeyRotations", &all).await.unwrap();
    assert_eq!(text(&there, "/Rotations/0/KeyMaterialDescription"), "uno");
    assert_eq!(state_there(&world, &id).await, "Enabled");
}
