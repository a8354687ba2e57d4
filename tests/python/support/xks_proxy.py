"""A small external key store proxy, version 1 of the API, as a process of its own.

It is honest: it checks every signature with code that shares nothing with the service's, holds real AES-256 keys, and
binds what the specification says to be bound. Its other port, plain HTTP, is for the tests: it makes keys, hands over
what was asked, and makes the proxy fail in a given way.

Behind its prefix any one name may follow, so that many key stores can stand on it; all see the same keys.

    xks_proxy.py CERTIFICATE KEY PREFIX ACCESS_KEY_ID SECRET_ACCESS_KEY [CLIENT_CA]

prints one line, `PORT CONTROL_PORT`, when it can serve.
"""

import base64
import datetime
import hashlib
import hmac
import json
import os
import re
import ssl
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

STATUS = {
    "ValidationException": 400,
    "InvalidStateException": 400,
    "InvalidCiphertextException": 400,
    "InvalidKeyUsageException": 400,
    "AuthenticationFailedException": 401,
    "AccessDeniedException": 403,
    "KeyNotFoundException": 404,
    "InvalidUriPathException": 404,
    "ThrottlingException": 429,
    "InternalException": 500,
    "UnsupportedOperationException": 501,
    "DependencyTimeoutException": 503,
}
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/kms-xks-proxy/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


class Refused(Exception):
    """An answer with an error name."""


class State:
    """What the proxy knows. The lock is held while it is looked at or changed."""

    def __init__(self, prefix, access_key_id, secret_access_key):
        self.lock = threading.Lock()
        self.prefix = prefix
        self.credentials = {access_key_id: secret_access_key}
        self.keys = {}
        self.seen = []
        self.failure = None
        self.connections = 0
        self.held = 0
        self.release = threading.Event()

    def key(self, name):
        with self.lock:
            if name not in self.keys:
                raise Refused("KeyNotFoundException")
            return dict(self.keys[name])


def sign(secret, date, region, text):
    key = ("AWS4" + secret).encode()
    for part in (date, region, "kms-xks-proxy", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def authenticate(state, path, headers, body):
    """Returns the Region; refuses a signature that is not right in every respect."""
    parsed = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    stamp = headers.get("x-amz-date", "")
    if not parsed or not re.fullmatch(r"\d{8}T\d{6}Z", stamp):
        raise Refused("AuthenticationFailedException")
    access_key_id, date, region, names, signature = parsed.groups()
    moment = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    skew = abs((datetime.datetime.now(datetime.timezone.utc) - moment).total_seconds())
    with state.lock:
        secret = state.credentials.get(access_key_id)
    if names != "host;x-amz-date" or not stamp.startswith(date) or skew > 300 or secret is None:
        raise Refused("AuthenticationFailedException")
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names.split(";"))
    canonical = "\n".join(["POST", path, "", lines, names, hashlib.sha256(body).hexdigest()])
    scope = f"{date}/{region}/kms-xks-proxy/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashed])
    if not hmac.compare_digest(sign(secret, date, region, text), signature):
        raise Refused("AuthenticationFailedException")
    return region


def decode(request, name, length=None, most=None):
    try:
        value = base64.b64decode(request[name], validate=True)
    except (KeyError, TypeError, ValueError):
        raise Refused("ValidationException") from None
    if length is not None and len(value) not in length or most is not None and len(value) > most:
        raise Refused("ValidationException")
    return value


def bound(associated, metadata):
    if not metadata:
        return associated
    return struct.pack(">H", len(associated)) + associated + bytes([len(metadata)]) + metadata


def encrypt(key, request):
    plaintext = decode(request, "plaintext", most=4300)
    associated = decode(request, "additionalAuthenticatedData", most=8192)
    if request.get("encryptionAlgorithm") != "AES_GCM" or not plaintext:
        raise Refused("ValidationException")
    iv, metadata = os.urandom(key["iv"]), base64.b64decode(key["metadata"])
    sealed = AESGCM(bytes.fromhex(key["key"])).encrypt(iv, plaintext, bound(associated, metadata))
    ciphertext, tag = sealed[:-16], sealed[-16:]
    answer = {"ciphertext": ciphertext, "initializationVector": iv, "authenticationTag": tag}
    if metadata:
        answer["ciphertextMetadata"] = metadata
    if request.get("ciphertextDataIntegrityValueAlgorithm") == "SHA_256":
        parts = associated + metadata + iv + ciphertext + tag
        answer["ciphertextDataIntegrityValue"] = hashlib.sha256(parts).digest()
    return {name: base64.b64encode(value).decode() for name, value in answer.items()}


def decrypt(key, request):
    ciphertext, tag = decode(request, "ciphertext", most=4300), decode(request, "authenticationTag", [16])
    iv = decode(request, "initializationVector", [12, 16])
    associated = decode(request, "additionalAuthenticatedData", most=8192)
    metadata = decode(request, "ciphertextMetadata", most=20) if "ciphertextMetadata" in request else b""
    try:
        plaintext = AESGCM(bytes.fromhex(key["key"])).decrypt(iv, ciphertext + tag, bound(associated, metadata))
    except InvalidTag:
        raise Refused("InvalidCiphertextException") from None
    return {"plaintext": base64.b64encode(plaintext).decode()}


