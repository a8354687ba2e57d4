"""What signs how, and the parts of it that the `cryptography` package lacks: Ed25519ph, and digests of SM2."""

import hashlib

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from . import openssl

RSA = [f"RSASSA_{scheme}_SHA_{bits}" for scheme in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512)]

# Algorithms in the order of answers, and length of the public key in bytes.
SPECS = {
    "RSA_2048": (RSA, 294),
    "RSA_3072": (RSA, 422),
    "RSA_4096": (RSA, 550),
    "ECC_NIST_P256": (["ECDSA_SHA_256"], 91),
    "ECC_NIST_P384": (["ECDSA_SHA_384"], 120),
    "ECC_NIST_P521": (["ECDSA_SHA_512"], 158),
    "ECC_SECG_P256K1": (["ECDSA_SHA_256"], 88),
    "ECC_NIST_EDWARDS25519": (["ED25519_SHA_512", "ED25519_PH_SHA_512"], 44),
    "ML_DSA_44": (["ML_DSA_SHAKE_256"], 1334),
    "ML_DSA_65": (["ML_DSA_SHAKE_256"], 1974),
    "ML_DSA_87": (["ML_DSA_SHAKE_256"], 2614),
    "SM2": (["SM2DSA"], 91),
}

# The types of message that an algorithm takes, with the longest length of each.
ALGORITHMS = {
    **{name: {"RAW": 4096, "DIGEST": int(name[-3:]) // 8} for name in RSA},
    **{f"ECDSA_SHA_{bits}": {"RAW": 4096, "DIGEST": bits // 8} for bits in (256, 384, 512)},
    "ED25519_SHA_512": {"RAW": 4096},
    "ED25519_PH_SHA_512": {"DIGEST": 64},
    "ML_DSA_SHAKE_256": {"RAW": 4096, "EXTERNAL_MU": 64},
    "SM2DSA": {"RAW": 4096, "DIGEST": 32},
}


def mu_of(public, message):
    """FIPS 204 algorithm 7, line 6, with an empty context."""
    of_key = hashlib.shake_256(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).digest(64)
    return hashlib.shake_256(of_key + b"\0\0" + message).digest(64)


# The curve of RFC 8032 section 5.1.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
BASE_Y = 4 * pow(5, -1, P) % P


def point(encoded):
    """RFC 8032 section 5.1.3."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0, "no point of the curve"
    return (P - x if x & 1 != sign else x), y


def add(one, other):
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2
    return (
        (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P,
        (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P,
    )


def multiply(scalar, base):
    total = (0, 1)
    while scalar:
        if scalar & 1:
            total = add(total, base)
        base, scalar = add(base, base), scalar >> 1
    return total


def ed25519ph_holds(public_der, message, signature):
    """RFC 8032 section 5.1.7 for Ed25519ph with an empty context, by plain arithmetic."""
    public = load_der_public_key(public_der).public_bytes(Encoding.Raw, PublicFormat.Raw)
    domain = b"SigEd25519 no Ed25519 collisions" + bytes([1, 0])
    challenge = hashlib.sha512(domain + signature[:32] + public + hashlib.sha512(message).digest()).digest()
    k, s = int.from_bytes(challenge, "little") % ORDER, int.from_bytes(signature[32:], "little")
    if s >= ORDER:
        return False
    base = point(BASE_Y.to_bytes(32, "little"))
    return multiply(s, base) == add(point(signature[:32]), multiply(k, point(public)))


# a, b and the base point of GB/T 32918.5.
SM2_CURVE = bytes.fromhex(
    "fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"
    "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"
    "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"
)


def sm2_digest(public_der, identity, message, folder):
    """SM3(Z || message) of GB/T 32918.2."""
    about = (len(identity) * 8).to_bytes(2, "big") + identity.encode() + SM2_CURVE + public_der[-64:]
    return openssl.sm3(openssl.sm3(about, folder) + message, folder)
