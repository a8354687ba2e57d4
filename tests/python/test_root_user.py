"""The root user of an account: no policy of its own is needed, and none of a key is passed over."""

import json

import pytest

from conftest import statement
from support.caller import AS_ROOT
from support.clients import kms_client
from support.expect import NOT_BY_CIPHERTEXT, explicitly_denied, not_allowed, refused
from support.raw import Requester
from support.server import Credentials

beside_a_user = pytest.mark.skipif(AS_ROOT, reason="RESEAL_SUITE_CALLER=root")
LOCKOUT = "The new key policy will not allow you to update the key policy in the future."


@pytest.fixture(scope="module")
def root_kms(server, root):
    return kms_client(server, root)


@pytest.fixture(scope="module")
def other_root_kms(server, other_root):
    return kms_client(server, other_root)


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_the_default_policy_is_enough(root_kms, key):
    blob = root_kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    assert root_kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"


def test_what_is_decided_on_no_key_needs_nothing(root_kms):
    assert root_kms.create_key(Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]["Enabled"]
    assert len(root_kms.generate_random(NumberOfBytes=8)["Plaintext"]) == 8
    assert root_kms.list_keys(Limit=1)["Keys"]
    assert "CustomKeyStores" in root_kms.describe_custom_key_stores()


@beside_a_user
def test_it_owns_no_key_whose_policy_leaves_it_out(root_kms, kms, caller_arn, root_arn, make_key):
    """Only the user who is named gets in; the key policy is no matter of the account's root user."""
    arn = make_key(Policy=document(statement("Allow", caller_arn, "kms:*")))
    for action, call in (
        ("Encrypt", lambda client: client.encrypt(KeyId=arn, Plaintext=b"p")),
        ("DescribeKey", lambda client: client.describe_key(KeyId=arn)),
        ("GetKeyPolicy", lambda client: client.get_key_policy(KeyId=arn)),
    ):
        with refused("AccessDeniedException", not_allowed(root_arn, action, arn)):
            call(root_kms)
        call(kms)
    blob = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    with refused("AccessDeniedException", NOT_BY_CIPHERTEXT.format(caller=root_arn, action="Decrypt")):
        root_kms.decrypt(CiphertextBlob=blob)


def test_a_deny_holds_for_it_too(root_kms, root_arn, make_key, policy_for):
    arn = make_key(Policy=policy_for(root_arn, deny=["kms:Encrypt"]))
    with refused("AccessDeniedException", explicitly_denied(root_arn, "Encrypt", arn)):
        root_kms.encrypt(KeyId=arn, Plaintext=b"p")


@beside_a_user
def test_it_cannot_lock_itself_out_by_mistake(root_kms, kms, caller_arn, root_arn, make_key):
    arn = make_key()
    theirs = document(statement("Allow", caller_arn, "kms:*"))
    with refused("MalformedPolicyDocumentException", LOCKOUT):
        root_kms.put_key_policy(KeyId=arn, Policy=theirs)
    with refused("MalformedPolicyDocumentException", LOCKOUT):
        root_kms.create_key(Policy=theirs)
    root_kms.put_key_policy(KeyId=arn, Policy=theirs, BypassPolicyLockoutSafetyCheck=True)
    with refused("AccessDeniedException", not_allowed(root_arn, "PutKeyPolicy", arn)):
        root_kms.put_key_policy(KeyId=arn, Policy=document(statement("Allow", root_arn, "kms:*")))
    kms.put_key_policy(KeyId=arn, Policy=document(statement("Allow", root_arn, "kms:*"), statement("Allow", caller_arn, "kms:*")))
    root_kms.get_key_policy(KeyId=arn)


def test_of_another_account_it_needs_the_key_policy_alone(other_root_kms, root_arn, other_arn, make_key):
    shared = [statement("Allow", root_arn, "kms:*"), statement("Allow", other_arn, "kms:Encrypt")]
    arn = make_key(Policy=document(*shared))
    other_root_kms.encrypt(KeyId=arn, Plaintext=b"p")
    with refused("AccessDeniedException", not_allowed(other_arn, "Decrypt", arn)):
        other_root_kms.decrypt(KeyId=arn, CiphertextBlob=b"x")


def test_a_grant_to_the_account_is_one_to_it(kms, other_root_kms, other_arn, make_key):
    arn = make_key()
    made = kms.create_grant(KeyId=arn, GranteePrincipal=other_arn, RetiringPrincipal=other_arn, Operations=["Encrypt"])
    other_root_kms.encrypt(KeyId=arn, Plaintext=b"p")
    other_root_kms.retire_grant(GrantToken=made["GrantToken"])
    with refused("AccessDeniedException", not_allowed(other_arn, "Encrypt", arn)):
        other_root_kms.encrypt(KeyId=arn, Plaintext=b"p")


def test_it_is_recorded_as_root(server, root, root_arn, root_kms, key):
    answer = root_kms.encrypt(KeyId=key, Plaintext=b"p")
    record = server.audit_record(answer["ResponseMetadata"]["RequestId"])
    identity = {"type": "Root", "principalId": root.account, "arn": root_arn, "accountId": root.account}
    assert record["userIdentity"] == {**identity, "accessKeyId": root.access_key}
    decided = {"action": "kms:Encrypt", "effect": "Allow", "decidedBy": ["key-policy/Enable IAM User Permissions"]}
    assert record["authorization"] == [decided]


def test_its_signature_is_checked(server, root):
    requester = Requester(server, Credentials(root.account, root.access_key, root.secret_key + "x"))
    answer = requester.call("ListKeys")
    requester.close()
    assert (answer.status, answer.error) == (400, "InvalidSignatureException")
