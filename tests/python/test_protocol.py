"""What holds on the wire for every answer. (The fixtures hold every answer of the whole suite against the service model, too.)"""

import http.client
import json

import pytest

from support import model
from support.raw import CONTENT_TYPE

WITHOUT_OUTPUT = [
    ("DisableKey", {}),
    ("EnableKey", {}),
    ("UpdateKeyDescription", {"Description": "d"}),
    ("TagResource", {"Tags": [{"TagKey": "k", "TagValue": "v"}]}),
    ("UntagResource", {"TagKeys": ["k"]}),
    ("PutKeyPolicy", {"Policy": None}),
]


def test_nine_operations_of_this_server_and_five_to_come_have_no_output():
    service = model.service()
    empty = {name for name in service.operation_names if service.operation_model(name).output_shape is None}
    assert len(empty) == 14
    assert {name for name, _ in WITHOUT_OUTPUT} | {"CreateAlias", "UpdateAlias", "DeleteAlias"} < empty


@pytest.mark.parametrize(("operation", "arguments"), WITHOUT_OUTPUT, ids=lambda value: str(value)[:24])
def test_no_output_means_an_empty_body(raw, kms, make_key, operation, arguments):
    arn = make_key()
    if operation == "PutKeyPolicy":
        arguments = {"Policy": kms.get_key_policy(KeyId=arn)["Policy"]}
    assert_empty(raw.call(operation, {"KeyId": arn, **arguments}))


def test_no_output_of_the_alias_operations_either(raw, make_key):
    first, second = make_key(), make_key()
    named = {"AliasName": "alias/empty-answers"}
    assert_empty(raw.call("CreateAlias", {**named, "TargetKeyId": first}))
    assert_empty(raw.call("UpdateAlias", {**named, "TargetKeyId": second}))
    assert_empty(raw.call("DeleteAlias", named))


def assert_empty(answer):
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0"), answer


def test_timestamps_are_numbers_of_seconds_with_at_most_milliseconds(raw, make_key):
    created = raw.call("DescribeKey", {"KeyId": make_key()}).json["KeyMetadata"]["CreationDate"]
    assert isinstance(created, (int, float)) and round(created, 3) == created


def test_answers_are_not_to_be_cached_and_carry_their_length(raw, key):
    answer = raw.call("Encrypt", {"KeyId": key, "Plaintext": b"p"})
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert "no-store" in answer.headers["cache-control"]


def test_every_answer_has_a_request_id_of_its_own(raw):
    ids = {raw.call("ListKeys").request_id for _ in range(20)}
    assert len(ids) == 20


def test_one_connection_serves_many_requests(raw, key):
    raw.call("ListKeys")
    connection = raw.connection.sock
    for _ in range(50):
        assert raw.call("Encrypt", {"KeyId": key, "Plaintext": b"p"}).status == 200
        assert raw.call("Encrypt", {"KeyId": "no", "Plaintext": b"p"}).status == 400
    assert raw.connection.sock is connection, "the server hung up in between"


def test_errors_without_text_have_no_message_member(raw, key):
    answer = raw.call("Decrypt", {"CiphertextBlob": b"rubbish"})
    assert json.loads(answer.body) == {"__type": "InvalidCiphertextException"}


def test_health_needs_no_signature(server):
    for path in ("/_reseal/health/live", "/_reseal/health/ready"):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", path)
        assert connection.getresponse().status == 200
        connection.close()


def test_everything_else_of_its_own_paths_does(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", "/_reseal/batch-re-encrypt", body=b"{}")
    answer = connection.getresponse()
    assert 400 <= answer.status < 500
    connection.close()
