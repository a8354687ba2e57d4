"""AWS's table of key states (data/key-states.csv) in full: every operation with keys of every kind in every state.

The deeper tests of single operations are elsewhere; here nothing is left out.
"""

import csv
from pathlib import Path

import pytest

from support import model
from support.examples import ANY, EXAMPLES
from support.expect import ANY_TEXT, check_text

TABLE = list(csv.DictReader((Path(__file__).parent / "data" / "key-states.csv").open()))
STATES = ("Enabled", "Disabled", "PendingDeletion", "PendingImport", "PendingReplicaDeletion", "Unavailable")
# Never seen from outside: a change of several related keys is one commit, so that no key waits for another one.
WITHOUT_ORIGIN = ("Creating", "Updating")
# Cells that the service answers otherwise, each with the reason.
OTHERWISE = {
    # No key material of ML-KEM can be imported, so that no key waits for any.
    ("Decapsulate", "PendingImport"): "n/a",
    ("Encapsulate", "PendingImport"): "n/a",
}
IMPORTABLE = ("symmetric", "rsa", "signing", "hmac", "agreement")
WORDS = {
    "PendingDeletion": "{arn} is pending deletion.",
    "PendingImport": "{arn} is pending import.",
    "PendingReplicaDeletion": "{arn} is pending replica deletion.",
    "Unavailable": ANY_TEXT,
}


def sorts_of(operation, applies_to):
    """The kinds of key that a row is about, before it is said where they come from."""
    if applies_to in ("any", "key that becomes the target"):
        return ANY
    if applies_to in ("origin EXTERNAL", "custom key store"):
        return tuple(kind.rpartition(" ")[2] for kind in EXAMPLES[operation].kinds)
    if applies_to == "other origins":
        return ("symmetric", "signing", "hmac")
    return tuple(kind.rpartition(" ")[2] for kind in EXAMPLES[operation].kinds)


def origins_of(applies_to, state):
    """Where keys of a row come from that can be in this state."""
    if applies_to == "custom key store":
        return ["store"]
    external = applies_to not in ("symmetric, origin AWS_KMS", "other origins", "multi-Region primary")
    own = applies_to != "origin EXTERNAL"
    stores = applies_to in ("any", "any key of the right usage", "key that becomes the target", "other origins")
    primary = applies_to == "multi-Region primary"
    if state == "PendingImport":
        return ["imported-primary" if primary else "imported"]
    if state == "PendingReplicaDeletion":
        return ["primary" if own else "imported-primary"]
    if state == "Unavailable":
        return ["store"]
    if primary:
        return ["primary"]
    return [""] * own + ["imported"] * external + ["store"] * stores


def kinds(operation, applies_to, state):
    for origin in origins_of(applies_to, state):
        for sort in sorts_of(operation, applies_to):
            if origin == "store" and sort != "symmetric":
                continue
            if origin.startswith("imported") and sort not in IMPORTABLE:
                continue
            yield f"{origin} {sort}".strip()


CELLS = [
    (row["operation"], row["applies_to"], state, expected)
    for row in TABLE
    for state in STATES
    if (expected := OTHERWISE.get((row["operation"], state), row[state])) != "n/a" and row["operation"] in model.present()
]


@pytest.mark.parametrize(("operation", "applies_to", "state", "expected"), CELLS)
def test_cell(world, operation, applies_to, state, expected):
    tried = 0
    for kind in kinds(operation, applies_to, state):
        key = world.key(kind, state, fresh=expected == "ok" and EXAMPLES[operation].spoils)
        for parameters in requests(world, operation, key):
            answer = world.call(operation, parameters)
            assert (answer.status, answer.status == 200 or answer.error) == outcome(expected), f"{kind}: {answer}"
            if expected != "ok":
                check_text(answer.message or "", words(expected, operation, key, state))
        tried += 1
    assert tried, "no key of such a kind"


def outcome(expected):
    return (200, True) if expected == "ok" else (400, expected)


def requests(world, operation, key):
    parameters = EXAMPLES[operation].parameters(world, key)
    yield parameters
    if operation == "ReEncrypt":
        usable = world.key("symmetric")
        into = {"DestinationKeyId": key.arn, **key.algorithm("DestinationEncryptionAlgorithm")}
        yield {**EXAMPLES[operation].parameters(world, usable), **into}
        yield {**parameters, "DestinationKeyId": usable.arn, "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT"}


def words(expected, operation, key, state):
    if expected == "DisabledException":
        return f"{key.arn} is disabled."
    if expected == "UnsupportedOperationException":
        return f"{key.arn} origin is {key.origin_name} which is not valid for this operation."
    if operation == "CancelKeyDeletion":
        return f"{key.arn} is not pending deletion."
    text = WORDS[state]
    return text.format(arn=key.arn) if isinstance(text, str) else text


def test_the_table_is_about_all_operations():
    assert {row["operation"] for row in TABLE} == set(model.operations())
    assert set(STATES) | set(WITHOUT_ORIGIN) == set(model.service().shape_for("KeyState").enum)
    for row in TABLE:
        known = {"ok", "n/a"} | model.modelled_errors(row["operation"])
        assert {row[state] for state in STATES} <= known, f"an error that {row['operation']} does not have"
