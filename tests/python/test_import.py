"""Imported key material: made and wrapped by others, it arrives, does its work, goes and comes back.

That an import token expires after a day, and what happens in a year, is shown beside the code, with a clock that can be moved.
"""

import base64
import datetime
import hmac
import json
import secrets
import subprocess
import sys
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from conftest import uuid_of
from support import openssl
from support.clients import kms_client
from support.expect import ANY_TEXT, NO_TEXT, assert_refused, refused, violation, violations
from support.server import ROOT
from support.wrapping import Importer, by_cryptography, by_openssl

OPENER = ROOT / "crates" / "crypto" / "vectors" / "generate.py"
WRONG_MATERIAL = (
    "The key material in the request is expired, invalid, or is not the same key material that was previously imported into "
    "this KMS key."
)
WRONG_TOKEN = "The provided import token is invalid or is associated with a different KMS key."
BOTH = pytest.mark.parametrize("by", [by_cryptography, by_openssl], ids=["cryptography", "openssl"])
RSA_SPECS = pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])


@pytest.fixture
def bring(kms, tmp_path):
    return Importer(kms, tmp_path)


@pytest.fixture
def external(kms):
    """An EXTERNAL key without key material; gives the ARN."""

    def make(spec="SYMMETRIC_DEFAULT", usage="ENCRYPT_DECRYPT", **more):
        made = kms.create_key(Origin="EXTERNAL", KeySpec=spec, KeyUsage=usage, **more)["KeyMetadata"]
        assert (made["KeyState"], made["Enabled"], made["Origin"]) == ("PendingImport", False, "EXTERNAL")
        assert not made.keys() & {"CurrentKeyMaterialId", "ExpirationModel", "ValidTo"}
        return made["Arn"]

    return make


def opened_outside(material, blob, context=()):
    """Decrypts with the second implementation of the ciphertext format, which knows nothing of the server."""
    request = {"material": material.hex(), "context": list(context), "blob": blob.hex()}
    finished = subprocess.run(
        [sys.executable, str(OPENER), "--open"], input=json.dumps(request), capture_output=True, text=True, timeout=60
    )
    assert finished.returncode == 0, finished.stderr
    return bytes.fromhex(finished.stdout.strip())


def material_id(arn, material):
    """The id follows from key and key material: SP 800-108 in counter mode, one block."""
    key_id = bytes.fromhex(uuid_of(arn).removeprefix("mrk-").replace("-", ""))
    context = key_id + len(material).to_bytes(4)
    fixed = b"reseal v1 imported material\x00" + context + (256).to_bytes(4)
    return hmac.digest(material, (1).to_bytes(4) + fixed, "sha256").hex()


def state(kms, arn):
    return kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]


def materials(kms, arn):
    return kms.list_key_rotations(KeyId=arn, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]


