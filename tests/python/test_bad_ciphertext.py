"""Ciphertext that is cut, extended or changed in any byte: refused with the documented error, never a fault, never an answer.

One request per byte of a short ciphertext; with RESEAL_EVERY_BYTE every bit of it, too.
"""

import os

import pytest

from support.expect import NO_TEXT, NOT_BY_CIPHERTEXT, assert_refused

KEY_ID_PLACE = range(8, 25)
"""The blob's bytes that name the key: changed, they name another key or none."""


@pytest.fixture(scope="module")
def blob(kms, key):
    return kms.encrypt(KeyId=key, Plaintext=b"damage me", EncryptionContext={"a": "b"})["CiphertextBlob"]


@pytest.fixture(params=["Decrypt", "ReEncrypt"])
def open_it(request, raw, key):
    """Asks for the ciphertext to be opened, by the one or the other operation."""

    def ask(ciphertext, **more):
        if request.param == "Decrypt":
            return raw.call("Decrypt", {"CiphertextBlob": ciphertext, "EncryptionContext": {"a": "b"}, **more})
        if "KeyId" in more:
            more["SourceKeyId"] = more.pop("KeyId")
        body = {"CiphertextBlob": ciphertext, "SourceEncryptionContext": {"a": "b"}, "DestinationKeyId": key, **more}
        return raw.call("ReEncrypt", body)

    ask.action = {"Decrypt": "Decrypt", "ReEncrypt": "ReEncryptFrom"}[request.param]
    return ask


def flips(blob):
    masks = [1 << bit for bit in range(8)] if os.environ.get("RESEAL_EVERY_BYTE") else None
    for place in range(len(blob)):
        for mask in masks or [1 << (place % 8)]:
            yield place, blob[:place] + bytes([blob[place] ^ mask]) + blob[place + 1 :]


def test_the_undamaged_one_opens(open_it, blob):
    assert open_it(blob).status == 200


@pytest.mark.proof
def test_one_bit_changed_anywhere(open_it, blob, caller_arn):
    denied = NOT_BY_CIPHERTEXT.format(caller=caller_arn, action=open_it.action)
    for place, changed in flips(blob):
        answer = open_it(changed)
        if place in KEY_ID_PLACE and answer.error == "AccessDeniedException":
            assert_refused(answer, "AccessDeniedException", denied)
        else:
            assert_refused(answer, "InvalidCiphertextException", NO_TEXT)


@pytest.mark.proof
def test_one_bit_changed_anywhere_with_the_key_named(open_it, blob, key):
    for place, changed in flips(blob):
        answer = open_it(changed, KeyId=key)
        assert answer.status == 400, (place, answer)
        allowed = ("InvalidCiphertextException", "IncorrectKeyException")
        assert answer.error in (allowed if place in KEY_ID_PLACE else allowed[:1]), (place, answer)


def test_cut_anywhere(open_it, blob):
    for length in range(1, len(blob)):
        assert_refused(open_it(blob[:length]), "InvalidCiphertextException", NO_TEXT)


def test_extended(open_it, blob):
    for tail in (b"\x00", b"\x01", b"\xff" * 16, blob, bytes(6144 - len(blob))):
        assert_refused(open_it(blob + tail), "InvalidCiphertextException", NO_TEXT)
        assert_refused(open_it((tail + blob)[:6144]), "InvalidCiphertextException", NO_TEXT)


def test_halves_of_two_ciphertexts(kms, key, open_it, blob):
    twin = kms.encrypt(KeyId=key, Plaintext=b"damage me", EncryptionContext={"a": "b"})["CiphertextBlob"]
    assert len(twin) == len(blob)
    # Up to the salt at byte 57 the two are alike: same key, same material.
    for cut in range(58, len(blob), 7):
        assert_refused(open_it(blob[:cut] + twin[cut:]), "InvalidCiphertextException", NO_TEXT)


def test_the_header_of_one_key_on_the_body_of_another(kms, key, second_key, open_it, blob):
    other = kms.encrypt(KeyId=second_key, Plaintext=b"damage me", EncryptionContext={"a": "b"})["CiphertextBlob"]
    for cut in (25, 57, 89, 121):
        assert_refused(open_it(other[:cut] + blob[cut:]), "InvalidCiphertextException", NO_TEXT)


@pytest.mark.parametrize("foreign", [bytes(64), b"\xff" * 6144, b"-----BEGIN PGP MESSAGE-----", bytes(range(256)) * 2])
def test_foreign_bytes(open_it, foreign):
    assert_refused(open_it(foreign), "InvalidCiphertextException", NO_TEXT)
