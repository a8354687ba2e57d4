"""Encrypt and Decrypt: limits, algorithms, identifier forms, and the errors of each."""

import pytest

from conftest import uuid_of
from support import openssl
from support.clients import kms_client
from support.expect import (
    DRY_RUN_TEXT,
    INCORRECT_KEY_TEXT,
    NO_TEXT,
    NOT_BY_CIPHERTEXT,
    assert_refused,
    refused,
    violation,
    violations,
)

# What RFC 8017 leaves for the message under OAEP: modulus bytes - 2 * hash bytes - 2.
ASYMMETRIC_LIMITS = [
    ("RSA_2048", "RSAES_OAEP_SHA_1", 214),
    ("RSA_2048", "RSAES_OAEP_SHA_256", 190),
    ("RSA_3072", "RSAES_OAEP_SHA_1", 342),
    ("RSA_3072", "RSAES_OAEP_SHA_256", 318),
    ("RSA_4096", "RSAES_OAEP_SHA_1", 470),
    ("RSA_4096", "RSAES_OAEP_SHA_256", 446),
    ("SM2", "SM2PKE", 1024),
]


@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 4095, 4096])
def test_what_was_encrypted_comes_back(kms, key, size):
    plaintext = bytes(index % 251 for index in range(size))
    sealed = kms.encrypt(KeyId=key, Plaintext=plaintext)
    assert (sealed["KeyId"], sealed["EncryptionAlgorithm"]) == (key, "SYMMETRIC_DEFAULT")
    assert plaintext not in sealed["CiphertextBlob"] or size < 4
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])
    assert opened["Plaintext"] == plaintext
    assert (opened["KeyId"], opened["EncryptionAlgorithm"]) == (key, "SYMMETRIC_DEFAULT")
    assert opened["KeyMaterialId"] == kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]


def test_the_same_plaintext_never_gives_the_same_ciphertext(kms, key):
    blobs = {kms.encrypt(KeyId=key, Plaintext=b"same")["CiphertextBlob"] for _ in range(50)}
    assert len(blobs) == 50


def test_plaintext_of_no_byte_and_of_one_too_many(raw, key):
    empty = violation("Member must have length greater than or equal to 1", "plaintext", "", quoted=False)
    long = violation("Member must have length less than or equal to 4096", "plaintext", "", quoted=False)
    assert_refused(raw.call("Encrypt", {"KeyId": key, "Plaintext": b""}), "ValidationException", violations(empty))
    assert_refused(
        raw.call("Encrypt", {"KeyId": key, "Plaintext": bytes(4097)}), "ValidationException", violations(long)
    )


def test_a_ciphertext_of_no_byte_and_of_one_too_many(raw):
    empty = violation("Member must have length greater than or equal to 1", "ciphertextBlob", "", quoted=False)
    long = violation("Member must have length less than or equal to 6144", "ciphertextBlob", "", quoted=False)
    assert_refused(raw.call("Decrypt", {"CiphertextBlob": b""}), "ValidationException", violations(empty))
    assert_refused(raw.call("Decrypt", {"CiphertextBlob": bytes(6145)}), "ValidationException", violations(long))
    assert_refused(raw.call("Decrypt", {"CiphertextBlob": bytes(6144)}), "InvalidCiphertextException", NO_TEXT)


@pytest.mark.parametrize("form", ["id", "arn", "alias", "alias arn"])
def test_every_identifier_form_names_the_key(kms, root, key, make_alias, form):
    alias = make_alias("alias/crypto", key)
    identifier = {
        "id": uuid_of(key),
        "arn": key,
        "alias": alias,
        "alias arn": f"arn:aws:kms:us-east-1:{root.account}:{alias}",
    }[form]
    sealed = kms.encrypt(KeyId=identifier, Plaintext=b"p")
    assert sealed["KeyId"] == key
    opened = kms.decrypt(KeyId=identifier, CiphertextBlob=sealed["CiphertextBlob"])
    assert (opened["KeyId"], opened["Plaintext"]) == (key, b"p")


