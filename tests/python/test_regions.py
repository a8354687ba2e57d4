"""One process serves many Regions, each a namespace of its own, told apart by the scope of the signature."""

import pytest

from conftest import uuid_of
from support.clients import kms_client
from support.expect import refused

TEN = [
    "us-east-1",
    "us-east-2",
    "us-west-2",
    "eu-central-1",
    "eu-west-1",
    "eu-north-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
    "ca-central-1",
]


@pytest.mark.parametrize("region", TEN)
def test_the_whole_way_in_each_region(server, root, region):
    kms = kms_client(server, server.caller, region=region)
    old, new = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    assert old.startswith(f"arn:aws:kms:{region}:{root.account}:key/")
    blob = kms.encrypt(KeyId=old, Plaintext=b"p")["CiphertextBlob"]
    moved = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=new)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"p"


def test_a_region_knows_nothing_of_another_ones_keys_and_aliases(server, kms, make_key, make_alias):
    arn = make_key()
    make_alias("alias/same-name", arn)
    elsewhere = kms_client(server, server.caller, region="eu-west-1")
    with refused("NotFoundException", f"Key '{arn.replace('us-east-1', 'eu-west-1')}' does not exist"):
        elsewhere.describe_key(KeyId=uuid_of(arn))
    with refused("NotFoundException", "Invalid arn us-east-1"):
        elsewhere.describe_key(KeyId=arn)
    twin = elsewhere.create_key()["KeyMetadata"]["Arn"]
    elsewhere.create_alias(AliasName="alias/same-name", TargetKeyId=twin)
    assert elsewhere.describe_key(KeyId="alias/same-name")["KeyMetadata"]["Arn"] == twin
    assert kms.describe_key(KeyId="alias/same-name")["KeyMetadata"]["Arn"] == arn
    pages = elsewhere.get_paginator("list_keys").paginate()
    assert arn not in [entry["KeyArn"] for page in pages for entry in page["Keys"]]
    elsewhere.delete_alias(AliasName="alias/same-name")
