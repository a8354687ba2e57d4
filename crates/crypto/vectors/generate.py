#!/usr/bin/env python3
"""Makes the frozen vectors from an implementation that shares nothing with the Rust one.

Needs Python 3.9 and the `cryptography` package.

    generate.py            compare the files beside this script with what it would write; exit 1 on a difference
    generate.py --write    write them (only ever to add cases: released vectors must not change)
    generate.py --new-keys make new key pairs and asymmetric ciphertexts for the self-test, with `openssl`
    generate.py --open     read {"material", "context", "blob"} as JSON from standard input (hex, list of pairs,
                           hex) and print the plaintext in hex: a stand-alone decryptor
"""

import hashlib
import hmac
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HERE = Path(__file__).resolve().parent


def derive(key, label, context, length, digest=hashlib.sha512):
    """SP 800-108 counter mode with HMAC."""
    output, counter = b"", 0
    while len(output) < length:
        counter += 1
        message = struct.pack(">I", counter) + label + b"\0" + context + struct.pack(">I", length * 8)
        output += hmac.new(key, message, digest).digest()
    return output[:length]


def canonical(pairs):
    """The bytes of an encryption context."""
    output = struct.pack(">I", len(pairs))
    for name, value in sorted((k.encode(), v.encode()) for k, v in pairs):
        output += struct.pack(">I", len(name)) + name + struct.pack(">I", len(value)) + value
    return output


def header_bytes(material_id, key_id, salt, magic=b"rSe1", version=1, suite=1, flags=0, id_type=0):
    return magic + struct.pack(">BHBB", version, suite, flags, id_type) + key_id + material_id + salt


NONCE = bytes(12)


def message_keys(material, bound, label=b"reseal suite 1"):
    """Key and commitment of one message; `bound` is the header and the canonical encryption context."""
    derived = derive(material, label, hashlib.sha256(bound).digest(), 64, hashlib.sha256)
    return derived[:32], derived[32:]


def encrypt(material, header, context, plaintext):
    key, commitment = message_keys(material, header + context)
    return header + commitment + AESGCM(key).encrypt(NONCE, plaintext, commitment)


def decrypt(material, blob, context):
    header, commitment, sealed = blob[:89], blob[89:121], blob[121:]
    known = header[:7] == b"rSe1\x01\x00\x01" and header[7] in (0, 1) and header[8] in (0, 1)
    if len(blob) < 138 or not known:
        raise ValueError("not a blob of this format")
    key, expected = message_keys(material, header + context)
    if not hmac.compare_digest(commitment, expected):
        raise ValueError("other material, other context, or altered")
    return AESGCM(key).decrypt(NONCE, sealed, commitment)


def block(name, length):
    """Bytes that anyone can make again and that look like nothing in particular."""
    return hashlib.shake_256(name.encode()).digest(length)


def valid_case(name, plaintext, pairs, data_key=False, multi_region=False):
    material, material_id = block(name + "/material", 32), block(name + "/material id", 32)
    key_id, salt = block(name + "/key id", 16), block(name + "/salt", 32)
    header = header_bytes(material_id, key_id, salt, flags=int(data_key), id_type=int(multi_region))
    context = canonical(pairs)
    key, commitment = message_keys(material, header + context)
    blob = encrypt(material, header, context, plaintext)
    assert decrypt(material, blob, context) == plaintext
    return {
        "name": name,
        "material": material.hex(),
        "suite": 1,
        "data_key": data_key,
        "multi_region": multi_region,
        "key_id": key_id.hex(),
        "material_id": material_id.hex(),
        "salt": salt.hex(),
        "context": pairs,
        "canonical_context": context.hex(),
        "bound_digest": hashlib.sha256(header + context).hexdigest(),
        "encryption_key": key.hex(),
        "commitment": commitment.hex(),
        "plaintext": plaintext.hex(),
        "blob": blob.hex(),
    }


