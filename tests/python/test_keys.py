"""CreateKey, DescribeKey, ListKeys, UpdateKeyDescription: what a KMS key is and says about itself."""

import re
import time

import pytest

from conftest import uuid_of
from support.expect import assert_refused, refused, violation, violations

KEY_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
MATERIAL_ID = re.compile(r"[0-9a-f]{64}")
RSA = ["RSA_2048", "RSA_3072", "RSA_4096"]


def test_a_key_is_symmetric_and_enabled_unless_something_else_is_asked_for(kms, root):
    before = time.time()
    metadata = kms.create_key()["KeyMetadata"]
    assert KEY_ID.fullmatch(metadata["KeyId"])
    assert MATERIAL_ID.fullmatch(metadata.pop("CurrentKeyMaterialId"))
    assert before - 2 <= metadata.pop("CreationDate").timestamp() <= time.time() + 2
    assert metadata == {
        "AWSAccountId": root.account,
        "KeyId": metadata["KeyId"],
        "Arn": f"arn:aws:kms:us-east-1:{root.account}:key/{metadata['KeyId']}",
        "Enabled": True,
        "Description": "",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
    }


@pytest.mark.parametrize("spec", RSA)
def test_an_rsa_key_names_its_two_encryption_algorithms_and_no_material(kms, shared_key, spec):
    metadata = kms.describe_key(KeyId=shared_key(spec))["KeyMetadata"]
    assert metadata["KeySpec"] == metadata["CustomerMasterKeySpec"] == spec
    assert metadata["KeyUsage"] == "ENCRYPT_DECRYPT"
    assert metadata["EncryptionAlgorithms"] == ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]
    assert "CurrentKeyMaterialId" not in metadata


def test_an_sm2_key_encrypts_with_sm2pke(kms, shared_key):
    metadata = kms.describe_key(KeyId=shared_key("SM2"))["KeyMetadata"]
    assert (metadata["KeySpec"], metadata["EncryptionAlgorithms"]) == ("SM2", ["SM2PKE"])


def test_the_older_name_of_the_key_spec_still_works(kms):
    metadata = kms.create_key(CustomerMasterKeySpec="SYMMETRIC_DEFAULT")["KeyMetadata"]
    assert metadata["KeySpec"] == "SYMMETRIC_DEFAULT"


def test_both_names_of_the_key_spec_at_once_are_too_many(kms):
    text = (
        "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated."
    )
    with refused("ValidationException", text):
        kms.create_key(KeySpec="SYMMETRIC_DEFAULT", CustomerMasterKeySpec="SYMMETRIC_DEFAULT")


@pytest.mark.parametrize("spec", [*RSA, "SM2"])
def test_an_asymmetric_key_must_be_told_its_usage(kms, spec):
    text = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
    with refused("ValidationException", text):
        kms.create_key(KeySpec=spec)


@pytest.mark.parametrize(
    ("spec", "usage"),
    [
        ("SYMMETRIC_DEFAULT", "SIGN_VERIFY"),
        ("SYMMETRIC_DEFAULT", "GENERATE_VERIFY_MAC"),
        ("RSA_2048", "GENERATE_VERIFY_MAC"),
        ("RSA_2048", "KEY_AGREEMENT"),
    ],
)
def test_a_usage_that_the_spec_cannot_have_is_refused(kms, spec, usage):
    with refused("ValidationException", f"KeyUsage {usage} is not compatible with KeySpec {spec}"):
        kms.create_key(KeySpec=spec, KeyUsage=usage)


def test_an_unknown_spec_is_a_constraint_violation_that_lists_the_known_ones(raw):
    answer = raw.call("CreateKey", {"KeySpec": "AES_256"})
    start = violations(violation("Member must satisfy enum value set: ", "keySpec", "AES_256"))
    assert_refused(answer, "ValidationException", re.compile(re.escape(start) + r"\[.*\]"))
    listed = answer.message.removeprefix(start).strip("[]").split(", ")
    assert {"SYMMETRIC_DEFAULT", "SM2", *RSA} <= set(listed)


@pytest.mark.parametrize("identifier", ["id", "arn", "alias", "alias arn"])
def test_describe_key_takes_all_four_identifier_forms(kms, key, root, make_alias, identifier):
    alias = make_alias("alias/describe-me", key)
    forms = {
        "id": uuid_of(key),
        "arn": key,
        "alias": alias,
        "alias arn": f"arn:aws:kms:us-east-1:{root.account}:{alias}",
    }
    assert kms.describe_key(KeyId=forms[identifier])["KeyMetadata"]["Arn"] == key


