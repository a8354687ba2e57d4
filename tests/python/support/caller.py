"""Who calls in these tests: an IAM user that may do what the tests do, each action on no more than it is about.

Its policy is tests/caller-policy.json, for the tests of all languages. The root user makes the user, its policy and its
access key through IAM, by requests signed here: a server that lives for one test shall not wait for a client to be set up.
RESEAL_SUITE_CALLER=root lets the root user call instead.
"""

import http.client
import json
import os
import ssl
import xml.etree.ElementTree
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

from . import sigv4

POLICY = Path(__file__).resolve().parents[2] / "caller-policy.json"
NAME = "caller"
AS_ROOT = os.environ.get("RESEAL_SUITE_CALLER") == "root"
PATIENCE_SECONDS = 60


class Caller(NamedTuple):
    account: str
    access_key: str
    secret_key: str
    arn: str


    @property
    def identity(self):
        """`userIdentity` in the audit log, but for the unique id."""
        known = {"arn": self.arn, "accountId": self.account, "accessKeyId": self.access_key}
        name = self.arn.rpartition("/")[2]
        return {"type": "Root", **known} if AS_ROOT else {"type": "IAMUser", **known, "userName": name}


def as_root(credentials):
    return Caller(*credentials, f"arn:aws:iam::{credentials.account}:root")


def policy(*accounts):
    """The policy, for keys and aliases of these accounts."""
    document = json.loads(POLICY.read_text())
    for statement in document["Statement"]:
        resources = listed(statement["Resource"])
        patterns = {pattern.replace("ACCOUNT", account): None for pattern in resources for account in accounts}
        statement["Resource"] = list(patterns)
    return document


def listed(value):
    return [value] if isinstance(value, str) else value


def new_caller(server, root, *further_accounts):
    """A new user of root's account; of the keys of further accounts it may use those that are opened to it there."""
    account = root.account
    document = json.dumps(policy(account, *further_accounts))
    arn = ask(server, root, "CreateUser", UserName=NAME)["Arn"]
    made = ask(server, root, "CreatePolicy", PolicyName=NAME, PolicyDocument=document)["Arn"]
    ask(server, root, "AttachUserPolicy", UserName=NAME, PolicyArn=made)
    key = ask(server, root, "CreateAccessKey", UserName=NAME)
    return Caller(account, key["AccessKeyId"], key["SecretAccessKey"], arn)


def ask(server, root, action, **parameters):
    """A request to IAM; gives the texts of the answer by the names of their elements."""
    body = urlencode({"Action": action, "Version": "2010-05-08", **parameters}, quote_via=quote).encode()
    at = sigv4.now()
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "host": f"127.0.0.1:{server.port}",
        "x-amz-date": sigv4.amz_date(at),
    }
    scope = sigv4.scope(at, "us-east-1", "iam")
    headers["authorization"] = sigv4.authorization(root, headers, body, scope=scope)
    connection = connect(server)
    try:
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    assert response.status == 200, f"{action}: {response.status} {text.decode()}"
    return {element.tag.rpartition("}")[2]: element.text for element in xml.etree.ElementTree.fromstring(text).iter()}


def connect(server):
    if server.url.startswith("https:"):
        # Whose certificate it is, is for the tests of TLS.
        trusting = ssl._create_unverified_context()
        return http.client.HTTPSConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS, context=trusting)
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)
