#!/usr/bin/env python3
"""Makes the vectors of SM2 key agreement and of the ML-KEM self-test, from implementations that share nothing with
the Rust one: plain arithmetic of points, and OpenSSL below the `cryptography` package.

    agreement.py            compare sm2-agreement.json with what it would write, and open the self-test's ciphertext
    agreement.py --write    write sm2-agreement.json
    agreement.py --new-keys make a new ciphertext for the self-test and print what belongs into its answers
"""

import hashlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CIPHERTEXT = HERE / "self-test" / "ml-kem-768.ciphertext"
SEED = hashlib.sha512(b"reseal self-test").digest()

# GB/T 32918.5: the recommended curve.
P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
BASE = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
ALGORITHM = bytes.fromhex("301306072a8648ce3d020106082a811ccf5501822d")


def add(one, other):
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % P == 0:
            return None
        slope = (3 * one[0] ** 2 + A) * pow(2 * one[1], -1, P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P)
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def multiply(scalar, point):
    sum_, double = None, point
    while scalar:
        if scalar & 1:
            sum_ = add(sum_, double)
        double, scalar = add(double, double), scalar >> 1
    return sum_


def coordinate(number):
    return number.to_bytes(32, "big")


def uncompressed(point):
    return b"\x04" + coordinate(point[0]) + coordinate(point[1])


def public_key(point):
    return b"\x30\x59" + ALGORITHM + b"\x03\x42\x00" + uncompressed(point)


def private_key(scalar):
    """PKCS#8 around ECPrivateKey (RFC 5915) with the public key in it, as OpenSSL writes it."""
    public = b"\xa1\x44\x03\x42\x00" + uncompressed(multiply(scalar, BASE))
    inner = b"\x02\x01\x01\x04\x20" + coordinate(scalar) + public
    inner = b"\x30" + bytes([len(inner)]) + inner
    outer = b"\x02\x01\x00" + ALGORITHM + b"\x04" + bytes([len(inner)]) + inner
    return b"\x30\x81" + bytes([len(outer)]) + outer


def scalars(count):
    """Scalars at both ends of the range, then others."""
    yield from [1, 2, ORDER - 1]
    for number in range(count):
        yield int.from_bytes(hashlib.sha256(b"reseal SM2 agreement %d" % number).digest(), "big") % ORDER


def cases():
    peer = multiply(int.from_bytes(hashlib.sha256(b"reseal SM2 peer").digest(), "big") % ORDER, BASE)
    found, with_leading_zero = [], 0
    for number, scalar in enumerate(scalars(2_000)):
        shared = coordinate(multiply(scalar, peer)[0])
        if number < 8 or shared[0] == 0 and with_leading_zero < 2:
            with_leading_zero += shared[0] == 0
            case = {"private": private_key(scalar), "peer": public_key(peer), "shared": shared}
            found.append({name: value.hex() for name, value in case.items()})
    return found


def sm2_agreement():
    return json.dumps({"made_by": "agreement.py", "cases": cases()}, indent=1) + "\n"


def self_test_key():
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

    return MLKEM768PrivateKey.from_seed_bytes(SEED)


def main():
    target = HERE / "sm2-agreement.json"
    if sys.argv[1:] == ["--write"]:
        target.write_text(sm2_agreement())
        return 0
    if sys.argv[1:] == ["--new-keys"]:
        secret, ciphertext = self_test_key().public_key().encapsulate()
        CIPHERTEXT.write_bytes(ciphertext)
        print(f"seed: {SEED.hex()}\nshared secret: {secret.hex()}")
        return 0
    print("shared secret of the self-test:", self_test_key().decapsulate(CIPHERTEXT.read_bytes()).hex())
    return 0 if target.read_text() == sm2_agreement() else 1


if __name__ == "__main__":
    sys.exit(main())
