"""Grants: another account uses a key because a grant says so, as long as the grant is there, and no further."""

import json
import re
import threading

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conftest import SECOND_ACCOUNT, statement
from support.clients import Cli
from support.expect import refused

GRANT_ID = re.compile("[0-9a-f]{64}")
DENIED = "AccessDeniedException"


@pytest.fixture
def grant(kms, other_arn):
    """`grant(key, *operations, **more)`: a grant for the second account; gives the answer."""

    def make(key, *operations, **more):
        return kms.create_grant(KeyId=key, Operations=list(operations), **{"GranteePrincipal": other_arn, **more})

    return make


def ids(answer):
    return [entry["GrantId"] for entry in answer["Grants"]]


def test_a_grant_opens_a_key_to_another_account_until_it_is_revoked(kms, other_kms, make_key, grant):
    key = make_key()
    with refused(DENIED, re.compile(f".*kms:GenerateDataKey on resource: {key} because no resource-based policy .*")):
        other_kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    made = grant(key, "GenerateDataKey", "Decrypt")
    assert GRANT_ID.fullmatch(made["GrantId"]) and made["GrantToken"]
    data_key = other_kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"a": "1"})
    sealed = AESGCM(data_key["Plaintext"]).encrypt(b"\0" * 12, b"payload", None)
    again = other_kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"], EncryptionContext={"a": "1"})
    assert AESGCM(again["Plaintext"]).decrypt(b"\0" * 12, sealed, None) == b"payload"
    with refused(DENIED):
        other_kms.encrypt(KeyId=key, Plaintext=b"p")
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    for call in (
        lambda: other_kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
        lambda: other_kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"], EncryptionContext={"a": "1"}),
    ):
        with refused(DENIED):
            call()
    with refused("NotFoundException", f"Grant {made['GrantId']} is not found."):
        kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])


def test_no_call_that_begins_after_the_revocation_gets_through(kms, other_kms, make_key, grant):
    key = make_key()
    for _ in range(5):
        made = grant(key, "Encrypt")
        stop, through = threading.Event(), []

        def use(stop=stop, through=through):
            while not stop.is_set():
                other_kms.encrypt(KeyId=key, Plaintext=b"p", DryRun=False)
                through.append(1)

        def quietly():
            with refused(DENIED):
                use()

        thread = threading.Thread(target=quietly)
        thread.start()
        while not through:
            pass
        kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
        with refused(DENIED):
            other_kms.encrypt(KeyId=key, Plaintext=b"p")
        thread.join(30)
        stop.set()
        assert not thread.is_alive()


def test_reencrypt_with_a_grant_on_each_side(kms, other_kms, make_key, grant):
    source, destination = make_key(), make_key()
    blob = kms.encrypt(KeyId=source, Plaintext=b"secret", EncryptionContext={"from": "1"})["CiphertextBlob"]
    request = {
        "CiphertextBlob": blob,
        "SourceEncryptionContext": {"from": "1"},
        "DestinationKeyId": destination,
        "DestinationEncryptionContext": {"to": "2"},
    }
    grant(source, "ReEncryptFrom", Constraints={"EncryptionContextEquals": {"from": "1"}})
    with refused(DENIED, re.compile(".*kms:ReEncryptTo.*")):
        other_kms.re_encrypt(**request)
    made = grant(destination, "ReEncryptTo", Constraints={"EncryptionContextSubset": {"to": "2"}})
    moved = other_kms.re_encrypt(**request, GrantTokens=[made["GrantToken"]])
    assert (moved["SourceKeyId"], moved["KeyId"]) == (source, destination)
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"to": "2"})
    assert opened["Plaintext"] == b"secret"
    with refused(DENIED):
        other_kms.re_encrypt(**{**request, "DestinationEncryptionContext": {"to": "3"}})
    with refused(DENIED):
        other_kms.decrypt(CiphertextBlob=blob, EncryptionContext={"from": "1"})