def health():
    details = [{"id": "1", "model": "test", "healthStatus": "ACTIVE"}]
    vendors = {"xksProxyVendor": "test", "xksProxyModel": "test 1.0", "ekmVendor": "test"}
    return {"xksProxyFleetSize": 1, "ekmFleetDetails": details, **vendors}


def check_metadata(request, of_key):
    told = request.get("requestMetadata", {})
    needed = {"kmsRequestId", "kmsOperation"} | ({"awsPrincipalArn"} if of_key else set())
    if not needed <= set(told):
        raise Refused("ValidationException")


def answer(state, path, headers, body):
    region = authenticate(state, path, headers, body)
    try:
        request = json.loads(body)
    except ValueError:
        raise Refused("ValidationException") from None
    with state.lock:
        state.seen.append({"path": path, "region": region, "request": request})
        prefix = state.prefix
    place = re.fullmatch(re.escape(prefix) + r"(?:/[a-zA-Z0-9_-]+)?/kms/xks/v1(/.*)", path)
    if not place:
        raise Refused("InvalidUriPathException")
    if place.group(1) == "/health":
        check_metadata(request, of_key=False)
        return health()
    parsed = re.fullmatch(r"/keys/([a-zA-Z0-9._-]{1,128})/(metadata|encrypt|decrypt)", place.group(1))
    if not parsed:
        raise Refused("InvalidUriPathException")
    check_metadata(request, of_key=True)
    key = state.key(parsed.group(1))
    if parsed.group(2) == "metadata":
        return {"keySpec": key["spec"], "keyUsage": key["usage"], "keyStatus": key["status"]}
    if key["status"] != "ENABLED":
        raise Refused("InvalidStateException")
    return encrypt(key, request) if parsed.group(2) == "encrypt" else decrypt(key, request)


def proxy_handler(state):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self):
            with state.lock:
                state.connections += 1
            super().setup()

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with state.lock:
                failure = state.failure
                failing = failure and re.search(failure["path"], self.path) and failure["times"] > 0
                if failing:
                    failure["times"] -= 1
            if failing:
                return self.fail(failure, headers, body)
            try:
                self.say(200, answer(state, self.path, headers, body))
            except Refused as refused:
                self.refuse(str(refused))

        def do_GET(self):
            self.say(405, {})

        def fail(self, failure, headers, body):
            """As the tests ask for it."""
            how = failure["how"]
            if how in STATUS:
                self.refuse(how)
            elif how == "hold":
                with state.lock:
                    state.held += 1
                state.release.wait(60)
                self.close_connection = True
            elif how == "hang up":
                self.close_connection = True
            elif how == "text":
                self.send(failure["status"], failure["text"].encode())
            elif how == "change":
                changed = answer(state, self.path, headers, body)
                changed.update(failure["answer"])
                self.say(200, {name: value for name, value in changed.items() if value is not None})
            else:
                raise AssertionError(how)

        def refuse(self, name):
            self.say(STATUS[name], {"errorName": name, "errorMessage": "told to the log alone"})

        def say(self, status, content):
            self.send(status, json.dumps(content).encode())

        def send(self, status, content):
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    return Handler


def control_handler(state):
    class Handler(BaseHTTPRequestHandler):
        """POST /key, /failure, /credentials, /prefix, /seen, /connections, /held, /release: change or look at the state."""

        def do_POST(self):
            content = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with state.lock:
                said = getattr(self, "on_" + self.path[1:])(content)
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def on_key(self, content):
            usual = {"spec": "AES_256", "usage": ["ENCRYPT", "DECRYPT"], "status": "ENABLED", "iv": 12, "metadata": ""}
            known = state.keys.get(content["id"], {"key": os.urandom(32).hex(), **usual})
            state.keys[content["id"]] = {**known, **content}
            return state.keys[content["id"]]

        def on_failure(self, content):
            state.failure = content

        def on_credentials(self, content):
            state.credentials = content

        def on_prefix(self, content):
            state.prefix = content

        def on_seen(self, _):
            seen, state.seen = state.seen, []
            return seen

        def on_connections(self, _):
            return state.connections

        def on_held(self, _):
            return state.held

        def on_release(self, _):
            state.failure = None
            state.release.set()
            state.release = threading.Event()
            state.held = 0

        def log_message(self, *_):
            pass

    return Handler


class TlsServer(ThreadingHTTPServer):
    """Shakes hands in the thread of the connection, so that a client that does not cannot hold up the others."""

    daemon_threads = True

    def __init__(self, handler, context):
        super().__init__(("127.0.0.1", 0), handler)
        self.context = context

    def finish_request(self, request, client_address):
        try:
            secured = self.context.wrap_socket(request, server_side=True)
        except OSError:
            return
        try:
            super().finish_request(secured, client_address)
        except OSError:
            pass
        finally:
            secured.close()


def main():
    certificate, key, prefix, access_key_id, secret_access_key, *client_ca = sys.argv[1:]
    state = State(prefix, access_key_id, secret_access_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca[0])
    proxy = TlsServer(proxy_handler(state), context)
    control = ThreadingHTTPServer(("127.0.0.1", 0), control_handler(state))
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    print(proxy.server_port, control.server_port, flush=True)
    control.serve_forever()


if __name__ == "__main__":
    main()
