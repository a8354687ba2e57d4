//! SM2 against OpenSSL in both directions. The `openssl` command, version 3, must be there: a test that skips
//! itself proves nothing.
#![cfg(feature = "sm2")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests are tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use reseal_crypto::sm2::Sm2KeyPair;
use reseal_types::{Reveal, SecretBytes};

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

/// Made once by OpenSSL 3.0; the same files serve the self-test.
#[test]
fn frozen_openssl_ciphertext() {
    let pkcs8 = include_bytes!("../vectors/self-test/sm2.pkcs8").to_vec();
    let pair = Sm2KeyPair::load(&SecretBytes::from(pkcs8)).unwrap();
    let opened = pair.decrypt(include_bytes!("../vectors/self-test/sm2.ciphertext")).unwrap();
    assert_eq!(opened.reveal(Reveal::ToCaller), b"reseal self-test");
}