def test_an_entry_tells_what_was_asked_for(kms, make_key, grant, root_arn, other_arn):
    key = make_key()
    constraints = {"EncryptionContextSubset": {"team": "a", "ort": "Z\u00fcrich"}}
    made = grant(key, "Decrypt", "DescribeKey", Name="n/1", RetiringPrincipal=root_arn, Constraints=constraints)
    plain = grant(key, "Encrypt")
    first, second = kms.list_grants(KeyId=key)["Grants"]
    assert abs((first.pop("CreationDate") - second.pop("CreationDate")).total_seconds()) < 60
    assert first == {
        "KeyId": key,
        "GrantId": made["GrantId"],
        "Name": "n/1",
        "GranteePrincipal": other_arn,
        "RetiringPrincipal": root_arn,
        "IssuingAccount": root_arn,
        "Operations": ["Decrypt", "DescribeKey"],
        "Constraints": constraints,
    }
    assert second == {
        "KeyId": key,
        "GrantId": plain["GrantId"],
        "Name": "",
        "GranteePrincipal": other_arn,
        "IssuingAccount": root_arn,
        "Operations": ["Encrypt"],
    }


def test_a_retry_with_a_name_makes_nothing_new(kms, make_key, grant):
    key = make_key()
    first, again = (grant(key, "Encrypt", Name="once") for _ in range(2))
    assert first["GrantId"] == again["GrantId"] and first["GrantToken"] != again["GrantToken"]
    assert grant(key, "Encrypt", "Decrypt", Name="once")["GrantId"] != first["GrantId"]
    assert len(kms.list_grants(KeyId=key)["Grants"]) == 2


