"""ReEncrypt between symmetric keys: identifiers, contexts, states, errors, dry runs.

The asymmetric sides have a file of their own, and so have the permissions.
"""

import itertools

import pytest

from conftest import uuid_of
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

FORMS = ["id", "arn", "alias", "alias arn"]
UNTOUCHED = b"\x00\xff the very same bytes \xc3\xa9"


@pytest.fixture(scope="module")
def forms(kms, key, second_key, root):
    """Each of the four ways to name the source and the destination."""
    named = {}
    for side, arn in (("source", key), ("destination", second_key)):
        alias = f"alias/reencrypt/{side}"
        kms.create_alias(AliasName=alias, TargetKeyId=arn)
        named[side] = {
            "id": uuid_of(arn),
            "arn": arn,
            "alias": alias,
            "alias arn": f"arn:aws:kms:us-east-1:{root.account}:{alias}",
        }
    yield named
    for side in named.values():
        kms.delete_alias(AliasName=side["alias"])


@pytest.fixture
def blob(kms, key):
    return kms.encrypt(KeyId=key, Plaintext=UNTOUCHED)["CiphertextBlob"]


def material(kms, arn):
    return kms.describe_key(KeyId=arn)["KeyMetadata"]["CurrentKeyMaterialId"]


def test_the_answer_has_its_seven_fields_and_the_plaintext_is_the_same(kms, key, second_key, blob):
    answer = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=second_key)
    answer.pop("ResponseMetadata")
    moved = answer.pop("CiphertextBlob")
    assert answer == {
        "SourceKeyId": key,
        "KeyId": second_key,
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "SourceKeyMaterialId": material(kms, key),
        "DestinationKeyMaterialId": material(kms, second_key),
    }
    opened = kms.decrypt(CiphertextBlob=moved)
    assert (opened["KeyId"], opened["Plaintext"]) == (second_key, UNTOUCHED)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == UNTOUCHED, "the old ciphertext stays good"


@pytest.mark.parametrize(("source", "destination"), [*itertools.product([None, *FORMS], FORMS)])
def test_both_keys_can_be_named_in_all_four_forms(kms, key, second_key, blob, forms, source, destination):
    named = {"SourceKeyId": forms["source"][source]} if source else {}
    answer = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=forms["destination"][destination], **named)
    assert (answer["SourceKeyId"], answer["KeyId"]) == (key, second_key)
    assert kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])["Plaintext"] == UNTOUCHED


def test_a_data_key_moves_like_any_ciphertext(kms, key, second_key):
    for generate in (kms.generate_data_key, kms.generate_data_key_without_plaintext):
        made = generate(KeyId=key, KeySpec="AES_256", EncryptionContext={"a": "b"})
        before = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"a": "b"})["Plaintext"]
        moved = kms.re_encrypt(
            CiphertextBlob=made["CiphertextBlob"], SourceEncryptionContext={"a": "b"}, DestinationKeyId=second_key
        )
        assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == before


def test_a_chain_of_keys(kms, key, second_key):
    blob = kms.encrypt(KeyId=key, Plaintext=UNTOUCHED)["CiphertextBlob"]
    sizes = set()
    for hop in range(20):
        blob = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=(second_key, key)[hop % 2])["CiphertextBlob"]
        sizes.add(len(blob))
    assert len(sizes) == 1, "no hop may make the ciphertext longer"
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == UNTOUCHED


def test_the_largest_plaintext_moves(kms, key, second_key):
    blob = kms.encrypt(KeyId=key, Plaintext=bytes(4096))["CiphertextBlob"]
    moved = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=second_key)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=moved)["Plaintext"] == bytes(4096)


@pytest.mark.parametrize("form", FORMS)
def test_the_wrong_source_key(kms, second_key, blob, forms, form):
    with refused("IncorrectKeyException", INCORRECT_KEY_TEXT):
        kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=forms["destination"][form], DestinationKeyId=second_key)


def test_the_destination_context_replaces_that_of_the_source(kms, key, second_key):
    old, new = {"stage": "old", "kept": "no"}, {"stage": "new"}
    blob = kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext=old)["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext=old,
        DestinationKeyId=second_key,
        DestinationEncryptionContext=new,
    )["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=moved, EncryptionContext=new)["Plaintext"] == b"p"
    for wrong in (old, {}, {**old, **new}):
        with refused("InvalidCiphertextException", NO_TEXT):
            kms.decrypt(CiphertextBlob=moved, EncryptionContext=wrong)


def test_a_context_that_is_not_named_again_is_gone(kms, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext={"a": "b"})["CiphertextBlob"]
    moved = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext={"a": "b"}, DestinationKeyId=key)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"p"
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"a": "b"})


@pytest.mark.parametrize("wrong", [{}, {"a": "c"}, {"a": "b", "c": "d"}])
def test_the_wrong_source_context(kms, key, second_key, wrong):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext={"a": "b"})["CiphertextBlob"]
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=wrong, DestinationKeyId=second_key)


STATES = [
    ("Disabled", "DisabledException", "{arn} is disabled."),
    ("PendingDeletion", "KMSInvalidStateException", "{arn} is pending deletion."),
]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("state", "code", "text"), STATES)
def test_a_source_that_cannot_be_used(kms, make_key, second_key, state, code, text, named):
    source = make_key()
    blob = kms.encrypt(KeyId=source, Plaintext=b"p")["CiphertextBlob"]
    (kms.disable_key if state == "Disabled" else kms.schedule_key_deletion)(KeyId=source)
    with refused(code, text.format(arn=source)):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=second_key, **({"SourceKeyId": source} if named else {}))


