//! The ciphertext blob against the frozen vectors, which another implementation made, and against every small
//! change of a blob.
//!
//! Whether the vectors are still what that implementation writes is not seen here, because it needs Python:
//! run `vectors/generate.py` after every change of the format, the vectors or the script.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use proptest::prelude::*;
use reseal_crypto::{CryptoError, InvalidCiphertext, MaterialKey, ciphertext::OVERHEAD, decrypt, encrypt};
use reseal_types::{
    CiphertextHeader, EncryptionContext, KeyId, KeyMaterialId, Reveal, SecretBytes, ciphertext_header::Suite,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    valid: Vec<Valid>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Valid {
    name: String,
    material: String,
    suite: u16,
    data_key: bool,
    multi_region: bool,
    key_id: String,
    material_id: String,
    salt: String,
    context: Vec<(String, String)>,
    canonical_context: String,
    plaintext: String,
    blob: String,
}

#[derive(Deserialize)]
struct Refused {
    name: String,
    material: String,
    canonical_context: String,
    blob: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/ciphertext-v1.json")).unwrap()
}

fn bytes<const N: usize>(digits: &str) -> [u8; N] {
    hex::decode(digits).unwrap().try_into().unwrap()
}

fn material(digits: &str) -> MaterialKey {
    MaterialKey::new(&SecretBytes::from(hex::decode(digits).unwrap())).unwrap()
}

fn header(salt: [u8; 32]) -> CiphertextHeader {
    CiphertextHeader {
        suite: Suite::DerivedAesGcm,
        data_key: false,
        key_id: KeyId::from_bytes(false, [0x11; 16]),
        material_id: KeyMaterialId([0x22; 32]),
        salt,
    }
}

#[test]
fn frozen_vectors_both_ways() {
    for case in vectors().valid {
        let header = CiphertextHeader {
            suite: Suite::DerivedAesGcm,
            data_key: case.data_key,
            key_id: KeyId::from_bytes(case.multi_region, bytes(&case.key_id)),
            material_id: KeyMaterialId(bytes(&case.material_id)),
            salt: bytes(&case.salt),
        };
        assert_eq!(header.suite.number(), case.suite, "{}", case.name);
        let context = EncryptionContext::new(case.context).unwrap().canonical_bytes().to_vec();
        assert_eq!(hex::encode(&context), case.canonical_context, "{}", case.name);

        let plaintext = hex::decode(&case.plaintext).unwrap();
        let blob = encrypt(&material(&case.material), &header, &context, &plaintext).unwrap();
        assert_eq!(hex::encode(&blob), case.blob, "{}", case.name);
        assert_eq!(blob.len(), OVERHEAD + plaintext.len());
        let opened = decrypt(&material(&case.material), &blob, &context).unwrap();
        assert_eq!(opened.reveal(Reveal::ToCaller), plaintext, "{}", case.name);
        assert_eq!(CiphertextHeader::parse(&blob), Some(header), "{}", case.name);
    }
}

#[test]
fn frozen_refusals() {
    let refused = vectors().refused;
    assert_eq!(refused.len(), 24);
    for case in refused {
        let blob = hex::decode(&case.blob).unwrap();
        let context = hex::decode(&case.canonical_context).unwrap();
        let opened = decrypt(&material(&case.material), &blob, &context);
        assert_eq!(opened.err(), Some(InvalidCiphertext), "{}", case.name);
    }
}

/// Every bit of every byte, and every length but the right one.
#[test]
#[expect(clippy::print_stdout, reason = "how many cases ran is worth seeing")]
fn refuses_every_small_change() {
    let key = material(&"07".repeat(32));
    let context = EncryptionContext::new(vec![("a", "b")]).unwrap().canonical_bytes().to_vec();
    for plaintext_len in [1, 32] {
        let blob = encrypt(&key, &header([5; 32]), &context, &vec![0xa5; plaintext_len]).unwrap();
        assert!(decrypt(&key, &blob, &context).is_ok());
        let mut refused = 0;
        for (index, bit) in (0..blob.len()).flat_map(|index| (0..8).map(move |bit| (index, bit))) {
            let mut changed = blob.clone();
            changed[index] ^= 1 << bit;
            assert_eq!(decrypt(&key, &changed, &context).err(), Some(InvalidCiphertext), "{index} bit {bit}");
            refused += 1;
        }
        for length in (0..blob.len()).chain(blob.len() + 1..blob.len() + 300) {
            let mut changed = blob.clone();
            changed.resize(length, 0);
            assert_eq!(decrypt(&key, &changed, &context).err(), Some(InvalidCiphertext), "length {length}");
            refused += 1;
        }
        for index in 0..blob.len() {
            let mut shorter = blob.clone();
            shorter.remove(index);
            assert!(decrypt(&key, &shorter, &context).is_err(), "without byte {index}");
            let mut longer = blob.clone();
            longer.insert(index, 0);
            assert!(decrypt(&key, &longer, &context).is_err(), "with a byte before {index}");
            refused += 2;
        }
        println!("{plaintext_len}-byte plaintext: {refused} changed blobs refused");
    }
}

/// A commitment that fits keeps no tag failure from being seen, and the other way round.
#[test]
fn commitment_and_tag_are_both_needed() {
    let (one, two) = (material(&"01".repeat(32)), material(&"02".repeat(32)));
    let from_one = encrypt(&one, &header([5; 32]), &[0; 4], b"same length").unwrap();
    let from_two = encrypt(&two, &header([5; 32]), &[0; 4], b"same length").unwrap();
    let mixed = [&from_one[..121], &from_two[121..]].concat();
    for key in [&one, &two] {
        assert!(decrypt(key, &mixed, &[0; 4]).is_err());
    }
}

#[test]
fn the_salt_makes_messages_differ_entirely() {
    let key = material(&"07".repeat(32));
    let [one, two] = [5, 6].map(|salt| encrypt(&key, &header([salt; 32]), &[0; 4], &[0; 64]).unwrap());
    assert!(one[..57] == two[..57]);
    for (a, b) in one[89..].chunks(8).zip(two[89..].chunks(8)) {
        assert_ne!(a, b);
    }
}

/// What cannot be opened is not made either.
#[test]
fn no_blob_without_plaintext() {
    let made = encrypt(&material(&"07".repeat(32)), &header([5; 32]), &[0; 4], b"");
    assert_eq!(made, Err(CryptoError::PlaintextLength));
}

#[test]
fn material_has_one_length() {
    for length in [0, 16, 31, 33, 64] {
        assert!(MaterialKey::new(&SecretBytes::from(vec![1; length])).is_err());
    }
}

proptest! {
    #[test]
    fn round_trips(
        key: [u8; 32],
        salt: [u8; 32],
        context in prop::collection::vec(any::<u8>(), 0..600),
        plaintext in prop::collection::vec(any::<u8>(), 1..5000),
    ) {
        let material = MaterialKey::new(&SecretBytes::from(key.to_vec())).unwrap();
        let blob = encrypt(&material, &header(salt), &context, &plaintext).unwrap();
        let opened = decrypt(&material, &blob, &context).unwrap();
        prop_assert_eq!(opened.reveal(Reveal::ToCaller), &plaintext[..]);
        let mut other = context.clone();
        other.push(0);
        prop_assert!(decrypt(&material, &blob, &other).is_err());
    }

    /// Arbitrary bytes, plain and behind a header that is in order.
    #[test]
    fn arbitrary_blobs_are_refused(blob in prop::collection::vec(any::<u8>(), 0..400), salt: [u8; 32]) {
        let material = material(&"07".repeat(32));
        prop_assert!(decrypt(&material, &blob, &[0; 4]).is_err());
        let ours = [&header(salt).to_bytes()[..], &blob].concat();
        prop_assert!(decrypt(&material, &ours, &[0; 4]).is_err());
    }
}
