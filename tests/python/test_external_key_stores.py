"""External key stores against a proxy that checks every signature and holds real keys: the API and what the proxy sees of it."""

import base64
import json
import re

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from support.clients import Cli, kms_client
from support.expect import NO_TEXT, refused
from support.external import authority, encrypted, failing, folder, key, kms, new_key, proxy, server, store  # noqa: F401
from support.key_stores import (
    ACCESS_KEY_ID,
    PREFIX,
    SECRET_ACCESS_KEY,
    connect,
    describe,
    disconnect,
    external_key_store,
    wait_until,
)

NOT_CONNECTED = (
    "This KMS key is in a custom key store that is not connected to its external key store proxy. Connect the external key "
    "store and try the request again."
)


def test_a_key_store_from_beginning_to_end(kms, proxy):
    proxy.seen()
    store = kms.create_custom_key_store(**external_key_store("whole"))["CustomKeyStoreId"]
    (seen,) = proxy.seen()
    assert seen["path"] == f"{PREFIX}/whole/kms/xks/v1/health" and seen["region"] == "us-east-1"
    told = seen["request"]["requestMetadata"]
    assert told.keys() == {"kmsRequestId", "kmsOperation"} and told["kmsOperation"] == "CreateCustomKeyStore"
    entry = describe(kms, store)
    del entry["CreationDate"]
    assert entry == {
        "CustomKeyStoreId": store,
        "CustomKeyStoreName": "whole",
        "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
        "ConnectionState": "DISCONNECTED",
        "XksProxyConfiguration": {
            "Connectivity": "PUBLIC_ENDPOINT",
            "AccessKeyId": ACCESS_KEY_ID,
            "UriEndpoint": "https://proxy.example.com",
            "UriPath": f"{PREFIX}/whole/kms/xks/v1",
        },
    }
    proxy.key("whole")
    with refused("CustomKeyStoreInvalidStateException", re.compile("This external key store is not connected .*")):
        new_key(kms, store, "whole")
    connect(kms, store)
    key = new_key(kms, store, "whole")
    about = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert about["KeyState"] == "Enabled" and about["Origin"] == "EXTERNAL_KEY_STORE"
    assert about["CustomKeyStoreId"] == store and about["XksKeyConfiguration"] == {"Id": "whole"}
    assert "CurrentKeyMaterialId" not in about and "CloudHsmClusterId" not in about
    blob = encrypted(kms, key)

    kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    with refused("KMSInvalidStateException", NOT_CONNECTED):
        kms.decrypt(CiphertextBlob=blob)
    wait_until(kms, store, "DISCONNECTED")
    about = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (about["KeyState"], about["Enabled"]) == ("Unavailable", False)
    for call in [
        lambda: kms.encrypt(KeyId=key, Plaintext=b"p"),
        lambda: kms.decrypt(CiphertextBlob=blob),
        lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
        lambda: kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256"),
        lambda: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key),
    ]:
        with refused("KMSInvalidStateException", NOT_CONNECTED):
            call()
    with refused("CustomKeyStoreHasCMKsException"):
        kms.delete_custom_key_store(CustomKeyStoreId=store)
    connect(kms, store)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"


def test_an_empty_key_store_can_be_deleted(kms):
    store = kms.create_custom_key_store(**external_key_store("empty"))["CustomKeyStoreId"]
    connect(kms, store)
    with refused("CustomKeyStoreInvalidStateException"):
        kms.delete_custom_key_store(CustomKeyStoreId=store)
    disconnect(kms, store)
    kms.delete_custom_key_store(CustomKeyStoreId=store)
    with refused("CustomKeyStoreNotFoundException", f"Custom key store {store} is not found."):
        describe(kms, store)


