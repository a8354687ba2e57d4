"""Requests that break one constraint of the service model each, with the words that AWS has for it, for every member of
every operation. All made from the model: a new member or limit is tested as soon as the model has it."""

import base64
import copy
import functools
import json
import re
from typing import NamedTuple

from .model import matches, service

NOWHERE = "1234abcd-12ab-34cd-56ef-1234567890ab"  # no key: constraints are answered before any key is looked for
HIDDEN = {"GrantTokenType"}  # not marked as sensitive in the model, and yet no text may tell it
# For patterns that no simple guess meets.
EXAMPLES = {
    "AccountIdType": "111122223333",
    "AliasNameType": "alias/x",
    "BackingKeyIdType": "a" * 64,
    "CloudHsmClusterIdType": "cluster-aaaaaaaaaaa",
    "GrantConstraintSourceArnType": "arn:aws:s3:us-east-1:111122223333:b",
    "KeyIdType": NOWHERE,
    "PolicyType": "{}",
    "RegionType": "us-west-2",
    "ServicePrincipalType": "a.example.com",
    "XksProxyUriEndpointType": "https://x.example.com",
    "XksProxyUriPathType": "/kms/xks/v1",
    "XksProxyVpcEndpointServiceNameType": "com.amazonaws.vpce.us-east-1.vpce-svc-0",
    "XksProxyAuthenticationAccessKeyIdType": "A" * 20,
    "XksProxyAuthenticationRawSecretAccessKeyType": "A" * 43,
}
# Required in effect, though the model says otherwise since a dry run may leave it out.
NEEDED = {"Decrypt": ["CiphertextBlob"], "ReEncrypt": ["CiphertextBlob"]}
# The model has 1,000 for all lists; these say less in their prose.
MOST_LISTED = {"ListAliases": 100, "ListGrants": 100, "ListRetirableGrants": 100, "ListResourceTags": 50}
# Values of each JSON type; a member refuses all that its shape is not.
JSON_VALUES = {"string": "text", "number": 1, "fraction": 1.5, "true": True, "list": ["x"], "object": {"a": "b"}}
FITTING = {
    "string": {"string"},
    "blob": {"string"},
    "integer": {"number"},
    "long": {"number"},
    "timestamp": {"number", "fraction"},
    "boolean": {"true"},
    "list": {"list"},
    "map": {"object"},
    "structure": {"object"},
}


class Case(NamedTuple):
    """A body and the violations it must be told; `None` for a body of the wrong type."""

    name: str
    body: dict
    violations: list


def cases(operation):
    shape = request_shape(operation)
    whole = example(shape)
    for name in shape.members:
        yield from of_member(shape, name, whole, (), whole)
    yield from wrong_types(shape, whole, (), whole)
    if len(shape.required_members) > 1:
        yield Case("everything missing", {}, [null(path_of((name,))) for name in shape.required_members])


@functools.cache
def request_shape(operation):
    shape = service().operation_model(operation).input_shape
    shape.required_members = [*shape.required_members, *NEEDED.get(operation, [])]
    if operation in MOST_LISTED:
        shape.members["Limit"].metadata["max"] = MOST_LISTED[operation]
    return shape


