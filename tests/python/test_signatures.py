"""Signature Version 4: what is accepted, and every way of being refused. No request gets past a signature that is not right."""

import re
from datetime import timedelta

import pytest

from support import sigv4
from support.expect import ANY_TEXT, assert_refused
from support.raw import CONTENT_TYPE, PREFIX
from support.server import Credentials

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
UNKNOWN_TOKEN = "The security token included in the request is invalid."


def test_a_correct_request_is_accepted(raw):
    assert raw.call("ListKeys").status == 200


def test_an_unsigned_request(raw):
    headers, content = raw.signed("ListKeys")
    del headers["authorization"]
    assert_refused(raw.send(headers, content), "MissingAuthenticationTokenException", "Missing Authentication Token")


def test_a_wrong_secret(raw, caller):
    wrong = Credentials(caller.account, caller.access_key, caller.secret_key + "x")
    assert_refused(raw.call("ListKeys", credentials=wrong), "InvalidSignatureException", MISMATCH)


def test_an_unknown_access_key(raw, caller):
    unknown = Credentials(caller.account, "AKIANOBODYKNOWSTHIS1", caller.secret_key)
    assert_refused(raw.call("ListKeys", credentials=unknown), "UnrecognizedClientException", UNKNOWN_TOKEN)


def test_a_session_token_where_none_belongs(raw):
    answer = raw.call("ListKeys", extra={"x-amz-security-token": "made up"})
    assert_refused(answer, "UnrecognizedClientException", UNKNOWN_TOKEN)


def test_a_body_changed_after_signing(raw):
    headers, content = raw.signed("ListKeys", b'{"Limit":1}')
    assert_refused(raw.send(headers, content.replace(b"1", b"2")), "InvalidSignatureException", MISMATCH)


def test_a_body_changed_after_signing_is_not_even_parsed(raw):
    headers, _ = raw.signed("ListKeys", b'{"Limit":1}')
    assert_refused(raw.send(headers, b"{{{{{{{{{{{"), "InvalidSignatureException", MISMATCH)


def test_the_operation_swapped_after_signing(raw):
    headers, content = raw.signed("ListKeys")
    headers["x-amz-target"] = PREFIX + "CreateKey"
    assert_refused(raw.send(headers, content), "InvalidSignatureException", MISMATCH)


def test_the_operation_left_out_of_the_signature(raw):
    answer = raw.send(*raw.signed("ListKeys", unsigned=("x-amz-target",)))
    assert_refused(answer, "InvalidSignatureException", ANY_TEXT)


def test_the_host_left_out_of_the_signature(raw):
    answer = raw.send(*raw.signed("ListKeys", unsigned=("host",)))
    assert answer.status == 400 and answer.error in ("InvalidSignatureException", "IncompleteSignatureException")


def test_an_amazon_header_added_after_signing(raw):
    headers, content = raw.signed("ListKeys")
    headers["x-amz-extra"] = "slipped in"
    assert_refused(raw.send(headers, content), "InvalidSignatureException", ANY_TEXT)


def test_headers_that_proxies_add_do_not_matter(raw):
    headers, content = raw.signed("ListKeys")
    headers |= {"user-agent": "someone/1.0", "via": "1.1 proxy", "x-forwarded-for": "192.0.2.1", "accept": "*/*"}
    assert raw.send(headers, content).status == 200


def test_a_header_value_with_odd_spaces_is_signed_as_trimmed(raw):
    assert raw.call("ListKeys", extra={"x-amz-odd": "  a   b  "}).status == 200


