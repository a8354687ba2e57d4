"""External key stores whose proxy fails in every way it can, answers nonsense, or is slow: the answer to each call."""

import base64
import re
import threading
import time

import pytest

from support.clients import kms_client
from support.expect import NO_TEXT, refused
from support.external import (  # noqa: F401
    SERVICE,
    authority,
    encrypted,
    failing,
    folder,
    key,
    kms,
    new_key,
    proxy,
    server,
    store,
)
from support.key_stores import PREFIX, connect, describe, disconnect, external_key_store
from support.server import FIRST

NO_SENSE = (
    "AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, report it to "
    "your external key store proxy administrator."
)
CLOSED = "XksProxyUriUnreachableException"
INVALID_STORE = "CustomKeyStoreInvalidStateException"
UNFIT = "XksKeyInvalidConfigurationException"
# What the proxy says; CreateCustomKeyStore, CreateKey, the connection error; the beginning of the words.
FAULTS = [
    ("ValidationException", "XksProxyInvalidResponseException", INVALID_STORE, "XKS_PROXY_INVALID_RESPONSE", "AWS KMS cannot interpret"),
    ("InvalidStateException", None, UNFIT, None, "The external key store proxy rejected the request because the external key is not enabled"),
    ("InvalidKeyUsageException", None, UNFIT, None, "The external key store proxy rejected the request because the external key does not"),
    ("AuthenticationFailedException", "XksProxyIncorrectAuthenticationCredentialException", INVALID_STORE, "INVALID_CREDENTIALS", "The external key store proxy rejected the request because it could not authenticate"),
    ("AccessDeniedException", "XksProxyInvalidConfigurationException", "KMSInvalidStateException", "XKS_PROXY_ACCESS_DENIED", "The external key store proxy denied access"),
    ("KeyNotFoundException", None, "XksKeyNotFoundException", None, "The external key store proxy rejected the request because it could not find"),
    ("InvalidUriPathException", "XksProxyInvalidConfigurationException", INVALID_STORE, "XKS_PROXY_INVALID_CONFIGURATION", "The external key store proxy rejected the request because of an invalid URI path"),
    ("UnsupportedOperationException", None, UNFIT, None, "The external key store proxy rejected the request because it does not support"),
    ("DependencyTimeoutException", CLOSED, INVALID_STORE, "XKS_PROXY_TIMED_OUT", "The external key store proxy did not respond"),
    ("ThrottlingException", CLOSED, INVALID_STORE, "XKS_PROXY_TIMED_OUT", "The external key store proxy rejected the request because of a very high"),
    ("InternalException", "XksProxyInvalidResponseException", INVALID_STORE, "XKS_PROXY_INVALID_RESPONSE", "The external key store proxy rejected the request because it cannot communicate"),
    ("hang up", CLOSED, INVALID_STORE, "XKS_PROXY_NOT_REACHABLE", "AWS KMS cannot communicate with the external key store proxy"),
]


