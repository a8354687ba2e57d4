//! Ciphertext blobs of custom key stores against the frozen vectors, which another implementation made, and against
//! every small change.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use proptest::prelude::*;
use reseal_crypto::{
    CryptoError, InvalidCiphertext, MaterialKey, decrypt, encrypt,
    external::{Foreign, assemble, associated_data, open_inner, seal_inner, take_apart},
};
use reseal_types::{
    CiphertextHeader, EncryptionContext, KeyId, KeyMaterialId, Reveal, SecretBytes, ciphertext_header::Suite,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    valid: Vec<Valid>,
    malformed: Vec<Malformed>,
}

#[derive(Deserialize)]
struct Valid {
    name: String,
    suite: u16,
    material: Option<String>,
    data_key: bool,
    key_id: String,
    material_id: String,
    salt: String,
    context: Vec<(String, String)>,
    associated_data: String,
    message: String,
    iv: String,
    metadata: String,
    tag: String,
    ciphertext: String,
    plaintext: String,
    blob: String,
}

#[derive(Deserialize)]
struct Malformed {
    name: String,
    blob: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/external-v1.json")).unwrap()
}

fn bytes<const N: usize>(digits: &str) -> [u8; N] {
    hex::decode(digits).unwrap().try_into().unwrap()
}

fn material(digits: &str) -> MaterialKey {
    MaterialKey::new(&SecretBytes::from(hex::decode(digits).unwrap())).unwrap()
}

fn header(suite: Suite) -> CiphertextHeader {
    CiphertextHeader {
        suite,
        data_key: false,
        key_id: KeyId::from_bytes(false, [0x11; 16]),
        material_id: KeyMaterialId([0x22; 32]),
        salt: [0x33; 32],
    }
}

fn foreign() -> Foreign {
    Foreign { iv: vec![1; 12], metadata: Vec::new(), tag: [2; 16], ciphertext: vec![3; 5] }
}

#[test]
fn frozen_vectors_both_ways() {
    let valid = vectors().valid;
    assert_eq!(valid.len(), 8);
    for case in valid {
        let suite = if case.material.is_some() { Suite::ExternalKeyStore } else { Suite::Cluster };
        assert_eq!(suite.number(), case.suite, "{}", case.name);
        let header = CiphertextHeader {
            suite,
            data_key: case.data_key,
            key_id: KeyId::from_bytes(false, bytes(&case.key_id)),
            material_id: KeyMaterialId(bytes(&case.material_id)),
            salt: bytes(&case.salt),
        };
        let context = EncryptionContext::new(case.context).unwrap().canonical_bytes().to_vec();
        assert_eq!(hex::encode(associated_data(&header, &context)), case.associated_data, "{}", case.name);
        let plaintext = hex::decode(&case.plaintext).unwrap();
        let message = hex::decode(&case.message).unwrap();
        match case.material.as_deref().map(material) {
            Some(material) => {
                assert_eq!(seal_inner(&material, &header, &context, &plaintext).unwrap(), message);
                let opened = open_inner(&material, &header, &context, &message).unwrap();
                assert_eq!(opened.reveal(Reveal::ToCaller), plaintext, "{}", case.name);
            }
            None => assert_eq!(message, plaintext, "{}", case.name),
        }
        // A proxy must take 4300 bytes.
        assert!(message.len() <= 4_300, "{}", case.name);
        let foreign = Foreign {
            iv: hex::decode(&case.iv).unwrap(),
            metadata: hex::decode(&case.metadata).unwrap(),
            tag: bytes(&case.tag),
            ciphertext: hex::decode(&case.ciphertext).unwrap(),
        };
        let blob = assemble(&header, &foreign).unwrap();
        assert_eq!(hex::encode(&blob), case.blob, "{}", case.name);
        assert_eq!(take_apart(&blob), Ok((header, foreign)), "{}", case.name);
    }
}

