#!/usr/bin/env python3
"""Signatures for the self-test, made by OpenSSL: by way of the `cryptography` package, SM2 with the `openssl` command.

    signatures.py        check the files in self-test with the implementation that made them; exit 1 if one is wrong
    signatures.py --new  make new elliptic-curve keys and new signatures
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding

FOLDER = Path(__file__).resolve().parent / "self-test"
MESSAGE = b"reseal self-test"
SEED = hashlib.sha256(MESSAGE).digest()
CURVES = {
    "p256": (ec.SECP256R1(), hashes.SHA256()),
    "p384": (ec.SECP384R1(), hashes.SHA384()),
    "p521": (ec.SECP521R1(), hashes.SHA512()),
    "secp256k1": (ec.SECP256K1(), hashes.SHA256()),
}
SHA256 = hashes.SHA256()
RSA = {
    "rsa-pkcs1-sha256": padding.PKCS1v15(),
    "rsa-pss-sha256": padding.PSS(mgf=padding.MGF1(SHA256), salt_length=padding.PSS.DIGEST_LENGTH),
}


def write(name, content):
    (FOLDER / name).write_bytes(content)


def read(name):
    return (FOLDER / name).read_bytes()


def key(name):
    return serialization.load_der_private_key(read(f"{name}.pkcs8"), None)


def openssl_sm2(*arguments):
    """`openssl dgst` with the identity that goes without saying, over a file with the message."""
    with tempfile.TemporaryDirectory() as folder:
        message = Path(folder, "message")
        message.write_bytes(MESSAGE)
        command = ["openssl", "dgst", "-sm3", "-keyform", "DER", "-sigopt", "distid:1234567812345678"]
        return subprocess.run([*command, *arguments, message], check=True, capture_output=True).stdout


def make():
    for name, (curve, digest) in CURVES.items():
        private = ec.generate_private_key(curve)
        form = serialization.PrivateFormat.PKCS8
        plain = serialization.NoEncryption()
        write(f"{name}.pkcs8", private.private_bytes(serialization.Encoding.DER, form, plain))
        write(f"{name}.signature", private.sign(MESSAGE, ec.ECDSA(digest)))
    for name, scheme in RSA.items():
        write(f"{name}.signature", key("rsa-2048").sign(MESSAGE, scheme, SHA256))
    write("ml-dsa-65.signature", mldsa.MLDSA65PrivateKey.from_seed_bytes(SEED).sign(MESSAGE))
    write("sm2.signature", openssl_sm2("-sign", FOLDER / "sm2.pkcs8"))


def check():
    for name, (_, digest) in CURVES.items():
        key(name).public_key().verify(read(f"{name}.signature"), MESSAGE, ec.ECDSA(digest))
    for name, scheme in RSA.items():
        key("rsa-2048").public_key().verify(read(f"{name}.signature"), MESSAGE, scheme, SHA256)
    public = mldsa.MLDSA65PrivateKey.from_seed_bytes(SEED).public_key()
    public.verify(read("ml-dsa-65.signature"), MESSAGE)
    openssl_sm2("-prverify", FOLDER / "sm2.pkcs8", "-signature", FOLDER / "sm2.signature")


def main():
    if sys.argv[1:] == ["--new"]:
        make()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    try:
        check()
    except (InvalidSignature, subprocess.CalledProcessError) as error:
        sys.exit(f"a signature is wrong: {error!r}")


main()
