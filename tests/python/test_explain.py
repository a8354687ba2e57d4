"""`reseal explain`: the operator asks why a call is allowed or refused, before it is made or from its audit record."""

import json

import pytest

from conftest import SECOND_ACCOUNT
from support.expect import refused
from support.identities import Directory, allow, session_of, trust


@pytest.fixture
def explain(server):
    def ask(*arguments):
        return json.loads(server.run("explain", *arguments, "--output", "json").stdout)["Answers"]

    return ask


def event_of(server, answer):
    """The event id of a call; a refused one is given as its error."""
    response = getattr(answer, "response", answer)
    return server.audit_record(response["ResponseMetadata"]["RequestId"])["eventID"]


def statements(answer):
    return {one["Name"]: (one["Effect"], one["Applies"], one["Why"]) for one in answer["Statements"]}


def test_a_question_about_the_root_user(explain, key, root_arn):
    (answer,) = explain("--principal", root_arn, "--action", "kms:Decrypt", "--key", key)
    assert (answer["Effect"], answer["Key"]) == ("Allow", key)
    assert answer["DecidedBy"] == ["key-policy/Enable IAM User Permissions"]
    assert statements(answer) == {"key-policy/Enable IAM User Permissions": ("Allow", True, "applies")}


def test_a_user_whose_policy_is_not_enough(server, root, explain, kms, key, root_arn):
    directory = Directory(server, root)
    user = directory.user(allow("kms:Encrypt", key))
    (answer,) = explain("--principal", user.arn, "--action", "Encrypt", "--key", key)
    policy = f"identity-policy/user/{user.name}/p0/#0"
    assert answer["DecidedBy"] == ["key-policy/Enable IAM User Permissions", policy]
    (answer,) = explain("--principal", user.arn, "--action", "Decrypt", "--key", key)
    assert answer["Effect"] == "Deny" and "an Allow in a policy of the caller" in answer["Missing"]
    assert statements(answer)[policy] == ("Allow", False, "is for other actions")
    text = server.run("explain", "--principal", user.arn, "--action", "Decrypt", "--key", key).stdout
    text = text.decode() if isinstance(text, bytes) else text
    assert text.startswith(f"{user.arn} may not kms:Decrypt on {key}\n") and "is for other actions" in text

    theirs = directory.client("kms", user)
    record = server.audit_record(theirs.encrypt(KeyId=key, Plaintext=b"p")["ResponseMetadata"]["RequestId"])
    decided = {"action": "kms:Encrypt", "effect": "Allow", "decidedBy": ["key-policy/Enable IAM User Permissions", policy]}
    assert record["authorization"] == [decided]


def test_a_refused_call_by_its_event(server, root, explain, kms, make_key):
    directory = Directory(server, root)
    role = directory.role(trust({"AWS": root.account}), allow("kms:*"))
    key = make_key()
    user = directory.user(allow("sts:AssumeRole", role))
    session = directory.client("sts", user).assume_role(RoleArn=role, RoleSessionName="session")
    theirs = directory.client("kms", session_of(session, root.account))
    blob = kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext={"a": "1"})["CiphertextBlob"]
    deny = {
        "Sid": "NotForThat",
        "Effect": "Deny",
        "Principal": {"AWS": role},
        "Action": "kms:ReEncryptTo",
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:EncryptionContext:b": "2"}},
    }
    policy = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    kms.put_key_policy(KeyId=key, Policy=json.dumps({**policy, "Statement": [*policy["Statement"], deny]}))
    request = {"CiphertextBlob": blob, "SourceEncryptionContext": {"a": "1"}, "DestinationKeyId": key}
    try:
        theirs.re_encrypt(**request, DestinationEncryptionContext={"b": "2"})
        raise AssertionError("must be refused")
    except theirs.exceptions.ClientError as error:
        event = event_of(server, error)
    source, destination = explain("--event", event)
    assert (source["Action"], source["Effect"]) == ("kms:ReEncryptFrom", "Allow")
    assert (destination["Action"], destination["DecidedBy"]) == ("kms:ReEncryptTo", ["key-policy/NotForThat"])
    assert destination["Recorded"]["DecidedBy"] == ["key-policy/NotForThat"]
    assert destination["Notes"] == [], "what the session was opened with is in the log"
    (answer,) = explain("--principal", role, "--action", "ReEncryptTo", "--key", key)
    assert any("session policies" in note for note in answer["Notes"])
    moved = theirs.re_encrypt(**request, DestinationEncryptionContext={"b": "3"})
    _, destination = explain("--event", event_of(server, moved))
    assert destination["Effect"] == "Allow"
    assert statements(destination)["key-policy/NotForThat"][2] == (
        'StringEquals on kms:EncryptionContext:b wants "2", and the request has "3"'
    )


def test_grants(explain, kms, make_key, other_arn):
    key = make_key()
    only = {"EncryptionContextSubset": {"a": "1"}}
    made = kms.create_grant(KeyId=key, GranteePrincipal=other_arn, Operations=["Encrypt"], Constraints=only)
    question = ("--principal", other_arn, "--action", "kms:Encrypt", "--key", key)
    (answer,) = explain(*question)
    name = f"grant/{made['GrantId']}"
    assert answer["Effect"] == "Deny"
    assert answer["Grants"] == [{"Name": name, "Effect": "Allow", "Applies": False, "Why": "wants a=1 in the encryption context"}]
    (answer,) = explain(*question, "--context", "a=1", "--context", "b=2")
    assert (answer["Effect"], answer["DecidedBy"]) == ("Allow", [name])
    kms.disable_key(KeyId=key)
    (answer,) = explain(*question, "--context", "a=1")
    assert any("Disabled" in note for note in answer["Notes"])


def test_what_cannot_be_explained(server, key, root_arn):
    def fails(*arguments, status=1):
        return server.run("explain", *arguments, expect=status)

    fails("--event", "00000000-0000-4000-8000-000000000000")
    fails("--principal", f"arn:aws:iam::{SECOND_ACCOUNT}:user/nobody", "--action", "Encrypt", "--key", key)
    fails("--principal", root_arn, "--action", "Encrypt", "--key", key.rpartition("/")[0] + "/nothing")
    fails("--principal", root_arn, "--action", "Encrypt", "--key", key, "--context", "novalue")
    fails("--principal", root_arn, status=2)


def test_with_the_service_stopped(own_server):
    from support.clients import kms_client
    from support.server import FIRST

    own_server.start()
    kms = kms_client(own_server, FIRST)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    event = event_of(own_server, kms.encrypt(KeyId=key, Plaintext=b"p"))
    with refused("NotFoundException"):
        kms.encrypt(KeyId="alias/none", Plaintext=b"p")
    own_server.stop()
    answers = json.loads(own_server.run("explain", "--event", event, "--output", "json").stdout)["Answers"]
    assert [answer["Effect"] for answer in answers] == ["Allow"]
    own_server.start()
