"""Fixtures of the tests of external key stores: a server of their own, its proxy, a connected key store and a key in it."""

from contextlib import contextmanager

import pytest

from .clients import kms_client
from .key_stores import SECRET_ACCESS_KEY, Authority, Proxy, connect, external_key_store, proxy_table
from .server import Server

HOSTS = ["proxy.example.com", "hasty.example.com", "vpc.example.com", "other-ca.example.com", "closed.example.com"]
SERVICE = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("xks")


@pytest.fixture(scope="module")
def authority(folder):
    return Authority(folder, "authority")


@pytest.fixture(scope="module")
def proxy(folder, authority):
    proxy = Proxy(*authority.issue("proxy", *HOSTS))
    yield proxy
    proxy.stop()


@pytest.fixture(scope="module")
def server(folder, authority, proxy):
    stranger, port = Authority(folder, "stranger"), proxy.port
    patient = "timeout_milliseconds = 20000"
    config = folder / "reseal.toml"
    config.write_text(
        "threads = 1\n[quotas]\ncustom_key_stores = 100\n"
        + proxy_table("proxy.example.com", port, authority.path, patient)
        + proxy_table("hasty.example.com", port, authority.path)
        + proxy_table("vpc.example.com", port, authority.path, patient, f'vpc_endpoint_service = "{SERVICE}"')
        + proxy_table("other-ca.example.com", port, stranger.path, patient)
        + proxy_table("other-name.example.com", port, authority.path, patient)
        + proxy_table("closed.example.com", 9, authority.path, patient)
    )
    server = Server(folder / "data", arguments=("--config", str(config))).start()
    yield server
    assert server.stop() == 0
    printed = server.everything_printed()
    assert b"panicked" not in printed and SECRET_ACCESS_KEY.encode() not in printed


@pytest.fixture(scope="module")
def kms(server):
    return kms_client(server, server.caller)


@pytest.fixture(scope="module")
def store(kms, proxy):
    """A connected key store that tests leave connected, with the external keys `key` and those that tests make."""
    proxy.key("key")
    created = kms.create_custom_key_store(**external_key_store("shared"))["CustomKeyStoreId"]
    connect(kms, created)
    return created


@pytest.fixture(scope="module")
def key(kms, store):
    return new_key(kms, store, "key")


@pytest.fixture
def failing(proxy):
    """`with failing(how):` the proxy fails so in the block."""

    @contextmanager
    def block(how, path="", **more):
        proxy.fail(how, path, **more)
        try:
            yield
        finally:
            proxy.work()

    return block


def new_key(kms, store, name):
    parameters = {"Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store, "XksKeyId": name}
    return kms.create_key(**parameters)["KeyMetadata"]["Arn"]


def encrypted(kms, key, **more):
    return kms.encrypt(KeyId=key, Plaintext=b"secret", **more)["CiphertextBlob"]
