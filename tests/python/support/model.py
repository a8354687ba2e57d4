"""Holds answers against the service model that the AWS SDK for Python is made from: nothing missing, nothing unknown."""

import base64
import binascii
import functools
import re

import botocore.session

FAULTS = {"KMSInternalException", "KeyUnavailableException", "DependencyTimeoutException"}
# What the service may answer although no operation lists it, each with the reason. Nothing else passes in any test.
OUTSIDE_THE_MODEL = {
    "AccessDeniedException": "authorization; common to all AWS services",
    "ExpiredTokenException": "authentication; common to all AWS services",
    "IncompleteSignatureException": "authentication; common to all AWS services",
    "InvalidSignatureException": "authentication; common to all AWS services",
    "MissingAuthenticationTokenException": "authentication; common to all AWS services",
    "SerializationException": "the body is not what the model says",
    "ThrottlingException": "request quotas; common to all AWS services",
    "UnrecognizedClientException": "authentication; common to all AWS services",
    "ValidationException": "constraints of the model, and rules between arguments",
}
# The same for one operation only.
OUTSIDE_THE_MODEL_OF_ONE = {
    ("CreateAlias", "NotAuthorizedException"): "the prefix alias/aws/ is reserved",
    ("DeleteAlias", "NotAuthorizedException"): "the prefix alias/aws/ is reserved",
    ("UpdateAlias", "NotAuthorizedException"): "the prefix alias/aws/ is reserved",
    ("CreateKey", "KMSInvalidStateException"): "the developer guide names it: an external key store proxy that denies access",
}

# Answers that AWS gives against its own model: texts by the shape that they break.
AS_AWS_DOES = {
    "GrantNameType": {""},  # a grant that was made without a name
}
# Operations that are not there yet. This list only shrinks: the tests also go red when one of these is there.
MISSING = set()


@functools.cache
def service():
    return botocore.session.get_session().get_service_model("kms")


@functools.cache
def operations():
    return sorted(service().operation_names)


def present():
    return [operation for operation in operations() if operation not in MISSING]


@functools.cache
def modelled_errors(operation):
    return frozenset(shape.error_code for shape in service().operation_model(operation).error_shapes)


@functools.cache
def pairs():
    """Every operation with each of its errors."""
    return frozenset((operation, error) for operation in operations() for error in modelled_errors(operation))


def problems(operation, answer):
    """Every difference between a successful JSON answer and the operation's output shape, as text."""
    shape = service().operation_model(operation).output_shape
    if shape is None:
        return [] if answer is None else [f"{operation}: an empty body is expected"]
    if answer is None:
        return [f"{operation}: the body is empty"]
    return list(differences(shape, answer, operation))


def error_problems(operation, status, error):
    """The same for the body of an error: of this operation or a common one, with the status that goes with it."""
    code = error.get("__type")
    found = []
    if not error_is_known(operation, code):
        found.append(f"{operation}: {error} is not an error of this operation")
    if status != (500 if code in FAULTS else 400):
        found.append(f"{operation}: {code} with status {status}")
    if not set(error) <= {"__type", "message"} or not isinstance(error.get("message", ""), str):
        found.append(f"{operation}: {error} has members that no error has")
    return found


def error_is_known(operation, code):
    return (
        code in modelled_errors(operation)
        or code in OUTSIDE_THE_MODEL
        or (operation, code) in OUTSIDE_THE_MODEL_OF_ONE
    )


def differences(shape, value, path):
    if value is None:
        yield f"{path}: null; absent members are left out"
    else:
        yield from CHECKS[shape.type_name](shape, value, path)


def structure(shape, value, path):
    if not isinstance(value, dict):
        yield f"{path}: not an object"
        return
    yield from (f"{path}.{name}: not in the model" for name in value if name not in shape.members)
    yield from (f"{path}.{name}: required and missing" for name in shape.required_members if name not in value)
    for name, member in shape.members.items():
        if name in value:
            yield from differences(member, value[name], f"{path}.{name}")


def listing(shape, value, path):
    if not isinstance(value, list):
        yield f"{path}: not a list"
        return
    yield from bounds(shape, len(value), path, "items")
    for index, item in enumerate(value):
        yield from differences(shape.member, item, f"{path}[{index}]")


def mapping(shape, value, path):
    if not isinstance(value, dict):
        yield f"{path}: not an object"
        return
    yield from bounds(shape, len(value), path, "entries")
    for name, item in value.items():
        yield from differences(shape.key, name, f"{path} key")
        yield from differences(shape.value, item, f"{path}.{name}")


def string(shape, value, path):
    if not isinstance(value, str):
        yield f"{path}: not a string"
        return
    if value in AS_AWS_DOES.get(shape.name, ()):
        return
    yield from bounds(shape, len(value), path, "characters")
    if shape.enum and value not in allowed(shape):
        yield f"{path}: {value} is not one of {allowed(shape)}"
    if not matches(shape, value):
        yield f"{path}: {value!r} does not match {shape.metadata['pattern']}"


def matches(shape, value):
    pattern = shape.metadata.get("pattern")
    return pattern is None or re.fullmatch(pattern, value, re.ASCII) is not None


def allowed(shape):
    """CustomerMasterKeySpec carries the value of KeySpec in every answer; its enumeration ended when it was deprecated."""
    if shape.name == "CustomerMasterKeySpec":
        return service().shape_for("KeySpec").enum
    return shape.enum


def blob(shape, value, path):
    try:
        yield from bounds(shape, len(base64.b64decode(value, validate=True)), path, "bytes")
    except (TypeError, ValueError, binascii.Error):
        yield f"{path}: not standard Base64"


def integer(shape, value, path):
    if isinstance(value, bool) or not isinstance(value, int):
        yield f"{path}: {value!r} is not a {shape.type_name}"
    else:
        yield from bounds(shape, value, path, "")


def boolean(shape, value, path):
    if not isinstance(value, bool):
        yield f"{path}: {value!r} is not a boolean"


def timestamp(shape, value, path):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        yield f"{path}: {value!r} is not a number of seconds"
    elif not 946_684_800 <= value < 4_102_444_800:
        yield f"{path}: {value!r} seconds is not in this century"
    elif round(value, 3) != value:
        yield f"{path}: {value!r} is finer than a millisecond"


def bounds(shape, size, path, what):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and size < least) or (most is not None and size > most):
        yield f"{path}: {size} {what}, not {least} to {most}"


CHECKS = {
    "structure": structure,
    "list": listing,
    "map": mapping,
    "string": string,
    "blob": blob,
    "boolean": boolean,
    "integer": integer,
    "long": integer,
    "timestamp": timestamp,
}
