"""The fake AWS's judge of signatures: it takes those that botocore makes, and each change after signing is refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.aws_signatures import TIME, Key, Refused, Signed, signed_region
from tests.support.behaviours import VECTORS

FILES = sorted((VECTORS / "sigv4-bedrock").glob("*.json"))
VECTOR = json.loads(FILES[0].read_text())  # one with a session token
KEY = Key(VECTOR["access_key"], VECTOR["secret_key"], VECTOR["session_token"])
WHEN = datetime.strptime(VECTOR["timestamp"], TIME).replace(tzinfo=UTC)


def request(vector: dict[str, Any], **changes: Any) -> Signed:
    """The vector's request as it came; a header of `None` is left out."""
    url = urlsplit(vector["url"])
    headers = {"host": url.netloc, "x-amz-date": vector["timestamp"], "authorization": vector["authorization"]}
    headers |= vector["headers_in"]
    if vector["session_token"]:
        headers["x-amz-security-token"] = vector["session_token"]
    headers |= {name.replace("_", "-"): value for name, value in changes.items() if name not in Signed.__slots__}
    fields = {"method": vector["method"], "path": url.path, "body": base64.b64decode(vector["body_b64"])}
    fields |= {name: value for name, value in changes.items() if name in fields}
    return Signed(headers={name: value for name, value in headers.items() if value is not None}, **fields)


def judged(signed: Signed, key: Key = KEY, when: datetime = WHEN, **options: Any) -> str:
    usual: dict[str, Any] = {"gone": (), "service": "bedrock", "regions": {VECTOR["region"]}}
    return signed_region(signed, keys={key.id: key}, now=when, **usual | options)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_takes_what_botocore_has_signed(file: Any) -> None:
    vector = json.loads(file.read_text())
    key = Key(vector["access_key"], vector["secret_key"], vector["session_token"])
    when = datetime.strptime(vector["timestamp"], TIME).replace(tzinfo=UTC)
    options = {"service": vector["service"], "regions": {vector["region"], "eu-west-3"}}
    assert judged(request(vector), key, when, **options) == vector["region"]


@pytest.mark.parametrize(
    ("changes", "options", "why"),
    [
        ({"body": b"{}"}, {}, "does not match"),
        ({"method": "PUT"}, {}, "does not match"),
        ({"path": urlsplit(VECTOR["url"]).path + "?a=b"}, {}, "does not match"),
        ({"path": urlsplit(VECTOR["url"]).path.replace("%3A", ":")}, {}, "does not match"),
        ({"host": "elsewhere"}, {}, "does not match"),
        ({"content_type": "text/plain"}, {}, "does not match"),
        ({"x_amz_content_sha256": "0" * 64}, {}, "'x-amz-content-sha256' must be a 'SignedHeader'"),
        ({"x_amz_other": "1"}, {}, "'x-amz-other' must be a 'SignedHeader'"),
        ({"x_amz_security_token": None}, {}, "security token included in the request is invalid"),
        ({"x_amz_security_token": "x"}, {}, "security token included in the request is invalid"),
        ({"x_amz_date": None}, {}, "requires existence of either"),
        ({"x_amz_date": "20261121T120000Z"}, {}, "Date in Credential scope does not match"),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=x"}, {}, "requires existence of its parameters"),
        ({"authorization": None}, {}, "requires existence of its parameters"),
        ({}, {"key": Key(KEY.id, "another secret", KEY.token)}, "does not match"),
        ({}, {"key": Key("AKIDOTHER", KEY.secret, KEY.token)}, "security token included in the request is invalid"),
        ({}, {"service": "bedrock-mantle"}, "scoped to correct service: 'bedrock-mantle'"),
        ({}, {"regions": {"us-east-1"}}, "scoped to a valid region"),
        ({}, {"when": WHEN + timedelta(minutes=6)}, "Signature expired: 20261122T120000Z is now earlier than"),
        ({}, {"when": WHEN - timedelta(minutes=6)}, "Signature not yet current"),
    ],
)
def test_refuses_all_else(changes: dict[str, Any], options: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused) as refused:
        judged(request(VECTOR, **changes), **options)
    assert why in refused.value.message
    assert refused.value.name.endswith("Exception")


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_clock_may_be_a_little_off(minutes: int) -> None:
    assert judged(request(VECTOR), when=WHEN + timedelta(minutes=minutes)) == VECTOR["region"]


def test_a_key_that_was_good_once_is_no_wrong_one() -> None:
    with pytest.raises(Refused) as refused:
        judged(request(VECTOR), Key("AKIDOTHER", "x"), gone={KEY.id})
    assert refused.value.stale
