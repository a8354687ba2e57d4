"""Modelled errors of every operation, each with its words. Made from the examples where one rule serves many operations, and
written out where not.
"""

import json

import pytest

from support import model
from support.examples import EXAMPLES, KEY_MEMBER, request
from support.expect import DRY_RUN_TEXT, INCORRECT_KEY_TEXT, NO_TEXT, assert_refused
from support.pairs import reasons
from support.world import HERE, THERE, THIRD
from support.wrapping import WRONG_MATERIAL

NO_KEY = f"arn:aws:kms:{HERE}:111122223333:key/00000000-1111-4222-8333-444444444444"
NO_ARN = f"arn:aws:kms:{HERE}:111122223333:key"
MARKER_TEXT = "The marker is not valid for this request."
GRANT_TOKEN_TEXT = "The grant token is not valid."


def unknown_key(world, operation, parameters):
    return {**parameters, KEY_MEMBER.get(operation, "KeyId"): NO_KEY}, f"Key '{NO_KEY}' does not exist"


def broken_arn(world, operation, parameters):
    return {**parameters, KEY_MEMBER.get(operation, "KeyId"): NO_ARN}, f"Invalid arn {NO_ARN}"


def dry_run(world, operation, parameters):
    return {**parameters, "DryRun": True}, DRY_RUN_TEXT


def unknown_grant_token(world, operation, parameters):
    return {**parameters, "GrantTokens": ["AAAA"]}, GRANT_TOKEN_TEXT


def unknown_marker(world, operation, parameters):
    return {**parameters, "Marker": "nothing"}, MARKER_TEXT


def other_usage(world, operation, parameters):
    other = world.key("symmetric" if "symmetric" not in EXAMPLES[operation].kinds else "hmac")
    usage = "ENCRYPT_DECRYPT" if other.sort == "symmetric" else "GENERATE_VERIFY_MAC"
    text = f"{other.arn} key usage is {usage} which is not valid for {operation}."
    return {**parameters, KEY_MEMBER.get(operation, "KeyId"): other.arn}, text


def other_algorithm(world, operation, parameters):
    algorithm = "RSAES_OAEP_SHA_256"
    text = f"Algorithm {algorithm} is incompatible with key spec SYMMETRIC_DEFAULT."
    return {**parameters, "EncryptionAlgorithm": algorithm}, text


def malformed_grant_id(world, operation, parameters):
    return {"KeyId": world.key("symmetric").arn, "GrantId": "x"}, "Grant ID x is not valid."


def fixed(text, **parameters):
    return lambda world, operation, example: ({**example, **parameters}, text)


