"""Multi-Region keys with real clients in several Regions: what one key encrypted, its siblings open."""

import base64
import json
import threading

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from conftest import SECOND_ACCOUNT, bring_to, new_key, uuid_of
from support.clients import Cli, kms_client
from support.expect import assert_refused, refused, violation, violations
from support.server import FIRST

HERE, THERE, THIRD = "us-east-1", "eu-west-1", "ap-southeast-2"


@pytest.fixture(scope="module")
def clients(server):
    return {region: kms_client(server, server.caller, region=region) for region in (HERE, THERE, THIRD)}


@pytest.fixture
def make_set(clients):
    """`make_set(THERE, THIRD)`: a primary in us-east-1 with replicas; gives the key id."""

    def make(*replicas, **parameters):
        key = uuid_of(new_key(clients[HERE], MultiRegion=True, **parameters))
        for region in replicas:
            clients[HERE].replicate_key(KeyId=key, ReplicaRegion=region)
        return key

    return make


def arn_in(region, key, account=FIRST.account):
    return f"arn:aws:kms:{region}:{account}:key/{key}"


def described(client, key):
    return client.describe_key(KeyId=key)["KeyMetadata"]


def related(region, key):
    return {"Arn": arn_in(region, key), "Region": region}


def assert_set(clients, key, primary, replicas, regions=(HERE, THERE, THIRD)):
    """Every key of the set tells the same set, and what it is itself."""
    for region in regions:
        configuration = described(clients[region], key)["MultiRegionConfiguration"]
        assert configuration["MultiRegionKeyType"] == ("PRIMARY" if region == primary else "REPLICA")
        assert configuration["PrimaryKey"] == related(primary, key)
        listed = sorted(configuration["ReplicaKeys"], key=lambda entry: entry["Region"])
        assert listed == [related(replica, key) for replica in sorted(replicas)]


def test_a_replica_in_full(clients, root_arn, make_set):
    key = make_set(Description="of the primary", Tags=[{"TagKey": "a", "TagValue": "1"}])
    assert key.startswith("mrk-") and len(key) == 36
    assert_set(clients, key, HERE, [], regions=[HERE])
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": root_arn}, "Action": "kms:*", "Resource": "*"}],
        }
    )
    tags = [{"TagKey": "b", "TagValue": "2"}]
    answer = clients[HERE].replicate_key(
        KeyId=arn_in(HERE, key), ReplicaRegion=THERE, Policy=policy, Description="of the replica", Tags=tags
    )
    metadata = answer["ReplicaKeyMetadata"]
    assert metadata == described(clients[THERE], key)
    primary = described(clients[HERE], key)
    for member in ("KeyId", "KeySpec", "KeyUsage", "Origin", "CurrentKeyMaterialId", "EncryptionAlgorithms"):
        assert metadata[member] == primary[member], member
    assert metadata["Arn"] == arn_in(THERE, key)
    assert (metadata["Description"], primary["Description"]) == ("of the replica", "of the primary")
    assert (metadata["KeyState"], metadata["Enabled"], metadata["MultiRegion"]) == ("Enabled", True, True)
    assert answer["ReplicaPolicy"] == clients[THERE].get_key_policy(KeyId=key)["Policy"] == policy
    assert answer["ReplicaTags"] == clients[THERE].list_resource_tags(KeyId=key)["Tags"] == tags
    assert clients[THERE].list_aliases(KeyId=key)["Aliases"] == []
    bare = clients[HERE].replicate_key(KeyId=key, ReplicaRegion=THIRD)
    assert (bare["ReplicaTags"], bare["ReplicaKeyMetadata"]["Description"]) == ([], "")
    assert json.loads(bare["ReplicaPolicy"])["Id"] == "key-default-1"
    assert_set(clients, key, HERE, [THERE, THIRD])


