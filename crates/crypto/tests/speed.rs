//! What a message costs: not a test of behaviour, run by hand on a quiet machine:
//! `cargo test --release -p reseal-crypto --test speed -- --ignored --nocapture`
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use reseal_crypto::{MaterialKey, decrypt, encrypt};
use reseal_types::{
    CiphertextHeader, EncryptionContext, KeyId, KeyMaterialId, SecretBytes, ciphertext_header::Suite,
};

const ROUNDS: u32 = 20_000;

/// The quickest of some batches: what else the machine does can only add.
fn time_of_one(mut work: impl FnMut()) -> Duration {
    let batches = (0..15).map(|_| {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| work());
        start.elapsed() / ROUNDS
    });
    batches.min().unwrap()
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "its figures are its result")]
fn encrypt_and_decrypt_32_bytes() {
    let material = MaterialKey::new(&SecretBytes::from(vec![7; 32])).unwrap();
    let header = CiphertextHeader {
        suite: Suite::DerivedAesGcm,
        data_key: false,
        key_id: KeyId::from_bytes(false, [0x11; 16]),
        material_id: KeyMaterialId([0x22; 32]),
        salt: [5; 32],
    };
    for context in
        [vec![], vec![("Project".into(), "Alpha".into()), ("Department".into(), "Engineering".into())]]
    {
        let pairs = context.len();
        let context = EncryptionContext::new(context).unwrap().canonical_bytes();
        let blob = encrypt(&material, &header, &context, &[1; 32]).unwrap();
        let encryption = time_of_one(|| {
            black_box(encrypt(&material, &header, black_box(&context), black_box(&[1; 32])).unwrap());
        });
        let decryption = time_of_one(|| {
            black_box(decrypt(&material, black_box(&blob), black_box(&context)).unwrap());
        });
        println!("32 bytes, {pairs} pairs: encrypt {encryption:?}, decrypt {decryption:?}");
    }
}
