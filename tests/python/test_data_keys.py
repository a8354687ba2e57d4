"""GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom."""

import pytest

from support.expect import DRY_RUN_TEXT, assert_refused, refused, violation, violations

EITHER_TEXT = "Please specify either number of bytes or key spec."
BOTH = ["generate_data_key", "generate_data_key_without_plaintext"]
SIZES = [
    ({"KeySpec": "AES_128"}, 16),
    ({"KeySpec": "AES_256"}, 32),
    ({"NumberOfBytes": 1}, 1),
    ({"NumberOfBytes": 64}, 64),
    ({"NumberOfBytes": 1024}, 1024),
]


@pytest.mark.parametrize(("asked", "size"), SIZES)
def test_a_data_key_comes_in_clear_and_sealed(kms, key, asked, size):
    context = {"purpose": "test"}
    made = kms.generate_data_key(KeyId=key, EncryptionContext=context, **asked)
    assert made["KeyId"] == key
    assert len(made["Plaintext"]) == size
    assert made["KeyMaterialId"] == kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=context)
    assert opened["Plaintext"] == made["Plaintext"]


@pytest.mark.parametrize(("asked", "size"), SIZES)
def test_a_data_key_comes_sealed_only(kms, key, asked, size):
    made = kms.generate_data_key_without_plaintext(KeyId=key, **asked)
    assert "Plaintext" not in made
    assert len(kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"]) == size


def test_no_two_data_keys_are_alike(kms, key):
    made = [kms.generate_data_key(KeyId=key, KeySpec="AES_256") for _ in range(50)]
    assert len({each["Plaintext"] for each in made}) == len({each["CiphertextBlob"] for each in made}) == 50


@pytest.mark.parametrize("call", BOTH)
def test_exactly_one_size_is_asked_for(kms, key, call):
    with refused("ValidationException", EITHER_TEXT):
        getattr(kms, call)(KeyId=key)
    with refused("ValidationException", EITHER_TEXT):
        getattr(kms, call)(KeyId=key, KeySpec="AES_256", NumberOfBytes=32)


@pytest.mark.parametrize("operation", ["GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateRandom"])
def test_sizes_beyond_the_limits(raw, key, operation):
    low = violation("Member must have value greater than or equal to 1", "numberOfBytes", "0")
    high = violation("Member must have value less than or equal to 1024", "numberOfBytes", "1025")
    named = {} if operation == "GenerateRandom" else {"KeyId": key}
    for size, expected in ((0, low), (1025, high)):
        answer = raw.call(operation, {**named, "NumberOfBytes": size})
        assert_refused(answer, "ValidationException", violations(expected))


@pytest.mark.parametrize("call", BOTH)
@pytest.mark.parametrize("spec", ["RSA_2048", "SM2"])
def test_data_keys_come_from_symmetric_keys_only(kms, shared_key, call, spec):
    with refused("InvalidKeyUsageException"):
        getattr(kms, call)(KeyId=shared_key(spec), KeySpec="AES_256")


@pytest.mark.parametrize("call", BOTH)
def test_a_dry_run(kms, key, call):
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        getattr(kms, call)(KeyId=key, KeySpec="AES_256", DryRun=True)
    with refused("ValidationException", EITHER_TEXT):
        getattr(kms, call)(KeyId=key, DryRun=True)


@pytest.mark.parametrize("size", [1, 32, 1024])
def test_random_bytes(kms, size):
    first, second = (kms.generate_random(NumberOfBytes=size)["Plaintext"] for _ in range(2))
    assert len(first) == len(second) == size
    assert first != second or size == 1


def test_random_bytes_of_no_stated_number(kms):
    with refused("ValidationException", "NumberOfBytes is required."):
        kms.generate_random()


def test_random_bytes_from_a_store_that_does_not_exist(kms):
    with refused("CustomKeyStoreNotFoundException"):
        kms.generate_random(NumberOfBytes=1, CustomKeyStoreId="cks-0123456789abcdef0")