@pytest.mark.parametrize(("state", "code", "text"), STATES)
def test_a_destination_that_cannot_be_used(kms, make_key, blob, state, code, text):
    destination = make_key(state)
    with refused(code, text.format(arn=destination)):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=destination)


def test_a_signing_key_on_either_side(kms, key, blob, shared_key):
    signing = shared_key("RSA_2048", "SIGN_VERIFY")
    with refused("InvalidKeyUsageException", f"{signing} key usage is SIGN_VERIFY which is not valid for ReEncrypt."):
        kms.re_encrypt(
            CiphertextBlob=blob, DestinationKeyId=signing, DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_256"
        )
    with refused("IncorrectKeyException", INCORRECT_KEY_TEXT):
        kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=signing, DestinationKeyId=key)


def test_keys_that_do_not_exist(kms, key, blob, root, unknown_key):
    missing = f"Key '{unknown_key}' does not exist"
    with refused("NotFoundException", missing):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=unknown_key)
    with refused("NotFoundException", missing):
        kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=unknown_key, DestinationKeyId=key)
    with refused("NotFoundException", f"Alias arn:aws:kms:us-east-1:{root.account}:alias/none is not found."):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId="alias/none")
    with refused("NotFoundException", "Invalid keyId 'neither'"):
        kms.re_encrypt(CiphertextBlob=blob, SourceKeyId="neither", DestinationKeyId=key)
    with refused("NotFoundException", "Invalid arn eu-west-1"):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key.replace("us-east-1", "eu-west-1"))


def test_a_ciphertext_whose_key_is_in_another_region(server, blob, caller_arn):
    elsewhere = kms_client(server, server.caller, region="eu-west-1")
    destination = elsewhere.create_key()["KeyMetadata"]["Arn"]
    with refused("AccessDeniedException", NOT_BY_CIPHERTEXT.format(caller=caller_arn, action="ReEncryptFrom")):
        elsewhere.re_encrypt(CiphertextBlob=blob, DestinationKeyId=destination)


@pytest.mark.parametrize("foreign", [b"x", b"\x00" * 200, b"AQICAH" * 30, b"\x01\x02\x02\x00\x78" + bytes(158)])
def test_what_is_no_ciphertext_of_this_service(kms, key, foreign):
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.re_encrypt(CiphertextBlob=foreign, DestinationKeyId=key)


def test_shape_comes_before_everything_else(raw, key, unknown_key):
    no_destination = violation("Member must not be null", "destinationKeyId")
    assert_refused(raw.call("ReEncrypt", {"CiphertextBlob": b"x"}), "ValidationException", violations(no_destination))
    answer = raw.call(
        "ReEncrypt",
        {"CiphertextBlob": b"x", "DestinationKeyId": unknown_key, "DestinationEncryptionAlgorithm": "ROT13"},
    )
    assert_refused(answer, "ValidationException")
    assert "Value 'ROT13' at 'destinationEncryptionAlgorithm' failed to satisfy constraint" in answer.message
    long = violation("Member must have length less than or equal to 6144", "ciphertextBlob", "", quoted=False)
    answer = raw.call("ReEncrypt", {"CiphertextBlob": bytes(6145), "DestinationKeyId": unknown_key})
    assert_refused(answer, "ValidationException", violations(long))


def test_too_many_grant_tokens(raw, key, blob):
    answer = raw.call(
        "ReEncrypt", {"CiphertextBlob": blob, "DestinationKeyId": key, "GrantTokens": ["t" + str(n) for n in range(11)]}
    )
    assert_refused(answer, "ValidationException")
    assert (
        "at 'grantTokens' failed to satisfy constraint: Member must have length less than or equal to 10"
        in answer.message
    )


def test_a_dry_run_of_what_would_work(kms, second_key, blob):
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=second_key, DryRun=True)


def test_a_dry_run_of_what_would_not(kms, key, second_key, make_key, blob):
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.re_encrypt(CiphertextBlob=blob[:-1], DestinationKeyId=second_key, DryRun=True)
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.re_encrypt(
            CiphertextBlob=blob, SourceEncryptionContext={"x": "y"}, DestinationKeyId=second_key, DryRun=True
        )
    with refused("IncorrectKeyException", INCORRECT_KEY_TEXT):
        kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=second_key, DestinationKeyId=key, DryRun=True)
    disabled = make_key("Disabled")
    with refused("DisabledException", f"{disabled} is disabled."):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=disabled, DryRun=True)


def test_ignoring_the_ciphertext_only_permission_is_asked(kms, raw, key, second_key, make_key, root_arn, policy_for):
    ignoring = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        kms.re_encrypt(SourceKeyId=key, DestinationKeyId=second_key, **ignoring)
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        kms.re_encrypt(SourceKeyId=key, DestinationKeyId=second_key, CiphertextBlob=b"whatever", **ignoring)
    closed = make_key(Policy=policy_for(root_arn, deny=["kms:ReEncryptFrom"]))
    with refused("AccessDeniedException"):
        kms.re_encrypt(SourceKeyId=closed, DestinationKeyId=second_key, **ignoring)
    assert_refused(raw.call("ReEncrypt", {"DestinationKeyId": key, **ignoring}), "ValidationException")


def test_without_that_modifier_the_ciphertext_is_needed(raw, key, second_key):
    named = {"SourceKeyId": key, "DestinationKeyId": second_key}
    for request in (named, {**named, "DryRun": True}, {**named, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}):
        assert_refused(raw.call("ReEncrypt", request), "ValidationException")
