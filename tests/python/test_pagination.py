"""Lists in pages: nothing lost, nothing twice, and a marker is good for the list that it came from."""

import pytest

from conftest import SECOND_ACCOUNT, uuid_of
from support.clients import kms_client
from support.expect import assert_refused, refused, violation, violations

REGION = "ap-south-1"
"""A Region that no other test makes keys in, so that counts are exact."""
KEYS = 105
ALIASES = 53


@pytest.fixture(scope="module")
def quiet(server):
    kms = kms_client(server, server.caller, region=REGION)
    arns = [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(KEYS)]
    for number in range(ALIASES):
        kms.create_alias(AliasName=f"alias/page/{number:03}", TargetKeyId=arns[number])
    return kms, arns


def pages_of(call, items, **arguments):
    """Follows the markers by hand; checks what each page says about itself."""
    pages, marker = [], {}
    while True:
        answer = call(**arguments, **marker)
        pages.append(answer[items])
        assert answer["Truncated"] is ("NextMarker" in answer)
        if not answer["Truncated"]:
            return pages
        assert 1 <= len(answer["NextMarker"]) <= 1024
        marker = {"Marker": answer["NextMarker"]}


@pytest.mark.parametrize("limit", [1, 7, 104, 105, 106, 1000])
def test_keys_in_pages(quiet, limit):
    kms, arns = quiet
    pages = pages_of(kms.list_keys, "Keys", Limit=limit)
    assert all(len(page) <= limit for page in pages)
    assert sorted(entry["KeyArn"] for page in pages for entry in page) == sorted(arns)


def test_how_many_come_when_nobody_says(quiet):
    kms, _ = quiet
    assert len(kms.list_keys()["Keys"]) == 100
    assert len(kms.list_aliases()["Aliases"]) == 50


@pytest.mark.parametrize("limit", [1, 10, 53, 100])
def test_aliases_in_pages(quiet, limit):
    kms, _ = quiet
    pages = pages_of(kms.list_aliases, "Aliases", Limit=limit)
    names = sorted(entry["AliasName"] for page in pages for entry in page)
    assert names == [f"alias/page/{number:03}" for number in range(ALIASES)]


def test_aliases_of_one_key_in_pages(quiet):
    kms, arns = quiet
    names = [f"alias/one-key/{number}" for number in range(5)]
    for name in names:
        kms.create_alias(AliasName=name, TargetKeyId=arns[-1])
    pages = pages_of(kms.list_aliases, "Aliases", KeyId=arns[-1], Limit=2)
    assert sorted(entry["AliasName"] for page in pages for entry in page) == names
    for name in names:
        kms.delete_alias(AliasName=name)


def test_tags_in_pages(quiet):
    kms, arns = quiet
    kms.tag_resource(KeyId=arns[0], Tags=[{"TagKey": f"t{number}", "TagValue": "v"} for number in range(9)])
    pages = pages_of(kms.list_resource_tags, "Tags", KeyId=arns[0], Limit=4)
    assert sorted(entry["TagKey"] for page in pages for entry in page) == [f"t{number}" for number in range(9)]


def test_a_key_that_leaves_meanwhile_disturbs_no_page(quiet):
    kms, arns = quiet
    first = kms.list_keys(Limit=40)
    kms.schedule_key_deletion(KeyId=first["Keys"][-1]["KeyId"])
    marker, seen = first["NextMarker"], [entry["KeyArn"] for entry in first["Keys"]]
    while marker:
        answer = kms.list_keys(Limit=40, Marker=marker)
        seen += [entry["KeyArn"] for entry in answer["Keys"]]
        marker = answer.get("NextMarker")
    assert sorted(seen) == sorted(arns)


def test_a_marker_that_nobody_gave_out(quiet):
    kms, arns = quiet
    for call, arguments in (
        (kms.list_keys, {}),
        (kms.list_aliases, {}),
        (kms.list_resource_tags, {"KeyId": arns[0]}),
    ):
        for marker in ("made-up", "AAAA", "x" * 1024):
            with refused("InvalidMarkerException"):
                call(Marker=marker, **arguments)


def test_a_marker_for_the_list_that_never_has_two_pages(kms, key):
    assert kms.list_key_policies(KeyId=key, Limit=1) | {"ResponseMetadata": None} == {
        "PolicyNames": ["default"],
        "Truncated": False,
        "ResponseMetadata": None,
    }
    with refused("ValidationException"):
        kms.list_key_policies(KeyId=key, Marker="made-up")


def test_a_marker_of_another_list(quiet, server, other):
    kms, arns = quiet
    marker = kms.list_keys(Limit=1)["NextMarker"]
    alias_marker = kms.list_aliases(Limit=1)["NextMarker"]
    foreign = kms_client(server, other, region=REGION)
    elsewhere = kms_client(server, server.caller, region="eu-west-2")
    assert other.account == SECOND_ACCOUNT
    for call in (
        lambda: kms.list_aliases(Marker=marker),
        lambda: kms.list_keys(Marker=alias_marker),
        lambda: kms.list_aliases(KeyId=arns[0], Marker=alias_marker),
        lambda: foreign.list_keys(Marker=marker),
        lambda: elsewhere.list_keys(Marker=marker),
        lambda: kms.list_keys(Marker=marker[:-1]),
        lambda: kms.list_keys(Marker=("A" if marker[0] != "A" else "B") + marker[1:]),
    ):
        with refused("InvalidMarkerException"):
            call()


@pytest.mark.parametrize(
    ("operation", "most"),
    [
        ("ListKeys", 1000),
        ("ListKeyPolicies", 1000),
        ("ListAliases", 100),
        ("ListGrants", 100),
        ("ListResourceTags", 50),
        ("ListRetirableGrants", 100),
    ],
)
def test_limits_of_the_limit(raw, root_arn, key, operation, most):
    named = {} if operation in ("ListKeys", "ListAliases") else {"KeyId": key}
    if operation == "ListRetirableGrants":
        named = {"RetiringPrincipal": root_arn}
    assert raw.call(operation, {**named, "Limit": most}).status == 200
    low = violation("Member must have value greater than or equal to 1", "limit", "0")
    assert_refused(raw.call(operation, {**named, "Limit": 0}), "ValidationException", violations(low))
    assert_refused(raw.call(operation, {**named, "Limit": most + 1}), "ValidationException")


def test_a_marker_that_is_too_long(raw):
    long = "x" * 1025
    expected = violation("Member must have length less than or equal to 1024", "marker", long)
    assert_refused(raw.call("ListKeys", {"Marker": long}), "ValidationException", violations(expected))


def test_aliases_of_a_key_that_does_not_exist(kms, unknown_key):
    for identifier in (unknown_key, uuid_of(unknown_key)):
        with refused("NotFoundException", f"Key '{unknown_key}' does not exist"):
            kms.list_aliases(KeyId=identifier)
