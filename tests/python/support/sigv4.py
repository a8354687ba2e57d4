"""Signature Version 4, written out so that each part of it can be got wrong on purpose.

The real clients in these tests sign with their own implementations; this one exists for what they would never send.
"""

import hashlib
import hmac
from datetime import datetime, timezone
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"


def now():
    return datetime.now(timezone.utc)


def amz_date(moment):
    return moment.strftime("%Y%m%dT%H%M%SZ")


def scope(moment, region, service="kms"):
    return f"{moment:%Y%m%d}/{region}/{service}/aws4_request"


def authorization(credentials, headers, body, *, scope, method="POST", path="/", query=(), signed=None, date=None):
    """The Authorization header for `headers` (lower-case names), of which `signed` are covered (default: all)."""
    signed = sorted(headers if signed is None else signed)
    text = canonical_request(method, path, query, headers, signed, sha256(body))
    signature = sign(credentials.secret_key, scope, date or headers["x-amz-date"], text)
    return (
        f"{ALGORITHM} Credential={credentials.access_key}/{scope}, "
        f"SignedHeaders={';'.join(signed)}, Signature={signature}"
    )


def presigned_query(credentials, headers, body, *, scope, date, expires=60, method="POST", path="/"):
    """The query string that carries the signature instead of the header."""
    signed = sorted(headers)
    query = [
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{credentials.access_key}/{scope}"),
        ("X-Amz-Date", date),
        ("X-Amz-Expires", str(expires)),
        ("X-Amz-SignedHeaders", ";".join(signed)),
    ]
    text = canonical_request(method, path, query, headers, signed, sha256(body))
    query.append(("X-Amz-Signature", sign(credentials.secret_key, scope, date, text)))
    return canonical_query(query)


def canonical_request(method, path, query, headers, signed, body_hash):
    lines = [f"{name}:{' '.join(headers[name].split())}\n" for name in signed]
    return "\n".join([method, path, canonical_query(query), "".join(lines), ";".join(signed), body_hash])


def canonical_query(query):
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in pairs)


def sign(secret, scope, date, canonical):
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = mac(key, part)
    return mac(key, "\n".join([ALGORITHM, date, scope, sha256(canonical.encode())])).hex()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sha256(data):
    return hashlib.sha256(data).hexdigest()
