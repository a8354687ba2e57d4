"""Users made with the stock clients are principals at once, and stop being so at once."""

import json

from conftest import statement
from support.clients import Cli
from support.expect import refused
from support.identities import allow, iam_refuses, unique
from support.server import Credentials


def test_a_user_made_with_the_aws_cli_works_until_its_access_key_is_deleted(server, root, key, tmp_path):
    iam = Cli(server, root, tmp_path, service="iam")
    name = unique("cli")
    user = iam.json("create-user", "--user-name", name, "--path", "/ops/", "--tags", "Key=team,Value=a b")["User"]
    assert user["Arn"] == f"arn:aws:iam::{root.account}:user/ops/{name}"
    assert user["UserId"].startswith("AIDA") and len(user["UserId"]) == 21
    assert user["Tags"] == [{"Key": "team", "Value": "a b"}]
    made = iam.json("create-access-key", "--user-name", name)["AccessKey"]
    assert made["AccessKeyId"].startswith("AKIA") and made["Status"] == "Active" and len(made["SecretAccessKey"]) == 40
    alice = Cli(server, Credentials(root.account, made["AccessKeyId"], made["SecretAccessKey"]), tmp_path)
    message = alice.fails("encrypt", "--key-id", key, "--plaintext", "c2VjcmV0")
    assert "(AccessDeniedException)" in message and user["Arn"] in message, message
    assert "because no identity-based policy allows the kms:Encrypt action" in message, message
    iam.text("put-user-policy", "--user-name", name, "--policy-name", "e", "--policy-document", allow("kms:Encrypt", key))
    assert alice.json("encrypt", "--key-id", key, "--plaintext", "c2VjcmV0")["KeyId"] == key
    identity = Cli(server, Credentials(root.account, made["AccessKeyId"], made["SecretAccessKey"]), tmp_path, service="sts")
    assert identity.json("get-caller-identity") == {
        "UserId": user["UserId"],
        "Account": root.account,
        "Arn": user["Arn"],
    }
    iam.text("delete-access-key", "--user-name", name, "--access-key-id", made["AccessKeyId"])
    message = alice.fails("encrypt", "--key-id", key, "--plaintext", "c2VjcmV0")
    assert "(UnrecognizedClientException)" in message, message
    message = identity.fails("get-caller-identity")
    assert "(InvalidClientTokenId)" in message, message


def test_revocation_means_now(directory, iam, key):
    user = directory.user()
    kms = directory.client("kms", user)
    for _ in range(10):
        iam.put_user_policy(UserName=user.name, PolicyName="e", PolicyDocument=allow("kms:Encrypt"))
        kms.encrypt(KeyId=key, Plaintext=b"p")
        iam.delete_user_policy(UserName=user.name, PolicyName="e")
        with refused("AccessDeniedException"):
            kms.encrypt(KeyId=key, Plaintext=b"p")
    iam.put_user_policy(UserName=user.name, PolicyName="e", PolicyDocument=allow("kms:Encrypt"))
    for status in ("Inactive", "Active"):
        iam.update_access_key(UserName=user.name, AccessKeyId=user.access_key, Status=status)
        if status == "Active":
            kms.encrypt(KeyId=key, Plaintext=b"p")
        else:
            with refused("UnrecognizedClientException", "The security token included in the request is invalid."):
                kms.encrypt(KeyId=key, Plaintext=b"p")


