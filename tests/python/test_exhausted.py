"""What a service answers that has no more room: quotas that are used up, and a log that takes no more records."""

import json
import shutil

import pytest

from conftest import statement
from support import model
from support.clients import kms_client
from support.examples import EXAMPLES
from support.expect import assert_refused, refused
from support.key_stores import external_key_store
from support.raw import Requester
from support.server import FIRST, Server

THERE = "us-west-2"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """A server with room for three keys, an alias and a grant for each, and nothing more."""
    quotas = {
        "KEYS_PER_REGION": 3,
        "ALIASES_PER_KEY": 1,
        "GRANTS_PER_KEY": 1,
        "CUSTOM_KEY_STORES": 0,
        "ON_DEMAND_ROTATIONS": 0,
        "KEY_POLICY_BYTES": 1024,
    }
    environment = {f"RESEAL_QUOTAS_{name}": str(value) for name, value in quotas.items()}
    server = Server(tmp_path_factory.mktemp("narrow") / "data", environment=environment).start()
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def full(narrow):
    """A client of the server, and its three keys, one of them a multi-Region primary."""
    kms = kms_client(narrow, narrow.caller)
    keys = [kms.create_key(MultiRegion=number == 0)["KeyMetadata"]["Arn"] for number in range(3)]
    for number, key in enumerate(keys):
        kms.create_alias(AliasName=f"alias/{number}", TargetKeyId=key)
    return kms, keys


def long_policy():
    statements = [statement("Allow", f"arn:aws:iam::{FIRST.account}:root", "kms:*") for _ in range(20)]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


LIMITS = {
    "CreateAlias": ("A KMS key can have at most 1 aliases.", lambda key: {"AliasName": "alias/x", "TargetKeyId": key}),
    "CreateCustomKeyStore": (
        "You have reached the limit of 0 custom key stores for this account and Region.",
        lambda key: external_key_store("s"),
    ),
    "CreateGrant": (
        "A KMS key can have at most 1 grants.",
        lambda key: {"KeyId": key, "GranteePrincipal": f"arn:aws:iam::{FIRST.account}:root", "Operations": ["Encrypt"]},
    ),
    "CreateKey": ("An account can have at most 3 KMS keys in a Region.", lambda key: {}),
    "PutKeyPolicy": ("A key policy can have at most 1024 bytes.", lambda key: {"KeyId": key, "Policy": long_policy()}),
    "ReplicateKey": (
        "A key policy can have at most 1024 bytes.",
        lambda key: {"KeyId": key, "ReplicaRegion": THERE, "Policy": long_policy()},
    ),
    "RotateKeyOnDemand": (
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for "
        "this key: {key}",
        lambda key: {"KeyId": key},
    ),
    "UpdateAlias": ("A KMS key can have at most 1 aliases.", lambda key: {"AliasName": "alias/1", "TargetKeyId": key}),
}


@pytest.mark.parametrize("operation", LIMITS)
def test_limit(narrow, full, operation):
    kms, (key, *_) = full
    text, parameters = LIMITS[operation]
    if operation == "CreateGrant":
        kms.create_grant(**parameters(key))
    raw = Requester(narrow, narrow.caller)
    assert_refused(raw.call(operation, parameters(key)), "LimitExceededException", text.format(key=key))
    raw.close()


def test_without_a_log_nothing_is_attempted(tmp_path):
    """Once no record can be kept, every operation fails, whatever it is asked, and nothing of it is done."""
    environment = {"RESEAL_AUDIT_SEGMENT_BYTES": str(1024 * 1024)}
    server = Server(tmp_path / "data", environment=environment).start()
    kms = kms_client(server, server.caller)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    shutil.rmtree(server.data_dir / "audit")
    with refused("KMSInternalException"):
        for _ in range(1_000):  # the next segment has no place to be
            kms.update_key_description(KeyId=key, Description="x" * 8_000)
    raw = Requester(server, server.caller)
    text = "The request was rejected because an internal error occurred."
    for operation in model.present():
        answer = raw.call(operation, {"KeyId": key} if EXAMPLES[operation].kinds else {})
        assert_refused(answer, "KMSInternalException", text, status=500)
    raw.close()
    server.stop()
    assert b"panicked" not in server.everything_printed()
