"""Re-encryption between accounts: B's user moves data from A's key to its own only while both sides allow it."""

import json

import pytest

from conftest import new_key, statement
from support.clients import Cli
from support.identities import Directory, allow


@pytest.fixture
def scene(server, kms, other_root, other_kms, root_arn, other_arn, make_key, tmp_path):
    """A's key that B's account may re-encrypt from, B's own key, and a user of B who may do so."""
    directory = Directory(server, other_root)
    given = statement("Allow", other_arn, "kms:ReEncryptFrom")
    kept = statement("Allow", root_arn, "kms:*")
    source = make_key(Policy=policy(kept, given))
    destination = new_key(other_kms)
    mover = directory.user(allow("kms:ReEncryptFrom", source), allow("kms:ReEncryptTo", destination))
    blob = tmp_path / "blob"
    blob.write_bytes(kms.encrypt(KeyId=source, Plaintext=b"moved")["CiphertextBlob"])
    cli = Cli(server, mover, tmp_path)
    arguments = ["re-encrypt", "--ciphertext-blob", f"fileb://{blob}", "--destination-key-id", destination]
    return {"cli": cli, "arguments": [*arguments, "--source-key-id", source], "source": source, "kept": kept,
            "given": given, "mover": mover, "directory": directory, "destination": destination}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def denied(scene):
    message = scene["cli"].fails(*scene["arguments"])
    return "(AccessDeniedException)" in message


def test_both_sides_allow(scene, other_kms):
    import base64

    moved = scene["cli"].json(*scene["arguments"])
    assert (moved["SourceKeyId"], moved["KeyId"]) == (scene["source"], scene["destination"])
    assert other_kms.decrypt(CiphertextBlob=base64.b64decode(moved["CiphertextBlob"]))["Plaintext"] == b"moved"


def test_the_key_policy_alone_is_not_enough(scene):
    scene["cli"].json(*scene["arguments"])
    scene["directory"].iam.delete_user_policy(UserName=scene["mover"].name, PolicyName="p0")
    assert denied(scene)


def test_the_identity_policy_alone_is_not_enough(scene, kms):
    scene["cli"].json(*scene["arguments"])
    kms.put_key_policy(KeyId=scene["source"], Policy=policy(scene["kept"]))
    assert denied(scene)


def test_the_own_side_of_the_destination_is_needed_too(scene):
    scene["directory"].iam.delete_user_policy(UserName=scene["mover"].name, PolicyName="p1")
    assert denied(scene)


def test_naming_the_user_in_the_key_policy_does_not_replace_its_account(scene, kms):
    named = statement("Allow", scene["mover"].arn, "kms:ReEncryptFrom")
    kms.put_key_policy(KeyId=scene["source"], Policy=policy(scene["kept"], named))
    scene["cli"].json(*scene["arguments"])
    scene["directory"].iam.delete_user_policy(UserName=scene["mover"].name, PolicyName="p0")
    assert denied(scene)
