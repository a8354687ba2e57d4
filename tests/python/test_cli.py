"""The AWS CLI, unmodified: the examples of the ReEncrypt reference page and a walk through the other commands."""

import base64
import json
import re

import pytest


@pytest.fixture
def old(cli):
    return cli.text("create-key", "--description", "old", "--query", "KeyMetadata.KeyId", "--output", "text")


@pytest.fixture
def new(cli):
    return cli.text("create-key", "--description", "new", "--query", "KeyMetadata.KeyId", "--output", "text")


@pytest.fixture
def sealed(cli, old, tmp_path):
    """`sealed(context)`: a file with ciphertext under the old key, as `--ciphertext-blob fileb://` wants it."""

    def make(context=None):
        (tmp_path / "plain").write_bytes(b"top secret\x00\xff")
        options = ["--encryption-context", context] if context else []
        blob = cli.text(
            *("encrypt", "--key-id", old, "--plaintext", f"fileb://{tmp_path}/plain", *options),
            *("--query", "CiphertextBlob", "--output", "text"),
        )
        (tmp_path / "sealed").write_bytes(base64.b64decode(blob))
        return f"fileb://{tmp_path}/sealed"

    return make


def opened(cli, answer, tmp_path, *options):
    (tmp_path / "moved").write_bytes(base64.b64decode(answer["CiphertextBlob"]))
    text = cli.text(
        *("decrypt", "--ciphertext-blob", f"fileb://{tmp_path}/moved", *options),
        *("--query", "Plaintext", "--output", "text"),
    )
    return base64.b64decode(text)


def test_reencrypt_under_another_key_without_naming_the_source(cli, old, new, sealed, tmp_path):
    answer = cli.json("re-encrypt", "--ciphertext-blob", sealed(), "--destination-key-id", new)
    assert answer["SourceKeyId"].endswith(old) and answer["KeyId"].endswith(new)
    assert opened(cli, answer, tmp_path) == b"top secret\x00\xff"


def test_reencrypt_with_the_source_named(cli, old, new, sealed, tmp_path):
    answer = cli.json(
        *("re-encrypt", "--ciphertext-blob", sealed(), "--source-key-id", old, "--destination-key-id", new)
    )
    assert set(answer) == {
        "CiphertextBlob",
        "SourceKeyId",
        "KeyId",
        "SourceEncryptionAlgorithm",
        "DestinationEncryptionAlgorithm",
        "SourceKeyMaterialId",
        "DestinationKeyMaterialId",
    }
    assert opened(cli, answer, tmp_path) == b"top secret\x00\xff"


def test_reencrypt_with_the_wrong_source(cli, new, sealed):
    said = cli.fails("re-encrypt", "--ciphertext-blob", sealed(), "--source-key-id", new, "--destination-key-id", new)
    assert "(IncorrectKeyException) when calling the ReEncrypt operation" in said
    assert "The key ID in the request does not identify a CMK that can perform this operation." in said


def test_reencrypt_changes_the_encryption_context(cli, new, sealed, tmp_path):
    answer = cli.json(
        *("re-encrypt", "--ciphertext-blob", sealed("stage=old,team=blue"), "--destination-key-id", new),
        *("--source-encryption-context", "stage=old,team=blue", "--destination-encryption-context", "stage=new"),
    )
    assert opened(cli, answer, tmp_path, "--encryption-context", "stage=new") == b"top secret\x00\xff"
    said = cli.fails(
        "decrypt", "--ciphertext-blob", f"fileb://{tmp_path}/moved", "--encryption-context", "stage=old,team=blue"
    )
    assert "(InvalidCiphertextException)" in said


def test_reencrypt_to_the_key_of_an_alias(cli, new, sealed, tmp_path):
    cli.text("create-alias", "--alias-name", "alias/cli/new", "--target-key-id", new)
    answer = cli.json("re-encrypt", "--ciphertext-blob", sealed(), "--destination-key-id", "alias/cli/new")
    assert answer["KeyId"].endswith(new)
    cli.text("delete-alias", "--alias-name", "alias/cli/new")


