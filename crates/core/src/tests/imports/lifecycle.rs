use super::*;

#[tokio::test]
async fn a_key_without_key_material_can_do_nothing() {
    let world = World::new().await;
    let key = external(&world).await;
    let described = metadata(&world, &key).await;
    assert_eq!((&described["KeyState"], &described["Enabled"]), (&json!("PendingImport"), &json!(false)));
    for absent in ["CurrentKeyMaterialId", "ExpirationModel", "ValidTo"] {
        assert!(described.get(absent).is_none(), "{absent}");
    }
    let id = json!({"KeyId": key});
    let pending = ("KMSInvalidStateException", format!("{key} is pending import."));
    let encrypt = json!({"KeyId": key, "Plaintext": "AA=="});
    for (operation, request) in [
        ("Encrypt", &encrypt),
        ("EnableKey", &id),
        ("DisableKey", &id),
        ("RotateKeyOnDemand", &id),
        ("GetPublicKey", &id),
    ] {
        assert_eq!(fault(world.ask(operation, request).await), pending, "{operation}");
    }
    let origin = format!("{key} origin is EXTERNAL which is not valid for this operation.");
    let unsupported = ("UnsupportedOperationException", origin);
    for operation in ["GetKeyRotationStatus", "EnableKeyRotation", "DisableKeyRotation"] {
        assert_eq!(fault(world.ask(operation, &id).await), unsupported, "{operation}");
    }
    let tags = json!({"KeyId": key, "Tags": [{"TagKey": "k", "TagValue": "v"}]});
    world.ask("TagResource", &tags).await.unwrap();
    assert!(listed(&world, &key).await.is_empty());
    let answer = world.ask("DeleteImportedKeyMaterial", &id).await.unwrap();
    assert_eq!(answer, json!({"KeyId": key}), "nothing to delete is no error");
    assert_eq!(materials_stored(&world).await, 0);
}

#[tokio::test]
async fn imported_key_material_encrypts_until_it_is_deleted_and_again_when_it_is_back() {
    let world = World::new().await;
    let key = external(&world).await;
    let answer = import(&world, &key, &[1; 32], json!({})).await.unwrap();
    let material = text(&answer, "/KeyMaterialId");
    assert_eq!(answer["KeyId"], json!(key));
    let described = metadata(&world, &key).await;
    assert_eq!((&described["KeyState"], &described["Enabled"]), (&json!("Enabled"), &json!(true)));
    assert_eq!(described["CurrentKeyMaterialId"], json!(material));
    assert_eq!(described["ExpirationModel"], "KEY_MATERIAL_DOES_NOT_EXPIRE");
    assert!(described.get("ValidTo").is_none());
    let status = world.ask("GetKeyRotationStatus", &json!({"KeyId": key})).await.unwrap();
    assert_eq!(status["KeyRotationEnabled"], false);
    let blob = encrypt(&world, &key, json!({})).await;

    let deleted = world.ask("DeleteImportedKeyMaterial", &json!({"KeyId": key})).await.unwrap();
    assert_eq!(deleted, json!({"KeyId": key, "KeyMaterialId": material}));
    assert_eq!(materials_stored(&world).await, 0);
    assert!(!decrypts(&world, &blob).await);
    let described = metadata(&world, &key).await;
    assert_eq!(described["KeyState"], "PendingImport");
    assert!(described.get("ExpirationModel").is_none());
    assert_eq!(described["CurrentKeyMaterialId"], json!(material), "still its own");
    let [entry] = &listed(&world, &key).await[..] else { panic!("one version") };
    let expected = json!({"KeyId": described["KeyId"], "KeyMaterialId": material, "KeyMaterialState": "CURRENT",
        "ImportState": "PENDING_IMPORT"});
    assert_eq!(*entry, expected);
    world.ask("DeleteImportedKeyMaterial", &json!({"KeyId": key})).await.unwrap();

    // Nothing but the same key material comes in its place.
    for more in
        [json!({}), json!({"ImportType": "EXISTING_KEY_MATERIAL"}), json!({"KeyMaterialId": material})]
    {
        assert_eq!(fault(import(&world, &key, &[2; 32], more).await).0, "IncorrectKeyMaterialException");
    }
    let again = json!({"KeyMaterialId": material, "KeyMaterialDescription": "from the safe"});
    assert_eq!(import(&world, &key, &[1; 32], again).await.unwrap(), answer);
    assert!(decrypts(&world, &blob).await);
    let [entry] = &listed(&world, &key).await[..] else { panic!("one version") };
    assert_eq!(
        (&entry["ImportState"], &entry["ExpirationModel"], &entry["KeyMaterialDescription"]),
        (&json!("IMPORTED"), &json!("KEY_MATERIAL_DOES_NOT_EXPIRE"), &json!("from the safe"))
    );
    // The description stays when it is not told again.
    import(&world, &key, &[1; 32], json!({})).await.unwrap();
    assert_eq!(listed(&world, &key).await[0]["KeyMaterialDescription"], "from the safe");
}

