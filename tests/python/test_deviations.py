"""Where the service answers otherwise than AWS does or may do: the limits that docs/deviations.toml names and that no other
test shows. Whoever lifts one of them changes both.
"""

import json

import pytest

from conftest import statement
from support.clients import kms_client
from support.expect import ANY_TEXT, assert_refused, refused
from support.wrapping import pkcs8

NEWER_SPECS = ["ECC_NIST_EDWARDS25519", "ML_DSA_44", "ML_KEM_512"]


@pytest.mark.parametrize("principal", ["arn:aws:iam::12:root", "arn:aws:iam::111122223333", "arn:x"])
def test_a_broken_arn_in_a_policy_is_a_malformed_policy(kms, root_arn, principal):
    policy = {"Version": "2012-10-17", "Statement": [statement("Allow", arn, "kms:*") for arn in (root_arn, principal)]}
    with refused("MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals."):
        kms.create_key(Policy=json.dumps(policy))


def test_a_key_is_usable_at_once_in_every_region(server, root, kms):
    there = kms_client(server, root, region="eu-west-1")
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    made = kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")["ReplicaKeyMetadata"]
    assert made["KeyState"] == "Enabled"
    kms.update_primary_region(KeyId=key, PrimaryRegion="eu-west-1")
    for client in (kms, there):
        assert client.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


@pytest.mark.parametrize("spec", NEWER_SPECS)
def test_the_older_name_of_the_key_spec_carries_newer_specs_in_answers_alone(kms, raw, spec):
    usage = "ENCAPSULATE_DECAPSULATE" if spec == "ML_KEM_512" else "SIGN_VERIFY"
    made = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
    assert made["CustomerMasterKeySpec"] == made["KeySpec"] == spec
    asked = {"CustomerMasterKeySpec": spec, "KeyUsage": usage}
    assert_refused(raw.call("CreateKey", asked), "ValidationException", ANY_TEXT)


def test_ciphertext_has_a_form_of_its_own(kms, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    assert blob[:4] == b"rSe1" and len(blob) == 137 + 1
    # As blobs of AWS begin.
    foreign = b"\x01\x02\x02\x00" + blob[4:]
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=foreign)
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=foreign, KeyId=key)


def test_a_public_key_outlives_its_key_material_but_is_not_there_before(kms, external, bring, rsa_key):
    arn = external("RSA_2048", "SIGN_VERIFY")
    with refused("KMSInvalidStateException", f"{arn} is pending import."):
        kms.get_public_key(KeyId=arn)
    bring(arn, pkcs8(rsa_key), "RSA_AES_KEY_WRAP_SHA_256", "RSA_2048")
    known = kms.get_public_key(KeyId=arn)["PublicKey"]
    kms.delete_imported_key_material(KeyId=arn)
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingImport"
    assert kms.get_public_key(KeyId=arn)["PublicKey"] == known
    kms.schedule_key_deletion(KeyId=arn)
    with refused("KMSInvalidStateException", f"{arn} is pending deletion."):
        kms.get_public_key(KeyId=arn)


def test_nobody_shares_keys(kms, key):
    assert kms.list_keys(ResourceOwners=["OTHER_ACCOUNTS_VIA_RAM"])["Keys"] == []
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]


def test_aliases_of_aws_services_lead_nowhere(kms, root):
    arn = f"arn:aws:kms:us-east-1:{root.account}:alias/aws/s3"
    with refused("NotFoundException", f"Alias {arn} is not found."):
        kms.describe_key(KeyId="alias/aws/s3")


def test_only_configured_regions_are_there(server, root):
    kms = kms_client(server, root, region="xx-nowhere-7")
    with refused("InvalidSignatureException", "Credential should be scoped to a valid region, not 'xx-nowhere-7'."):
        kms.create_key()
