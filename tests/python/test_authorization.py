"""Who may do what: the key policy decides, for the own account and for another one, and revocation is immediate."""

import json

import pytest

from conftest import statement, uuid_of
from support.expect import NOT_BY_CIPHERTEXT, explicitly_denied, not_allowed, refused


CALLS = {
    "Encrypt": lambda kms, arn: kms.encrypt(KeyId=arn, Plaintext=b"p"),
    "GenerateDataKey": lambda kms, arn: kms.generate_data_key(KeyId=arn, KeySpec="AES_256"),
    "GenerateDataKeyWithoutPlaintext": lambda kms, arn: kms.generate_data_key_without_plaintext(
        KeyId=arn, KeySpec="AES_256"
    ),
    "DescribeKey": lambda kms, arn: kms.describe_key(KeyId=arn),
    "EnableKey": lambda kms, arn: kms.enable_key(KeyId=arn),
    "DisableKey": lambda kms, arn: kms.disable_key(KeyId=arn),
    "ScheduleKeyDeletion": lambda kms, arn: kms.schedule_key_deletion(KeyId=arn),
    "CancelKeyDeletion": lambda kms, arn: kms.cancel_key_deletion(KeyId=arn),
    "UpdateKeyDescription": lambda kms, arn: kms.update_key_description(KeyId=arn, Description="d"),
    "TagResource": lambda kms, arn: kms.tag_resource(KeyId=arn, Tags=[{"TagKey": "k", "TagValue": "v"}]),
    "UntagResource": lambda kms, arn: kms.untag_resource(KeyId=arn, TagKeys=["k"]),
    "ListResourceTags": lambda kms, arn: kms.list_resource_tags(KeyId=arn),
    "GetKeyPolicy": lambda kms, arn: kms.get_key_policy(KeyId=arn),
    "ListKeyPolicies": lambda kms, arn: kms.list_key_policies(KeyId=arn),
    "GetKeyLastUsage": lambda kms, arn: kms.get_key_last_usage(KeyId=arn),
    "EnableKeyRotation": lambda kms, arn: kms.enable_key_rotation(KeyId=arn),
    "DisableKeyRotation": lambda kms, arn: kms.disable_key_rotation(KeyId=arn),
    "GetKeyRotationStatus": lambda kms, arn: kms.get_key_rotation_status(KeyId=arn),
    "ListKeyRotations": lambda kms, arn: kms.list_key_rotations(KeyId=arn),
    "RotateKeyOnDemand": lambda kms, arn: kms.rotate_key_on_demand(KeyId=arn),
    "CreateAlias": lambda kms, arn: kms.create_alias(AliasName="alias/denied", TargetKeyId=arn),
}


@pytest.mark.parametrize("action", CALLS)
def test_each_action_is_asked_for_by_its_name(kms, make_key, root_arn, policy_for, action, caller_arn):
    arn = make_key()
    others = [f"kms:{name}" for name in [*CALLS, "PutKeyPolicy", "Decrypt"] if name != action]
    kms.put_key_policy(KeyId=arn, Policy=policy_for(root_arn, actions=others))
    with refused("AccessDeniedException", not_allowed(caller_arn, action, arn)):
        CALLS[action](kms, arn)
    kms.put_key_policy(KeyId=arn, Policy=policy_for(root_arn, deny=[f"kms:{action}"]))
    with refused("AccessDeniedException", explicitly_denied(caller_arn, action, arn)):
        CALLS[action](kms, arn)


def test_get_public_key_is_asked_for_by_its_name(kms, make_key, root_arn, policy_for, caller_arn):
    arn = make_key(KeySpec="SM2", KeyUsage="ENCRYPT_DECRYPT")
    kms.put_key_policy(KeyId=arn, Policy=policy_for(root_arn, actions=["kms:PutKeyPolicy"]))
    with refused("AccessDeniedException", not_allowed(caller_arn, "GetPublicKey", arn)):
        kms.get_public_key(KeyId=arn)


def test_permission_is_asked_before_the_state_is_told(kms, make_key, root_arn, policy_for, caller_arn):
    arn = make_key(Policy=policy_for(root_arn, deny=["kms:Encrypt"]))
    kms.disable_key(KeyId=arn)
    with refused("AccessDeniedException", explicitly_denied(caller_arn, "Encrypt", arn)):
        kms.encrypt(KeyId=arn, Plaintext=b"p")


def test_decrypt_by_ciphertext_alone_does_not_tell_denial_from_absence(kms, make_key, root_arn, policy_for, caller_arn):
    arn = make_key()
    blob = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    kms.put_key_policy(KeyId=arn, Policy=policy_for(root_arn, deny=["kms:Decrypt"]))
    with refused("AccessDeniedException", NOT_BY_CIPHERTEXT.format(caller=caller_arn, action="Decrypt")):
        kms.decrypt(CiphertextBlob=blob)
    with refused("AccessDeniedException", explicitly_denied(caller_arn, "Decrypt", arn)):
        kms.decrypt(KeyId=arn, CiphertextBlob=blob)