def refused_case(name, plaintext=b"refused", context=(), how=None, **fields):
    """A blob in perfect order but for one thing: only the rule about that thing can refuse it.

    `how` says what is used instead of the right "bound", "commitment", "associated" or "nonce".
    """
    how = how or {}
    material = block("refused/material", 32)
    ids = [block("refused/material id", 32), block("refused/key id", 16), block("refused/salt", 32)]
    header = header_bytes(*ids, **fields)
    bound = how.get("bound", lambda header, context: header + context)(header, canonical(context))
    key, commitment = message_keys(material, bound)
    commitment = how.get("commitment", commitment)
    associated = how.get("associated", lambda _, commitment: commitment)(bound, commitment)
    blob = header + commitment + AESGCM(key).encrypt(how.get("nonce", NONCE), plaintext, associated)
    return {"name": name, "material": material.hex(), "canonical_context": canonical([]).hex(), "blob": blob.hex()}


def ciphertexts():
    iam = [["Project", "Alpha"], ["Department", "Engineering"]]
    valid = [
        valid_case("one byte, no context", b"\x00", []),
        valid_case("text with context", "Grüße".encode(), iam),
        valid_case("data key of 32 bytes", block("data key", 32), [["Department", "IT"]], data_key=True),
        valid_case("multi-Region key", b"multi-Region", [["ü", ""], ["a", "1"], ["A", "2"]], multi_region=True),
        valid_case("the longest plaintext of Encrypt", block("4096", 4096), []),
        valid_case("the longest context", b"8192", [["k", "v" * (8192 - 13)]], data_key=True, multi_region=True),
    ]
    refused = [
        refused_case("first byte of AWS's own blobs", magic=b"\x01Se1"),
        refused_case("another magic", magic=b"rSe2"),
        refused_case("format version 0", version=0),
        refused_case("format version 2", version=2),
        refused_case("suite 0", suite=0),
        refused_case("suite 2", suite=2),
        refused_case("suite 0x0101", suite=0x0101),
        refused_case("test suite 0x8000", suite=0x8000),
        refused_case("unknown flag 1", flags=0b10),
        refused_case("unknown flag 7", flags=0b1000_0000),
        refused_case("key id type 2", id_type=2),
        refused_case("made with another context", context=[["a", "bc"]]),
        refused_case("key does not bind the header", how={"bound": lambda _, context: context}),
        refused_case("key does not bind the context", how={"bound": lambda header, _: header}),
        refused_case("another commitment, which the tag binds", how={"commitment": block("another commitment", 32)}),
        refused_case("tag does not bind the commitment", how={"associated": lambda *_: b""}),
        refused_case("tag binds more than the commitment", how={"associated": lambda bound, com: com + bound}),
        refused_case("another nonce", how={"nonce": bytes(11) + b"\x01"}),
        refused_case("no plaintext", plaintext=b""),
    ]
    other = refused_case("other material")
    other["material"] = block("other material", 32).hex()
    whole = bytes.fromhex(refused_case("")["blob"])
    bare = {"material": other["material"], "canonical_context": other["canonical_context"]}
    bare["material"] = block("refused/material", 32).hex()
    refused.append(other)
    refused.append({"name": "one byte behind the end", **bare, "blob": (whole + b"\0").hex()})
    refused.append({"name": "tag cut by one byte", **bare, "blob": whole[:-1].hex()})
    refused.append({"name": "header only", **bare, "blob": whole[:89].hex()})
    refused.append({"name": "nothing", **bare, "blob": ""})
    return {"valid": valid, "refused": refused}


def outside(key, iv, metadata, associated, plaintext):
    """What an external key manager or a cluster makes: ciphertext and tag. With metadata, both are bound."""
    if metadata:
        associated = struct.pack(">H", len(associated)) + associated + bytes([len(metadata)]) + metadata
    sealed = AESGCM(key).encrypt(iv, plaintext, associated)
    return sealed[:-16], sealed[-16:]


def payload(iv, metadata, tag, ciphertext):
    return bytes([len(iv)]) + iv + bytes([len(metadata)]) + metadata + tag + ciphertext