def test_every_sibling_opens_what_any_encrypted(clients, make_set):
    key = make_set(THERE, THIRD)
    context = {"Project": "Alpha"}
    for sealer in clients.values():
        blob = sealer.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=context)["CiphertextBlob"]
        for region, opener in clients.items():
            answer = opener.decrypt(CiphertextBlob=blob, EncryptionContext=context)
            assert (answer["Plaintext"], answer["KeyId"]) == (b"secret", arn_in(region, key))
            with refused("InvalidCiphertextException", ""):
                opener.decrypt(CiphertextBlob=blob, EncryptionContext={"Project": "Beta"})
    with refused("NotFoundException", f"Invalid arn {HERE}"):
        clients[THERE].decrypt(CiphertextBlob=blob, EncryptionContext=context, KeyId=arn_in(HERE, key))


def test_a_data_key_made_here_is_opened_there(clients, make_set):
    key = make_set(THERE)
    made = clients[HERE].generate_data_key(KeyId=key, KeySpec="AES_256")
    sealed = AESGCM(made["Plaintext"]).encrypt(bytes(12), b"a file", b"")
    opened = clients[THERE].decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"]
    assert AESGCM(opened).decrypt(bytes(12), sealed, b"") == b"a file"


def test_reencrypt_takes_a_siblings_ciphertext(clients, make_set):
    key = make_set(THERE)
    local = new_key(clients[THERE])
    blob = clients[HERE].encrypt(KeyId=key, Plaintext=b"moving")["CiphertextBlob"]
    away = clients[THERE].re_encrypt(CiphertextBlob=blob, DestinationKeyId=local)
    assert (away["SourceKeyId"], away["KeyId"]) == (arn_in(THERE, key), local)
    back = clients[THERE].re_encrypt(CiphertextBlob=away["CiphertextBlob"], DestinationKeyId=key)
    assert clients[HERE].decrypt(CiphertextBlob=back["CiphertextBlob"])["Plaintext"] == b"moving"