@BOTH
@RSA_SPECS
@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"])
def test_symmetric_key_material_arrives(kms, external, bring, algorithm, spec, by):
    arn, material = external(), secrets.token_bytes(32)
    answer = bring(arn, material, algorithm, spec, by)
    assert (answer["KeyId"], answer["KeyMaterialId"]) == (arn, material_id(arn, material))
    metadata = kms.describe_key(KeyId=arn)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["Enabled"]) == ("Enabled", True)
    assert metadata["CurrentKeyMaterialId"] == answer["KeyMaterialId"]
    assert metadata["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE" and "ValidTo" not in metadata
    sealed = kms.encrypt(KeyId=arn, Plaintext=b"secret", EncryptionContext={"a": "b"})["CiphertextBlob"]
    assert opened_outside(material, sealed, [("a", "b")]) == b"secret"
    assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"a": "b"})["Plaintext"] == b"secret"


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pkcs8(private_key):
    return private_key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def spki(private_key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private_key.public_key().public_bytes(serialization.Encoding.DER, form)


def check_rsa(kms, arn, rsa_key):
    assert kms.get_public_key(KeyId=arn)["PublicKey"] == spki(rsa_key)
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    sealed = rsa_key.public_key().encrypt(b"secret", oaep)
    opened = kms.decrypt(KeyId=arn, CiphertextBlob=sealed, EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    assert opened["Plaintext"] == b"secret"


@BOTH
@RSA_SPECS
@pytest.mark.parametrize("algorithm", ["RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"])
def test_an_rsa_private_key_arrives(kms, external, bring, rsa_key, algorithm, spec, by):
    arn = external("RSA_2048")
    answer = bring(arn, pkcs8(rsa_key), algorithm, spec, by)
    assert answer["KeyId"] == arn and "KeyMaterialId" not in answer
    check_rsa(kms, arn, rsa_key)


def test_an_rsa_private_key_arrives_by_way_of_sm2(kms, external, bring, rsa_key):
    arn = external("RSA_2048")
    bring(arn, pkcs8(rsa_key), "SM2PKE", "SM2", by_openssl)
    check_rsa(kms, arn, rsa_key)


@pytest.mark.parametrize("bits", [3072, 4096])
def test_longer_rsa_private_keys(kms, external, bring, bits):
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    arn = external(f"RSA_{bits}")
    bring(arn, pkcs8(private_key), "RSA_AES_KEY_WRAP_SHA_256", "RSA_4096")
    check_rsa(kms, arn, private_key)


CURVES = {"ECC_NIST_P256": ec.SECP256R1(), "ECC_NIST_P384": ec.SECP384R1(), "ECC_NIST_P521": ec.SECP521R1()}
ECC_WRAPPINGS = [
    *((algorithm, spec) for spec in ("RSA_3072", "RSA_4096") for algorithm in ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")),
    *((algorithm, "RSA_2048") for algorithm in ("RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256")),
    ("SM2PKE", "SM2"),
]


@pytest.mark.parametrize("spec", CURVES)
@pytest.mark.parametrize(("algorithm", "wrapping"), ECC_WRAPPINGS)
def test_a_private_key_on_a_nist_curve_arrives(kms, external, bring, spec, algorithm, wrapping):
    private_key, peer = ec.generate_private_key(CURVES[spec]), ec.generate_private_key(CURVES[spec])
    arn = external(spec, "KEY_AGREEMENT")
    bring(arn, pkcs8(private_key), algorithm, wrapping, by_openssl)
    assert kms.get_public_key(KeyId=arn)["PublicKey"] == spki(private_key)
    shared = kms.derive_shared_secret(KeyId=arn, KeyAgreementAlgorithm="ECDH", PublicKey=spki(peer))["SharedSecret"]
    assert shared == private_key.exchange(ec.ECDH(), peer.public_key())


SIGNERS = {
    "ECC_NIST_P256": ("ECDSA_SHA_256", lambda: ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(hashes.SHA256())),
    "ECC_NIST_P384": ("ECDSA_SHA_384", lambda: ec.generate_private_key(ec.SECP384R1()), ec.ECDSA(hashes.SHA384())),
    "ECC_NIST_P521": ("ECDSA_SHA_512", lambda: ec.generate_private_key(ec.SECP521R1()), ec.ECDSA(hashes.SHA512())),
    "ECC_SECG_P256K1": ("ECDSA_SHA_256", lambda: ec.generate_private_key(ec.SECP256K1()), ec.ECDSA(hashes.SHA256())),
    "ECC_NIST_EDWARDS25519": ("ED25519_SHA_512", ed25519.Ed25519PrivateKey.generate, None),
}


@pytest.mark.parametrize("spec", SIGNERS)
@pytest.mark.parametrize(
    ("algorithm", "wrapping"),
    [("RSAES_OAEP_SHA_1", "RSA_3072"), ("RSAES_OAEP_SHA_256", "RSA_3072"), ("RSA_AES_KEY_WRAP_SHA_256", "RSA_2048")],
)
def test_a_private_key_for_signatures_arrives(kms, external, bring, spec, algorithm, wrapping):
    signing, make, scheme = SIGNERS[spec]
    private_key, other = make(), make()
    arn = external(spec, "SIGN_VERIFY")
    bring(arn, pkcs8(private_key), algorithm, wrapping)
    assert kms.get_public_key(KeyId=arn)["PublicKey"] == spki(private_key)
    signature = kms.sign(KeyId=arn, Message=b"message", SigningAlgorithm=signing)["Signature"]
    private_key.public_key().verify(signature, b"message", *filter(None, [scheme]))
    outside = private_key.sign(b"message", *filter(None, [scheme]))
    assert kms.verify(KeyId=arn, Message=b"message", Signature=outside, SigningAlgorithm=signing)["SignatureValid"]
    with refused("IncorrectKeyMaterialException", WRONG_MATERIAL):
        bring(arn, pkcs8(other), algorithm, wrapping)


def test_an_rsa_private_key_for_signatures_arrives(kms, external, bring, rsa_key):
    arn = external("RSA_2048", "SIGN_VERIFY")
    bring(arn, pkcs8(rsa_key), "RSA_AES_KEY_WRAP_SHA_1", "RSA_4096")
    signed = kms.sign(KeyId=arn, Message=b"message", SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256")
    # Without randomness in it, the signature is the one that anybody with the key makes.
    assert signed["Signature"] == rsa_key.sign(b"message", padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("spec", ["ML_DSA_44", "ML_KEM_768"])
def test_key_specs_that_take_no_import(kms, spec):
    usage = "SIGN_VERIFY" if spec == "ML_DSA_44" else "ENCAPSULATE_DECAPSULATE"
    with refused("ValidationException", f"KeySpec {spec} is not supported for Origin EXTERNAL"):
        kms.create_key(Origin="EXTERNAL", KeySpec=spec, KeyUsage=usage)


@pytest.mark.parametrize(
    ("algorithm", "wrapping"), [("SM2PKE", "SM2"), ("RSAES_OAEP_SHA_256", "RSA_2048"), ("RSA_AES_KEY_WRAP_SHA_1", "RSA_2048")]
)
def test_an_sm2_private_key_arrives(kms, external, bring, tmp_path, algorithm, wrapping):
    private, public = tmp_path / "sm2.pem", tmp_path / "sm2.pub.der"
    openssl.run("genpkey", "-algorithm", "SM2", "-out", str(private))
    openssl.run("pkcs8", "-topk8", "-nocrypt", "-in", str(private), "-outform", "DER", "-out", str(tmp_path / "sm2.der"))
    openssl.run("pkey", "-in", str(private), "-pubout", "-outform", "DER", "-out", str(public))
    arn = external("SM2")
    bring(arn, (tmp_path / "sm2.der").read_bytes(), algorithm, wrapping, by_openssl)
    assert kms.get_public_key(KeyId=arn)["PublicKey"] == public.read_bytes()
    sealed = openssl.encrypt(public.read_bytes(), "SM2PKE", b"secret", tmp_path)
    assert kms.decrypt(KeyId=arn, CiphertextBlob=sealed, EncryptionAlgorithm="SM2PKE")["Plaintext"] == b"secret"


@BOTH
@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"])
@pytest.mark.parametrize(("bits", "length"), [(224, 28), (256, 32), (256, 128), (384, 48), (512, 64), (512, 128)])
def test_an_hmac_key_arrives(kms, external, bring, algorithm, bits, length, by):
    arn, material = external(f"HMAC_{bits}", "GENERATE_VERIFY_MAC"), secrets.token_bytes(length)
    answer = bring(arn, material, algorithm, "RSA_2048", by)
    assert "KeyMaterialId" not in answer
    mac = kms.generate_mac(KeyId=arn, Message=b"message", MacAlgorithm=f"HMAC_SHA_{bits}")["Mac"]
    assert mac == hmac.digest(material, b"message", f"sha{bits}")


def test_what_is_given_out_for_an_import(kms, external, bring):
    arn = external()
    before = datetime.datetime.now(datetime.timezone.utc)
    one, two = bring.parameters(arn, spec="RSA_4096"), bring.parameters(uuid_of(arn), spec="RSA_4096")
    day = datetime.timedelta(days=1)
    for answer in (one, two):
        assert answer["KeyId"] == arn
        assert serialization.load_der_public_key(answer["PublicKey"]).key_size == 4096
        assert abs(answer["ParametersValidTo"] - before - day) < datetime.timedelta(minutes=2)
    assert one["PublicKey"] != two["PublicKey"] and one["ImportToken"] != two["ImportToken"]
    # Public key and token belong together.
    wrapped = bring.wrap(one, "RSAES_OAEP_SHA_256", bytes(32))
    arguments = {"KeyId": arn, "EncryptedKeyMaterial": wrapped, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.import_key_material(ImportToken=two["ImportToken"], **arguments)
    kms.import_key_material(ImportToken=one["ImportToken"], **arguments)


@pytest.mark.parametrize(
    ("key_spec", "usage", "algorithm", "wrapping"),
    [
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "RSAES_PKCS1_V1_5", "RSA_2048"),
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "RSA_AES_KEY_WRAP_SHA_256", "RSA_2048"),
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "SM2PKE", "SM2"),
        ("HMAC_256", "GENERATE_VERIFY_MAC", "RSA_AES_KEY_WRAP_SHA_1", "RSA_3072"),
        ("RSA_2048", "ENCRYPT_DECRYPT", "RSAES_OAEP_SHA_256", "RSA_4096"),
        ("RSA_2048", "ENCRYPT_DECRYPT", "SM2PKE", "RSA_4096"),
        ("ECC_NIST_P521", "KEY_AGREEMENT", "RSAES_OAEP_SHA_1", "RSA_2048"),
        ("SM2", "ENCRYPT_DECRYPT", "RSAES_OAEP_SHA_256", "SM2"),
    ],
)
def test_wrappings_that_do_not_fit(external, bring, key_spec, usage, algorithm, wrapping):
    arn = external(key_spec, usage)
    text = (
        f"Wrapping algorithm {algorithm} with wrapping key spec {wrapping} is not supported for key material of key spec "
        f"{key_spec}."
    )
    with refused("UnsupportedOperationException", text):
        bring.parameters(arn, algorithm, wrapping)


def test_values_outside_the_model(raw, external):
    arn = external()
    answer = raw.call("GetParametersForImport", {"KeyId": arn, "WrappingAlgorithm": "ROT13"})
    text = violations(
        violation(
            "Member must satisfy enum value set: [RSAES_PKCS1_V1_5, RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, "
            "RSA_AES_KEY_WRAP_SHA_1, RSA_AES_KEY_WRAP_SHA_256, SM2PKE]",
            "wrappingAlgorithm",
            "ROT13",
        ),
        violation("Member must not be null", "wrappingKeySpec"),
    )
    assert_refused(answer, "ValidationException", text)
    answer = raw.call("ImportKeyMaterial", {"KeyId": arn})
    missing = [violation("Member must not be null", name) for name in ("importToken", "encryptedKeyMaterial")]
    assert_refused(answer, "ValidationException", violations(*missing))


def test_keys_of_other_origins(kms, key, shared_key):
    text = "{} origin is AWS_KMS which is not valid for this operation."
    for arn in (key, shared_key("SM2")):
        for call, arguments in (
            (kms.get_parameters_for_import, {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}),
            (kms.import_key_material, {"ImportToken": b"t", "EncryptedKeyMaterial": b"e", "ValidTo": 10**10}),
            (kms.delete_imported_key_material, {}),
        ):
            with refused("UnsupportedOperationException", text.format(arn)):
                call(KeyId=arn, **arguments)


def test_names_that_lead_nowhere(kms, unknown_key):
    for call, arguments in (
        (kms.get_parameters_for_import, {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}),
        (kms.import_key_material, {"ImportToken": b"t", "EncryptedKeyMaterial": b"e", "ValidTo": 10**10}),
        (kms.delete_imported_key_material, {}),
    ):
        with refused("NotFoundException", f"Key '{unknown_key}' does not exist"):
            call(KeyId=unknown_key, **arguments)
        with refused("NotFoundException", "Invalid keyId 'alias/none'"):
            call(KeyId="alias/none", **arguments)
        with refused("InvalidArnException", ANY_TEXT):
            call(KeyId="arn:nothing", **arguments)


def test_key_material_and_tokens_that_are_wrong(kms, external, bring):
    arn, other = external(), external()
    parameters = bring.parameters(arn)
    token, never = parameters["ImportToken"], {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    wrapped = bring.wrap(parameters, "RSAES_OAEP_SHA_256", bytes(32))
    call = lambda key, token, wrapped: kms.import_key_material(
        KeyId=key, ImportToken=token, EncryptedKeyMaterial=wrapped, **never
    )
    for wrong in (b"token", token[:-1], token + b"\0", bytes(6144)):
        with refused("InvalidImportTokenException", WRONG_TOKEN):
            call(arn, wrong, wrapped)
    with refused("InvalidImportTokenException", WRONG_TOKEN):
        call(other, token, wrapped)
    for wrong in (b"w", wrapped[:-1], wrapped + b"\0", bytes(256), bytes([wrapped[0] ^ 1]) + wrapped[1:], bytes(6144)):
        with refused("InvalidCiphertextException", NO_TEXT):
            call(arn, token, wrong)
    for length in (16, 31, 33):
        with refused("IncorrectKeyMaterialException", WRONG_MATERIAL):
            call(arn, token, bring.wrap(parameters, "RSAES_OAEP_SHA_256", bytes(length)))
    assert state(kms, arn) == "PendingImport"


def test_a_private_key_of_another_kind(external, bring, rsa_key):
    on_p256 = ec.generate_private_key(ec.SECP256R1())
    wrapping = ("RSA_AES_KEY_WRAP_SHA_256", "RSA_2048")
    explicit = openssl_explicit_curve(bring.folder)
    for spec, usage, wrong in (
        ("RSA_3072", "ENCRYPT_DECRYPT", pkcs8(rsa_key)),
        ("RSA_2048", "ENCRYPT_DECRYPT", pkcs8(on_p256)),
        ("ECC_NIST_P384", "KEY_AGREEMENT", pkcs8(on_p256)),
        ("ECC_NIST_P256", "KEY_AGREEMENT", pkcs8(rsa_key)),
        ("ECC_NIST_P256", "KEY_AGREEMENT", explicit),
        ("SM2", "ENCRYPT_DECRYPT", pkcs8(on_p256)),
        ("RSA_2048", "ENCRYPT_DECRYPT", spki(rsa_key)),
        ("RSA_2048", "ENCRYPT_DECRYPT", pkcs8(rsa_key) + b"\0"),
        ("RSA_2048", "ENCRYPT_DECRYPT", pkcs8(rsa_key)[:-1]),
        ("RSA_2048", "ENCRYPT_DECRYPT", secrets.token_bytes(1200)),
    ):
        arn = external(spec, usage)
        with refused("IncorrectKeyMaterialException", WRONG_MATERIAL):
            bring(arn, wrong, *wrapping)


def openssl_explicit_curve(folder):
    """A key on P-256 that spells the curve out instead of naming it."""
    openssl.run(
        *("ecparam", "-name", "prime256v1", "-param_enc", "explicit", "-genkey", "-noout", "-out", str(folder / "explicit.pem"))
    )
    openssl.run(
        *("pkcs8", "-topk8", "-nocrypt", "-in", str(folder / "explicit.pem"), "-outform", "DER"),
        *("-out", str(folder / "explicit.der")),
    )
    return (folder / "explicit.der").read_bytes()


def test_a_private_key_that_does_not_fit_its_own_public_key(external, bring):
    """Half of an RSA key exchanged for that of another: PKCS #8 in good order, but no key."""
    one, two = (rsa.generate_private_key(public_exponent=65537, key_size=2048).private_numbers() for _ in range(2))
    mixed = rsa_pkcs8(one.public_numbers.n, one.public_numbers.e, two.d, one.p, one.q, one.dmp1, one.dmq1, one.iqmp)
    with refused("IncorrectKeyMaterialException", WRONG_MATERIAL):
        bring(external("RSA_2048"), mixed, "RSA_AES_KEY_WRAP_SHA_256", "RSA_2048")


def rsa_pkcs8(*numbers):
    def value(tag, content):
        length = len(content)
        size = bytes([length]) if length < 128 else bytes([0x82]) + length.to_bytes(2)
        return bytes([tag]) + size + content

    integer = lambda number: value(2, number.to_bytes(number.bit_length() // 8 + 1))
    key = value(0x30, integer(0) + b"".join(integer(number) for number in numbers))
    identifier = value(0x30, bytes.fromhex("06092a864886f70d010101") + b"\x05\x00")
    return value(0x30, integer(0) + identifier + value(4, key))


def test_only_the_same_key_material_comes_back(kms, external, bring, rsa_key):
    arn, material = external(), secrets.token_bytes(32)
    first = bring(arn, material)["KeyMaterialId"]
    sealed = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    deleted = kms.delete_imported_key_material(KeyId=uuid_of(arn))
    assert (deleted["KeyId"], deleted["KeyMaterialId"]) == (arn, first)
    assert state(kms, arn) == "PendingImport"
    with refused("KMSInvalidStateException", f"{arn} is pending import."):
        kms.decrypt(CiphertextBlob=sealed)
    [entry] = materials(kms, arn)
    assert entry["ImportState"] == "PENDING_IMPORT" and not entry.keys() & {"ExpirationModel", "ValidTo"}
    with refused("IncorrectKeyMaterialException", WRONG_MATERIAL):
        bring(arn, secrets.token_bytes(32))
    bring(arn, material, KeyMaterialId=first, KeyMaterialDescription="from the safe")
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"p"
    [entry] = materials(kms, arn)
    assert (entry["ImportState"], entry["KeyMaterialDescription"]) == ("IMPORTED", "from the safe")
    # The same key material makes another key: what the one sealed the other does not open.
    other = external()
    assert bring(other, material)["KeyMaterialId"] != first
    with refused("IncorrectKeyException"):
        kms.decrypt(KeyId=other, CiphertextBlob=sealed)

    arn = external("RSA_2048")
    wrapping = ("RSA_AES_KEY_WRAP_SHA_256", "RSA_2048")
    bring(arn, pkcs8(rsa_key), *wrapping)
    kms.delete_imported_key_material(KeyId=arn)
    with refused("KMSInvalidStateException", f"{arn} is pending import."):
        kms.get_public_key(KeyId=arn)
    with refused("IncorrectKeyMaterialException", WRONG_MATERIAL):
        bring(arn, pkcs8(rsa.generate_private_key(public_exponent=65537, key_size=2048)), *wrapping)
    bring(arn, pkcs8(rsa_key), *wrapping)
    check_rsa(kms, arn, rsa_key)


def test_key_material_expires_by_itself_and_comes_back(server, kms, external, bring):
    arn, material = external(), secrets.token_bytes(32)
    parameters = bring.parameters(arn)
    wrapped = bring.wrap(parameters, "RSAES_OAEP_SHA_256", material)
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)
    end = end.replace(microsecond=0)
    imported = kms.import_key_material(
        KeyId=arn, ImportToken=parameters["ImportToken"], EncryptedKeyMaterial=wrapped, ValidTo=end
    )
    metadata = kms.describe_key(KeyId=arn)["KeyMetadata"]
    assert (metadata["ExpirationModel"], metadata["ValidTo"]) == ("KEY_MATERIAL_EXPIRES", end)
    sealed = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    while datetime.datetime.now(datetime.timezone.utc) < end:
        time.sleep(0.05)
    with refused("KMSInvalidStateException", f"{arn} is pending import."):
        kms.decrypt(CiphertextBlob=sealed)
    event = wait_for_event(server, "DeleteExpiredKeyMaterial", arn)
    assert event["serviceEventDetails"] == {"keyId": arn, "keyMaterialId": imported["KeyMaterialId"]}
    bring(arn, material)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"p"


def wait_for_event(server, name, arn):
    for _ in range(600):
        for record in server.audit_records():
            if record["eventName"] == name and record["resources"][0]["ARN"] == arn:
                return record
        time.sleep(0.1)
    raise AssertionError(f"no {name} of {arn}")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"),
        (
            {"ExpirationModel": "KEY_MATERIAL_EXPIRES"},
            "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
        ),
        (
            {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE", "ValidTo": 10**10},
            "A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE",
        ),
        ({"ValidTo": 1}, "The validTo date must be in the future"),
        ({"ValidTo": 10**10}, "The validTo date must be at most 365 days from now"),
    ],
)
def test_dates_that_are_refused(kms, external, arguments, text):
    with refused("ValidationException", text):
        kms.import_key_material(KeyId=external(), ImportToken=b"t", EncryptedKeyMaterial=b"e", **arguments)


def test_imported_key_material_is_rotated_on_demand(kms, external, bring):
    arn, first, second = external(), secrets.token_bytes(32), secrets.token_bytes(32)
    bring(arn, first, ImportType="NEW_KEY_MATERIAL")
    old = kms.encrypt(KeyId=arn, Plaintext=b"old")["CiphertextBlob"]
    with refused("KMSInvalidStateException", f"No available key material pending rotation for the key: {arn}."):
        kms.rotate_key_on_demand(KeyId=arn)
    bring(arn, second, ImportType="NEW_KEY_MATERIAL", KeyMaterialDescription="the second")
    assert state(kms, arn) == "Enabled"
    waiting, current = materials(kms, arn)
    assert (waiting["KeyMaterialId"], waiting["KeyMaterialState"]) == (material_id(arn, second), "PENDING_ROTATION")
    assert waiting["KeyMaterialDescription"] == "the second" and "RotationDate" not in waiting
    assert (current["KeyMaterialId"], current["KeyMaterialState"]) == (material_id(arn, first), "CURRENT")
    third = secrets.token_bytes(32)
    text = (
        f"New key material (id: {material_id(arn, third)}) cannot be imported into KMS key {arn}, because another key "
        f"material (id: {material_id(arn, second)}) is pending rotation."
    )
    with refused("KMSInvalidStateException", text):
        bring(arn, third, ImportType="NEW_KEY_MATERIAL")
    assert kms.rotate_key_on_demand(KeyId=arn)["KeyId"] == arn
    states = [(entry["KeyMaterialState"], entry.get("RotationType")) for entry in materials(kms, arn)]
    assert states == [("CURRENT", "ON_DEMAND"), ("NON_CURRENT", None)]
    new = kms.encrypt(KeyId=arn, Plaintext=b"new")["CiphertextBlob"]
    assert opened_outside(second, new) == b"new" and opened_outside(first, old) == b"old"
    moved = kms.re_encrypt(CiphertextBlob=old, DestinationKeyId=arn)
    assert (moved["SourceKeyMaterialId"], moved["DestinationKeyMaterialId"]) == (
        material_id(arn, first),
        material_id(arn, second),
    )
    # Without the old key material the key is not whole.
    kms.delete_imported_key_material(KeyId=arn, KeyMaterialId=material_id(arn, first))
    assert state(kms, arn) == "PendingImport"
    bring(arn, first)
    assert kms.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"
    for call in (kms.enable_key_rotation, kms.disable_key_rotation):
        with refused("UnsupportedOperationException", f"{arn} origin is EXTERNAL which is not valid for this operation."):
            call(KeyId=arn)


def test_parameters_for_symmetric_keys_alone(kms, external, bring):
    arn = external("HMAC_256", "GENERATE_VERIFY_MAC")
    for name, value in (
        ("ImportType", "NEW_KEY_MATERIAL"),
        ("KeyMaterialDescription", "d"),
        ("KeyMaterialId", "0" * 64),
    ):
        with refused("UnsupportedOperationException", f"{name} is not supported for KMS keys with key spec HMAC_256."):
            bring(arn, bytes(32), **{name: value})
    with refused("UnsupportedOperationException"):
        kms.delete_imported_key_material(KeyId=arn, KeyMaterialId="0" * 64)
    arn = external()
    bring(arn, bytes(32))
    with refused("NotFoundException", f"Key material '{'0' * 64}' is not associated with key '{arn}'"):
        kms.delete_imported_key_material(KeyId=arn, KeyMaterialId="0" * 64)
    with refused("ValidationException", "You cannot specify a KeyMaterialId with ImportType set to NEW_KEY_MATERIAL"):
        bring(arn, bytes(32), ImportType="NEW_KEY_MATERIAL", KeyMaterialId="0" * 64)


OK, PENDING_IMPORT = None, ("KMSInvalidStateException", "{} is pending import.")
ORIGIN = ("UnsupportedOperationException", "{} origin is EXTERNAL which is not valid for this operation.")
NOT_PENDING = ("KMSInvalidStateException", "{} is not pending deletion.")
STATES = {
    "describe_key": ({}, OK),
    "get_key_policy": ({}, OK),
    "list_resource_tags": ({}, OK),
    "tag_resource": ({"Tags": [{"TagKey": "k", "TagValue": "v"}]}, OK),
    "untag_resource": ({"TagKeys": ["k"]}, OK),
    "update_key_description": ({"Description": "d"}, OK),
    "list_key_rotations": ({}, OK),
    "schedule_key_deletion": ({}, OK),
    "enable_key": ({}, PENDING_IMPORT),
    "disable_key": ({}, PENDING_IMPORT),
    "encrypt": ({"Plaintext": b"p"}, PENDING_IMPORT),
    "generate_data_key": ({"KeySpec": "AES_256"}, PENDING_IMPORT),
    "rotate_key_on_demand": ({}, PENDING_IMPORT),
    "cancel_key_deletion": ({}, NOT_PENDING),
    "enable_key_rotation": ({}, ORIGIN),
    "disable_key_rotation": ({}, ORIGIN),
    "get_key_rotation_status": ({}, ORIGIN),
}


@pytest.mark.parametrize("operation", STATES)
def test_operations_on_a_key_that_is_pending_import(kms, external, operation):
    arn = external()
    arguments, answer = STATES[operation]
    call = lambda: getattr(kms, operation)(KeyId=arn, **arguments)
    if answer is OK:
        call()
        return
    code, text = answer
    with refused(code, text.format(arn)):
        call()


def test_a_key_pending_import_can_be_deleted_and_kept_after_all(kms, external, bring):
    arn = external()
    kms.schedule_key_deletion(KeyId=arn)
    for call, arguments in (
        (kms.get_parameters_for_import, {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}),
        (kms.import_key_material, {"ImportToken": b"t", "EncryptedKeyMaterial": b"e", "ValidTo": 10**10}),
    ):
        with refused("KMSInvalidStateException", f"{arn} is pending deletion."):
            call(KeyId=arn, **arguments)
    kms.cancel_key_deletion(KeyId=arn)
    assert state(kms, arn) == "PendingImport"
    bring(arn, bytes(32))
    assert state(kms, arn) == "Enabled"


def test_each_action_is_asked_for_by_its_name(kms, external, bring, root_arn, policy_for):
    arn = external()
    bring(arn, bytes(32))
    parameters = bring.parameters(arn)
    wrapped = bring.wrap(parameters, "RSAES_OAEP_SHA_256", bytes(32))
    calls = {
        "GetParametersForImport": lambda: bring.parameters(arn),
        "ImportKeyMaterial": lambda: kms.import_key_material(
            KeyId=arn,
            ImportToken=parameters["ImportToken"],
            EncryptedKeyMaterial=wrapped,
            ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
        ),
        "DeleteImportedKeyMaterial": lambda: kms.delete_imported_key_material(KeyId=arn),
    }
    for action, call in calls.items():
        kms.put_key_policy(KeyId=arn, Policy=policy_for(root_arn, deny=[f"kms:{action}"]))
        text = (
            f"User: {root_arn} is not authorized to perform: kms:{action} on resource: {arn} "
            "with an explicit deny in a resource-based policy"
        )
        with refused("AccessDeniedException", text):
            call()
        others = [f"kms:{name}" for name in [*calls, "PutKeyPolicy"] if name != action]
        kms.put_key_policy(KeyId=arn, Policy=policy_for(root_arn, actions=others))
        with refused("AccessDeniedException"):
            call()
        kms.put_key_policy(KeyId=arn, Policy=policy_for(root_arn, actions=[f"kms:{action}", "kms:PutKeyPolicy"]))
        call()


def test_other_accounts_import_nothing(other_kms, kms, external, root_arn, other_arn, policy_for):
    arn = external()
    kms.put_key_policy(KeyId=arn, Policy=policy_for(root_arn, other_arn))
    for call, arguments in (
        (
            other_kms.get_parameters_for_import,
            {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"},
        ),
        (other_kms.import_key_material, {"ImportToken": b"t", "EncryptedKeyMaterial": b"e", "ValidTo": 10**10}),
        (other_kms.delete_imported_key_material, {}),
    ):
        with refused("AccessDeniedException"):
            call(KeyId=arn, **arguments)


def test_the_log_tells_of_an_import_and_keeps_its_secrets(server, kms, external, bring):
    arn, material = external(), secrets.token_bytes(32)
    parameters = bring.parameters(arn)
    request_id = parameters["ResponseMetadata"]["RequestId"]
    record = server.audit_record(request_id)
    assert (record["readOnly"], record["responseElements"]) == (True, None)
    wrapped = bring.wrap(parameters, "RSAES_OAEP_SHA_256", material)
    end = datetime.datetime(2100, 1, 1, tzinfo=datetime.timezone.utc)
    end = min(end, datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=100))
    answer = kms.import_key_material(
        KeyId=arn,
        ImportToken=parameters["ImportToken"],
        EncryptedKeyMaterial=wrapped,
        ValidTo=end,
        ImportType="NEW_KEY_MATERIAL",
        KeyMaterialDescription="d",
    )
    record = server.audit_record(answer["ResponseMetadata"]["RequestId"])
    assert record["requestParameters"] == {
        "keyId": arn,
        "expirationModel": "KEY_MATERIAL_EXPIRES",
        "validTo": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "importType": "NEW_KEY_MATERIAL",
        "keyMaterialDescription": "d",
    }
    assert record["responseElements"] == {"keyId": arn, "keyMaterialId": answer["KeyMaterialId"]}
    log, printed = "\n".join(server.audit_lines()), server.everything_printed()
    for secret in (material, wrapped, parameters["ImportToken"]):
        for form in (base64.b64encode(secret).decode(), secret.hex()):
            assert form not in log and form.encode() not in printed
    on_disk = b"".join(path.read_bytes() for path in server.data_dir.glob("*.db*"))
    assert material not in on_disk


def test_an_import_that_was_answered_survives_a_crash(own_server, root, tmp_path):
    own_server.start()
    kms = kms_client(own_server, root)
    material = secrets.token_bytes(32)
    arn = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["Arn"]
    parameters = Importer(kms, tmp_path).parameters(arn)
    Importer(kms, tmp_path)(arn, material)
    own_server.kill()
    own_server.start()
    kms = kms_client(own_server, root)
    sealed = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    assert opened_outside(material, sealed) == b"p"
    # So does a token that was given out.
    wrapped = by_cryptography(parameters["PublicKey"], "RSAES_OAEP_SHA_256", material, tmp_path)
    kms.import_key_material(
        KeyId=arn,
        ImportToken=parameters["ImportToken"],
        EncryptedKeyMaterial=wrapped,
        ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
    )


def test_by_the_command_line(cli, tmp_path):
    """The walk of the developer guide: the AWS CLI, and OpenSSL to wrap."""
    make = ("create-key", "--origin", "EXTERNAL", "--query", "KeyMetadata.KeyId", "--output", "text")
    key = cli.text(*make)
    answer = cli.json(
        *("get-parameters-for-import", "--key-id", key),
        *("--wrapping-algorithm", "RSAES_OAEP_SHA_256", "--wrapping-key-spec", "RSA_3072"),
    )
    material = secrets.token_bytes(32)
    wrapped = openssl.encrypt(base64.b64decode(answer["PublicKey"]), "RSAES_OAEP_SHA_256", material, tmp_path)
    (tmp_path / "token").write_bytes(base64.b64decode(answer["ImportToken"]))
    (tmp_path / "wrapped").write_bytes(wrapped)
    imported = cli.json(
        *("import-key-material", "--key-id", key, "--encrypted-key-material", f"fileb://{tmp_path}/wrapped"),
        *("--import-token", f"fileb://{tmp_path}/token", "--expiration-model", "KEY_MATERIAL_DOES_NOT_EXPIRE"),
    )
    assert imported["KeyId"].endswith(key)
    (tmp_path / "plain").write_bytes(b"secret")
    sealed = cli.text(
        *("encrypt", "--key-id", key, "--plaintext", f"fileb://{tmp_path}/plain"),
        *("--query", "CiphertextBlob", "--output", "text"),
    )
    assert opened_outside(material, base64.b64decode(sealed)) == b"secret"
    listed = cli.json("list-key-rotations", "--key-id", key, "--include-key-material", "ALL_KEY_MATERIAL")
    [entry] = listed["Rotations"]
    assert (entry["KeyMaterialId"], entry["ImportState"]) == (imported["KeyMaterialId"], "IMPORTED")
    cli.json("delete-imported-key-material", "--key-id", key)
    described = cli.json("describe-key", "--key-id", key)["KeyMetadata"]
    assert described["KeyState"] == "PendingImport"