#[tokio::test]
async fn key_material_expires_at_its_very_minute_with_or_without_the_job() {
    let world = World::new().await;
    let key = external(&world).await;
    let end = BEGINNING.plus_days(30);
    let material = text(&import(&world, &key, &[1; 32], expiring(end)).await.unwrap(), "/KeyMaterialId");
    let described = metadata(&world, &key).await;
    assert_eq!(described["ExpirationModel"], "KEY_MATERIAL_EXPIRES");
    assert_eq!(described["ValidTo"], json!(end.as_epoch_seconds()));
    let blob = encrypt(&world, &key, json!({})).await;
    world.clock.set(Timestamp::from_millis(end.millis() - 1));
    assert!(decrypts(&world, &blob).await);
    assert_eq!(world.env.destroy_expired_material().await.unwrap(), 0);

    // No job has run, the key is in memory, and all the same nothing more is done with it.
    world.clock.set(end);
    let refused = fault(world.ask("Decrypt", &json!({"CiphertextBlob": blob})).await);
    assert_eq!(refused, ("KMSInvalidStateException", format!("{key} is pending import.")));
    assert_eq!(state(&world, &key).await, "PendingImport");
    assert_eq!(listed(&world, &key).await[0]["ImportState"], "PENDING_IMPORT");
    assert_eq!(materials_stored(&world).await, 1);
    // A change of the key meanwhile does not bring it back, nor does it hide it from the job.
    world.ask("UpdateKeyDescription", &json!({"KeyId": key, "Description": "d"})).await.unwrap();
    assert_eq!(state(&world, &key).await, "PendingImport");

    assert_eq!(world.env.destroy_expired_material().await.unwrap(), 1);
    assert_eq!(world.env.destroy_expired_material().await.unwrap(), 0);
    assert_eq!(materials_stored(&world).await, 0);
    assert!(world.store.scan(b"due/", None, 10).await.unwrap().records.is_empty());
    let [event] = &events(&world, "DeleteExpiredKeyMaterial")[..] else { panic!("one event") };
    assert_eq!(event["eventType"], "AwsServiceEvent");
    assert_eq!(event["serviceEventDetails"], json!({"keyId": key, "keyMaterialId": material}));

    import(&world, &key, &[1; 32], json!({})).await.unwrap();
    assert!(decrypts(&world, &blob).await);
}

#[tokio::test]
async fn importing_again_is_how_the_end_moves() {
    let world = World::new().await;
    let key = external(&world).await;
    let end = BEGINNING.plus_days(10);
    import(&world, &key, &[1; 32], expiring(end)).await.unwrap();
    let blob = encrypt(&world, &key, json!({})).await;
    import(&world, &key, &[1; 32], expiring(BEGINNING.plus_days(20))).await.unwrap();
    world.clock.set(end);
    assert_eq!(world.env.destroy_expired_material().await.unwrap(), 0);
    assert!(decrypts(&world, &blob).await);
    // Expired, not destroyed yet, and back.
    world.clock.set(BEGINNING.plus_days(20));
    assert!(!decrypts(&world, &blob).await);
    import(&world, &key, &[1; 32], json!({})).await.unwrap();
    assert_eq!(world.env.destroy_expired_material().await.unwrap(), 0);
    world.clock.set(BEGINNING.plus_days(2_000));
    assert_eq!(world.env.destroy_expired_material().await.unwrap(), 0);
    assert!(decrypts(&world, &blob).await);
}

const YEAR: i64 = 365 * 86_400_000;

#[tokio::test]
async fn the_rules_of_the_end() {
    let world = World::new().await;
    let key = external(&world).await;
    let end = |millis: i64| Timestamp::from_millis(BEGINNING.millis() + millis).as_epoch_seconds();
    let must = "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES";
    let must_not = "A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE";
    let (future, year) =
        ("The validTo date must be in the future", "The validTo date must be at most 365 days from now");
    let cases = [
        (json!({"ExpirationModel": null}), must),
        (json!({"ExpirationModel": "KEY_MATERIAL_EXPIRES"}), must),
        (json!({"ValidTo": end(1)}), must_not),
        (json!({"ExpirationModel": null, "ValidTo": end(0)}), future),
        (json!({"ExpirationModel": null, "ValidTo": 0}), future),
        (json!({"ExpirationModel": null, "ValidTo": -1e300}), future),
        (json!({"ExpirationModel": null, "ValidTo": end(YEAR + 1)}), year),
        (json!({"ExpirationModel": null, "ValidTo": 1e300}), year),
        (json!({"ExpirationModel": null, "ValidTo": i64::MAX}), year),
    ];
    for (more, expected) in cases {
        let refused = fault(import(&world, &key, &[1; 32], more.clone()).await);
        assert_eq!(refused, ("ValidationException", expected.to_owned()), "{more}");
    }
    let wrong = fault(import(&world, &key, &[1; 32], json!({"ValidTo": "tomorrow"})).await);
    assert_eq!(wrong.0, "SerializationException");
    for millis in [1, 1_500, YEAR] {
        let more = json!({"ExpirationModel": null, "ValidTo": end(millis)});
        import(&world, &key, &[1; 32], more).await.unwrap();
        assert_eq!(metadata(&world, &key).await["ValidTo"], json!(end(millis)));
    }
}

