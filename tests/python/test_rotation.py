"""Rotation: new material for new ciphertext, old material for as long as the key lives. That automatic rotation takes place
when it is due is shown beside the code, with a clock that can be moved."""

import datetime

import pytest

from conftest import uuid_of
from support.clients import kms_client
from support.expect import ANY_TEXT, NO_TEXT, assert_refused, refused, violation, violations


def current_material(kms, arn):
    return kms.describe_key(KeyId=arn)["KeyMetadata"]["CurrentKeyMaterialId"]


def test_old_ciphertext_still_opens_and_new_ciphertext_uses_the_new_material(kms, make_key):
    arn = make_key()
    blobs, materials = [], []
    for round_number in range(4):
        materials.append(current_material(kms, arn))
        blobs.append(kms.encrypt(KeyId=arn, Plaintext=b"round %d" % round_number)["CiphertextBlob"])
        assert kms.rotate_key_on_demand(KeyId=uuid_of(arn))["KeyId"] == arn
    assert len(set(materials)) == 4
    assert current_material(kms, arn) not in materials
    for round_number, blob in enumerate(blobs):
        opened = kms.decrypt(KeyId=arn, CiphertextBlob=blob)
        assert opened["Plaintext"] == b"round %d" % round_number
        assert opened["KeyMaterialId"] == materials[round_number]


def test_reencrypt_under_the_same_key_moves_to_the_newest_material(kms, make_key):
    arn = make_key()
    old = current_material(kms, arn)
    blob = kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=arn)
    new = current_material(kms, arn)
    moved = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=arn)
    assert (moved["SourceKeyMaterialId"], moved["DestinationKeyMaterialId"]) == (old, new)
    assert old != new
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"p", new)


def test_a_data_key_of_before_the_rotation_still_opens(kms, make_key):
    arn = make_key()
    made = kms.generate_data_key(KeyId=arn, KeySpec="AES_256")
    kms.rotate_key_on_demand(KeyId=arn)
    assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]


def test_twenty_five_rotations_and_not_one_more(kms, make_key):
    arn = make_key()
    first = kms.encrypt(KeyId=arn, Plaintext=b"first")["CiphertextBlob"]
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=arn)
    text = (
        "The on-demand rotations limit has been reached for the given keyId. "
        f"No more on-demand rotations can be performed for this key: {arn}"
    )
    with refused("LimitExceededException", text):
        kms.rotate_key_on_demand(KeyId=arn)
    assert kms.decrypt(CiphertextBlob=first)["Plaintext"] == b"first"


@pytest.mark.parametrize("spec", ["RSA_2048", "SM2"])
def test_asymmetric_keys_do_not_rotate(kms, shared_key, spec):
    with refused("UnsupportedOperationException", NO_TEXT):
        kms.rotate_key_on_demand(KeyId=shared_key(spec))


def test_rotation_of_a_key_that_does_not_exist(kms, unknown_key):
    with refused("NotFoundException", f"Key '{unknown_key}' does not exist"):
        kms.rotate_key_on_demand(KeyId=unknown_key)


def in_days(answer):
    distance = answer["NextRotationDate"] - datetime.datetime.now(datetime.timezone.utc)
    return distance / datetime.timedelta(days=1)


def test_automatic_rotation_is_switched_on_and_off(kms, make_key):
    arn = make_key()
    off = {"KeyId": uuid_of(arn), "KeyRotationEnabled": False}
    assert status(kms, arn) == off
    kms.enable_key_rotation(KeyId=uuid_of(arn))
    on = status(kms, arn)
    assert (on["KeyRotationEnabled"], on["RotationPeriodInDays"]) == (True, 365)
    assert 364.99 < in_days(on) <= 365
    for period in (90, 2560):
        kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=period)
        on = status(kms, arn)
        assert on["RotationPeriodInDays"] == period and period - 0.01 < in_days(on) <= period
    kms.disable_key(KeyId=arn)
    assert status(kms, arn) == on
    kms.schedule_key_deletion(KeyId=arn)
    assert status(kms, arn) == off
    kms.cancel_key_deletion(KeyId=arn)
    assert status(kms, arn) == on
    kms.enable_key(KeyId=arn)
    for _ in range(2):
        kms.disable_key_rotation(KeyId=arn)
        assert status(kms, arn) == off


def status(kms, arn):
    answer = kms.get_key_rotation_status(KeyId=arn)
    del answer["ResponseMetadata"]
    return answer


@pytest.mark.parametrize(("days", "rule"), [(89, "greater than or equal to 90"), (2561, "less than or equal to 2560")])
def test_periods_outside_the_model(raw, key, days, rule):
    answer = raw.call("EnableKeyRotation", {"KeyId": key, "RotationPeriodInDays": days})
    text = violations(violation(f"Member must have value {rule}", "rotationPeriodInDays", days))
    assert_refused(answer, "ValidationException", text)


