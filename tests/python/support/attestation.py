"""Attestation documents as a Nitro Security Module makes them, under a root of our own: CBOR, COSE_Sign1 with ES384, a
chain of five certificates. And the other end: a recipient that opens what it is answered, with `openssl cms`.

`python -m support.attestation FOLDER` writes documents of 2026-01-02T03:04:05Z, as the vectors of the Rust tests have them.
"""

import datetime
import hashlib
import subprocess
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

PROTECTED = bytes.fromhex("a1013822")
MODULE_ID = "i-0123456789abcdef0-enc0123456789abcdef"
IMAGE = hashlib.sha384(b"the enclave image").digest()
HOUR = datetime.timedelta(hours=1)


def cbor(value):
    """RFC 8949, deterministic: the types that a document needs."""
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(name) + cbor(inner) for name, inner in value.items())


def head(kind, number):
    for size, information in ((0, number), (1, 24), (2, 25), (4, 26), (8, 27)):
        if number < (24 if size == 0 else 256**size):
            return bytes([kind << 5 | information]) + (number.to_bytes(size, "big") if size else b"")
    raise ValueError(number)


class Authority:
    """The root, and what stands between it and a module: region, zone, instance."""

    def __init__(self, at=None, lifetime=HOUR):
        self.at = at or datetime.datetime.now(datetime.timezone.utc)
        self.not_before, self.not_after = self.at - lifetime, self.at + lifetime
        self.root_key = ec.generate_private_key(ec.SECP384R1())
        self.root = self._certificate("root", self.root_key, None, self.root_key, 3)
        self.bundle, issuer, issuer_key = [self.root], self.root, self.root_key
        for depth, name in ((2, "region"), (1, "zone"), (0, "instance")):
            key = ec.generate_private_key(ec.SECP384R1())
            issuer = self._certificate(name, key, issuer, issuer_key, depth)
            issuer_key = key
            self.bundle.append(issuer)
        self.key = ec.generate_private_key(ec.SECP384R1())
        self.leaf = self._certificate("module", self.key, issuer, issuer_key, None)

    def _certificate(self, name, key, issuer, issuer_key, depth):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        authority = depth is not None
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
        )
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.not_before)
            .not_valid_after(self.not_after)
            .add_extension(x509.BasicConstraints(authority, depth), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not authority,
                    key_cert_sign=authority,
                    crl_sign=authority,
                    decipher_only=False,
                    **usage,
                ),
                critical=True,
            )
            .sign(issuer_key, hashes.SHA384())
        )

    def root_pem(self):
        return self.root.public_bytes(serialization.Encoding.PEM)

    def document(self, public_key, at=None, **changed):
        """A document for that RSA key (DER); any member can be changed, or left out with `...`."""
        at = at or datetime.datetime.now(datetime.timezone.utc)
        members = {
            "module_id": MODULE_ID,
            "digest": "SHA384",
            "timestamp": int(at.timestamp() * 1000),
            "pcrs": {index: IMAGE if index == 0 else bytes([index]) * 48 for index in range(16)},
            "certificate": der(self.leaf),
            "cabundle": [der(certificate) for certificate in self.bundle],
            "public_key": public_key,
            "user_data": None,
            "nonce": b"nonce",
            **changed,
        }
        return self.sign(cbor({name: value for name, value in members.items() if value is not ...}))

    def sign(self, payload):
        signed = cbor(["Signature1", PROTECTED, b"", payload])
        r, s = decode_dss_signature(self.key.sign(signed, ec.ECDSA(hashes.SHA384())))
        return cbor([PROTECTED, {}, payload, r.to_bytes(48, "big") + s.to_bytes(48, "big")])


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


class Recipient:
    """What runs in an enclave: an RSA key, and the reading of answers."""

    def __init__(self, folder):
        self.folder = folder
        self.key = rsa.generate_private_key(65537, 2048)
        self.public_key = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "recipient.pem").write_bytes(pem)

    def open(self, answer):
        """`openssl cms -decrypt`"""
        finished = subprocess.run(
            ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", str(self.folder / "recipient.pem")],
            input=answer,
            capture_output=True,
            timeout=60,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def describe(self, answer):
        """`openssl cms -cmsout -print`"""
        finished = subprocess.run(
            ["openssl", "cms", "-cmsout", "-print", "-inform", "DER"], input=answer, capture_output=True, timeout=60
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout.decode()


def freeze(folder):
    at = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    authority, key = Authority(at), rsa.generate_private_key(65537, 2048)
    (folder / "root.pem").write_bytes(authority.root_pem())
    public_key = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "enclave.cose").write_bytes(authority.document(public_key, at))
    registers = {4: b"\4" * 48, 7: b"\7" * 48}
    document = authority.document(public_key, at, pcrs=..., nitrotpm_pcrs=registers)
    (folder / "nitro-tpm.cose").write_bytes(document)


if __name__ == "__main__":
    freeze(Path(sys.argv[1]))
