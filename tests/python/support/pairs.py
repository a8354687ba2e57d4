"""data/errors.csv: every error of the service model with the operation that it belongs to, and whether the suite provokes it.

A row without a reason is provoked by some test. A row with one is not, and the reason says why it cannot be.
"""

import csv
import functools
from pathlib import Path

TABLE = Path(__file__).resolve().parents[1] / "data" / "errors.csv"


@functools.cache
def reasons():
    """(operation, error) to the reason why it cannot be provoked, or "" for those that are."""
    with TABLE.open() as file:
        rows = [tuple(row) for row in csv.reader(file)]
    assert rows[0] == ("operation", "error", "why it cannot be"), rows[0]
    assert rows[1:] == sorted(set(rows[1:])), "sorted, each once"
    found = {(operation, error): reason for operation, error, reason in rows[1:]}
    assert len(found) == len(rows) - 1, "each pair once"
    return found


def differences(model, provoked):
    """What does not fit together, as text: the list, the pairs of the model, and those provoked (None: not known)."""
    listed = reasons()
    yield from (f"{pair} of the model is not in the list" for pair in sorted(model - listed.keys()))
    yield from (f"{pair} is in the list and not in the model" for pair in sorted(listed.keys() - model))
    for pair, reason in listed.items():
        if provoked is not None and bool(reason) == (pair in provoked):
            told = f"was provoked, although {reason}" if reason else "is to be provoked, and no test did"
            yield f"{pair} {told}"
