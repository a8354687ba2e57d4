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


def sm3(content, folder):
    (folder / "to-digest").write_bytes(content)
    run("dgst", "-sm3", "-binary", "-out", str(folder / "digest"), str(folder / "to-digest"))
    return (folder / "digest").read_bytes()


def verifies_sm2(public_key_der, message, signature, folder, identity="1234567812345678"):
    """Whether `openssl dgst -sm3 -verify` takes an SM2 signature of a message."""
    for name, content in (("public.der", public_key_der), ("message", message), ("signature", signature)):
        (folder / name).write_bytes(content)
    run("pkey", "-pubin", "-inform", "DER", "-in", str(folder / "public.der"), "-out", str(folder / "public.pem"))
    command = ["openssl", "dgst", "-sm3", "-sigopt", f"distid:{identity}", "-verify", str(folder / "public.pem")]
    command += ["-signature", str(folder / "signature"), str(folder / "message")]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert finished.returncode in (0, 1), finished.stderr
    return finished.returncode == 0