def test_a_users_life(directory, iam, root):
    name = unique("life")
    made = iam.create_user(UserName=name)["User"]
    shown = iam.get_user(UserName=name)["User"]
    assert shown == made and shown["Path"] == "/"
    with iam_refuses("EntityAlreadyExists", f"User with name {name.upper()} already exists.", 409):
        iam.create_user(UserName=name.upper())
    with iam_refuses("NoSuchEntity", f"The user with name {name.upper()} cannot be found.", 404):
        iam.get_user(UserName=name.upper())
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.create_access_key(UserName=name)
    with iam_refuses("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409):
        iam.create_access_key(UserName=name)
    listed = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    assert key["AccessKeyId"] in [entry["AccessKeyId"] for entry in listed] and len(listed) == 2
    assert all("SecretAccessKey" not in entry for entry in listed)

    new_name = unique("renamed")
    iam.update_user(UserName=name, NewUserName=new_name, NewPath="/moved/")
    with iam_refuses("NoSuchEntity"):
        iam.get_user(UserName=name)
    assert iam.get_user(UserName=new_name)["User"]["UserId"] == made["UserId"]
    credentials = Credentials(root.account, key["AccessKeyId"], key["SecretAccessKey"])
    who = directory.client("sts", credentials).get_caller_identity()
    assert who["Arn"] == f"arn:aws:iam::{root.account}:user/moved/{new_name}"

    with iam_refuses("DeleteConflict", "Cannot delete entity, must delete access keys first.", 409):
        iam.delete_user(UserName=new_name)
    for entry in iam.list_access_keys(UserName=new_name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=new_name, AccessKeyId=entry["AccessKeyId"])
    iam.put_user_policy(UserName=new_name, PolicyName="p", PolicyDocument=allow("kms:*"))
    with iam_refuses("DeleteConflict", "Cannot delete entity, must delete policies first."):
        iam.delete_user(UserName=new_name)
    iam.delete_user_policy(UserName=new_name, PolicyName="p")
    iam.delete_user(UserName=new_name)
    with iam_refuses("NoSuchEntity"):
        iam.delete_user(UserName=new_name)


def test_inline_policies(directory, iam):
    user = directory.user()
    document = allow("kms:Encrypt", Condition={"StringEquals": {"aws:username": "é & <>"}})
    iam.put_user_policy(UserName=user.name, PolicyName="one", PolicyDocument=document)
    got = iam.get_user_policy(UserName=user.name, PolicyName="one")
    assert got["PolicyDocument"] == json.loads(document) and got["UserName"] == user.name
    iam.put_user_policy(UserName=user.name, PolicyName="two", PolicyDocument=allow("kms:*"))
    assert iam.list_user_policies(UserName=user.name)["PolicyNames"] == ["one", "two"]
    with iam_refuses("MalformedPolicyDocument", "Syntax errors in policy.", 400):
        iam.put_user_policy(UserName=user.name, PolicyName="x", PolicyDocument="{")
    with iam_refuses("MalformedPolicyDocument"):
        iam.put_user_policy(UserName=user.name, PolicyName="x", PolicyDocument='{"Statement": [{"Effect": "Perhaps"}]}')
    with iam_refuses("LimitExceeded", f"Maximum policy size of 2048 bytes exceeded for user {user.name}"):
        large = allow(["kms:" + "x" * 20 for _ in range(120)])
        iam.put_user_policy(UserName=user.name, PolicyName="x", PolicyDocument=large)
    with iam_refuses("NoSuchEntity", "The user policy with name x cannot be found."):
        iam.get_user_policy(UserName=user.name, PolicyName="x")
    with iam_refuses("NoSuchEntity"):
        iam.delete_user_policy(UserName=user.name, PolicyName="x")


def test_listing_in_pages(iam):
    path = f"/{unique('pages')}/"
    names = sorted(iam.create_user(UserName=unique("p"), Path=path)["User"]["UserName"] for _ in range(5))
    pages = list(iam.get_paginator("list_users").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2}))
    assert [len(page["Users"]) for page in pages] == [2, 2, 1]
    assert [user["UserName"] for page in pages for user in page["Users"]] == names
    with iam_refuses("ValidationError", "Invalid Marker", 400):
        iam.list_users(Marker="nonsense")


