"""TagResource, UntagResource, ListResourceTags, and tags given at creation."""

import pytest

from support.expect import assert_refused, refused, violation, violations


def tag(key, value="v"):
    return {"TagKey": key, "TagValue": value}


def tags_of(kms, arn):
    pages = kms.get_paginator("list_resource_tags").paginate(KeyId=arn)
    return {entry["TagKey"]: entry["TagValue"] for page in pages for entry in page["Tags"]}


def test_tags_are_set_overwritten_and_removed(kms, make_key):
    arn = make_key(Tags=[tag("Team", "Blue"), tag("empty", "")])
    assert tags_of(kms, arn) == {"Team": "Blue", "empty": ""}
    kms.tag_resource(KeyId=arn, Tags=[tag("Team", "Red"), tag("team", "other case, other tag")])
    assert tags_of(kms, arn) == {"Team": "Red", "empty": "", "team": "other case, other tag"}
    kms.untag_resource(KeyId=arn, TagKeys=["Team", "never-there"])
    assert tags_of(kms, arn) == {"empty": "", "team": "other case, other tag"}


def test_the_longest_tag_and_characters_beyond_ascii(kms, make_key):
    arn = make_key(Tags=[tag("k" * 128, "v" * 256), tag("Ort", "Straße")])
    assert tags_of(kms, arn) == {"k" * 128: "v" * 256, "Ort": "Straße"}


def test_the_same_tag_twice_in_one_request(kms, key):
    with refused("TagException", "Duplicate tag keys"):
        kms.create_key(Tags=[tag("a"), tag("a", "w")])
    with refused("TagException", "Duplicate tag keys"):
        kms.tag_resource(KeyId=key, Tags=[tag("a"), tag("a", "w")])


@pytest.mark.parametrize("name", ["aws:mine", "AWS:mine", "aWs:x"])
def test_names_of_the_provider_are_reserved(kms, key, name):
    for call in (
        lambda: kms.create_key(Tags=[tag(name)]),
        lambda: kms.tag_resource(KeyId=key, Tags=[tag(name)]),
        lambda: kms.untag_resource(KeyId=key, TagKeys=[name]),
    ):
        with refused("TagException", "Tags beginning with aws: are reserved"):
            call()


def test_fifty_tags_and_not_one_more(kms, make_key):
    fifty = [tag(f"t{number}") for number in range(50)]
    arn = make_key(Tags=fifty)
    assert len(tags_of(kms, arn)) == 50
    with refused("TagException", "Too many tags"):
        kms.tag_resource(KeyId=arn, Tags=[tag("t50")])
    with refused("TagException", "Too many tags"):
        kms.create_key(Tags=[*fifty, tag("t50")])
    kms.tag_resource(KeyId=arn, Tags=[tag("t0", "an old one may still change")])


def test_lengths_are_told_with_their_place(raw, key):
    answer = raw.call("TagResource", {"KeyId": key, "Tags": [tag("ok"), tag("k" * 129)]})
    expected = violation("Member must have length less than or equal to 128", "tags.2.member.tagKey", "k" * 129)
    assert_refused(answer, "ValidationException", violations(expected))
    answer = raw.call("TagResource", {"KeyId": key, "Tags": [tag("k", "v" * 257)]})
    expected = violation("Member must have length less than or equal to 256", "tags.1.member.tagValue", "v" * 257)
    assert_refused(answer, "ValidationException", violations(expected))


def test_tags_take_no_alias(kms, key, make_alias):
    alias = make_alias("alias/untaggable", key)
    with refused("NotFoundException", f"Invalid keyId '{alias}'"):
        kms.tag_resource(KeyId=alias, Tags=[tag("a")])
