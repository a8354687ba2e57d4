"""Key stores of type AWS_CLOUDHSM on tokens of SoftHSM: keys are made in the token, stay in it, and encrypt in it."""

import base64
import concurrent.futures
import hashlib

import pytest

from support.clients import Cli, kms_client
from support.expect import NO_TEXT, refused
from support.key_stores import Authority, SoftHsm, connect, describe, disconnect, wait_until
from support.server import FIRST, Server

PIN, OTHER_PIN = "kmsuser-password", "another-password"
CLUSTER, RELATED, UNRELATED = "cluster-key2store3a", "cluster-key2store3b", "cluster-key2store3c"
EMPTY, ELSEWHERE, NOT_MINE = "cluster-key2store3d", "cluster-key2store3e", "cluster-key2store3f"
NO_MODULE, GONE, BRIEF = "cluster-key2store3g", "cluster-key2store3h", "cluster-key2store3i"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hsm")


@pytest.fixture(scope="module")
def softhsm(folder):
    softhsm = SoftHsm(folder)
    for label in ["main", "related", "unrelated", "elsewhere", "not-mine", "brief"]:
        softhsm.make(label, PIN)
    return softhsm


@pytest.fixture(scope="module")
def anchors(folder):
    return Authority(folder, "anchor"), Authority(folder, "other-anchor"), Authority(folder, "brief-anchor")


@pytest.fixture(scope="module")
def server(folder, softhsm, anchors):
    anchor, other, brief = anchors
    config = folder / "reseal.toml"
    config.write_text(
        softhsm.table(CLUSTER, "main", FIRST.account, anchor.path)
        + softhsm.table(RELATED, "related", FIRST.account, anchor.path)
        + softhsm.table(UNRELATED, "unrelated", FIRST.account, other.path)
        + softhsm.table(EMPTY, "absent", FIRST.account, other.path)
        + softhsm.table(ELSEWHERE, "elsewhere", FIRST.account, anchor.path, region="eu-west-1")
        + softhsm.table(NOT_MINE, "not-mine", "444455556666", anchor.path)
        + softhsm.table(GONE, "gone", FIRST.account, anchor.path)
        + softhsm.table(BRIEF, "brief", FIRST.account, brief.path)
        + softhsm.table(NO_MODULE, "main", FIRST.account, other.path).replace(softhsm.module, "/nowhere/module.so")
    )
    server = Server(folder / "data", arguments=("--config", str(config)), environment=softhsm.environment).start()
    yield server
    assert server.stop() == 0
    printed = server.everything_printed()
    assert b"panicked" not in printed and PIN.encode() not in printed and OTHER_PIN.encode() not in printed


@pytest.fixture(scope="module")
def kms(server):
    return kms_client(server, server.caller)


@pytest.fixture(scope="module")
def parameters(anchors):
    """The parameters of CreateCustomKeyStore on the main token."""
    return {
        "CustomKeyStoreName": "main",
        "CloudHsmClusterId": CLUSTER,
        "KeyStorePassword": PIN,
        "TrustAnchorCertificate": anchors[0].path.read_text(),
    }


@pytest.fixture(scope="module")
def store(kms, parameters):
    created = kms.create_custom_key_store(**parameters)["CustomKeyStoreId"]
    connect(kms, created)
    return created


@pytest.fixture(scope="module")
def key(kms, store):
    return new_key(kms, store)


def new_key(kms, store):
    return kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)["KeyMetadata"]["Arn"]


