"""GenerateMac and VerifyMac. What comes out is held against Python's own hmac under keys of known material, which a
development server makes."""

import base64
import hashlib
import hmac
import json

import pytest

from support.clients import kms_client
from support.expect import DRY_RUN_TEXT, NO_TEXT, assert_refused, refused, violation, violations
from support.server import Server

SPECS = {
    "HMAC_224": ("HMAC_SHA_224", 28),
    "HMAC_256": ("HMAC_SHA_256", 32),
    "HMAC_384": ("HMAC_SHA_384", 48),
    "HMAC_512": ("HMAC_SHA_512", 64),
}
USAGE = "GENERATE_VERIFY_MAC"
DIGESTS = {"HMAC_224": "sha224", "HMAC_256": "sha256", "HMAC_384": "sha384", "HMAC_512": "sha512"}


@pytest.fixture
def hmac_key(shared_key):
    return lambda spec: shared_key(spec, USAGE)


@pytest.mark.parametrize("spec", SPECS)
def test_metadata_names_the_one_algorithm(kms, hmac_key, spec):
    metadata = kms.describe_key(KeyId=hmac_key(spec))["KeyMetadata"]
    assert metadata["MacAlgorithms"] == [SPECS[spec][0]]
    assert (metadata["KeySpec"], metadata["KeyUsage"]) == (spec, USAGE)
    assert "CurrentKeyMaterialId" not in metadata and "SigningAlgorithms" not in metadata


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("message", [b"m", b"\0" * 63, bytes(range(256)) * 16], ids=["1", "63", "4096"])
def test_a_mac_verifies(kms, hmac_key, spec, message):
    algorithm, length = SPECS[spec]
    key = hmac_key(spec)
    made = kms.generate_mac(KeyId=key, Message=message, MacAlgorithm=algorithm)
    assert (made["KeyId"], made["MacAlgorithm"], len(made["Mac"])) == (key, algorithm, length)
    again = kms.generate_mac(KeyId=key, Message=message, MacAlgorithm=algorithm)
    assert again["Mac"] == made["Mac"]
    checked = kms.verify_mac(KeyId=key, Message=message, MacAlgorithm=algorithm, Mac=made["Mac"])
    assert (checked["KeyId"], checked["MacValid"], checked["MacAlgorithm"]) == (key, True, algorithm)


def test_a_mac_is_what_python_makes_of_it(tmp_path):
    """Keys of the shortest, the usual and the longest length, each with messages around the block length of its hash."""
    keys, seed = {}, ""
    for spec, (_, length) in SPECS.items():
        for size in (length, length + 1, 128):
            material = hashlib.shake_256(f"{spec} {size}".encode()).digest(size)
            id = f"00000000-0000-4000-8000-{len(keys):012x}"
            keys[id] = (spec, material)
            seed += f'[[key]]\nid = "{id}"\nspec = "{spec}"\nusage = "{USAGE}"\n'
            seed += f'material = "{base64.b64encode(material).decode()}"\n'
    (tmp_path / "seed.toml").write_text(seed)
    server = Server(tmp_path / "data", arguments=["--dev", "--seed", str(tmp_path / "seed.toml")]).start()
    kms = kms_client(server, server.caller)
    for id, (spec, material) in keys.items():
        for size in (1, 63, 64, 65, 127, 128, 129, 4096):
            message = hashlib.shake_128(id.encode()).digest(size)
            made = kms.generate_mac(KeyId=id, Message=message, MacAlgorithm=SPECS[spec][0])
            expected = hmac.new(material, message, DIGESTS[spec]).digest()
            assert made["Mac"] == expected, (spec, len(material), size)
            assert kms.verify_mac(KeyId=id, Message=message, MacAlgorithm=SPECS[spec][0], Mac=expected)["MacValid"]
    assert server.stop() == 0


