"""Imported key material comes, goes and comes back.

That an import token expires after a day, and what happens in a year, is shown beside the code, with a clock that can be moved.
"""

import base64
import datetime
import secrets
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from conftest import uuid_of
from support import openssl
from support.clients import kms_client
from support.expect import refused
from support.wrapping import (
    WRONG_MATERIAL,
    Importer,
    by_cryptography,
    check_rsa,
    material_id,
    opened_outside,
    pkcs8,
    spki,
)


def state(kms, arn):
    return kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]


def materials(kms, arn):
    return kms.list_key_rotations(KeyId=arn, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]


def test_only_the_same_key_material_comes_back(kms, external, bring, rsa_key):
    arn, material = external(), secrets.token_bytes(32)
    first = bring(arn, material)["KeyMaterialId"]
    sealed = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    deleted = kms.delete_imported_key_material(KeyId=uuid_of(arn))
    assert (deleted["KeyId"], deleted["KeyMaterialId"]) == (arn, first)
    assert state(kms, arn) == "PendingImport"
    with refused("KMSInvalidStateException", f"{arn} is pending import."):
        kms.decrypt(CiphertextBlob=sealed)
    [entry] = materials(kms, arn)
    assert entry["ImportState"] == "PENDING_IMPORT" and not entry.keys() & {"ExpirationModel", "ValidTo"}
    with refused("IncorrectKeyMaterialException", WRONG_MATERIAL):
        bring(arn, secrets.token_bytes(32))
    bring(arn, material, KeyMaterialId=first, KeyMaterialDescription="from the safe")
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"p"
    [entry] = materials(kms, arn)
    assert (entry["ImportState"], entry["KeyMaterialDescription"]) == ("IMPORTED", "from the safe")
    # The same key material makes another key: what the one sealed the other does not open.
    other = external()
    assert bring(other, material)["KeyMaterialId"] != first
    with refused("IncorrectKeyException"):
        kms.decrypt(KeyId=other, CiphertextBlob=sealed)

    arn = external("RSA_2048")
    wrapping = ("RSA_AES_KEY_WRAP_SHA_256", "RSA_2048")
    bring(arn, pkcs8(rsa_key), *wrapping)
    kms.delete_imported_key_material(KeyId=arn)
    assert kms.get_public_key(KeyId=arn)["PublicKey"] == spki(rsa_key)
    with refused("IncorrectKeyMaterialException", WRONG_MATERIAL):
        bring(arn, pkcs8(rsa.generate_private_key(public_exponent=65537, key_size=2048)), *wrapping)
    bring(arn, pkcs8(rsa_key), *wrapping)
    check_rsa(kms, arn, rsa_key)


def test_key_material_expires_by_itself_and_comes_back(server, kms, external, bring):
    arn, material = external(), secrets.token_bytes(32)
    parameters = bring.parameters(arn)
    wrapped = bring.wrap(parameters, "RSAES_OAEP_SHA_256", material)
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)
    end = end.replace(microsecond=0)
    imported = kms.import_key_material(
        KeyId=arn, ImportToken=parameters["ImportToken"], EncryptedKeyMaterial=wrapped, ValidTo=end
    )
    metadata = kms.describe_key(KeyId=arn)["KeyMetadata"]
    assert (metadata["ExpirationModel"], metadata["ValidTo"]) == ("KEY_MATERIAL_EXPIRES", end)
    sealed = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    while datetime.datetime.now(datetime.timezone.utc) < end:
        time.sleep(0.05)
    with refused("KMSInvalidStateException", f"{arn} is pending import."):
        kms.decrypt(CiphertextBlob=sealed)
    event = wait_for_event(server, "DeleteExpiredKeyMaterial", arn)
    assert event["serviceEventDetails"] == {"keyId": arn, "keyMaterialId": imported["KeyMaterialId"]}
    bring(arn, material)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"p"


def wait_for_event(server, name, arn):
    for _ in range(600):
        for record in server.audit_records():
            if record["eventName"] == name and record["resources"][0]["ARN"] == arn:
                return record
        time.sleep(0.1)
    raise AssertionError(f"no {name} of {arn}")


