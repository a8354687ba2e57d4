//! Root key files that are sound, and every way in which one is not.

use std::{
    os::unix::fs::symlink,
    path::PathBuf,
    pin::pin,
    sync::atomic::{AtomicU32, Ordering},
    task::{Context, Poll, Waker},
};

use super::*;
use crate::MemoryCustodian;

/// A directory of this test alone.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("reseal-custody-{}-{count}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn key(&self) -> PathBuf {
        self.0.join("root.key")
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that `create` asks for")]
fn fill(bytes: &mut [u8]) -> Result<(), NoEntropy> {
    reseal_crypto::random::fill(bytes).unwrap();
    Ok(())
}

/// Custodians of this crate never wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("waits"),
    }
}

fn kind(result: Result<FileCustodian, RootKeyFileError>) -> Kind {
    result.err().expect("an error").kind
}

#[test]
fn what_was_wrapped_opens_after_a_restart_and_nowhere_else() {
    let dir = TempDir::new();
    let first = FileCustodian::create(dir.key(), fill).unwrap();
    let secret = SecretBytes::from(vec![7; 32]);
    let wrapped = now(first.wrap(&secret, b"place")).unwrap();
    assert_ne!(wrapped, now(first.wrap(&secret, b"place")).unwrap(), "a salt was used twice");
    drop(first);
    let again = FileCustodian::open(dir.key()).unwrap();
    assert!(now(again.unwrap(&wrapped, b"place")).unwrap().ct_eq(&secret));
    now(again.health()).unwrap();
    assert_eq!(again.describe(), format!("file {}", dir.key().display()));

    let refused = Some(CustodianError::WrongRootKeyOrTampered);
    assert_eq!(now(again.unwrap(&wrapped, b"other place")).err(), refused);
    let mut altered = wrapped.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert_eq!(now(again.unwrap(&altered, b"place")).err(), refused);
    assert_eq!(now(again.unwrap(&wrapped[..20], b"place")).err(), refused);
    let other = FileCustodian::create(dir.0.join("other.key"), fill).unwrap();
    assert_eq!(now(other.unwrap(&wrapped, b"place")).err(), refused);
    let memory = MemoryCustodian::generate().unwrap();
    assert_eq!(now(memory.unwrap(&wrapped, b"place")).err(), refused);
}

#[test]
fn memory_wraps_and_opens() {
    let memory = MemoryCustodian::generate().unwrap();
    let secret = SecretBytes::from(vec![7; 32]);
    let wrapped = now(memory.wrap(&secret, b"place")).unwrap();
    assert!(now(memory.unwrap(&wrapped, b"place")).unwrap().ct_eq(&secret));
    now(memory.health()).unwrap();
}

#[test]
fn a_new_file_is_private_and_nothing_is_overwritten() {
    let dir = TempDir::new();
    FileCustodian::create(dir.key(), fill).unwrap();
    let metadata = fs::metadata(dir.key()).unwrap();
    assert_eq!(metadata.permissions().mode(), 0o100_600);
    let before = fs::read(dir.key()).unwrap();
    assert!(matches!(kind(FileCustodian::create(dir.key(), fill)), Kind::Exists));
    assert_eq!(fs::read(dir.key()).unwrap(), before);

    let link = dir.0.join("link");
    symlink(dir.0.join("nowhere"), &link).unwrap();
    assert!(matches!(kind(FileCustodian::create(&link, fill)), Kind::Exists));
    assert!(!dir.0.join("nowhere").exists());
    let failed = FileCustodian::create(dir.0.join("dry"), |_| Err(NoEntropy));
    assert!(matches!(kind(failed), Kind::NoEntropy));
    assert!(!dir.0.join("dry").exists());
}

#[test]
fn only_the_owner_may_have_permissions() {
    let dir = TempDir::new();
    FileCustodian::create(dir.key(), fill).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o601, 0o644, 0o666] {
        fs::set_permissions(dir.key(), Permissions::from_mode(mode)).unwrap();
        let error = FileCustodian::open(dir.key()).err().expect("an error");
        assert!(matches!(error.kind, Kind::LooseMode(found) if found == mode));
        assert!(error.to_string().ends_with(&format!("to mend it: chmod 600 {}", dir.key().display())));
    }
    fs::set_permissions(dir.key(), Permissions::from_mode(0o400)).unwrap();
    FileCustodian::open(dir.key()).unwrap();
    let metadata = fs::metadata(dir.key()).unwrap();
    let stranger = metadata.uid() + 1;
    assert!(matches!(
        check(&metadata, stranger),
        Err(Kind::ForeignOwner { owner, expected }) if owner == metadata.uid() && expected == stranger
    ));
}

#[test]
fn a_link_is_judged_by_what_it_leads_to() {
    let dir = TempDir::new();
    FileCustodian::create(dir.key(), fill).unwrap();
    let link = dir.0.join("link");
    symlink(dir.key(), &link).unwrap();
    FileCustodian::open(&link).unwrap();
    fs::set_permissions(dir.key(), Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(kind(FileCustodian::open(&link)), Kind::LooseMode(0o644)));
}

#[test]
fn what_is_not_a_root_key_is_named() {
    let dir = TempDir::new();
    assert!(matches!(kind(FileCustodian::open(dir.key())), Kind::Missing));
    assert!(matches!(kind(FileCustodian::open(&dir.0)), Kind::NotAFile));
    FileCustodian::create(dir.key(), fill).unwrap();
    let whole = fs::read(dir.key()).unwrap();
    let mut typo = whole.clone();
    typo[30] = if typo[30] == b'0' { b'1' } else { b'0' };
    let twice = whole.repeat(2);
    let cases = [
        (&b""[..], FormatError::Empty),
        (&whole[..40], FormatError::Truncated),
        (&whole[..whole.len() - 1], FormatError::Truncated),
        (&typo, FormatError::Checksum),
        (&twice, FormatError::NotARootKey),
        (b"something else", FormatError::NotARootKey),
    ];
    for (content, expected) in cases {
        fs::write(dir.key(), content).unwrap();
        let error = FileCustodian::open(dir.key()).err().expect("an error");
        assert!(matches!(error.kind, Kind::Format(found) if found == expected), "{error}");
        let secret = String::from_utf8_lossy(&whole[19..83]).into_owned();
        assert!(!format!("{error} {error:?}").contains(&secret), "a message holds the key");
    }
}

#[test]
fn health_notices_a_file_that_is_gone_loose_or_another() {
    let dir = TempDir::new();
    let custodian = FileCustodian::create(dir.key(), fill).unwrap();
    fs::set_permissions(dir.key(), Permissions::from_mode(0o640)).unwrap();
    let error = now(custodian.health()).unwrap_err();
    let CustodianError::Misconfigured { mend, .. } = error else { panic!("{error}") };
    assert_eq!(mend, format!("chmod 600 {}", dir.key().display()));
    fs::remove_file(dir.key()).unwrap();
    assert!(matches!(now(custodian.health()), Err(CustodianError::Misconfigured { .. })));
    FileCustodian::create(dir.key(), fill).unwrap();
    let error = now(custodian.health()).unwrap_err();
    assert!(error.to_string().contains("another root key"), "{error}");
}
