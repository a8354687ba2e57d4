"""Key material made and wrapped by others arrives under every wrapping algorithm, and does what it does outside."""

import hmac
import secrets

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from support import openssl
from support.expect import refused
from support.wrapping import (
    WRONG_MATERIAL,
    by_cryptography,
    by_openssl,
    check_rsa,
    material_id,
    opened_outside,
    pkcs8,
    spki,
)

BOTH = pytest.mark.parametrize("by", [by_cryptography, by_openssl], ids=["cryptography", "openssl"])
RSA_SPECS = pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])


@BOTH
@RSA_SPECS
@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"])
def test_symmetric_key_material_arrives(kms, external, bring, algorithm, spec, by):
    arn, material = external(), secrets.token_bytes(32)
    answer = bring(arn, material, algorithm, spec, by)
    assert (answer["KeyId"], answer["KeyMaterialId"]) == (arn, material_id(arn, material))
    metadata = kms.describe_key(KeyId=arn)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["Enabled"]) == ("Enabled", True)
    assert metadata["CurrentKeyMaterialId"] == answer["KeyMaterialId"]
    assert metadata["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE" and "ValidTo" not in metadata
    sealed = kms.encrypt(KeyId=arn, Plaintext=b"secret", EncryptionContext={"a": "b"})["CiphertextBlob"]
    assert opened_outside(material, sealed, [("a", "b")]) == b"secret"
    assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"a": "b"})["Plaintext"] == b"secret"


@BOTH
@RSA_SPECS
@pytest.mark.parametrize("algorithm", ["RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"])
def test_an_rsa_private_key_arrives(kms, external, bring, rsa_key, algorithm, spec, by):
    arn = external("RSA_2048")
    answer = bring(arn, pkcs8(rsa_key), algorithm, spec, by)
    assert answer["KeyId"] == arn and "KeyMaterialId" not in answer
    check_rsa(kms, arn, rsa_key)


def test_an_rsa_private_key_arrives_by_way_of_sm2(kms, external, bring, rsa_key):
    arn = external("RSA_2048")
    bring(arn, pkcs8(rsa_key), "SM2PKE", "SM2", by_openssl)
    check_rsa(kms, arn, rsa_key)


@pytest.mark.parametrize("bits", [3072, 4096])
def test_longer_rsa_private_keys(kms, external, bring, bits):
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    arn = external(f"RSA_{bits}")
    bring(arn, pkcs8(private_key), "RSA_AES_KEY_WRAP_SHA_256", "RSA_4096")
    check_rsa(kms, arn, private_key)


