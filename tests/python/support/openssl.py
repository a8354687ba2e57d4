"""OpenSSL as the outsider: encrypts with a public key that the service handed out, without the service."""

import subprocess

OAEP = {
    "RSAES_OAEP_SHA_1": ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1"],
    "RSAES_OAEP_SHA_256": [
        *("-pkeyopt", "rsa_padding_mode:oaep"),
        *("-pkeyopt", "rsa_oaep_md:sha256"),
        *("-pkeyopt", "rsa_mgf1_md:sha256"),
    ],
    "SM2PKE": [],
}


def encrypt(public_key_der, algorithm, plaintext, folder):
    """`openssl pkeyutl -encrypt`; the key comes as the DER that GetPublicKey answers."""
    (folder / "public.der").write_bytes(public_key_der)
    (folder / "plain").write_bytes(plaintext)
    run(
        *("pkeyutl", "-encrypt", "-pubin", "-keyform", "DER"),
        *("-inkey", str(folder / "public.der"), "-in", str(folder / "plain"), "-out", str(folder / "sealed")),
        *OAEP[algorithm],
    )
    return (folder / "sealed").read_bytes()


def run(*arguments):
    finished = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
