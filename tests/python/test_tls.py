"""TLS when a certificate is given: the same service over https, and a new certificate without a restart."""

import signal
import socket
import ssl
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from support import certificates
from support.clients import kms_client


def make_certificate(folder):
    """A self-signed certificate for 127.0.0.1 with its key; gives its DER form."""
    certificate, private = certificates.self_signed("reseal test", is_authority=True)
    secret = folder / "key.pem"
    secret.touch(mode=0o600)
    secret.write_bytes(private)
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return certificate.public_bytes(Encoding.DER)


@pytest.fixture
def secured(own_server, tmp_path):
    """A server with the certificate in `tmp_path`, and the certificate."""
    certificate = make_certificate(tmp_path)
    config = tmp_path / "reseal.toml"
    config.write_text(f'[tls]\ncertificate = "{tmp_path}/certificate.pem"\nkey = "{tmp_path}/key.pem"\n')
    own_server.arguments = ("--config", str(config))
    return own_server.start(), certificate


def shown_certificate(server):
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", server.port)))


def test_the_service_speaks_https(secured, tmp_path):
    server, certificate = secured
    assert server.url.startswith("https://")
    assert shown_certificate(server) == certificate
    kms = kms_client(server, server.caller, verify=str(tmp_path / "certificate.pem"))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"
    record = next(record for record in server.audit_records() if record["eventName"] == "Encrypt")
    assert record["tlsDetails"]["tlsVersion"] == "TLSv1.3"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_versions_that_are_spoken(secured, tmp_path, version):
    server, _ = secured
    context = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            assert connection.version() == {771: "TLSv1.2", 772: "TLSv1.3"}[version]


def test_a_new_certificate_is_taken_up_on_sighup(secured, tmp_path):
    server, old = secured
    new = make_certificate(tmp_path)
    assert shown_certificate(server) == old
    server.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 10
    while shown_certificate(server) != new:
        assert time.monotonic() < deadline, "still the old certificate"
        time.sleep(0.05)
    kms_client(server, server.caller, verify=str(tmp_path / "certificate.pem")).list_keys()


def test_a_certificate_that_cannot_be_used_leaves_the_old_one_in_place(secured, tmp_path):
    server, old = secured
    (tmp_path / "certificate.pem").write_text("not a certificate")
    server.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert server.process.poll() is None
    assert shown_certificate(server) == old