def test_the_hash_header_must_tell_the_truth(raw):
    body = b"{}"
    assert raw.call("ListKeys", body, extra={"x-amz-content-sha256": sigv4.sha256(body)}).status == 200
    answer = raw.call("ListKeys", body, extra={"x-amz-content-sha256": sigv4.sha256(b"other")})
    assert answer.status == 400 and answer.error == "InvalidSignatureException", answer
    answer = raw.call("ListKeys", body, extra={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert answer.status == 400 and answer.error == "InvalidSignatureException", answer


@pytest.mark.parametrize("seconds", [-290, -60, 60, 290])
def test_a_clock_that_is_a_little_off(raw, seconds):
    assert raw.call("ListKeys", at=sigv4.now() + timedelta(seconds=seconds)).status == 200


@pytest.mark.parametrize("seconds", [-86400 * 400, -3600, -310])
def test_a_request_of_the_past(raw, seconds):
    at = sigv4.now() + timedelta(seconds=seconds)
    expected = re.compile(
        rf"Signature expired: {sigv4.amz_date(at)} is now earlier than \d{{8}}T\d{{6}}Z \(\d{{8}}T\d{{6}}Z - 5 min\.\)"
    )
    assert_refused(raw.call("ListKeys", at=at), "InvalidSignatureException", expected)


@pytest.mark.parametrize("seconds", [310, 3600, 86400 * 400])
def test_a_request_of_the_future(raw, seconds):
    at = sigv4.now() + timedelta(seconds=seconds)
    expected = re.compile(
        rf"Signature not yet current: {sigv4.amz_date(at)} is still later than "
        r"\d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 5 min\.\)"
    )
    assert_refused(raw.call("ListKeys", at=at), "InvalidSignatureException", expected)


def test_a_scope_of_another_day(raw):
    at = sigv4.now()
    yesterday = f"{at - timedelta(days=1):%Y%m%d}"
    answer = raw.call("ListKeys", scope=f"{yesterday}/us-east-1/kms/aws4_request", at=at)
    expected = (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        f"'{yesterday}' != '{at:%Y%m%d}', from '{sigv4.amz_date(at)}'."
    )
    assert_refused(answer, "InvalidSignatureException", expected)


@pytest.mark.parametrize("service", ["s3", "iam", "KMS", "kms2"])
def test_a_scope_of_another_service(raw, service):
    at = sigv4.now()
    answer = raw.call("ListKeys", scope=sigv4.scope(at, "us-east-1", service), at=at)
    assert_refused(answer, "InvalidSignatureException", "Credential should be scoped to correct service: 'kms'.")


@pytest.mark.parametrize("region", ["mars-north-1", "us-east-11", "US-EAST-1"])
def test_a_scope_of_a_region_that_is_not_served(raw, region):
    at = sigv4.now()
    answer = raw.call("ListKeys", scope=sigv4.scope(at, region), at=at)
    expected = re.compile(rf"Credential should be scoped to a valid region, not '{region}'\.( .*)?")
    assert_refused(answer, "InvalidSignatureException", expected)


@pytest.mark.parametrize("tail", ["aws4_reques", "aws5_request", ""])
def test_a_scope_with_another_ending(raw, tail):
    at = sigv4.now()
    answer = raw.call("ListKeys", scope=f"{at:%Y%m%d}/us-east-1/kms/{tail}", at=at)
    assert answer.status == 400, answer
    assert answer.error in ("InvalidSignatureException", "IncompleteSignatureException"), answer


@pytest.mark.parametrize("missing", ["Credential", "Signature", "SignedHeaders"])
def test_an_authorization_header_with_a_part_missing(raw, missing):
    headers, content = raw.signed("ListKeys")
    algorithm, parts = headers["authorization"].split(" ", 1)
    kept = [part for part in parts.split(", ") if not part.startswith(missing + "=")]
    headers["authorization"] = f"{algorithm} {', '.join(kept)}"
    expected = re.compile(rf"Authorization header requires '{missing}' parameter\..*")
    assert_refused(raw.send(headers, content), "IncompleteSignatureException", expected)


def test_an_authorization_header_without_any_date(raw):
    headers, content = raw.signed("ListKeys")
    del headers["x-amz-date"]
    answer = raw.send(headers, content)
    expected = re.compile(r".*Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header\..*")
    assert_refused(answer, "IncompleteSignatureException", expected)


@pytest.mark.parametrize(
    "value",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/e",
        "AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature=",
        "AWS4-HMAC-SHA256 " + "x" * 5000,
        "AWS3-HTTPS AWSAccessKeyId=x",
        "Basic dXNlcjpwYXNz",
        "Bearer token",
        "\u00e4\u00f6\u00fc",
        ", , , =,=,=",
    ],
)
def test_an_authorization_header_that_is_none(raw, value):
    headers, content = raw.signed("ListKeys")
    headers["authorization"] = value.encode("latin-1", "replace").decode("latin-1")
    answer = raw.send(headers, content)
    assert answer.status == 400, answer
    assert answer.error in (
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
    ), answer


@pytest.mark.parametrize(
    "date", ["", "yesterday", "2026-01-01T00:00:00Z", "20260101T000000", "20261301T000000Z", "9" * 16]
)
def test_a_date_that_is_none(raw, date):
    headers, content = raw.signed("ListKeys")
    headers["x-amz-date"] = date
    answer = raw.send(headers, content)
    assert answer.status == 400, answer
    assert answer.error in ("IncompleteSignatureException", "InvalidSignatureException"), answer


def test_a_signature_that_is_off_by_one_digit_anywhere(raw):
    headers, content = raw.signed("ListKeys")
    good = headers["authorization"]
    start = good.index("Signature=") + len("Signature=")
    for place in range(start, len(good)):
        digit = "0" if good[place] != "0" else "1"
        headers["authorization"] = good[:place] + digit + good[place + 1 :]
        assert_refused(raw.send(headers, content), "InvalidSignatureException", MISMATCH)
    headers["authorization"] = good
    assert raw.send(headers, content).status == 200


def test_signatures_of_wrong_length(raw):
    headers, content = raw.signed("ListKeys")
    good = headers["authorization"]
    for changed in (good[:-1], good + "0", good[:-64], good.replace(good[-64:], good[-64:].upper())):
        headers["authorization"] = changed
        answer = raw.send(headers, content)
        assert answer.status == 400, answer


def test_an_unknown_operation_without_a_signature_does_nothing(raw):
    headers, content = raw.signed("NoSuchOperation")
    del headers["authorization"]
    answer = raw.send(headers, content)
    assert answer.status == 400
    assert answer.error in ("UnknownOperationException", "MissingAuthenticationTokenException"), answer


# The signature in the query string instead of the header.


def presigned(raw, caller, body=b'{"Limit":1}', age=0, expires=60, **wrong):
    at = sigv4.now() - timedelta(seconds=age)
    headers = {
        "host": f"127.0.0.1:{raw.server.port}",
        "content-type": CONTENT_TYPE,
        "x-amz-target": PREFIX + "ListKeys",
    }
    query = sigv4.presigned_query(
        wrong.get("credentials", caller),
        headers,
        body,
        scope=sigv4.scope(at, "us-east-1"),
        date=sigv4.amz_date(at),
        expires=expires,
    )
    return headers, wrong.get("sent", body), "/?" + query


def send_presigned(raw, signed):
    headers, content, path = signed
    return raw.send(headers, content, path=path)


def test_a_presigned_request_is_accepted(raw, caller):
    answer = send_presigned(raw, presigned(raw, caller))
    assert answer.status == 200 and len(answer.json["Keys"]) == 1, answer


def test_a_presigned_request_lives_as_long_as_it_says(raw, caller):
    assert send_presigned(raw, presigned(raw, caller, age=600, expires=3600)).status == 200
    answer = send_presigned(raw, presigned(raw, caller, age=600, expires=300))
    assert answer.status == 400 and answer.error in ("InvalidSignatureException", "RequestExpired"), answer


@pytest.mark.parametrize("expires", [0, -1, 604801])
def test_a_presigned_request_that_says_nonsense_about_its_life(raw, caller, expires):
    answer = send_presigned(raw, presigned(raw, caller, expires=expires))
    assert answer.status == 400, answer


def test_a_presigned_request_covers_its_body(raw, caller):
    answer = send_presigned(raw, presigned(raw, caller, sent=b'{"Limit":2}'))
    assert_refused(answer, "InvalidSignatureException", MISMATCH)


def test_a_presigned_request_with_the_wrong_secret(raw, caller):
    wrong = Credentials(caller.account, caller.access_key, "wrong")
    assert_refused(send_presigned(raw, presigned(raw, caller, credentials=wrong)), "InvalidSignatureException", MISMATCH)


def test_both_ways_of_signing_at_once(raw, caller):
    headers, content, path = presigned(raw, caller, body=b"{}")
    header_form, _ = raw.signed("ListKeys", b"{}")
    answer = raw.send({**headers, **header_form}, content, path=path)
    assert answer.status == 400, answer
    assert answer.error in ("IncompleteSignatureException", "InvalidSignatureException"), answer
