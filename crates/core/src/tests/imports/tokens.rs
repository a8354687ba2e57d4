use super::*;

#[tokio::test]
async fn the_public_key_that_is_given_out_fits_the_token() {
    let world = World::new().await;
    let key = external(&world).await;
    let request =
        json!({"KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_1", "WrappingKeySpec": "RSA_3072"});
    let answer = world.ask("GetParametersForImport", &request).await.unwrap();
    assert_eq!(answer["KeyId"], json!(key));
    assert_eq!(answer["ParametersValidTo"], json!(BEGINNING.plus_days(1).as_epoch_seconds()));
    let token = STANDARD.decode(text(&answer, "/ImportToken")).unwrap();
    let opened = ImportToken::open(&world.env, &record_in(&world, "us-east-1", &key).await, &token).unwrap();
    assert_eq!((opened.algorithm, opened.spec), (WrappingAlgorithm::RsaesOaepSha1, WrappingKeySpec::Rsa3072));
    let pair = KeyPair::load(KeySpec::Rsa3072, &opened.private_key).unwrap();
    assert_eq!(STANDARD.encode(pair.public_key_der()), text(&answer, "/PublicKey"));
    let wrapped = pair.encrypt(EncryptionAlgorithm::RsaesOaepSha1, &[5; 32]).unwrap();
    let import = json!({"KeyId": key, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        "ImportToken": answer["ImportToken"], "EncryptedKeyMaterial": STANDARD.encode(wrapped)});
    world.ask("ImportKeyMaterial", &import).await.unwrap();
    // Good for another time, as long as it is good at all.
    world.ask("ImportKeyMaterial", &import).await.unwrap();
    let record = events(&world, "ImportKeyMaterial").pop().unwrap();
    let expected = json!({"keyId": key, "expirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"});
    assert_eq!((&record["requestParameters"], &record["readOnly"]), (&expected, &json!(false)));
    let record = events(&world, "GetParametersForImport").pop().unwrap();
    let expected =
        json!({"keyId": key, "wrappingAlgorithm": "RSAES_OAEP_SHA_1", "wrappingKeySpec": "RSA_3072"});
    assert_eq!((&record["requestParameters"], &record["readOnly"]), (&expected, &json!(true)));
}