def test_what_is_refused_before_there_is_a_key_store(kms, parameters, anchors):
    for changes, code in [
        ({"CloudHsmClusterId": "cluster-zzzzzzzzzzz"}, "CloudHsmClusterNotFoundException"),
        ({"CloudHsmClusterId": ELSEWHERE}, "CloudHsmClusterNotFoundException"),
        ({"CloudHsmClusterId": NOT_MINE}, "CloudHsmClusterNotFoundException"),
        ({"TrustAnchorCertificate": anchors[1].path.read_text()}, "IncorrectTrustAnchorException"),
        ({"TrustAnchorCertificate": "no certificate"}, "IncorrectTrustAnchorException"),
        (
            {"CloudHsmClusterId": EMPTY, "TrustAnchorCertificate": anchors[1].path.read_text()},
            "CloudHsmClusterNotActiveException",
        ),
        (
            {"CloudHsmClusterId": NO_MODULE, "TrustAnchorCertificate": anchors[1].path.read_text()},
            "CloudHsmClusterNotActiveException",
        ),
    ]:
        with refused(code):
            kms.create_custom_key_store(**{**parameters, **changes})
    for missing in ["CloudHsmClusterId", "KeyStorePassword", "TrustAnchorCertificate"]:
        with refused("ValidationException", f"{missing} is required for CustomKeyStoreType AWS_CLOUDHSM."):
            kms.create_custom_key_store(**{name: value for name, value in parameters.items() if name != missing})


def test_a_key_store_and_its_keys(kms, parameters, store, key):
    entry = describe(kms, store)
    del entry["CreationDate"]
    assert entry == {
        "CustomKeyStoreId": store,
        "CustomKeyStoreName": "main",
        "CustomKeyStoreType": "AWS_CLOUDHSM",
        "CloudHsmClusterId": CLUSTER,
        "TrustAnchorCertificate": parameters["TrustAnchorCertificate"],
        "ConnectionState": "CONNECTED",
    }
    about = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (about["Origin"], about["CustomKeyStoreId"], about["CloudHsmClusterId"]) == ("AWS_CLOUDHSM", store, CLUSTER)
    assert "CurrentKeyMaterialId" not in about and "XksKeyConfiguration" not in about
    with refused("CustomKeyStoreNameInUseException"):
        kms.create_custom_key_store(**parameters)
    for cluster in [CLUSTER, RELATED]:
        with refused("CloudHsmClusterInUseException"):
            kms.create_custom_key_store(**{**parameters, "CustomKeyStoreName": "x", "CloudHsmClusterId": cluster})


@pytest.mark.parametrize("length", [1, 32, 4096])
def test_encrypt_and_decrypt(kms, key, length):
    plaintext, context = (bytes(range(256)) * 16)[:length], {"purpose": "test"}
    blob = kms.encrypt(KeyId=key, Plaintext=plaintext, EncryptionContext=context)["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    assert opened["Plaintext"] == plaintext and opened["KeyId"] == key and "KeyMaterialId" not in opened
    assert blob[:8] == b"rSe1\x01\x00\x04\x00" and blob[89] == 16 and blob[106] == 0
    assert len(blob) == 89 + 1 + 16 + 1 + 16 + length
    assert kms.encrypt(KeyId=key, Plaintext=plaintext, EncryptionContext=context)["CiphertextBlob"] != blob


def test_what_does_not_open(kms, key, store):
    context = {"a": "b"}
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=context)["CiphertextBlob"]
    with refused("IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=context, KeyId=new_key(kms, store))
    with refused("InvalidCiphertextException", NO_TEXT):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "c"})
    for place in [57, 88, 90, 107, len(blob) - 1]:
        changed = bytearray(blob)
        changed[place] ^= 1
        with refused("InvalidCiphertextException", NO_TEXT):
            kms.decrypt(CiphertextBlob=bytes(changed), EncryptionContext=context)
    for wrong in [blob[:-6], blob[:89], blob[:5] + b"\x00\x02" + blob[7:], blob[:25] + bytes(32) + blob[57:]]:
        with refused("InvalidCiphertextException", NO_TEXT):
            kms.decrypt(CiphertextBlob=wrong, EncryptionContext=context)


