"""Bodies, targets, paths and methods that no client should send: the documented error, and the next request is served."""

import base64
import http.client
import json
import socket

import pytest

from support.expect import NO_TEXT, assert_refused
from support.raw import CONTENT_TYPE

MIB = 1024 * 1024


def still_serving(raw):
    raw.close()
    assert raw.call("ListKeys").status == 200


NOT_AN_OBJECT = [
    b"",
    b"[]",
    b'"text"',
    b"1",
    b"null",
    b"{",
    b"}",
    b'{"KeyId"}',
    b'{"KeyId":"x",}',
    b"{'KeyId':'x'}",
    b'{"KeyId":"x"} trailing',
    b'{"KeyId":"x"}{"KeyId":"y"}',
    b'{"KeyId":"\xff\xfe"}',
    b'{"KeyId":"\\ud800"}',
    b"\xef\xbb\xbf{}garbage",
    b'{"KeyId":' + b"[" * 2000 + b"]" * 2000 + b"}",
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", NOT_AN_OBJECT[1:], ids=range(1, len(NOT_AN_OBJECT)))
def test_what_is_no_json_object(raw, body):
    assert_refused(raw.call("DescribeKey", body), "SerializationException")
    still_serving(raw)


def test_no_body_at_all_is_an_empty_object(raw):
    assert raw.call("ListKeys", b"").status == 200


WRONG_TYPES = [
    ("DescribeKey", b'{"KeyId":1}'),
    ("DescribeKey", b'{"KeyId":true}'),
    ("DescribeKey", b'{"KeyId":["x"]}'),
    ("DescribeKey", b'{"KeyId":{"a":"b"}}'),
    ("DescribeKey", b'{"KeyId":"x","GrantTokens":"not a list"}'),
    ("DescribeKey", b'{"KeyId":"x","GrantTokens":[1]}'),
    ("ListKeys", b'{"Limit":"10"}'),
    ("ListKeys", b'{"Limit":1.5}'),
    ("ListKeys", b'{"Limit":99999999999999999999}'),
    ("ListKeys", b'{"Limit":true}'),
    ("CreateKey", b'{"MultiRegion":"false"}'),
    ("CreateKey", b'{"MultiRegion":0}'),
    ("CreateKey", b'{"Tags":{"TagKey":"a","TagValue":"b"}}'),
    ("CreateKey", b'{"Tags":["a"]}'),
    ("Encrypt", b'{"KeyId":"x","Plaintext":1}'),
    ("Encrypt", b'{"KeyId":"x","Plaintext":["cA=="]}'),
    ("Encrypt", b'{"KeyId":"x","Plaintext":"cA==","DryRun":"true"}'),
    ("ScheduleKeyDeletion", b'{"KeyId":"x","PendingWindowInDays":"7"}'),
]


@pytest.mark.parametrize(("operation", "body"), WRONG_TYPES)
def test_a_member_of_the_wrong_type(raw, operation, body):
    assert_refused(raw.call(operation, body), "SerializationException")


@pytest.mark.parametrize(
    "text", ["!", "c", "cA", "cA=", "cA===", "cA==\n", " cA==", "cA-_", "c\u00e4==", "=", "====", "cB==", "cA==cA=="]
)
def test_what_is_no_base64(raw, key, text):
    for operation, body in (
        ("Encrypt", {"KeyId": key, "Plaintext": text}),
        ("Decrypt", {"CiphertextBlob": text}),
        ("ReEncrypt", {"CiphertextBlob": text, "DestinationKeyId": key}),
    ):
        assert_refused(raw.call(operation, json.dumps(body).encode()), "SerializationException")


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("DescribeKey", b'{"KeyId":"a","KeyId":"b"}'),
        ("Encrypt", b'{"KeyId":"x","Plaintext":"cA==","Plaintext":"cQ=="}'),
        ("Encrypt", b'{"KeyId":"x","Pl\\u0061intext":"cA==","Plaintext":"cQ=="}'),
        ("ReEncrypt", b'{"CiphertextBlob":"cA==","DestinationKeyId":"x","DestinationKeyId":"y"}'),
        ("TagResource", b'{"KeyId":"x","Tags":[{"TagKey":"a","TagKey":"b","TagValue":"v"}]}'),
        ("ListKeys", b'{"Limit":1,"Limit":2}'),
    ],
)
def test_the_same_member_twice(raw, operation, body):
    assert_refused(raw.call(operation, body), "SerializationException")


def test_members_that_nobody_knows_are_ignored_and_null_is_absent(raw, key):
    answer = raw.call("DescribeKey", {"KeyId": key, "FromTheFuture": {"deep": [1, None]}, "GrantTokens": None})
    assert answer.status == 200, answer
    assert raw.call("ListKeys", {"Limit": None, "Marker": None}).status == 200


