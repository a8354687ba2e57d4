"""GenerateDataKeyPair and GenerateDataKeyPairWithoutPlaintext: the halves are held against each other with OpenSSL."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mlkem, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from support import openssl
from support.expect import DRY_RUN_TEXT, NO_TEXT, assert_refused, not_allowed, refused, violations
from support.signatures import SPECS as SIGNING

BOTH = ["generate_data_key_pair", "generate_data_key_pair_without_plaintext"]
NAMES = ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"]
CONTEXT = {"Department": "IT"}
RSA = ["RSA_2048", "RSA_3072", "RSA_4096"]
CURVES = {
    "ECC_NIST_P256": ec.SECP256R1,
    "ECC_NIST_P384": ec.SECP384R1,
    "ECC_NIST_P521": ec.SECP521R1,
    "ECC_SECG_P256K1": ec.SECP256K1,
}
ML_KEM = {
    "ML_KEM_512": (822, 768),
    "ML_KEM_768": (1206, 1088),
    "ML_KEM_1024": (1590, 1568),
}
ALL = [*RSA, *CURVES, "SM2", "ECC_NIST_EDWARDS25519", *ML_KEM]
QUICK = [spec for spec in ALL if spec not in ("RSA_3072", "RSA_4096")]


@pytest.fixture(scope="module")
def made(kms, key):
    """One pair of each spec; making RSA keys is slow."""
    return {spec: kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec, EncryptionContext=CONTEXT) for spec in ALL}


@pytest.mark.parametrize("spec", ALL)
def test_the_private_key_comes_in_clear_and_sealed(kms, key, made, spec):
    answer = made[spec]
    assert (answer["KeyId"], answer["KeyPairSpec"]) == (key, spec)
    assert answer["KeyMaterialId"] == kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert "CiphertextForRecipient" not in answer
    opened = kms.decrypt(CiphertextBlob=answer["PrivateKeyCiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == answer["PrivateKeyPlaintext"]
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.decrypt(CiphertextBlob=answer["PrivateKeyCiphertextBlob"])


# The `cryptography` package reads neither SM2 keys nor those of ML-KEM-512.
READABLE = [spec for spec in ALL if spec not in ("SM2", "ML_KEM_512")]


@pytest.mark.parametrize("spec", READABLE)
def test_the_halves_belong_together(made, spec):
    private = load_der_private_key(made[spec]["PrivateKeyPlaintext"], None)
    form = PublicFormat.SubjectPublicKeyInfo
    assert private.public_key().public_bytes(Encoding.DER, form) == made[spec]["PublicKey"]


@pytest.mark.parametrize("spec", RSA)
def test_an_rsa_pair_works_outside(made, spec):
    private = load_der_private_key(made[spec]["PrivateKeyPlaintext"], None)
    public = load_der_public_key(made[spec]["PublicKey"])
    assert isinstance(public, rsa.RSAPublicKey)
    assert (public.key_size, public.public_numbers().e) == (int(spec.removeprefix("RSA_")), 65537)
    assert len(made[spec]["PublicKey"]) == SIGNING[spec][1]
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
    public.verify(private.sign(b"message", scheme, hashes.SHA256()), b"message", scheme, hashes.SHA256())


@pytest.mark.parametrize("spec", CURVES)
def test_an_elliptic_curve_pair_works_outside(made, spec):
    private = load_der_private_key(made[spec]["PrivateKeyPlaintext"], None)
    public = load_der_public_key(made[spec]["PublicKey"])
    assert isinstance(public.curve, CURVES[spec])
    assert len(made[spec]["PublicKey"]) == SIGNING[spec][1]
    public.verify(private.sign(b"message", ec.ECDSA(hashes.SHA256())), b"message", ec.ECDSA(hashes.SHA256()))
    # The NIST curves are for key agreement, too.
    peer = ec.generate_private_key(CURVES[spec]())
    assert private.exchange(ec.ECDH(), peer.public_key()) == peer.exchange(ec.ECDH(), public)


def test_an_ed25519_pair_works_outside(made):
    answer = made["ECC_NIST_EDWARDS25519"]
    private, public = load_der_private_key(answer["PrivateKeyPlaintext"], None), load_der_public_key(answer["PublicKey"])
    assert isinstance(private, ed25519.Ed25519PrivateKey)
    assert (len(answer["PrivateKeyPlaintext"]), len(answer["PublicKey"])) == (48, 44)
    public.verify(private.sign(b"message"), b"message")


@pytest.mark.parametrize("spec", ML_KEM)
def test_an_ml_kem_pair_works_outside(made, spec):
    public_length, ciphertext_length = ML_KEM[spec]
    assert (len(made[spec]["PrivateKeyPlaintext"]), len(made[spec]["PublicKey"])) == (86, public_length)
    if spec == "ML_KEM_512":
        return
    private = load_der_private_key(made[spec]["PrivateKeyPlaintext"], None)
    public = load_der_public_key(made[spec]["PublicKey"])
    assert isinstance(public, (mlkem.MLKEM768PublicKey, mlkem.MLKEM1024PublicKey))
    secret, ciphertext = public.encapsulate()
    assert (len(ciphertext), private.decapsulate(ciphertext)) == (ciphertext_length, secret)


def test_an_sm2_pair_works_outside(made, tmp_path):
    answer = made["SM2"]
    (tmp_path / "key.der").write_bytes(answer["PrivateKeyPlaintext"])
    openssl.run("pkey", "-inform", "DER", "-in", str(tmp_path / "key.der"), "-out", str(tmp_path / "key.pem"))
    public = ("pkey", "-in", str(tmp_path / "key.pem"), "-pubout", "-outform", "DER", "-out", str(tmp_path / "ours.der"))
    openssl.run(*public)
    assert (tmp_path / "ours.der").read_bytes() == answer["PublicKey"]
    (tmp_path / "message").write_bytes(b"message")
    sign = ("dgst", "-sm3", "-sigopt", "distid:1234567812345678", "-sign", str(tmp_path / "key.pem"))
    openssl.run(*sign, "-out", str(tmp_path / "signed"), str(tmp_path / "message"))
    signature = (tmp_path / "signed").read_bytes()
    assert openssl.verifies_sm2(answer["PublicKey"], b"message", signature, tmp_path)


@pytest.mark.parametrize("spec", QUICK)
def test_without_plaintext(kms, key, spec):
    answer = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec=spec)
    assert not {"PrivateKeyPlaintext", "CiphertextForRecipient"} & answer.keys()
    assert (answer["KeyId"], answer["KeyPairSpec"]) == (key, spec)
    private = kms.decrypt(CiphertextBlob=answer["PrivateKeyCiphertextBlob"])["Plaintext"]
    if spec in READABLE:
        public = load_der_private_key(private, None).public_key()
        assert public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == answer["PublicKey"]


def test_no_two_pairs_are_alike(kms, key):
    pairs = [kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256") for _ in range(20)]
    for member in ("PublicKey", "PrivateKeyPlaintext", "PrivateKeyCiphertextBlob"):
        assert len({pair[member] for pair in pairs}) == 20


def test_a_sealed_private_key_moves_with_reencrypt(kms, key, second_key):
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="RSA_2048", EncryptionContext=CONTEXT)
    moved = kms.re_encrypt(
        CiphertextBlob=pair["PrivateKeyCiphertextBlob"], SourceEncryptionContext=CONTEXT, DestinationKeyId=second_key
    )
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])
    assert (opened["KeyId"], opened["Plaintext"]) == (second_key, pair["PrivateKeyPlaintext"])


@pytest.mark.parametrize("call", BOTH)
@pytest.mark.parametrize("spec", ["RSA_2048", "SM2"])
def test_only_symmetric_keys_make_pairs(kms, shared_key, call, spec):
    operation = NAMES[BOTH.index(call)]
    arn = shared_key(spec)
    with refused("InvalidKeyUsageException", f"{arn} key usage is ENCRYPT_DECRYPT which is not valid for {operation}."):
        getattr(kms, call)(KeyId=arn, KeyPairSpec="ECC_NIST_P256")
    signing = shared_key("ECC_NIST_P256", "SIGN_VERIFY")
    with refused("InvalidKeyUsageException", f"{signing} key usage is SIGN_VERIFY which is not valid for {operation}."):
        getattr(kms, call)(KeyId=signing, KeyPairSpec="ECC_NIST_P256", DryRun=True)


@pytest.mark.parametrize("call", BOTH)
def test_dry_runs(kms, key, call):
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        getattr(kms, call)(KeyId=key, KeyPairSpec="RSA_4096", DryRun=True)


@pytest.mark.parametrize("operation", NAMES)
def test_constraints(raw, key, operation):
    null = "Value null at '{}' failed to satisfy constraint: Member must not be null"
    assert_refused(
        raw.call(operation, {"KeyId": key}), "ValidationException", violations(null.format("keyPairSpec"))
    )
    for wrong in ("ML_DSA_44", "SYMMETRIC_DEFAULT", "rsa_2048"):
        answer = raw.call(operation, {"KeyId": key, "KeyPairSpec": wrong})
        assert_refused(answer, "ValidationException")
        assert f"Value '{wrong}' at 'keyPairSpec' failed to satisfy constraint" in answer.message
    both = raw.call(operation, {"KeyId": "", "KeyPairSpec": "x"})
    assert_refused(both, "ValidationException")
    assert both.message.startswith("2 validation errors detected: ")


def test_a_recipient_without_roots_is_refused(raw, key):
    body = {"KeyId": key, "KeyPairSpec": "ECC_NIST_P256", "Recipient": {"AttestationDocument": "AAAA"}}
    assert_refused(raw.call("GenerateDataKeyPair", body), "UnsupportedOperationException")


@pytest.mark.parametrize("call", BOTH)
def test_states_and_absence(kms, make_key, call):
    arn = make_key()
    ask = getattr(kms, call)
    kms.disable_key(KeyId=arn)
    with refused("DisabledException", f"{arn} is disabled."):
        ask(KeyId=arn, KeyPairSpec="ECC_NIST_P256")
    kms.schedule_key_deletion(KeyId=arn)
    with refused("KMSInvalidStateException", f"{arn} is pending deletion."):
        ask(KeyId=arn, KeyPairSpec="ECC_NIST_P256")
    with refused("NotFoundException"):
        ask(KeyId="11112222-3333-4444-5555-666677778888", KeyPairSpec="ECC_NIST_P256")


@pytest.mark.parametrize("call", BOTH)
def test_who_may_not(other_kms, key, call, other_caller_arn):
    action = NAMES[BOTH.index(call)]
    with refused("AccessDeniedException", not_allowed(other_caller_arn, action, key)):
        getattr(other_kms, call)(KeyId=key, KeyPairSpec="ECC_NIST_P256")


def test_by_alias_and_with_the_cli(cli, key, make_alias):
    alias = make_alias("alias/pairs", key)
    answer = cli.json("generate-data-key-pair", "--key-id", alias, "--key-pair-spec", "ECC_NIST_P521")
    assert (answer["KeyId"], answer["KeyPairSpec"]) == (key, "ECC_NIST_P521")
    assert answer["PrivateKeyPlaintext"]
    answer = cli.json("generate-data-key-pair-without-plaintext", "--key-id", alias, "--key-pair-spec", "ML_KEM_768")
    assert "PrivateKeyPlaintext" not in answer