def test_imported_key_material_is_rotated_on_demand(kms, external, bring):
    arn, first, second = external(), secrets.token_bytes(32), secrets.token_bytes(32)
    bring(arn, first, ImportType="NEW_KEY_MATERIAL")
    old = kms.encrypt(KeyId=arn, Plaintext=b"old")["CiphertextBlob"]
    with refused("KMSInvalidStateException", f"No available key material pending rotation for the key: {arn}."):
        kms.rotate_key_on_demand(KeyId=arn)
    bring(arn, second, ImportType="NEW_KEY_MATERIAL", KeyMaterialDescription="the second")
    assert state(kms, arn) == "Enabled"
    waiting, current = materials(kms, arn)
    assert (waiting["KeyMaterialId"], waiting["KeyMaterialState"]) == (material_id(arn, second), "PENDING_ROTATION")
    assert waiting["KeyMaterialDescription"] == "the second" and "RotationDate" not in waiting
    assert (current["KeyMaterialId"], current["KeyMaterialState"]) == (material_id(arn, first), "CURRENT")
    third = secrets.token_bytes(32)
    text = (
        f"New key material (id: {material_id(arn, third)}) cannot be imported into KMS key {arn}, because another key "
        f"material (id: {material_id(arn, second)}) is pending rotation."
    )
    with refused("KMSInvalidStateException", text):
        bring(arn, third, ImportType="NEW_KEY_MATERIAL")
    assert kms.rotate_key_on_demand(KeyId=arn)["KeyId"] == arn
    states = [(entry["KeyMaterialState"], entry.get("RotationType")) for entry in materials(kms, arn)]
    assert states == [("CURRENT", "ON_DEMAND"), ("NON_CURRENT", None)]
    new = kms.encrypt(KeyId=arn, Plaintext=b"new")["CiphertextBlob"]
    assert opened_outside(second, new) == b"new" and opened_outside(first, old) == b"old"
    moved = kms.re_encrypt(CiphertextBlob=old, DestinationKeyId=arn)
    assert (moved["SourceKeyMaterialId"], moved["DestinationKeyMaterialId"]) == (
        material_id(arn, first),
        material_id(arn, second),
    )
    # Without the old key material the key is not whole.
    kms.delete_imported_key_material(KeyId=arn, KeyMaterialId=material_id(arn, first))
    assert state(kms, arn) == "PendingImport"
    bring(arn, first)
    assert kms.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"
    for call in (kms.enable_key_rotation, kms.disable_key_rotation):
        with refused("UnsupportedOperationException", f"{arn} origin is EXTERNAL which is not valid for this operation."):
            call(KeyId=arn)


OK, PENDING_IMPORT = None, ("KMSInvalidStateException", "{} is pending import.")
ORIGIN = ("UnsupportedOperationException", "{} origin is EXTERNAL which is not valid for this operation.")
NOT_PENDING = ("KMSInvalidStateException", "{} is not pending deletion.")
STATES = {
    "describe_key": ({}, OK),
    "get_key_policy": ({}, OK),
    "list_resource_tags": ({}, OK),
    "tag_resource": ({"Tags": [{"TagKey": "k", "TagValue": "v"}]}, OK),
    "untag_resource": ({"TagKeys": ["k"]}, OK),
    "update_key_description": ({"Description": "d"}, OK),
    "list_key_rotations": ({}, OK),
    "schedule_key_deletion": ({}, OK),
    "enable_key": ({}, PENDING_IMPORT),
    "disable_key": ({}, PENDING_IMPORT),
    "encrypt": ({"Plaintext": b"p"}, PENDING_IMPORT),
    "generate_data_key": ({"KeySpec": "AES_256"}, PENDING_IMPORT),
    "rotate_key_on_demand": ({}, PENDING_IMPORT),
    "cancel_key_deletion": ({}, NOT_PENDING),
    "enable_key_rotation": ({}, ORIGIN),
    "disable_key_rotation": ({}, ORIGIN),
    "get_key_rotation_status": ({}, ORIGIN),
}


@pytest.mark.parametrize("operation", STATES)
def test_operations_on_a_key_that_is_pending_import(kms, external, operation):
    arn = external()
    arguments, answer = STATES[operation]
    call = lambda: getattr(kms, operation)(KeyId=arn, **arguments)
    if answer is OK:
        call()
        return
    code, text = answer
    with refused(code, text.format(arn)):
        call()


def test_a_key_pending_import_can_be_deleted_and_kept_after_all(kms, external, bring):
    arn = external()
    kms.schedule_key_deletion(KeyId=arn)
    for call, arguments in (
        (kms.get_parameters_for_import, {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}),
        (kms.import_key_material, {"ImportToken": b"t", "EncryptedKeyMaterial": b"e", "ValidTo": 10**10}),
    ):
        with refused("KMSInvalidStateException", f"{arn} is pending deletion."):
            call(KeyId=arn, **arguments)
    kms.cancel_key_deletion(KeyId=arn)
    assert state(kms, arn) == "PendingImport"
    bring(arn, bytes(32))
    assert state(kms, arn) == "Enabled"


