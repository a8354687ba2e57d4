use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeySize, PrivateDecryptingKey},
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair},
};
use minicbor::{Encoder, encode::Error as EncodeError};
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384,
};
use reseal_types::SecretBytes;

use super::*;

/// 2026-01-02T03:04:05Z
const NOW: Timestamp = Timestamp::from_millis(1_767_323_045_000);
const WINDOW: i64 = 300_000;
type Cbor = Encoder<Vec<u8>>;

/// A root, an issuer below it, and a leaf with its key.
struct Chain {
    root: String,
    bundle: Vec<Vec<u8>>,
    leaf: Vec<u8>,
    key: KeyPair,
}

fn parameters(name: &str, authority: bool, (from, to): (i32, i32)) -> CertificateParams {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    parameters.is_ca = if authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
    parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(to, 1, 1);
    parameters
}

impl Chain {
    fn new() -> Self {
        Self::with(&PKCS_ECDSA_P384_SHA384, true, (2026, 2027))
    }

    fn with(leaf: &'static rcgen::SignatureAlgorithm, authority: bool, years: (i32, i32)) -> Self {
        let new_key = || KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let (root_key, middle_key, key) = (new_key(), new_key(), KeyPair::generate_for(leaf).unwrap());
        let root_parameters = parameters("root", true, (2020, 2050));
        let root = root_parameters.self_signed(&root_key).unwrap();
        let root_issuer = Issuer::new(root_parameters, root_key);
        let middle_parameters = parameters("middle", authority, years);
        let middle = middle_parameters.signed_by(&middle_key, &root_issuer).unwrap();
        let middle_issuer = Issuer::new(middle_parameters, middle_key);
        let leaf = parameters("leaf", false, (2026, 2027)).signed_by(&key, &middle_issuer).unwrap();
        Self {
            root: root.pem(),
            bundle: vec![root.der().to_vec(), middle.der().to_vec()],
            leaf: leaf.der().to_vec(),
            key,
        }
    }

    fn roots(&self) -> Roots {
        Roots::from_pem(self.root.as_bytes()).unwrap()
    }

    fn sign(&self, payload: &[u8]) -> Vec<u8> {
        let mut signed = Cbor::new(Vec::new());
        signed.array(4).unwrap().str("Signature1").unwrap().bytes(&[0xa1, 1, 0x38, 0x22]).unwrap();
        signed.bytes(&[]).unwrap().bytes(payload).unwrap();
        let pkcs8 = self.key.serialize_der();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &pkcs8).unwrap();
        let signature = key.sign(&SystemRandom::new(), &signed.into_writer()).unwrap();
        cose(&[0xa1, 1, 0x38, 0x22], payload, signature.as_ref())
    }

    /// A document with these members changed.
    fn document(&self, change: impl FnOnce(&mut Vec<(&'static str, Vec<u8>)>)) -> Vec<u8> {
        let mut members = self.members();
        change(&mut members);
        self.sign(&map(&members))
    }

    fn members(&self) -> Vec<(&'static str, Vec<u8>)> {
        let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let public: PublicKeyX509Der<'_> = private.public_key().as_der().unwrap();
        let millis = u64::try_from(NOW.millis()).unwrap();
        vec![
            ("module_id", cbor(|e| e.str("i-0123456789abcdef0-enc0123456789abcdef").map(drop))),
            ("digest", cbor(|e| e.str("SHA384").map(drop))),
            ("timestamp", cbor(|e| e.u64(millis).map(drop))),
            ("pcrs", registers(&[(0, 48), (1, 48), (8, 48)])),
            ("certificate", cbor(|e| e.bytes(&self.leaf).map(drop))),
            (
                "cabundle",
                cbor(|e| {
                    e.array(self.bundle.len() as u64)?;
                    self.bundle.iter().try_for_each(|der| e.bytes(der).map(drop))
                }),
            ),
            ("public_key", cbor(|e| e.bytes(public.as_ref()).map(drop))),
            ("user_data", cbor(|e| e.null().map(drop))),
            ("nonce", cbor(|e| e.bytes(b"nonce").map(drop))),
        ]
    }
}

fn cbor(fill: impl FnOnce(&mut Cbor) -> Result<(), EncodeError<std::convert::Infallible>>) -> Vec<u8> {
    let mut encoder = Cbor::new(Vec::new());
    fill(&mut encoder).unwrap();
    encoder.into_writer()
}

/// Registers of these lengths, each filled with its index.
fn registers(lengths: &[(u8, usize)]) -> Vec<u8> {
    cbor(|e| {
        e.map(lengths.len() as u64)?;
        lengths.iter().try_for_each(|(index, length)| e.u8(*index)?.bytes(&vec![*index; *length]).map(drop))
    })
}

fn map(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = cbor(|e| e.map(members.len() as u64).map(drop));
    for (name, value) in members {
        bytes.extend(cbor(|e| e.str(name).map(drop)));
        bytes.extend(value);
    }
    bytes
}

fn cose(protected: &[u8], payload: &[u8], signature: &[u8]) -> Vec<u8> {
    cbor(|e| e.array(4)?.bytes(protected)?.map(0)?.bytes(payload)?.bytes(signature).map(drop))
}

fn replace(name: &'static str, value: Vec<u8>) -> impl FnOnce(&mut Vec<(&'static str, Vec<u8>)>) {
    move |members| {
        members.iter_mut().filter(|(known, _)| *known == name).for_each(|(_, old)| old.clone_from(&value));
    }
}

