"""ReEncrypt with RSA and SM2 keys on either side, and with ciphertext that OpenSSL made from the public key."""

import itertools

import pytest

from support import openssl
from support.expect import NO_TEXT, refused

SECRET = b"thirty-two bytes of data key...."
SIDES = [
    ("SYMMETRIC_DEFAULT", "SYMMETRIC_DEFAULT"),
    ("RSA_2048", "RSAES_OAEP_SHA_1"),
    ("RSA_2048", "RSAES_OAEP_SHA_256"),
    ("RSA_3072", "RSAES_OAEP_SHA_256"),
    ("RSA_4096", "RSAES_OAEP_SHA_1"),
    ("SM2", "SM2PKE"),
]
ASYMMETRIC = SIDES[1:]


def name(side):
    return "-".join(side)


@pytest.mark.parametrize(("source", "destination"), [*itertools.product(SIDES, SIDES)], ids=lambda side: name(side))
def test_every_kind_of_key_on_every_side(kms, shared_key, source, destination):
    (source_spec, source_algorithm), (destination_spec, destination_algorithm) = source, destination
    old, new = shared_key(source_spec), shared_key(destination_spec)
    blob = kms.encrypt(KeyId=old, Plaintext=SECRET, EncryptionAlgorithm=source_algorithm)["CiphertextBlob"]
    answer = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceKeyId=old,
        SourceEncryptionAlgorithm=source_algorithm,
        DestinationKeyId=new,
        DestinationEncryptionAlgorithm=destination_algorithm,
    )
    assert (answer["SourceKeyId"], answer["KeyId"]) == (old, new)
    assert answer["SourceEncryptionAlgorithm"] == source_algorithm
    assert answer["DestinationEncryptionAlgorithm"] == destination_algorithm
    assert ("SourceKeyMaterialId" in answer) == (source_spec == "SYMMETRIC_DEFAULT")
    assert ("DestinationKeyMaterialId" in answer) == (destination_spec == "SYMMETRIC_DEFAULT")
    opened = kms.decrypt(KeyId=new, CiphertextBlob=answer["CiphertextBlob"], EncryptionAlgorithm=destination_algorithm)
    assert opened["Plaintext"] == SECRET


@pytest.mark.parametrize(("spec", "algorithm"), ASYMMETRIC)
def test_ciphertext_made_outside_moves_under_a_symmetric_key(kms, key, shared_key, tmp_path, spec, algorithm):
    source = shared_key(spec)
    blob = openssl.encrypt(kms.get_public_key(KeyId=source)["PublicKey"], algorithm, SECRET, tmp_path)
    answer = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceKeyId=source,
        SourceEncryptionAlgorithm=algorithm,
        DestinationKeyId=key,
        DestinationEncryptionContext={"from": "outside"},
    )
    opened = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], EncryptionContext={"from": "outside"})
    assert opened["Plaintext"] == SECRET


@pytest.mark.parametrize(("spec", "algorithm"), ASYMMETRIC)
def test_a_context_on_an_asymmetric_side_is_refused(kms, key, shared_key, spec, algorithm):
    asymmetric = shared_key(spec)
    blob = kms.encrypt(KeyId=key, Plaintext=SECRET)["CiphertextBlob"]
    with refused("ValidationException"):
        kms.re_encrypt(
            CiphertextBlob=blob,
            DestinationKeyId=asymmetric,
            DestinationEncryptionAlgorithm=algorithm,
            DestinationEncryptionContext={"a": "b"},
        )
    blob = kms.encrypt(KeyId=asymmetric, Plaintext=SECRET, EncryptionAlgorithm=algorithm)["CiphertextBlob"]
    with refused("ValidationException"):
        kms.re_encrypt(
            CiphertextBlob=blob,
            SourceKeyId=asymmetric,
            SourceEncryptionAlgorithm=algorithm,
            SourceEncryptionContext={"a": "b"},
            DestinationKeyId=key,
        )