def test_decrypt_with_another_key_than_the_one_that_encrypted(kms, key, second_key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    with refused("IncorrectKeyException", INCORRECT_KEY_TEXT):
        kms.decrypt(KeyId=second_key, CiphertextBlob=blob)


def test_decrypt_symmetric_ciphertext_with_an_asymmetric_key(kms, key, shared_key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    rsa = shared_key("RSA_2048")
    with refused("InvalidKeyUsageException", "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048."):
        kms.decrypt(KeyId=rsa, CiphertextBlob=blob)


def test_encrypt_with_a_key_that_does_not_exist(kms, unknown_key):
    with refused("NotFoundException", f"Key '{unknown_key}' does not exist"):
        kms.encrypt(KeyId=unknown_key, Plaintext=b"p")


def test_decrypt_what_a_key_of_another_region_encrypted(server, key, kms, caller_arn):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    elsewhere = kms_client(server, server.caller, region="eu-west-1")
    with refused("AccessDeniedException", NOT_BY_CIPHERTEXT.format(caller=caller_arn, action="Decrypt")):
        elsewhere.decrypt(CiphertextBlob=blob)


@pytest.mark.parametrize(("spec", "algorithm", "limit"), ASYMMETRIC_LIMITS)
def test_asymmetric_keys_encrypt_up_to_their_limit(kms, shared_key, spec, algorithm, limit):
    arn = shared_key(spec)
    for size in (1, limit):
        plaintext = b"\x00" + bytes(range(1, 256)) * 4 if size == 1024 else bytes(size - 1) + b"\x01"
        plaintext = plaintext[:size]
        sealed = kms.encrypt(KeyId=arn, Plaintext=plaintext, EncryptionAlgorithm=algorithm)
        assert (sealed["KeyId"], sealed["EncryptionAlgorithm"]) == (arn, algorithm)
        opened = kms.decrypt(KeyId=arn, CiphertextBlob=sealed["CiphertextBlob"], EncryptionAlgorithm=algorithm)
        assert opened["Plaintext"] == plaintext
        assert opened["EncryptionAlgorithm"] == algorithm
        assert "KeyMaterialId" not in opened
    text = f"Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {limit} bytes."
    with refused("ValidationException", text):
        kms.encrypt(KeyId=arn, Plaintext=bytes(limit + 1), EncryptionAlgorithm=algorithm)


@pytest.mark.parametrize(("spec", "size"), [("RSA_2048", 256), ("RSA_3072", 384), ("RSA_4096", 512)])
def test_rsa_ciphertext_is_the_bare_block(kms, shared_key, spec, size):
    for _ in range(8):
        blob = kms.encrypt(KeyId=shared_key(spec), Plaintext=b"p", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
        assert len(blob["CiphertextBlob"]) == size


@pytest.mark.parametrize(("spec", "algorithm", "limit"), ASYMMETRIC_LIMITS)
def test_ciphertext_made_outside_with_openssl(kms, shared_key, tmp_path, spec, algorithm, limit):
    arn = shared_key(spec)
    public = kms.get_public_key(KeyId=arn)["PublicKey"]
    blob = openssl.encrypt(public, algorithm, b"made outside", tmp_path)
    opened = kms.decrypt(KeyId=arn, CiphertextBlob=blob, EncryptionAlgorithm=algorithm)
    assert opened["Plaintext"] == b"made outside"


@pytest.mark.parametrize(
    ("spec", "algorithm"),
    [
        ("SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_256"),
        ("SYMMETRIC_DEFAULT", "SM2PKE"),
        ("RSA_2048", "SYMMETRIC_DEFAULT"),
        ("RSA_2048", "SM2PKE"),
        ("SM2", "RSAES_OAEP_SHA_1"),
        ("SM2", None),
    ],
)
def test_an_algorithm_that_the_key_does_not_have(kms, shared_key, spec, algorithm):
    arn = shared_key(spec)
    given = {"EncryptionAlgorithm": algorithm} if algorithm else {}
    text = f"Algorithm {algorithm or 'SYMMETRIC_DEFAULT'} is incompatible with key spec {spec}."
    with refused("InvalidKeyUsageException", text):
        kms.encrypt(KeyId=arn, Plaintext=b"p", **given)
    with refused("InvalidKeyUsageException", text):
        kms.decrypt(KeyId=arn, CiphertextBlob=b"c" * 256, **given)


def test_the_wrong_hash_of_oaep_does_not_open(kms, shared_key):
    arn = shared_key("RSA_2048")
    blob = kms.encrypt(KeyId=arn, Plaintext=b"p", EncryptionAlgorithm="RSAES_OAEP_SHA_1")["CiphertextBlob"]
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.decrypt(KeyId=arn, CiphertextBlob=blob, EncryptionAlgorithm="RSAES_OAEP_SHA_256")


@pytest.mark.parametrize(("spec", "algorithm"), [("RSA_2048", "RSAES_OAEP_SHA_256"), ("SM2", "SM2PKE")])
def test_asymmetric_decryption_needs_the_name_of_the_key(kms, shared_key, spec, algorithm):
    blob = kms.encrypt(KeyId=shared_key(spec), Plaintext=b"p", EncryptionAlgorithm=algorithm)["CiphertextBlob"]
    with refused("ValidationException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionAlgorithm=algorithm)


@pytest.mark.parametrize(("spec", "algorithm"), [("RSA_2048", "RSAES_OAEP_SHA_1"), ("SM2", "SM2PKE")])
def test_asymmetric_keys_take_no_context(kms, shared_key, spec, algorithm):
    arn = shared_key(spec)
    with refused("ValidationException"):
        kms.encrypt(KeyId=arn, Plaintext=b"p", EncryptionAlgorithm=algorithm, EncryptionContext={"a": "b"})
    blob = kms.encrypt(KeyId=arn, Plaintext=b"p", EncryptionAlgorithm=algorithm, EncryptionContext={})["CiphertextBlob"]
    with refused("ValidationException"):
        kms.decrypt(KeyId=arn, CiphertextBlob=blob, EncryptionAlgorithm=algorithm, EncryptionContext={"a": "b"})


def test_a_signing_key_neither_encrypts_nor_decrypts(kms, key, shared_key):
    arn = shared_key("RSA_2048", "SIGN_VERIFY")
    with refused("InvalidKeyUsageException", f"{arn} key usage is SIGN_VERIFY which is not valid for Encrypt."):
        kms.encrypt(KeyId=arn, Plaintext=b"p", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    with refused("IncorrectKeyException", INCORRECT_KEY_TEXT):
        kms.decrypt(KeyId=arn, CiphertextBlob=blob)


def test_a_dry_run_checks_everything_and_gives_nothing(kms, key, second_key):
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        kms.encrypt(KeyId=key, Plaintext=b"p", DryRun=True)
    blob = kms.encrypt(KeyId=key, Plaintext=b"p", DryRun=False)["CiphertextBlob"]
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        kms.decrypt(CiphertextBlob=blob, DryRun=True)
    with refused("IncorrectKeyException", INCORRECT_KEY_TEXT):
        kms.decrypt(KeyId=second_key, CiphertextBlob=blob, DryRun=True)
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"not": "used"}, DryRun=True)


def test_decrypt_without_ciphertext_only_asks_about_permission(kms, key, raw):
    ignoring = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        kms.decrypt(KeyId=key, **ignoring)
    assert_refused(raw.call("Decrypt", ignoring), "ValidationException")
    assert_refused(raw.call("Decrypt", {"KeyId": key}), "ValidationException")
    assert_refused(raw.call("Decrypt", {"KeyId": key, "DryRun": True}), "ValidationException")
