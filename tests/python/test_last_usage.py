"""GetKeyLastUsage: which call used a key last, and that the audit log agrees."""

import datetime
import json

from conftest import uuid_of
from support.clients import kms_client
from support.expect import refused
from support.identities import Directory, allow


def last(kms, arn):
    answer = kms.get_key_last_usage(KeyId=arn)
    del answer["ResponseMetadata"]
    return answer


def test_a_key_that_was_never_used(kms, make_key):
    arn = make_key()
    created = kms.describe_key(KeyId=arn)["KeyMetadata"]["CreationDate"]
    expected = {
        "KeyId": uuid_of(arn),
        "KeyLastUsage": {},
        "TrackingStartDate": created,
        "KeyCreationDate": created,
    }
    assert last(kms, arn) == expected
    for call in (kms.get_key_policy, kms.list_resource_tags, kms.list_key_rotations, kms.disable_key, kms.enable_key):
        call(KeyId=arn)
    with refused("DryRunOperationException"):
        kms.encrypt(KeyId=arn, Plaintext=b"p", DryRun=True)
    with refused("InvalidCiphertextException"):
        kms.decrypt(KeyId=arn, CiphertextBlob=b"c")
    assert last(kms, uuid_of(arn)) == expected


def check_use(server, kms, arn, operation, answer):
    used = last(kms, arn)["KeyLastUsage"]
    assert (used["Operation"], used["KmsRequestId"]) == (operation, answer["ResponseMetadata"]["RequestId"])
    age = datetime.datetime.now(datetime.timezone.utc) - used["Timestamp"]
    assert datetime.timedelta(0) <= age < datetime.timedelta(minutes=5)
    record = server.audit_record(used["KmsRequestId"])
    assert (record["eventID"], record["eventName"]) == (used["CloudTrailEventId"], operation)


SYMMETRIC = {
    "Encrypt": lambda kms, arn, blob: kms.encrypt(KeyId=arn, Plaintext=b"p"),
    "Decrypt": lambda kms, arn, blob: kms.decrypt(CiphertextBlob=blob),
    "GenerateDataKey": lambda kms, arn, blob: kms.generate_data_key(KeyId=arn, KeySpec="AES_256"),
    "GenerateDataKeyWithoutPlaintext": lambda kms, arn, blob: kms.generate_data_key_without_plaintext(
        KeyId=arn, KeySpec="AES_128"
    ),
    "GenerateDataKeyPair": lambda kms, arn, blob: kms.generate_data_key_pair(KeyId=arn, KeyPairSpec="ECC_NIST_P256"),
    "GenerateDataKeyPairWithoutPlaintext": lambda kms, arn, blob: kms.generate_data_key_pair_without_plaintext(
        KeyId=arn, KeyPairSpec="ECC_NIST_P256"
    ),
    "ReEncrypt": lambda kms, arn, blob: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=arn),
}


def test_each_operation_counts_under_its_name(server, kms, make_key):
    arn = make_key()
    blob = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    for operation, call in SYMMETRIC.items():
        check_use(server, kms, arn, operation, call(kms, arn, blob))