@pytest.mark.parametrize(("spec", "algorithm"), ASYMMETRIC)
def test_an_asymmetric_source_must_be_named(kms, key, shared_key, spec, algorithm):
    blob = kms.encrypt(KeyId=shared_key(spec), Plaintext=SECRET, EncryptionAlgorithm=algorithm)["CiphertextBlob"]
    with refused("ValidationException"):
        kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionAlgorithm=algorithm, DestinationKeyId=key)


@pytest.mark.parametrize("spec", ["RSA_2048", "SM2"])
def test_algorithms_must_be_said_and_fit(kms, key, shared_key, spec):
    asymmetric = shared_key(spec)
    text = f"Algorithm SYMMETRIC_DEFAULT is incompatible with key spec {spec}."
    blob = kms.encrypt(KeyId=key, Plaintext=SECRET)["CiphertextBlob"]
    with refused("InvalidKeyUsageException", text):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=asymmetric)
    with refused("InvalidKeyUsageException", text):
        kms.re_encrypt(CiphertextBlob=b"c" * 256, SourceKeyId=asymmetric, DestinationKeyId=key)
    with refused(
        "InvalidKeyUsageException", "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT."
    ):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key, DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_256")
    with refused(
        "InvalidKeyUsageException", "Algorithm RSAES_OAEP_SHA_1 is incompatible with key spec SYMMETRIC_DEFAULT."
    ):
        kms.re_encrypt(
            CiphertextBlob=blob, SourceKeyId=key, SourceEncryptionAlgorithm="RSAES_OAEP_SHA_1", DestinationKeyId=key
        )


@pytest.mark.parametrize(
    ("spec", "algorithm", "limit"), [("RSA_2048", "RSAES_OAEP_SHA_256", 190), ("SM2", "SM2PKE", 1024)]
)
def test_what_does_not_fit_under_the_destination(kms, key, shared_key, spec, algorithm, limit):
    destination = {"DestinationKeyId": shared_key(spec), "DestinationEncryptionAlgorithm": algorithm}
    fits = kms.encrypt(KeyId=key, Plaintext=bytes(limit))["CiphertextBlob"]
    assert kms.re_encrypt(CiphertextBlob=fits, **destination)["CiphertextBlob"]
    too_large = kms.encrypt(KeyId=key, Plaintext=bytes(limit + 1))["CiphertextBlob"]
    text = f"Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {limit} bytes."
    with refused("ValidationException", text):
        kms.re_encrypt(CiphertextBlob=too_large, **destination)


@pytest.mark.parametrize(("spec", "algorithm"), [("RSA_2048", "RSAES_OAEP_SHA_256"), ("SM2", "SM2PKE")])
def test_damaged_asymmetric_ciphertext(kms, key, shared_key, spec, algorithm):
    source = shared_key(spec)
    blob = kms.encrypt(KeyId=source, Plaintext=SECRET, EncryptionAlgorithm=algorithm)["CiphertextBlob"]
    half = len(blob) // 2
    flipped = blob[:half] + bytes([blob[half] ^ 1]) + blob[half + 1 :]
    for damaged in (blob[:-1], blob + b"\x00", flipped, bytes(len(blob)), b"\xff" * len(blob), b"x"):
        with refused("InvalidCiphertextException", NO_TEXT):
            kms.re_encrypt(
                CiphertextBlob=damaged, SourceKeyId=source, SourceEncryptionAlgorithm=algorithm, DestinationKeyId=key
            )


def test_rsa_ciphertext_of_another_key_of_the_same_size(kms, key, shared_key, make_key):
    blob = kms.encrypt(
        KeyId=make_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT"),
        Plaintext=SECRET,
        EncryptionAlgorithm="RSAES_OAEP_SHA_256",
    )["CiphertextBlob"]
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.re_encrypt(
            CiphertextBlob=blob,
            SourceKeyId=shared_key("RSA_2048"),
            SourceEncryptionAlgorithm="RSAES_OAEP_SHA_256",
            DestinationKeyId=key,
        )