def external_case(name, suite, plaintext, pairs, iv_length=12, metadata=b"", data_key=False):
    """Suites 2 and 4. `foreign_key` is the key outside, which the service never sees."""
    material_id, foreign_key = block(name + "/material id", 32), block(name + "/foreign key", 32)
    key_id, salt, iv = block(name + "/key id", 16), block(name + "/salt", 32), block(name + "/iv", iv_length)
    header = header_bytes(material_id, key_id, salt, suite=suite, flags=int(data_key))
    context, case = canonical(pairs), {"name": name, "suite": suite, "foreign_key": foreign_key.hex()}
    if suite == 2:
        material = block(name + "/material", 32)
        key, commitment = message_keys(material, header + context, b"reseal suite 2")
        message = commitment + AESGCM(key).encrypt(NONCE, plaintext, commitment)
        associated = header
        case["material"] = material.hex()
    else:
        message, associated = plaintext, hashlib.sha256(header + context).digest()
    ciphertext, tag = outside(foreign_key, iv, metadata, associated, message)
    return {
        **case,
        "data_key": data_key,
        "key_id": key_id.hex(),
        "material_id": material_id.hex(),
        "salt": salt.hex(),
        "context": pairs,
        "canonical_context": context.hex(),
        "associated_data": associated.hex(),
        "message": message.hex(),
        "iv": iv.hex(),
        "metadata": metadata.hex(),
        "tag": tag.hex(),
        "ciphertext": ciphertext.hex(),
        "plaintext": plaintext.hex(),
        "blob": (header + payload(iv, metadata, tag, ciphertext)).hex(),
    }


def malformed_case(name, suite, rest):
    ids = [block("malformed/" + part, length) for part, length in [("material id", 32), ("key id", 16), ("salt", 32)]]
    return {"name": name, "blob": (header_bytes(*ids, suite=suite) + rest).hex()}


def external_ciphertexts():
    pairs, iv, tag = [["Project", "Alpha"], ["Department", "Engineering"]], bytes(range(12)), bytes(16)
    malformed = [
        malformed_case(f"{what} in suite {suite}", suite, rest)
        for suite in (2, 4)
        for what, rest in [
            ("nothing", b""),
            ("IV of 11 bytes", payload(iv[:11], b"", tag, b"c")),
            ("IV of 13 bytes", payload(iv + b"i", b"", tag, b"c")),
            ("IV longer than the blob", b"\x10" + iv),
            ("21 bytes of metadata", payload(iv, bytes(21), tag, b"c")),
            ("no length of metadata", b"\x0c" + iv),
            ("metadata longer than the blob", b"\x0c" + iv + b"\x14" + bytes(19)),
            ("tag cut short", payload(iv, b"", tag[:15], b"")),
            ("no ciphertext", payload(iv, b"", tag, b"")),
        ]
    ]
    malformed.append(malformed_case("metadata in suite 4", 4, payload(iv, b"m", tag, b"c")))
    malformed.append(malformed_case("suite 1", 1, payload(iv, b"", tag, b"c")))
    malformed.append(malformed_case("suite 3", 3, payload(iv, b"", tag, b"c")))
    return {
        "valid": [
            external_case("external key, one byte, no context", 2, b"\x00", []),
            external_case("external key with metadata", 2, "Grüße".encode(), pairs, metadata=b"key_version=1"),
            external_case("external key, long IV, all metadata", 2, block("dk", 32), [], 16, bytes(range(20)), True),
            external_case("external key, the longest plaintext of Encrypt", 2, block("4096", 4096), pairs),
            external_case("cluster, one byte, no context", 4, b"\x00", []),
            external_case("cluster, long IV", 4, "Grüße".encode(), pairs, 16),
            external_case("cluster, data key", 4, block("data key", 32), [["Department", "IT"]], 16, data_key=True),
            external_case("cluster, the longest plaintext of Encrypt", 4, block("4096", 4096), pairs),
        ],
        "malformed": malformed,
    }


