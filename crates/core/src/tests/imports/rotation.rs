use super::*;

const NEW: &str = "NEW_KEY_MATERIAL";

async fn import_new(world: &World, key: &str, bytes: &[u8]) -> Result<Value, Error> {
    import(world, key, bytes, json!({"ImportType": NEW})).await
}

async fn states(world: &World, key: &str) -> Vec<String> {
    listed(world, key).await.iter().map(|entry| text(entry, "/KeyMaterialState")).collect()
}

#[tokio::test]
async fn new_key_material_waits_for_its_rotation() {
    let world = World::new().await;
    let key = external(&world).await;
    let id = json!({"KeyId": key});
    let first = text(&import_new(&world, &key, &[1; 32]).await.unwrap(), "/KeyMaterialId");
    let old = encrypt(&world, &key, json!({})).await;
    let none = (
        "KMSInvalidStateException",
        format!("No available key material pending rotation for the key: {key}."),
    );
    assert_eq!(fault(world.ask("RotateKeyOnDemand", &id).await), none);
    let again = fault(import_new(&world, &key, &[1; 32]).await);
    assert_eq!(again.0, "IncorrectKeyMaterialException", "it is not new");

    let second = text(&import_new(&world, &key, &[2; 32]).await.unwrap(), "/KeyMaterialId");
    assert_eq!(state(&world, &key).await, "Enabled");
    assert_eq!(states(&world, &key).await, ["PENDING_ROTATION", "CURRENT"]);
    assert_eq!(metadata(&world, &key).await["CurrentKeyMaterialId"], json!(first));
    let waiting = encrypt(&world, &key, json!({})).await;
    let opened = world.ask("Decrypt", &json!({"CiphertextBlob": waiting})).await.unwrap();
    assert_eq!(opened["KeyMaterialId"], json!(first));
    let [entry, _] = &listed(&world, &key).await[..] else { panic!("two versions") };
    assert_eq!((entry.get("RotationDate"), entry.get("RotationType")), (None, None));
    let rotations = world.ask("ListKeyRotations", &id).await.unwrap();
    assert_eq!(rotations["Rotations"], json!([]));

    let (code, message) = fault(import_new(&world, &key, &[3; 32]).await);
    let refused = message.strip_prefix("New key material (id: ").unwrap();
    let (third, rest) = refused.split_at(64);
    assert!(third.bytes().all(|b| b.is_ascii_hexdigit()) && third != first && third != second);
    let expected = format!(
        ") cannot be imported into KMS key {key}, because another key material (id: {second}) is pending rotation."
    );
    assert_eq!((code, rest), ("KMSInvalidStateException", &*expected));

    world.clock.set(minutes(BEGINNING, 5));
    assert_eq!(world.ask("RotateKeyOnDemand", &id).await.unwrap(), id);
    assert_eq!(states(&world, &key).await, ["CURRENT", "NON_CURRENT"]);
    let [entry, _] = &listed(&world, &key).await[..] else { panic!("two versions") };
    let at = json!(minutes(BEGINNING, 5).as_epoch_seconds());
    assert_eq!((&entry["RotationDate"], &entry["RotationType"]), (&at, &json!("ON_DEMAND")));
    let fresh = encrypt(&world, &key, json!({})).await;
    let opened = world.ask("Decrypt", &json!({"CiphertextBlob": fresh})).await.unwrap();
    assert_eq!(opened["KeyMaterialId"], json!(second));
    assert!(decrypts(&world, &old).await);
    let details = &events(&world, "RotateKey")[0]["serviceEventDetails"];
    let expected = json!({"keyId": key, "rotationType": "ON_DEMAND", "keyOrigin": "EXTERNAL",
        "previousKeyMaterialId": first, "currentKeyMaterialId": second});
    assert_eq!(*details, expected);
}