def test_ciphertext_made_with_the_public_key_of_the_other_region(clients, make_set):
    key = make_set(THERE, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    public = clients[HERE].get_public_key(KeyId=key)["PublicKey"]
    assert public == clients[THERE].get_public_key(KeyId=key)["PublicKey"]
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    blob = load_der_public_key(public).encrypt(b"from outside", oaep)
    answer = clients[THERE].decrypt(KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    assert answer["Plaintext"] == b"from outside"


def test_a_mac_made_here_is_verified_there(clients, make_set):
    key = make_set(THERE, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    request = {"KeyId": key, "Message": b"message", "MacAlgorithm": "HMAC_SHA_256"}
    mac = clients[HERE].generate_mac(**request)["Mac"]
    assert clients[THERE].generate_mac(**request)["Mac"] == mac
    answer = clients[THERE].verify_mac(**request, Mac=mac)
    assert (answer["MacValid"], answer["KeyId"]) == (True, arn_in(THERE, key))


def test_both_regions_agree_with_an_outsider(clients, make_set):
    key = make_set(THERE, KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")
    outsider = ec.generate_private_key(ec.SECP256R1())
    public = outsider.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    secrets = {
        client.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=public)["SharedSecret"]
        for client in (clients[HERE], clients[THERE])
    }
    theirs = load_der_public_key(clients[THERE].get_public_key(KeyId=key)["PublicKey"])
    assert secrets == {outsider.exchange(ec.ECDH(), theirs)}


def test_new_key_material_is_everywhere_at_once(clients, make_set):
    key = make_set(THERE, THIRD)
    old = clients[THERE].encrypt(KeyId=key, Plaintext=b"old")
    with refused("UnsupportedOperationException", f"{arn_in(THERE, key)} is not a multi-region primary key."):
        clients[THERE].rotate_key_on_demand(KeyId=key)
    clients[HERE].rotate_key_on_demand(KeyId=key)
    materials = {described(client, key)["CurrentKeyMaterialId"] for client in clients.values()}
    assert len(materials) == 1
    new = clients[THIRD].encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
    for client in clients.values():
        assert client.decrypt(CiphertextBlob=old["CiphertextBlob"])["Plaintext"] == b"old"
        opened = client.decrypt(CiphertextBlob=new)
        assert (opened["Plaintext"], {opened["KeyMaterialId"]}) == (b"new", materials)


def test_policy_tags_aliases_and_state_are_a_keys_own(clients, make_set, policy_for, root_arn):
    key = make_set(THERE)
    there, here = clients[THERE], clients[HERE]
    there.put_key_policy(KeyId=key, Policy=policy_for(root_arn, deny=["kms:Encrypt"]))
    there.tag_resource(KeyId=key, Tags=[{"TagKey": "t", "TagValue": "v"}])
    there.create_alias(AliasName="alias/only-there", TargetKeyId=key)
    there.update_key_description(KeyId=key, Description="there")
    with refused("AccessDeniedException"):
        there.encrypt(KeyId=key, Plaintext=b"p")
    here.encrypt(KeyId=key, Plaintext=b"p")
    assert here.list_resource_tags(KeyId=key)["Tags"] == here.list_aliases(KeyId=key)["Aliases"] == []
    assert described(here, key)["Description"] == ""
    there.disable_key(KeyId=key)
    assert described(here, key)["KeyState"] == "Enabled"
    with refused("NotFoundException"):
        here.describe_key(KeyId="alias/only-there")
    there.delete_alias(AliasName="alias/only-there")


def test_the_primary_moves(server, clients, make_set):
    key = make_set(THERE, THIRD)
    answer = clients[HERE].update_primary_region(KeyId=key, PrimaryRegion=THIRD)
    assert answer.keys() == {"ResponseMetadata"}
    assert_set(clients, key, THIRD, [HERE, THERE])
    with refused("UnsupportedOperationException", f"{arn_in(HERE, key)} is not a multi-region primary key."):
        clients[HERE].update_primary_region(KeyId=key, PrimaryRegion=THERE)
    clients[THIRD].rotate_key_on_demand(KeyId=key)
    records = [
        record
        for record in server.audit_records()
        if record.get("requestID") == answer["ResponseMetadata"]["RequestId"]
    ]
    assert [record["awsRegion"] for record in records] == [HERE, THIRD]
    for record in records:
        assert record["requestParameters"] == {"keyId": key, "primaryRegion": THIRD}
        assert [resource["ARN"] for resource in record["resources"]] == [arn_in(record["awsRegion"], key)]


def test_a_primary_is_deleted_after_its_replicas(clients, make_set):
    key = make_set(THERE)
    here = clients[HERE]
    answer = here.schedule_key_deletion(KeyId=key, PendingWindowInDays=9)
    assert (answer["KeyState"], answer["PendingWindowInDays"]) == ("PendingReplicaDeletion", 9)
    assert "DeletionDate" not in answer
    metadata = described(here, key)
    assert (metadata["KeyState"], metadata["PendingDeletionWindowInDays"]) == ("PendingReplicaDeletion", 9)
    assert "DeletionDate" not in metadata and not metadata["Enabled"]
    waiting = f"{arn_in(HERE, key)} is pending replica deletion."
    for call in (
        lambda: here.encrypt(KeyId=key, Plaintext=b"p"),
        lambda: here.enable_key(KeyId=key),
        lambda: here.schedule_key_deletion(KeyId=key),
        lambda: here.replicate_key(KeyId=key, ReplicaRegion=THIRD),
        lambda: here.update_primary_region(KeyId=key, PrimaryRegion=THERE),
    ):
        with refused("KMSInvalidStateException", waiting):
            call()
    clients[THERE].encrypt(KeyId=key, Plaintext=b"the replica works on")
    here.cancel_key_deletion(KeyId=key)
    here.enable_key(KeyId=key)
    replica = clients[THERE].schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert replica["KeyState"] == "PendingDeletion" and "DeletionDate" in replica
    with refused("AlreadyExistsException", f"Key '{arn_in(THERE, key)}' already exists"):
        here.replicate_key(KeyId=key, ReplicaRegion=THERE)
    with refused("KMSInvalidStateException", f"{arn_in(THERE, key)} is pending deletion."):
        here.update_primary_region(KeyId=key, PrimaryRegion=THERE)


def test_what_cannot_be_replicated(clients, make_key, make_set, unknown_key):
    here, key = clients[HERE], make_set(THERE)
    single = make_key()
    for wrong in (single, uuid_of(single)):
        with refused("UnsupportedOperationException", f"{single} is not a multi-region primary key."):
            here.replicate_key(KeyId=wrong, ReplicaRegion=THIRD)
    with refused("UnsupportedOperationException", f"{arn_in(THERE, key)} is not a multi-region primary key."):
        clients[THERE].replicate_key(KeyId=key, ReplicaRegion=THIRD)
    with refused("UnsupportedOperationException", "Region mars-north-1 is not supported."):
        here.replicate_key(KeyId=key, ReplicaRegion="mars-north-1")
    with refused("ValidationException"):
        here.replicate_key(KeyId=key, ReplicaRegion=HERE)
    with refused("NotFoundException", f"Key '{unknown_key}' does not exist"):
        here.replicate_key(KeyId=unknown_key, ReplicaRegion=THIRD)
    with refused("InvalidArnException"):
        here.replicate_key(KeyId="arn:aws:kms:us-east-1:key", ReplicaRegion=THIRD)
    with refused("MalformedPolicyDocumentException"):
        here.replicate_key(KeyId=key, ReplicaRegion=THIRD, Policy="{}{")
    with refused("TagException", "Duplicate tag keys"):
        here.replicate_key(KeyId=key, ReplicaRegion=THIRD, Tags=[{"TagKey": "a", "TagValue": ""}] * 2)
    with refused("TagException", "Too many tags"):
        many = [{"TagKey": str(number), "TagValue": ""} for number in range(51)]
        here.replicate_key(KeyId=key, ReplicaRegion=THIRD, Tags=many)
    with refused("LimitExceededException"):
        here.replicate_key(KeyId=key, ReplicaRegion=THIRD, Policy=" " * 32_769)
    bring_to(here, key, "Disabled")
    with refused("DisabledException", f"{arn_in(HERE, key)} is disabled."):
        here.replicate_key(KeyId=key, ReplicaRegion=THIRD)
    assert_set(clients, key, HERE, [THERE], regions=[HERE, THERE])
    with refused("NotFoundException"):
        clients[THIRD].describe_key(KeyId=key)


def test_a_primary_cannot_move_where_no_replica_is(clients, make_key, make_set):
    here, key = clients[HERE], make_set(THERE)
    with refused("NotFoundException", f"Key '{arn_in(THIRD, key)}' does not exist"):
        here.update_primary_region(KeyId=key, PrimaryRegion=THIRD)
    with refused("UnsupportedOperationException"):
        here.update_primary_region(KeyId=make_key(), PrimaryRegion=THERE)
    with refused("InvalidArnException"):
        here.update_primary_region(KeyId="arn:aws:kms:us-east-1:key", PrimaryRegion=THERE)
    bring_to(clients[THERE], key, "Disabled")
    with refused("DisabledException", f"{arn_in(THERE, key)} is disabled."):
        here.update_primary_region(KeyId=key, PrimaryRegion=THERE)


def test_region_names_are_held_against_the_model(raw, make_set):
    key, rule = make_set(), r"Member must satisfy regular expression pattern: ^([a-z]+-){2,3}\d+$"
    for operation, member in (("ReplicateKey", "ReplicaRegion"), ("UpdatePrimaryRegion", "PrimaryRegion")):
        path = member[0].lower() + member[1:]
        for bad in ("Mars", "us-east", "us-east-1-", "a-b-c-d-1", "us--1", "US-EAST-1"):
            expected = violations(violation(rule, path, bad))
            assert_refused(raw.call(operation, {"KeyId": key, member: bad}), "ValidationException", expected)
        missing = violations(violation("Member must not be null", path))
        assert_refused(raw.call(operation, {"KeyId": key}), "ValidationException", missing)


def test_the_other_account_may_not(clients, make_set, other_kms):
    key = make_set(THERE)
    for call in (
        lambda name: other_kms.replicate_key(KeyId=name, ReplicaRegion=THIRD),
        lambda name: other_kms.update_primary_region(KeyId=name, PrimaryRegion=THERE),
    ):
        with refused("NotFoundException", f"Key '{arn_in(HERE, key, SECOND_ACCOUNT)}' does not exist"):
            call(key)
        with refused("AccessDeniedException"):
            call(arn_in(HERE, key))


def test_key_policies_decide_on_both_sides(clients, make_set, policy_for, root_arn):
    here, key = clients[HERE], make_set(THERE)
    clients[THERE].put_key_policy(KeyId=key, Policy=policy_for(root_arn, deny=["kms:UpdatePrimaryRegion"]))
    with refused("AccessDeniedException"):
        here.update_primary_region(KeyId=key, PrimaryRegion=THERE)
    clients[THERE].put_key_policy(KeyId=key, Policy=policy_for(root_arn))
    here.put_key_policy(KeyId=key, Policy=policy_for(root_arn, deny=["kms:ReplicateKey", "kms:UpdatePrimaryRegion"]))
    with refused("AccessDeniedException"):
        here.replicate_key(KeyId=key, ReplicaRegion=THIRD)
    with refused("AccessDeniedException"):
        here.update_primary_region(KeyId=key, PrimaryRegion=THERE)


def test_siblings_stay_in_step_under_concurrent_changes(clients, make_set):
    key = make_set()
    faults = []

    def work(call):
        try:
            call()
        except Exception as error:  # noqa: BLE001: any failure is one of the test
            faults.append(error)

    calls = [lambda: clients[HERE].rotate_key_on_demand(KeyId=key) for _ in range(6)]
    calls += [lambda to=region: clients[HERE].replicate_key(KeyId=key, ReplicaRegion=to) for region in (THERE, THIRD)]
    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults
    assert_set(clients, key, HERE, [THERE, THIRD])
    assert len({described(client, key)["CurrentKeyMaterialId"] for client in clients.values()}) == 1
    for sealer in clients.values():
        blob = sealer.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
        assert all(opener.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p" for opener in clients.values())


def test_a_killed_server_keeps_the_set(own_server):
    own_server.start()
    here, there = (kms_client(own_server, own_server.caller, region=region) for region in (HERE, THERE))
    key = uuid_of(new_key(here, MultiRegion=True))
    here.replicate_key(KeyId=key, ReplicaRegion=THERE)
    here.update_primary_region(KeyId=key, PrimaryRegion=THERE)
    there.rotate_key_on_demand(KeyId=key)
    blob = here.encrypt(KeyId=key, Plaintext=b"before")["CiphertextBlob"]
    own_server.kill()
    own_server.start()
    clients = {region: kms_client(own_server, own_server.caller, region=region) for region in (HERE, THERE)}
    assert_set(clients, key, THERE, [HERE], regions=[HERE, THERE])
    assert clients[THERE].decrypt(CiphertextBlob=blob)["Plaintext"] == b"before"
    names = [record["eventName"] for record in own_server.audit_records() if key in json.dumps(record)]
    assert names.count("UpdatePrimaryRegion") == 2 and names.count("SynchronizeMultiRegionKey") == 1


def test_the_command_line_in_two_regions(server, cli, tmp_path):
    there = Cli(server, server.caller, tmp_path, region=THERE)
    key = cli.text("create-key", "--multi-region", "--query", "KeyMetadata.KeyId", "--output", "text")
    replica = cli.json("replicate-key", "--key-id", key, "--replica-region", THERE, "--description", "over there")
    assert replica["ReplicaKeyMetadata"]["Description"] == "over there"
    (tmp_path / "plain").write_bytes(b"by hand")
    sealed = cli.text(
        *("encrypt", "--key-id", key, "--plaintext", f"fileb://{tmp_path}/plain"),
        *("--query", "CiphertextBlob", "--output", "text"),
    )
    (tmp_path / "sealed").write_bytes(base64.b64decode(sealed))
    opened = there.json("decrypt", "--ciphertext-blob", f"fileb://{tmp_path}/sealed")
    assert (base64.b64decode(opened["Plaintext"]), opened["KeyId"]) == (b"by hand", arn_in(THERE, key))
    refusal = there.run("update-primary-region", "--key-id", key, "--primary-region", HERE)
    assert "UnsupportedOperationException" in refusal.stderr
    cli.text("update-primary-region", "--key-id", key, "--primary-region", THERE)
    told = there.json("describe-key", "--key-id", key)["KeyMetadata"]["MultiRegionConfiguration"]
    assert told["PrimaryKey"] == related(THERE, key) and told["ReplicaKeys"] == [related(HERE, key)]
