//! Imported key material, against a clock that is moved.

mod asymmetric;
mod lifecycle;
mod multi_region;
mod rotation;
mod tokens;

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use reseal_crypto::{asymmetric::KeyPair, import::generate_wrapping_key};
use reseal_types::{
    EncryptionAlgorithm, KeySpec, Region, Reveal, SecretBytes, Timestamp, WrappingAlgorithm, WrappingKeySpec,
};

use super::*;
use crate::{import_token::ImportToken, record::KeyRecord, testkit::BEGINNING};

/// The private key of the pair that wraps in all these tests: making one takes long.
static WRAPPING_KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let pair = generate_wrapping_key(WrappingKeySpec::Rsa2048).unwrap();
    pair.pkcs8.reveal(Reveal::ToCipher).to_vec()
});

fn private_key() -> SecretBytes {
    SecretBytes::from(WRAPPING_KEY.clone())
}

fn wrap(bytes: &[u8]) -> String {
    let pair = KeyPair::load(KeySpec::Rsa2048, &private_key()).unwrap();
    STANDARD.encode(pair.encrypt(EncryptionAlgorithm::RsaesOaepSha256, bytes).unwrap())
}

async fn record_in(world: &World, region: &str, key: &str) -> KeyRecord {
    let id = key.rsplit('/').next().unwrap().parse().unwrap();
    let region = Region::parse(region).unwrap();
    world.env.key(&region, id).await.unwrap().unwrap().record.clone()
}

/// A token as GetParametersForImport gives it, for the pair above.
async fn token_in(world: &World, region: &str, key: &str) -> String {
    let token = ImportToken {
        algorithm: WrappingAlgorithm::RsaesOaepSha256,
        spec: WrappingKeySpec::Rsa2048,
        valid_to: world.env.clock().now().plus_days(1),
        private_key: private_key(),
    };
    STANDARD.encode(token.seal(&world.env, &record_in(world, region, key).await).unwrap())
}

/// Imports into a key of that Region; `more` are members of the request. Does not expire unless `more` says so.
async fn import_in(
    world: &World,
    region: &str,
    key: &str,
    bytes: &[u8],
    more: Value,
) -> Result<Value, Error> {
    let mut request = json!({"KeyId": key, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        "ImportToken": token_in(world, region, key).await, "EncryptedKeyMaterial": wrap(bytes)});
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    world.ask_as(&world.call("111122223333", region), "ImportKeyMaterial", &request).await
}

pub(super) async fn import(world: &World, key: &str, bytes: &[u8], more: Value) -> Result<Value, Error> {
    import_in(world, "us-east-1", key, bytes, more).await
}

/// Members of a request for key material that expires then.
pub(super) fn expiring(end: Timestamp) -> Value {
    json!({"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": end.as_epoch_seconds()})
}

pub(super) async fn external(world: &World) -> String {
    key(world, json!({"Origin": "EXTERNAL"})).await
}

async fn metadata(world: &World, key: &str) -> Value {
    world.ask("DescribeKey", &json!({"KeyId": key})).await.unwrap()["KeyMetadata"].clone()
}

pub(super) async fn state(world: &World, key: &str) -> String {
    text(&metadata(world, key).await, "/KeyState")
}

async fn listed(world: &World, key: &str) -> Vec<Value> {
    let request = json!({"KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"});
    world.ask("ListKeyRotations", &request).await.unwrap()["Rotations"].as_array().unwrap().clone()
}

pub(super) async fn decrypts(world: &World, blob: &str) -> bool {
    let opened = world.ask("Decrypt", &json!({"CiphertextBlob": blob})).await;
    opened.is_ok_and(|opened| opened["Plaintext"] == "c2VjcmV0")
}

/// How many records of key material the store holds.
async fn materials_stored(world: &World) -> usize {
    world.store.scan(b"material/", None, 100).await.unwrap().records.len()
}

fn minutes(after: Timestamp, minutes: i64) -> Timestamp {
    Timestamp::from_millis(after.millis() + minutes * 60_000)
}

pub(super) fn events(world: &World, name: &str) -> Vec<Value> {
    world.audit.records().into_iter().filter(|record| record["eventName"] == name).collect()
}
