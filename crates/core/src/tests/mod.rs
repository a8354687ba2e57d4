//! The service through its front door: calls as the edge makes them, against a world in memory.

mod audit;
mod compatibility;
mod data_key_pairs;
mod explain;
mod futures;
mod grants;
mod imports;
mod kept_records;
mod key_store_faults;
mod key_store_keys;
mod key_stores;
mod last_use;
mod lifecycle;
mod mac;
mod matrix;
mod multi_region;
mod paging;
mod principals;
mod quotas;
mod re_encrypt;
mod recipient;
mod records;
mod rotation;
mod sealing;
mod shared_secrets;
mod signatures;
mod year;

use serde_json::{Value, json};

use crate::{error::Error, testkit::World};

/// The text under `pointer` of an answer.
fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{pointer} in {value}"))
        .to_owned()
}

/// Creates a key and gives its ARN.
async fn key(world: &World, request: Value) -> String {
    text(&world.ask("CreateKey", &request).await.unwrap(), "/KeyMetadata/Arn")
}

async fn symmetric(world: &World) -> String {
    key(world, json!({})).await
}

/// Encrypts `secret` and gives the blob.
async fn encrypt(world: &World, key: &str, context: Value) -> String {
    let request = json!({"KeyId": key, "Plaintext": "c2VjcmV0", "EncryptionContext": context});
    text(&world.ask("Encrypt", &request).await.unwrap(), "/CiphertextBlob")
}

/// The name of the exception and its message.
fn fault(result: Result<Value, Error>) -> (&'static str, String) {
    let error = result.expect_err("must fail");
    (error.code(), error.message().unwrap_or_default())
}

/// A key policy that lets the account do all but the actions named.
fn policy_without(account: &str, actions: &[&str]) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
         "NotAction": actions, "Resource": "*"},
    ]})
    .to_string()
}
