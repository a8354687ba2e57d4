use reseal_crypto::{agreement::AgreementKey, asymmetric::GeneratedKeyPair};

use super::*;

async fn external_of(world: &World, spec: &str, usage: &str) -> String {
    key(world, json!({"Origin": "EXTERNAL", "KeySpec": spec, "KeyUsage": usage})).await
}

/// Key material too long for one RSA operation, by way of SM2.
async fn import_sm2(world: &World, key: &str, bytes: &[u8], more: Value) -> Result<Value, Error> {
    let request = json!({"KeyId": key, "WrappingAlgorithm": "SM2PKE", "WrappingKeySpec": "SM2"});
    let answer = world.ask("GetParametersForImport", &request).await?;
    let token = STANDARD.decode(text(&answer, "/ImportToken")).unwrap();
    let token = ImportToken::open(&world.env, &record_in(world, "us-east-1", key).await, &token).unwrap();
    let pair = KeyPair::load(KeySpec::Sm2, &token.private_key).unwrap();
    let wrapped = STANDARD.encode(pair.encrypt(EncryptionAlgorithm::Sm2pke, bytes).unwrap());
    let mut request = json!({"KeyId": key, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        "ImportToken": answer["ImportToken"], "EncryptedKeyMaterial": wrapped});
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    world.ask("ImportKeyMaterial", &request).await
}

fn bytes(secret: &SecretBytes) -> Vec<u8> {
    secret.reveal(Reveal::ToCipher).to_vec()
}

#[tokio::test]
async fn a_key_pair_is_the_same_for_life() {
    let world = World::new().await;
    let key = external_of(&world, "SM2", "ENCRYPT_DECRYPT").await;
    let GeneratedKeyPair { pkcs8, spki } = KeyPair::generate(KeySpec::Sm2).unwrap();
    let other = KeyPair::generate(KeySpec::Sm2).unwrap().pkcs8;
    let answer = import_sm2(&world, &key, &bytes(&pkcs8), expiring(BEGINNING.plus_days(2))).await.unwrap();
    assert_eq!(answer, json!({"KeyId": key}), "no id of key material");
    let public = world.ask("GetPublicKey", &json!({"KeyId": key})).await.unwrap();
    assert_eq!(text(&public, "/PublicKey"), STANDARD.encode(&spki));
    let described = metadata(&world, &key).await;
    assert_eq!(
        (&described["KeyState"], &described["ExpirationModel"]),
        (&json!("Enabled"), &json!("KEY_MATERIAL_EXPIRES"))
    );
    assert!(described.get("CurrentKeyMaterialId").is_none() && listed(&world, &key).await.is_empty());
    let outside = KeyPair::load(KeySpec::Sm2, &pkcs8).unwrap();
    let blob = STANDARD.encode(outside.encrypt(EncryptionAlgorithm::Sm2pke, b"secret").unwrap());
    let request = json!({"KeyId": key, "CiphertextBlob": blob, "EncryptionAlgorithm": "SM2PKE"});
    assert_eq!(text(&world.ask("Decrypt", &request).await.unwrap(), "/Plaintext"), "c2VjcmV0");

    world.clock.set(BEGINNING.plus_days(2));
    assert_eq!(fault(world.ask("Decrypt", &request).await).0, "KMSInvalidStateException");
    assert_eq!(world.ask("GetPublicKey", &json!({"KeyId": key})).await.unwrap(), public, "known for life");
    assert_eq!(world.env.destroy_expired_material().await.unwrap(), 1);
    let event = events(&world, "DeleteExpiredKeyMaterial").pop().unwrap();
    assert_eq!(event["serviceEventDetails"], json!({"keyId": key}));
    let refused = fault(import_sm2(&world, &key, &bytes(&other), json!({})).await);
    assert_eq!(refused.0, "IncorrectKeyMaterialException");
    import_sm2(&world, &key, &bytes(&pkcs8), json!({})).await.unwrap();
    assert_eq!(text(&world.ask("Decrypt", &request).await.unwrap(), "/Plaintext"), "c2VjcmV0");
    assert_eq!(
        fault(import_sm2(&world, &key, &bytes(&other), json!({})).await).0,
        "IncorrectKeyMaterialException"
    );
    assert_eq!(
        fault(world.ask("RotateKeyOnDemand", &json!({"KeyId": key})).await),
        ("UnsupportedOperationException", String::new())
    );
    let deleted = world.ask("DeleteImportedKeyMaterial", &json!({"KeyId": key})).await.unwrap();
    assert_eq!(deleted, json!({"KeyId": key}));
    assert_eq!(materials_stored(&world).await, 0);
}