@pytest.mark.parametrize("length", [1, 32, 4096])
@pytest.mark.parametrize("manner", [(12, b""), (16, b"key_version=1"), (12, bytes(range(20)))], ids=str)
def test_double_encryption_seen_from_outside(server, kms, store, proxy, length, manner):
    """The blob taken apart as docs/ciphertext-format.md says, and its outer layer opened with the external key alone."""
    iv_length, metadata = manner
    name = f"outside-{length}-{iv_length}-{len(metadata)}"
    external = proxy.key(name, iv=iv_length, metadata=base64.b64encode(metadata).decode())
    key, plaintext = new_key(kms, store, name), bytes(range(256)) * 16
    plaintext = plaintext[:length]
    proxy.seen()
    context = {"purpose": "test"}
    blob = kms.encrypt(KeyId=key, Plaintext=plaintext, EncryptionContext=context)["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    assert opened["Plaintext"] == plaintext and opened["KeyId"] == key and "KeyMaterialId" not in opened

    header, rest = blob[:89], blob[89:]
    assert header[:8] == b"rSe1\x01\x00\x02\x00" and header[9:25].hex() == key.rpartition("/")[2].replace("-", "")
    iv, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
    told, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
    tag, ciphertext = rest[:16], rest[16:]
    assert (len(iv), told) == (iv_length, metadata)
    bound = header
    if metadata:
        bound = len(header).to_bytes(2, "big") + header + bytes([len(metadata)]) + metadata
    inner = AESGCM(bytes.fromhex(external["key"])).decrypt(iv, ciphertext + tag, bound)
    assert len(inner) == length + 48 and (length == 1 or plaintext not in inner)

    encrypt, decrypt = proxy.seen()
    assert base64.b64decode(encrypt["request"]["additionalAuthenticatedData"]) == header
    assert base64.b64decode(encrypt["request"]["plaintext"]) == inner
    assert base64.b64decode(decrypt["request"]["ciphertext"]) == ciphertext
    for seen, operation in [(encrypt, "Encrypt"), (decrypt, "Decrypt")]:
        told = seen["request"]["requestMetadata"]
        assert told["kmsOperation"] == operation and told["kmsKeyArn"] == key
        assert told["awsPrincipalArn"] == server.caller.arn
        assert seen["path"] == f"{PREFIX}/shared/kms/xks/v1/keys/{name}/{operation.lower()}"


def test_the_request_id_is_that_of_the_call(kms, key, proxy):
    proxy.seen()
    answer = kms.encrypt(KeyId=key, Plaintext=b"p")
    (seen,) = proxy.seen()
    assert seen["request"]["requestMetadata"]["kmsRequestId"] == answer["ResponseMetadata"]["RequestId"]


def test_data_keys(kms, key):
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"a": "b"})
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == made["Plaintext"] and len(made["Plaintext"]) == 32
    assert made["CiphertextBlob"][7] == 1, "marked as a data key"
    made = kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=1024)
    assert len(kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"]) == 1024


def test_re_encrypt_from_and_to_a_key_of_the_service(kms, key):
    own = kms.create_key()["KeyMetadata"]["Arn"]
    blob = encrypted(kms, own, EncryptionContext={"a": "b"})
    there = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext={"a": "b"}, DestinationKeyId=key)
    assert (there["SourceKeyId"], there["KeyId"]) == (own, key)
    assert "SourceKeyMaterialId" in there and "DestinationKeyMaterialId" not in there
    back = kms.re_encrypt(
        CiphertextBlob=there["CiphertextBlob"], SourceKeyId=key, DestinationKeyId=own, DestinationEncryptionContext={"c": "d"}
    )
    assert "SourceKeyMaterialId" not in back and "DestinationKeyMaterialId" in back
    assert kms.decrypt(CiphertextBlob=back["CiphertextBlob"], EncryptionContext={"c": "d"})["Plaintext"] == b"secret"
    same = kms.re_encrypt(CiphertextBlob=there["CiphertextBlob"], DestinationKeyId=key)
    assert same["CiphertextBlob"] != there["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=same["CiphertextBlob"])["Plaintext"] == b"secret"


def test_what_does_not_open(kms, key, store, proxy):
    blob = encrypted(kms, key, EncryptionContext={"a": "b"})
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "c"})
    proxy.key("another")
    with refused("IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"}, KeyId=new_key(kms, store, "another"))
    corrupt = re.compile("The external key store proxy rejected the request because the specified ciphertext .*")
    for place in [57, 90, 105, 110, len(blob) - 1]:
        changed = bytearray(blob)
        changed[place] ^= 1
        with refused("KMSInvalidStateException", corrupt):
            kms.decrypt(CiphertextBlob=bytes(changed), EncryptionContext={"a": "b"})
    for wrong in [blob[:100], blob[:89], blob[:89] + b"\x0d" + blob[90:], blob[:5] + b"\x00\x01" + blob[7:]]:
        with refused("InvalidCiphertextException", NO_TEXT):
            kms.decrypt(CiphertextBlob=wrong, EncryptionContext={"a": "b"})


def test_external_keys_must_be_fit(kms, store, proxy):
    for number, properties in enumerate([{"spec": "AES_128"}, {"usage": ["ENCRYPT"]}, {"status": "DISABLED"}]):
        proxy.key(f"unfit-{number}", **properties)
        with refused("XksKeyInvalidConfigurationException"):
            new_key(kms, store, f"unfit-{number}")
    with refused("XksKeyNotFoundException"):
        new_key(kms, store, "absent")
    with refused("XksKeyAlreadyInUseException"):
        new_key(kms, store, "key")
    with refused("CustomKeyStoreNotFoundException", "Custom key store cks-0123456789abcdef0 is not found."):
        new_key(kms, "cks-0123456789abcdef0", "key")
    fit = {"Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store, "XksKeyId": "key"}
    with refused("UnsupportedOperationException"):
        kms.create_key(**fit, MultiRegion=True)
    with refused("ValidationException"):
        kms.create_key(Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store)
    with refused("ValidationException"):
        kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)


