//! What a message costs: not a test of behaviour, run by hand on a quiet machine:
//! `cargo test --release -p reseal-crypto --test speed -- --ignored --nocapture`
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use reseal_crypto::{MaterialKey, decrypt, encrypt, signing::SigningKey};
use reseal_types::{
    CiphertextHeader, EncryptionContext, KeyId, KeyMaterialId, KeySpec, KeyUsage, MessageType, SecretBytes,
    ciphertext_header::Suite,
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
    for context in [vec![], vec![("Project", "Alpha"), ("Department", "Engineering")]] {
        let pairs = context.len();
        let context = EncryptionContext::new(context).unwrap();
        let context = context.canonical_bytes();
        let blob = encrypt(&material, &header, context, &[1; 32]).unwrap();
        let encryption = time_of_one(|| {
            black_box(encrypt(&material, &header, black_box(context), black_box(&[1; 32])).unwrap());
        });
        let decryption = time_of_one(|| {
            black_box(decrypt(&material, black_box(&blob), black_box(context)).unwrap());
        });
        println!("32 bytes, {pairs} pairs: encrypt {encryption:?}, decrypt {decryption:?}");
    }
}

/// What decides whether a signature is made where it is asked for or on the worker pool.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "its figures are its result")]
fn sign_and_verify() {
    for spec in KeySpec::ALL.iter().filter(|spec| spec.allows(KeyUsage::SignVerify)) {
        let generated = SigningKey::generate(*spec).unwrap();
        let loading = quickest(|| {
            black_box(SigningKey::load(*spec, &generated.pkcs8).unwrap());
        });
        let key = SigningKey::load(*spec, &generated.pkcs8).unwrap();
        let algorithm = spec.signing_algorithms()[0];
        let signature = key.sign(algorithm, MessageType::Raw, &[7; 64]).unwrap();
        let signing = quickest(|| {
            black_box(key.sign(algorithm, MessageType::Raw, &[7; 64]).unwrap());
        });
        let verification = quickest(|| {
            key.verify(algorithm, MessageType::Raw, &[7; 64], &signature).unwrap();
        });
        let generation = quickest_of(3, || {
            black_box(SigningKey::generate(*spec).unwrap());
        });
        println!(
            "{spec}: load {loading:?}, sign {signing:?}, verify {verification:?}, generate {generation:?}"
        );
    }
}

fn quickest(work: impl FnMut()) -> Duration {
    quickest_of(200, work)
}

fn quickest_of(times: u32, mut work: impl FnMut()) -> Duration {
    let one = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    std::iter::repeat_with(one).take(times as usize).min().unwrap()
}
