//! Sealed records and wrapped domain keys: the frozen vectors of another implementation, and what must be
//! refused.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use proptest::prelude::*;
use reseal_crypto::{DomainKey, RootKey, SealError, open, seal, seal::domain_version, unwrap, wrap};
use reseal_types::{Reveal, SecretBytes};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    records: Vec<Record>,
    domain_keys: Vec<WrappedKey>,
    refused_records: Vec<Record>,
    refused_domain_keys: Vec<WrappedKey>,
}

#[derive(Deserialize)]
struct Record {
    domain_key: String,
    domain_version: u32,
    place: String,
    version: String,
    salt: String,
    plaintext: String,
    sealed: String,
}

#[derive(Deserialize)]
struct WrappedKey {
    root_key: String,
    context: String,
    salt: String,
    key: String,
    wrapped: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/seal-v1.json")).unwrap()
}

fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits).unwrap()
}

fn secret(digits: &str) -> SecretBytes {
    SecretBytes::from(bytes(digits))
}

fn domain(version: u32, byte: u8) -> DomainKey {
    DomainKey::new(version, &SecretBytes::from(vec![byte; 32])).unwrap()
}

fn root(byte: u8) -> RootKey {
    RootKey::new(&SecretBytes::from(vec![byte; 32])).unwrap()
}

/// Opens with the one domain key given.
fn open_with(key: &DomainKey, place: &[u8], version: u64, sealed: &[u8]) -> Result<SecretBytes, SealError> {
    open(|wanted| (wanted == key.version()).then_some(key), place, version, sealed)
}

#[test]
fn frozen_records_both_ways() {
    let records = vectors().records;
    assert_eq!(records.len(), 3);
    for case in records {
        let key = DomainKey::new(case.domain_version, &secret(&case.domain_key)).unwrap();
        let (place, version) = (bytes(&case.place), case.version.parse().unwrap());
        let salt = bytes(&case.salt).try_into().unwrap();
        let sealed = seal(&key, &place, version, salt, &bytes(&case.plaintext)).unwrap();
        assert_eq!(hex::encode(&sealed), case.sealed);
        assert_eq!(domain_version(&sealed), Some(case.domain_version));
        let opened = open_with(&key, &place, version, &sealed).unwrap();
        assert_eq!(opened.reveal(Reveal::ToCaller), bytes(&case.plaintext));
    }
}

#[test]
fn frozen_domain_keys_both_ways() {
    let wrapped_keys = vectors().domain_keys;
    assert_eq!(wrapped_keys.len(), 2);
    for case in wrapped_keys {
        let root = RootKey::new(&secret(&case.root_key)).unwrap();
        let salt = bytes(&case.salt).try_into().unwrap();
        let wrapped = wrap(&root, &bytes(&case.context), salt, &secret(&case.key)).unwrap();
        assert_eq!(hex::encode(&wrapped), case.wrapped);
        assert!(unwrap(&root, &bytes(&case.context), &wrapped).unwrap().ct_eq(&secret(&case.key)));
    }
}

#[test]
fn frozen_refusals() {
    let Vectors { refused_records, refused_domain_keys, .. } = vectors();
    assert_eq!((refused_records.len(), refused_domain_keys.len()), (3, 3));
    for case in refused_records {
        let key = DomainKey::new(case.domain_version, &secret(&case.domain_key)).unwrap();
        let opened =
            open_with(&key, &bytes(&case.place), case.version.parse().unwrap(), &bytes(&case.sealed));
        assert_eq!(opened.err(), Some(SealError::Tampered), "{}", case.sealed);
    }
    for case in refused_domain_keys {
        let root = RootKey::new(&secret(&case.root_key)).unwrap();
        let opened = unwrap(&root, &bytes(&case.context), &bytes(&case.wrapped));
        assert_eq!(opened.err(), Some(SealError::Tampered), "{}", case.wrapped);
    }
}

