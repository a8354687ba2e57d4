"""RotateKeyOnDemand: new material for new ciphertext, old material for as long as the key lives."""

import pytest

from conftest import uuid_of
from support.expect import NO_TEXT, refused


def current_material(kms, arn):
    return kms.describe_key(KeyId=arn)["KeyMetadata"]["CurrentKeyMaterialId"]


def test_old_ciphertext_still_opens_and_new_ciphertext_uses_the_new_material(kms, make_key):
    arn = make_key()
    blobs, materials = [], []
    for round_number in range(4):
        materials.append(current_material(kms, arn))
        blobs.append(kms.encrypt(KeyId=arn, Plaintext=b"round %d" % round_number)["CiphertextBlob"])
        assert kms.rotate_key_on_demand(KeyId=uuid_of(arn))["KeyId"] == arn
    assert len(set(materials)) == 4
    assert current_material(kms, arn) not in materials
    for round_number, blob in enumerate(blobs):
        opened = kms.decrypt(KeyId=arn, CiphertextBlob=blob)
        assert opened["Plaintext"] == b"round %d" % round_number
        assert opened["KeyMaterialId"] == materials[round_number]


def test_reencrypt_under_the_same_key_moves_to_the_newest_material(kms, make_key):
    arn = make_key()
    old = current_material(kms, arn)
    blob = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=arn)
    new = current_material(kms, arn)
    moved = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=arn)
    assert (moved["SourceKeyMaterialId"], moved["DestinationKeyMaterialId"]) == (old, new)
    assert old != new
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"p", new)


def test_a_data_key_of_before_the_rotation_still_opens(kms, make_key):
    arn = make_key()
    made = kms.generate_data_key(KeyId=arn, KeySpec="AES_256")
    kms.rotate_key_on_demand(KeyId=arn)
    assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]


def test_twenty_five_rotations_and_not_one_more(kms, make_key):
    arn = make_key()
    first = kms.encrypt(KeyId=arn, Plaintext=b"first")["CiphertextBlob"]
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=arn)
    text = (
        "The on-demand rotations limit has been reached for the given keyId. "
        f"No more on-demand rotations can be performed for this key: {arn}"
    )
    with refused("LimitExceededException", text):
        kms.rotate_key_on_demand(KeyId=arn)
    assert kms.decrypt(CiphertextBlob=first)["Plaintext"] == b"first"


@pytest.mark.parametrize("spec", ["RSA_2048", "SM2"])
def test_asymmetric_keys_do_not_rotate(kms, shared_key, spec):
    with refused("UnsupportedOperationException", NO_TEXT):
        kms.rotate_key_on_demand(KeyId=shared_key(spec))


def test_rotation_of_a_key_that_does_not_exist(kms, unknown_key):
    with refused("NotFoundException", f"Key '{unknown_key}' does not exist"):
        kms.rotate_key_on_demand(KeyId=unknown_key)
