use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;

use super::*;
use crate::store::{Batch, MemoryStore, Page, RecordKey, Store, StoreError, Versioned, Write};

#[tokio::test]
async fn a_grant_counts_from_its_answer_to_the_answer_that_ends_it() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let guest = guest(&world);
    assert_eq!(fault(encrypt_as(&world, &guest, &key, json!({})).await).0, "AccessDeniedException");
    for ending in ["RevokeGrant", "RetireGrant"] {
        let (id, _) = grant(&world, &key, json!(["Encrypt"]), json!({})).await;
        encrypt_as(&world, &guest, &key, json!({})).await.unwrap();
        world.ask(ending, &json!({"KeyId": key, "GrantId": id})).await.unwrap();
        assert_eq!(fault(encrypt_as(&world, &guest, &key, json!({})).await).0, "AccessDeniedException");
        let (code, message) = fault(world.ask(ending, &json!({"KeyId": key, "GrantId": id})).await);
        assert_eq!((code, message), ("NotFoundException", format!("Grant {id} is not found.")));
    }
}

#[tokio::test]
async fn a_grant_gives_its_operations_and_nothing_else() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    grant(&world, &key, json!(["DescribeKey", "Encrypt"]), json!({})).await;
    let guest = guest(&world);
    assert!(world.ask_as(&guest, "DescribeKey", &json!({"KeyId": key})).await.is_ok());
    assert!(encrypt_as(&world, &guest, &key, json!({"any": "context"})).await.is_ok());
    for (name, body) in [
        ("GenerateDataKey", json!({"KeyId": key, "KeySpec": "AES_256"})),
        ("ListGrants", json!({"KeyId": key})),
        ("DisableKey", json!({"KeyId": key})),
    ] {
        assert_eq!(fault(world.ask_as(&guest, name, &body).await).0, "AccessDeniedException", "{name}");
    }
    let third = world.call(THIRD, "us-east-1");
    assert_eq!(fault(encrypt_as(&world, &third, &key, json!({})).await).0, "AccessDeniedException");
}

#[tokio::test]
async fn an_explicit_deny_stands_over_a_grant() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    grant(&world, &key, json!(["Encrypt"]), json!({})).await;
    assert!(encrypt_as(&world, &guest(&world), &key, json!({})).await.is_ok());
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": root(OWNER)}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Deny", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"}]});
    world.ask("PutKeyPolicy", &json!({"KeyId": key, "Policy": policy.to_string()})).await.unwrap();
    assert_eq!(fault(encrypt_as(&world, &guest(&world), &key, json!({})).await).0, "AccessDeniedException");
}

#[tokio::test]
async fn constraints_on_the_encryption_context_hold() {
    let pairs = json!({"a": "1", "b": "2"});
    let cases = [
        ("EncryptionContextEquals", json!({"b": "2", "a": "1"}), true),
        ("EncryptionContextEquals", json!({"a": "1", "b": "2", "c": "3"}), false),
        ("EncryptionContextEquals", json!({"a": "1"}), false),
        ("EncryptionContextEquals", json!({"a": "1", "B": "2"}), false),
        ("EncryptionContextSubset", json!({"a": "1", "b": "2"}), true),
        ("EncryptionContextSubset", json!({"a": "1", "b": "2", "c": "3"}), true),
        ("EncryptionContextSubset", json!({"a": "1", "b": "3"}), false),
        ("EncryptionContextSubset", json!({}), false),
    ];
    for (kind, context, allowed) in cases {
        let world = World::new().await;
        let key = symmetric(&world).await;
        let constraints = json!({"Constraints": {kind: pairs}});
        grant(&world, &key, json!(["Encrypt", "DescribeKey"]), constraints).await;
        let answer = encrypt_as(&world, &guest(&world), &key, context.clone()).await;
        assert_eq!(answer.is_ok(), allowed, "{kind} {context}");
        let describe = world.ask_as(&guest(&world), "DescribeKey", &json!({"KeyId": key})).await;
        assert!(describe.is_ok(), "constraints on the context do not concern DescribeKey");
    }
}

#[tokio::test]
async fn a_source_arn_keeps_direct_callers_out() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let source = json!({"Constraints": {"SourceArn": "arn:aws:sns:us-east-1:111122223333:topic"}});
    grant(&world, &key, json!(["Encrypt", "DescribeKey"]), source).await;
    let denied = encrypt_as(&world, &guest(&world), &key, json!({})).await;
    assert_eq!(fault(denied).0, "AccessDeniedException");
    let denied = world.ask_as(&guest(&world), "DescribeKey", &json!({"KeyId": key})).await;
    assert_eq!(fault(denied).0, "AccessDeniedException");
}

