"""Whether AWS would let a request in: its signature made again by botocore over what arrived, or a Bedrock API key.

Vendor sources: AWS's "Signature Version 4 for API requests" and "Common errors"; "API keys" of the Bedrock guide.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

WINDOW = timedelta(minutes=5)
TIME = "%Y%m%dT%H%M%SZ"
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, ?"
    r"SignedHeaders=(?P<names>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)

UNKNOWN = "The security token included in the request is invalid."
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True)
class Key:
    """An access key. `token`: that of a temporary one."""

    id: str
    secret: str
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as it came. `path` has its query; `headers` may have several of a name."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Refused(Exception):
    """The error's name, AWS's sentence and its field in the body, and whether a right client can meet it (`stale`)."""

    def __init__(self, name: str, message: str, *, stale: bool = False, field: str = "message") -> None:
        super().__init__(message)
        self.name, self.message, self.stale, self.field = name, message, stale, field


def signed_region(
    request: Signed,
    *,
    keys: Mapping[str, Key],
    gone: Collection[str],
    service: str,
    regions: Collection[str],
    now: datetime,
) -> str:
    """The region that a signed request is for; raises `Refused`. `gone` are the ids of keys that were good once."""
    headers = request.headers
    found = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if found is None:
        raise Refused("IncompleteSignatureException", "Authorization header requires existence of its parameters.")
    when = _moment(headers.get("x-amz-date", ""))
    key = keys.get(found["key"])
    if key is None:
        raise Refused("UnrecognizedClientException", UNKNOWN, stale=found["key"] in gone)
    if headers.get("x-amz-security-token") != key.token:
        raise Refused("UnrecognizedClientException", UNKNOWN)
    _check_scope(found, when, service, regions)
    _check_time(when, now)
    names = found["names"].split(";")
    wanted = {name.lower() for name in headers if name.lower().startswith("x-amz-")} | {"host"}
    if missing := sorted(wanted - {*names}):
        raise Refused("InvalidSignatureException", f"'{missing[0]}' must be a 'SignedHeader' in the Authorization.")
    given = headers.get("x-amz-content-sha256")
    if given is not None and given != hashlib.sha256(request.body).hexdigest():
        raise Refused("InvalidSignatureException", "The 'x-amz-content-sha256' header is not the body's hash.")
    signature = _signature(request, names, SigV4Auth(Credentials(key.id, key.secret), service, found["region"]))
    if not hmac.compare_digest(signature, found["signature"]):
        raise Refused("InvalidSignatureException", MISMATCH)
    return found["region"]


def _moment(written: str) -> datetime:
    try:
        return datetime.strptime(written, TIME).replace(tzinfo=UTC)
    except ValueError:
        message = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        raise Refused("IncompleteSignatureException", message) from None


def _check_scope(found: re.Match[str], when: datetime, service: str, regions: Collection[str]) -> None:
    if found["service"] != service:
        raise Refused("InvalidSignatureException", f"Credential should be scoped to correct service: '{service}'.")
    if found["region"] not in regions:
        raise Refused("InvalidSignatureException", "Credential should be scoped to a valid region.")
    if found["day"] != when.strftime("%Y%m%d"):
        raise Refused("InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD of the request.")


def _check_time(when: datetime, now: datetime) -> None:
    """A client whose clock differs from a server's that is off itself is no wrong client."""
    stale = abs(now - datetime.now(UTC)) > WINDOW / 2
    if when < now - WINDOW:
        edge = (now - WINDOW).strftime(TIME)
        message = f"Signature expired: {when.strftime(TIME)} is now earlier than {edge} ({now.strftime(TIME)} - 5 min.)"
        raise Refused("InvalidSignatureException", message, stale=stale)
    if when > now + WINDOW:
        edge = (now + WINDOW).strftime(TIME)
        message = f"Signature not yet current: {when.strftime(TIME)} is still later than {edge}"
        raise Refused("InvalidSignatureException", message, stale=stale)


def _signature(request: Signed, names: Collection[str], signer: SigV4Auth) -> str:
    again = AWSRequest(request.method, f"http://{request.headers.get('host')}{request.path}", data=request.body)
    for name, value in request.headers.items():
        if name.lower() in names:
            again.headers[name] = value
    again.context["timestamp"] = request.headers["x-amz-date"]
    return str(signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again))
