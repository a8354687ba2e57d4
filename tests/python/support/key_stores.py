"""What custom key stores stand on in these tests: a proxy as a process of its own, and a token of SoftHSM."""

import datetime
import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

ACCESS_KEY_ID = "ABCDEFGHIJKLMNOPQRST"
SECRET_ACCESS_KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV/+=="
PREFIX = "/test"
PATH = PREFIX + "/kms/xks/v1"
PATIENCE_SECONDS = 60


class Authority:
    """A certificate authority with files in `folder`."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(name, self.key, authority=True)
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def issue(self, name, *hosts):
        """Paths of a certificate for these hosts and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name, key, hosts)
        paths = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        paths[1].touch(mode=0o600)
        paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return paths

    def _sign(self, name, key, hosts=(), authority=False):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if authority else self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=40))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if hosts:
            names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())


class Proxy:
    """The proxy of xks_proxy.py, running."""

    def __init__(self, certificate, key, *client_ca):
        script = Path(__file__).with_name("xks_proxy.py")
        arguments = [certificate, key, PREFIX, ACCESS_KEY_ID, SECRET_ACCESS_KEY, *client_ca]
        self.process = subprocess.Popen(
            [sys.executable, str(script), *map(str, arguments)], stdout=subprocess.PIPE, text=True
        )
        self.port, self.control_port = map(int, self.process.stdout.readline().split())

    def control(self, what, content=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("POST", f"/{what}", json.dumps(content))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def key(self, name, **properties):
        """Makes an external key, or changes one."""
        return self.control("key", {"id": name, **properties})

    def fail(self, how, path="", times=1000, **more):
        """Fails so at places that match `path`, so many times or until told otherwise."""
        self.control("failure", {"how": how, "path": path, "times": times, **more})

    def work(self):
        self.control("failure", None)

    def seen(self):
        """What was asked since the last time."""
        return self.control("seen")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def proxy_table(host, port, ca, *lines):
    return "\n".join([f'[xks_proxies."{host}"]', f'connect = "127.0.0.1:{port}"', f'ca = "{ca}"', *lines, ""])


def external_key_store(name, host="proxy.example.com", path=None, **more):
    """The parameters of CreateCustomKeyStore; the path is the key store's own."""
    return {
        "CustomKeyStoreName": name,
        "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
        "XksProxyConnectivity": "PUBLIC_ENDPOINT",
        "XksProxyUriEndpoint": f"https://{host}",
        "XksProxyUriPath": path or f"{PREFIX}/{name}/kms/xks/v1",
        "XksProxyAuthenticationCredential": {
            "AccessKeyId": ACCESS_KEY_ID,
            "RawSecretAccessKey": SECRET_ACCESS_KEY,
        },
        **more,
    }


MODULES = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
]


class SoftHsm:
    """Tokens of SoftHSM in `folder`."""

    def __init__(self, folder):
        (folder / "tokens").mkdir()
        self.configuration = folder / "softhsm2.conf"
        self.configuration.write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
        self.module = next(path for path in MODULES if Path(path).exists())
        self.environment = {"SOFTHSM2_CONF": str(self.configuration)}

    def make(self, label, pin):
        self.run("--init-token", "--free", "--label", label, "--so-pin", "security-officer", "--pin", pin)

    def delete(self, label):
        self.run("--delete-token", "--token", label)

    def run(self, *arguments):
        finished = subprocess.run(
            ["softhsm2-util", *arguments],
            env={"PATH": os.environ["PATH"], **self.environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        assert finished.returncode == 0, finished
        return finished.stdout

    def ask(self, label, pin, *arguments):
        """What pkcs11_token.py answers, in a process of its own."""
        script = Path(__file__).with_name("pkcs11_token.py")
        finished = subprocess.run(
            [sys.executable, str(script), self.module, label, pin, *arguments],
            env={"PATH": os.environ["PATH"], **self.environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        assert finished.returncode == 0, finished
        return json.loads(finished.stdout)

    def table(self, cluster, token, account, trust_anchor, *lines, region="us-east-1"):
        return "\n".join(
            [
                f"[clusters.{cluster}]",
                f'account = "{account}"',
                f'region = "{region}"',
                f'module = "{self.module}"',
                f'token = "{token}"',
                f'trust_anchor = "{trust_anchor}"',
                *lines,
                "",
            ]
        )


def describe(kms, store):
    (entry,) = kms.describe_custom_key_stores(CustomKeyStoreId=store)["CustomKeyStores"]
    return entry


def wait_until(kms, store, state):
    """Waits for a key store to be in a state, and gives its description."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (entry := describe(kms, store))["ConnectionState"] != state:
        assert time.monotonic() < deadline, f"still {entry}"
        time.sleep(0.02)
    return entry


def connect(kms, store, state="CONNECTED"):
    kms.connect_custom_key_store(CustomKeyStoreId=store)
    return wait_until(kms, store, state)


def disconnect(kms, store):
    kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    return wait_until(kms, store, "DISCONNECTED")
