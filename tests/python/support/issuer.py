"""An OIDC issuer on loopback: keys of its own, a key set over HTTP or HTTPS, and tokens that can be wrong in any way."""

import base64
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from . import certificates


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, length=None):
    return encode(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


class Issuer:
    """`algorithm` is RS256 or ES256; `url` is how tokens name it, which is not where its keys are."""

    def __init__(self, url, algorithm="RS256", key_id="one"):
        self.url, self.algorithm, self.key_id = url, algorithm, key_id
        self.key = self.new_key()
        self.server = None

    def new_key(self):
        if self.algorithm == "RS256":
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return ec.generate_private_key(ec.SECP256R1())

    def key_set(self):
        common = {"kid": self.key_id, "use": "sig", "alg": self.algorithm}
        numbers = self.key.public_key().public_numbers()
        if self.algorithm == "RS256":
            key = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        else:
            key = {"kty": "EC", "crv": "P-256", "x": number(numbers.x, 32), "y": number(numbers.y, 32)}
        return json.dumps({"keys": [{**common, **key}]}).encode()

    def serve(self, certificate=None):
        """The key set on loopback; gives its URL."""
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = issuer.key_set()
                self.send_response(200 if self.path == "/keys" else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"{scheme}://127.0.0.1:{self.server.server_port}/keys"

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()

    def claims(self, **changes):
        now = int(time.time())
        claims = {"iss": self.url, "sub": "workload", "aud": "sts.test", "iat": now, "nbf": now, "exp": now + 600}
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    def token(self, *, signed_by=None, header=None, **changes):
        head = {"alg": self.algorithm, "kid": self.key_id, "typ": "JWT", **(header or {})}
        message = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(self.claims(**changes)).encode())}"
        return f"{message}.{encode(self.signature(message.encode(), signed_by or self.key))}"

    def signature(self, message, key):
        if self.algorithm == "RS256":
            return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def token_by_public_key(self):
        """The old trick: the public key as the secret of an HMAC."""
        head = {"alg": "HS256", "kid": self.key_id}
        message = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(self.claims()).encode())}"
        form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        secret = self.key.public_key().public_bytes(*form)
        return f"{message}.{encode(hmac.new(secret, message.encode(), hashlib.sha256).digest())}"


def self_signed(path):
    """A certificate that is its own authority, with its key, as one PEM file."""
    certificate, private = certificates.self_signed("issuer under test")
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return path