def test_concurrent_retries_make_one_grant(kms, make_key, grant):
    key, answers = make_key(), []
    threads = [threading.Thread(target=lambda: answers.append(grant(key, "Encrypt", Name="n"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 8
    assert len({answer["GrantId"] for answer in answers}) == len(ids(kms.list_grants(KeyId=key))) == 1


def test_pages(kms, make_key, grant, root_arn):
    key = make_key()
    made = [grant(key, "Encrypt", RetiringPrincipal=root_arn)["GrantId"] for _ in range(7)]
    pages = list(kms.get_paginator("list_grants").paginate(KeyId=key, PaginationConfig={"PageSize": 3}))
    assert [len(page["Grants"]) for page in pages] == [3, 3, 1]
    assert [grant_id for page in pages for grant_id in ids(page)] == made
    retirable = kms.get_paginator("list_retirable_grants").paginate(
        RetiringPrincipal=root_arn, PaginationConfig={"PageSize": 2}
    )
    assert set(made) <= {grant_id for page in retirable for grant_id in ids(page)}
    with refused("ValidationException"):
        kms.list_grants(KeyId=key, Limit=101)
    with refused("InvalidMarkerException"):
        kms.list_grants(KeyId=key, Marker="nothing")
    with refused("InvalidMarkerException"):
        kms.list_retirable_grants(RetiringPrincipal=root_arn, Marker=pages[0]["NextMarker"])


def test_filters(kms, make_key, grant, other_arn, root_arn):
    key = make_key()
    one, two = grant(key, "Encrypt"), grant(key, "Encrypt", GranteePrincipal=root_arn)
    assert ids(kms.list_grants(KeyId=key, GranteePrincipal=other_arn)) == [one["GrantId"]]
    assert ids(kms.list_grants(KeyId=key, GrantId=two["GrantId"])) == [two["GrantId"]]
    assert ids(kms.list_grants(KeyId=key, GrantId=two["GrantId"], GranteePrincipal=other_arn)) == []
    for grant_id in ("abc", one["GrantId"].upper(), "0" * 64):
        with refused("InvalidGrantIdException"):
            kms.list_grants(KeyId=key, GrantId=grant_id)
    with refused("ValidationException"):
        kms.list_grants(KeyId=key, GranteeServicePrincipal="logs.us-east-1.amazonaws.com")


def test_the_retiring_principal_retires_from_its_own_account(kms, other_kms, make_key, grant, other_arn, root_arn):
    key = make_key()
    for identify in (lambda made: {"GrantToken": made["GrantToken"]}, lambda made: {"KeyId": key, "GrantId": made["GrantId"]}):
        made = grant(key, "Encrypt", GranteePrincipal=root_arn, RetiringPrincipal=other_arn)
        assert made["GrantId"] in ids(other_kms.list_retirable_grants(RetiringPrincipal=other_arn))
        with refused("DryRunOperationException"):
            other_kms.retire_grant(**identify(made), DryRun=True)
        other_kms.retire_grant(**identify(made))
        assert made["GrantId"] not in ids(other_kms.list_retirable_grants(RetiringPrincipal=other_arn))
        with refused("NotFoundException" if "GrantToken" in identify(made) else DENIED):
            other_kms.retire_grant(**identify(made))
    made = grant(key, "Encrypt", GranteePrincipal=root_arn)
    with refused(DENIED):
        other_kms.retire_grant(GrantToken=made["GrantToken"])
    with refused("InvalidGrantTokenException"):
        other_kms.retire_grant(GrantToken=made["GrantToken"] + "A")
    with refused(DENIED, re.compile(f".*kms:ListRetirableGrants on resource: {root_arn} .*")):
        other_kms.list_retirable_grants(RetiringPrincipal=root_arn)


def test_grants_made_by_a_grantee(kms, other_kms, make_key, grant, root_arn):
    key = make_key()
    grant(key, "CreateGrant", "Decrypt", Constraints={"EncryptionContextEquals": {"a": "1"}})
    child = {"KeyId": key, "GranteePrincipal": root_arn, "Operations": ["Decrypt"]}
    same = {"EncryptionContextEquals": {"a": "1"}}
    made = other_kms.create_grant(**child, Constraints=same)
    entry = kms.list_grants(KeyId=key, GrantId=made["GrantId"])["Grants"][0]
    assert entry["IssuingAccount"] == root_arn, "the account of the key"
    for constraints in ({}, {"EncryptionContextSubset": {"a": "1"}}, {"EncryptionContextEquals": {"a": "1", "b": "2"}}):
        with refused(DENIED):
            other_kms.create_grant(**child, Constraints=constraints)
    with refused(DENIED):
        other_kms.create_grant(**{**child, "Operations": ["Decrypt", "Encrypt"]}, Constraints=same)


def test_a_key_policy_limits_the_grants_that_may_be_made(kms, make_key, grant, root_arn, other_arn):
    limited = statement("Allow", root_arn, "kms:CreateGrant")
    limited["Condition"] = {
        "ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "GenerateDataKey"]},
        "StringLike": {"kms:GranteePrincipal": "arn:aws:iam::" + SECOND_ACCOUNT + ":*"},
    }
    rest = statement("Allow", root_arn, "kms:*")
    rest["NotAction"] = rest.pop("Action").replace("*", "CreateGrant")
    key = make_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [limited, rest]}))
    grant(key, "Encrypt")
    for operations, grantee in ((["Decrypt"], other_arn), (["Encrypt", "Decrypt"], other_arn), (["Encrypt"], root_arn)):
        with refused(DENIED):
            grant(key, *operations, GranteePrincipal=grantee)


def test_tokens(kms, other_kms, make_key, grant):
    key, another = make_key(), make_key()
    made, elsewhere = grant(key, "Encrypt"), grant(another, "Encrypt")
    tokens = [made["GrantToken"], elsewhere["GrantToken"]]
    other_kms.encrypt(KeyId=key, Plaintext=b"p", GrantTokens=tokens)
    kms.encrypt(KeyId=key, Plaintext=b"p", GrantTokens=tokens)
    for bad in (["x"], [made["GrantToken"][:-1]], [made["GrantToken"], "AAAA"]):
        with refused("InvalidGrantTokenException", "The grant token is not valid."):
            kms.encrypt(KeyId=key, Plaintext=b"p", GrantTokens=bad)
    kms.retire_grant(GrantToken=elsewhere["GrantToken"])
    with refused("InvalidGrantTokenException"):
        kms.encrypt(KeyId=key, Plaintext=b"p", GrantTokens=tokens)


def test_what_the_audit_trail_says(server, kms, other_kms, make_key, grant, other_arn, root_arn):
    def record(answer):
        return server.audit_record(answer["ResponseMetadata"]["RequestId"])

    key = make_key()
    constraints = {"EncryptionContextEquals": {"a": "1"}}
    made = grant(key, "Decrypt", Name="n", RetiringPrincipal=root_arn, Constraints=constraints)
    written = record(made)
    assert written["requestParameters"] == {
        "keyId": key,
        "granteePrincipal": other_arn,
        "retiringPrincipal": root_arn,
        "operations": ["Decrypt"],
        "constraints": {"encryptionContextEquals": {"a": "1"}},
        "name": "n",
    }
    assert written["responseElements"] == {"grantId": made["GrantId"], "keyId": key}
    assert written["readOnly"] is False and written["resources"][0]["ARN"] == key
    written = record(kms.list_grants(KeyId=key, GrantId=made["GrantId"], Limit=5))
    assert written["requestParameters"] == {"keyId": key, "grantId": made["GrantId"], "limit": 5}
    assert written["readOnly"] is True
    used = kms.encrypt(KeyId=key, Plaintext=b"p", GrantTokens=[made["GrantToken"]])
    assert "grantTokens" not in record(used)["requestParameters"]
    written = record(kms.retire_grant(GrantToken=made["GrantToken"]))
    assert written["requestParameters"] is None
    assert written["additionalEventData"]["grantId"] == made["GrantId"]
    assert written["readOnly"] is False
    again = grant(key, "Decrypt")
    written = record(kms.revoke_grant(KeyId=key, GrantId=again["GrantId"]))
    assert written["requestParameters"] == {"keyId": key, "grantId": again["GrantId"]}
    for line in server.audit_lines():
        assert made["GrantToken"][:60] not in line


def test_grants_outlive_a_restart(own_server):
    from support.clients import kms_client

    own_server.start()
    second = own_server.caller_of(own_server.create_account(SECOND_ACCOUNT))
    kms = kms_client(own_server, own_server.caller)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    grantee = f"arn:aws:iam::{SECOND_ACCOUNT}:root"
    kept, gone = (kms.create_grant(KeyId=key, GranteePrincipal=grantee, Operations=["Encrypt"]) for _ in range(2))
    kms.revoke_grant(KeyId=key, GrantId=gone["GrantId"])
    own_server.kill()
    own_server.start()
    kms, other = kms_client(own_server, own_server.caller), kms_client(own_server, second)
    assert ids(kms.list_grants(KeyId=key)) == [kept["GrantId"]]
    other.encrypt(KeyId=key, Plaintext=b"p", GrantTokens=[kept["GrantToken"]])
    with refused("InvalidGrantTokenException"):
        other.encrypt(KeyId=key, Plaintext=b"p", GrantTokens=[gone["GrantToken"]])


def test_the_cli(server, kms, other, make_key, cli, tmp_path, other_arn):
    key = make_key()
    made = cli.json(
        *("create-grant", "--key-id", key, "--grantee-principal", other_arn, "--operations", "Encrypt", "DescribeKey"),
        *("--retiring-principal", other_arn, "--constraints", "EncryptionContextSubset={a=1}", "--name", "from-the-cli"),
    )
    (tmp_path / "other").mkdir()
    theirs = Cli(server, other, tmp_path / "other")
    assert theirs.json("describe-key", "--key-id", key)["KeyMetadata"]["Arn"] == key
    assert DENIED in theirs.fails("encrypt", "--key-id", key, "--plaintext", "cA==")
    assert theirs.json("encrypt", "--key-id", key, "--plaintext", "cA==", "--encryption-context", "a=1,b=2")
    assert cli.json("list-grants", "--key-id", key)["Grants"][0]["Name"] == "from-the-cli"
    listed = theirs.json("list-retirable-grants", "--retiring-principal", other_arn)
    assert made["GrantId"] in ids(listed)
    theirs.text("retire-grant", "--grant-token", made["GrantToken"])
    assert DENIED in theirs.fails("describe-key", "--key-id", key)
