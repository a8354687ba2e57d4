"""GetPublicKey: a standard public key that other software reads."""

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from conftest import uuid_of
from support import openssl
from support.expect import refused

RSA = ["RSA_2048", "RSA_3072", "RSA_4096"]


@pytest.mark.parametrize("spec", RSA)
def test_the_public_key_of_an_rsa_key(kms, shared_key, spec):
    arn = shared_key(spec)
    answer = kms.get_public_key(KeyId=uuid_of(arn))
    assert (answer["KeyId"], answer["KeySpec"], answer["CustomerMasterKeySpec"]) == (arn, spec, spec)
    assert answer["KeyUsage"] == "ENCRYPT_DECRYPT"
    assert answer["EncryptionAlgorithms"] == ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]
    assert "SigningAlgorithms" not in answer
    public = load_der_public_key(answer["PublicKey"])
    assert public.key_size == int(spec.removeprefix("RSA_"))
    assert public.public_numbers().e == 65537


def test_the_public_key_of_an_sm2_key(kms, shared_key, tmp_path):
    answer = kms.get_public_key(KeyId=shared_key("SM2"))
    assert answer["EncryptionAlgorithms"] == ["SM2PKE"]
    assert len(answer["PublicKey"]) == 91
    (tmp_path / "sm2.der").write_bytes(answer["PublicKey"])
    described = openssl.run("pkey", "-pubin", "-inform", "DER", "-in", str(tmp_path / "sm2.der"), "-noout", "-text_pub")
    assert "SM2" in described


def test_the_key_stays_the_same(kms, shared_key):
    arn = shared_key("RSA_2048")
    assert len({kms.get_public_key(KeyId=arn)["PublicKey"] for _ in range(3)}) == 1


def test_a_symmetric_key_has_none(kms, key):
    with refused("UnsupportedOperationException"):
        kms.get_public_key(KeyId=key)


def test_a_disabled_key_still_shows_it_but_not_one_that_waits_for_deletion(kms, make_key):
    arn = make_key(KeySpec="SM2", KeyUsage="ENCRYPT_DECRYPT")
    kms.disable_key(KeyId=arn)
    assert kms.get_public_key(KeyId=arn)["PublicKey"]
    kms.schedule_key_deletion(KeyId=arn)
    with refused("KMSInvalidStateException", f"{arn} is pending deletion."):
        kms.get_public_key(KeyId=arn)