def test_signatures_macs_and_shared_secrets_count(server, kms, make_key):
    arn = make_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    kms.get_public_key(KeyId=arn)
    assert last(kms, arn)["KeyLastUsage"] == {}
    message = {"Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    signed = kms.sign(KeyId=arn, **message)
    check_use(server, kms, arn, "Sign", signed)
    verified = kms.verify(KeyId=arn, Signature=signed["Signature"], **message)
    check_use(server, kms, arn, "Verify", verified)
    with refused("KMSInvalidSignatureException"):
        kms.verify(KeyId=arn, Signature=signed["Signature"], **{**message, "Message": b"n"})
    check_use(server, kms, arn, "Verify", verified)

    arn = make_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    message = {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
    made = kms.generate_mac(KeyId=arn, **message)
    check_use(server, kms, arn, "GenerateMac", made)
    check_use(server, kms, arn, "VerifyMac", kms.verify_mac(KeyId=arn, Mac=made["Mac"], **message))

    arn = make_key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")
    public = kms.get_public_key(KeyId=arn)["PublicKey"]
    shared = kms.derive_shared_secret(KeyId=arn, KeyAgreementAlgorithm="ECDH", PublicKey=public)
    check_use(server, kms, arn, "DeriveSharedSecret", shared)


def test_both_keys_of_a_reencryption_count_each_in_its_owners_log(
    server, root, kms, other_kms, make_key, root_arn, other_arn, policy_for
):
    source = make_key()
    policy = policy_for(other_arn, root_arn)
    destination = other_kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    blob = kms.encrypt(KeyId=source, Plaintext=b"p")["CiphertextBlob"]
    directory = Directory(server, root)
    mover = directory.user(allow("kms:ReEncryptFrom", source), allow("kms:ReEncryptTo", destination))
    moved = directory.client("kms", mover).re_encrypt(CiphertextBlob=blob, DestinationKeyId=destination)
    request_id = moved["ResponseMetadata"]["RequestId"]
    records = {
        record["recipientAccountId"]: record["eventID"]
        for record in server.audit_records()
        if record.get("requestID") == request_id
    }
    for client, arn in ((kms, source), (other_kms, destination)):
        used = last(client, arn)["KeyLastUsage"]
        assert (used["Operation"], used["KmsRequestId"]) == ("ReEncrypt", request_id)
        assert used["CloudTrailEventId"] == records[arn.split(":")[4]]
    with refused("AccessDeniedException"):
        kms.get_key_last_usage(KeyId=destination)


def test_it_is_known_after_a_restart(own_server):
    own_server.start()
    kms = kms_client(own_server, own_server.caller)
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    kms.encrypt(KeyId=arn, Plaintext=b"p")
    before = last(kms, arn)
    own_server.restart()
    kms = kms_client(own_server, own_server.caller)
    assert last(kms, arn) == before
    kms.encrypt(KeyId=arn, Plaintext=b"p")
    assert last(kms, arn)["KeyLastUsage"]["Timestamp"] > before["KeyLastUsage"]["Timestamp"]


def test_a_policy_can_keep_keys_in_use_from_being_deleted(kms, make_key, root_arn):
    condition = {"NumericLessThan": {"kms:TrailingDaysWithoutKeyUsage": "90"}}
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": root_arn}, "Action": "kms:*", "Resource": "*"},
            {"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*", "Condition": condition},
        ],
    }
    arn = make_key(Policy=json.dumps(policy))
    kms.encrypt(KeyId=arn, Plaintext=b"p")
    with refused("AccessDeniedException"):
        kms.schedule_key_deletion(KeyId=arn)
    policy["Statement"][1]["Condition"] = {"NumericGreaterThan": {"kms:TrailingDaysWithoutKeyUsage": "90"}}
    kms.put_key_policy(KeyId=arn, Policy=json.dumps(policy))
    kms.schedule_key_deletion(KeyId=arn)
    assert last(kms, arn)["KeyLastUsage"]["Operation"] == "Encrypt"


def test_names_that_lead_nowhere(kms, unknown_key):
    with refused("NotFoundException", f"Key '{unknown_key}' does not exist"):
        kms.get_key_last_usage(KeyId=unknown_key)
    with refused("InvalidArnException"):
        kms.get_key_last_usage(KeyId="arn:nothing")


def test_by_the_command_line(cli):
    key = cli.text("create-key", "--query", "KeyMetadata.KeyId", "--output", "text")
    cli.json("generate-data-key", "--key-id", key, "--key-spec", "AES_256")
    answer = cli.json("get-key-last-usage", "--key-id", key)
    assert (answer["KeyId"], answer["KeyLastUsage"]["Operation"]) == (key, "GenerateDataKey")