def test_data_keys_and_re_encrypt(kms, key):
    own = kms.create_key()["KeyMetadata"]["Arn"]
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_128")
    out = kms.re_encrypt(CiphertextBlob=made["CiphertextBlob"], DestinationKeyId=own)
    assert "SourceKeyMaterialId" not in out and "DestinationKeyMaterialId" in out
    back = kms.re_encrypt(CiphertextBlob=out["CiphertextBlob"], DestinationKeyId=key)
    assert kms.decrypt(CiphertextBlob=back["CiphertextBlob"])["Plaintext"] == made["Plaintext"]


def test_random_bytes_of_the_token(kms, store):
    one, two = (kms.generate_random(NumberOfBytes=32, CustomKeyStoreId=store)["Plaintext"] for _ in range(2))
    assert len(one) == 32 and one != two


def test_many_calls_at_once(server, key):
    """More than there are sessions."""
    def round_trip(number):
        kms = kms_client(server, server.caller)
        blob = kms.encrypt(KeyId=key, Plaintext=str(number).encode())["CiphertextBlob"]
        return kms.decrypt(CiphertextBlob=blob)["Plaintext"] == str(number).encode()

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert all(pool.map(round_trip, range(48)))


def test_the_token_seen_from_outside(kms, softhsm, key):
    """Through its module by another process: the key cannot be taken out, and opens what docs/ciphertext-format.md says."""
    (found,) = [entry for entry in softhsm.ask("main", PIN, "objects") if entry["label"] == key]
    assert found["sensitive"] and found["private"] and not found["extractable"]
    assert found["encrypt"] and found["decrypt"] and found["length"] == 32
    assert not (found["wrap"] or found["sign"] or found["derive"])
    context = {"Department": "IT"}
    blob = kms.encrypt(KeyId=key, Plaintext=b"seen from outside", EncryptionContext=context)["CiphertextBlob"]
    header, iv, tag, ciphertext = blob[:89], blob[90:106], blob[107:123], blob[123:]
    assert header[25:57].hex() == found["id"]
    canonical = bytes.fromhex("000000010000000a4465706172746d656e74000000024954")
    bound = hashlib.sha256(header + canonical).hexdigest()
    opened = softhsm.ask("main", PIN, "decrypt", found["id"], iv.hex(), bound, (ciphertext + tag).hex())
    assert bytes.fromhex(opened) == b"seen from outside"


