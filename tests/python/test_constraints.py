"""Every constraint of the service model, of every member of every operation, is enforced in AWS's words, and before any key is
looked for. The cases are made from the model (support/constraints.py)."""

import pytest

from support import constraints, model
from support.expect import ANY_TEXT

# Where the service answers otherwise than the model says, with the code it answers and the reason.
ELSEWHERE = {}


@pytest.mark.parametrize("operation", model.present())
def test_constraints(raw, operation):
    wrong = []
    for case in constraints.cases(operation):
        answer = raw.call(operation, case.body)
        expected = expectation(operation, case)
        got = (answer.status, *saying(answer))
        if got != expected and (got[1], ANY_TEXT) != expected[1:]:
            wrong.append(f"{case.name}: {got}, expected {expected}")
    assert not wrong, "\n".join([f"{len(wrong)} cases", *wrong])


def expectation(operation, case):
    if (operation, case.name) in ELSEWHERE:
        return 400, *ELSEWHERE[operation, case.name]
    if case.violations is None:
        return 400, "SerializationException", ANY_TEXT
    return 400, "ValidationException", sorted(map(constraints.comparable, case.violations))


def saying(answer):
    if answer.status == 200:
        return None, None
    message = answer.message or ""
    if " detected: " in message:
        return answer.error, constraints.told(message)
    return answer.error, message


def test_every_constraint_of_the_model_makes_a_case():
    """What the generator skips would be tested nowhere."""
    for operation in model.operations():
        names = " ".join(case.name for case in constraints.cases(operation))
        for member, shape in constraints.request_shape(operation).members.items():
            path = constraints.path_of((member,))
            assert f"{path} is a " in names, f"{operation}: no wrong types of {member}"
            constrained = {"min", "max", "enum", "pattern"} & set(shape.metadata) and shape.metadata.get("max") != 0
            broken = [case for case in constraints.cases(operation) if case.violations and case.name.startswith(path + " ")]
            assert broken or not constrained, f"{operation}: no broken {member}"
            assert all(case.violations != [] for case in broken), f"{operation}: a case of {member} breaks nothing"