#[test]
fn a_record_opens_only_where_it_was_sealed() {
    let key = domain(3, 7);
    let sealed = seal(&key, b"key/1", 5, [9; 32], b"record").unwrap();
    assert!(open_with(&key, b"key/1", 5, &sealed).is_ok());
    for (place, version) in [(&b"key/2"[..], 5), (b"key/1", 4), (b"key/1", 6), (b"key/", 5), (b"key/1\0", 5)]
    {
        assert_eq!(open_with(&key, place, version, &sealed).err(), Some(SealError::Tampered));
    }
    assert_eq!(open_with(&domain(3, 8), b"key/1", 5, &sealed).err(), Some(SealError::Tampered));
    assert_eq!(open_with(&domain(4, 7), b"key/1", 5, &sealed).err(), Some(SealError::UnknownDomainKey(3)));
}

/// The store may claim another version of the domain key; that version's key must not open the record even
/// when its bytes are the same.
#[test]
fn the_claimed_domain_version_is_bound() {
    let mut sealed = seal(&domain(3, 7), b"key/1", 5, [9; 32], b"record").unwrap();
    sealed[4] = 4;
    assert_eq!(open_with(&domain(4, 7), b"key/1", 5, &sealed).err(), Some(SealError::Tampered));
}

#[test]
fn refuses_every_small_change() {
    let (key, root) = (domain(3, 7), root(1));
    let sealed = seal(&key, b"key/1", 5, [9; 32], b"record").unwrap();
    let wrapped = wrap(&root, b"file/1", [9; 32], &SecretBytes::from(vec![1; 32])).unwrap();
    let opens = |sealed: &[u8]| open(|_| Some(&key), b"key/1", 5, sealed).map(|_| ());
    let unwraps = |wrapped: &[u8]| unwrap(&root, b"file/1", wrapped).map(|_| ());
    assert_eq!((opens(&sealed), unwraps(&wrapped)), (Ok(()), Ok(())));
    for (whole, open) in [(&sealed, &opens as &dyn Fn(&[u8]) -> Result<(), SealError>), (&wrapped, &unwraps)]
    {
        for (index, bit) in (0..whole.len()).flat_map(|index| (0..8).map(move |bit| (index, bit))) {
            let mut changed = whole.clone();
            changed[index] ^= 1 << bit;
            assert_eq!(open(&changed), Err(SealError::Tampered), "byte {index} bit {bit}");
        }
        for length in (0..whole.len()).chain(whole.len() + 1..whole.len() + 40) {
            let mut changed = whole.clone();
            changed.resize(length, 0);
            assert_eq!(open(&changed), Err(SealError::Tampered), "length {length}");
        }
    }
}

#[test]
fn a_wrapped_key_opens_only_under_its_root_and_context() {
    let wrapped = wrap(&root(1), b"file/1", [9; 32], &SecretBytes::from(vec![1; 32])).unwrap();
    assert_eq!(unwrap(&root(2), b"file/1", &wrapped).err(), Some(SealError::Tampered));
    assert_eq!(unwrap(&root(1), b"file/2", &wrapped).err(), Some(SealError::Tampered));
}

#[test]
fn keys_have_one_length() {
    for length in [0, 16, 31, 33] {
        assert!(DomainKey::new(1, &SecretBytes::from(vec![1; length])).is_err());
        assert!(RootKey::new(&SecretBytes::from(vec![1; length])).is_err());
    }
}

proptest! {
    #[test]
    fn round_trips(
        place in prop::collection::vec(any::<u8>(), 0..500),
        version: u64,
        salt: [u8; 32],
        plaintext in prop::collection::vec(any::<u8>(), 0..3000),
    ) {
        let key = domain(1, 7);
        let sealed = seal(&key, &place, version, salt, &plaintext).unwrap();
        let opened = open_with(&key, &place, version, &sealed).unwrap();
        prop_assert_eq!(opened.reveal(Reveal::ToCaller), &plaintext[..]);
    }

    #[test]
    fn arbitrary_bytes_are_refused(mut sealed in prop::collection::vec(any::<u8>(), 0..200)) {
        let key = domain(1, 7);
        prop_assert!(open(|_| Some(&key), b"", 0, &sealed).is_err());
        prop_assert!(unwrap(&root(1), b"", &sealed).is_err());
        for format in [1, 2] {
            sealed.splice(..sealed.len().min(1), [format]);
            prop_assert!(open(|_| Some(&key), b"", 0, &sealed).is_err());
            prop_assert!(unwrap(&root(1), b"", &sealed).is_err());
        }
    }
}
