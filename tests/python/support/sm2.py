"""Diffie-Hellman on the SM2 curve (GB/T 32918.5) by plain arithmetic of points, and its public keys as DER."""

import secrets

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
BASE = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
HEADER = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004")


def add(one, other):
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % P == 0:
            return None
        slope = 3 * (one[0] ** 2 - 1) * pow(2 * one[1], -1, P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P)
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def multiply(scalar, point):
    total = None
    while scalar:
        total = add(total, point) if scalar & 1 else total
        point, scalar = add(point, point), scalar >> 1
    return total


class PrivateKey:
    def __init__(self):
        self.scalar = 1 + secrets.randbelow(ORDER - 1)
        x, y = multiply(self.scalar, BASE)
        self.public_key = HEADER + x.to_bytes(32, "big") + y.to_bytes(32, "big")

    def agree(self, public_key):
        assert public_key.startswith(HEADER) and len(public_key) == 91
        x, y = int.from_bytes(public_key[27:59], "big"), int.from_bytes(public_key[59:], "big")
        return multiply(self.scalar, (x, y))[0].to_bytes(32, "big")
