"""CreateAlias, UpdateAlias, DeleteAlias, ListAliases, and what an alias stands for."""

import pytest

from conftest import uuid_of
from support.expect import ANY_TEXT, assert_refused, refused

PREFIX_TEXT = 'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html'


def arn_of(root, name):
    return f"arn:aws:kms:us-east-1:{root.account}:{name}"


def listed(kms, **arguments):
    pages = kms.get_paginator("list_aliases").paginate(**arguments)
    return {entry["AliasName"]: entry for page in pages for entry in page["Aliases"]}


def test_an_alias_is_made_listed_moved_and_removed(kms, root, make_key):
    first, second = make_key(), make_key()
    kms.create_alias(AliasName="alias/app/moving", TargetKeyId=uuid_of(first))
    entry = listed(kms)["alias/app/moving"]
    assert entry["AliasArn"] == arn_of(root, "alias/app/moving")
    assert entry["TargetKeyId"] == uuid_of(first)
    assert entry["CreationDate"] <= entry["LastUpdatedDate"]

    kms.update_alias(AliasName="alias/app/moving", TargetKeyId=second)
    moved = listed(kms)["alias/app/moving"]
    assert moved["TargetKeyId"] == uuid_of(second)
    assert moved["CreationDate"] == entry["CreationDate"]
    assert moved["LastUpdatedDate"] >= entry["LastUpdatedDate"]
    assert kms.encrypt(KeyId="alias/app/moving", Plaintext=b"p")["KeyId"] == second

    kms.delete_alias(AliasName="alias/app/moving")
    assert "alias/app/moving" not in listed(kms)
    with refused("NotFoundException", f"Alias {arn_of(root, 'alias/app/moving')} is not found."):
        kms.encrypt(KeyId="alias/app/moving", Plaintext=b"p")


def test_the_list_can_be_narrowed_to_one_key(kms, make_key, make_alias):
    mine, neighbour = make_key(), make_key()
    make_alias("alias/narrow/one", mine)
    make_alias("alias/narrow/two", mine)
    make_alias("alias/narrow/other", neighbour)
    for identifier in (mine, uuid_of(mine)):
        assert set(listed(kms, KeyId=identifier)) == {"alias/narrow/one", "alias/narrow/two"}


def test_a_name_is_taken_once(kms, root, key, second_key, make_alias):
    make_alias("alias/taken", key)
    text = f"An alias with the name {arn_of(root, 'alias/taken')} already exists"
    with refused("AlreadyExistsException", text):
        kms.create_alias(AliasName="alias/taken", TargetKeyId=second_key)


def test_names_differ_by_case(kms, key, second_key, make_alias):
    make_alias("alias/Case", key)
    make_alias("alias/case", second_key)
    assert kms.describe_key(KeyId="alias/Case")["KeyMetadata"]["Arn"] == key
    assert kms.describe_key(KeyId="alias/case")["KeyMetadata"]["Arn"] == second_key


@pytest.mark.parametrize("call", ["create_alias", "update_alias", "delete_alias"])
def test_every_name_begins_with_the_prefix(kms, key, call):
    target = {} if call == "delete_alias" else {"TargetKeyId": key}
    with refused("ValidationException", PREFIX_TEXT):
        getattr(kms, call)(AliasName="without-prefix", **target)


def test_a_colon_passes_the_model_but_is_no_character_of_a_name(kms, key):
    with refused("InvalidAliasNameException", "alias/a:b contains invalid characters for an alias"):
        kms.create_alias(AliasName="alias/a:b", TargetKeyId=key)


def test_a_character_outside_the_pattern_of_the_model(raw, key):
    answer = raw.call("CreateAlias", {"AliasName": "alias/with space", "TargetKeyId": key})
    assert_refused(
        answer,
        "ValidationException",
        "1 validation error detected: Value 'alias/with space' at 'aliasName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$",
    )


def test_the_longest_name_and_one_longer(kms, raw, key, make_alias):
    longest = "alias/" + "x" * 250
    make_alias(longest, key)
    assert kms.describe_key(KeyId=longest)["KeyMetadata"]["Arn"] == key
    answer = raw.call("CreateAlias", {"AliasName": longest + "x", "TargetKeyId": key})
    assert_refused(answer, "ValidationException")
    assert (
        "at 'aliasName' failed to satisfy constraint: Member must have length less than or equal to 256"
        in answer.message
    )


def test_names_of_the_provider_are_reserved(kms, key):
    with refused("NotAuthorizedException", ANY_TEXT):
        kms.create_alias(AliasName="alias/aws/mine", TargetKeyId=key)


def test_an_alias_points_to_a_key_and_not_to_an_alias(kms, key, make_alias):
    alias = make_alias("alias/target", key)
    with refused("ValidationException", "Aliases must refer to keys. Not aliases"):
        kms.create_alias(AliasName="alias/of-alias", TargetKeyId=alias)


def test_an_alias_to_a_key_that_does_not_exist(kms, unknown_key):
    with refused("NotFoundException", f"Key '{unknown_key}' does not exist"):
        kms.create_alias(AliasName="alias/to-nowhere", TargetKeyId=unknown_key)


@pytest.mark.parametrize("call", ["update_alias", "delete_alias"])
def test_what_does_not_exist_cannot_be_changed(kms, root, key, call):
    target = {} if call == "delete_alias" else {"TargetKeyId": key}
    with refused("NotFoundException", f"Alias {arn_of(root, 'alias/nowhere')} is not found."):
        getattr(kms, call)(AliasName="alias/nowhere", **target)


def test_an_alias_does_not_change_its_kind_of_key(kms, key, shared_key, make_alias):
    make_alias("alias/kind", key)
    with refused("ValidationException"):
        kms.update_alias(AliasName="alias/kind", TargetKeyId=shared_key("RSA_2048"))


def test_a_key_that_waits_for_deletion_keeps_its_alias_but_takes_no_new_one(kms, make_key):
    dying, heir = make_key(), make_key()
    kms.create_alias(AliasName="alias/of-the-dying", TargetKeyId=dying)
    kms.schedule_key_deletion(KeyId=dying)
    assert "alias/of-the-dying" in listed(kms, KeyId=dying)
    with refused("KMSInvalidStateException", f"{dying} is pending deletion."):
        kms.create_alias(AliasName="alias/too-late", TargetKeyId=dying)
    kms.update_alias(AliasName="alias/of-the-dying", TargetKeyId=heir)
    with refused("KMSInvalidStateException", f"{dying} is pending deletion."):
        kms.update_alias(AliasName="alias/of-the-dying", TargetKeyId=dying)
    kms.delete_alias(AliasName="alias/of-the-dying")


def test_fifty_aliases_and_not_one_more(kms, make_key):
    arn = make_key()
    for number in range(50):
        kms.create_alias(AliasName=f"alias/many/{number}", TargetKeyId=arn)
    with refused("LimitExceededException"):
        kms.create_alias(AliasName="alias/many/50", TargetKeyId=arn)
    for number in range(50):
        kms.delete_alias(AliasName=f"alias/many/{number}")