#[test]
fn frozen_refusals() {
    let malformed = vectors().malformed;
    assert_eq!(malformed.len(), 21);
    for case in malformed {
        let blob = hex::decode(&case.blob).unwrap();
        assert_eq!(take_apart(&blob), Err(InvalidCiphertext), "{}", case.name);
    }
}

#[test]
fn every_small_change_of_the_inner_ciphertext_is_refused() {
    let (key, header, context) = (material(&"07".repeat(32)), header(Suite::ExternalKeyStore), b"context");
    let inner = seal_inner(&key, &header, context, b"secret").unwrap();
    assert!(open_inner(&key, &header, context, &inner).is_ok());
    for (index, bit) in (0..inner.len()).flat_map(|index| (0..8).map(move |bit| (index, bit))) {
        let mut changed = inner.clone();
        changed[index] ^= 1 << bit;
        assert_eq!(open_inner(&key, &header, context, &changed).err(), Some(InvalidCiphertext));
    }
    for length in 0..inner.len() {
        assert_eq!(open_inner(&key, &header, context, &inner[..length]).err(), Some(InvalidCiphertext));
    }
    let others = [
        CiphertextHeader { salt: [0x34; 32], ..header },
        CiphertextHeader { data_key: true, ..header },
        CiphertextHeader { material_id: KeyMaterialId([0x23; 32]), ..header },
    ];
    for other in others {
        assert_eq!(open_inner(&key, &other, context, &inner).err(), Some(InvalidCiphertext));
    }
    assert_eq!(open_inner(&key, &header, b"other", &inner).err(), Some(InvalidCiphertext));
    let other = material(&"08".repeat(32));
    assert_eq!(open_inner(&other, &header, context, &inner).err(), Some(InvalidCiphertext));
}

/// What was made in one suite is nothing in another.
#[test]
fn suites_do_not_mix() {
    let key = material(&"07".repeat(32));
    for suite in [Suite::DerivedAesGcm, Suite::Cluster] {
        let header = header(suite);
        assert_eq!(seal_inner(&key, &header, b"", b"p").err(), Some(CryptoError::Failure));
        assert_eq!(open_inner(&key, &header, b"", &[0; 49]).err(), Some(InvalidCiphertext));
    }
    for suite in [Suite::ExternalKeyStore, Suite::Cluster] {
        let header = header(suite);
        assert_eq!(encrypt(&key, &header, b"", b"p").err(), Some(CryptoError::Failure));
        let blob = assemble(&header, &foreign()).unwrap();
        assert_eq!(decrypt(&key, &blob, b"").err(), Some(InvalidCiphertext));
    }
    assert!(assemble(&header(Suite::DerivedAesGcm), &foreign()).is_err());
    let metadata = Foreign { metadata: vec![1], ..foreign() };
    assert!(assemble(&header(Suite::Cluster), &metadata).is_err());
    assert!(assemble(&header(Suite::ExternalKeyStore), &metadata).is_ok());
}

#[test]
fn what_was_made_outside_must_have_the_lengths_of_the_format() {
    let header = header(Suite::ExternalKeyStore);
    for wrong in [
        Foreign { iv: vec![1; 11], ..foreign() },
        Foreign { iv: vec![1; 13], ..foreign() },
        Foreign { iv: Vec::new(), ..foreign() },
        Foreign { metadata: vec![1; 21], ..foreign() },
        Foreign { metadata: vec![1; 300], ..foreign() },
        Foreign { ciphertext: Vec::new(), ..foreign() },
    ] {
        assert_eq!(assemble(&header, &wrong).err(), Some(CryptoError::InvalidCiphertext), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_or_read_back(suite: bool, rest in prop::collection::vec(any::<u8>(), 0..90)) {
        let header = header(if suite { Suite::ExternalKeyStore } else { Suite::Cluster });
        let mut rest = rest;
        if let Some(first) = rest.first_mut() {
            *first = 12 + (*first % 2) * 4;
        }
        let blob = [&header.to_bytes()[..], &rest].concat();
        if let Ok((header, foreign)) = take_apart(&blob) {
            prop_assert_eq!(assemble(&header, &foreign), Ok(blob));
        }
    }
}
