"""The encryption context: same pairs in, or nothing out. It is compared exactly and encoded so that no two are alike."""

import pytest

from support.expect import NO_TEXT, assert_refused, refused

# Every pair of contexts here is easily confused by an encoding that joins, trims, folds or normalises.
LOOKALIKES = [
    ({"a": "bc"}, {"ab": "c"}),
    ({"a": "b", "c": "d"}, {"a": "bcd"}),
    ({"a": "b", "c": "d"}, {"a": "d", "c": "b"}),
    ({"a": ""}, {}),
    ({"a": ""}, {"": "a"}),
    ({"a": "b"}, {"a": "b", "": ""}),
    ({"a": "b"}, {"A": "b"}),
    ({"a": "b"}, {"a": "B"}),
    ({"a": "b"}, {"a": "b "}),
    ({"a": "b"}, {"a ": "b"}),
    ({"\u00e9": "x"}, {"e\u0301": "x"}),
    ({"a": "\u212b"}, {"a": "\u00c5"}),
    ({"a": "1"}, {"a": "01"}),
    ({"a": "b\x00"}, {"a": "b"}),
    ({"k": "v", "k2": "v2"}, {"k": "v"}),
    ({"a": "\x00\x00\x00\x01b"}, {"a": "b"}),
    ({"a,b": "c"}, {"a": "b,c"}),
    ({'a":"b","c': "d"}, {"a": "b", "c": "d"}),
]


@pytest.mark.parametrize(("used", "given"), [*LOOKALIKES, *[(b, a) for a, b in LOOKALIKES]])
def test_only_the_very_context_opens(kms, key, used, given):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext=used)["CiphertextBlob"]
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=given)
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=given, DestinationKeyId=key)
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=used)["Plaintext"] == b"p"


def test_no_context_and_an_empty_one_are_the_same(kms, key):
    without = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    empty = kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext={})["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=without, EncryptionContext={})["Plaintext"] == b"p"
    assert kms.decrypt(CiphertextBlob=empty)["Plaintext"] == b"p"
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.decrypt(CiphertextBlob=without, EncryptionContext={"a": "b"})


def test_the_order_of_pairs_has_no_meaning(kms, key):
    pairs = [(f"name {number}", f"value {number}") for number in range(40)]
    blob = kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext=dict(pairs))["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=dict(reversed(pairs)))["Plaintext"] == b"p"


def test_an_escape_in_the_json_is_the_character_that_it_stands_for(raw, key):
    sealed = raw.call(
        "Encrypt", b'{"KeyId":"%s","Plaintext":"cA==","EncryptionContext":{"\\u00fc":"\\u0041"}}' % key.encode()
    )
    assert sealed.status == 200, sealed
    body = '{"CiphertextBlob":"%s","EncryptionContext":{"ü":"A"}}' % sealed.json["CiphertextBlob"]
    assert raw.call("Decrypt", body.encode()).blob("Plaintext") == b"p"


@pytest.mark.parametrize("name", ["aws:s3:arn", "aws-crypto-public-key"])
def test_names_that_services_use_are_nothing_special(kms, key, name):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext={name: "v"})["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={name: "v"})["Plaintext"] == b"p"


def test_the_largest_context_and_one_byte_more(kms, key):
    # A count and two lengths of four bytes each stand before the one pair.
    largest = {"k": "v" * (8192 - 12 - 1)}
    blob = kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext=largest)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=largest)["Plaintext"] == b"p"
    over = {"k": largest["k"] + "v"}
    for call in (
        lambda: kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext=over),
        lambda: kms.decrypt(CiphertextBlob=blob, EncryptionContext=over),
        lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=over),
        lambda: kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=over, DestinationKeyId=key),
        lambda: kms.re_encrypt(
            CiphertextBlob=blob,
            SourceEncryptionContext=largest,
            DestinationKeyId=key,
            DestinationEncryptionContext=over,
        ),
    ):
        with refused("ValidationException"):
            call()


@pytest.mark.parametrize("context", [b'{"a":1}', b'{"a":true}', b'{"a":["b"]}', b'{"a":{}}', b'["a"]', b'"a"'])
def test_a_context_maps_strings_to_strings(raw, key, context):
    body = b'{"KeyId":"%s","Plaintext":"cA==","EncryptionContext":%s}' % (key.encode(), context)
    assert_refused(raw.call("Encrypt", body), "SerializationException")


def test_a_context_with_the_same_name_twice_is_refused(raw, key):
    body = b'{"KeyId":"%s","Plaintext":"cA==","EncryptionContext":{"a":"b","a":"c"}}' % key.encode()
    assert_refused(raw.call("Encrypt", body), "SerializationException")
    escaped = b'{"KeyId":"%s","Plaintext":"cA==","EncryptionContext":{"a":"b","\\u0061":"c"}}' % key.encode()
    assert_refused(raw.call("Encrypt", escaped), "SerializationException")