def policy(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def tags(*keys):
    return [{"TagKey": key, "TagValue": "v"} for key in keys]


def no_alias(world, operation, parameters):
    name = f"alias/{world.name()}"
    return {**parameters, "AliasName": name}, f"Alias arn:aws:kms:{HERE}:{world.root.account}:{name} is not found."


def taken_alias(world, operation, parameters):
    name = world.alias()
    arn = f"arn:aws:kms:{HERE}:{world.root.account}:{name}"
    return {**parameters, "AliasName": name}, f"An alias with the name {arn} already exists"


def taken_region(world, operation, parameters):
    arn = parameters["KeyId"].replace(HERE, THERE)
    return {**parameters, "ReplicaRegion": THERE}, f"Key '{arn}' already exists"


def not_primary(world, operation, parameters):
    arn = world.key("symmetric").arn
    return {**parameters, "KeyId": arn}, f"{arn} is not a multi-region primary key."


def other_material(world, operation, parameters):
    key = world.key("imported symmetric")
    other = key.material.wrap(b"x" * 32)
    return {"KeyId": key.arn, **other}, WRONG_MATERIAL


def public_key_of_none(world, operation, parameters):
    arn = world.key("symmetric").arn
    return {"KeyId": arn}, f"{arn} is not an asymmetric key and has no public key."


def no_store(world, operation, parameters):
    in_it = {"Origin": "EXTERNAL_KEY_STORE", "XksKeyId": "x"} if operation == "CreateKey" else {}
    return {**parameters, **in_it, "CustomKeyStoreId": NO_STORE}, NO_STORE_TEXT


def in_store(text, connected=True, **parameters):
    """With a key store of its own."""

    def change(world, operation, example):
        store = world.stores.new(connected=connected)
        return {**example, "CustomKeyStoreId": store, **parameters}, text

    return change


def other_key(member):
    return lambda world, operation, example: ({**example, member: world.key("hmac").arn}, INCORRECT_KEY_TEXT)


def damaged(member):
    def change(world, operation, parameters):
        blob = parameters[member]
        return {**parameters, member: blob[:-1] + bytes([blob[-1] ^ 1])}, NO_TEXT

    return change


def principal(member):
    return lambda world, operation, example: ({**example, member: "arn:aws:iam"}, "Invalid arn arn:aws:iam")


def no_principal(world, operation, parameters):
    arn = f"arn:aws:iam::{world.root.account}:user/{world.name()}"
    return {**parameters, "RetiringPrincipal": arn}, f"Principal {arn} is not found."


def with_key(kind, text):
    return lambda world, operation, example: ({**example, "KeyId": world.key(kind).arn}, text)


def no_replica(world, operation, parameters):
    arn = parameters["KeyId"].replace(HERE, THIRD)
    return {**parameters, "PrimaryRegion": THIRD}, f"Key '{arn}' does not exist"


# By the error, for every operation that has it and no line in SPECIAL.
COMMON = {
    "CustomKeyStoreNotFoundException": no_store,
    "DryRunOperationException": dry_run,
    "InvalidArnException": broken_arn,
    "InvalidGrantIdException": malformed_grant_id,
    "InvalidGrantTokenException": unknown_grant_token,
    "InvalidKeyUsageException": other_usage,
    "InvalidMarkerException": unknown_marker,
    "NotFoundException": unknown_key,
}
LOCKED_OUT = "The new key policy will not allow you to update the key policy in the future."
NOBODY = policy({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Encrypt", "Resource": "*"})
IMPORT_TOKEN_TEXT = "The provided import token is invalid or is associated with a different KMS key."
NO_STORE = "cks-1234567890abcdef0"
NO_STORE_TEXT = f"Custom key store {NO_STORE} is not found."
RESERVED = "Tags beginning with aws: are reserved"
SPECIAL = {
    ("CreateAlias", "AlreadyExistsException"): taken_alias,
    ("CreateAlias", "InvalidAliasNameException"): fixed("alias/a:b contains invalid characters for an alias", AliasName="alias/a:b"),
    ("CreateGrant", "InvalidArnException"): principal("GranteePrincipal"),
    ("CreateKey", "MalformedPolicyDocumentException"): fixed(LOCKED_OUT, Policy=NOBODY),
    ("CreateKey", "TagException"): fixed("Duplicate tag keys", Tags=tags("a", "a")),
    ("CreateKey", "UnsupportedOperationException"): in_store(
        "You cannot create a multi-Region key in a custom key store.",
        MultiRegion=True,
        Origin="EXTERNAL_KEY_STORE",
        XksKeyId="x",
    ),
    ("Decapsulate", "InvalidCiphertextException"): fixed(NO_TEXT, SharedSecretCiphertextBlob=b"x"),
    ("Decrypt", "IncorrectKeyException"): other_key("KeyId"),
    ("Decrypt", "InvalidCiphertextException"): damaged("CiphertextBlob"),
    ("Decrypt", "InvalidKeyUsageException"): other_algorithm,
    ("DeleteAlias", "NotFoundException"): no_alias,
    ("GenerateRandom", "UnsupportedOperationException"): in_store(
        "GenerateRandom is not supported for external key stores."
    ),
    ("GetPublicKey", "UnsupportedOperationException"): public_key_of_none,
    ("ImportKeyMaterial", "IncorrectKeyMaterialException"): other_material,
    ("ImportKeyMaterial", "InvalidCiphertextException"): damaged("EncryptedKeyMaterial"),
    ("ImportKeyMaterial", "InvalidImportTokenException"): fixed(IMPORT_TOKEN_TEXT, ImportToken=b"x"),
    ("ListRetirableGrants", "InvalidArnException"): principal("RetiringPrincipal"),
    ("ListRetirableGrants", "NotFoundException"): no_principal,
    ("PutKeyPolicy", "MalformedPolicyDocumentException"): fixed(LOCKED_OUT, Policy=NOBODY),
    ("ReEncrypt", "IncorrectKeyException"): other_key("SourceKeyId"),
    ("ReEncrypt", "InvalidCiphertextException"): damaged("CiphertextBlob"),
    ("ReplicateKey", "AlreadyExistsException"): taken_region,
    ("ReplicateKey", "MalformedPolicyDocumentException"): fixed(LOCKED_OUT, Policy=NOBODY),
    ("ReplicateKey", "TagException"): fixed("Duplicate tag keys", Tags=tags("a", "a")),
    ("ReplicateKey", "UnsupportedOperationException"): not_primary,
    ("RetireGrant", "InvalidGrantTokenException"): lambda *_: ({"GrantToken": "AAAA"}, GRANT_TOKEN_TEXT),
    ("RotateKeyOnDemand", "UnsupportedOperationException"): with_key("hmac", NO_TEXT),
    ("TagResource", "TagException"): fixed(RESERVED, Tags=tags("aws:a")),
    ("UntagResource", "TagException"): fixed(RESERVED, TagKeys=["AWS:a"]),
    ("UpdatePrimaryRegion", "NotFoundException"): no_replica,
    ("UpdatePrimaryRegion", "UnsupportedOperationException"): not_primary,
    ("Verify", "KMSInvalidSignatureException"): damaged("Signature"),
    ("VerifyMac", "KMSInvalidMacException"): damaged("Mac"),
}


def rule_for(operation, error):
    pair = (operation, error)
    return None if reasons().get(pair) else SPECIAL.get(pair) or COMMON.get(error)


CASES = [
    (operation, error)
    for operation in model.present()
    for error in sorted(model.modelled_errors(operation))
    if rule_for(operation, error)
]


@pytest.mark.parametrize(("operation", "error"), CASES)
def test_refusal(world, operation, error):
    parameters, _ = request(world, operation)
    parameters, text = rule_for(operation, error)(world, operation, parameters)
    assert_refused(world.call(operation, parameters), error, text)
