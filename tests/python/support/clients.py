"""Real clients, pointed at a server under test: the AWS SDK for Python and the AWS CLI.

Nothing is retried, so that no failure hides behind a second try; every answer of the SDK is held against the service model.
"""

import json
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import botocore
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.loaders import create_loader

from .model import error_problems, operations, problems
from .recorder import BOTO3, CLI, SEEN

AWS = Path(sys.executable).with_name("aws")
# The models of the services, read once for all clients.
MODELS = create_loader()


def new_session():
    """Without any profile of the person who runs the tests."""
    session = botocore.session.Session()
    session.register_component("data_loader", MODELS)
    session.set_config_variable("config_file", os.devnull)
    session.set_config_variable("credentials_file", os.devnull)
    return session


def kms_client(server, credentials, region="us-east-1", verify=None):
    client = new_session().create_client(
        "kms",
        region_name=region,
        endpoint_url=server.url,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        verify=verify,
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}, read_timeout=60),
    )
    client.meta.events.register("after-call.kms", check_against_the_model)
    return client


def aws_client(service, server, credentials, region="us-east-1"):
    """A client of IAM or STS; `credentials` may be temporary, with a session token, or None for unsigned calls."""
    keys = {}
    if credentials is not None:
        keys = {
            "aws_access_key_id": credentials.access_key,
            "aws_secret_access_key": credentials.secret_key,
            "aws_session_token": getattr(credentials, "session_token", None),
        }
    unsigned = {"signature_version": botocore.UNSIGNED} if credentials is None else {}
    client = new_session().create_client(
        service,
        region_name=region,
        endpoint_url=server.url,
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}, read_timeout=60, **unsigned),
        **keys,
    )
    if service == "kms":
        client.meta.events.register("after-call.kms", check_against_the_model)
    return client


def check_against_the_model(http_response, model, **_):
    """Runs on every SDK call of the whole suite."""
    request_id = http_response.headers["x-amzn-RequestId"]
    assert uuid.UUID(request_id).version == 4, request_id
    if http_response.status_code == 200:
        found = problems(model.name, json.loads(http_response.content) if http_response.content else None)
        SEEN.success(BOTO3, model.name)
    else:
        error = json.loads(http_response.content)
        found = error_problems(model.name, http_response.status_code, error)
        SEEN.error(model.name, error["__type"])
    assert not found, found


class Cli:
    """The AWS CLI with a home of its own: no profile, no cache, no pager of the person who runs the tests."""

    def __init__(self, server, credentials, home, region="us-east-1", service="kms"):
        self.service = service
        self.home = Path(home)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": server.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }
        if getattr(credentials, "session_token", None):
            self.environment["AWS_SESSION_TOKEN"] = credentials.session_token

    def run(self, *arguments):
        finished = subprocess.run(
            [sys.executable, str(AWS), self.service, *arguments],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if self.service == "kms":
            record(arguments[0], finished)
        return finished

    def text(self, *arguments):
        finished = self.run(*arguments)
        assert finished.returncode == 0, finished
        return finished.stdout.strip()

    def json(self, *arguments):
        output = self.text(*arguments, "--output", "json")
        return json.loads(output) if output else None

    def fails(self, *arguments):
        """What the CLI says on standard error when the service refuses."""
        finished = self.run(*arguments)
        assert finished.returncode in (254, 255), finished
        return finished.stderr.strip()


SAID = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation")


def record(command, finished):
    refusal = SAID.search(finished.stderr)
    if refusal:
        SEEN.error(refusal.group(2), refusal.group(1))
    elif finished.returncode == 0:
        SEEN.success(CLI, operation_of(command))


def operation_of(command):
    """`re-encrypt` is ReEncrypt."""
    (found,) = (name for name in operations() if xform_name(name, "-") == command)
    return found
