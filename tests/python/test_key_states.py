"""What each operation does with a key that is enabled, disabled or waiting for its deletion (AWS's table of key states)."""

import datetime

import pytest

from conftest import uuid_of
from support.expect import assert_refused, refused, violation, violations

DISABLED = ("DisabledException", "{arn} is disabled.")
PENDING = ("KMSInvalidStateException", "{arn} is pending deletion.")
NOT_PENDING = ("KMSInvalidStateException", "{arn} is not pending deletion.")
OK = None

# operation: (extra arguments, answer when Disabled, answer when PendingDeletion)
SYMMETRIC = {
    "describe_key": ({}, OK, OK),
    "get_key_policy": ({}, OK, OK),
    "list_key_policies": ({}, OK, OK),
    "list_resource_tags": ({}, OK, OK),
    "list_aliases": ({}, OK, OK),
    "put_key_policy": ({"Policy": "{default_policy}"}, OK, OK),
    "enable_key": ({}, OK, PENDING),
    "disable_key": ({}, OK, PENDING),
    "schedule_key_deletion": ({}, OK, PENDING),
    "cancel_key_deletion": ({}, NOT_PENDING, OK),
    "update_key_description": ({"Description": "d"}, OK, PENDING),
    "tag_resource": ({"Tags": [{"TagKey": "k", "TagValue": "v"}]}, OK, PENDING),
    "untag_resource": ({"TagKeys": ["k"]}, OK, PENDING),
    "get_key_last_usage": ({}, OK, OK),
    "enable_key_rotation": ({}, DISABLED, PENDING),
    "disable_key_rotation": ({}, DISABLED, PENDING),
    "get_key_rotation_status": ({}, OK, OK),
    "list_key_rotations": ({}, OK, OK),
    "rotate_key_on_demand": ({}, DISABLED, PENDING),
    "encrypt": ({"Plaintext": b"p"}, DISABLED, PENDING),
    "decrypt": ({"CiphertextBlob": "{blob}"}, DISABLED, PENDING),
    "generate_data_key": ({"KeySpec": "AES_256"}, DISABLED, PENDING),
    "generate_data_key_without_plaintext": ({"KeySpec": "AES_256"}, DISABLED, PENDING),
}


@pytest.mark.parametrize("operation", SYMMETRIC)
@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
def test_operation_and_state(kms, make_key, operation, state):
    arn = make_key()
    arguments, when_disabled, when_pending = SYMMETRIC[operation]
    arguments = fill_in(kms, arn, arguments)
    (kms.disable_key if state == "Disabled" else kms.schedule_key_deletion)(KeyId=arn)
    call = lambda: getattr(kms, operation)(KeyId=arn, **arguments)
    expected = when_disabled if state == "Disabled" else when_pending
    if expected is OK:
        call()
    else:
        code, text = expected
        with refused(code, text.format(arn=arn)):
            call()


def fill_in(kms, arn, arguments):
    """Values that only exist once the key does, made while it is still enabled."""
    made = {
        "{default_policy}": lambda: kms.get_key_policy(KeyId=arn)["Policy"],
        "{blob}": lambda: kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"],
    }
    return {
        name: made[value]() if isinstance(value, str) and value in made else value for name, value in arguments.items()
    }


def test_enabling_and_disabling_can_be_repeated(kms, make_key):
    arn = make_key()
    for call, state in ((kms.disable_key, "Disabled"), (kms.enable_key, "Enabled")):
        for _ in range(2):
            call(KeyId=arn)
            metadata = kms.describe_key(KeyId=arn)["KeyMetadata"]
            assert (metadata["KeyState"], metadata["Enabled"]) == (state, state == "Enabled")


def test_a_disabled_key_works_again_once_enabled_and_at_once(kms, make_key):
    arn = make_key()
    blob = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    for _ in range(10):
        kms.disable_key(KeyId=arn)
        with refused("DisabledException", f"{arn} is disabled."):
            kms.decrypt(CiphertextBlob=blob)
        kms.enable_key(KeyId=arn)
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"


@pytest.mark.parametrize(
    ("asked", "days"), [({}, 30), ({"PendingWindowInDays": 7}, 7), ({"PendingWindowInDays": 30}, 30)]
)
def test_deletion_is_scheduled_and_can_be_cancelled(kms, make_key, asked, days):
    arn = make_key()
    scheduled = kms.schedule_key_deletion(KeyId=uuid_of(arn), **asked)
    due = scheduled["DeletionDate"]
    assert (scheduled["KeyId"], scheduled["KeyState"], scheduled["PendingWindowInDays"]) == (
        arn,
        "PendingDeletion",
        days,
    )
    distance = due - datetime.datetime.now(datetime.timezone.utc)
    assert abs(distance - datetime.timedelta(days=days)) < datetime.timedelta(minutes=1)
    metadata = kms.describe_key(KeyId=arn)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["Enabled"], metadata["DeletionDate"]) == ("PendingDeletion", False, due)
    assert kms.cancel_key_deletion(KeyId=uuid_of(arn))["KeyId"] == arn
    metadata = kms.describe_key(KeyId=arn)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["Enabled"]) == ("Disabled", False)
    assert "DeletionDate" not in metadata


@pytest.mark.parametrize("days", [1, 6, 31, 365])
def test_a_window_that_the_model_allows_but_the_service_does_not(kms, make_key, days):
    arn = make_key()
    with refused("ValidationException", "PendingWindowInDays must be between 7 and 30"):
        kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=days)
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "Enabled"


def test_a_window_outside_the_model(raw, key):
    low = violations(violation("Member must have value greater than or equal to 1", "pendingWindowInDays", "0"))
    assert_refused(
        raw.call("ScheduleKeyDeletion", {"KeyId": key, "PendingWindowInDays": 0}), "ValidationException", low
    )


def test_cancelling_what_is_not_scheduled(kms, make_key):
    arn = make_key()
    with refused("KMSInvalidStateException", f"{arn} is not pending deletion."):
        kms.cancel_key_deletion(KeyId=arn)
