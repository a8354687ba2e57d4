"""A plugin of pytest that knows whether everything was run, and lets the tests of test_whole_suite.py look at it last."""

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1]
LAST = "test_whole_suite.py"
DESELECTED = pytest.StashKey[int]()
FILES = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[DESELECTED] = 0
    config.stash[FILES] = sorted(path.name for path in FOLDER.glob("test_*.py"))


def pytest_deselected(items):
    if items:
        items[0].config.stash[DESELECTED] += len(items)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name == LAST)


def left_out(session):
    """Why this was not a run of all tests, in words; None when it was."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return "the tests run in several processes, and each has seen a part only"
    if deselected := session.config.stash[DESELECTED]:
        return f"{deselected} tests were deselected"
    if named := [argument for argument in session.config.args if "::" in argument]:
        return f"only {named} were asked for"
    run = {item.path.name for item in session.items}
    if missing := [name for name in session.config.stash[FILES] if name not in run]:
        return f"{len(missing)} files were not run, such as {missing[0]}"
    return None
