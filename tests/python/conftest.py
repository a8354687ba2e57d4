"""Fixtures: one server for the whole run, clients for it, and keys that tests may use but not change."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from support.clients import Cli, kms_client
from support.identities import Directory
from support.raw import Requester
from support.server import FIRST, Server
from support.stores import Stores
from support.wrapping import Importer
from support.world import World

pytest_plugins = ["support.whole_run"]
SECOND_ACCOUNT = "444455556666"
REGION = "us-east-1"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server that most tests share. At the end it must leave cleanly and must not have panicked on the way."""
    server = Server(tmp_path_factory.mktemp("shared") / "data").start()
    yield server
    assert server.process.poll() is None, f"the server died: {server.stderr[-4000:]}"
    assert server.stop() == 0
    assert_calm(server)


@pytest.fixture
def own_server(tmp_path):
    """A server for one test that stops, kills or damages it."""
    server = Server(tmp_path / "data")
    yield server
    if server.process:
        assert server.stop() == 0
    assert_calm(server)


def assert_calm(server):
    printed = server.everything_printed()
    assert b"panicked" not in printed, printed[-4000:]
    for secret in server.secrets():
        assert secret.encode() not in printed


@pytest.fixture(scope="session")
def root():
    """Credentials of the first account's root user: for IAM, and for tests that are about the root user."""
    return FIRST


@pytest.fixture(scope="session")
def root_arn(root):
    """The first account as a principal of policies and grants."""
    return f"arn:aws:iam::{root.account}:root"


@pytest.fixture(scope="session")
def caller(server):
    """Who calls if a test says nothing else: an IAM user with no permission that the tests do not need."""
    return server.caller


@pytest.fixture(scope="session")
def caller_arn(caller):
    return caller.arn


@pytest.fixture(scope="session")
def kms(server, caller):
    return kms_client(server, caller)


@pytest.fixture(scope="session")
def other_root(server):
    """Credentials of a second account's root user."""
    return server.create_account(SECOND_ACCOUNT)


@pytest.fixture(scope="session")
def other(server, other_root):
    """Who calls from the second account: such a user too."""
    return server.caller_of(other_root)


@pytest.fixture(scope="session")
def other_caller_arn(other):
    return other.arn


@pytest.fixture(scope="session")
def other_arn(other):
    """The second account as a principal of policies and grants."""
    return f"arn:aws:iam::{other.account}:root"


@pytest.fixture(scope="session")
def other_kms(server, other):
    return kms_client(server, other)


@pytest.fixture(scope="module")
def directory(server, root):
    """The users, roles and policies of the first account."""
    return Directory(server, root)


@pytest.fixture(scope="module")
def iam(directory):
    return directory.iam


@pytest.fixture
def raw(server, caller):
    requester = Requester(server, caller)
    yield requester
    requester.close()


@pytest.fixture
def cli(server, caller, tmp_path):
    return Cli(server, caller, tmp_path)


@pytest.fixture(scope="session")
def key(kms):
    """The ARN of a symmetric key that no test changes."""
    return new_key(kms)


@pytest.fixture(scope="session")
def second_key(kms):
    return new_key(kms)


@pytest.fixture(scope="session")
def shared_key(kms):
    """`shared_key("RSA_2048")`: one key of each kind for the whole run; making RSA keys is slow."""
    made = {}

    def get(spec, usage="ENCRYPT_DECRYPT"):
        if (spec, usage) not in made:
            made[spec, usage] = new_key(kms, KeySpec=spec, KeyUsage=usage)
        return made[spec, usage]

    return get


@pytest.fixture
def make_key(kms):
    """A key for one test alone, which may do with it what it likes; gives the ARN."""

    def make(state="Enabled", **parameters):
        arn = new_key(kms, **parameters)
        bring_to(kms, arn, state)
        return arn

    return make


@pytest.fixture
def make_alias(kms):
    made = []

    def make(name, target):
        kms.create_alias(AliasName=name, TargetKeyId=target)
        made.append(name)
        return name

    yield make
    for name in made:
        kms.delete_alias(AliasName=name)


def new_key(kms, **parameters):
    return kms.create_key(**parameters)["KeyMetadata"]["Arn"]


def bring_to(kms, arn, state):
    if state == "Disabled":
        kms.disable_key(KeyId=arn)
    elif state == "PendingDeletion":
        kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    else:
        assert state == "Enabled", state


@pytest.fixture(scope="session")
def world(tmp_path_factory, root):
    """Keys of all kinds in all states, on a server of their own that has external key stores."""
    folder = tmp_path_factory.mktemp("world")
    stores = Stores(folder)
    server = Server(folder / "data", arguments=["--config", str(stores.configuration)]).start()
    world = World(server, root, stores)
    yield world
    world.close()
    assert server.stop() == 0
    stores.close()
    assert_calm(server)


@pytest.fixture(scope="session")
def policy_for():
    """A key policy: all actions for each principal, less the statements that deny or narrow."""

    def document(*principals, actions="kms:*", deny=()):
        statements = [statement("Allow", principal, actions) for principal in principals]
        statements += [statement("Deny", principals[0], action) for action in deny]
        return json.dumps({"Version": "2012-10-17", "Statement": statements})

    return document


def statement(effect, principal, action):
    return {"Effect": effect, "Principal": {"AWS": principal}, "Action": action, "Resource": "*"}


def uuid_of(arn):
    return arn.rpartition("/")[2]


@pytest.fixture
def unknown_key(root):
    """A well-formed key id that no key has, and its ARN."""
    return f"arn:aws:kms:{REGION}:{root.account}:key/00000000-1111-4222-8333-444444444444"


@pytest.fixture
def external(kms):
    """An EXTERNAL key without key material; gives the ARN."""

    def make(spec="SYMMETRIC_DEFAULT", usage="ENCRYPT_DECRYPT", **more):
        made = kms.create_key(Origin="EXTERNAL", KeySpec=spec, KeyUsage=usage, **more)["KeyMetadata"]
        assert (made["KeyState"], made["Enabled"], made["Origin"]) == ("PendingImport", False, "EXTERNAL")
        assert not made.keys() & {"CurrentKeyMaterialId", "ExpirationModel", "ValidTo"}
        return made["Arn"]

    return make


@pytest.fixture
def bring(kms, tmp_path):
    """`bring(arn, material, ...)` imports key material."""
    return Importer(kms, tmp_path)


@pytest.fixture(scope="session")
def rsa_key():
    """A private key of nobody's."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