fn refused(chain: &Chain, document: &[u8]) -> Option<AttestationError> {
    verify(document, &chain.roots(), NOW, WINDOW).err()
}

#[test]
fn a_document_is_accepted_and_says_what_runs() {
    let chain = Chain::new();
    let document = chain.document(|_| {});
    let attested = verify(&document, &chain.roots(), NOW, WINDOW).unwrap();
    assert_eq!(attested.module_id, "i-0123456789abcdef0-enc0123456789abcdef");
    let expected = [
        ("ImageSha384", "00".repeat(48)),
        ("PCR0", "00".repeat(48)),
        ("PCR1", "01".repeat(48)),
        ("PCR8", "08".repeat(48)),
    ];
    assert_eq!(attested.measurements(), expected.map(|(name, value)| (name.to_owned(), value)));
    assert!(attested.recipient.encrypt(&SecretBytes::from(vec![7; 32])).is_ok());
    let tagged = [&[0xd2], &document[..]].concat();
    assert!(verify(&tagged, &chain.roots(), NOW, WINDOW).is_ok(), "with the tag of COSE_Sign1");
}

#[test]
fn nitro_tpm_has_other_names() {
    let chain = Chain::new();
    let document = chain.document(|members| members[3] = ("nitrotpm_pcrs", registers(&[(7, 48), (4, 48)])));
    let attested = verify(&document, &chain.roots(), NOW, WINDOW).unwrap();
    assert_eq!((attested.platform, attested.image_digest()), (Platform::NitroTpm, None));
    let names: Vec<String> = attested.measurements().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["NitroTPMPCR4", "NitroTPMPCR7"]);
}

#[test]
fn every_byte_counts() {
    let chain = Chain::new();
    let document = chain.document(|_| {});
    let roots = chain.roots();
    for index in (0..document.len()).step_by(29).chain(document.len() - 96..document.len()) {
        let mut altered = document.clone();
        altered[index] ^= 0x01;
        assert!(verify(&altered, &roots, NOW, WINDOW).is_err(), "byte {index}");
    }
    for length in (0..document.len()).step_by(11) {
        assert!(verify(&document[..length], &roots, NOW, WINDOW).is_err(), "{length} bytes");
    }
    let more_behind = [&document[..], &[0]].concat();
    assert_eq!(refused(&chain, &more_behind), Some(AttestationError::Malformed));
}

#[test]
fn signatures_and_chains() {
    let (chain, other) = (Chain::new(), Chain::new());
    let payload = map(&chain.members());
    assert_eq!(refused(&chain, &other.sign(&payload)), Some(AttestationError::Signature), "another key");
    assert_eq!(refused(&other, &chain.sign(&payload)), Some(AttestationError::Certificate), "another root");
    let no_authority = Chain::with(&PKCS_ECDSA_P384_SHA384, false, (2026, 2027));
    let document = no_authority.document(|_| {});
    assert_eq!(refused(&no_authority, &document), Some(AttestationError::Certificate), "no authority");
    for years in [(2024, 2026), (2027, 2028)] {
        let chain = Chain::with(&PKCS_ECDSA_P384_SHA384, true, years);
        assert_eq!(
            refused(&chain, &chain.document(|_| {})),
            Some(AttestationError::Certificate),
            "{years:?}"
        );
    }
    let document =
        chain.document(replace("cabundle", cbor(|e| e.array(1)?.bytes(&chain.bundle[0]).map(drop))));
    assert_eq!(refused(&chain, &document), Some(AttestationError::Certificate), "a gap in the chain");
    let document = chain.document(replace("certificate", cbor(|e| e.bytes(&chain.bundle[0]).map(drop))));
    assert_eq!(refused(&chain, &document), Some(AttestationError::Certificate), "the root as leaf");
    let signature_of_zeros = cose(&[0xa1, 1, 0x38, 0x22], &payload, &[0; 96]);
    assert_eq!(refused(&chain, &signature_of_zeros), Some(AttestationError::Signature));
}

#[test]
fn a_leaf_on_another_curve_signs_nothing() {
    let chain = Chain::with(&PKCS_ECDSA_P256_SHA256, true, (2026, 2027));
    let document = cose(&[0xa1, 1, 0x38, 0x22], &map(&chain.members()), &[1; 96]);
    assert_eq!(refused(&chain, &document), Some(AttestationError::Signature));
}

#[test]
fn only_es384_in_the_protected_header() {
    let chain = Chain::new();
    let payload = map(&chain.members());
    let signed = chain.sign(&payload);
    let signature = &signed[signed.len() - 96..];
    for protected in [&[0xa1, 1, 0x26][..], &[0xa0], &[], &[0xa2, 1, 0x38, 0x22, 2, 0x80]] {
        let document = cose(protected, &payload, signature);
        assert_eq!(refused(&chain, &document), Some(AttestationError::Malformed), "{protected:?}");
    }
}

