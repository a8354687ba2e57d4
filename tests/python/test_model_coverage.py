"""The service has every operation of the service model, and no other. What it has is learned by calling it, and from
docs/compatibility.md, which is made from its own table of operations.
"""

import re

import pytest

from support import model
from support.pairs import differences, reasons
from support.server import ROOT


@pytest.mark.parametrize("operation", model.operations())
def test_the_operation_is_there(raw, operation):
    answer = raw.call(operation, b"[]")
    expected = "UnknownOperationException" if operation in model.MISSING else "SerializationException"
    assert (answer.status, answer.error) == (400, expected)


def test_the_model_is_the_one_these_tests_were_written_for():
    assert len(model.operations()) == 56, "look at what is new or gone, then change the number"
    assert model.MISSING <= set(model.operations())


def test_the_service_has_no_operation_that_the_model_does_not_have(raw):
    page = (ROOT / "docs" / "compatibility.md").read_text()
    served = re.findall(r"^\| (\w+) \| `kms:", page, re.MULTILINE)
    assert served == model.present()
    assert f"\n{len(served)} operations.\n" in page


def test_the_list_of_errors_is_about_all_errors_of_the_model():
    found = list(differences(model.pairs(), None))
    assert not found, "\n".join(found)


def test_what_the_list_of_errors_points_at_is_there():
    for reason in reasons().values():
        for path in re.findall(r"\b(?:crates|docs|tests)/[\w./-]+", reason):
            assert (ROOT / path).is_file(), path
