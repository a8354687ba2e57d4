"""Sessions: who may open one, what it may do, and that it ends when its role does."""

import json
import urllib.request

import pytest

from conftest import statement
from support.clients import Cli
from support.expect import refused
from support.identities import Directory, Session, allow, iam_refuses, session_of, trust


@pytest.fixture(scope="module")
def elsewhere(server, other_root):
    return Directory(server, other_root)


def assume(directory, user, role, **parameters):
    parameters = {"RoleSessionName": "s1", **parameters}
    return directory.client("sts", user).assume_role(RoleArn=role, **parameters)


def not_assumable(user, role):
    return iam_refuses(
        "AccessDenied", f"User: {user.arn} is not authorized to perform: sts:AssumeRole on resource: {role}", 403
    )


def test_a_role_assumed_with_the_aws_cli(server, directory, key, root, tmp_path):
    user = directory.user()
    role = directory.role(trust({"AWS": user.arn}), allow("kms:Encrypt"), Path="/deep/path/")
    sts = Cli(server, user, tmp_path, service="sts")
    made = sts.json("assume-role", "--role-arn", role, "--role-session-name", "from-cli")
    session = session_of(made, root.account)
    assert session.access_key.startswith("ASIA")
    name = role.rpartition("/")[2]
    assert made["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{root.account}:assumed-role/{name}/from-cli"
    kms = Cli(server, session, tmp_path)
    assert kms.json("encrypt", "--key-id", key, "--plaintext", "c2VjcmV0")["KeyId"] == key
    who = Cli(server, session, tmp_path, service="sts").json("get-caller-identity")
    assert who["Arn"] == made["AssumedRoleUser"]["Arn"] and who["UserId"] == made["AssumedRoleUser"]["AssumedRoleId"]
    with_wrong_token = Session(*session[:3], session.session_token[:-8] + "AAAAAAA=")
    assert "(UnrecognizedClientException)" in Cli(server, with_wrong_token, tmp_path).fails("list-keys")
    without = Session(*session[:3], None)
    assert "(UnrecognizedClientException)" in Cli(server, without, tmp_path).fails("list-keys")


def test_trust_within_an_account(directory, root_arn):
    allowed, stranger = directory.user(), directory.user()
    role = directory.role(trust({"AWS": allowed.arn}))
    assume(directory, allowed, role)
    with not_assumable(stranger, role):
        assume(directory, stranger, role)
    with not_assumable(allowed, role + "x"):
        assume(directory, allowed, role + "x")
    # Left to the account: the caller's own policies decide.
    role = directory.role(trust({"AWS": root_arn}))
    with not_assumable(stranger, role):
        assume(directory, stranger, role)
    directory.iam.put_user_policy(UserName=stranger.name, PolicyName="a", PolicyDocument=allow("sts:AssumeRole", role))
    assume(directory, stranger, role)
    with iam_refuses("AccessDenied", "Roles may not be assumed by root accounts.", 403):
        directory.client("sts", directory.root).assume_role(RoleArn=role, RoleSessionName="s1")


def test_trust_across_accounts_needs_both(directory, elsewhere, other_arn):
    user = elsewhere.user()
    role = directory.role(trust({"AWS": user.arn}, Condition={"StringEquals": {"sts:ExternalId": "shared secret"[:6]}}))
    with not_assumable(user, role):
        assume(elsewhere, user, role, ExternalId="shared")
    elsewhere.iam.put_user_policy(UserName=user.name, PolicyName="a", PolicyDocument=allow("sts:AssumeRole", role))
    assume(elsewhere, user, role, ExternalId="shared")
    for wrong in ({"ExternalId": "other"}, {}):
        with not_assumable(user, role):
            assume(elsewhere, user, role, **wrong)


def test_session_policies_limit_a_session(directory, key, root):
    user = directory.user()
    role = directory.role(trust({"AWS": user.arn}), allow("kms:*"))
    limit = directory.policy(allow("kms:DescribeKey"))
    for choice in ({"Policy": allow("kms:DescribeKey")}, {"PolicyArns": [{"arn": limit}]}):
        made = assume(directory, user, role, **choice)
        assert made["PackedPolicySize"] > 0
        kms = directory.client("kms", session_of(made, root.account))
        kms.describe_key(KeyId=key)
        with refused("AccessDeniedException"):
            kms.encrypt(KeyId=key, Plaintext=b"p")
    with iam_refuses("MalformedPolicyDocument"):
        assume(directory, user, role, Policy="{}")
    with iam_refuses("MalformedPolicyDocument"):
        assume(directory, user, role, PolicyArns=[{"arn": limit + "x"}])
    with iam_refuses("PackedPolicyTooLarge"):
        tags = [{"Key": f"{index:03}" + "k" * 100, "Value": "v" * 200} for index in range(20)]
        directory.iam.update_assume_role_policy(
            RoleName=role.rpartition("/")[2], PolicyDocument=trust({"AWS": user.arn}, ["sts:AssumeRole", "sts:TagSession"])
        )
        assume(directory, user, role, Tags=tags)


def test_a_session_ends_with_its_role_and_its_policies(directory, key, root):
    user = directory.user()
    role = directory.role(trust({"AWS": user.arn}), allow("kms:Encrypt"))
    name = role.rpartition("/")[2]
    kms = directory.client("kms", session_of(assume(directory, user, role), root.account))
    kms.encrypt(KeyId=key, Plaintext=b"p")
    directory.iam.delete_role_policy(RoleName=name, PolicyName="p0")
    with refused("AccessDeniedException"):
        kms.encrypt(KeyId=key, Plaintext=b"p")
    directory.iam.put_role_policy(RoleName=name, PolicyName="p0", PolicyDocument=allow("kms:Encrypt"))
    kms.encrypt(KeyId=key, Plaintext=b"p")
    directory.iam.delete_role_policy(RoleName=name, PolicyName="p0")
    directory.iam.delete_role(RoleName=name)
    with refused("UnrecognizedClientException"):
        kms.encrypt(KeyId=key, Plaintext=b"p")
    directory.role(trust({"AWS": user.arn}), allow("kms:Encrypt"), name=name)
    with refused("UnrecognizedClientException"):
        kms.encrypt(KeyId=key, Plaintext=b"p")


def test_tags_and_source_identity_of_a_session(directory, make_key, root_arn, root):
    user = directory.user()
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    role = directory.role(trust({"AWS": user.arn}, actions))
    condition = {"StringEquals": {"aws:PrincipalTag/project": "alpha", "aws:SourceIdentity": "alice"}}
    policy = [
        statement("Allow", root_arn, ["kms:PutKeyPolicy", "kms:DescribeKey"]),
        {**statement("Allow", role, "kms:Encrypt"), "Condition": condition},
    ]
    arn = make_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": policy}))
    tags = [{"Key": "project", "Value": "alpha"}]
    made = assume(directory, user, role, Tags=tags, SourceIdentity="alice")
    assert made["SourceIdentity"] == "alice"
    directory.client("kms", session_of(made, root.account)).encrypt(KeyId=arn, Plaintext=b"p")
    for other_choice in ({"Tags": tags}, {"SourceIdentity": "alice"}, {}):
        kms = directory.client("kms", session_of(assume(directory, user, role, **other_choice), root.account))
        with refused("AccessDeniedException"):
            kms.encrypt(KeyId=arn, Plaintext=b"p")
    plain = directory.role(trust({"AWS": user.arn}))
    with iam_refuses("AccessDenied"):
        assume(directory, user, plain, Tags=tags)
    with iam_refuses("AccessDenied"):
        assume(directory, user, plain, SourceIdentity="alice")


def test_a_chain_of_roles(directory, root):
    user = directory.user()
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    first = directory.role(trust({"AWS": user.arn}, actions))
    second = directory.role(trust({"AWS": first}, actions), MaxSessionDuration=7200)
    tags = [{"Key": "project", "Value": "alpha"}, {"Key": "local", "Value": "x"}]
    made = assume(directory, user, first, Tags=tags, TransitiveTagKeys=["project"], SourceIdentity="alice")
    session = session_of(made, root.account)
    chained = directory.client("sts", session).assume_role(RoleArn=second, RoleSessionName="s2")
    assert chained["SourceIdentity"] == "alice"
    with iam_refuses("ValidationError"):
        directory.client("sts", session).assume_role(RoleArn=second, RoleSessionName="s2", DurationSeconds=7200)
    with iam_refuses("ValidationError"):
        directory.client("sts", session).assume_role(
            RoleArn=second, RoleSessionName="s2", Tags=[{"Key": "PROJECT", "Value": "beta"}]
        )


def test_durations_and_arguments(directory):
    user = directory.user()
    role = directory.role(trust({"AWS": user.arn}))
    with iam_refuses("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."):
        assume(directory, user, role, DurationSeconds=3601)
    with iam_refuses("ValidationError"):
        assume(directory, user, role, RoleSessionName="a b")
    with iam_refuses("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code."):
        assume(directory, user, role, SerialNumber="arn:aws:iam::111122223333:mfa/x", TokenCode="123456")


def test_session_tokens_of_users(directory, key, root):
    user = directory.user(allow(["kms:Encrypt", "iam:*"]))
    sts = directory.client("sts", user)
    session = session_of(sts.get_session_token(DurationSeconds=900), root.account)
    directory.client("kms", session).encrypt(KeyId=key, Plaintext=b"p")
    assert directory.client("sts", session).get_caller_identity()["Arn"] == user.arn
    with iam_refuses("InvalidClientTokenId", status=403):
        directory.client("iam", session).list_users()
    with iam_refuses("AccessDenied", "Cannot call GetSessionToken with session credentials"):
        directory.client("sts", session).get_session_token()
    of_root = session_of(directory.client("sts", root).get_session_token(), root.account)
    directory.client("kms", of_root).list_keys()


def test_sessions_are_in_the_audit_log(server, directory, key, root):
    user = directory.user()
    role = directory.role(trust({"AWS": user.arn}), allow("kms:Encrypt"))
    made = assume(directory, user, role)
    record = server.audit_record(made["ResponseMetadata"]["RequestId"])
    assert (record["eventSource"], record["eventName"]) == ("sts.amazonaws.com", "AssumeRole")
    assert record["userIdentity"]["userName"] == user.name
    assert record["resources"] == [{"accountId": root.account, "type": "AWS::IAM::Role", "ARN": role}]
    told = json.dumps(record)
    assert made["Credentials"]["SessionToken"] not in told and made["Credentials"]["SecretAccessKey"] not in told
    done = directory.client("kms", session_of(made, root.account)).encrypt(KeyId=key, Plaintext=b"p")
    record = server.audit_record(done["ResponseMetadata"]["RequestId"])
    assert record["userIdentity"]["type"] == "AssumedRole"
    assert record["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == role


def test_presigned_get_caller_identity(directory, root):
    user = directory.user()
    url = directory.client("sts", user).generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    with urllib.request.urlopen(url) as answer:
        assert answer.headers["content-type"] == "text/xml"
        assert f"<Arn>{user.arn}</Arn>" in answer.read().decode()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url[:-1] + ("0" if url[-1] != "0" else "1"))
    assert caught.value.code == 403 and b"<Code>SignatureDoesNotMatch</Code>" in caught.value.read()
    iam = directory.client("iam", root)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(iam.generate_presigned_url("list_users", HttpMethod="GET"))
    assert b"<Code>InvalidAction</Code>" in caught.value.read()


def test_an_unsigned_call_of_iam_is_refused(server):
    request = urllib.request.Request(server.url, data=b"Action=ListUsers&Version=2010-05-08")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    body = caught.value.read().decode()
    assert caught.value.code == 403 and "<Code>MissingAuthenticationToken</Code>" in body, body
    for wrong, code in (("Action=Nothing&Version=2010-05-08", 400), ("%zz", 400)):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(server.url, data=wrong.encode()))
        assert caught.value.code == code and b"<ErrorResponse" in caught.value.read()