#[tokio::test]
async fn a_private_key_must_be_of_the_keys_spec() {
    let world = World::new().await;
    let sm2 = KeyPair::generate(KeySpec::Sm2).unwrap().pkcs8;
    let p256 = AgreementKey::generate(KeySpec::EccNistP256).unwrap().0;
    let p384 = AgreementKey::generate(KeySpec::EccNistP384).unwrap().0;
    let materials = [("SM2", &sm2), ("ECC_NIST_P256", &p256), ("ECC_NIST_P384", &p384)];
    for (spec, _) in materials {
        let key = external_of(&world, spec, "KEY_AGREEMENT").await;
        for (of, material) in materials.iter().filter(|(of, _)| *of != spec) {
            let refused = fault(import_sm2(&world, &key, &bytes(material), json!({})).await);
            assert_eq!(refused.0, "IncorrectKeyMaterialException", "{of} into {spec}");
        }
        let (_, material) = materials.iter().find(|(of, _)| *of == spec).unwrap();
        let material = bytes(material);
        for wrong in [&material[1..], &material[..material.len() - 1], &[&material[..], &[0]].concat()] {
            let refused = fault(import_sm2(&world, &key, wrong, json!({})).await);
            assert_eq!(refused.0, "IncorrectKeyMaterialException", "{spec} cut or with more behind it");
        }
        import_sm2(&world, &key, &material, json!({})).await.unwrap();
        assert_eq!(state(&world, &key).await, "Enabled");
    }
}

/// The same private key with an indefinite length, and with a length that takes more bytes than it needs.
#[tokio::test]
async fn a_private_key_in_ber_is_refused() {
    let world = World::new().await;
    let key = external_of(&world, "ECC_NIST_P256", "KEY_AGREEMENT").await;
    let der = bytes(&AgreementKey::generate(KeySpec::EccNistP256).unwrap().0);
    let [0x30, 0x81, length, content @ ..] = der.as_slice() else { panic!("{:?}", &der[..3]) };
    assert_eq!(content.len(), usize::from(*length));
    for ber in [[&[0x30, 0x80], content, &[0, 0]].concat(), [&[0x30, 0x82, 0, *length], content].concat()] {
        let refused = fault(import_sm2(&world, &key, &ber, json!({})).await);
        assert_eq!(refused.0, "IncorrectKeyMaterialException");
    }
    import_sm2(&world, &key, &der, json!({})).await.unwrap();
}

#[tokio::test]
async fn hmac_keys_have_lengths_of_their_own() {
    let world = World::new().await;
    for (spec, algorithm, least) in
        [("HMAC_224", "HMAC_SHA_224", 28), ("HMAC_384", "HMAC_SHA_384", 48), ("HMAC_512", "HMAC_SHA_512", 64)]
    {
        for (length, fits) in [(least - 1, false), (least, true), (128, true), (129, false)] {
            let key = external_of(&world, spec, "GENERATE_VERIFY_MAC").await;
            let imported = import(&world, &key, &vec![7; length], json!({})).await;
            if !fits {
                assert_eq!(fault(imported).0, "IncorrectKeyMaterialException", "{spec} {length}");
                continue;
            }
            assert_eq!(imported.unwrap(), json!({"KeyId": key}));
            let request = json!({"KeyId": key, "Message": "AA==", "MacAlgorithm": algorithm});
            world.ask("GenerateMac", &request).await.unwrap();
            // Zeros behind it make it the same key of HMAC, but not the same key material.
            let longer = [vec![7; length], vec![0]].concat();
            assert_eq!(
                fault(import(&world, &key, &longer, json!({})).await).0,
                "IncorrectKeyMaterialException"
            );
        }
    }
}

#[tokio::test]
async fn key_specs_that_take_no_import() {
    let world = World::new().await;
    for (spec, usage) in [("ML_KEM_768", "ENCAPSULATE_DECAPSULATE"), ("ML_DSA_65", "SIGN_VERIFY")] {
        let request = json!({"Origin": "EXTERNAL", "KeySpec": spec, "KeyUsage": usage});
        let refused = fault(world.ask("CreateKey", &request).await);
        assert_eq!(
            refused,
            ("ValidationException", format!("KeySpec {spec} is not supported for Origin EXTERNAL"))
        );
    }
}
