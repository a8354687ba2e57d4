"""Quotas that an operator sets: keys of an account in a Region, requests per second."""

import pytest

from conftest import new_key
from support.clients import Cli, kms_client
from support.expect import refused
from support.server import Server

TOO_FAST = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."


@pytest.fixture
def limited(tmp_path):
    """`limited(QUOTAS_REQUESTS="...")`: a server with these settings."""
    servers = []

    def start(**settings):
        environment = {f"RESEAL_{name}": value for name, value in settings.items()}
        servers.append(Server(tmp_path / "data", environment=environment).start())
        return servers[-1]

    yield start
    for server in servers:
        assert server.stop() == 0


def test_an_account_has_only_so_many_keys_in_a_region(limited):
    server = limited(QUOTAS_KEYS_PER_REGION="3")
    here, there = (kms_client(server, server.caller, region=region) for region in ("us-east-1", "eu-west-1"))
    keys = [new_key(here, MultiRegion=True) for _ in range(3)]
    words = "An account can have at most 3 KMS keys in a Region."
    with refused("LimitExceededException", words):
        here.create_key()
    for _ in range(3):
        new_key(there)
    with refused("LimitExceededException", words):
        here.replicate_key(KeyId=keys[0], ReplicaRegion="eu-west-1")
    other = kms_client(server, server.caller_of(server.create_account("444455556666")))
    new_key(other)


def test_calls_beyond_the_rate(limited, tmp_path):
    server = limited(QUOTAS_REQUESTS="DescribeKey=1, crypto/symmetric=1000")
    kms = kms_client(server, server.caller)
    key = new_key(kms)

    def describe_until_refused():
        for _ in range(1_000):
            kms.describe_key(KeyId=key)

    with refused("ThrottlingException", TOO_FAST):
        describe_until_refused()
    assert "ThrottlingException" in [record.get("errorCode") for record in server.audit_records()]
    for _ in range(20):
        kms.get_key_policy(KeyId=key)
    kms.encrypt(KeyId=key, Plaintext=b"p")
    # A client that tries again gets through.
    cli = Cli(server, server.caller, tmp_path)
    cli.environment["AWS_MAX_ATTEMPTS"] = "10"
    assert cli.json("describe-key", "--key-id", key)["KeyMetadata"]["Arn"] == key


@pytest.mark.parametrize(
    ("value", "words"),
    [("CreateKy=5", "did you mean `CreateKey`?"), ("CreateKey=0", "is neither aws nor GROUP=RATE")],
)
def test_rates_that_are_none(tmp_path, value, words):
    server = Server(tmp_path / "data", environment={"RESEAL_QUOTAS_REQUESTS": value})
    refusal = server.run("serve", expect=None)
    assert refusal.returncode != 0 and words in refusal.stderr
