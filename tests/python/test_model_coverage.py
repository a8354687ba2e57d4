"""The service has every operation of the service model, and no other. What it has is learned by calling it."""

import pytest

from support import model


@pytest.mark.parametrize("operation", model.operations())
def test_the_operation_is_there(raw, operation):
    answer = raw.call(operation, b"[]")
    expected = "UnknownOperationException" if operation in model.MISSING else "SerializationException"
    assert (answer.status, answer.error) == (400, expected)


def test_the_model_is_the_one_these_tests_were_written_for():
    assert len(model.operations()) == 56, "look at what is new or gone, then change the number"
    assert model.MISSING <= set(model.operations())