def test_disconnected_keys_are_unavailable(kms, store, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    disconnect(kms, store)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Unavailable"
    for call in [
        lambda: kms.encrypt(KeyId=key, Plaintext=b"p"),
        lambda: kms.decrypt(CiphertextBlob=blob),
        lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
    ]:
        with refused("KMSInvalidStateException", f"{key} is unavailable."):
            call()
    with refused("CustomKeyStoreInvalidStateException"):
        kms.generate_random(NumberOfBytes=1, CustomKeyStoreId=store)
    with refused("CustomKeyStoreInvalidStateException"):
        new_key(kms, store)
    with refused("CustomKeyStoreHasCMKsException"):
        kms.delete_custom_key_store(CustomKeyStoreId=store)
    connect(kms, store)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"


def test_a_wrong_password(kms, store, key):
    disconnect(kms, store)
    kms.update_custom_key_store(CustomKeyStoreId=store, KeyStorePassword=OTHER_PIN)
    failed = connect(kms, store, "FAILED")
    assert failed["ConnectionErrorCode"] == "INVALID_CREDENTIALS"
    with refused("KMSInvalidStateException", f"{key} is unavailable."):
        kms.encrypt(KeyId=key, Plaintext=b"p")
    disconnect(kms, store)
    kms.update_custom_key_store(CustomKeyStoreId=store, KeyStorePassword=PIN)
    connect(kms, store)
    kms.encrypt(KeyId=key, Plaintext=b"p")
    with refused("CustomKeyStoreInvalidStateException"):
        kms.update_custom_key_store(CustomKeyStoreId=store, KeyStorePassword=PIN)


def test_another_cluster(kms, store, key):
    with refused("CustomKeyStoreInvalidStateException"):
        kms.update_custom_key_store(CustomKeyStoreId=store, CloudHsmClusterId=RELATED)
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    disconnect(kms, store)
    with refused("CloudHsmClusterNotRelatedException"):
        kms.update_custom_key_store(CustomKeyStoreId=store, CloudHsmClusterId=UNRELATED)
    with refused("CloudHsmClusterNotFoundException"):
        kms.update_custom_key_store(CustomKeyStoreId=store, CloudHsmClusterId=NOT_MINE)
    with refused("CloudHsmClusterNotActiveException"):
        kms.update_custom_key_store(CustomKeyStoreId=store, CloudHsmClusterId=GONE)
    kms.update_custom_key_store(CustomKeyStoreId=store, CloudHsmClusterId=RELATED)
    connect(kms, store)
    with refused("KMSInvalidStateException", "The key material of this KMS key is not in the CloudHSM cluster."):
        kms.decrypt(CiphertextBlob=blob)
    disconnect(kms, store)
    kms.update_custom_key_store(CustomKeyStoreId=store, CloudHsmClusterId=CLUSTER)
    connect(kms, store)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"


def test_a_token_that_went_away(kms, softhsm, parameters, anchors):
    changes = {
        "CustomKeyStoreName": "brief",
        "CloudHsmClusterId": BRIEF,
        "TrustAnchorCertificate": anchors[2].path.read_text(),
    }
    store = kms.create_custom_key_store(**{**parameters, **changes})["CustomKeyStoreId"]
    softhsm.delete("brief")
    with refused("CloudHsmClusterNotActiveException"):
        kms.connect_custom_key_store(CustomKeyStoreId=store)
    assert describe(kms, store)["ConnectionState"] == "DISCONNECTED"
    kms.delete_custom_key_store(CustomKeyStoreId=store)


def test_passwords_are_nowhere(server, kms, store):
    for path in server.data_dir.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert PIN.encode() not in content and OTHER_PIN.encode() not in content, path


def test_audit_records(server, kms, store, key):
    answer = kms.encrypt(KeyId=key, Plaintext=b"p")
    record = server.audit_record(answer["ResponseMetadata"]["RequestId"])
    assert record["additionalEventData"] == {"customKeyStoreId": store}
    created = [record for record in server.audit_records() if record["eventName"] == "CreateCustomKeyStore"]
    done = next(record for record in created if "errorCode" not in record)
    assert done["requestParameters"] == {
        "customKeyStoreName": "main",
        "customKeyStoreType": "AWS_CLOUDHSM",
        "clusterId": CLUSTER,
    }
    assert done["additionalEventData"] == {"customKeyStoreName": "main", "clusterId": CLUSTER}


def test_with_the_aws_cli(server, store, tmp_path):
    cli = Cli(server, server.caller, tmp_path)
    key = cli.json("create-key", "--origin", "AWS_CLOUDHSM", "--custom-key-store-id", store)["KeyMetadata"]["Arn"]
    (tmp_path / "plain").write_bytes(b"from the command line")
    blob = cli.text("encrypt", "--key-id", key, "--plaintext", "fileb://plain", "--query", "CiphertextBlob", "--output", "text")
    (tmp_path / "blob").write_bytes(base64.b64decode(blob))
    plain = cli.text("decrypt", "--ciphertext-blob", "fileb://blob", "--query", "Plaintext", "--output", "text")
    assert base64.b64decode(plain) == b"from the command line"


def test_what_was_connected_still_is_after_a_restart(server, kms, store, key):
    """The last test of this file: the server goes on under another address."""
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    server.kill()
    server.start()
    again = kms_client(server, server.caller)
    assert describe(again, store)["ConnectionState"] == "CONNECTED"
    assert again.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"
    wait_until(again, store, "CONNECTED")
