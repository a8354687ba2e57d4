"""Holds answers against the service model that the AWS SDK for Python is made from: nothing missing, nothing unknown."""

import base64
import binascii
import functools

import botocore.session

OUTSIDE_THE_MODEL = {
    "AccessDeniedException",
    "ValidationException",
    "SerializationException",
    "UnknownOperationException",
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
    "NotAuthorizedException",
    "ThrottlingException",
}


@functools.cache
def service():
    return botocore.session.get_session().get_service_model("kms")


def problems(operation, answer):
    """Every difference between a successful JSON answer and the operation's output shape, as text."""
    shape = service().operation_model(operation).output_shape
    if shape is None:
        return [] if answer is None else [f"{operation}: an empty body is expected"]
    if answer is None:
        return [f"{operation}: the body is empty"]
    return list(differences(shape, answer, operation))


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
    for index, item in enumerate(value):
        yield from differences(shape.member, item, f"{path}[{index}]")


def mapping(shape, value, path):
    for name, item in value.items():
        yield from differences(shape.value, item, f"{path}.{name}")


def string(shape, value, path):
    if not isinstance(value, str):
        yield f"{path}: not a string"
    elif shape.enum and value not in allowed(shape):
        yield f"{path}: {value} is not one of {allowed(shape)}"


def allowed(shape):
    """CustomerMasterKeySpec carries the value of KeySpec in every answer; its enumeration ended when it was deprecated."""
    if shape.name == "CustomerMasterKeySpec":
        return service().shape_for("KeySpec").enum
    return shape.enum


def blob(shape, value, path):
    try:
        base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        yield f"{path}: not standard Base64"


def scalar(*types):
    def check(shape, value, path):
        if isinstance(value, bool) != (bool in types) or not isinstance(value, types):
            yield f"{path}: {value!r} is not a {shape.type_name}"

    return check


CHECKS = {
    "structure": structure,
    "list": listing,
    "map": mapping,
    "string": string,
    "blob": blob,
    "boolean": scalar(bool),
    "integer": scalar(int),
    "long": scalar(int),
    "timestamp": scalar(int, float),
}


def error_is_known(operation, code):
    modelled = {shape.error_code for shape in service().operation_model(operation).error_shapes}
    return code in modelled | OUTSIDE_THE_MODEL
