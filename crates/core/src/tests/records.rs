//! Audit records to the letter: the order of their members is part of what readers of the log see.

use serde_json::json;

use super::{
    encrypt, key,
    principals::{call, commit, identity, role_session, user},
    symmetric,
};
use crate::{call::TlsDetails, directory::IdentityKind, identity::SessionRequest, testkit::World};

const ANYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}"#;

/// With every random id masked: runs of hex digits and dashes as long as a UUID or the id of key material.
fn masked(record: &str) -> String {
    let of_id = |c: char| matches!(c, '0'..='9' | 'a'..='f' | '-');
    let pieces = record.split_inclusive(|c| !of_id(c)).map(|piece| {
        let rest = piece.trim_start_matches(of_id);
        let mask = match piece.len() - rest.len() {
            36 => "UUID",
            64 => "MATERIAL",
            length => return piece[..length].to_owned() + rest,
        };
        mask.to_owned() + rest
    });
    pieces.collect()
}

#[tokio::test]
async fn are_the_same_to_the_letter() {
    let world = World::new().await;
    let own = symmetric(&world).await;
    let open = json!({"Version": "2012-10-17", "Statement": {"Sid": "To \"all\"", "Effect": "Allow",
        "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}});
    let policy = json!({"Policy": open.to_string(), "BypassPolicyLockoutSafetyCheck": true, "Tags": [{"TagKey": "a", "TagValue": "ü\n"}]});
    let stranger = world.call("444455556666", "us-east-1");
    let theirs = world.ask_as(&stranger, "CreateKey", &policy).await.unwrap()["KeyMetadata"]["Arn"].clone();
    let elsewhere = key(&world, json!({"MultiRegion": true})).await;
    world.ask("ReplicateKey", &json!({"KeyId": elsewhere, "ReplicaRegion": "us-west-2"})).await.unwrap();
    let context = json!({"dept": "it", "a \"name\"": "back\\slash and some more text"});
    let blob = encrypt(&world, &own, context.clone()).await;
    let mut alice = call(&world, &user(&world, "Alice", "AIDAALICE", &[ANYTHING]).await, None).await.unwrap();
    alice.user_agent = "Boto3/1.44.5 md/\"quoted\" \t".to_owned();
    alice.source_ip = "2001:db8::7".parse().unwrap();
    alice.tls = Some(TlsDetails {
        version: "TLSv1.3",
        cipher_suite: "TLS_AES_256_GCM_SHA384".to_owned(),
        host: "kms.us-east-1.example.test".to_owned(),
        key_exchange: Some("X25519MLKEM768".to_owned()),
    });
    let move_it = json!({"CiphertextBlob": blob, "SourceEncryptionContext": context, "SourceKeyId": own,
        "DestinationKeyId": theirs, "DestinationEncryptionContext": {"dept": "it"}});
    world.ask_as(&alice, "ReEncrypt", &move_it).await.unwrap();
    world
        .ask_as(&alice, "ReEncrypt", &json!({"CiphertextBlob": blob, "DestinationKeyId": own}))
        .await
        .unwrap_err();
    world.ask_as(&stranger, "Decrypt", &json!({"CiphertextBlob": blob, "KeyId": own})).await.unwrap_err();
    let grant = json!({"KeyId": own, "GranteePrincipal": "arn:aws:iam::111122223333:user/team/Bob",
        "Operations": ["Encrypt", "Decrypt"], "Name": "mine"});
    world.ask("CreateGrant", &grant).await.unwrap();
    let bob = call(&world, &user(&world, "Bob", "AIDABOB", &[]).await, None).await.unwrap();
    world.ask_as(&bob, "Encrypt", &json!({"KeyId": own, "Plaintext": "c2VjcmV0"})).await.unwrap();
    let mut role = identity(IdentityKind::Role, "Worker", "AROAWORKER");
    role.inline.push(("all".to_owned(), ANYTHING.to_owned()));
    commit(&world, |edits| edits.create(&role).unwrap()).await;
    let session = SessionRequest { source_identity: Some("who".to_owned()), ..SessionRequest::default() };
    let session = role_session(&world, session).await;
    let worker = call(&world, &session.access_key_id, Some(&session.session_token)).await.unwrap();
    world.ask_as(&worker, "DescribeKey", &json!({"KeyId": own})).await.unwrap();
    let written: String = world.audit.texts().iter().map(|record| masked(record) + "\n").collect();
    assert_eq!(written, include_str!("records.jsonl"));
}
