"""The process: first start, restart, one at a time, leaving politely, accounts, doctor, developer mode."""

import http.client
import json
import os
import socket
import stat
import threading
import time

import pytest

from support.clients import kms_client
from support.expect import refused
from support.raw import Requester
from support.server import FIRST, Credentials, Server


def test_it_says_where_it_listens_and_nothing_secret(own_server):
    server = own_server.start()
    assert server.stdout.splitlines().count(f"reseal: listening on {server.url}") == 1
    kms_client(server, server.caller).list_keys()
    for secret in server.secrets():
        assert secret not in server.stdout + server.stderr


def test_what_was_made_is_there_after_a_restart(own_server):
    server = own_server.start()
    kms = kms_client(server, server.caller)
    key = kms.create_key(Description="stays", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
    kms.create_alias(AliasName="alias/stays", TargetKeyId=key["Arn"])
    first = kms.encrypt(KeyId=key["Arn"], Plaintext=b"before")["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=key["Arn"])
    rsa = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    sealed = kms.encrypt(KeyId=rsa, Plaintext=b"rsa", EncryptionAlgorithm="RSAES_OAEP_SHA_1")["CiphertextBlob"]
    before = kms.describe_key(KeyId="alias/stays")["KeyMetadata"]

    kms = kms_client(server.restart(), server.caller)
    assert kms.describe_key(KeyId="alias/stays")["KeyMetadata"] == before
    assert kms.list_resource_tags(KeyId=key["KeyId"])["Tags"] == [{"TagKey": "a", "TagValue": "b"}]
    assert kms.decrypt(CiphertextBlob=first)["Plaintext"] == b"before"
    opened = kms.decrypt(KeyId=rsa, CiphertextBlob=sealed, EncryptionAlgorithm="RSAES_OAEP_SHA_1")
    assert opened["Plaintext"] == b"rsa"


def test_the_first_account_is_made_once(own_server):
    server = own_server.start()
    assert server.stop() == 0
    server.environment["RESEAL_ROOT_SECRET_ACCESS_KEY"] = "another secret, too late to count"
    server.start()
    assert kms_client(server, FIRST).list_keys()["Keys"] == []


def test_credentials_that_nobody_chose_go_to_a_file_for_the_owner_only(own_server):
    server = own_server
    server.process_environment = lambda: {"PATH": os.environ["PATH"]}
    server.start()
    file = server.data_dir / "first-account.env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    printed = server.stdout + server.stderr
    assert str(file) in printed
    lines = [line.removeprefix("export ") for line in file.read_text().splitlines()]
    values = dict(line.replace('"', "").replace("'", "").split("=", 1) for line in lines if "=" in line)
    assert values["AWS_SECRET_ACCESS_KEY"] not in printed
    made = Credentials("", values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"])
    assert kms_client(server, made).list_keys()["Keys"] == []


def test_the_data_directory_is_for_the_owner_only(own_server):
    server = own_server.start()
    kms_client(server, server.caller).create_key()
    assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((server.data_dir / "root.key").stat().st_mode) == 0o600


def test_a_data_directory_that_others_can_look_into_is_refused(own_server):
    server = own_server.start()
    assert server.stop() == 0
    server.data_dir.chmod(0o755)
    finished = server.run("serve", "--listen", "127.0.0.1:0", expect=None)
    assert finished.returncode != 0
    assert f"chmod 700 {server.data_dir}" in finished.stderr


def test_a_root_key_that_others_can_read_is_refused(own_server):
    server = own_server.start()
    assert server.stop() == 0
    (server.data_dir / "root.key").chmod(0o640)
    finished = server.run("serve", "--listen", "127.0.0.1:0", expect=None)
    assert finished.returncode != 0
    assert "root.key" in finished.stderr


def test_without_its_root_key_it_does_not_begin_anew_on_old_data(own_server):
    server = own_server.start()
    kms_client(server, server.caller).create_key()
    assert server.stop() == 0
    (server.data_dir / "root.key").rename(server.data_dir.with_name("root.key.elsewhere"))
    finished = server.run("serve", "--listen", "127.0.0.1:0", expect=None)
    assert finished.returncode != 0
    assert "listening on" not in finished.stdout
    server.data_dir.with_name("root.key.elsewhere").rename(server.data_dir / "root.key")
    server.start()
    assert len(kms_client(server, server.caller).list_keys()["Keys"]) == 1


def test_a_second_process_on_the_same_directory_is_refused(own_server):
    server = own_server.start()
    finished = server.run("serve", "--listen", "127.0.0.1:0", expect=None)
    assert finished.returncode != 0
    assert "listening on" not in finished.stdout
    assert kms_client(server, server.caller).list_keys()["Keys"] == []


def test_it_finishes_what_it_began_before_it_leaves(own_server):
    """Requests under way at SIGTERM are answered, and the process leaves with status 0."""
    server = own_server.start()
    caller, answers, errors = server.caller, [], []

    def work():
        try:
            requester = Requester(server, caller)
            body = {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}
            answers.append(requester.call("CreateKey", body).status)
        except Exception as error:  # noqa: BLE001 - told to the test
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    assert server.stop() == 0
    for thread in threads:
        thread.join(60)
    assert (answers, errors) == ([200] * 3, [])


def test_it_does_not_wait_for_idle_connections(own_server):
    server = own_server.start()
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
    requester = Requester(server, server.caller)
    requester.call("ListKeys")
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10
    for connection in idle:
        connection.close()


def test_readiness_and_liveness(own_server):
    server = own_server.start()
    for path in ("/_reseal/health/live", "/_reseal/health/ready"):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", path)
        assert connection.getresponse().status == 200
        connection.close()


def test_accounts_are_made_and_listed_while_it_runs_and_while_it_does_not(own_server):
    server = own_server.start()
    second = server.create_account("444455556666")
    assert kms_client(server, second).create_key()["KeyMetadata"]["AWSAccountId"] == second.account
    assert server.stop() == 0
    third = server.create_account("777788889999")
    listed = json.loads(server.run("account list", "--output", "json").stdout)
    rows = listed if isinstance(listed, list) else listed["Accounts"]
    assert {row["AccountId"] for row in rows} == {FIRST.account, second.account, third.account}
    server.start()
    for credentials in (second, third):
        kms_client(server, credentials).list_keys()
    assert second.secret_key not in json.dumps(listed)


@pytest.mark.parametrize("account", ["12", "abc", "1234567890123", "-1"])
def test_an_account_id_has_twelve_digits(own_server, account):
    server = own_server.start()
    finished = server.run("account create", f"--account-id={account}", "--output", "json", expect=None)
    assert finished.returncode != 0


def test_an_account_is_made_once(own_server):
    server = own_server.start()
    server.create_account("444455556666")
    finished = server.run("account create", "--account-id", "444455556666", "--output", "json", expect=None)
    assert finished.returncode != 0


def test_the_admin_socket_is_for_the_owner_only(own_server):
    server = own_server.start()
    path = server.data_dir / "admin.sock"
    assert stat.S_ISSOCK(path.stat().st_mode) and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_unknown_word_in_the_configuration_is_refused_with_the_nearest_known_one(own_server, tmp_path):
    config = tmp_path / "reseal.toml"
    config.write_text('lissten = "127.0.0.1:0"\n')
    finished = own_server.run("serve", "--listen", "127.0.0.1:0", "--config", str(config), expect=None)
    assert finished.returncode != 0
    assert "lissten" in finished.stderr and "listen" in finished.stderr.replace("lissten", "")


def test_the_doctor_finds_a_healthy_server_healthy(own_server):
    server = own_server.start()
    assert server.stop() == 0
    assert server.run("doctor").returncode == 0


def test_the_doctor_finds_a_root_key_that_others_can_read(own_server):
    server = own_server.start()
    assert server.stop() == 0
    (server.data_dir / "root.key").chmod(0o644)
    finished = server.run("doctor", expect=None)
    assert finished.returncode != 0
    assert "root.key" in finished.stdout + finished.stderr and "chmod 600" in finished.stdout + finished.stderr


def test_metrics_have_a_listener_of_their_own(own_server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own_server.arguments = ("--metrics-listen", f"127.0.0.1:{port}")
    server = own_server.start()
    requester = Requester(server, server.caller)
    assert requester.call("ListKeys").status == 200
    assert requester.call("DescribeKey", {"KeyId": "no"}).status == 400
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 200
    for line in (
        'reseal_requests_total{operation="ListKeys"} 1',
        'reseal_request_errors_total{operation="DescribeKey",error="NotFoundException"} 1',
        'reseal_request_duration_seconds_bucket{operation="ListKeys",le="5"} 1',
        "reseal_handler_panics_total 0",
    ):
        assert line in text.splitlines(), text
    refused_here = requester.send_unchecked({"host": "x"}, b"", method="GET", path="/metrics")
    assert refused_here.status != 200, "the metrics are not for callers of the service"


# Developer mode: any well-formed credentials are the root of the account; loopback only.


@pytest.fixture
def dev(tmp_path):
    server = Server(tmp_path / "dev", arguments=["--dev"])
    yield server.start()
    assert server.stop() == 0


def test_developer_mode_takes_any_credentials_and_says_so(dev):
    anyone = Credentials("", "AKIAANYBODYATALL1234", "whatever")
    kms = kms_client(dev, anyone)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    assert kms.encrypt(KeyId=key, Plaintext=b"p")["KeyId"] == key
    answer = Requester(dev, anyone).call("ListKeys")
    assert [name for name in answer.headers if "reseal" in name], "every answer says that this is developer mode"
    assert "dev" in (dev.stdout + dev.stderr).lower()


def test_developer_mode_begins_with_what_a_seed_file_lists(tmp_path):
    identifier = "11111111-2222-4333-8444-555555555555"
    seed = tmp_path / "seed.toml"
    seed.write_text(
        f"""
        [[key]]
        id = "{identifier}"
        description = "known in advance"
        aliases = ["alias/seeded"]
        tags = {{ Team = "Blue" }}
        material = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
        """
    )
    server = Server(tmp_path / "dev", arguments=["--dev", "--seed", str(seed)])
    kms = kms_client(server.start(), server.caller)
    metadata = kms.describe_key(KeyId="alias/seeded")["KeyMetadata"]
    assert (metadata["KeyId"], metadata["Description"]) == (identifier, "known in advance")
    blob = kms.encrypt(KeyId=identifier, Plaintext=b"p")["CiphertextBlob"]
    server.restart()
    assert kms_client(server, server.caller).decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"
    assert server.stop() == 0
    finished = server.run("serve", "--listen", "127.0.0.1:0", "--seed", str(seed), expect=None)
    assert finished.returncode != 0, "fixed ids are for developer mode"


def test_developer_mode_stays_on_loopback(tmp_path):
    server = Server(tmp_path / "dev")
    finished = server.run("serve", "--dev", "--listen", "0.0.0.0:0", expect=None)
    assert finished.returncode != 0
    assert "listening on" not in finished.stdout


def test_outside_developer_mode_nobody_gets_in_without_an_account(own_server):
    server = own_server.start()
    with refused("UnrecognizedClientException"):
        kms_client(server, Credentials("", "AKIAANYBODYATALL1234", "whatever")).list_keys()


def test_plain_http_elsewhere_than_loopback_needs_a_word(tmp_path):
    server = Server(tmp_path / "plain")
    finished = server.run("serve", "--listen", "0.0.0.0:0", expect=None)
    assert finished.returncode != 0
    assert "listening on" not in finished.stdout


def test_it_leaves_no_process_behind(own_server):
    server = own_server.start()
    process = server.process.pid
    assert server.stop() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