@pytest.mark.parametrize("spec", SPECS)
def test_what_is_not_the_mac(kms, hmac_key, make_key, spec):
    algorithm, length = SPECS[spec]
    key, other = hmac_key(spec), make_key(KeySpec=spec, KeyUsage=USAGE)
    mac = kms.generate_mac(KeyId=key, Message=b"message", MacAlgorithm=algorithm)["Mac"]
    flipped = [mac[:at] + bytes([mac[at] ^ 1]) + mac[at + 1 :] for at in (0, length // 2, length - 1)]
    for wrong in [*flipped, mac[:-1], mac + b"\0", mac[:16], b"\0", mac * 2]:
        with refused("KMSInvalidMacException", NO_TEXT):
            kms.verify_mac(KeyId=key, Message=b"message", MacAlgorithm=algorithm, Mac=wrong)
    with refused("KMSInvalidMacException", NO_TEXT):
        kms.verify_mac(KeyId=key, Message=b"massage", MacAlgorithm=algorithm, Mac=mac)
    with refused("KMSInvalidMacException", NO_TEXT):
        kms.verify_mac(KeyId=other, Message=b"message", MacAlgorithm=algorithm, Mac=mac)


def test_the_body_of_a_wrong_mac_has_no_message(raw, hmac_key):
    body = {"KeyId": hmac_key("HMAC_256"), "Message": "bQ==", "MacAlgorithm": "HMAC_SHA_256", "Mac": "AAAA"}
    assert_refused(raw.call("VerifyMac", body), "KMSInvalidMacException", NO_TEXT)


@pytest.mark.parametrize("spec", SPECS)
def test_only_the_algorithm_of_the_spec(kms, hmac_key, spec):
    for other in {algorithm for algorithm, _ in SPECS.values()} - {SPECS[spec][0]}:
        text = f"Algorithm {other} is incompatible with key spec {spec}."
        with refused("InvalidKeyUsageException", text):
            kms.generate_mac(KeyId=hmac_key(spec), Message=b"m", MacAlgorithm=other)
        with refused("InvalidKeyUsageException", text):
            kms.verify_mac(KeyId=hmac_key(spec), Message=b"m", MacAlgorithm=other, Mac=b"m")


def test_only_hmac_keys(kms, key):
    text = f"{key} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac."
    with refused("InvalidKeyUsageException", text):
        kms.generate_mac(KeyId=key, Message=b"m", MacAlgorithm="HMAC_SHA_256")
    with refused("InvalidKeyUsageException", text.replace("GenerateMac", "VerifyMac")):
        kms.verify_mac(KeyId=key, Message=b"m", MacAlgorithm="HMAC_SHA_256", Mac=b"m")


def test_an_hmac_key_does_nothing_else(kms, hmac_key, key):
    hmac_arn = hmac_key("HMAC_256")
    with refused("InvalidKeyUsageException"):
        kms.encrypt(KeyId=hmac_arn, Plaintext=b"x")
    with refused("InvalidKeyUsageException"):
        kms.generate_data_key(KeyId=hmac_arn, KeySpec="AES_256")
    with refused("UnsupportedOperationException"):
        kms.get_public_key(KeyId=hmac_arn)
    with refused("UnsupportedOperationException", NO_TEXT):
        kms.rotate_key_on_demand(KeyId=hmac_arn)
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with refused("IncorrectKeyException"):
        kms.decrypt(KeyId=hmac_arn, CiphertextBlob=sealed)


def test_by_every_name(kms, hmac_key, make_alias, root):
    arn = hmac_key("HMAC_512")
    alias = make_alias("alias/macs", arn)
    for name in (arn, arn.rpartition("/")[2], alias, f"arn:aws:kms:us-east-1:{root.account}:{alias}"):
        assert kms.generate_mac(KeyId=name, Message=b"m", MacAlgorithm="HMAC_SHA_512")["KeyId"] == arn


def test_dry_runs(kms, hmac_key):
    arguments = {"KeyId": hmac_key("HMAC_256"), "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
    mac = kms.generate_mac(**arguments)["Mac"]
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        kms.generate_mac(**arguments, DryRun=True)
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        kms.verify_mac(**arguments, Mac=mac, DryRun=True)
    with refused("KMSInvalidMacException", NO_TEXT):
        kms.verify_mac(**arguments, Mac=mac[1:], DryRun=True)


def test_constraints(raw, hmac_key):
    named = {"KeyId": hmac_key("HMAC_256"), "MacAlgorithm": "HMAC_SHA_256"}
    too_long = "Value at '{}' failed to satisfy constraint: Member must have length less than or equal to {}"
    too_short = "Value at '{}' failed to satisfy constraint: Member must have length greater than or equal to 1"
    cases = [
        ("GenerateMac", {"Message": ""}, [too_short.format("message")]),
        ("GenerateMac", {"Message": "AAAA" * 1366}, [too_long.format("message", 4096)]),
        ("VerifyMac", {"Message": "AA==", "Mac": ""}, [too_short.format("mac")]),
        ("VerifyMac", {"Message": "AA==", "Mac": "AAAA" * 2049}, [too_long.format("mac", 6144)]),
        ("VerifyMac", {"Message": "AA=="}, [violation("Member must not be null", "mac")]),
        ("GenerateMac", {"Message": "AA==", "MacAlgorithm": None}, [violation("Member must not be null", "macAlgorithm")]),
        ("GenerateMac", {"KeyId": None}, [violation("Member must not be null", name) for name in ("message", "keyId")]),
    ]
    for operation, change, expected in cases:
        answer = raw.call(operation, {**named, **change})
        assert_refused(answer, "ValidationException", violations(*expected))
    answer = raw.call("GenerateMac", {**named, "Message": "AA==", "MacAlgorithm": "HMAC_MD5"})
    everything = "[HMAC_SHA_224, HMAC_SHA_256, HMAC_SHA_384, HMAC_SHA_512]"
    expected = violation(f"Member must satisfy enum value set: {everything}", "macAlgorithm", "HMAC_MD5")
    assert_refused(answer, "ValidationException", violations(expected))


@pytest.mark.parametrize(
    ("state", "code"), [("Disabled", "DisabledException"), ("PendingDeletion", "KMSInvalidStateException")]
)
def test_states(kms, make_key, state, code):
    arn = make_key(state, KeySpec="HMAC_224", KeyUsage=USAGE)
    with refused(code):
        kms.generate_mac(KeyId=arn, Message=b"m", MacAlgorithm="HMAC_SHA_224")
    with refused(code):
        kms.verify_mac(KeyId=arn, Message=b"m", MacAlgorithm="HMAC_SHA_224", Mac=b"m")


def test_each_action_is_allowed_by_itself(kms, make_key, policy_for, root_arn):
    arn = make_key(KeySpec="HMAC_256", KeyUsage=USAGE, Policy=policy_for(root_arn, deny=["kms:GenerateMac"]))
    with refused("AccessDeniedException"):
        kms.generate_mac(KeyId=arn, Message=b"m", MacAlgorithm="HMAC_SHA_256")
    with refused("KMSInvalidMacException", NO_TEXT):
        kms.verify_mac(KeyId=arn, Message=b"m", MacAlgorithm="HMAC_SHA_256", Mac=b"m")


def test_a_policy_names_the_algorithm(kms, make_key, root_arn):
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": root_arn}, "Action": "kms:*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Principal": {"AWS": root_arn},
            "Action": "kms:GenerateMac",
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:MacAlgorithm": "HMAC_SHA_384"}},
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    arn = make_key(KeySpec="HMAC_384", KeyUsage=USAGE, Policy=policy)
    with refused("AccessDeniedException"):
        kms.generate_mac(KeyId=arn, Message=b"m", MacAlgorithm="HMAC_SHA_384")


def test_another_account(kms, other_kms, make_key, policy_for, root_arn, other_arn):
    arn = make_key(KeySpec="HMAC_256", KeyUsage=USAGE)
    with refused("AccessDeniedException"):
        other_kms.generate_mac(KeyId=arn, Message=b"m", MacAlgorithm="HMAC_SHA_256")
    kms.put_key_policy(KeyId=arn, Policy=policy_for(root_arn, other_arn))
    theirs = other_kms.generate_mac(KeyId=arn, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    assert theirs == kms.generate_mac(KeyId=arn, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]


def test_a_grant_for_one_of_the_two(kms, other_kms, other_arn, make_key):
    arn = make_key(KeySpec="HMAC_256", KeyUsage=USAGE)
    arguments = {"KeyId": arn, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
    mac = kms.generate_mac(**arguments)["Mac"]
    made = kms.create_grant(KeyId=arn, GranteePrincipal=other_arn, Operations=["VerifyMac"])
    assert other_kms.verify_mac(**arguments, Mac=mac, GrantTokens=[made["GrantToken"]])["MacValid"]
    with refused("AccessDeniedException"):
        other_kms.generate_mac(**arguments)
    kms.revoke_grant(KeyId=arn, GrantId=made["GrantId"])
    with refused("AccessDeniedException"):
        other_kms.verify_mac(**arguments, Mac=mac)
    with refused("ValidationException"):
        kms.create_grant(KeyId=arn, GranteePrincipal=other_arn, Operations=["Sign"])


def test_the_audit_record(kms, server, hmac_key):
    arn = hmac_key("HMAC_512")
    message = b"nobody else's business"
    made = kms.generate_mac(KeyId=arn, Message=message, MacAlgorithm="HMAC_SHA_512")
    record = server.audit_record(made["ResponseMetadata"]["RequestId"])
    assert record["requestParameters"] == {"keyId": arn, "macAlgorithm": "HMAC_SHA_512"}
    assert record["responseElements"] is None and record["readOnly"] is True
    assert made["Mac"].hex() not in str(record)


def test_the_cli(cli, hmac_key):
    (cli.home / "message").write_bytes(b"message")
    common = ["--key-id", hmac_key("HMAC_256"), "--message", "fileb://message", "--mac-algorithm", "HMAC_SHA_256"]
    mac = cli.text("generate-mac", *common, "--query", "Mac", "--output", "text")
    (cli.home / "mac").write_bytes(base64.b64decode(mac))
    assert cli.json("verify-mac", *common, "--mac", "fileb://mac")["MacValid"] is True
