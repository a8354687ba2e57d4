use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use reseal_crypto::attestation::Roots;
use reseal_types::Timestamp;

use super::*;
use crate::{recipient::Attestation, testkit::BEGINNING};

const ROOT: &[u8] = include_bytes!("../../../crypto/vectors/attestation/root.pem");
const ENCLAVE: &[u8] = include_bytes!("../../../crypto/vectors/attestation/enclave.cose");
const INSTANCE: &[u8] = include_bytes!("../../../crypto/vectors/attestation/nitro-tpm.cose");
/// The digest in register 1 of the enclave.
const PCR1: &str = "01";

async fn believing() -> World {
    let roots = Arc::new(Roots::from_pem(ROOT).unwrap());
    let mut world = World::new().await;
    world.env.settings.attestation = Some(Attestation { roots, max_age_millis: 300_000 });
    world
}

fn recipient(document: &[u8]) -> Value {
    json!({"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": STANDARD.encode(document)})
}

/// A policy that lets the account do all, but `action` only for what the condition describes.
fn policy_asking(action: &str, name: &str, value: &str) -> String {
    let account = json!({"AWS": "arn:aws:iam::111122223333:root"});
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": account, "NotAction": action, "Resource": "*"},
        {"Effect": "Allow", "Principal": account, "Action": action, "Resource": "*",
         "Condition": {"StringEqualsIgnoreCase": {format!("kms:RecipientAttestation:{name}"): value}}},
    ]})
    .to_string()
}

#[tokio::test]
async fn the_answer_is_for_the_recipient_alone() {
    let world = believing().await;
    let key = symmetric(&world).await;
    let blob = encrypt(&world, &key, json!({})).await;
    for (name, request) in [
        ("Decrypt", json!({"CiphertextBlob": blob})),
        ("GenerateDataKey", json!({"KeyId": key, "KeySpec": "AES_256"})),
        ("GenerateRandom", json!({"NumberOfBytes": 32})),
    ] {
        let clear = world.ask(name, &request).await.unwrap();
        assert!(clear.get("Plaintext").is_some() && clear.get("CiphertextForRecipient").is_none(), "{name}");
        let mut for_enclave = request.clone();
        for_enclave["Recipient"] = recipient(ENCLAVE);
        let answer = world.ask(name, &for_enclave).await.unwrap();
        assert!(answer.get("Plaintext").is_none() && answer.get("KeyMaterialId").is_none(), "{name}");
        let sealed = STANDARD.decode(text(&answer, "/CiphertextForRecipient")).unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"), "{name}");
        let records = world.audit.records();
        let (of_clear, of_enclave) = (&records[records.len() - 2], &records[records.len() - 1]);
        assert!(of_clear.pointer("/additionalEventData/recipient").is_none(), "{name}");
        let noted = text(of_enclave, "/additionalEventData/recipient/attestationDocumentEnclaveImageDigest");
        assert_eq!(noted.len(), 96, "{name}");
        assert!(!of_enclave.to_string().contains(&STANDARD.encode(ENCLAVE)[..64]), "{name}");
    }
}

#[tokio::test]
async fn policies_ask_what_runs() {
    let cases = [
        ("PCR1", PCR1.repeat(48), ENCLAVE, true),
        ("pcr1", PCR1.repeat(48), ENCLAVE, true),
        ("PCR1", "02".repeat(48), ENCLAVE, false),
        ("NitroTPMPCR7", "07".repeat(48), INSTANCE, true),
        ("PCR7", "07".repeat(48), INSTANCE, false),
        ("NitroTPMPCR7", "07".repeat(48), ENCLAVE, false),
        ("Nonsense", String::new(), ENCLAVE, false),
    ];
    for (name, value, document, allowed) in cases {
        let world = believing().await;
        let policy = policy_asking("kms:GenerateDataKey", name, &value);
        let key = key(&world, json!({"Policy": policy})).await;
        let mut request = json!({"KeyId": key, "KeySpec": "AES_256"});
        let (code, _) = fault(world.ask("GenerateDataKey", &request).await);
        assert_eq!(code, "AccessDeniedException", "{name} without a recipient");
        request["Recipient"] = recipient(document);
        let answer = world.ask("GenerateDataKey", &request).await;
        assert_eq!(answer.is_ok(), allowed, "{name}");
    }
}

#[tokio::test]
async fn the_document_comes_before_authorization() {
    let world = believing().await;
    let nowhere = json!({"KeyId": "alias/none", "KeySpec": "AES_256", "Recipient": recipient(b"none")});
    let (code, message) = fault(world.ask("GenerateDataKey", &nowhere).await);
    assert_eq!(code, "NotFoundException", "{message}");
    let key = key(&world, json!({"Policy": policy_asking("kms:GenerateDataKey", "PCR1", "no")})).await;
    let forbidden = json!({"KeyId": key, "KeySpec": "AES_256", "Recipient": recipient(b"none")});
    let (code, message) = fault(world.ask("GenerateDataKey", &forbidden).await);
    assert_eq!(code, "ValidationException");
    assert_eq!(message, "The attestation document is not valid: it is malformed.");
    let random = |document| json!({"NumberOfBytes": 1, "Recipient": recipient(document)});
    for (millis, accepted) in [(300_000, true), (300_001, false), (-300_000, true), (-300_001, false)] {
        world.clock.set(Timestamp::from_millis(BEGINNING.millis() + millis));
        let answer = world.ask("GenerateRandom", &random(ENCLAVE)).await;
        assert_eq!(answer.is_ok(), accepted, "{millis}");
    }
    world.clock.set(BEGINNING);
    let (code, _) = fault(world.ask("GenerateRandom", &json!({"NumberOfBytes": 1, "Recipient": {}})).await);
    assert_eq!(code, "ValidationException");
}

#[tokio::test]
async fn nobody_is_believed_without_a_root() {
    let world = World::new().await;
    let request = json!({"NumberOfBytes": 1, "Recipient": recipient(ENCLAVE)});
    let (code, message) = fault(world.ask("GenerateRandom", &request).await);
    assert_eq!(code, "UnsupportedOperationException");
    assert_eq!(message, "Recipient is not supported in this Region.");
}
