"""A PKCS#11 token through its module, by hand, in a process of its own: what is in it, and what opens with it.

    pkcs11_token.py MODULE LABEL PIN objects               JSON: a list of the secret keys
    pkcs11_token.py MODULE LABEL PIN decrypt ID IV AAD DATA  hex in, hex out: AES-GCM with a tag of 16 bytes
"""

import ctypes
import json
import sys
from ctypes import byref, c_char_p, c_ubyte, c_ulong, c_void_p

CKF_SERIAL_SESSION, CKU_USER, CKM_AES_GCM = 4, 1, 0x1087
ATTRIBUTES = {
    "class": 0x0,
    "private": 0x2,
    "label": 0x3,
    "id": 0x102,
    "sensitive": 0x103,
    "encrypt": 0x104,
    "decrypt": 0x105,
    "wrap": 0x106,
    "sign": 0x108,
    "derive": 0x10C,
    "length": 0x161,
    "extractable": 0x162,
}
SECRET_KEY = 4
TEXTS, BYTES, NUMBERS = {"label"}, {"id"}, {"class", "length"}


class Attribute(ctypes.Structure):
    _fields_ = [("type", c_ulong), ("value", c_void_p), ("length", c_ulong)]


class Mechanism(ctypes.Structure):
    _fields_ = [("mechanism", c_ulong), ("parameter", c_void_p), ("length", c_ulong)]


class GcmParameters(ctypes.Structure):
    _fields_ = [
        ("iv", c_char_p),
        ("iv_length", c_ulong),
        ("iv_bits", c_ulong),
        ("aad", c_char_p),
        ("aad_length", c_ulong),
        ("tag_bits", c_ulong),
    ]


class Token:
    def __init__(self, module, label, pin):
        self.module = ctypes.CDLL(module)
        self.call("C_Initialize", None)
        self.session = c_ulong()
        slot = next(slot for slot in self.slots() if self.label(slot) == label)
        self.call("C_OpenSession", c_ulong(slot), c_ulong(CKF_SERIAL_SESSION), None, None, byref(self.session))
        self.call("C_Login", self.session, c_ulong(CKU_USER), pin.encode(), c_ulong(len(pin)))

    def call(self, name, *arguments):
        value = getattr(self.module, name)(*arguments)
        assert value == 0, f"{name}: {value:#x}"

    def slots(self):
        count = c_ulong()
        self.call("C_GetSlotList", c_ubyte(1), None, byref(count))
        slots = (c_ulong * count.value)()
        self.call("C_GetSlotList", c_ubyte(1), slots, byref(count))
        return list(slots)

    def label(self, slot):
        about = ctypes.create_string_buffer(1024)
        self.call("C_GetTokenInfo", c_ulong(slot), about)
        return about.raw[:32].decode().rstrip()

    def find(self):
        found, count = (c_ulong * 1000)(), c_ulong()
        self.call("C_FindObjectsInit", self.session, None, c_ulong(0))
        self.call("C_FindObjects", self.session, found, c_ulong(1000), byref(count))
        self.call("C_FindObjectsFinal", self.session)
        return found[: count.value]

    def attribute(self, handle, name):
        room = ctypes.create_string_buffer(256)
        wanted = Attribute(ATTRIBUTES[name], ctypes.cast(room, c_void_p), 256)
        self.call("C_GetAttributeValue", self.session, c_ulong(handle), byref(wanted), c_ulong(1))
        value = room.raw[: wanted.length]
        if name in NUMBERS:
            return int.from_bytes(value, sys.byteorder)
        return value.decode() if name in TEXTS else value.hex() if name in BYTES else value != b"\0"

    def objects(self):
        secrets = [handle for handle in self.find() if self.attribute(handle, "class") == SECRET_KEY]
        return [{name: self.attribute(handle, name) for name in ATTRIBUTES} | {"handle": handle} for handle in secrets]

    def decrypt(self, key_id, iv, aad, data):
        (key,) = [known["handle"] for known in self.objects() if known["id"] == key_id]
        iv, aad, data = bytes.fromhex(iv), bytes.fromhex(aad), bytes.fromhex(data)
        parameters = GcmParameters(iv, len(iv), len(iv) * 8, aad, len(aad), 128)
        mechanism = Mechanism(CKM_AES_GCM, ctypes.cast(byref(parameters), c_void_p), ctypes.sizeof(parameters))
        self.call("C_DecryptInit", self.session, byref(mechanism), c_ulong(key))
        plain, length = ctypes.create_string_buffer(len(data)), c_ulong(len(data))
        self.call("C_Decrypt", self.session, data, c_ulong(len(data)), plain, byref(length))
        return plain.raw[: length.value].hex()


def main():
    module, label, pin, what, *arguments = sys.argv[1:]
    print(json.dumps(getattr(Token(module, label, pin), what)(*arguments)))


if __name__ == "__main__":
    main()
