"""The audit trail: one record in CloudTrail's shape for every call that came with a good signature, and no secret in it."""

import base64
import re
import uuid

import pytest

from conftest import uuid_of
from support import caller as callers
from support.clients import kms_client
from support.raw import Requester

PLAINTEXT = b"plaintext-that-nobody-may-ever-find-again"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
CONTEXT = {"Project": "Alpha", "Ort": "Z\u00fcrich"}


@pytest.fixture
def recorded(server):
    """`recorded(answer)`: the one audit record of a call, by the request id of its answer."""

    def find(answer):
        if isinstance(answer, dict):
            return server.audit_record(answer["ResponseMetadata"]["RequestId"])
        return server.audit_record(answer.request_id)

    return find


def test_a_reencrypt_is_recorded_in_full(server, caller, key, second_key, kms, raw):
    blob = kms.encrypt(KeyId=key, Plaintext=PLAINTEXT, EncryptionContext=CONTEXT)["CiphertextBlob"]
    answer = raw.call(
        "ReEncrypt",
        {
            "CiphertextBlob": blob,
            "SourceEncryptionContext": CONTEXT,
            "DestinationKeyId": uuid_of(second_key),
            "DestinationEncryptionContext": {"Project": "Beta"},
        },
        extra={"user-agent": "a-test/1.0"},
    )
    record = server.audit_record(answer.request_id)
    assert TIME.fullmatch(record.pop("eventTime"))
    assert uuid.UUID(record.pop("eventID")).version == 4
    identity = record.pop("userIdentity")
    assert identity.pop("principalId")
    assert identity == caller.identity
    decided = ["key-policy/Enable IAM User Permissions"] + [f"identity-policy/{callers.NAME}/Keys"] * (not callers.AS_ROOT)
    expected = {
        "eventSource": "kms.amazonaws.com",
        "eventName": "ReEncrypt",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "127.0.0.1",
        "userAgent": "a-test/1.0",
        "requestParameters": {
            "sourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "sourceEncryptionContext": CONTEXT,
            "destinationKeyId": uuid_of(second_key),
            "destinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "destinationEncryptionContext": {"Project": "Beta"},
        },
        "responseElements": None,
        "additionalEventData": {
            "sourceKeyMaterialId": answer.json["SourceKeyMaterialId"],
            "destinationKeyMaterialId": answer.json["DestinationKeyMaterialId"],
        },
        "authorization": [
            {"action": f"kms:{action}", "effect": "Allow", "decidedBy": decided}
            for action in ("ReEncryptFrom", "ReEncryptTo")
        ],
        "requestID": answer.request_id,
        "readOnly": True,
        "resources": [{"accountId": caller.account, "type": "AWS::KMS::Key", "ARN": arn} for arn in (key, second_key)],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": caller.account,
        "eventCategory": "Management",
    }
    assert {name: record.get(name) for name in expected} == expected
    assert record["eventVersion"] in ("1.08", "1.09", "1.10", "1.11")


