"""What an import refuses, and to whom."""

import datetime
import secrets

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from conftest import uuid_of
from support import openssl
from support.expect import ANY_TEXT, NO_TEXT, assert_refused, explicitly_denied, refused, violation, violations
from support.wrapping import WRONG_MATERIAL, pkcs8, spki

WRONG_TOKEN = "The provided import token is invalid or is associated with a different KMS key."


@pytest.mark.parametrize("spec", ["ML_DSA_44", "ML_KEM_768"])
def test_key_specs_that_take_no_import(kms, spec):
    usage = "SIGN_VERIFY" if spec == "ML_DSA_44" else "ENCAPSULATE_DECAPSULATE"
    with refused("ValidationException", f"KeySpec {spec} is not supported for Origin EXTERNAL"):
        kms.create_key(Origin="EXTERNAL", KeySpec=spec, KeyUsage=usage)


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
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingImport"


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


def test_each_action_is_asked_for_by_its_name(kms, external, bring, root_arn, policy_for, caller_arn):
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
        with refused("AccessDeniedException", explicitly_denied(caller_arn, action, arn)):
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