def test_revocation_means_now(kms, make_key, root_arn, policy_for):
    arn = make_key()
    allowed, denied = policy_for(root_arn), policy_for(root_arn, deny=["kms:Encrypt"])
    for _ in range(20):
        kms.encrypt(KeyId=arn, Plaintext=b"p")
        kms.put_key_policy(KeyId=arn, Policy=denied)
        with refused("AccessDeniedException"):
            kms.encrypt(KeyId=arn, Plaintext=b"p")
        kms.put_key_policy(KeyId=arn, Policy=allowed)


@pytest.mark.parametrize("pattern", ["kms:Encrypt", "kms:encrypt", "KMS:ENCRYPT", "kms:En*", "kms:?ncrypt", "*"])
def test_patterns_of_actions(kms, make_key, root_arn, policy_for, pattern):
    actions = ["kms:PutKeyPolicy", pattern]
    arn = make_key(Policy=policy_for(root_arn, actions=actions))
    CALLS["Encrypt"](kms, arn)
    if pattern != "*":
        with refused("AccessDeniedException"):
            CALLS["GenerateDataKey"](kms, arn)


@pytest.mark.parametrize("principal", ["root arn", "account", "*", "bare *"])
def test_ways_to_name_the_account(kms, make_key, root, root_arn, principal):
    named = {"root arn": {"AWS": root_arn}, "account": {"AWS": root.account}, "*": {"AWS": "*"}, "bare *": "*"}
    allow = {"Effect": "Allow", "Principal": named[principal], "Action": "kms:*", "Resource": "*"}
    arn = make_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": allow}))
    CALLS["Encrypt"](kms, arn)


def test_a_statement_about_another_key_is_not_about_this_one(kms, make_key, root_arn, key, caller_arn):
    mine = statement("Allow", root_arn, ["kms:PutKeyPolicy", "kms:GetKeyPolicy"])
    elsewhere = {**statement("Allow", root_arn, "kms:*"), "Resource": key}
    arn = make_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [mine, elsewhere]}))
    with refused("AccessDeniedException", not_allowed(caller_arn, "Encrypt", arn)):
        kms.encrypt(KeyId=arn, Plaintext=b"p")


def test_another_account_sees_and_uses_nothing_that_it_was_not_given(other_kms, kms, key, other_caller_arn):
    with refused("AccessDeniedException", not_allowed(other_caller_arn, "Encrypt", key)):
        other_kms.encrypt(KeyId=key, Plaintext=b"p")
    with refused("AccessDeniedException", not_allowed(other_caller_arn, "DescribeKey", key)):
        other_kms.describe_key(KeyId=key)
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    with refused("AccessDeniedException", NOT_BY_CIPHERTEXT.format(caller=other_caller_arn, action="Decrypt")):
        other_kms.decrypt(CiphertextBlob=blob)
    pages = other_kms.get_paginator("list_keys").paginate()
    assert key not in [entry["KeyArn"] for page in pages for entry in page["Keys"]]


def test_another_accounts_key_that_does_not_exist_looks_like_one_that_is_closed(other_kms, unknown_key, other_caller_arn):
    with refused("AccessDeniedException", not_allowed(other_caller_arn, "Encrypt", unknown_key)):
        other_kms.encrypt(KeyId=unknown_key, Plaintext=b"p")


def test_a_short_id_never_reaches_into_another_account(other_kms, other, key):
    text = f"Key 'arn:aws:kms:us-east-1:{other.account}:key/{uuid_of(key)}' does not exist"
    with refused("NotFoundException", text):
        other_kms.encrypt(KeyId=uuid_of(key), Plaintext=b"p")


def test_another_account_uses_what_the_key_policy_opens_to_it(
    other_kms, kms, make_key, make_alias, root, root_arn, other_arn, other_caller_arn
):
    shared = [statement("Allow", root_arn, "kms:*"), statement("Allow", other_arn, ["kms:Encrypt", "kms:DescribeKey"])]
    arn = make_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": shared}))
    alias = make_alias("alias/shared-out", arn)
    alias_arn = f"arn:aws:kms:us-east-1:{root.account}:{alias}"
    blob = other_kms.encrypt(KeyId=arn, Plaintext=b"from afar")["CiphertextBlob"]
    assert other_kms.encrypt(KeyId=alias_arn, Plaintext=b"p")["KeyId"] == arn
    assert other_kms.describe_key(KeyId=arn)["KeyMetadata"]["Arn"] == arn
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"from afar"
    with refused("AccessDeniedException", not_allowed(other_caller_arn, "Decrypt", arn)):
        other_kms.decrypt(KeyId=arn, CiphertextBlob=blob)


@pytest.mark.parametrize("call", ["enable_key", "disable_key", "schedule_key_deletion", "list_resource_tags"])
def test_management_never_crosses_accounts(other_kms, make_key, root_arn, other_arn, policy_for, call):
    arn = make_key(Policy=policy_for(root_arn, other_arn))
    with refused("AccessDeniedException"):
        getattr(other_kms, call)(KeyId=arn)