#[tokio::test]
async fn wrappings_that_do_not_fit_the_key() {
    let world = World::new().await;
    let keys = [
        external(&world).await,
        key(&world, json!({"Origin": "EXTERNAL", "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}))
            .await,
        key(&world, json!({"Origin": "EXTERNAL", "KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}))
            .await,
        key(&world, json!({"Origin": "EXTERNAL", "KeySpec": "ECC_NIST_P521", "KeyUsage": "KEY_AGREEMENT"}))
            .await,
    ];
    let cases = [
        (0, "RSAES_PKCS1_V1_5", "RSA_2048"),
        (0, "RSA_AES_KEY_WRAP_SHA_256", "RSA_2048"),
        (0, "SM2PKE", "SM2"),
        (0, "RSAES_OAEP_SHA_256", "SM2"),
        (1, "RSA_AES_KEY_WRAP_SHA_1", "RSA_4096"),
        (2, "RSAES_OAEP_SHA_256", "RSA_4096"),
        (2, "SM2PKE", "RSA_4096"),
        (3, "RSAES_OAEP_SHA_1", "RSA_2048"),
    ];
    for (key, algorithm, spec) in cases {
        let request = json!({"KeyId": keys[key], "WrappingAlgorithm": algorithm, "WrappingKeySpec": spec});
        let refused = fault(world.ask("GetParametersForImport", &request).await);
        assert_eq!(refused.0, "UnsupportedOperationException", "{algorithm} {spec}: {}", refused.1);
    }
}

#[tokio::test]
async fn tokens_are_for_one_key_and_one_day() {
    let world = World::new().await;
    let (key, other) = (external(&world).await, external(&world).await);
    let token = token_in(&world, "us-east-1", &key).await;
    let request = |key: &str, token: &str, wrapped: &str| {
        json!({"KeyId": key, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE", "ImportToken": token,
            "EncryptedKeyMaterial": wrapped})
    };
    let good = wrap(&[1; 32]);
    let invalid = ("InvalidImportTokenException", Error::InvalidImportToken.message().unwrap());
    let mut bytes = STANDARD.decode(&token).unwrap();
    for at in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        bytes[at] ^= 1;
        let refused =
            fault(world.ask("ImportKeyMaterial", &request(&key, &STANDARD.encode(&bytes), &good)).await);
        assert_eq!(refused, invalid, "byte {at}");
        bytes[at] ^= 1;
    }
    for token in ["AA==", &STANDARD.encode(&bytes[1..]), &STANDARD.encode([0; 6_144])] {
        assert_eq!(fault(world.ask("ImportKeyMaterial", &request(&key, token, &good)).await), invalid);
    }
    assert_eq!(fault(world.ask("ImportKeyMaterial", &request(&other, &token, &good)).await), invalid);
    world.clock.set(Timestamp::from_millis(BEGINNING.plus_days(1).millis() - 1));
    world.ask("ImportKeyMaterial", &request(&key, &token, &good)).await.unwrap();
    world.clock.set(BEGINNING.plus_days(1));
    let expired = fault(world.ask("ImportKeyMaterial", &request(&key, &token, &good)).await);
    assert_eq!(expired.0, "ExpiredImportTokenException");
    assert_eq!(materials_stored(&world).await, 1);
}

#[tokio::test]
async fn what_does_not_open_and_what_does_not_fit() {
    let world = World::new().await;
    let key = external(&world).await;
    let token = token_in(&world, "us-east-1", &key).await;
    let mut damaged = STANDARD.decode(wrap(&[1; 32])).unwrap();
    damaged[100] ^= 1;
    for wrapped in [STANDARD.encode(damaged), STANDARD.encode([1; 256]), "AA==".to_owned()] {
        let request = json!({"KeyId": key, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE", "ImportToken": token,
            "EncryptedKeyMaterial": wrapped});
        let refused = fault(world.ask("ImportKeyMaterial", &request).await);
        assert_eq!(refused, ("InvalidCiphertextException", String::new()));
    }
    let incorrect = ("IncorrectKeyMaterialException", Error::IncorrectKeyMaterial.message().unwrap());
    for length in [1, 16, 31, 33, 64] {
        assert_eq!(
            fault(import(&world, &key, &vec![1; length], json!({})).await),
            incorrect,
            "{length} bytes"
        );
    }
    assert_eq!(state(&world, &key).await, "PendingImport");
    assert_eq!(materials_stored(&world).await, 0);
}

#[tokio::test]
async fn parameters_of_the_model() {
    let world = World::new().await;
    let key = external(&world).await;
    let id = "0".repeat(64);
    let cases = [
        json!({"KeyMaterialId": "0".repeat(63)}),
        json!({"KeyMaterialId": "A".repeat(64)}),
        json!({"KeyMaterialDescription": "no, comma"}),
        json!({"KeyMaterialDescription": "a".repeat(257)}),
        json!({"ImportType": "OTHER"}),
        json!({"ExpirationModel": "NEVER"}),
        json!({"KeyMaterialId": id, "ImportType": "NEW_KEY_MATERIAL"}),
    ];
    for more in cases {
        assert_eq!(
            fault(import(&world, &key, &[1; 32], more.clone()).await).0,
            "ValidationException",
            "{more}"
        );
    }
    let unknown = fault(import(&world, &key, &[1; 32], json!({"KeyMaterialId": id})).await);
    assert_eq!(unknown.0, "IncorrectKeyMaterialException");
    let existing = json!({"ImportType": "EXISTING_KEY_MATERIAL"});
    assert_eq!(fault(import(&world, &key, &[1; 32], existing).await).0, "IncorrectKeyMaterialException");
    let unknown =
        fault(world.ask("DeleteImportedKeyMaterial", &json!({"KeyId": key, "KeyMaterialId": id})).await);
    assert_eq!(
        unknown,
        ("NotFoundException", format!("Key material '{id}' is not associated with key '{key}'"))
    );
    let mac = key_of(&world, "HMAC_256", "GENERATE_VERIFY_MAC").await;
    for more in [
        json!({"KeyMaterialId": id}),
        json!({"ImportType": "NEW_KEY_MATERIAL"}),
        json!({"KeyMaterialDescription": "d"}),
    ] {
        let refused = fault(import(&world, &mac, &[1; 32], more.clone()).await);
        assert_eq!(refused.0, "UnsupportedOperationException", "{more}");
    }
    let refused =
        fault(world.ask("DeleteImportedKeyMaterial", &json!({"KeyId": mac, "KeyMaterialId": id})).await);
    assert_eq!(refused.0, "UnsupportedOperationException");
}

async fn key_of(world: &World, spec: &str, usage: &str) -> String {
    key(world, json!({"Origin": "EXTERNAL", "KeySpec": spec, "KeyUsage": usage})).await
}

#[tokio::test]
async fn what_policies_can_ask_for() {
    let world = World::new().await;
    let end = BEGINNING.plus_days(10);
    let deny = |action: &str, condition: Value| json!({"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*", "Condition": condition});
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
        deny("kms:GetParametersForImport", json!({"StringNotEquals": {"kms:WrappingAlgorithm": "RSAES_OAEP_SHA_256"}})),
        deny("kms:GetParametersForImport", json!({"StringEquals": {"kms:WrappingKeySpec": "RSA_2048"}})),
        deny("kms:ImportKeyMaterial", json!({"StringEquals": {"kms:ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}})),
        deny("kms:ImportKeyMaterial", json!({"NumericGreaterThan": {"kms:ValidTo": end.seconds().to_string()}})),
    ]});
    let key = key(&world, json!({"Origin": "EXTERNAL", "Policy": policy.to_string()})).await;
    let parameters = |algorithm: &str, spec: &str| json!({"KeyId": key, "WrappingAlgorithm": algorithm, "WrappingKeySpec": spec});
    for (algorithm, spec) in [("RSAES_OAEP_SHA_1", "RSA_3072"), ("RSAES_OAEP_SHA_256", "RSA_2048")] {
        let refused = fault(world.ask("GetParametersForImport", &parameters(algorithm, spec)).await);
        assert_eq!(refused.0, "AccessDeniedException", "{algorithm} {spec}");
    }
    world.ask("GetParametersForImport", &parameters("RSAES_OAEP_SHA_256", "RSA_3072")).await.unwrap();
    for more in [json!({}), expiring(minutes(end, 1))] {
        assert_eq!(fault(import(&world, &key, &[1; 32], more).await).0, "AccessDeniedException");
    }
    import(&world, &key, &[1; 32], expiring(end)).await.unwrap();
    // Left out, the model is told to no policy, although it has a default.
    let default = json!({"ExpirationModel": null, "ValidTo": end.as_epoch_seconds()});
    import(&world, &key, &[1; 32], default).await.unwrap();
}
