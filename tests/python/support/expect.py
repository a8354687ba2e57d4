"""`with refused(code, text):` says which error a call must end in, to the letter."""

import json
import re
from contextlib import contextmanager

from botocore.exceptions import ClientError

from .model import FAULTS

NO_TEXT = ""
ANY_TEXT = re.compile(".*", re.DOTALL)
DRY_RUN_TEXT = "The request would have succeeded, but the DryRun option is set."
INCORRECT_KEY_TEXT = "The key ID in the request does not identify a CMK that can perform this operation."
NOT_BY_CIPHERTEXT = (
    "User: {caller} is not authorized to perform: kms:{action} on the resource associated with this ciphertext because the "
    "resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly "
    "denies access"
)


def not_allowed(caller, action, resource, by="resource"):
    """The text of a refusal because no policy on the side of the resource (or `by="identity"`: of the caller) allows."""
    return (
        f"User: {caller} is not authorized to perform: kms:{action} on resource: {resource} "
        f"because no {by}-based policy allows the kms:{action} action"
    )


def explicitly_denied(caller, action, resource):
    return (
        f"User: {caller} is not authorized to perform: kms:{action} on resource: {resource} "
        "with an explicit deny in a resource-based policy"
    )


@contextmanager
def refused(code, text=ANY_TEXT):
    """The block ends in this error; `text` is the whole message, a compiled pattern for it, or NO_TEXT for none at all."""
    try:
        yield
    except ClientError as error:
        got = error.response["Error"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert (got["Code"], status) == (code, 500 if code in FAULTS else 400), f"expected {code}, got {status} {got}"
        check_text(got.get("Message", ""), text)
    else:
        raise AssertionError(f"expected {code}, but the call succeeded")


def check_text(got, expected):
    if isinstance(expected, re.Pattern):
        assert expected.fullmatch(got), f"{got!r} does not match {expected.pattern!r}"
    else:
        assert got == expected


def assert_refused(answer, code, text=ANY_TEXT, status=400):
    """The same for an answer to a hand-made request."""
    assert (answer.status, answer.error) == (status, code), answer
    if text is NO_TEXT:
        assert "message" not in json.loads(answer.body), answer
    else:
        check_text(answer.message or "", text)


def violation(rule, path, value=None, quoted=True):
    """One constraint violation in AWS's words; `quoted` False leaves the value out, as for blobs."""
    shown = f" '{value}'" if value is not None else " null"
    return f"Value{shown if quoted else ''} at '{path}' failed to satisfy constraint: {rule}"


def violations(*each):
    noun = "error" if len(each) == 1 else "errors"
    return f"{len(each)} validation {noun} detected: {'; '.join(each)}"
