"""Mutual TLS with an external key store proxy, and what `reseal doctor` says of key stores that cannot work."""

import re

import pytest

from support.clients import kms_client
from support.expect import refused
from support.external import encrypted, new_key
from support.key_stores import Authority, Proxy, SoftHsm, connect, external_key_store, proxy_table
from support.server import FIRST, Server

HOSTS = ["known.example.com", "nobody.example.com", "stranger.example.com", "unknown-ca.example.com"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mutual")


@pytest.fixture(scope="module")
def authorities(folder):
    return {name: Authority(folder, name) for name in ("servers", "clients", "strangers")}


@pytest.fixture(scope="module")
def proxy(authorities):
    """One that talks to clients with a certificate of its authority only."""
    proxy = Proxy(*authorities["servers"].issue("proxy", *HOSTS), authorities["clients"].path)
    yield proxy
    proxy.stop()


@pytest.fixture(scope="module")
def server(folder, authorities, proxy):
    def client(authority):
        certificate, key = authorities[authority].issue(f"client-of-{authority}")
        return f'client_certificate = "{certificate}"', f'client_key = "{key}"'

    servers, patient = authorities["servers"].path, "timeout_milliseconds = 20000"
    config = folder / "reseal.toml"
    config.write_text(
        "threads = 1\n"
        + proxy_table("known.example.com", proxy.port, servers, patient, *client("clients"))
        + proxy_table("nobody.example.com", proxy.port, servers, patient)
        + proxy_table("stranger.example.com", proxy.port, servers, patient, *client("strangers"))
        + proxy_table("unknown-ca.example.com", proxy.port, authorities["strangers"].path, patient, *client("clients"))
    )
    server = Server(folder / "data", arguments=("--config", str(config))).start()
    yield server
    assert server.stop() == 0
    assert b"panicked" not in server.everything_printed()


def test_a_client_certificate_opens_the_way(server, proxy):
    kms = kms_client(server, FIRST)
    store = kms.create_custom_key_store(**external_key_store("known", "known.example.com"))["CustomKeyStoreId"]
    connect(kms, store)
    proxy.key("key")
    key = new_key(kms, store, "key")
    assert kms.decrypt(CiphertextBlob=encrypted(kms, key))["Plaintext"] == b"secret"


@pytest.mark.parametrize("host", ["nobody", "stranger", "unknown-ca"])
def test_without_the_right_certificates_there_is_no_way(server, proxy, host):
    kms = kms_client(server, FIRST)
    proxy.seen()
    with refused("XksProxyUriUnreachableException", re.compile("AWS KMS cannot (communicate with|establish a TLS).*")):
        kms.create_custom_key_store(**external_key_store(host, f"{host}.example.com"))
    assert proxy.seen() == [], "the proxy answered"


@pytest.fixture
def doctor(tmp_path):
    """`doctor(content)`: what the doctor prints of a configuration, and its status."""

    def ask(content):
        config = tmp_path / "reseal.toml"
        config.write_text(content)
        finished = Server(tmp_path / "data").run("doctor", "--config", str(config), expect=None)
        return finished.returncode, finished.stdout + finished.stderr

    Server(tmp_path / "data").start().stop()
    return ask


def test_the_doctor_is_content_with_key_stores_that_can_work(doctor, tmp_path):
    authority, softhsm = Authority(tmp_path, "authority"), SoftHsm(tmp_path)
    certificate, key = authority.issue("client")
    proxy = proxy_table(
        "proxy.example.com", 9, authority.path, f'client_certificate = "{certificate}"', f'client_key = "{key}"'
    )
    status, told = doctor(proxy + softhsm.table("cluster-key2store3a", "main", FIRST.account, authority.path))
    assert status == 0 and str(certificate) in told and "PROBLEM" not in told, told


def test_the_doctor_finds_what_key_stores_lack(doctor, tmp_path):
    authority, softhsm = Authority(tmp_path, "authority"), SoftHsm(tmp_path)
    certificate, key = authority.issue("client")
    garbage, nowhere = tmp_path / "garbage.pem", tmp_path / "nowhere.pem"
    garbage.write_text("no certificate")
    pair = f'client_certificate = "{certificate}"', f'client_key = "{key}"'

    def proxy(ca=authority.path, *lines):
        return proxy_table("proxy.example.com", 9, ca, *lines)

    def cluster(token="main", anchor=authority.path, name="cluster-key2store3a"):
        return softhsm.table(name, token, FIRST.account, anchor)

    for content, words in [
        (proxy(nowhere), f"{nowhere} cannot be used"),
        (proxy(garbage), f"{garbage} cannot be used"),
        (proxy(authority.path, f'client_certificate = "{nowhere}"', pair[1]), f"{nowhere} cannot be used"),
        (proxy(authority.path, pair[0]), "set both `client_certificate` and `client_key`, or none"),
        (proxy(authority.path, "made_up = 1"), "made_up"),
        (cluster(anchor=nowhere), f"{nowhere} cannot be used"),
        (cluster(anchor=garbage), f"{garbage} cannot be used"),
        (cluster().replace(softhsm.module, "/nowhere/module.so"), "the PKCS#11 module /nowhere/module.so cannot be loaded"),
        (cluster(name="cluster-1"), "`clusters.cluster-1`"),
        (cluster() + cluster(name="cluster-key2store3b"), "are the same token of the same module"),
    ]:
        status, told = doctor(content)
        assert status == 1 and "PROBLEM" in told and words in told, (words, told)