def test_a_disabled_external_key(kms, store, proxy):
    proxy.key("to-disable")
    key = new_key(kms, store, "to-disable")
    proxy.key("to-disable", status="DISABLED")
    with refused("KMSInvalidStateException", re.compile(".*the external key is not enabled.*")):
        kms.encrypt(KeyId=key, Plaintext=b"p")
    proxy.key("to-disable", status="ENABLED")
    encrypted(kms, key)


def test_what_such_keys_cannot_do(kms, key):
    text = f"{key} origin is EXTERNAL_KEY_STORE which is not valid for this operation."
    for call in [
        lambda: kms.rotate_key_on_demand(KeyId=key),
        lambda: kms.enable_key_rotation(KeyId=key),
        lambda: kms.disable_key_rotation(KeyId=key),
        lambda: kms.get_key_rotation_status(KeyId=key),
        lambda: kms.list_key_rotations(KeyId=key),
    ]:
        with refused("UnsupportedOperationException", text):
            call()


def test_connections_are_kept(kms, key, proxy):
    encrypted(kms, key)
    before = proxy.control("connections")
    for _ in range(20):
        encrypted(kms, key)
    assert proxy.control("connections") == before


def test_a_connection_that_broke_is_replaced(kms, key, failing):
    encrypted(kms, key)
    with failing("hang up", times=1):
        assert encrypted(kms, key)


def test_another_credential(kms, key, store, proxy):
    other = {"AccessKeyId": "ZYXWVUTSRQPONMLKJIHG", "RawSecretAccessKey": SECRET_ACCESS_KEY[::-1].replace("=", "a")}
    blob = encrypted(kms, key)
    both = {ACCESS_KEY_ID: SECRET_ACCESS_KEY, other["AccessKeyId"]: other["RawSecretAccessKey"]}
    try:
        proxy.control("credentials", {other["AccessKeyId"]: other["RawSecretAccessKey"]})
        with refused("KMSInvalidStateException", re.compile(".*could not authenticate AWS KMS.*")):
            kms.decrypt(CiphertextBlob=blob)
        with refused("XksProxyIncorrectAuthenticationCredentialException"):
            wrong = {**other, "RawSecretAccessKey": SECRET_ACCESS_KEY}
            kms.update_custom_key_store(CustomKeyStoreId=store, XksProxyAuthenticationCredential=wrong)
        kms.update_custom_key_store(CustomKeyStoreId=store, XksProxyAuthenticationCredential=other)
        assert describe(kms, store)["XksProxyConfiguration"]["AccessKeyId"] == other["AccessKeyId"]
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret", "without being connected anew"
    finally:
        proxy.control("credentials", both)
        own = {"AccessKeyId": ACCESS_KEY_ID, "RawSecretAccessKey": SECRET_ACCESS_KEY}
        kms.update_custom_key_store(CustomKeyStoreId=store, XksProxyAuthenticationCredential=own)


def test_names_and_pages(kms, store):
    with refused("CustomKeyStoreNameInUseException"):
        kms.create_custom_key_store(**external_key_store("shared", path=f"{PREFIX}/elsewhere/kms/xks/v1"))
    with refused("XksProxyUriInUseException"):
        kms.create_custom_key_store(**external_key_store("elsewhere", path=f"{PREFIX}/shared/kms/xks/v1"))
    (found,) = kms.describe_custom_key_stores(CustomKeyStoreName="shared")["CustomKeyStores"]
    assert found["CustomKeyStoreId"] == store
    with refused("CustomKeyStoreNotFoundException", "Custom key store nobody is not found."):
        kms.describe_custom_key_stores(CustomKeyStoreName="nobody")
    with refused("ValidationException"):
        kms.describe_custom_key_stores(CustomKeyStoreName="shared", CustomKeyStoreId=store)
    kms.create_custom_key_store(**external_key_store("one-more"))
    whole = kms.describe_custom_key_stores()["CustomKeyStores"]
    pages = kms.get_paginator("describe_custom_key_stores").paginate(PaginationConfig={"PageSize": 1})
    assert [page["CustomKeyStores"][0] for page in pages] == whole and len(whole) >= 2
    with refused("InvalidMarkerException"):
        kms.describe_custom_key_stores(Marker="nonsense")


