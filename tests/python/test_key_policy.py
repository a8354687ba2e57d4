"""GetKeyPolicy, PutKeyPolicy, ListKeyPolicies: the document, what is accepted as one, and the lockout check."""

import json

import pytest

from support.expect import assert_refused, refused

INVALID_PRINCIPAL = "Policy contains a statement with one or more invalid principals."
LOCKOUT = "The new key policy will not allow you to update the key policy in the future."


def allow(principal, action="kms:*", **more):
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*", **more}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_the_default_policy_gives_the_account_everything(kms, key, root_arn):
    answer = kms.get_key_policy(KeyId=key)
    assert answer["PolicyName"] == "default"
    assert json.loads(answer["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": root_arn},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }


def test_there_is_one_policy_and_it_is_called_default(kms, key):
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    assert kms.get_key_policy(KeyId=key, PolicyName="default")["PolicyName"] == "default"
    with refused("NotFoundException", "No such policy exists"):
        kms.get_key_policy(KeyId=key, PolicyName="another")


def test_a_policy_is_kept_as_it_was_put(kms, make_key, root_arn):
    arn = make_key()
    text = document(allow({"AWS": root_arn}, Sid="mine"), allow({"AWS": "*"}, action=["kms:Encrypt", "kms:Decrypt"]))
    kms.put_key_policy(KeyId=arn, Policy=text)
    assert json.loads(kms.get_key_policy(KeyId=arn)["Policy"]) == json.loads(text)


def test_a_policy_given_at_creation(kms, make_key, root_arn):
    text = document(allow({"AWS": root_arn}, Sid="from the start"))
    arn = make_key(Policy=text)
    assert json.loads(kms.get_key_policy(KeyId=arn)["Policy"]) == json.loads(text)


@pytest.mark.parametrize(
    "policy",
    [
        "not json",
        "[]",
        "{}",
        '{"Version":"2012-10-17","Statement":[]}',
        document({"Effect": "Allow", "Action": "kms:*", "Resource": "*"}),
        document({"Effect": "allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}),
        document(allow({"AWS": "*"}, Unknown="element")),
        document(allow({"AWS": "*"}, Condition={"NoSuchOperator": {"kms:CallerAccount": "1"}})),
    ],
)
def test_what_is_no_policy(kms, make_key, policy):
    arn = make_key()
    for call in (lambda: kms.put_key_policy(KeyId=arn, Policy=policy), lambda: kms.create_key(Policy=policy)):
        with refused("MalformedPolicyDocumentException"):
            call()


@pytest.mark.parametrize("principal", ["someone", "arn:aws:iam::12:root", "arn:aws:iam::111122223333:group/g", "1111"])
def test_a_principal_that_cannot_be_one(kms, make_key, root_arn, principal):
    arn = make_key()
    policy = document(allow({"AWS": root_arn}), allow({"AWS": principal}, action="kms:Encrypt"))
    with refused("MalformedPolicyDocumentException", INVALID_PRINCIPAL):
        kms.put_key_policy(KeyId=arn, Policy=policy)


def test_nobody_locks_himself_out_by_mistake(kms, make_key, root_arn):
    arn = make_key()
    for policy in (
        document(allow({"AWS": root_arn}, action=["kms:Encrypt", "kms:GetKeyPolicy"])),
        document(allow({"AWS": "arn:aws:iam::999988887777:root"})),
        document(allow({"AWS": root_arn}), {**allow({"AWS": root_arn}, "kms:PutKeyPolicy"), "Effect": "Deny"}),
    ):
        with refused("MalformedPolicyDocumentException", LOCKOUT):
            kms.put_key_policy(KeyId=arn, Policy=policy)
        with refused("MalformedPolicyDocumentException", LOCKOUT):
            kms.create_key(Policy=policy)


def test_one_can_lock_oneself_out_on_purpose(kms, make_key, root_arn):
    arn = make_key()
    policy = document(allow({"AWS": root_arn}, action=["kms:Encrypt", "kms:GetKeyPolicy"]))
    kms.put_key_policy(KeyId=arn, Policy=policy, BypassPolicyLockoutSafetyCheck=True)
    assert json.loads(kms.get_key_policy(KeyId=arn)["Policy"]) == json.loads(policy)
    with refused("AccessDeniedException"):
        kms.put_key_policy(KeyId=arn, Policy=document(allow({"AWS": root_arn})))


def test_the_longest_policy_and_one_byte_more(kms, make_key, root_arn):
    arn = make_key()
    base = len(document(allow({"AWS": root_arn}, Sid="")))
    longest = document(allow({"AWS": root_arn}, Sid="s" * (32768 - base)))
    assert len(longest) == 32768
    kms.put_key_policy(KeyId=arn, Policy=longest)
    with refused("LimitExceededException"):
        kms.put_key_policy(KeyId=arn, Policy=longest.replace("ss", "sss", 1))


def test_a_character_that_no_policy_may_contain(raw, make_key, root_arn):
    policy = document(allow({"AWS": root_arn}, Sid="x")).replace('"x"', '"\u20ac"')
    answer = raw.call("PutKeyPolicy", {"KeyId": make_key(), "Policy": policy})
    assert_refused(answer, "ValidationException")
    assert "at 'policy' failed to satisfy constraint: Member must satisfy regular expression pattern" in answer.message


def test_another_policy_name_cannot_be_put(kms, make_key, root_arn):
    with refused("ValidationException", "The AWS_RAM policy can only be managed by the RAM service"):
        kms.put_key_policy(KeyId=make_key(), PolicyName="AWS_RAM", Policy=document(allow({"AWS": root_arn})))


def warnings_of(answer):
    return answer["ResponseMetadata"]["HTTPHeaders"].get("x-reseal-policy-warning")


def test_what_looks_like_a_mistake_is_warned_of(server, kms, make_key, root_arn):
    arn = make_key()
    good = document(allow({"AWS": root_arn}))
    assert warnings_of(kms.put_key_policy(KeyId=arn, Policy=good)) is None
    odd = document(allow({"AWS": root_arn}), allow({"AWS": root_arn}, action="kms:ReEncrypt", Sid="M\u00fcll"))
    expected = (
        'statement 1 ("M\\u{fc}ll"): kms:ReEncrypt is not an action: '
        "name kms:ReEncryptFrom and kms:ReEncryptTo, or kms:ReEncrypt*"
    )
    assert warnings_of(kms.put_key_policy(KeyId=arn, Policy=odd)) == expected
    assert warnings_of(kms.create_key(Policy=odd)) == expected
    assert expected in server.stderr
    two = document(allow({"AWS": root_arn}), allow({"AWS": root_arn}, action=["kms:Decript", "s3:GetObject"]))
    assert "there is no action" in warnings_of(kms.put_key_policy(KeyId=arn, Policy=two))