@pytest.mark.parametrize(
    "target",
    [
        "TrentService.NoSuchOperation",
        "TrentService.reencrypt",
        "TrentService. ReEncrypt",
        "TrentService.",
        "TrentService",
        "",
        "DynamoDB_20120810.ListTables",
        "trentservice.ReEncrypt",
        "TrentService.ListKeys.ListKeys",
        "TrentService." + "A" * 4000,
    ],
)
def test_a_target_that_is_none(raw, target):
    assert_refused(raw.call("", extra={"x-amz-target": target}), "UnknownOperationException", NO_TEXT)


def test_no_target(raw):
    headers, content = raw.signed("ListKeys", unsigned=("x-amz-target",))
    del headers["x-amz-target"]
    assert_refused(raw.send(headers, content), "UnknownOperationException", NO_TEXT)


def test_a_body_of_two_mebibytes_is_too_large(raw):
    body = json.dumps({"KeyId": "x" * (2 * MIB)}).encode()
    answer = raw.send_unchecked(*raw.signed("DescribeKey", body))
    assert answer.status == 413, answer
    assert answer.error == "RequestEntityTooLarge"
    still_serving(raw)


def test_a_large_body_that_asks_first_is_refused_before_it_is_sent(raw, server):
    headers, _ = raw.signed("DescribeKey", b"{}")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest("POST", "/", skip_host=True, skip_accept_encoding=True)
    for name, value in {**headers, "content-length": str(1 << 40), "expect": "100-continue"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    still_serving(raw)


def test_a_chunked_body_is_counted_too(raw, server):
    headers, _ = raw.signed("DescribeKey", b"{}")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest("POST", "/", skip_host=True, skip_accept_encoding=True)
    for name, value in {**headers, "transfer-encoding": "chunked"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        for _ in range(2 * MIB // 65536):
            connection.send(b"10000\r\n" + b" " * 65536 + b"\r\n")
        connection.send(b"0\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server may hang up as soon as it has seen too much
    try:
        assert connection.getresponse().status == 413
    except (http.client.RemoteDisconnected, ConnectionResetError):
        pass
    connection.close()
    still_serving(raw)


def test_a_chunked_body_of_decent_size_is_fine(raw, server):
    headers, content = raw.signed("ListKeys", b'{"Limit":1}')
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest("POST", "/", skip_host=True, skip_accept_encoding=True)
    for name, value in {**headers, "transfer-encoding": "chunked"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    for byte in content:
        connection.send(b"1\r\n" + bytes([byte]) + b"\r\n")
    connection.send(b"0\r\n\r\n")
    assert connection.getresponse().status == 200
    connection.close()


def test_headers_without_end(raw, server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\n")
        try:
            for number in range(4000):
                connection.sendall(b"x-%d: %s\r\n" % (number, b"y" * 1000))
        except (BrokenPipeError, ConnectionResetError):
            pass
    still_serving(raw)


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\x00" * 400, b"POST / HTTP/9.9\r\n\r\n"]
)
def test_what_is_no_http(raw, server, garbage):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(garbage)
        try:
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        except OSError:
            answer = b""  # hung up on, which is an answer too
    assert not answer.startswith(b"HTTP/1.1 2") and not answer.startswith(b"HTTP/1.1 5"), answer
    still_serving(raw)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_the_service_is_posted_to(raw, method):
    answer = raw.send_unchecked(*raw.signed("ListKeys"), method=method)
    assert 400 <= answer.status < 500, answer
    still_serving(raw)


@pytest.mark.parametrize("path", ["/kms", "//", "/../", "/index.html", "/service/TrentService/operation/ListKeys"])
def test_there_is_one_path(raw, path):
    answer = raw.send_unchecked(*raw.signed("ListKeys"), path=path)
    assert 400 <= answer.status < 500, answer
    still_serving(raw)


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/cbor", "application/x-amz-json-1.0"]
)
def test_another_content_type_never_breaks_the_server(raw, content_type):
    answer = raw.call("ListKeys", extra={"content-type": content_type})
    assert answer.status in (200, 400, 404, 415), answer
    assert answer.headers["content-type"] == CONTENT_TYPE
    still_serving(raw)


def test_nothing_of_a_bad_request_is_told_back_that_is_secret(raw, key):
    secret = base64.b64encode(b"do not repeat this secret " * 200).decode()
    answer = raw.call("Encrypt", json.dumps({"KeyId": key, "Plaintext": secret}).encode())
    assert_refused(answer, "ValidationException")
    assert b"do not repeat" not in answer.body and secret[:40].encode() not in answer.body
    answer = raw.call("Encrypt", json.dumps({"KeyId": key, "Plaintext": secret[:-1] + "!"}).encode())
    assert_refused(answer, "SerializationException")
    assert secret[:40].encode() not in answer.body
