"""ReEncrypt needs two permissions, one per key, and each is decided on its own: by action, by key policy, by account."""

import json

import pytest

from conftest import statement, uuid_of
from support.expect import NOT_BY_CIPHERTEXT, NO_TEXT, explicitly_denied, not_allowed, refused

ANY_KEY = "kms:DescribeKey", "kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:Encrypt", "kms:Decrypt"


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def pair(make_key, root_arn):
    """A key that is open as a source only and one that is open as a destination only."""

    def only(action):
        return make_key(Policy=document(statement("Allow", root_arn, [*ANY_KEY, action])))

    return only("kms:ReEncryptFrom"), only("kms:ReEncryptTo")


def test_each_side_needs_its_own_permission_and_no_more(kms, pair):
    source, destination = pair
    blob = kms.encrypt(KeyId=source, Plaintext=b"p")["CiphertextBlob"]
    for named in ({}, {"SourceKeyId": source}):
        moved = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=destination, **named)
        assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"p"


def test_a_destination_that_is_open_as_a_source_only(kms, key, pair, caller_arn):
    source_only, _ = pair
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    with refused("AccessDeniedException", not_allowed(caller_arn, "ReEncryptTo", source_only)):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=source_only)


def test_a_source_that_is_open_as_a_destination_only(kms, key, pair, caller_arn):
    _, destination_only = pair
    blob = kms.encrypt(KeyId=destination_only, Plaintext=b"p")["CiphertextBlob"]
    with refused("AccessDeniedException", not_allowed(caller_arn, "ReEncryptFrom", destination_only)):
        kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=destination_only, DestinationKeyId=key)
    with refused("AccessDeniedException", NOT_BY_CIPHERTEXT.format(caller=caller_arn, action="ReEncryptFrom")):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key)


@pytest.mark.parametrize(
    ("denied", "allowed_as_source", "allowed_as_destination"),
    [
        ("kms:ReEncryptFrom", False, True),
        ("kms:ReEncryptTo", True, False),
        ("kms:ReEncrypt*", False, False),
        ("kms:ReEncrypt", True, True),
        ("kms:Decrypt", True, True),
        ("kms:Encrypt", True, True),
    ],
)
def test_an_explicit_deny_on_one_side(
    kms, key, make_key, root_arn, policy_for, denied, allowed_as_source, allowed_as_destination, caller_arn
):
    arn = make_key()
    from_it = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    to_it = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    kms.put_key_policy(KeyId=arn, Policy=policy_for(root_arn, deny=[denied]))
    as_source = lambda: kms.re_encrypt(CiphertextBlob=from_it, SourceKeyId=arn, DestinationKeyId=key)
    as_destination = lambda: kms.re_encrypt(CiphertextBlob=to_it, DestinationKeyId=arn)
    for call, allowed, action in (
        (as_source, allowed_as_source, "ReEncryptFrom"),
        (as_destination, allowed_as_destination, "ReEncryptTo"),
    ):
        if allowed:
            call()
        else:
            with refused("AccessDeniedException", explicitly_denied(caller_arn, action, arn)):
                call()


def test_the_same_key_on_both_sides_needs_both(kms, make_key, root_arn, policy_for, caller_arn):
    arn = make_key()
    blob = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    kms.put_key_policy(KeyId=arn, Policy=policy_for(root_arn, deny=["kms:ReEncryptTo"]))
    with refused("AccessDeniedException", explicitly_denied(caller_arn, "ReEncryptTo", arn)):
        kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=arn, DestinationKeyId=arn)


def test_nothing_about_the_ciphertext_leaks_to_who_may_not_read_it(kms, key, make_key, root_arn, policy_for, caller_arn):
    """With good, damaged or wrongly contexted ciphertext: who lacks a permission gets the same answer."""
    arn = make_key(Policy=policy_for(root_arn, deny=["kms:ReEncryptFrom"]))
    blob = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    for candidate in (blob, blob[:-1] + bytes([blob[-1] ^ 1])):
        with refused("AccessDeniedException", NOT_BY_CIPHERTEXT.format(caller=caller_arn, action="ReEncryptFrom")):
            kms.re_encrypt(CiphertextBlob=candidate, DestinationKeyId=key)
        with refused("AccessDeniedException", explicitly_denied(caller_arn, "ReEncryptFrom", arn)):
            kms.re_encrypt(CiphertextBlob=candidate, SourceKeyId=arn, DestinationKeyId=key)


