"""DeriveSharedSecret, Encapsulate, Decapsulate, each with the other side played by an independent implementation."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from kyber_py.ml_kem import ML_KEM_512

from support import sm2
from support.expect import DRY_RUN_TEXT, NO_TEXT, assert_refused, refused, violation, violations

CURVES = {
    "ECC_NIST_P256": (ec.SECP256R1(), 32, 91),
    "ECC_NIST_P384": (ec.SECP384R1(), 48, 120),
    "ECC_NIST_P521": (ec.SECP521R1(), 66, 158),
}
ML_KEM = {"ML_KEM_512": (768, 800, 822), "ML_KEM_768": (1088, 1184, 1206), "ML_KEM_1024": (1568, 1568, 1590)}
AGREEMENT, ENCAPSULATION = "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"


def spki(public_key, form=PublicFormat.SubjectPublicKeyInfo):
    return public_key.public_bytes(Encoding.DER, form)


@pytest.fixture
def agreeing(shared_key):
    return lambda spec: shared_key(spec, AGREEMENT)


@pytest.fixture
def encapsulating(shared_key):
    return lambda spec: shared_key(spec, ENCAPSULATION)


def derive(kms, arn, peer, **more):
    return kms.derive_shared_secret(KeyId=arn, KeyAgreementAlgorithm="ECDH", PublicKey=peer, **more)


def public_key(kms, arn):
    return kms.get_public_key(KeyId=arn)["PublicKey"]


@pytest.mark.parametrize("spec", CURVES)
def test_the_other_side_finds_the_same_secret(kms, agreeing, spec):
    curve, length, der_length = CURVES[spec]
    arn = agreeing(spec)
    answer = kms.get_public_key(KeyId=arn)
    assert answer["KeyAgreementAlgorithms"] == ["ECDH"] and answer["KeyUsage"] == AGREEMENT
    assert len(answer["PublicKey"]) == der_length
    ours = load_der_public_key(answer["PublicKey"])
    assert ours.curve.name == curve.name
    for _ in range(20):
        peer = ec.generate_private_key(curve)
        derived = derive(kms, arn, spki(peer.public_key()))
        assert derived["SharedSecret"] == peer.exchange(ec.ECDH(), ours)
        assert len(derived["SharedSecret"]) == length
    assert (derived["KeyId"], derived["KeyAgreementAlgorithm"], derived["KeyOrigin"]) == (arn, "ECDH", "AWS_KMS")


def test_leading_zeros_stay(kms, agreeing):
    """One in 256 secrets begins with a zero byte, which must not be lost."""
    arn = agreeing("ECC_NIST_P256")
    ours = load_der_public_key(public_key(kms, arn))
    while True:
        peer = ec.generate_private_key(ec.SECP256R1())
        expected = peer.exchange(ec.ECDH(), ours)
        if expected[0] == 0:
            break
    assert derive(kms, arn, spki(peer.public_key()))["SharedSecret"] == expected


def test_sm2(kms, agreeing):
    arn = agreeing("SM2")
    ours = public_key(kms, arn)
    for _ in range(5):
        peer = sm2.PrivateKey()
        assert derive(kms, arn, peer.public_key)["SharedSecret"] == peer.agree(ours)


def test_two_kms_keys(kms, make_key):
    one, two = (make_key(KeySpec="ECC_NIST_P384", KeyUsage=AGREEMENT) for _ in range(2))
    first = derive(kms, one, public_key(kms, two))["SharedSecret"]
    assert first == derive(kms, two, public_key(kms, one))["SharedSecret"]


def test_what_is_no_peer(kms, agreeing):
    """AWS answers all of this with a ValidationException that says nothing."""
    arn = agreeing("ECC_NIST_P256")
    good = spki(ec.generate_private_key(ec.SECP256R1()).public_key())
    off_curve = good[:-1] + bytes([good[-1] ^ 1])
    at_infinity = bytes.fromhex("3019301306072a8648ce3d020106082a8648ce3d0301070302000000")[:27]
    cases = {
        "another curve": spki(ec.generate_private_key(ec.SECP384R1()).public_key()),
        "secp256k1": spki(ec.generate_private_key(ec.SECP256K1()).public_key()),
        "SM2": sm2.PrivateKey().public_key,
        "RSA": spki(rsa.generate_private_key(65537, 2048).public_key()),
        "off the curve": off_curve,
        "at infinity": at_infinity,
        "a bare point": good[26:],
        "cut": good[:-1],
        "more behind": good + b"\0",
        "PEM": ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "nonsense": b"nonsense",
    }
    for name, peer in cases.items():
        with refused("ValidationException", ""):
            derive(kms, arn, peer)
            pytest.fail(name)
    assert derive(kms, arn, good)["SharedSecret"]


@pytest.mark.parametrize("spec", ML_KEM)
def test_what_is_encapsulated_here_is_opened_here(kms, encapsulating, spec):
    arn, (length, _, der_length) = encapsulating(spec), ML_KEM[spec]
    answer = kms.get_public_key(KeyId=arn)
    assert answer["EncapsulationAlgorithms"] == ["ML_KEM"] and len(answer["PublicKey"]) == der_length
    made = kms.encapsulate(KeyId=arn, EncapsulationAlgorithm="ML_KEM")
    assert (len(made["SharedSecret"]), len(made["SharedSecretCiphertextBlob"])) == (32, length)
    opened = decapsulate(kms, arn, made["SharedSecretCiphertextBlob"])
    assert opened["SharedSecret"] == made["SharedSecret"]
    assert made["KeyId"] == opened["KeyId"] == arn
    assert made["EncapsulationAlgorithm"] == opened["EncapsulationAlgorithm"] == "ML_KEM"


def decapsulate(kms, arn, blob, **more):
    return kms.decapsulate(KeyId=arn, EncapsulationAlgorithm="ML_KEM", SharedSecretCiphertextBlob=blob, **more)


@pytest.mark.parametrize("spec", ML_KEM)
def test_what_others_encapsulate_is_opened_here(kms, encapsulating, spec):
    """OpenSSL for the sets it has, a pure Python implementation for ML-KEM-512."""
    arn = encapsulating(spec)
    der = public_key(kms, arn)
    for _ in range(5):
        if spec == "ML_KEM_512":
            secret, blob = ML_KEM_512.encaps(der[-ML_KEM[spec][1] :])
        else:
            theirs = load_der_public_key(der)
            expected = mlkem.MLKEM768PublicKey if spec == "ML_KEM_768" else mlkem.MLKEM1024PublicKey
            assert isinstance(theirs, expected)
            secret, blob = theirs.encapsulate()
        assert decapsulate(kms, arn, blob)["SharedSecret"] == secret


def test_a_wrong_ciphertext_gives_other_bytes(kms, encapsulating, make_key):
    arn = encapsulating("ML_KEM_768")
    other = make_key(KeySpec="ML_KEM_768", KeyUsage=ENCAPSULATION)
    made = kms.encapsulate(KeyId=arn, EncapsulationAlgorithm="ML_KEM")
    blob, secret = made["SharedSecretCiphertextBlob"], made["SharedSecret"]
    seen = {secret}
    for arn_used, sent in (
        (other, blob),
        (arn, bytes([blob[0] ^ 1]) + blob[1:]),
        (arn, blob[:-1] + bytes([blob[-1] ^ 0x80])),
        (arn, bytes(len(blob))),
    ):
        first = decapsulate(kms, arn_used, sent)["SharedSecret"]
        assert len(first) == 32 and first == decapsulate(kms, arn_used, sent)["SharedSecret"]
        assert first not in seen
        seen.add(first)


@pytest.mark.parametrize("spec", ML_KEM)
def test_only_the_length_of_a_ciphertext_is_refused(kms, encapsulating, spec):
    arn, length = encapsulating(spec), ML_KEM[spec][0]
    for wrong in {1, length - 1, length + 1, 768, 1088, 1568} - {length}:
        with refused("InvalidCiphertextException", NO_TEXT):
            decapsulate(kms, arn, bytes(wrong))


def test_usages(kms, key, agreeing, encapsulating):
    agreement, kem = agreeing("ECC_NIST_P256"), encapsulating("ML_KEM_512")
    blob = kms.encapsulate(KeyId=kem, EncapsulationAlgorithm="ML_KEM")["SharedSecretCiphertextBlob"]
    own = public_key(kms, agreement)
    text = "{} key usage is {} which is not valid for {}."
    for arn, usage in ((key, "ENCRYPT_DECRYPT"), (kem, ENCAPSULATION)):
        with refused("InvalidKeyUsageException", text.format(arn, usage, "DeriveSharedSecret")):
            derive(kms, arn, own)
    for arn, usage in ((key, "ENCRYPT_DECRYPT"), (agreement, AGREEMENT)):
        with refused("InvalidKeyUsageException", text.format(arn, usage, "Encapsulate")):
            kms.encapsulate(KeyId=arn, EncapsulationAlgorithm="ML_KEM")
        with refused("InvalidKeyUsageException", text.format(arn, usage, "Decapsulate")):
            decapsulate(kms, arn, blob)
    for arn in (agreement, kem):
        with refused("InvalidKeyUsageException"):
            kms.encrypt(KeyId=arn, Plaintext=b"x")


def test_dry_runs(kms, agreeing, encapsulating):
    agreement, kem = agreeing("ECC_NIST_P256"), encapsulating("ML_KEM_512")
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        derive(kms, agreement, public_key(kms, agreement), DryRun=True)
    with refused("ValidationException", ""):
        derive(kms, agreement, b"nonsense", DryRun=True)
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        kms.encapsulate(KeyId=kem, EncapsulationAlgorithm="ML_KEM", DryRun=True)
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        decapsulate(kms, kem, bytes(768), DryRun=True)
    with refused("InvalidCiphertextException", NO_TEXT):
        decapsulate(kms, kem, bytes(767), DryRun=True)


def test_constraints(raw, agreeing, encapsulating):
    missing = "Member must not be null"
    answer = raw.call("DeriveSharedSecret", {"KeyId": agreeing("ECC_NIST_P256")})
    expected = [violation(missing, name) for name in ("keyAgreementAlgorithm", "publicKey")]
    assert_refused(answer, "ValidationException", violations(*expected))
    answer = raw.call("Decapsulate", {"KeyId": encapsulating("ML_KEM_512")})
    expected = [violation(missing, name) for name in ("encapsulationAlgorithm", "sharedSecretCiphertextBlob")]
    assert_refused(answer, "ValidationException", violations(*expected))
    answer = raw.call("Encapsulate", {"EncapsulationAlgorithm": "RSA"})
    choice = violation("Member must satisfy enum value set: [ML_KEM]", "encapsulationAlgorithm", "RSA")
    assert_refused(answer, "ValidationException", violations(violation(missing, "keyId"), choice))
    named = {"KeyId": agreeing("ECC_NIST_P256"), "KeyAgreementAlgorithm": "ECDH"}
    too_long = "Value at 'publicKey' failed to satisfy constraint: Member must have length less than or equal to 8192"
    answer = raw.call("DeriveSharedSecret", {**named, "PublicKey": "AAAA" * 2731})
    assert_refused(answer, "ValidationException", violations(too_long))
    answer = raw.call("DeriveSharedSecret", {**named, "PublicKey": "no base64"})
    assert_refused(answer, "SerializationException")


@pytest.mark.parametrize(
    ("state", "code"), [("Disabled", "DisabledException"), ("PendingDeletion", "KMSInvalidStateException")]
)
def test_states(kms, make_key, state, code):
    agreement = make_key(state, KeySpec="ECC_NIST_P256", KeyUsage=AGREEMENT)
    kem = make_key(state, KeySpec="ML_KEM_512", KeyUsage=ENCAPSULATION)
    with refused(code):
        derive(kms, agreement, b"anything")
    with refused(code):
        kms.encapsulate(KeyId=kem, EncapsulationAlgorithm="ML_KEM")
    with refused(code):
        decapsulate(kms, kem, bytes(768))


@pytest.mark.parametrize("action", ["DeriveSharedSecret", "Encapsulate", "Decapsulate"])
def test_each_action_is_allowed_by_itself(kms, make_key, policy_for, root_arn, action):
    policy = policy_for(root_arn, deny=[f"kms:{action}"])
    agreement = make_key(KeySpec="ECC_NIST_P256", KeyUsage=AGREEMENT, Policy=policy)
    kem = make_key(KeySpec="ML_KEM_512", KeyUsage=ENCAPSULATION, Policy=policy)
    own = public_key(kms, agreement)
    calls = {
        "DeriveSharedSecret": lambda: derive(kms, agreement, own),
        "Encapsulate": lambda: kms.encapsulate(KeyId=kem, EncapsulationAlgorithm="ML_KEM"),
        "Decapsulate": lambda: decapsulate(kms, kem, bytes(768)),
    }
    for name, call in calls.items():
        if name == action:
            with refused("AccessDeniedException"):
                call()
        else:
            assert call()["SharedSecret"]


def test_a_policy_names_the_algorithm(kms, make_key, root_arn):
    allow = {"Effect": "Allow", "Principal": {"AWS": root_arn}, "Action": "kms:*", "Resource": "*"}
    condition = {"StringEquals": {"kms:KeyAgreementAlgorithm": "ECDH"}}
    deny = {**allow, "Effect": "Deny", "Action": "kms:DeriveSharedSecret", "Condition": condition}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]})
    arn = make_key(KeySpec="ECC_NIST_P256", KeyUsage=AGREEMENT, Policy=policy)
    with refused("AccessDeniedException"):
        derive(kms, arn, public_key(kms, arn))


def test_another_account(kms, other_kms, make_key, policy_for, root_arn, other_arn):
    arn = make_key(KeySpec="ECC_NIST_P256", KeyUsage=AGREEMENT)
    own = public_key(kms, arn)
    with refused("AccessDeniedException"):
        derive(other_kms, arn, own)
    kms.put_key_policy(KeyId=arn, Policy=policy_for(root_arn, other_arn))
    assert derive(other_kms, arn, own)["SharedSecret"] == derive(kms, arn, own)["SharedSecret"]


def test_grants(kms, other_kms, other_arn, make_key):
    agreement = make_key(KeySpec="ECC_NIST_P256", KeyUsage=AGREEMENT)
    kem = make_key(KeySpec="ML_KEM_512", KeyUsage=ENCAPSULATION)
    own = public_key(kms, agreement)
    for arn, operations in ((agreement, ["DeriveSharedSecret"]), (kem, ["Encapsulate"])):
        kms.create_grant(KeyId=arn, GranteePrincipal=other_arn, Operations=operations)
    assert derive(other_kms, agreement, own)["SharedSecret"]
    made = other_kms.encapsulate(KeyId=kem, EncapsulationAlgorithm="ML_KEM")
    with refused("AccessDeniedException"):
        decapsulate(other_kms, kem, made["SharedSecretCiphertextBlob"])
    assert decapsulate(kms, kem, made["SharedSecretCiphertextBlob"])["SharedSecret"] == made["SharedSecret"]


def test_the_audit_records(kms, server, agreeing, encapsulating):
    agreement, kem = agreeing("ECC_NIST_P521"), encapsulating("ML_KEM_1024")
    derived = derive(kms, agreement, public_key(kms, agreement))
    made = kms.encapsulate(KeyId=kem, EncapsulationAlgorithm="ML_KEM")
    opened = decapsulate(kms, kem, made["SharedSecretCiphertextBlob"])
    for answer, parameters in (
        (derived, {"keyId": agreement, "keyAgreementAlgorithm": "ECDH"}),
        (made, {"keyId": kem, "encapsulationAlgorithm": "ML_KEM"}),
        (opened, {"keyId": kem, "encapsulationAlgorithm": "ML_KEM"}),
    ):
        record = server.audit_record(answer["ResponseMetadata"]["RequestId"])
        assert (record["requestParameters"], record["responseElements"]) == (parameters, None)
        assert record["readOnly"] is True


def test_keys_outlive_the_process(own_server):
    from support.clients import kms_client

    kms = kms_client(own_server.start(), own_server.caller)
    agreement = kms.create_key(KeySpec="ECC_NIST_P384", KeyUsage=AGREEMENT)["KeyMetadata"]["Arn"]
    kem = kms.create_key(KeySpec="ML_KEM_768", KeyUsage=ENCAPSULATION)["KeyMetadata"]["Arn"]
    mac = kms.create_key(KeySpec="HMAC_512", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    own = public_key(kms, agreement)
    derived = derive(kms, agreement, own)["SharedSecret"]
    made = kms.encapsulate(KeyId=kem, EncapsulationAlgorithm="ML_KEM")
    code = kms.generate_mac(KeyId=mac, Message=b"m", MacAlgorithm="HMAC_SHA_512")["Mac"]
    kms = kms_client(own_server.restart(), own_server.caller)
    assert derive(kms, agreement, own)["SharedSecret"] == derived
    assert decapsulate(kms, kem, made["SharedSecretCiphertextBlob"])["SharedSecret"] == made["SharedSecret"]
    assert kms.verify_mac(KeyId=mac, Message=b"m", MacAlgorithm="HMAC_SHA_512", Mac=code)["MacValid"]