#[test]
fn age_counts_in_both_directions() {
    let chain = Chain::new();
    let document = chain.document(|_| {});
    for (millis, accepted) in [(WINDOW, true), (WINDOW + 1, false), (-WINDOW, true), (-WINDOW - 1, false)] {
        let now = Timestamp::from_millis(NOW.millis() + millis);
        let result = verify(&document, &chain.roots(), now, WINDOW);
        assert_eq!(result.err(), (!accepted).then_some(AttestationError::Age), "{millis}");
    }
    let far = chain.document(replace("timestamp", cbor(|e| e.u64(u64::MAX).map(drop))));
    assert_eq!(refused(&chain, &far), Some(AttestationError::Age));
}

#[test]
fn members_out_of_bounds() {
    let chain = Chain::new();
    let text = |text: &'static str| cbor(move |e| e.str(text).map(drop));
    let cases: Vec<(&str, Vec<u8>, AttestationError)> = vec![
        ("module_id", text(""), AttestationError::Malformed),
        ("digest", text("SHA256"), AttestationError::Malformed),
        ("timestamp", text("now"), AttestationError::Malformed),
        ("pcrs", registers(&[]), AttestationError::Malformed),
        ("pcrs", registers(&[(32, 48)]), AttestationError::Malformed),
        ("pcrs", registers(&[(0, 47)]), AttestationError::Malformed),
        ("pcrs", registers(&[(3, 48), (3, 48)]), AttestationError::Malformed),
        ("certificate", cbor(|e| e.bytes(&[]).map(drop)), AttestationError::Malformed),
        ("certificate", cbor(|e| e.bytes(b"none").map(drop)), AttestationError::Certificate),
        ("cabundle", cbor(|e| e.array(0).map(drop)), AttestationError::Malformed),
        ("cabundle", cbor(|e| e.begin_array()?.end().map(drop)), AttestationError::Malformed),
        ("public_key", cbor(|e| e.null().map(drop)), AttestationError::PublicKey),
        ("public_key", cbor(|e| e.bytes(b"none").map(drop)), AttestationError::PublicKey),
        ("nonce", cbor(|e| e.bytes(&[0; 1025]).map(drop)), AttestationError::Malformed),
    ];
    for (index, (name, value, expected)) in cases.into_iter().enumerate() {
        let document = chain.document(|members| {
            members
                .iter_mut()
                .filter(|(known, _)| *known == name)
                .for_each(|member| member.1.clone_from(&value));
        });
        assert_eq!(refused(&chain, &document), Some(expected), "case {index}: {name}");
    }
    for missing in ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"] {
        let document = chain.document(|members| members.retain(|(name, _)| *name != missing));
        assert_eq!(refused(&chain, &document), Some(AttestationError::Malformed), "without {missing}");
    }
    let document = chain.document(|members| members.retain(|(name, _)| *name != "public_key"));
    assert_eq!(refused(&chain, &document), Some(AttestationError::PublicKey));
    let document = chain.document(|members| members.push(("digest", cbor(|e| e.str("SHA384").map(drop)))));
    assert_eq!(refused(&chain, &document), Some(AttestationError::Malformed), "a member twice");
    let document = chain.document(|members| members.push(("later", cbor(|e| e.array(1)?.u8(1).map(drop)))));
    assert_eq!(refused(&chain, &document), None, "a member of a later version");
}

#[test]
fn roots_are_certificates() {
    assert_eq!(Roots::from_pem(b"").err(), Some(NoRoots));
    assert_eq!(
        Roots::from_pem(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").err(),
        Some(NoRoots)
    );
    let (chain, other) = (Chain::new(), Chain::new());
    let both = Roots::from_pem(format!("{}{}", other.root, chain.root).as_bytes()).unwrap();
    assert!(verify(&chain.document(|_| {}), &both, NOW, WINDOW).is_ok());
}

/// Documents made by another program: `python -m support.attestation` in tests/python.
#[test]
fn documents_of_another_program_are_accepted() {
    let roots = Roots::from_pem(include_bytes!("../../vectors/attestation/root.pem")).unwrap();
    let enclave = include_bytes!("../../vectors/attestation/enclave.cose");
    let attested = verify(enclave, &roots, NOW, WINDOW).unwrap();
    assert_eq!((attested.platform, attested.measurements().len()), (Platform::Enclave, 17));
    let instance = include_bytes!("../../vectors/attestation/nitro-tpm.cose");
    let attested = verify(instance, &roots, NOW, WINDOW).unwrap();
    assert_eq!((attested.platform, attested.measurements().len()), (Platform::NitroTpm, 2));
    let later = Timestamp::from_millis(NOW.millis() + 3_601_000);
    let refused = verify(enclave, &roots, later, i64::MAX).err();
    assert_eq!(refused, Some(AttestationError::Certificate), "certificates end");
}