@pytest.mark.parametrize(("how", "at_setup", "at_creation", "at_connect", "words"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_every_fault_has_its_answer(kms, key, store, proxy, failing, how, at_setup, at_creation, at_connect, words):
    words = re.compile(re.escape(words) + ".*")
    blob, own = encrypted(kms, key), kms.create_key()["KeyMetadata"]["Arn"]
    other = encrypted(kms, own)
    name = "fault-" + how.replace(" ", "-")
    proxy.key(name)
    with failing(how):
        for call in [
            lambda: kms.encrypt(KeyId=key, Plaintext=b"p"),
            lambda: kms.decrypt(CiphertextBlob=blob),
            lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
            lambda: kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256"),
            lambda: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=own),
            lambda: kms.re_encrypt(CiphertextBlob=other, DestinationKeyId=key),
        ]:
            with refused("KMSInvalidStateException", words):
                call()
        with refused(at_creation, words):
            new_key(kms, store, name)
        if at_setup:
            with refused(at_setup, words):
                kms.create_custom_key_store(**external_key_store(name))
            with refused(at_setup, words):
                kms.update_custom_key_store(CustomKeyStoreId=store, XksProxyUriPath=f"{PREFIX}/{name}/kms/xks/v1")
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret", "all is well again"
    assert new_key(kms, store, name), "nothing was kept of what failed"
    if at_connect:
        fresh = kms.create_custom_key_store(**external_key_store(name))["CustomKeyStoreId"]
        with failing(how):
            assert connect(kms, fresh, "FAILED")["ConnectionErrorCode"] == at_connect
        with refused("CustomKeyStoreInvalidStateException"):
            kms.connect_custom_key_store(CustomKeyStoreId=fresh)
        disconnect(kms, fresh)
        assert "ConnectionErrorCode" not in connect(kms, fresh)


def test_the_text_of_a_proxy_goes_nowhere(kms, key, failing, server):
    with failing("AccessDeniedException"):
        with refused("KMSInvalidStateException", re.compile("(?!.*told to the log).*")):
            kms.encrypt(KeyId=key, Plaintext=b"p")
    assert not any("told to the log" in line for line in server.audit_lines())


LONGER = base64.b64encode(bytes(61)).decode()
SENSELESS = [
    ("change", {"answer": {"ciphertextDataIntegrityValue": LONGER}}),
    ("change", {"answer": {"ciphertextDataIntegrityValue": None}}),
    ("change", {"answer": {"ciphertext": LONGER}}),
    ("change", {"answer": {"initializationVector": "AAAA"}}),
    ("change", {"answer": {"authenticationTag": "AAAA"}}),
    ("change", {"answer": {"ciphertextMetadata": LONGER}}),
    ("change", {"answer": {"ciphertext": "***"}}),
    ("text", {"status": 200, "text": "no JSON"}),
    ("text", {"status": 302, "text": ""}),
    ("text", {"status": 503, "text": "<html>busy</html>"}),
    ("text", {"status": 400, "text": '{"errorName": "SomethingElse"}'}),
    ("text", {"status": 200, "text": " " * 200_000 + "{}"}),
]


@pytest.mark.parametrize(("how", "more"), SENSELESS, ids=str)
def test_answers_that_make_no_sense_to_encrypt(kms, key, failing, how, more):
    with failing(how, "/encrypt", **more), refused("KMSInvalidStateException", NO_SENSE):
        kms.encrypt(KeyId=key, Plaintext=b"p")


def test_answers_that_make_no_sense_to_decrypt(kms, key, failing):
    blob = encrypted(kms, key)
    for wrong in [{"plaintext": "AAAA"}, {"plaintext": None}, {"plaintext": "***"}]:
        with failing("change", "/decrypt", answer=wrong), refused("KMSInvalidStateException", NO_SENSE):
            kms.decrypt(CiphertextBlob=blob)
    # Of the right length, and still not what was encrypted: the inner layer notices.
    with failing("change", "/decrypt", answer={"plaintext": base64.b64encode(bytes(54)).decode()}):
        with refused("InvalidCiphertextException", NO_TEXT):
            kms.decrypt(CiphertextBlob=blob)


def test_health_that_is_none(kms, failing):
    details = [{"id": "1", "model": "m", "healthStatus": "UNAVAILABLE"}]
    with failing("change", "/health", answer={"ekmFleetDetails": details}):
        words = "The external key store proxy reports that all external key manager instances are unavailable."
        with refused("XksProxyUriUnreachableException", words):
            kms.create_custom_key_store(**external_key_store("unwell"))
    with failing("change", "/health", answer={"ekmFleetDetails": []}):
        with refused("XksProxyInvalidResponseException", NO_SENSE):
            kms.create_custom_key_store(**external_key_store("unwell"))


def test_a_slow_proxy_is_not_waited_for(kms, proxy, failing):
    proxy.key("hasty")
    store = kms.create_custom_key_store(**external_key_store("hasty", "hasty.example.com"))["CustomKeyStoreId"]
    connect(kms, store)
    key = new_key(kms, store, "hasty")
    with failing("hold"):
        with refused("KMSInvalidStateException", re.compile("The external key store proxy did not respond .*")):
            kms.encrypt(KeyId=key, Plaintext=b"p")
        with refused("XksProxyUriUnreachableException", re.compile("The external key store proxy did not respond .*")):
            kms.create_custom_key_store(**external_key_store("hastier", "hasty.example.com"))
        disconnect(kms, store)
        assert connect(kms, store, "FAILED")["ConnectionErrorCode"] == "XKS_PROXY_TIMED_OUT"
    proxy.control("release")


def test_a_slow_proxy_holds_up_nobody_else(server, kms, key, proxy):
    own, answers = kms.create_key()["KeyMetadata"]["Arn"], []
    proxy.fail("hold", "/keys/")
    waiting = threading.Thread(target=lambda: answers.append(encrypted(kms_client(server, server.caller), key)))
    waiting.start()
    try:
        deadline = time.monotonic() + 60
        while proxy.control("held") == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for _ in range(20):
            assert kms.decrypt(CiphertextBlob=encrypted(kms, own))["Plaintext"] == b"secret"
        kms.create_key()
        assert waiting.is_alive() and not answers, "it is still waiting, on the one thread there is"
    finally:
        proxy.control("release")
        waiting.join()
    assert len(answers) == 1, "a connection that broke meanwhile was replaced"


def test_hosts_that_are_not_reached(kms):
    for host, words in [
        ("closed.example.com", "AWS KMS cannot communicate with the external key store proxy.*"),
        ("nowhere.example.com", "AWS KMS cannot communicate with the external key store proxy.*"),
        ("other-ca.example.com", "AWS KMS cannot establish a TLS connection.*"),
        ("other-name.example.com", "AWS KMS cannot establish a TLS connection.*"),
    ]:
        with refused("XksProxyUriUnreachableException", re.compile(words)):
            kms.create_custom_key_store(**external_key_store("unreached", host))


def test_vpc_endpoint_services(kms, proxy):
    service = {"XksProxyConnectivity": "VPC_ENDPOINT_SERVICE"}
    parameters = external_key_store("vpc", "vpc.example.com", **service)
    with refused("ValidationException"):
        kms.create_custom_key_store(**parameters)
    for name, host, code in [
        (SERVICE.replace("0123", "3210"), "vpc.example.com", "XksProxyVpcEndpointServiceNotFoundException"),
        (SERVICE, "proxy.example.com", "XksProxyUriEndpointInUseException"),
        (SERVICE, "closed.example.com", "XksProxyVpcEndpointServiceInvalidConfigurationException"),
    ]:
        with refused(code):
            kms.create_custom_key_store(
                **external_key_store("vpc", host, XksProxyVpcEndpointServiceName=name, **service)
            )
    proxy.seen()
    parameters["XksProxyVpcEndpointServiceName"] = SERVICE
    store = kms.create_custom_key_store(**parameters)["CustomKeyStoreId"]
    assert proxy.seen() == [], "asked only when connected"
    shown = describe(kms, store)["XksProxyConfiguration"]
    assert shown["VpcEndpointServiceName"] == SERVICE and shown["VpcEndpointServiceOwner"] == FIRST.account
    connect(kms, store)
    proxy.key("vpc")
    encrypted(kms, new_key(kms, store, "vpc"))