#[tokio::test]
async fn a_key_needs_all_that_was_ever_current() {
    let world = World::new().await;
    let key = external(&world).await;
    let end = BEGINNING.plus_days(20);
    let first = text(&import(&world, &key, &[1; 32], expiring(end)).await.unwrap(), "/KeyMaterialId");
    let blob = encrypt(&world, &key, json!({})).await;
    let mut more = expiring(BEGINNING.plus_days(10));
    more["ImportType"] = json!(NEW);
    let second = text(&import(&world, &key, &[2; 32], more).await.unwrap(), "/KeyMaterialId");
    assert_eq!(
        metadata(&world, &key).await["ValidTo"],
        json!(end.as_epoch_seconds()),
        "pending does not count"
    );
    world.ask("RotateKeyOnDemand", &json!({"KeyId": key})).await.unwrap();
    let described = metadata(&world, &key).await;
    assert_eq!(described["ValidTo"], json!(BEGINNING.plus_days(10).as_epoch_seconds()), "the earliest");

    let old = json!({"KeyId": key, "KeyMaterialId": first});
    world.ask("DeleteImportedKeyMaterial", &old).await.unwrap();
    assert_eq!(state(&world, &key).await, "PendingImport");
    assert!(!decrypts(&world, &blob).await);
    let imported: Vec<_> =
        listed(&world, &key).await.iter().map(|entry| text(entry, "/ImportState")).collect();
    assert_eq!(imported, ["IMPORTED", "PENDING_IMPORT"]);
    import(&world, &key, &[1; 32], json!({"KeyMaterialId": first})).await.unwrap();
    assert!(decrypts(&world, &blob).await);

    // The current one expires: the older one alone does not do.
    world.clock.set(BEGINNING.plus_days(10));
    assert_eq!(state(&world, &key).await, "PendingImport");
    assert_eq!(world.env.destroy_expired_material().await.unwrap(), 1);
    let wrong = fault(import(&world, &key, &[2; 32], json!({"KeyMaterialId": first})).await);
    assert_eq!(wrong.0, "IncorrectKeyMaterialException");
    // By default what is imported is something that the key has had.
    let back = import(&world, &key, &[2; 32], json!({})).await.unwrap();
    assert_eq!(back["KeyMaterialId"], json!(second));
    assert_eq!(state(&world, &key).await, "Enabled");
    assert!(decrypts(&world, &blob).await);
}

#[tokio::test]
async fn what_waits_is_forgotten_when_it_is_deleted_or_expires() {
    let world = World::new().await;
    let key = external(&world).await;
    import(&world, &key, &[1; 32], json!({})).await.unwrap();
    let second = text(&import_new(&world, &key, &[2; 32]).await.unwrap(), "/KeyMaterialId");
    let request = json!({"KeyId": key, "KeyMaterialId": second});
    let deleted = world.ask("DeleteImportedKeyMaterial", &request).await.unwrap();
    assert_eq!(deleted["KeyMaterialId"], json!(second));
    assert_eq!(
        (state(&world, &key).await, states(&world, &key).await),
        ("Enabled".to_owned(), vec!["CURRENT".to_owned()])
    );
    assert_eq!(materials_stored(&world).await, 1);

    let mut more = expiring(BEGINNING.plus_days(1));
    more["ImportType"] = json!(NEW);
    import(&world, &key, &[3; 32], more).await.unwrap();
    world.clock.set(BEGINNING.plus_days(1));
    let refused = fault(world.ask("RotateKeyOnDemand", &json!({"KeyId": key})).await);
    assert_eq!(refused.0, "KMSInvalidStateException", "expired, though still stored");
    assert_eq!(state(&world, &key).await, "Enabled");
    assert_eq!(world.env.destroy_expired_material().await.unwrap(), 1);
    assert_eq!(states(&world, &key).await, ["CURRENT"]);
    // What never was current can come as new again.
    import_new(&world, &key, &[2; 32]).await.unwrap();
    import(&world, &key, &[2; 32], json!({"KeyMaterialDescription": "two"})).await.unwrap();
    world.ask("RotateKeyOnDemand", &json!({"KeyId": key})).await.unwrap();
    assert_eq!(states(&world, &key).await, ["CURRENT", "NON_CURRENT"]);
}

#[tokio::test]
async fn a_key_that_is_pending_import_takes_new_key_material_but_does_not_rotate() {
    let world = World::new().await;
    let key = external(&world).await;
    let id = json!({"KeyId": key});
    import(&world, &key, &[1; 32], json!({})).await.unwrap();
    world.ask("DeleteImportedKeyMaterial", &id).await.unwrap();
    import_new(&world, &key, &[2; 32]).await.unwrap();
    assert_eq!(state(&world, &key).await, "PendingImport");
    let refused = fault(world.ask("RotateKeyOnDemand", &id).await);
    assert_eq!(refused, ("KMSInvalidStateException", format!("{key} is pending import.")));
    import(&world, &key, &[1; 32], json!({})).await.unwrap();
    world.ask("RotateKeyOnDemand", &id).await.unwrap();
}

#[tokio::test]
async fn rotations_of_imported_key_material_count_as_any() {
    let world = World::new().await;
    let key = external(&world).await;
    import(&world, &key, &[100; 32], json!({})).await.unwrap();
    let mut blobs = vec![encrypt(&world, &key, json!({})).await];
    for round in 0..25 {
        import_new(&world, &key, &[round; 32]).await.unwrap();
        world.ask("RotateKeyOnDemand", &json!({"KeyId": key})).await.unwrap();
        blobs.push(encrypt(&world, &key, json!({})).await);
    }
    import_new(&world, &key, &[200; 32]).await.unwrap();
    assert_eq!(
        fault(world.ask("RotateKeyOnDemand", &json!({"KeyId": key})).await).0,
        "LimitExceededException"
    );
    for blob in &blobs {
        assert!(decrypts(&world, blob).await);
    }
}
