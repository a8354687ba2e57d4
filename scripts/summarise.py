#!/usr/bin/env python3
"""Adds up what the suites counted and prints one line: "N passed, N failed[, N skipped]".

Reads the logs that scripts/step.sh wrote. A suite that left no count, or a step that failed without a failed test to show
for it, counts as one failure: a run that did not happen must never look like a run that passed.
"""

import argparse
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple


class Count(NamedTuple):
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Count(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def main():
    arguments = parse_arguments()
    total = Count()
    for suite in arguments.only or ("rust", "doc", "python", "node"):
        count = READERS[suite](arguments.logs)
        if count is None:
            print(f"   {suite:<8} no result")
            count = Count(failed=1)
        else:
            print(f"   {suite:<8} {line(count)}")
        if suite in arguments.broken and count.failed == 0:
            count += Count(failed=1)
        total += count
    for step in sorted(set(arguments.broken) - set(READERS)):
        print(f"   {step:<8} failed")
        total += Count(failed=1)
    print(line(total))
    return 1 if total.failed else 0


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=Path, required=True)
    parser.add_argument("--only", action="append", choices=list(READERS))
    parser.add_argument("--broken", action="append", default=[], help="a step that ended with another status than 0")
    return parser.parse_args()


def line(count):
    text = f"{count.passed} passed, {count.failed} failed"
    return f"{text}, {count.skipped} skipped" if count.skipped else text


def read_rust(logs):
    """cargo-nextest's one summary line, or the line that `cargo test` prints for each test binary."""
    text = read(logs / "rust.log")
    summary = re.findall(r"Summary \[.*?\] +(?:\d+/)?\d+ tests? run: (.*)", text)
    if summary:
        numbers = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", summary[-1])}
        failed = sum(numbers.get(word, 0) for word in ("failed", "timed", "exec"))
        return Count(numbers.get("passed", 0), failed, numbers.get("skipped", 0))
    return cargo_test(text)


def read_doc(logs):
    return cargo_test(read(logs / "doc.log"))


def cargo_test(text):
    results = re.findall(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", text)
    return sum((Count(*map(int, result)) for result in results), Count()) if results else None


def read_python(logs):
    try:
        suites = ElementTree.parse(logs / "python.xml").getroot().iter("testsuite")
    except (OSError, ElementTree.ParseError):
        return None
    total = Count()
    for suite in suites:
        tests, failures, errors, skipped = (
            int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")
        )
        total += Count(tests - failures - errors - skipped, failures + errors, skipped)
    return total if sum(total) else None


def read_node(logs):
    text = read(logs / "node.log")
    numbers = dict(re.findall(r"^\S+ (pass|fail|cancelled|skipped|todo) (\d+)$", text, re.MULTILINE))
    if "pass" not in numbers:
        return None
    number = lambda *names: sum(int(numbers.get(name, 0)) for name in names)
    count = Count(number("pass"), number("fail", "cancelled"), number("skipped", "todo"))
    return count if sum(count) else None


def read(path):
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


READERS = {"rust": read_rust, "doc": read_doc, "python": read_python, "node": read_node}

if __name__ == "__main__":
    sys.exit(main())