def test_rotations_are_listed_newest_first(kms, make_key):
    arn = make_key()
    first = current_material(kms, arn)
    assert kms.list_key_rotations(KeyId=arn)["Rotations"] == []
    materials = [first]
    for _ in range(3):
        kms.rotate_key_on_demand(KeyId=arn)
        materials.insert(0, current_material(kms, arn))
    everything = kms.list_key_rotations(KeyId=arn, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [entry["KeyMaterialId"] for entry in everything] == materials
    assert [entry["KeyMaterialState"] for entry in everything] == ["CURRENT"] + ["NON_CURRENT"] * 3
    assert {entry["KeyId"] for entry in everything} == {uuid_of(arn)}
    for entry in everything[:3]:
        assert entry["RotationType"] == "ON_DEMAND"
        age = datetime.datetime.now(datetime.timezone.utc) - entry["RotationDate"]
        assert age < datetime.timedelta(minutes=5)
    assert set(everything[3]) == {"KeyId", "KeyMaterialId", "KeyMaterialState"}
    rotations = kms.list_key_rotations(KeyId=uuid_of(arn), IncludeKeyMaterial="ROTATIONS_ONLY")["Rotations"]
    assert rotations == everything[:3]
    paginator = kms.get_paginator("list_key_rotations")
    pages = list(paginator.paginate(KeyId=arn, PaginationConfig={"PageSize": 2}))
    assert [entry for page in pages for entry in page["Rotations"]] == rotations and len(pages) == 2


def test_a_marker_is_good_for_one_list(kms, make_key):
    one, two = make_key(), make_key()
    for arn in (one, two):
        for _ in range(2):
            kms.rotate_key_on_demand(KeyId=arn)
    marker = kms.list_key_rotations(KeyId=one, Limit=1)["NextMarker"]
    for arguments in ({"KeyId": two}, {"KeyId": one, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}):
        with refused("InvalidMarkerException"):
            kms.list_key_rotations(Marker=marker, **arguments)


@pytest.mark.parametrize("operation", ["enable_key_rotation", "disable_key_rotation"])
def test_other_kinds_of_keys_have_no_automatic_rotation(kms, shared_key, operation):
    for spec in ("RSA_2048", "SM2"):
        with refused("UnsupportedOperationException", NO_TEXT):
            getattr(kms, operation)(KeyId=shared_key(spec))
        assert status(kms, shared_key(spec)) == {"KeyId": uuid_of(shared_key(spec)), "KeyRotationEnabled": False}
        assert kms.list_key_rotations(KeyId=shared_key(spec))["Rotations"] == []


@pytest.mark.parametrize(
    "operation", ["enable_key_rotation", "disable_key_rotation", "get_key_rotation_status", "list_key_rotations"]
)
def test_names_that_lead_nowhere(kms, unknown_key, operation):
    with refused("NotFoundException", f"Key '{unknown_key}' does not exist"):
        getattr(kms, operation)(KeyId=unknown_key)
    with refused("NotFoundException", "Invalid keyId 'alias/none'"):
        getattr(kms, operation)(KeyId="alias/none")
    with refused("InvalidArnException", ANY_TEXT):
        getattr(kms, operation)(KeyId="arn:nothing")


def test_another_account_sees_the_status_when_it_may_and_changes_nothing(kms, other_kms, make_key, root_arn, other_arn, policy_for):
    arn = make_key()
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=100)
    with refused("AccessDeniedException"):
        other_kms.get_key_rotation_status(KeyId=arn)
    kms.put_key_policy(KeyId=arn, Policy=policy_for(root_arn, other_arn))
    assert status(other_kms, arn)["RotationPeriodInDays"] == 100
    for call in (other_kms.enable_key_rotation, other_kms.disable_key_rotation, other_kms.list_key_rotations):
        with refused("AccessDeniedException"):
            call(KeyId=arn)


def test_the_schedule_survives_a_crash(own_server):
    own_server.start()
    kms = kms_client(own_server, own_server.caller)
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=100)
    before = status(kms, arn)
    own_server.kill()
    own_server.start()
    assert status(kms_client(own_server, own_server.caller), arn) == before


def test_what_the_log_tells(server, kms, make_key):
    arn = make_key()
    request = kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=100)["ResponseMetadata"]["RequestId"]
    record = server.audit_record(request)
    assert record["requestParameters"] == {"keyId": arn, "rotationPeriodInDays": 100}
    assert (record["readOnly"], record["resources"][0]["ARN"]) == (False, arn)
    old = current_material(kms, arn)
    kms.rotate_key_on_demand(KeyId=arn)
    [event] = [
        record
        for record in server.audit_records()
        if record["eventName"] == "RotateKey" and record["resources"][0]["ARN"] == arn
    ]
    assert event["eventType"] == "AwsServiceEvent"
    assert event["serviceEventDetails"] == {
        "keyId": arn,
        "rotationType": "ON_DEMAND",
        "keyOrigin": "AWS_KMS",
        "previousKeyMaterialId": old,
        "currentKeyMaterialId": current_material(kms, arn),
    }
