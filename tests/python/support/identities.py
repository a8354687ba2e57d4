"""Users, roles and sessions for tests, made through the IAM and STS clients."""

import json
import uuid
from typing import NamedTuple

import botocore.exceptions

from .clients import aws_client


class Session(NamedTuple):
    account: str
    access_key: str
    secret_key: str
    session_token: str


class User(NamedTuple):
    name: str
    arn: str
    account: str
    access_key: str
    secret_key: str


def allow(actions, resource="*", **more):
    """A policy of one statement."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal, action="sts:AssumeRole", **more):
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


class Directory:
    """The IAM of one account, as its root."""

    def __init__(self, server, root):
        self.server = server
        self.root = root
        self.iam = aws_client("iam", server, root)

    def user(self, *policies, name=None, **parameters):
        name = name or unique("user")
        arn = self.iam.create_user(UserName=name, **parameters)["User"]["Arn"]
        for index, policy in enumerate(policies):
            self.iam.put_user_policy(UserName=name, PolicyName=f"p{index}", PolicyDocument=policy)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return User(name, arn, self.root.account, key["AccessKeyId"], key["SecretAccessKey"])

    def role(self, trust_policy, *policies, name=None, **parameters):
        name = name or unique("role")
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust_policy, **parameters)
        for index, policy in enumerate(policies):
            self.iam.put_role_policy(RoleName=name, PolicyName=f"p{index}", PolicyDocument=policy)
        return made["Role"]["Arn"]

    def policy(self, document, name=None, **parameters):
        name = name or unique("policy")
        return self.iam.create_policy(PolicyName=name, PolicyDocument=document, **parameters)["Policy"]["Arn"]

    def client(self, service, credentials):
        return aws_client(service, self.server, credentials)


def session_of(answer, account):
    made = answer["Credentials"]
    return Session(account, made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


class iam_refuses:
    """`with iam_refuses(code, text, status):` for errors of IAM and STS, whose statuses differ."""

    def __init__(self, code, text=None, status=None):
        self.code, self.text, self.status = code, text, status

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert kind is not None, f"expected {self.code}, but the call succeeded"
        if not issubclass(kind, botocore.exceptions.ClientError):
            return False
        got = error.response["Error"]
        assert got["Code"] == self.code, got
        if self.text is not None:
            assert got["Message"] == self.text, got
        if self.status is not None:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == self.status, error.response
        return True
