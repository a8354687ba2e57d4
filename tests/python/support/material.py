"""Key material of a world's imported keys, with what has to be sent to import it."""

import secrets

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .wrapping import by_cryptography, pkcs8

FOR_GOOD = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}


def generate(sort):
    """Plain key material for a kind of key."""
    if sort in ("symmetric", "hmac"):
        return secrets.token_bytes(32)
    return pkcs8(rsa.generate_private_key(65537, 2048) if sort == "rsa" else ec.generate_private_key(ec.SECP256R1()))


class Material:
    """Material of one key; what was imported once can be imported again."""

    def __init__(self, kms, arn, sort):
        self.kms, self.arn = kms, arn
        self.parameters = self.wrap(generate(sort))

    def wrap(self, plain):
        """Under RSA alone while it fits, else under AES under RSA."""
        algorithm = "RSAES_OAEP_SHA_256" if len(plain) <= 32 else "RSA_AES_KEY_WRAP_SHA_256"
        asked = self.kms.get_parameters_for_import(
            KeyId=self.arn, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048"
        )
        sealed = by_cryptography(asked["PublicKey"], algorithm, plain, None)
        return {"ImportToken": asked["ImportToken"], "EncryptedKeyMaterial": sealed, **FOR_GOOD}

    def import_into(self):
        self.kms.import_key_material(KeyId=self.arn, **self.parameters)

    def import_next(self):
        """Other material, that waits for a rotation."""
        parameters = self.wrap(secrets.token_bytes(32))
        self.kms.import_key_material(KeyId=self.arn, ImportType="NEW_KEY_MATERIAL", **parameters)