def seal_record(name, place, version, domain_version, size, form=b"\x01"):
    domain, salt, plaintext = block(name + "/domain", 32), block(name + "/salt", 32), block(name, size)
    header = form + struct.pack(">I", domain_version) + salt
    keys = derive(domain, b"reseal v1 record", header, 44)
    bound = header + struct.pack(">I", len(place)) + place + struct.pack(">Q", version)
    sealed = header + AESGCM(keys[:32]).encrypt(keys[32:], plaintext, bound)
    return {
        "domain_key": domain.hex(),
        "domain_version": domain_version,
        "place": place.hex(),
        "version": str(version),
        "salt": salt.hex(),
        "plaintext": plaintext.hex(),
        "sealed": sealed.hex(),
    }


def wrap_key(context, form=b"\x02"):
    root, salt, key = block("root", 32), block("wrap salt", 32), block("domain", 32)
    header = form + salt
    keys = derive(root, b"reseal v1 domain key", header, 44)
    wrapped = header + AESGCM(keys[:32]).encrypt(keys[32:], key, header + struct.pack(">I", len(context)) + context)
    return {
        "root_key": root.hex(),
        "context": context.hex(),
        "salt": salt.hex(),
        "key": key.hex(),
        "wrapped": wrapped.hex(),
    }


def sealed_records():
    place = b"key/123456789012/1234abcd"
    return {
        "records": [
            seal_record("0 bytes", b"", 0, 1, 0),
            seal_record("32 bytes", place, 1, 1, 32),
            seal_record("1000 bytes", block("place", 300), 2**64 - 1, 2**32 - 1, 1000),
        ],
        "domain_keys": [wrap_key(b""), wrap_key(b"file/1")],
        # In perfect order but for the number of the format.
        "refused_records": [seal_record("format", place, 1, 1, 32, form) for form in (b"\x00", b"\x02", b"\xff")],
        "refused_domain_keys": [wrap_key(b"file/1", form) for form in (b"\x00", b"\x01", b"\xff")],
    }


def run(*arguments):
    subprocess.run(["openssl", *arguments], check=True)


def new_keys():
    """Key pairs by OpenSSL, ciphertexts by OpenSSL: a third implementation."""
    target = HERE / "self-test"
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        message, pem = Path(scratch) / "message", Path(scratch) / "key.pem"
        message.write_bytes(b"reseal self-test")
        for name, how in [("rsa-2048", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]), ("sm2", ["SM2"])]:
            run("genpkey", "-algorithm", *how, "-out", str(pem))
            pkcs8 = target / f"{name}.pkcs8"
            run("pkcs8", "-topk8", "-nocrypt", "-in", str(pem), "-outform", "DER", "-out", str(pkcs8))
            options = {"sm2.ciphertext": []} if name == "sm2" else {
                f"rsa-oaep-{digest}.ciphertext": [
                    "-pkeyopt", "rsa_padding_mode:oaep",
                    "-pkeyopt", f"rsa_oaep_md:{digest}", "-pkeyopt", f"rsa_mgf1_md:{digest}",
                ] for digest in ("sha1", "sha256")
            }
            for output, extra in options.items():
                files = ["-inkey", str(pem), "-in", str(message), "-out", str(target / output)]
                run("pkeyutl", "-encrypt", *files, *extra)


def open_standard_input():
    given = json.load(sys.stdin)
    plaintext = decrypt(bytes.fromhex(given["material"]), bytes.fromhex(given["blob"]), canonical(given["context"]))
    print(plaintext.hex())


def main():
    if "--new-keys" in sys.argv:
        return new_keys()
    if "--open" in sys.argv:
        return open_standard_input()
    differ = False
    files = {
        "ciphertext-v1.json": ciphertexts(),
        "external-v1.json": external_ciphertexts(),
        "seal-v1.json": sealed_records(),
    }
    for name, content in files.items():
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        path = HERE / name
        if "--write" in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{name} differs", file=sys.stderr)
            differ = True
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())