#[tokio::test]
async fn a_disabled_key_stays_so_unless_it_was_pending_import() {
    let world = World::new().await;
    let key = external(&world).await;
    let id = json!({"KeyId": key});
    import(&world, &key, &[1; 32], json!({})).await.unwrap();
    world.ask("DisableKey", &id).await.unwrap();
    import(&world, &key, &[1; 32], json!({})).await.unwrap();
    assert_eq!(state(&world, &key).await, "Disabled");
    world.ask("DeleteImportedKeyMaterial", &id).await.unwrap();
    assert_eq!(state(&world, &key).await, "PendingImport");
    import(&world, &key, &[1; 32], json!({})).await.unwrap();
    assert_eq!(state(&world, &key).await, "Enabled");
}

#[tokio::test]
async fn what_expires_while_the_key_waits_for_its_deletion_is_destroyed_as_usual() {
    let world = World::new().await;
    let key = external(&world).await;
    let id = json!({"KeyId": key});
    import(&world, &key, &[1; 32], expiring(BEGINNING.plus_days(5))).await.unwrap();
    let blob = encrypt(&world, &key, json!({})).await;
    world.ask("ScheduleKeyDeletion", &id).await.unwrap();
    for operation in ["GetParametersForImport", "ImportKeyMaterial"] {
        let request = json!({"KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048",
            "ImportToken": "AA==", "EncryptedKeyMaterial": "AA==", "ValidTo": 1e10});
        let refused = fault(world.ask(operation, &request).await);
        assert_eq!(
            refused,
            ("KMSInvalidStateException", format!("{key} is pending deletion.")),
            "{operation}"
        );
    }
    world.clock.set(BEGINNING.plus_days(5));
    assert_eq!(world.env.destroy_expired_material().await.unwrap(), 1);
    assert_eq!(state(&world, &key).await, "PendingDeletion");
    world.ask("CancelKeyDeletion", &id).await.unwrap();
    assert_eq!(state(&world, &key).await, "PendingImport");
    import(&world, &key, &[1; 32], expiring(BEGINNING.plus_days(200))).await.unwrap();
    assert!(decrypts(&world, &blob).await);

    // Key material can be deleted while the key waits; and nothing is left when its time has come.
    world.ask("ScheduleKeyDeletion", &id).await.unwrap();
    world.ask("DeleteImportedKeyMaterial", &id).await.unwrap();
    assert_eq!(state(&world, &key).await, "PendingDeletion");
    world.ask("CancelKeyDeletion", &id).await.unwrap();
    import(&world, &key, &[1; 32], expiring(BEGINNING.plus_days(200))).await.unwrap();
    world.ask("ScheduleKeyDeletion", &id).await.unwrap();
    world.clock.set(BEGINNING.plus_days(35));
    assert_eq!(world.env.destroy_due_keys().await.unwrap(), 1);
    for kind in ["key/", "material/", "account-key/", "due/"] {
        let left = world.store.scan(kind.as_bytes(), None, 10).await.unwrap();
        assert!(left.records.is_empty(), "{kind} left behind");
    }
}

#[tokio::test]
async fn keys_of_the_service_take_no_key_material() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let request = json!({"KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048",
        "ImportToken": "AA==", "EncryptedKeyMaterial": "AA==", "ValidTo": 1e10});
    let text = format!("{key} origin is AWS_KMS which is not valid for this operation.");
    for state in ["Enabled", "Disabled", "PendingDeletion"] {
        match state {
            "Disabled" => drop(world.ask("DisableKey", &json!({"KeyId": key})).await.unwrap()),
            "PendingDeletion" => {
                drop(world.ask("ScheduleKeyDeletion", &json!({"KeyId": key})).await.unwrap());
            }
            _ => {}
        }
        for operation in ["GetParametersForImport", "ImportKeyMaterial", "DeleteImportedKeyMaterial"] {
            let refused = fault(world.ask(operation, &request).await);
            assert_eq!(refused, ("UnsupportedOperationException", text.clone()), "{operation} {state}");
        }
    }
}

#[tokio::test]
async fn an_expiry_outlives_a_restart() {
    let world = World::new().await;
    let key = external(&world).await;
    import(&world, &key, &[1; 32], expiring(BEGINNING.plus_days(3))).await.unwrap();
    let again = World::over(world.store.clone(), 2).await;
    again.clock.set(BEGINNING.plus_days(3));
    assert_eq!(state(&again, &key).await, "PendingImport");
    again.audit.set_broken(true);
    assert_eq!(
        again.env.destroy_expired_material().await.unwrap(),
        0,
        "nothing goes that could not be recorded"
    );
    again.audit.set_broken(false);
    assert_eq!(again.env.destroy_expired_material().await.unwrap(), 1);
    assert_eq!(materials_stored(&again).await, 0);
}