def example(shape):
    """A value that keeps all constraints: of structures, the required members alone."""
    if shape.type_name == "structure":
        return {name: example(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [example(shape.member)] * max(1, shape.metadata.get("min", 1))
    if shape.type_name == "map":
        return {"key": "value"}
    if shape.type_name == "blob":
        return encode(b"x" * max(1, shape.metadata.get("min", 1)))
    if shape.type_name in ("integer", "long"):
        return shape.metadata.get("min", 1)
    if shape.type_name == "boolean":
        return False
    if shape.type_name == "timestamp":
        return 4_000_000_000
    value = shape.enum[0] if shape.enum else EXAMPLES.get(shape.name) or "x" * max(1, shape.metadata.get("min", 1))
    assert matches(shape, value), f"{shape.name} needs an example for {shape.metadata['pattern']}"
    return value


def of_member(parent, name, container, place, whole):
    """Cases for the member `name` of the structure that stands at `place` in the request."""
    shape, here = parent.members[name], (*place, name)
    if name in parent.required_members:
        yield Case(f"{path_of(here)} missing", changed(whole, here, None), [null(path_of(here))])
    yield from of_value(shape, here, whole)


def of_value(shape, here, whole):
    for what, value in broken_values(shape):
        yield Case(f"{path_of(here)} {what}", changed(whole, here, value), violations(shape, value, here))
    if shape.type_name == "list":
        first = (*here, 0)
        inside = changed(whole, here, [example(shape.member)])
        yield from of_value(shape.member, first, inside)
        if shape.member.type_name == "structure":
            for name in shape.member.members:
                yield from of_member(shape.member, name, None, first, inside)
    elif shape.type_name == "structure":
        inside = changed(whole, here, example(shape))
        for name in shape.members:
            yield from of_member(shape, name, None, here, inside)


def broken_values(shape):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name in ("integer", "long"):
        yield from ((what, value) for what, value in (("low", least - 1), ("high", most + 1), ("negative", -1)))
    elif shape.type_name == "list":
        if most is not None:
            yield "too many", [example(shape.member)] * (most + 1)
        if least:
            yield "too few", [example(shape.member)] * (least - 1)
    elif shape.type_name == "blob":
        yield "short", encode(b"x" * (least - 1))
        yield "long", encode(b"x" * (most + 1))
    elif shape.type_name == "string":
        if shape.enum:
            yield from (("unknown", "NO_SUCH_VALUE"), ("in lower case", shape.enum[0].lower()), ("empty", ""))
        elif least is not None or most is not None:
            yield from broken_texts(shape, least or 0, most)


def broken_texts(shape, least, most):
    fine = example(shape)
    if least:
        yield "short", fine[: least - 1]
    if most is not None:
        yield "long", fine + fine[-1] * (most + 1 - len(fine))
    if "pattern" in shape.metadata:
        for what, end in (("with a snowman", "\N{SNOWMAN}"), ("with a NUL", "\0"), ("with a line feed at the end", "\n")):
            value = fine[:-1] + end
            if not matches(shape, value):
                yield what, value


def violations(shape, value, here):
    """What must be told of a value that has the right JSON type."""
    path = path_of(here)
    if shape.type_name in ("integer", "long"):
        return [say(path, value, rule) for rule in beyond(shape, value, "value")]
    if shape.type_name == "list":
        return [say(path, None, rule) for rule in beyond(shape, len(value), "length")]
    if shape.type_name == "blob":
        return [say(path, None, rule) for rule in beyond(shape, len(base64.b64decode(value)), "length")]
    shown = None if shape.metadata.get("sensitive") or shape.name in HIDDEN else value
    rules = list(beyond(shape, len(value), "length"))
    if shape.enum and value not in shape.enum:
        rules.append(f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    if not matches(shape, value):
        rules.append(f"Member must satisfy regular expression pattern: {shape.metadata['pattern']}")
    return [say(path, shown, rule) for rule in rules]


def beyond(shape, size, what):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"Member must have {what} greater than or equal to {least}"
    if most is not None and size > most:
        yield f"Member must have {what} less than or equal to {most}"


def wrong_types(shape, container, place, whole):
    """A value of every JSON type that a member does not have, at every depth."""
    for name, member in shape.members.items():
        yield from wrong_values(member, (*place, name), whole)


def wrong_values(shape, here, whole):
    for kind, value in JSON_VALUES.items():
        if kind not in FITTING[shape.type_name]:
            yield Case(f"{path_of(here)} is a {kind}", changed(whole, here, value), None)
    if shape.type_name == "blob":
        yield Case(f"{path_of(here)} is no Base64", changed(whole, here, "****"), None)
    if shape.type_name in ("integer", "long"):
        yield Case(f"{path_of(here)} is enormous", changed(whole, here, 10**30), None)
    if shape.type_name == "list":
        yield from wrong_values(shape.member, (*here, 0), changed(whole, here, [example(shape.member)]))
    elif shape.type_name == "map":
        yield from wrong_values(shape.value, (*here, "key"), changed(whole, here, {"key": "value"}))
    elif shape.type_name == "structure":
        yield from wrong_types(shape, None, here, changed(whole, here, example(shape)))


def changed(whole, place, value):
    """A copy of the request with this value at that place; `None` takes a member out."""
    copied = copy.deepcopy(whole)
    *way, last = place
    at = copied
    for step in way:
        at = at[step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return copied


def path_of(place):
    """`Tags`, first element, `TagKey` is `tags.1.member.tagKey`."""
    steps = (f"{step + 1}.member" if isinstance(step, int) else step[0].lower() + step[1:] for step in place)
    return ".".join(steps)


def null(path):
    return f"Value null at '{path}' failed to satisfy constraint: Member must not be null"


def say(path, value, rule):
    shown = "" if value is None else f" '{value}'"
    return f"Value{shown} at '{path}' failed to satisfy constraint: {rule}"


def encode(data):
    return base64.b64encode(data).decode()


def told(message):
    """The violations in a message, each in a form that can be compared: the order of an enumeration says nothing."""
    heading, _, rest = message.partition(" detected: ")
    count, _, noun = heading.partition(" ")
    each = re.split(r"; (?=Value (?:'|null|at ))", rest)
    assert (int(count), noun) == (len(each), "validation error" if len(each) == 1 else "validation errors"), message
    return sorted(map(comparable, each))


def comparable(violation):
    start, mark, names = violation.partition("enum value set: [")
    return start + mark + ", ".join(sorted(names.rstrip("]").split(", "))) if mark else violation


def as_text(body):
    return json.dumps(body)[:200]