#[tokio::test]
async fn each_side_of_re_encrypt_may_be_allowed_by_another_grant() {
    let world = World::new().await;
    let (from, to) = (symmetric(&world).await, symmetric(&world).await);
    let blob = encrypt(&world, &from, json!({"a": "1"})).await;
    let guest = guest(&world);
    let request = json!({"CiphertextBlob": blob, "SourceEncryptionContext": {"a": "1"}, "DestinationKeyId": to,
        "DestinationEncryptionContext": {"b": "2"}});
    let only = |pairs: Value| json!({"Constraints": {"EncryptionContextEquals": pairs}});
    assert_eq!(fault(world.ask_as(&guest, "ReEncrypt", &request).await).0, "AccessDeniedException");
    let (of_source, _) = grant(&world, &from, json!(["ReEncryptFrom"]), only(json!({"a": "1"}))).await;
    let (code, message) = fault(world.ask_as(&guest, "ReEncrypt", &request).await);
    assert!(code == "AccessDeniedException" && message.contains("kms:ReEncryptTo"), "{message}");
    // Constraints look at the context of their own side.
    let (wrong, _) = grant(&world, &to, json!(["ReEncryptTo"]), only(json!({"a": "1"}))).await;
    assert_eq!(fault(world.ask_as(&guest, "ReEncrypt", &request).await).0, "AccessDeniedException");
    world.ask("RevokeGrant", &json!({"KeyId": to, "GrantId": wrong})).await.unwrap();
    grant(&world, &to, json!(["ReEncryptTo"]), only(json!({"b": "2"}))).await;
    let answer = world.ask_as(&guest, "ReEncrypt", &request).await.unwrap();
    assert_eq!((text(&answer, "/SourceKeyId"), text(&answer, "/KeyId")), (from.clone(), to));
    world.ask("RevokeGrant", &json!({"KeyId": from, "GrantId": of_source})).await.unwrap();
    let (code, message) = fault(world.ask_as(&guest, "ReEncrypt", &request).await);
    assert!(code == "AccessDeniedException" && message.contains("kms:ReEncryptFrom"), "{message}");
}

#[tokio::test]
async fn tokens_are_checked_and_give_nothing() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let (id, token) = grant(&world, &key, json!(["Encrypt"]), json!({})).await;
    let with = |tokens: Value| json!({"KeyId": key, "Plaintext": "c2VjcmV0", "GrantTokens": tokens});
    world.ask_as(&guest(&world), "Encrypt", &with(json!([token]))).await.unwrap();
    let third = world.call(THIRD, "us-east-1");
    let denied = world.ask_as(&third, "Encrypt", &with(json!([token]))).await;
    assert_eq!(fault(denied).0, "AccessDeniedException", "the token of another's grant");
    let mut forged = token.clone().into_bytes();
    forged[60] = if forged[60] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for bad in [json!(["x"]), json!([forged]), json!([token, ""])] {
        let (code, message) = fault(world.ask_as(&guest(&world), "Encrypt", &with(bad)).await);
        assert!(code == "InvalidGrantTokenException" || code == "ValidationException", "{code} {message}");
        assert!(!message.contains(&token));
    }
    let (code, _) = fault(world.ask("Encrypt", &with(json!(vec![&token; 11]))).await);
    assert_eq!(code, "ValidationException");
    world.ask("RevokeGrant", &json!({"KeyId": key, "GrantId": id})).await.unwrap();
    let (code, _) = fault(world.ask("Encrypt", &with(json!([token]))).await);
    assert_eq!(code, "InvalidGrantTokenException", "also for a caller who needs no grant");
    for record in world.audit.records() {
        assert!(!record.to_string().contains(&token[..40]), "{record}");
    }
}

#[tokio::test]
async fn a_grant_changed_outside_the_service_gives_nothing_and_harms_no_other() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    grant(&world, &key, json!(["Encrypt"]), json!({})).await;
    grant(&world, &key, json!(["DescribeKey"]), json!({})).await;
    let found = world.store.scan(b"grant/", None, 100).await.unwrap().records;
    let (place, mut first) = found.into_iter().find(|(place, _)| place.to_string().contains("/to/")).unwrap();
    first.value[50] ^= 1;
    let write = Write::Put { key: place, record: first };
    world.store.commit(Batch { writes: vec![write], ..Batch::default() }).await.unwrap();
    assert_eq!(fault(encrypt_as(&world, &guest(&world), &key, json!({})).await).0, "AccessDeniedException");
    assert!(world.ask_as(&guest(&world), "DescribeKey", &json!({"KeyId": key})).await.is_ok());
    let list = world.ask("ListGrants", &json!({"KeyId": key})).await.unwrap();
    assert_eq!(list["Grants"].as_array().unwrap().len(), 1);
}

/// A store that counts what is read from it.
#[derive(Default)]
struct Counting(MemoryStore, AtomicUsize);

#[async_trait]
impl Store for Counting {
    async fn get(&self, key: &RecordKey) -> Result<Option<Versioned>, StoreError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.get(key).await
    }

    async fn scan(&self, prefix: &[u8], after: Option<&RecordKey>, limit: u16) -> Result<Page, StoreError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.scan(prefix, after, limit).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.0.commit(batch).await
    }
}

#[tokio::test]
async fn a_warm_call_reads_nothing() {
    let store = Arc::new(Counting::default());
    let world = World::over(store.clone(), 1).await;
    let key = symmetric(&world).await;
    let (_, token) = grant(&world, &key, json!(["Encrypt"]), json!({})).await;
    let (guest, third) = (guest(&world), world.call(THIRD, "us-east-1"));
    let request = json!({"KeyId": key, "Plaintext": "c2VjcmV0", "GrantTokens": [token]});
    let once = async || {
        world.ask_as(&guest, "Encrypt", &request).await.unwrap();
        world.ask("Encrypt", &request).await.unwrap();
        world.ask_as(&third, "Encrypt", &request).await.unwrap_err();
    };
    once().await;
    let before = store.1.load(Ordering::SeqCst);
    once().await;
    assert_eq!(store.1.load(Ordering::SeqCst), before);
}
