//! SM2 against OpenSSL in both directions. The `openssl` command, version 3, must be there: a test that skips
//! itself proves nothing.
#![cfg(feature = "sm2")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests are tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use reseal_crypto::{error::CryptoError, signing::SigningKey, sm2::Sm2KeyPair};
use reseal_types::{KeySpec, MessageType, Reveal, SecretBytes, SigningAlgorithm};

/// A directory for one test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sm2-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(&self.0)
            .output()
            .expect("the openssl command is needed for this test");
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// SM3(Z || message) of GB/T 32918.2, with OpenSSL's SM3.
    fn digest(&self, identity: &str, spki: &[u8], message: &[u8]) -> Vec<u8> {
        const CURVE: &str = "fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc\
            28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93\
            32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7\
            bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0";
        let bits = u16::try_from(identity.len() * 8).unwrap().to_be_bytes();
        let point = spki.last_chunk::<64>().unwrap();
        let about = [&bits[..], identity.as_bytes(), &hex::decode(CURVE).unwrap(), point].concat();
        let z = self.sm3(&about);
        self.sm3(&[&z[..], message].concat())
    }

    fn sm3(&self, bytes: &[u8]) -> Vec<u8> {
        self.write("to-digest", bytes);
        self.openssl("dgst -sm3 -binary -out digest to-digest");
        self.read("digest")
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.join(name), bytes).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn messages() -> Vec<Vec<u8>> {
    [1, 16, 31, 32, 33, 64, 255, 1024].map(|length| (0_u8..=255).cycle().take(length).collect()).to_vec()
}

#[test]
fn openssl_key_and_ciphertexts_open_here() {
    let scratch = Scratch::new("to-us");
    scratch.openssl("genpkey -algorithm SM2 -out key.pem");
    scratch.openssl("pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out key.der");
    scratch.openssl("pkey -in key.pem -pubout -outform DER -out public.der");
    let pair = Sm2KeyPair::load(&SecretBytes::from(scratch.read("key.der"))).unwrap();
    assert_eq!(pair.public_key_der(), scratch.read("public.der"));
    for message in messages() {
        scratch.write("message", &message);
        scratch.openssl("pkeyutl -encrypt -inkey key.pem -in message -out ciphertext");
        let opened = pair.decrypt(&scratch.read("ciphertext")).unwrap();
        assert_eq!(opened.reveal(Reveal::ToCaller), message);
    }
}

#[test]
fn our_key_and_ciphertexts_open_in_openssl() {
    let scratch = Scratch::new("from-us");
    let (pkcs8, pair) = Sm2KeyPair::generate().unwrap();
    scratch.write("key.der", pkcs8.reveal(Reveal::ToCaller));
    scratch.write("public.der", pair.public_key_der());
    scratch.openssl("pkey -inform DER -in key.der -out key.pem");
    scratch.openssl("pkey -pubin -inform DER -in public.der -pubout -outform DER -out again.der");
    assert_eq!(scratch.read("again.der"), pair.public_key_der());
    for message in messages() {
        scratch.write("ciphertext", &pair.encrypt(&message).unwrap());
        scratch.openssl("pkeyutl -decrypt -inkey key.pem -in ciphertext -out message");
        assert_eq!(scratch.read("message"), message);
    }
}

/// `openssl dgst` with the identity that a whole message has.
const DGST: &str = "dgst -sm3 -sigopt distid:1234567812345678";

#[test]
fn openssl_signatures_hold_here() {
    let scratch = Scratch::new("signed-to-us");
    scratch.openssl("genpkey -algorithm SM2 -out key.pem");
    scratch.openssl("pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out key.der");
    let key = SigningKey::load(KeySpec::Sm2, &SecretBytes::from(scratch.read("key.der"))).unwrap();
    for message in messages() {
        scratch.write("message", &message);
        scratch.openssl(&format!("{DGST} -sign key.pem -out signature message"));
        let mut signature = scratch.read("signature");
        let verify = |message: &[u8], signature: &[u8]| {
            key.verify(SigningAlgorithm::Sm2dsa, MessageType::Raw, message, signature)
        };
        verify(&message, &signature).unwrap();
        assert_eq!(verify(b"another", &signature), Err(CryptoError::InvalidSignature));
        *signature.last_mut().unwrap() ^= 1;
        assert_eq!(verify(&message, &signature), Err(CryptoError::InvalidSignature));
    }
    // What is signed with another identity holds for its digest, and not for the message.
    scratch.openssl("dgst -sm3 -sigopt distid:someone -sign key.pem -out signature message");
    let (message, signature) = (scratch.read("message"), scratch.read("signature"));
    let refused = key.verify(SigningAlgorithm::Sm2dsa, MessageType::Raw, &message, &signature);
    assert_eq!(refused, Err(CryptoError::InvalidSignature));
    let digest = scratch.digest("someone", key.public_key_der(), &message);
    key.verify(SigningAlgorithm::Sm2dsa, MessageType::Digest, &digest, &signature).unwrap();
}

#[test]
fn our_signatures_hold_in_openssl() {
    let scratch = Scratch::new("signed-from-us");
    let generated = SigningKey::generate(KeySpec::Sm2).unwrap();
    let key = SigningKey::load(KeySpec::Sm2, &generated.pkcs8).unwrap();
    scratch.write("public.der", &generated.spki);
    scratch.openssl("pkey -pubin -inform DER -in public.der -out public.pem");
    for message in messages() {
        scratch.write("message", &message);
        let signature = key.sign(SigningAlgorithm::Sm2dsa, MessageType::Raw, &message).unwrap();
        scratch.write("signature", &signature);
        scratch.openssl(&format!("{DGST} -verify public.pem -signature signature message"));
        let digest = scratch.digest("1234567812345678", &generated.spki, &message);
        let signature = key.sign(SigningAlgorithm::Sm2dsa, MessageType::Digest, &digest).unwrap();
        scratch.write("signature", &signature);
        scratch.openssl(&format!("{DGST} -verify public.pem -signature signature message"));
    }
}

/// Made once by OpenSSL 3.0; the same files serve the self-test.
#[test]
fn frozen_openssl_ciphertext() {
    let pkcs8 = include_bytes!("../vectors/self-test/sm2.pkcs8").to_vec();
    let pair = Sm2KeyPair::load(&SecretBytes::from(pkcs8)).unwrap();
    let opened = pair.decrypt(include_bytes!("../vectors/self-test/sm2.ciphertext")).unwrap();
    assert_eq!(opened.reveal(Reveal::ToCaller), b"reseal self-test");
}

/// The same of a signature.
#[test]
fn frozen_openssl_signature() {
    let pkcs8 = include_bytes!("../vectors/self-test/sm2.pkcs8").to_vec();
    let key = SigningKey::load(KeySpec::Sm2, &SecretBytes::from(pkcs8)).unwrap();
    let signature = include_bytes!("../vectors/self-test/sm2.signature");
    key.verify(SigningAlgorithm::Sm2dsa, MessageType::Raw, b"reseal self-test", signature).unwrap();
}
