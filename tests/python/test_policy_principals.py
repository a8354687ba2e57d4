"""Whom a key policy names: of accounts here they must exist, and a name taken over later is somebody else."""

import json

from conftest import statement
from support.clients import kms_client
from support.expect import refused
from support.identities import Directory, allow, iam_refuses, trust, unique
from support.server import FIRST, Server

INVALID = "Policy contains a statement with one or more invalid principals."


def policy(root_arn, *principals, action="kms:Encrypt"):
    kept = statement("Allow", root_arn, ["kms:PutKeyPolicy", "kms:GetKeyPolicy"])
    named = [statement("Allow", principal, action) for principal in principals]
    return json.dumps({"Version": "2012-10-17", "Statement": [kept, *named]})


def test_principals_of_own_accounts_must_exist(kms, directory, make_key, root, root_arn, other_root, server):
    user = directory.user()
    role = directory.role(trust({"AWS": user.arn}), Path="/p/")
    name = role.rpartition("/")[2]
    session = f"arn:aws:sts::{root.account}:assumed-role/{name}/s"
    elsewhere = Directory(server, other_root).user()
    arn = make_key(Policy=policy(root_arn, user.arn, role, session, elsewhere.arn, "arn:aws:iam::999988887777:user/unknown"))
    absent = [
        f"arn:aws:iam::{root.account}:user/nobody",
        f"arn:aws:iam::{root.account}:role/nobody",
        f"arn:aws:iam::{root.account}:role/{name}",
        f"arn:aws:iam::{root.account}:user/path/{user.name}",
        f"arn:aws:sts::{root.account}:assumed-role/nobody/s",
        f"arn:aws:iam::{other_root.account}:user/nobody",
    ]
    for principal in absent:
        with refused("MalformedPolicyDocumentException", INVALID):
            kms.put_key_policy(KeyId=arn, Policy=policy(root_arn, principal))
        with refused("MalformedPolicyDocumentException", INVALID):
            kms.create_key(Policy=policy(root_arn, principal))


def test_a_user_made_again_is_not_the_one_that_was_named(kms, directory, make_key, root_arn):
    user = directory.user()
    arn = make_key(Policy=policy(root_arn, user.arn))
    directory.client("kms", user).encrypt(KeyId=arn, Plaintext=b"p")
    directory.iam.delete_access_key(UserName=user.name, AccessKeyId=user.access_key)
    directory.iam.delete_user(UserName=user.name)
    again = directory.user(name=user.name)
    assert again.arn == user.arn
    own = directory.client("kms", again)
    with refused("AccessDeniedException"):
        own.encrypt(KeyId=arn, Plaintext=b"p")
    kms.put_key_policy(KeyId=arn, Policy=policy(root_arn, user.arn))
    own.encrypt(KeyId=arn, Plaintext=b"p")


def test_a_role_trusts_whom_it_named(directory):
    user = directory.user()
    role = directory.role(trust({"AWS": user.arn}))
    assume = {"RoleArn": role, "RoleSessionName": "s1"}
    directory.client("sts", user).assume_role(**assume)
    directory.iam.delete_access_key(UserName=user.name, AccessKeyId=user.access_key)
    directory.iam.delete_user(UserName=user.name)
    again = directory.user(name=user.name)
    with iam_refuses("AccessDenied"):
        directory.client("sts", again).assume_role(**assume)
    directory.iam.update_assume_role_policy(RoleName=role.rpartition("/")[2], PolicyDocument=trust({"AWS": user.arn}))
    directory.client("sts", again).assume_role(**assume)


def test_development_mode_has_no_directory_to_ask(tmp_path):
    server = Server(tmp_path / "dev", arguments=["--dev"]).start()
    try:
        kms = kms_client(server, server.caller)
        named = f"arn:aws:iam::{FIRST.account}:user/nobody"
        kms.create_key(Policy=policy(f"arn:aws:iam::{FIRST.account}:root", named))
        directory = Directory(server, FIRST)
        role = directory.role(trust({"AWS": named}), allow("kms:*"), name=unique("dev"))
        root = directory.role(trust({"AWS": f"arn:aws:iam::{FIRST.account}:root"}), name=unique("dev"))
        with iam_refuses("AccessDenied"):
            directory.client("sts", FIRST).assume_role(RoleArn=role, RoleSessionName="s1")
        directory.client("sts", FIRST).assume_role(RoleArn=root, RoleSessionName="s1")
    finally:
        assert server.stop() == 0
