use aws_lc_rs::{
    encoding::Pkcs8V1Der,
    rsa::{KeySize, PrivateDecryptingKey},
};

use super::*;

/// OpenSSL opens it, key found by the identifier of a certificate and by trying. The `openssl` command must be there.
#[test]
fn openssl_opens_the_answer() {
    use std::{fs, path::PathBuf, process::Command};
    let scratch: PathBuf = std::env::temp_dir().join(format!("recipient-{}", std::process::id()));
    fs::create_dir_all(&scratch).unwrap();
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: Pkcs8V1Der<'_> = private.as_der().unwrap();
    fs::write(scratch.join("key.der"), pkcs8.as_ref()).unwrap();
    let spki: PublicKeyX509Der<'_> = private.public_key().as_der().unwrap();
    let key = RecipientKey::from_der(spki.as_ref()).unwrap();
    let openssl = |arguments: &str| {
        let output =
            Command::new("openssl").args(arguments.split(' ')).current_dir(&scratch).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    openssl("pkey -inform DER -in key.der -out key.pem");
    openssl("req -x509 -new -key key.pem -subj /CN=recipient -out certificate.pem");
    for length in [1, 15, 16, 17, 32, 1024, 2400, 4096] {
        let plaintext: Vec<u8> = (0_u8..=255).cycle().take(length).collect();
        let answer = key.encrypt(&SecretBytes::from(plaintext.clone())).unwrap();
        assert!(der::is_one_sequence(&answer));
        fs::write(scratch.join("answer.der"), &answer).unwrap();
        for with in ["-inkey key.pem", "-inkey key.pem -recip certificate.pem"] {
            openssl(&format!("cms -decrypt -binary -inform DER -in answer.der {with} -out opened"));
            assert_eq!(fs::read(scratch.join("opened")).unwrap(), plaintext, "{length} bytes, {with}");
        }
    }
    fs::remove_dir_all(&scratch).unwrap();
}

#[test]
fn only_rsa_keys_of_the_usual_form() {
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let spki: PublicKeyX509Der<'_> = private.public_key().as_der().unwrap();
    let more_behind = [spki.as_ref(), &[0]].concat();
    let (_, elliptic) = crate::agreement::AgreementKey::generate(reseal_types::KeySpec::EccNistP256).unwrap();
    for wrong in [&more_behind[..], &more_behind[1..], elliptic.public_key_der(), b""] {
        assert_eq!(RecipientKey::from_der(wrong).err(), Some(CryptoError::InvalidKey));
    }
}

#[test]
fn no_two_answers_are_alike() {
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let spki: PublicKeyX509Der<'_> = private.public_key().as_der().unwrap();
    let key = RecipientKey::from_der(spki.as_ref()).unwrap();
    let plaintext = SecretBytes::from(vec![7; 64]);
    let (one, two) = (key.encrypt(&plaintext).unwrap(), key.encrypt(&plaintext).unwrap());
    assert_ne!(one[one.len() - 64..], two[two.len() - 64..]);
    let repeats = one.windows(16).filter(|window| **window == [7; 16]).count();
    assert_eq!(repeats, 0);
}