def test_a_failed_call_is_recorded_with_its_error(kms, raw, recorded, make_key):
    arn = make_key("Disabled")
    record = recorded(raw.call("Encrypt", {"KeyId": arn, "Plaintext": PLAINTEXT}))
    assert (record["errorCode"], record["errorMessage"]) == ("DisabledException", f"{arn} is disabled.")
    assert record["requestParameters"] == {"keyId": arn, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"}


def test_an_error_without_text_is_recorded_without_one(raw, recorded, key):
    record = recorded(raw.call("Decrypt", {"CiphertextBlob": b"rubbish", "KeyId": key}))
    assert record["errorCode"] == "InvalidCiphertextException"
    assert "errorMessage" not in record


def test_a_denied_call_is_recorded_as_access_denied(raw, recorded, make_key, root_arn, policy_for):
    arn = make_key(Policy=policy_for(root_arn, deny=["kms:Encrypt"]))
    record = recorded(raw.call("Encrypt", {"KeyId": arn, "Plaintext": PLAINTEXT}))
    assert record["errorCode"] == "AccessDenied"


def test_a_dry_run_is_recorded(raw, recorded, key):
    record = recorded(raw.call("Encrypt", {"KeyId": key, "Plaintext": PLAINTEXT, "DryRun": True}))
    assert record["errorCode"] == "DryRunOperationException"


@pytest.mark.parametrize("body", [b"not json", b'{"KeyId":1}', b"{}"])
def test_a_call_that_fails_before_it_means_anything_is_recorded(raw, recorded, body):
    record = recorded(raw.call("DescribeKey", body))
    assert record["eventName"] == "DescribeKey"
    assert record["errorCode"] in ("SerializationException", "ValidationException")


def test_readers_and_changers_are_told_apart(kms, recorded, make_key):
    arn = make_key()
    assert recorded(kms.describe_key(KeyId=arn))["readOnly"] is True
    assert recorded(kms.list_keys(Limit=1))["readOnly"] is True
    assert recorded(kms.encrypt(KeyId=arn, Plaintext=b"p"))["readOnly"] is True
    assert recorded(kms.generate_random(NumberOfBytes=8))["readOnly"] is True
    assert recorded(kms.disable_key(KeyId=arn))["readOnly"] is False


def test_what_a_change_was_is_recorded(kms, recorded, root):
    tags = [{"TagKey": "Team", "TagValue": "Blue"}]
    made = kms.create_key(Description="for the record", Tags=tags)
    arn = made["KeyMetadata"]["Arn"]
    record = recorded(made)
    asked = record["requestParameters"]
    assert (asked["description"], asked["keySpec"], asked["keyUsage"]) == (
        "for the record",
        "SYMMETRIC_DEFAULT",
        "ENCRYPT_DECRYPT",
    )
    assert asked["tags"] == [{"tagKey": "Team", "tagValue": "Blue"}]
    assert record["responseElements"]["keyMetadata"]["arn"] == arn
    assert record["resources"] == [{"accountId": root.account, "type": "AWS::KMS::Key", "ARN": arn}]

    record = recorded(kms.create_alias(AliasName="alias/for-the-record", TargetKeyId=arn))
    assert record["requestParameters"] == {"aliasName": "alias/for-the-record", "targetKeyId": arn}
    assert {entry["ARN"] for entry in record["resources"]} == {
        arn,
        f"arn:aws:kms:us-east-1:{root.account}:alias/for-the-record",
    }
    kms.delete_alias(AliasName="alias/for-the-record")

    policy = kms.get_key_policy(KeyId=arn)["Policy"]
    record = recorded(kms.put_key_policy(KeyId=arn, Policy=policy))
    assert record["requestParameters"]["policy"] == policy
    assert record["requestParameters"]["policyName"] == "default"

    record = recorded(kms.schedule_key_deletion(KeyId=arn))
    assert record["requestParameters"] == {"keyId": arn, "pendingWindowInDays": 30}
    assert record["responseElements"]["keyState"] == "PendingDeletion"


def test_an_alias_stays_an_alias_and_the_key_is_named_beside_it(kms, recorded, key, make_alias):
    alias = make_alias("alias/recorded-as-sent", key)
    record = recorded(kms.encrypt(KeyId=alias, Plaintext=b"p"))
    assert record["requestParameters"]["keyId"] == alias
    assert [entry["ARN"] for entry in record["resources"]] == [key]


def test_every_authenticated_call_has_exactly_one_record(server, key):
    requester = Requester(server, server.caller)
    calls = [("Encrypt", {"KeyId": key, "Plaintext": b"p"}), ("DescribeKey", {"KeyId": "no"}), ("ListKeys", {})]
    ids = [requester.call(*calls[turn % 3]).request_id for turn in range(90)]
    requester.close()
    seen = [record["requestID"] for record in server.audit_records() if record.get("requestID") in set(ids)]
    assert sorted(seen) == sorted(ids)
    events = [record["eventID"] for record in server.audit_records()]
    assert len(set(events)) == len(events)


def test_calls_that_are_not_authenticated_are_not_recorded_one_by_one(server, raw):
    before = len(server.audit_lines())
    for _ in range(50):
        headers, content = raw.signed("ListKeys")
        headers["authorization"] = headers["authorization"][:-4] + "0000"
        assert raw.send(headers, content).status == 400
    assert len(server.audit_lines()) - before < 10


def test_across_accounts_both_have_a_record(
    server, other, other_kms, kms, make_key, root, root_arn, other_arn, policy_for
):
    arn = make_key(Policy=policy_for(root_arn, other_arn))
    answer = other_kms.encrypt(KeyId=arn, Plaintext=b"p")
    request_id = answer["ResponseMetadata"]["RequestId"]
    records = [record for record in server.audit_records() if record.get("requestID") == request_id]
    assert {record["recipientAccountId"] for record in records} == {root.account, other.account}
    assert len(records) == 2
    assert len({record["sharedEventID"] for record in records}) == 1
    assert len({record["eventID"] for record in records}) == 2


def test_nothing_secret_is_ever_written_down(own_server):
    """Plaintexts, ciphertexts, data keys and credentials appear neither in the audit files nor in what the process prints."""
    server = own_server.start()
    kms, raw = kms_client(server, server.caller), Requester(server, server.caller)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    secrets = [PLAINTEXT]

    sealed = kms.encrypt(KeyId=key, Plaintext=PLAINTEXT, EncryptionContext=CONTEXT)["CiphertextBlob"]
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    random = kms.generate_random(NumberOfBytes=32)["Plaintext"]
    moved = kms.re_encrypt(CiphertextBlob=sealed, SourceEncryptionContext=CONTEXT, DestinationKeyId=key)
    kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])
    secrets += [sealed, made["Plaintext"], made["CiphertextBlob"], random, moved["CiphertextBlob"]]
    # The same secrets in requests that fail: at the context, at the shape, at the JSON, at the signature.
    broken = b'{"KeyId":"%s","Plaintext":"%s"' % (key.encode(), base64.b64encode(PLAINTEXT))
    assert raw.call("Decrypt", {"CiphertextBlob": sealed}).status == 400
    assert raw.call("Encrypt", {"KeyId": key, "Plaintext": PLAINTEXT * 200}).status == 400
    assert raw.call("Encrypt", broken).status == 400
    assert raw.call("Encrypt", {"KeyId": key, "Plaintext": PLAINTEXT, "GrantTokens": 5}).status == 400
    headers, content = raw.signed("Encrypt", {"KeyId": key, "Plaintext": PLAINTEXT})
    signature = headers["authorization"][-64:]
    assert raw.send({**headers, "x-amz-date": "20200101T000000Z"}, content).status == 400
    assert raw.send({**headers, "x-amz-target": "TrentService.No"}, content).status == 400
    raw.close()
    lines = server.audit_lines()
    assert server.stop() == 0

    written = "\n".join(lines).encode() + server.everything_printed()
    for secret in secrets:
        for form in (secret, base64.b64encode(secret)[:-4], secret.hex().encode(), secret.hex().upper().encode()):
            assert form not in written, f"found a secret of {len(secret)} bytes"
    for secret in (*server.secrets(), signature):
        assert secret.encode() not in written
    assert "Z\u00fcrich" in "\n".join(lines) or "Z\\u00fcrich" in "\n".join(lines), "contexts are recorded in clear"


def test_the_store_holds_no_key_material_or_policy_in_clear(own_server):
    server = own_server.start()
    kms = kms_client(server, server.caller)
    marker = "a-description-to-look-for-in-the-store"
    kms.create_key(Description=marker, Tags=[{"TagKey": "tag-to-look-for", "TagValue": marker}])
    assert server.stop() == 0
    for path in server.data_dir.glob("reseal.db*"):
        content = path.read_bytes()
        assert marker.encode() not in content
        assert b"2012-10-17" not in content
        for secret in server.secrets():
            assert secret.encode() not in content
