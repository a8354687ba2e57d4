"""Keys of every kind in every state, on a server of their own, made once and shared by all tests that only look at them.

`world.key("signing", "Disabled")` is one; `fresh=True` makes another that nobody else sees. A key carries what the calls
with it need and what can only be made while it is enabled: a ciphertext, a signature, a grant and so on.
"""

from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .clients import kms_client
from .identities import Directory, unique
from .material import Material
from .raw import Requester

HERE, THERE, THIRD = "us-east-1", "us-west-2", "eu-west-1"
SPECS = {
    "symmetric": ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"),
    "rsa": ("RSA_2048", "ENCRYPT_DECRYPT"),
    "signing": ("ECC_NIST_P256", "SIGN_VERIFY"),
    "hmac": ("HMAC_256", "GENERATE_VERIFY_MAC"),
    "agreement": ("ECC_NIST_P256", "KEY_AGREEMENT"),
    "kem": ("ML_KEM_512", "ENCAPSULATE_DECAPSULATE"),
}
# Where a key comes from, as the first word of its kind: "primary hmac", "imported symmetric".
ORIGINS = {
    "primary": {"MultiRegion": True},
    "imported": {"Origin": "EXTERNAL"},
    "imported-primary": {"Origin": "EXTERNAL", "MultiRegion": True},
    "store": {},  # of an external key store
}


class World:
    def __init__(self, server, root, stores):
        self.server, self.root, self.stores = server, root, stores
        self.caller = server.caller
        self.kms = kms_client(server, self.caller)
        self.there = kms_client(server, self.caller, region=THERE)
        self.raw = Requester(server, self.caller)
        stores.kms = self.kms
        self.shared = {}

    @property
    def root_arn(self):
        return f"arn:aws:iam::{self.root.account}:root"

    @cached_property
    def nobody(self):
        """A user without any policy."""
        return Directory(self.server, self.root).user()

    @cached_property
    def other(self):
        """The caller of another account."""
        return self.server.caller_of(self.server.create_account("444455556666"))

    def key(self, kind, state="Enabled", fresh=False):
        if fresh:
            return Key(self, kind, state)
        if (kind, state) not in self.shared:
            self.shared[kind, state] = Key(self, kind, state)
        return self.shared[kind, state]

    def name(self):
        return unique("n")

    def alias(self, target=None):
        """The name of a new alias, of a shared key if nothing else is said."""
        name = f"alias/{self.name()}"
        self.kms.create_alias(AliasName=name, TargetKeyId=(target or self.key("symmetric")).arn)
        return name

    def call(self, operation, parameters, region=HERE, credentials=None):
        """The answer to a request that no client has checked beforehand."""
        if region == HERE and credentials is None:
            return self.raw.call(operation, parameters)
        requester = Requester(self.server, credentials or self.caller, region=region)
        try:
            return requester.call(operation, parameters)
        finally:
            requester.close()

    def close(self):
        self.raw.close()


class Key:
    def __init__(self, world, kind, state):
        self.world, self.kind, self.state = world, kind, state
        origin, _, self.sort = kind.rpartition(" ")
        self.origin, self.imported = origin, origin.startswith("imported")
        spec, usage = SPECS[self.sort]
        parameters = {"KeySpec": spec, "KeyUsage": usage, **ORIGINS.get(origin, {})}
        if origin == "store":
            self.arn, self.store = world.stores.new_key(alone=state == "Unavailable")
        else:
            self.arn = world.kms.create_key(**parameters)["KeyMetadata"]["Arn"]
        self.id = self.arn.rpartition("/")[2]
        if self.imported:
            self.material = Material(world.kms, self.arn, self.sort)
            self.material.import_into()
        if origin.endswith("primary") and state != "PendingDeletion":  # one that has replicas waits for them first
            self.world.kms.replicate_key(KeyId=self.id, ReplicaRegion=THERE)
        self.make_what_is_needed()
        self.bring_to(state)

    def bring_to(self, state):
        kms = self.world.kms
        if state == "Disabled":
            kms.disable_key(KeyId=self.arn)
        elif state in ("PendingDeletion", "PendingReplicaDeletion"):
            kms.schedule_key_deletion(KeyId=self.arn, PendingWindowInDays=7)
        elif state == "PendingImport":
            kms.delete_imported_key_material(KeyId=self.arn)
        elif state == "Unavailable":
            self.world.stores.cut_off(self.store)
        got = kms.describe_key(KeyId=self.arn)["KeyMetadata"]["KeyState"]
        assert got == state, f"a key of kind {self.kind} is {got}, not {state}"

    def make_what_is_needed(self):
        kms, arn = self.world.kms, self.arn
        if self.sort in ("symmetric", "rsa"):
            self.blob = kms.encrypt(KeyId=arn, Plaintext=b"plaintext", **self.algorithm())["CiphertextBlob"]
        elif self.sort == "signing":
            self.signature = kms.sign(KeyId=arn, Message=b"message", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
        elif self.sort == "hmac":
            self.mac = kms.generate_mac(KeyId=arn, Message=b"message", MacAlgorithm="HMAC_SHA_256")["Mac"]
        elif self.sort == "kem":
            made = kms.encapsulate(KeyId=arn, EncapsulationAlgorithm="ML_KEM")
            self.encapsulated = made["SharedSecretCiphertextBlob"]
        elif self.sort == "agreement":
            peer = ec.generate_private_key(ec.SECP256R1()).public_key()
            self.peer = peer.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.grants = [self.new_grant() for _ in range(2)]
        self.aliases = [self.world.alias(self) for _ in range(2)]

    def new_grant(self):
        return self.world.kms.create_grant(
            KeyId=self.arn,
            GranteePrincipal=self.world.root_arn,
            RetiringPrincipal=self.world.root_arn,
            Operations=["DescribeKey"],
        )

    def grant(self):
        """One that is there; a call may end it."""
        return self.grants.pop() if self.grants else self.new_grant()

    def alias(self):
        return self.aliases.pop() if self.aliases else self.world.alias(self)

    @property
    def origin_name(self):
        """`Origin` of the API."""
        names = {"store": "EXTERNAL_KEY_STORE", "imported": "EXTERNAL", "imported-primary": "EXTERNAL"}
        return names.get(self.origin, "AWS_KMS")

    def algorithm(self, name="EncryptionAlgorithm"):
        return {name: "RSAES_OAEP_SHA_256"} if self.sort == "rsa" else {}

