"""HTTP requests made by hand: exact bytes out, exact bytes in.

Every answer, good or bad, is held to the protocol here: a request id, the content type, an error body of the documented shape.
"""

import base64
import http.client
import json
import uuid

from . import model, sigv4
from .recorder import RAW, SEEN

CONTENT_TYPE = "application/x-amz-json-1.1"
PREFIX = "TrentService."


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json.get("__type")

    @property
    def message(self):
        return self.json.get("message")

    @property
    def request_id(self):
        return self.headers["x-amzn-requestid"]

    def blob(self, member):
        return base64.b64decode(self.json[member], validate=True)

    def __repr__(self):
        return f"HTTP {self.status} {self.body[:600]!r}"


class Requester:
    """Signs as the given credentials and sends; each argument of `call` can make the request wrong in one way."""

    def __init__(self, server, credentials, region="us-east-1"):
        self.server = server
        self.credentials = credentials
        self.region = region
        self.connection = None

    def call(self, operation, body=None, **options):
        headers, content = self.signed(operation, body, **options)
        return self.send(headers, content)

    def signed(self, operation, body=None, *, at=None, scope=None, credentials=None, extra=None, unsigned=()):
        """Headers and bytes of a correct request, but for what the options ask for."""
        at = at or sigv4.now()
        content = encode(body)
        headers = {
            "host": f"127.0.0.1:{self.server.port}",
            "content-type": CONTENT_TYPE,
            "x-amz-date": sigv4.amz_date(at),
            "x-amz-target": PREFIX + operation,
            **(extra or {}),
        }
        headers["authorization"] = sigv4.authorization(
            credentials or self.credentials,
            headers,
            content,
            scope=scope or sigv4.scope(at, self.region),
            signed=[name for name in headers if name not in unsigned],
        )
        return headers, content

    def send(self, headers, content, *, method="POST", path="/"):
        """One request on a connection that is kept; a connection that the server closed is opened again."""
        answer = self.send_unchecked(headers, content, method=method, path=path)
        check_protocol(answer)
        operation = headers.get("x-amz-target", "").removeprefix(PREFIX)
        if operation in model.operations() and method == "POST" and path == "/":
            check_against_the_model(operation, answer)
        return answer

    def send_unchecked(self, headers, content, *, method="POST", path="/"):
        fresh = self.connection is None
        if fresh:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            self.connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in {"content-length": str(len(content)), **headers}.items():
                self.connection.putheader(name, value)
            self.connection.endheaders(content)
            return Answer(self.connection.getresponse())
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.close()
            if fresh:
                raise
            return self.send_unchecked(headers, content, method=method, path=path)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def encode(body):
    if body is None:
        return b"{}"
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    return json.dumps(body, default=lambda value: base64.b64encode(value).decode()).encode()


def check_against_the_model(operation, answer):
    if answer.status == 200:
        found = model.problems(operation, answer.json if answer.body else None)
        SEEN.success(RAW, operation)
    elif answer.error != "UnknownOperationException":
        found = model.error_problems(operation, answer.status, answer.json)
        SEEN.error(operation, answer.error)
    else:
        found = []
    assert not found, found


def check_protocol(answer):
    """What holds for every answer of the service, whatever was asked."""
    request_id = uuid.UUID(answer.headers["x-amzn-requestid"])
    assert request_id.version == 4 and str(request_id) == answer.request_id, answer.headers
    assert answer.headers["content-type"] == CONTENT_TYPE, answer.headers
    assert "date" in answer.headers, "clients correct their clock by the Date header"
    if answer.status != 200:
        assert set(answer.json) <= {"__type", "message"}, answer.json
        assert answer.error and "#" not in answer.error, answer.json
