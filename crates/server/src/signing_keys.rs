//! Signing keys in use, one set for each runtime thread, so that nothing is locked.
//!
//! Invariant: a key derived from an old secret is never used. An entry is found only under the serial number of
//! the secret it was derived from, which comes from the credential as it is now and changes with the secret.
//! Keys are kept only once they have verified a request, so a stranger cannot push others out.

use std::cell::RefCell;

use quick_cache::unsync::Cache;
use reseal_core::identity::Credential;
use reseal_sigv4::{Checked, Error, Scratch, SigningKey};
use reseal_types::{Reveal, SecretBytes};

/// Keys kept on one thread: one for each access key, Region and day in use.
const CAPACITY: usize = 4_096;

thread_local! {
    static IN_USE: RefCell<InUse> =
        RefCell::new(InUse { keys: Cache::new(CAPACITY), scratch: Scratch::default() });
}

struct InUse {
    keys: Cache<Box<str>, Kept>,
    scratch: Scratch,
}

struct Kept {
    serial: u64,
    /// Boxed, so that it stays where it is, and is wiped there, when the cache moves its entries.
    key: Box<SigningKey>,
}

/// Verifies a claim with the secret of `credential`; its owner is the caller then.
pub(crate) fn verify(
    checked: &Checked<'_>,
    credential: Credential,
    body: &[u8],
) -> Result<reseal_core::identity::Authenticated, Error> {
    credential.authenticate(|secret, serial| verify_with(checked, secret, serial, body))
}

fn verify_with(checked: &Checked<'_>, secret: &SecretBytes, serial: u64, body: &[u8]) -> Result<(), Error> {
    let scope = checked.claim().credential();
    IN_USE.with_borrow_mut(|InUse { keys, scratch }| {
        if let Some(kept) = keys.get(scope.as_str()).filter(|kept| kept.serial == serial) {
            return checked.verify(&kept.key, body, scratch).map(|_| ());
        }
        let secret = secret.reveal(Reveal::ToCipher);
        let key = Box::new(SigningKey::derive(secret, scope.date(), scope.region(), scope.service()));
        checked.verify(&key, body, scratch)?;
        keys.insert(scope.as_str().into(), Kept { serial, key });
        Ok(())
    })
}

/// Does for an access key that does not exist what would be done for one that does.
pub(crate) fn verify_unknown(checked: &Checked<'_>, body: &[u8]) {
    const NOBODYS_SECRET: [u8; 40] = [b'x'; 40];
    let scope = checked.claim().credential();
    let key = SigningKey::derive(&NOBODYS_SECRET, scope.date(), scope.region(), scope.service());
    let outcome =
        IN_USE.with_borrow_mut(|in_use| checked.verify(&key, body, &mut in_use.scratch).map(|_| ()));
    let _ = std::hint::black_box(outcome);
}

#[cfg(test)]
mod tests {
    use reseal_sigv4::{Claim, Credentials, RequestParts, Scope, sign};

    use super::*;

    const NOW: i64 = 1_767_323_045;
    const ID: &str = "AKIDOFTHECACHETEST00";

    fn outcome(signed_with: &str, secret: &str, serial: u64) -> Result<(), Error> {
        let plain: [(&str, &[u8]); 1] = [("host", b"kms.test")];
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &plain };
        let credentials =
            Credentials { access_key_id: ID, secret_access_key: signed_with.as_bytes(), session_token: None };
        let scope = Scope { region: "us-east-1", service: "kms" };
        let added = sign(parts, b"{}", &credentials, &scope, NOW)?;
        let added = added.iter().map(|(name, value)| (*name, value.as_bytes()));
        let headers: Vec<(&str, &[u8])> = plain.into_iter().chain(added).collect();
        let claim = Claim::parse(RequestParts { headers: &headers, ..parts })?;
        let checked = claim.check(NOW, &["kms"], |_| true)?;
        verify_with(&checked, &SecretBytes::from(secret.as_bytes().to_vec()), serial, b"{}")
    }

    fn kept() -> usize {
        IN_USE.with_borrow(|in_use| in_use.keys.len())
    }

    #[test]
    fn an_old_secret_stops_working_with_its_serial() {
        assert_eq!(outcome("the old secret", "the old secret", 7), Ok(()));
        assert_eq!(kept(), 1);
        // From memory: the secret is not even looked at under the same serial.
        assert_eq!(outcome("the old secret", "not looked at", 7), Ok(()));
        assert_eq!(outcome("the old secret", "the new secret", 8), Err(Error::SignatureMismatch));
        assert_eq!(outcome("the new secret", "the new secret", 8), Ok(()));
        assert_eq!(outcome("the old secret", "the new secret", 8), Err(Error::SignatureMismatch));
        assert_eq!(kept(), 1);
    }

    #[test]
    fn only_keys_that_verified_are_kept() {
        assert_eq!(outcome("a guess", "the secret", 1), Err(Error::SignatureMismatch));
        assert_eq!(kept(), 0);
    }
}
