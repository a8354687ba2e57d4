"""One call of every operation that succeeds: which kinds of key it is for, and the parameters for a key of such a kind.

The tests make everything else from it: callers without permission, dry runs, keys in other states, wrong markers.
"""

import json
from typing import Callable, NamedTuple

from .material import FOR_GOOD
from .world import THERE, THIRD

ANY = ("symmetric", "rsa", "signing", "hmac", "agreement", "kem")
ASYMMETRIC = ("rsa", "signing", "agreement", "kem")
ENCRYPTING = ("symmetric", "rsa")
NONE = ()


class Example(NamedTuple):
    kinds: tuple  # of keys it works on, the most usual first; none for calls without a key
    parameters: Callable  # (world, key) to a request
    state: str = "Enabled"  # in which the key must be
    spoils: bool = False  # whether another test could notice that it was called on a shared key


def of_key(*kinds, state="Enabled", spoils=False, **more):
    """KeyId and constants."""
    return Example(kinds or ANY, lambda world, key: {"KeyId": key.arn, **more}, state, spoils)


def named(kinds, build, **options):
    """KeyId and what `build` makes of the key."""
    return Example(kinds, lambda world, key: {"KeyId": key.arn, **build(key)}, **options)


def keyless(build=lambda world: {}):
    return Example(NONE, lambda world, key: build(world))


def re_encrypt(world, key):
    return {
        "CiphertextBlob": key.blob,
        "SourceKeyId": key.arn,
        "DestinationKeyId": key.arn,
        **key.algorithm("SourceEncryptionAlgorithm"),
        **key.algorithm("DestinationEncryptionAlgorithm"),
    }


def update_alias(world, key):
    """The alias leaves a key of the same kind."""
    return {"AliasName": world.alias(world.key(key.kind.replace("store ", ""))), "TargetKeyId": key.arn}


def grant_id(key):
    return {"GrantId": key.grant()["GrantId"]}


def default_policy(key):
    statement = {"Effect": "Allow", "Principal": {"AWS": key.world.root_arn}, "Action": "kms:*", "Resource": "*"}
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


def rotate(key):
    if key.imported and key.state in ("Enabled", "Disabled"):
        key.material.import_next()
    return {}


def store(world, **options):
    return {"CustomKeyStoreId": world.stores.new(**options)}


def import_material(key):
    """For other kinds of key what looks like material: they are refused before anybody looks."""
    nothing = {"ImportToken": b"token", "EncryptedKeyMaterial": b"material", **FOR_GOOD}
    return key.material.parameters if key.imported else nothing