def test_arguments_are_checked(iam):
    words = "It must contain only alphanumeric characters and/or the following: +=,.@_-"
    with iam_refuses("ValidationError", f"The specified value for userName is invalid. {words}", 400):
        iam.create_user(UserName="a b")
    long = "n" * 65
    rule = "failed to satisfy constraint: Member must have length less than or equal to 64"
    with iam_refuses("ValidationError", f"1 validation error detected: Value '{long}' at 'userName' {rule}"):
        iam.create_user(UserName=long)
    with iam_refuses("ValidationError"):
        iam.create_user(UserName="fine", Path="no-slashes")
    with iam_refuses("ValidationError"):
        iam.create_user(UserName="fine", Tags=[{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}])
    with iam_refuses("ValidationError", "Must specify userName when calling with non-User credentials"):
        iam.create_access_key()


def test_users_need_permission_for_iam_and_are_told_no_more(directory, iam, root):
    alice = directory.user()
    own = directory.client("iam", alice)
    with iam_refuses(
        "AccessDenied",
        f"User: {alice.arn} is not authorized to perform: iam:CreateUser on resource: "
        f"arn:aws:iam::{root.account}:user/x because no identity-based policy allows the iam:CreateUser action",
        403,
    ):
        own.create_user(UserName="x")
    with iam_refuses("AccessDenied"):
        own.get_user(UserName="no-such-user")
    keys = allow(["iam:*AccessKey*", "iam:GetUser"], f"arn:aws:iam::{root.account}:user/${{aws:username}}")
    iam.put_user_policy(UserName=alice.name, PolicyName="own", PolicyDocument=keys)
    assert own.get_user()["User"]["UserName"] == alice.name
    second = own.create_access_key()["AccessKey"]
    assert second["UserName"] == alice.name
    own.delete_access_key(AccessKeyId=second["AccessKeyId"])
    with iam_refuses("AccessDenied"):
        own.list_access_keys(UserName=directory.user().name)


def test_the_key_policy_decides_what_iam_may_give(directory, kms, make_key, root_arn):
    alice = directory.user(allow("kms:*"))
    alone = json.dumps({"Version": "2012-10-17", "Statement": [
        statement("Allow", root_arn, ["kms:PutKeyPolicy", "kms:DescribeKey"]),
        statement("Allow", alice.arn, "kms:Encrypt"),
    ]})
    arn = make_key(Policy=alone)
    own = directory.client("kms", alice)
    own.describe_key(KeyId=arn)
    own.encrypt(KeyId=arn, Plaintext=b"p")
    with refused("AccessDeniedException"):
        own.generate_data_key(KeyId=arn, KeySpec="AES_256")


def test_iam_calls_are_in_the_audit_log(server, directory, iam, root):
    name = unique("audited")
    made = iam.create_user(UserName=name, Path="/a/", Tags=[{"Key": "k", "Value": "v"}])
    record = server.audit_record(made["ResponseMetadata"]["RequestId"])
    expected = {
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateUser",
        "awsRegion": "us-east-1",
        "readOnly": False,
        "requestParameters": {"userName": name, "path": "/a/", "tags": [{"key": "k", "value": "v"}]},
        "recipientAccountId": root.account,
    }
    assert expected.items() <= record.items(), record
    assert record["userIdentity"]["type"] == "Root"
    assert record["responseElements"]["user"]["userName"] == name
    key = iam.create_access_key(UserName=name)
    record = server.audit_record(key["ResponseMetadata"]["RequestId"])
    assert record["responseElements"]["accessKey"]["accessKeyId"] == key["AccessKey"]["AccessKeyId"]
    assert key["AccessKey"]["SecretAccessKey"] not in json.dumps(record)
    alice = directory.user()
    with iam_refuses("AccessDenied"):
        directory.client("iam", alice).list_users()
    record = server.audit_records()[-1]
    assert (record["eventName"], record["errorCode"]) == ("ListUsers", "AccessDenied")
    assert record["userIdentity"]["userName"] == alice.name


def test_any_region_signs_for_iam(server, root):
    from support.clients import aws_client

    for region in ("us-east-1", "eu-central-1", "mars-north-1"):
        assert aws_client("iam", server, root, region=region).list_users(MaxItems=1)["Users"] is not None
