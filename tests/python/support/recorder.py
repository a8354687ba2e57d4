"""What was seen on the wire over the whole run: which client called which operation with success, and which errors each
operation answered, each with the tests that saw it. The tests of `test_whole_suite.py` read it at the end."""

import os
import threading
from collections import defaultdict

BOTO3, CLI, RAW = "boto3", "AWS CLI", "raw HTTP"


class Recorder:
    def __init__(self):
        self.lock = threading.Lock()
        self.successes = defaultdict(set)
        self.errors = defaultdict(set)

    def success(self, client, operation):
        with self.lock:
            self.successes[client].add(operation)

    def error(self, operation, code):
        with self.lock:
            self.errors[operation, code].add(current_test())


def current_test():
    """`test_file.py::test_name[parameters]` of the running test."""
    name = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
    place, bracket, parameters = name.partition("[")
    return place.rpartition("/")[2] + bracket + parameters


SEEN = Recorder()
