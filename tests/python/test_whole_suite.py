"""What the whole run has seen, looked at once everything else is over: every operation answered with success to two clients,
every error of the model provoked or known to be impossible. A run of some of the tests cannot say, and says so.
"""

import re

import pytest

from support import model
from support.pairs import differences
from support.recorder import BOTO3, CLI, SEEN
from support.server import ROOT
from support.whole_run import left_out

NODE = ROOT / "tests" / "node" / "every_operation.test.js"


@pytest.fixture(autouse=True)
def everything_was_run(request):
    if reason := left_out(request.session):
        pytest.skip(f"a look at whole runs: {reason}")


def test_every_error_was_provoked_or_cannot_be():
    seen = {pair for pair in SEEN.errors if pair in model.pairs()}
    found = list(differences(model.pairs(), seen))
    assert not found, "\n".join(found)


def test_boto3_succeeded_with_every_operation():
    assert SEEN.successes[BOTO3] >= set(model.operations()), set(model.operations()) - SEEN.successes[BOTO3]


def test_a_second_client_succeeded_with_every_operation():
    """The SDK for JavaScript calls all but those that its test names, and the test fails when it does not; those are called by
    the AWS CLI."""
    (names,) = re.findall(r"NOT_CALLED_HERE = new Set\(\[(.*?)\]\)", NODE.read_text(), re.DOTALL)
    elsewhere = set(re.findall(r'"(\w+)"', names))
    assert elsewhere <= set(model.operations())
    assert SEEN.successes[CLI] >= elsewhere, elsewhere - SEEN.successes[CLI]