MESSAGE = {"Message": b"message"}
ECDSA = {"SigningAlgorithm": "ECDSA_SHA_256"}
HMAC = {"MacAlgorithm": "HMAC_SHA_256"}
IMPORTED = ("imported symmetric",)
PRIMARY = ("primary symmetric",)
EXAMPLES = {
    "CancelKeyDeletion": of_key(state="PendingDeletion", spoils=True),
    "ConnectCustomKeyStore": keyless(store),
    "CreateAlias": Example(ANY, lambda world, key: {"AliasName": f"alias/{world.name()}", "TargetKeyId": key.arn}),
    "CreateCustomKeyStore": keyless(lambda world: world.stores.parameters()),
    "CreateGrant": named(ANY, lambda key: {"GranteePrincipal": key.world.root_arn, "Operations": ["DescribeKey"]}),
    "CreateKey": keyless(),
    "Decapsulate": named(
        ("kem",), lambda key: {"SharedSecretCiphertextBlob": key.encapsulated, "EncapsulationAlgorithm": "ML_KEM"}
    ),
    "Decrypt": named(ENCRYPTING, lambda key: {"CiphertextBlob": key.blob, **key.algorithm()}),
    "DeleteAlias": Example(ANY, lambda world, key: {"AliasName": key.alias()}),
    "DeleteCustomKeyStore": keyless(store),
    "DeleteImportedKeyMaterial": of_key(*IMPORTED, spoils=True),
    "DeriveSharedSecret": named(("agreement",), lambda key: {"KeyAgreementAlgorithm": "ECDH", "PublicKey": key.peer}),
    "DescribeCustomKeyStores": keyless(),
    "DescribeKey": of_key(),
    "DisableKey": of_key(spoils=True),
    "DisableKeyRotation": of_key("symmetric"),
    "DisconnectCustomKeyStore": keyless(lambda world: store(world, connected=True)),
    "EnableKey": of_key(spoils=True),
    "EnableKeyRotation": of_key("symmetric"),
    "Encapsulate": of_key("kem", EncapsulationAlgorithm="ML_KEM"),
    "Encrypt": named(ENCRYPTING, lambda key: {"Plaintext": b"plaintext", **key.algorithm()}),
    "GenerateDataKey": of_key("symmetric", KeySpec="AES_256"),
    "GenerateDataKeyPair": of_key("symmetric", KeyPairSpec="ECC_NIST_P256"),
    "GenerateDataKeyPairWithoutPlaintext": of_key("symmetric", KeyPairSpec="ECC_NIST_P256"),
    "GenerateDataKeyWithoutPlaintext": of_key("symmetric", KeySpec="AES_256"),
    "GenerateMac": of_key("hmac", **MESSAGE, **HMAC),
    "GenerateRandom": keyless(lambda world: {"NumberOfBytes": 32}),
    "GetKeyLastUsage": of_key(),
    "GetKeyPolicy": of_key(),
    "GetKeyRotationStatus": of_key("symmetric"),
    "GetParametersForImport": of_key(*IMPORTED, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"),
    "GetPublicKey": of_key(*ASYMMETRIC),
    "ImportKeyMaterial": named(IMPORTED, import_material, spoils=True),
    "ListAliases": of_key(),
    "ListGrants": of_key(),
    "ListKeyPolicies": of_key(),
    "ListKeyRotations": of_key("symmetric"),
    "ListKeys": keyless(),
    "ListResourceTags": of_key(),
    "ListRetirableGrants": keyless(lambda world: {"RetiringPrincipal": world.root_arn}),
    "PutKeyPolicy": named(ANY, default_policy),
    "ReEncrypt": Example(ENCRYPTING, re_encrypt),
    "ReplicateKey": of_key(*PRIMARY, ReplicaRegion=THIRD, spoils=True),
    "RetireGrant": named(ANY, grant_id),
    "RevokeGrant": named(ANY, grant_id),
    "RotateKeyOnDemand": named(("symmetric",), rotate, spoils=True),
    "ScheduleKeyDeletion": of_key(PendingWindowInDays=7, spoils=True),
    "Sign": of_key("signing", **MESSAGE, **ECDSA),
    "TagResource": of_key(Tags=[{"TagKey": "k", "TagValue": "v"}]),
    "UntagResource": of_key(TagKeys=["k"]),
    "UpdateAlias": Example(ANY, update_alias),
    "UpdateCustomKeyStore": keyless(lambda world: {**store(world), "NewCustomKeyStoreName": world.name()}),
    "UpdateKeyDescription": of_key(Description="d"),
    "UpdatePrimaryRegion": of_key(*PRIMARY, PrimaryRegion=THERE, spoils=True),
    "Verify": named(("signing",), lambda key: {**MESSAGE, **ECDSA, "Signature": key.signature}),
    "VerifyMac": named(("hmac",), lambda key: {**MESSAGE, **HMAC, "Mac": key.mac}),
}
# The member that names the key, where it is another than KeyId.
KEY_MEMBER = {
    "CreateAlias": "TargetKeyId",
    "UpdateAlias": "TargetKeyId",
    "ReEncrypt": "DestinationKeyId",
}


def request(world, operation, kind=None, state=None, fresh=None):
    """Parameters of a call that succeeds (or would, were the key in the state that the operation needs), and its key."""
    example = EXAMPLES[operation]
    key = None
    if example.kinds:
        fresh = example.spoils if fresh is None else fresh
        key = world.key(kind or example.kinds[0], state or example.state, fresh=fresh)
    return example.parameters(world, key), key