def test_reencrypt_from_rsa_to_symmetric(cli, new, tmp_path):
    rsa = cli.json("create-key", "--key-spec", "RSA_2048", "--key-usage", "ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    (tmp_path / "plain").write_bytes(b"from rsa")
    blob = cli.text(
        *("encrypt", "--key-id", rsa, "--plaintext", f"fileb://{tmp_path}/plain"),
        *("--encryption-algorithm", "RSAES_OAEP_SHA_256", "--query", "CiphertextBlob", "--output", "text"),
    )
    (tmp_path / "sealed").write_bytes(base64.b64decode(blob))
    answer = cli.json(
        *("re-encrypt", "--ciphertext-blob", f"fileb://{tmp_path}/sealed", "--source-key-id", rsa),
        *("--source-encryption-algorithm", "RSAES_OAEP_SHA_256", "--destination-key-id", new),
    )
    assert answer["SourceEncryptionAlgorithm"] == "RSAES_OAEP_SHA_256"
    assert opened(cli, answer, tmp_path) == b"from rsa"


def test_reencrypt_dry_run(cli, new, sealed):
    said = cli.fails("re-encrypt", "--ciphertext-blob", sealed(), "--destination-key-id", new, "--dry-run")
    assert "(DryRunOperationException)" in said


def test_a_key_from_its_making_to_its_end(cli, old):
    assert cli.json("describe-key", "--key-id", old)["KeyMetadata"]["Description"] == "old"
    assert cli.text("update-key-description", "--key-id", old, "--description", "older") == ""
    assert cli.text("tag-resource", "--key-id", old, "--tags", "TagKey=Team,TagValue=Blue") == ""
    assert cli.json("list-resource-tags", "--key-id", old)["Tags"] == [{"TagKey": "Team", "TagValue": "Blue"}]
    assert cli.text("untag-resource", "--key-id", old, "--tag-keys", "Team") == ""
    assert cli.text("disable-key", "--key-id", old) == ""
    assert "(DisabledException)" in cli.fails("generate-data-key", "--key-id", old, "--key-spec", "AES_256")
    assert cli.text("enable-key", "--key-id", old) == ""
    assert (
        len(base64.b64decode(cli.json("generate-data-key", "--key-id", old, "--key-spec", "AES_256")["Plaintext"]))
        == 32
    )
    assert cli.json("rotate-key-on-demand", "--key-id", old)["KeyId"].endswith(old)
    due = cli.json("schedule-key-deletion", "--key-id", old, "--pending-window-in-days", "7")
    assert (due["KeyState"], due["PendingWindowInDays"]) == ("PendingDeletion", 7)
    assert cli.json("cancel-key-deletion", "--key-id", old)["KeyId"].endswith(old)
    assert cli.json("describe-key", "--key-id", old)["KeyMetadata"]["KeyState"] == "Disabled"


def test_policies_and_lists(cli, old):
    policy = cli.text(
        "get-key-policy", "--key-id", old, "--policy-name", "default", "--query", "Policy", "--output", "text"
    )
    assert json.loads(policy)["Id"] == "key-default-1"
    assert cli.text("put-key-policy", "--key-id", old, "--policy-name", "default", "--policy", policy) == ""
    assert cli.json("list-key-policies", "--key-id", old)["PolicyNames"] == ["default"]
    listed = cli.text("list-keys", "--query", "Keys[].KeyId", "--output", "text")
    assert old in re.split(r"\s+", listed), "the CLI pages through all keys"


def test_a_wrong_secret(cli, server):
    cli.environment["AWS_SECRET_ACCESS_KEY"] = "wrong"
    assert "(InvalidSignatureException)" in cli.fails("list-keys")