@pytest.mark.parametrize(
    "value", ["no-such-form", "0123456789abcdef0123456789abcdef", "mrk-123", "mrk-" + "g" * 32, "x" * 2048]
)
def test_an_identifier_of_no_known_form_is_not_found(kms, value):
    with refused("NotFoundException", f"Invalid keyId '{value}'"):
        kms.describe_key(KeyId=value)


def test_a_key_that_does_not_exist_is_named_by_its_full_arn(kms, unknown_key):
    for identifier in (unknown_key, uuid_of(unknown_key)):
        with refused("NotFoundException", f"Key '{unknown_key}' does not exist"):
            kms.describe_key(KeyId=identifier)


def test_a_multi_region_id_that_does_not_exist(kms, root):
    identifier = "mrk-" + "0" * 32
    with refused("NotFoundException", f"Key 'arn:aws:kms:us-east-1:{root.account}:key/{identifier}' does not exist"):
        kms.describe_key(KeyId=identifier)


def test_an_alias_that_does_not_exist(kms, root):
    with refused("NotFoundException", f"Alias arn:aws:kms:us-east-1:{root.account}:alias/nowhere is not found."):
        kms.describe_key(KeyId="alias/nowhere")


def test_the_arn_of_another_region_is_not_served_here(kms, key):
    with refused("NotFoundException", "Invalid arn eu-west-1"):
        kms.describe_key(KeyId=key.replace("us-east-1", "eu-west-1"))


@pytest.mark.parametrize("arn", ["arn:aws:kms:us-east-1", "arn:aws:s3:::bucket/key", "arn:"])
def test_a_broken_arn(kms, arn):
    with refused("InvalidArnException"):
        kms.describe_key(KeyId=arn)


def test_the_length_of_an_identifier_is_checked_before_anything_else(raw):
    assert_refused(
        raw.call("DescribeKey", {}),
        "ValidationException",
        violations(violation("Member must not be null", "keyId")),
    )
    assert_refused(
        raw.call("DescribeKey", {"KeyId": ""}),
        "ValidationException",
        violations(violation("Member must have length greater than or equal to 1", "keyId", "")),
    )
    long = "x" * 2049
    assert_refused(
        raw.call("DescribeKey", {"KeyId": long}),
        "ValidationException",
        violations(violation("Member must have length less than or equal to 2048", "keyId", long)),
    )


def test_all_violations_of_a_request_are_told_together(raw):
    answer = raw.call("ScheduleKeyDeletion", {"PendingWindowInDays": 366})
    null = violation("Member must not be null", "keyId")
    window = violation("Member must have value less than or equal to 365", "pendingWindowInDays", "366")
    assert_refused(answer, "ValidationException")
    assert answer.message in (violations(null, window), violations(window, null))


def test_a_description_can_be_given_changed_and_emptied(kms, make_key):
    arn = make_key(Description="first words")
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["Description"] == "first words"
    for text in ("x" * 8192, "Grüße, 密钥 🔑", ""):
        kms.update_key_description(KeyId=arn, Description=text)
        assert kms.describe_key(KeyId=arn)["KeyMetadata"]["Description"] == text


def test_a_description_of_one_character_too_many(raw, key):
    text = "x" * 8193
    expected = violations(violation("Member must have length less than or equal to 8192", "description", text))
    assert_refused(raw.call("CreateKey", {"Description": text}), "ValidationException", expected)
    assert_refused(
        raw.call("UpdateKeyDescription", {"KeyId": key, "Description": text}), "ValidationException", expected
    )


def test_a_key_is_listed_by_id_and_arn(kms, make_key):
    arn = make_key()
    pages = kms.get_paginator("list_keys").paginate()
    assert {"KeyId": uuid_of(arn), "KeyArn": arn} in [entry for page in pages for entry in page["Keys"]]


def test_two_keys_never_share_an_id_or_a_material(kms):
    made = [kms.create_key()["KeyMetadata"] for _ in range(20)]
    assert len({metadata["KeyId"] for metadata in made}) == 20
    assert len({metadata["CurrentKeyMaterialId"] for metadata in made}) == 20


def test_management_does_not_take_an_alias(kms, key, make_alias):
    alias = make_alias("alias/not-for-management", key)
    with refused("NotFoundException", f"Invalid keyId '{alias}'"):
        kms.update_key_description(KeyId=alias, Description="x")