def test_the_log_tells_of_an_import_and_keeps_its_secrets(server, kms, external, bring):
    arn, material = external(), secrets.token_bytes(32)
    parameters = bring.parameters(arn)
    request_id = parameters["ResponseMetadata"]["RequestId"]
    record = server.audit_record(request_id)
    assert (record["readOnly"], record["responseElements"]) == (True, None)
    wrapped = bring.wrap(parameters, "RSAES_OAEP_SHA_256", material)
    end = datetime.datetime(2100, 1, 1, tzinfo=datetime.timezone.utc)
    end = min(end, datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=100))
    answer = kms.import_key_material(
        KeyId=arn,
        ImportToken=parameters["ImportToken"],
        EncryptedKeyMaterial=wrapped,
        ValidTo=end,
        ImportType="NEW_KEY_MATERIAL",
        KeyMaterialDescription="d",
    )
    record = server.audit_record(answer["ResponseMetadata"]["RequestId"])
    assert record["requestParameters"] == {
        "keyId": arn,
        "expirationModel": "KEY_MATERIAL_EXPIRES",
        "validTo": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "importType": "NEW_KEY_MATERIAL",
        "keyMaterialDescription": "d",
    }
    assert record["responseElements"] == {"keyId": arn, "keyMaterialId": answer["KeyMaterialId"]}
    log, printed = "\n".join(server.audit_lines()), server.everything_printed()
    for secret in (material, wrapped, parameters["ImportToken"]):
        for form in (base64.b64encode(secret).decode(), secret.hex()):
            assert form not in log and form.encode() not in printed
    on_disk = b"".join(path.read_bytes() for path in server.data_dir.glob("*.db*"))
    assert material not in on_disk


def test_an_import_that_was_answered_survives_a_crash(own_server, tmp_path):
    own_server.start()
    kms = kms_client(own_server, own_server.caller)
    material = secrets.token_bytes(32)
    arn = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["Arn"]
    parameters = Importer(kms, tmp_path).parameters(arn)
    Importer(kms, tmp_path)(arn, material)
    own_server.kill()
    own_server.start()
    kms = kms_client(own_server, own_server.caller)
    sealed = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    assert opened_outside(material, sealed) == b"p"
    # So does a token that was given out.
    wrapped = by_cryptography(parameters["PublicKey"], "RSAES_OAEP_SHA_256", material, tmp_path)
    kms.import_key_material(
        KeyId=arn,
        ImportToken=parameters["ImportToken"],
        EncryptedKeyMaterial=wrapped,
        ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
    )


def test_by_the_command_line(cli, tmp_path):
    """The walk of the developer guide: the AWS CLI, and OpenSSL to wrap."""
    make = ("create-key", "--origin", "EXTERNAL", "--query", "KeyMetadata.KeyId", "--output", "text")
    key = cli.text(*make)
    answer = cli.json(
        *("get-parameters-for-import", "--key-id", key),
        *("--wrapping-algorithm", "RSAES_OAEP_SHA_256", "--wrapping-key-spec", "RSA_3072"),
    )
    material = secrets.token_bytes(32)
    wrapped = openssl.encrypt(base64.b64decode(answer["PublicKey"]), "RSAES_OAEP_SHA_256", material, tmp_path)
    (tmp_path / "token").write_bytes(base64.b64decode(answer["ImportToken"]))
    (tmp_path / "wrapped").write_bytes(wrapped)
    imported = cli.json(
        *("import-key-material", "--key-id", key, "--encrypted-key-material", f"fileb://{tmp_path}/wrapped"),
        *("--import-token", f"fileb://{tmp_path}/token", "--expiration-model", "KEY_MATERIAL_DOES_NOT_EXPIRE"),
    )
    assert imported["KeyId"].endswith(key)
    (tmp_path / "plain").write_bytes(b"secret")
    sealed = cli.text(
        *("encrypt", "--key-id", key, "--plaintext", f"fileb://{tmp_path}/plain"),
        *("--query", "CiphertextBlob", "--output", "text"),
    )
    assert opened_outside(material, base64.b64decode(sealed)) == b"secret"
    listed = cli.json("list-key-rotations", "--key-id", key, "--include-key-material", "ALL_KEY_MATERIAL")
    [entry] = listed["Rotations"]
    assert (entry["KeyMaterialId"], entry["ImportState"]) == (imported["KeyMaterialId"], "IMPORTED")
    cli.json("delete-imported-key-material", "--key-id", key)
    described = cli.json("describe-key", "--key-id", key)["KeyMetadata"]
    assert described["KeyState"] == "PendingImport"