CURVES = {"ECC_NIST_P256": ec.SECP256R1(), "ECC_NIST_P384": ec.SECP384R1(), "ECC_NIST_P521": ec.SECP521R1()}
ECC_WRAPPINGS = [
    *((algorithm, spec) for spec in ("RSA_3072", "RSA_4096") for algorithm in ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")),
    *((algorithm, "RSA_2048") for algorithm in ("RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256")),
    ("SM2PKE", "SM2"),
]


@pytest.mark.parametrize("spec", CURVES)
@pytest.mark.parametrize(("algorithm", "wrapping"), ECC_WRAPPINGS)
def test_a_private_key_on_a_nist_curve_arrives(kms, external, bring, spec, algorithm, wrapping):
    private_key, peer = ec.generate_private_key(CURVES[spec]), ec.generate_private_key(CURVES[spec])
    arn = external(spec, "KEY_AGREEMENT")
    bring(arn, pkcs8(private_key), algorithm, wrapping, by_openssl)
    assert kms.get_public_key(KeyId=arn)["PublicKey"] == spki(private_key)
    shared = kms.derive_shared_secret(KeyId=arn, KeyAgreementAlgorithm="ECDH", PublicKey=spki(peer))["SharedSecret"]
    assert shared == private_key.exchange(ec.ECDH(), peer.public_key())


SIGNERS = {
    "ECC_NIST_P256": ("ECDSA_SHA_256", lambda: ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(hashes.SHA256())),
    "ECC_NIST_P384": ("ECDSA_SHA_384", lambda: ec.generate_private_key(ec.SECP384R1()), ec.ECDSA(hashes.SHA384())),
    "ECC_NIST_P521": ("ECDSA_SHA_512", lambda: ec.generate_private_key(ec.SECP521R1()), ec.ECDSA(hashes.SHA512())),
    "ECC_SECG_P256K1": ("ECDSA_SHA_256", lambda: ec.generate_private_key(ec.SECP256K1()), ec.ECDSA(hashes.SHA256())),
    "ECC_NIST_EDWARDS25519": ("ED25519_SHA_512", ed25519.Ed25519PrivateKey.generate, None),
}


@pytest.mark.parametrize("spec", SIGNERS)
@pytest.mark.parametrize(
    ("algorithm", "wrapping"),
    [("RSAES_OAEP_SHA_1", "RSA_3072"), ("RSAES_OAEP_SHA_256", "RSA_3072"), ("RSA_AES_KEY_WRAP_SHA_256", "RSA_2048")],
)
def test_a_private_key_for_signatures_arrives(kms, external, bring, spec, algorithm, wrapping):
    signing, make, scheme = SIGNERS[spec]
    private_key, other = make(), make()
    arn = external(spec, "SIGN_VERIFY")
    bring(arn, pkcs8(private_key), algorithm, wrapping)
    assert kms.get_public_key(KeyId=arn)["PublicKey"] == spki(private_key)
    signature = kms.sign(KeyId=arn, Message=b"message", SigningAlgorithm=signing)["Signature"]
    private_key.public_key().verify(signature, b"message", *filter(None, [scheme]))
    outside = private_key.sign(b"message", *filter(None, [scheme]))
    assert kms.verify(KeyId=arn, Message=b"message", Signature=outside, SigningAlgorithm=signing)["SignatureValid"]
    with refused("IncorrectKeyMaterialException", WRONG_MATERIAL):
        bring(arn, pkcs8(other), algorithm, wrapping)


def test_an_rsa_private_key_for_signatures_arrives(kms, external, bring, rsa_key):
    arn = external("RSA_2048", "SIGN_VERIFY")
    bring(arn, pkcs8(rsa_key), "RSA_AES_KEY_WRAP_SHA_1", "RSA_4096")
    signed = kms.sign(KeyId=arn, Message=b"message", SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256")
    # Without randomness in it, the signature is the one that anybody with the key makes.
    assert signed["Signature"] == rsa_key.sign(b"message", padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize(
    ("algorithm", "wrapping"), [("SM2PKE", "SM2"), ("RSAES_OAEP_SHA_256", "RSA_2048"), ("RSA_AES_KEY_WRAP_SHA_1", "RSA_2048")]
)
def test_an_sm2_private_key_arrives(kms, external, bring, tmp_path, algorithm, wrapping):
    private, public = tmp_path / "sm2.pem", tmp_path / "sm2.pub.der"
    openssl.run("genpkey", "-algorithm", "SM2", "-out", str(private))
    openssl.run("pkcs8", "-topk8", "-nocrypt", "-in", str(private), "-outform", "DER", "-out", str(tmp_path / "sm2.der"))
    openssl.run("pkey", "-in", str(private), "-pubout", "-outform", "DER", "-out", str(public))
    arn = external("SM2")
    bring(arn, (tmp_path / "sm2.der").read_bytes(), algorithm, wrapping, by_openssl)
    assert kms.get_public_key(KeyId=arn)["PublicKey"] == public.read_bytes()
    sealed = openssl.encrypt(public.read_bytes(), "SM2PKE", b"secret", tmp_path)
    assert kms.decrypt(KeyId=arn, CiphertextBlob=sealed, EncryptionAlgorithm="SM2PKE")["Plaintext"] == b"secret"


@BOTH
@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"])
@pytest.mark.parametrize(("bits", "length"), [(224, 28), (256, 32), (256, 128), (384, 48), (512, 64), (512, 128)])
def test_an_hmac_key_arrives(kms, external, bring, algorithm, bits, length, by):
    arn, material = external(f"HMAC_{bits}", "GENERATE_VERIFY_MAC"), secrets.token_bytes(length)
    answer = bring(arn, material, algorithm, "RSA_2048", by)
    assert "KeyMaterialId" not in answer
    mac = kms.generate_mac(KeyId=arn, Message=b"message", MacAlgorithm=f"HMAC_SHA_{bits}")["Mac"]
    assert mac == hmac.digest(material, b"message", f"sha{bits}")