def test_other_accounts_and_regions_see_nothing(server, kms, store, key):
    other = server.caller_of(server.create_account("444455556666"))
    for stranger in [kms_client(server, other), kms_client(server, server.caller, region="eu-west-1")]:
        assert stranger.describe_custom_key_stores()["CustomKeyStores"] == []
        for call in [
            lambda kms: kms.describe_custom_key_stores(CustomKeyStoreId=store),
            lambda kms: kms.connect_custom_key_store(CustomKeyStoreId=store),
            lambda kms: kms.disconnect_custom_key_store(CustomKeyStoreId=store),
            lambda kms: kms.update_custom_key_store(CustomKeyStoreId=store, NewCustomKeyStoreName="mine"),
            lambda kms: kms.delete_custom_key_store(CustomKeyStoreId=store),
            lambda kms: new_key(kms, store, "key"),
        ]:
            with refused("CustomKeyStoreNotFoundException"):
                call(stranger)
        # What it is called and stands on is taken in its own account and Region only.
        mine = stranger.create_custom_key_store(**external_key_store("shared"))["CustomKeyStoreId"]
        stranger.delete_custom_key_store(CustomKeyStoreId=mine)
    assert describe(kms, store)["ConnectionState"] == "CONNECTED"


def test_audit_records(server, kms, key, store):
    answer = kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext={"a": "b"})
    record = server.audit_record(answer["ResponseMetadata"]["RequestId"])
    assert record["additionalEventData"] == {"customKeyStoreId": store, "xksKeyId": "key"}
    answer = kms.create_custom_key_store(**external_key_store("audited"))
    record = server.audit_record(answer["ResponseMetadata"]["RequestId"])
    assert record["requestParameters"] == {
        "customKeyStoreName": "audited",
        "customKeyStoreType": "EXTERNAL_KEY_STORE",
        "xksProxyConnectivity": "PUBLIC_ENDPOINT",
        "xksProxyUriEndpoint": "https://proxy.example.com",
        "xksProxyUriPath": f"{PREFIX}/audited/kms/xks/v1",
    }
    assert record["responseElements"] == {"customKeyStoreId": answer["CustomKeyStoreId"]}
    assert record["readOnly"] is False
    for line in server.audit_lines():
        assert SECRET_ACCESS_KEY not in line and ACCESS_KEY_ID not in line


def test_secrets_are_nowhere_on_disk(server, store):
    for path in server.data_dir.rglob("*"):
        if path.is_file():
            assert SECRET_ACCESS_KEY.encode() not in path.read_bytes(), path


def test_with_the_aws_cli(server, proxy, tmp_path):
    cli = Cli(server, server.caller, tmp_path)
    proxy.key("cli")
    # Given as an option of its own, the CLI would fetch what it takes for the URL of a parameter.
    parameters = json.dumps(external_key_store("cli"))
    store = cli.json("create-custom-key-store", "--cli-input-json", parameters)["CustomKeyStoreId"]
    cli.text("connect-custom-key-store", "--custom-key-store-id", store)
    wait_until(kms_client(server, server.caller), store, "CONNECTED")
    key = cli.json(
        *("create-key", "--origin", "EXTERNAL_KEY_STORE", "--custom-key-store-id", store, "--xks-key-id", "cli")
    )["KeyMetadata"]["Arn"]
    (tmp_path / "plain").write_bytes(b"from the command line")
    blob = cli.text("encrypt", "--key-id", key, "--plaintext", "fileb://plain", "--query", "CiphertextBlob", "--output", "text")
    (tmp_path / "blob").write_bytes(base64.b64decode(blob))
    plain = cli.text("decrypt", "--ciphertext-blob", "fileb://blob", "--query", "Plaintext", "--output", "text")
    assert base64.b64decode(plain) == b"from the command line"
    cli.text("disconnect-custom-key-store", "--custom-key-store-id", store)
    assert "KMSInvalidStateException" in cli.fails("decrypt", "--ciphertext-blob", "fileb://blob")
    wait_until(kms_client(server, server.caller), store, "DISCONNECTED")
    assert "CustomKeyStoreHasCMKsException" in cli.fails("delete-custom-key-store", "--custom-key-store-id", store)
    cli.text("update-custom-key-store", "--custom-key-store-id", store, "--new-custom-key-store-name", "renamed")
    shown = cli.json("describe-custom-key-stores", "--custom-key-store-name", "renamed")["CustomKeyStores"]
    assert [entry["CustomKeyStoreId"] for entry in shown] == [store]
    parameters = json.dumps(external_key_store("empty-cli"))
    empty = cli.json("create-custom-key-store", "--cli-input-json", parameters)["CustomKeyStoreId"]
    cli.text("delete-custom-key-store", "--custom-key-store-id", empty)
    assert "CustomKeyStoreNotFoundException" in cli.fails("describe-custom-key-stores", "--custom-key-store-id", empty)


def test_what_was_connected_still_is_after_a_restart(server, kms, key, store):
    """The last test of this file: the server goes on under another address."""
    blob = encrypted(kms, key)
    server.kill()
    server.start()
    again = kms_client(server, server.caller)
    assert describe(again, store)["ConnectionState"] == "CONNECTED"
    assert again.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"
    again.describe_key(KeyId=key)
