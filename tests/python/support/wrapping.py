"""Key material wrapped for its import by two outsiders, neither of which is the service: Python's `cryptography`, and OpenSSL."""

import hmac
import json
import secrets
import subprocess
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

from . import openssl
from .server import ROOT

OPENER = ROOT / "crates" / "crypto" / "vectors" / "generate.py"
WRONG_MATERIAL = (
    "The key material in the request is expired, invalid, or is not the same key material that was previously imported into "
    "this KMS key."
)
HASHES = {"SHA_1": hashes.SHA1(), "SHA_256": hashes.SHA256()}
KWP_IV = "A65959A6"
"""RFC 5649 section 3; OpenSSL wants to be told."""


def by_cryptography(public_key_der, algorithm, material, _folder):
    scheme, _, digest = algorithm.partition("_SHA_")
    digest = HASHES[f"SHA_{digest}"]
    oaep = padding.OAEP(mgf=padding.MGF1(digest), algorithm=digest, label=None)
    seal = lambda plaintext: serialization.load_der_public_key(public_key_der).encrypt(plaintext, oaep)
    if scheme == "RSAES_OAEP":
        return seal(material)
    assert scheme == "RSA_AES_KEY_WRAP", algorithm
    key = secrets.token_bytes(32)
    return seal(key) + aes_key_wrap_with_padding(key, material)


def by_openssl(public_key_der, algorithm, material, folder):
    if not algorithm.startswith("RSA_AES_KEY_WRAP"):
        return openssl.encrypt(public_key_der, algorithm, material, folder)
    key = secrets.token_bytes(32)
    (folder / "material").write_bytes(material)
    openssl.run(
        *("enc", "-id-aes256-wrap-pad", "-iv", KWP_IV, "-K", key.hex()),
        *("-in", str(folder / "material"), "-out", str(folder / "wrapped")),
    )
    oaep = algorithm.replace("RSA_AES_KEY_WRAP", "RSAES_OAEP")
    return openssl.encrypt(public_key_der, oaep, key, folder) + (folder / "wrapped").read_bytes()


class Importer:
    """Walks the way of GetParametersForImport and ImportKeyMaterial."""

    def __init__(self, kms, folder):
        self.kms = kms
        self.folder = folder

    def parameters(self, arn, algorithm="RSAES_OAEP_SHA_256", spec="RSA_2048"):
        return self.kms.get_parameters_for_import(KeyId=arn, WrappingAlgorithm=algorithm, WrappingKeySpec=spec)

    def wrap(self, parameters, algorithm, material, by=by_cryptography):
        return by(parameters["PublicKey"], algorithm, material, self.folder)

    def __call__(self, arn, material, algorithm="RSAES_OAEP_SHA_256", spec="RSA_2048", by=by_cryptography, **more):
        """Imports; does not expire unless `more` says so."""
        parameters = self.parameters(arn, algorithm, spec)
        more = more if "ValidTo" in more else {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE", **more}
        return self.kms.import_key_material(
            KeyId=arn,
            ImportToken=parameters["ImportToken"],
            EncryptedKeyMaterial=self.wrap(parameters, algorithm, material, by),
            **more,
        )


def opened_outside(material, blob, context=()):
    """Decrypts with the second implementation of the ciphertext format, which knows nothing of the server."""
    request = {"material": material.hex(), "context": list(context), "blob": blob.hex()}
    finished = subprocess.run(
        [sys.executable, str(OPENER), "--open"], input=json.dumps(request), capture_output=True, text=True, timeout=60
    )
    assert finished.returncode == 0, finished.stderr
    return bytes.fromhex(finished.stdout.strip())


def material_id(arn, material):
    """The id follows from key and key material: SP 800-108 in counter mode, one block."""
    key_id = bytes.fromhex(arn.rpartition("/")[2].removeprefix("mrk-").replace("-", ""))
    context = key_id + len(material).to_bytes(4)
    fixed = b"reseal v1 imported material\x00" + context + (256).to_bytes(4)
    return hmac.digest(material, (1).to_bytes(4) + fixed, "sha256").hex()


def pkcs8(private_key):
    return private_key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def spki(private_key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private_key.public_key().public_bytes(serialization.Encoding.DER, form)


def check_rsa(kms, arn, rsa_key):
    assert kms.get_public_key(KeyId=arn)["PublicKey"] == spki(rsa_key)
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    sealed = rsa_key.public_key().encrypt(b"secret", oaep)
    opened = kms.decrypt(KeyId=arn, CiphertextBlob=sealed, EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    assert opened["Plaintext"] == b"secret"
