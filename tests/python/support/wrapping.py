"""Key material wrapped for its import by two outsiders, neither of which is the service: Python's `cryptography`, and OpenSSL."""

import secrets

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

from . import openssl

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