def test_a_closed_destination_hides_whether_the_source_opens(kms, key, make_key, root_arn, policy_for, caller_arn):
    closed = make_key(Policy=policy_for(root_arn, deny=["kms:ReEncryptTo"]))
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    for candidate in (blob, blob[:-1] + bytes([blob[-1] ^ 1])):
        with refused("AccessDeniedException", explicitly_denied(caller_arn, "ReEncryptTo", closed)):
            kms.re_encrypt(CiphertextBlob=candidate, DestinationKeyId=closed)


def test_a_ciphertext_of_a_key_that_never_was_looks_like_one_of_a_closed_key(kms, key, caller_arn):
    blob = bytearray(kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"])
    raw_id = bytes.fromhex(uuid_of(key).replace("-", ""))
    place = blob.index(raw_id)
    blob[place : place + 16] = bytes(15) + b"\x01"
    with refused("AccessDeniedException", NOT_BY_CIPHERTEXT.format(caller=caller_arn, action="ReEncryptFrom")):
        kms.re_encrypt(CiphertextBlob=bytes(blob), DestinationKeyId=key)


# Across accounts: the first account owns `ours`, the second one `theirs`; the second one calls.


@pytest.fixture
def theirs(other_kms):
    return other_kms.create_key()["KeyMetadata"]["Arn"]


def open_to(arn, root_arn, action):
    return document(statement("Allow", root_arn, "kms:*"), statement("Allow", arn, action))


def test_across_accounts_from_a_source_that_is_opened(kms, other_kms, make_key, root_arn, other_arn, theirs):
    ours = make_key(Policy=open_to(other_arn, root_arn, "kms:ReEncryptFrom"))
    blob = kms.encrypt(KeyId=ours, Plaintext=b"p")["CiphertextBlob"]
    for named in ({}, {"SourceKeyId": ours}, {"SourceKeyId": uuid_of(ours)}):
        moved = other_kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=theirs, **named)
        assert (moved["SourceKeyId"], moved["KeyId"]) == (ours, theirs)
        assert other_kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"p"


def test_across_accounts_to_a_destination_that_is_opened(kms, other_kms, make_key, root_arn, other_arn, theirs, other_caller_arn):
    ours = make_key(Policy=open_to(other_arn, root_arn, "kms:ReEncryptTo"))
    blob = other_kms.encrypt(KeyId=theirs, Plaintext=b"p")["CiphertextBlob"]
    moved = other_kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=ours)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"p"
    with refused("AccessDeniedException", NOT_BY_CIPHERTEXT.format(caller=other_caller_arn, action="Decrypt")):
        other_kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])


def test_across_accounts_what_is_opened_for_one_side_is_not_open_for_the_other(
    kms, other_kms, make_key, root_arn, other_arn, theirs, other_caller_arn
):
    ours = make_key(Policy=open_to(other_arn, root_arn, "kms:ReEncryptTo"))
    blob = kms.encrypt(KeyId=ours, Plaintext=b"p")["CiphertextBlob"]
    with refused("AccessDeniedException", not_allowed(other_caller_arn, "ReEncryptFrom", ours)):
        other_kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=ours, DestinationKeyId=theirs)
    with refused("AccessDeniedException", NOT_BY_CIPHERTEXT.format(caller=other_caller_arn, action="ReEncryptFrom")):
        other_kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=theirs)


def test_across_accounts_a_key_that_is_not_there_looks_closed(kms, other_kms, key, theirs, unknown_key, other_caller_arn):
    blob = other_kms.encrypt(KeyId=theirs, Plaintext=b"p")["CiphertextBlob"]
    for destination in (key, unknown_key):
        with refused("AccessDeniedException", not_allowed(other_caller_arn, "ReEncryptTo", destination)):
            other_kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=destination)


def test_an_open_key_still_needs_the_right_context(kms, key, pair):
    source, _ = pair
    blob = kms.encrypt(KeyId=source, Plaintext=b"p", EncryptionContext={"a": "b"})["CiphertextBlob"]
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key)
