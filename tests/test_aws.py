"""credentials/aws.py: signatures as botocore makes them, API keys, and nothing of botocore before it is needed."""

from __future__ import annotations

import base64
import functools
import json
import logging
import ssl
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.credentials.aws import AwsAccess, AwsCredential
from oai_bridge.credentials.base import Outbound
from oai_bridge.credentials.session import TokenSession
from oai_bridge.errors import Unauthorized
from oai_bridge.settings.values import AwsAccount, AwsApiKey, AwsKeys, Network

VECTORS = sorted((Path(__file__).parent / "vectors" / "sigv4-bedrock").glob("*.json"))
ADDON = Path(__file__).parent.parent / "addon"
SESSION = functools.partial(TokenSession, Network(), ssl.create_default_context)
URL = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m%3A0/invoke"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEYS = AwsKeys("AKIDEXAMPLE", "canary-secret", "canary-token")


def outbound(url: str = URL, service: str = "", body: bytes = b"{}", **headers: str) -> Outbound:
    return Outbound("POST", url, {"content-type": "application/json", **headers}, body, service=service)


def test_there_are_vectors() -> None:
    assert len(VECTORS) == 5


@pytest.mark.parametrize("file", VECTORS, ids=lambda file: file.stem)
def test_vector(file: Path) -> None:
    vector = json.loads(file.read_text())
    moment = datetime.strptime(vector["timestamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    keys = AwsKeys(vector["access_key"], vector["secret_key"], vector["session_token"])
    body = base64.b64decode(vector["body_b64"])
    request = Outbound(vector["method"], vector["url"], vector["headers_in"], body, service=vector["service"])
    expected = {"authorization": vector["authorization"], "x-amz-date": vector["timestamp"]}
    if vector["session_token"]:
        expected["x-amz-security-token"] = vector["session_token"]
    assert AwsAccess(vector["region"], keys, lambda: moment).headers(request) == expected


PATHS = st.text("aZ9-._~:%$&'()*+,;=@!/é", max_size=30)
WORDS = st.text("aZ9 :;,=/-", min_size=1, max_size=20).map(str.strip).filter(bool)
TOKENS = st.text("aZ09+/=", min_size=1, max_size=40)


@given(
    path=PATHS,
    query=st.dictionaries(st.sampled_from(["a", "b", "api-version"]), st.text("aZ9-.", max_size=5), max_size=3),
    headers=st.dictionaries(st.sampled_from(["content-type", "accept", "x-amz-target", "x-b"]), WORDS, max_size=3),
    others=st.dictionaries(st.sampled_from(["accept-encoding", "user-agent"]), WORDS, max_size=2),
    body=st.binary(max_size=50),
    token=st.none() | TOKENS,
    secret=TOKENS,
    region=st.sampled_from(["us-east-1", "eu-central-1"]),
    service=st.sampled_from(["bedrock", "bedrock-mantle"]),
    method=st.sampled_from(["POST", "GET"]),
    moment=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),
)
def test_signed_as_by_botocore(
    *,
    path: str,
    query: dict[str, str],
    headers: dict[str, str],
    others: dict[str, str],
    body: bytes,
    token: str | None,
    secret: str,
    region: str,
    service: str,
    method: str,
    moment: datetime,
) -> None:
    """Whatever is sent, botocore's own `add_auth` adds the same headers at the same time, to what has to be signed:
    `others` may change on the way."""
    url = f"https://host.example/{path}?" + "&".join(f"{name}={value}" for name, value in query.items())
    theirs = AWSRequest(method, url, headers, body)
    with patch("botocore.auth.get_current_datetime", return_value=moment):
        SigV4Auth(Credentials("AKID", secret, token), service, region).add_auth(theirs)
    added = {name.lower(): value for name, value in theirs.headers.items() if name not in headers}
    access = AwsAccess(region, AwsKeys("AKID", secret, token), lambda: moment.replace(tzinfo=UTC).timestamp())
    assert access.headers(Outbound(method, url, others | headers, body, service=service)) == added


def test_what_a_proxy_may_rewrite_is_not_signed() -> None:
    access = AwsAccess("us-east-1", KEYS, NOON.timestamp)
    plain = access.headers(outbound())
    assert access.headers(outbound(**{"accept-encoding": "gzip", "user-agent": "x"})) == plain


def test_all_that_says_what_is_asked_for_is_signed() -> None:
    access = AwsAccess("us-east-1", KEYS, NOON.timestamp)
    requests = [
        outbound(),
        outbound(body=b"[]"),
        outbound(URL.replace("%3A", ":")),
        Outbound("POST", URL, {"content-type": "text/plain"}, b"{}"),
        outbound(**{"x-amzn-bedrock-guardrailidentifier": "ab12"}),
        outbound(service="bedrock-mantle"),
    ]
    signatures = [access.headers(request)["authorization"].rpartition("=")[2] for request in requests]
    assert len(set(signatures)) == len(requests)
    assert "/20261122/us-east-1/bedrock/aws4_request" in access.headers(outbound())["authorization"]
    assert (
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token" in access.headers(outbound())["authorization"]
    )


async def test_an_api_key_is_sent_as_it_is() -> None:
    access = await AwsCredential(AwsAccount("eu-west-1", AwsApiKey("canary-key")), SESSION).access()
    assert access.region == "eu-west-1"
    assert access.headers(outbound()) == {"authorization": "Bearer canary-key"}
    assert access.secrets == ("canary-key",)
    assert "canary" not in repr(access)


@pytest.mark.parametrize(
    ("keys", "secrets"),
    [
        (KEYS, ("canary-secret", "canary-token")),
        (AwsKeys("AKIDEXAMPLE", "canary-secret"), ("canary-secret",)),
    ],
)
async def test_keys(keys: AwsKeys, secrets: tuple[str, ...], caplog: pytest.LogCaptureFixture) -> None:
    one = AwsCredential(AwsAccount("us-east-1", keys), SESSION, NOON.timestamp)
    access = await one.access()
    with caplog.at_level(logging.DEBUG):
        headers = access.headers(outbound())
    assert headers["x-amz-date"] == "20261122T120000Z"
    assert headers.get("x-amz-security-token") == keys.session_token
    assert access.secrets == secrets
    assert "canary" not in repr(access) + repr(one) + one.label + caplog.text
    one.refuse(access)
    assert await one.access() == access  # there is no other
    assert one.serves("claude-sonnet-4-5")


@pytest.mark.parametrize("source", [KEYS, AwsApiKey("canary-key")])
async def test_a_missing_region_is_told(source: AwsKeys | AwsApiKey) -> None:
    with pytest.raises(Unauthorized, match="set AWS_REGION, or `region` in config") as told:
        await AwsCredential(AwsAccount(None, source), SESSION).access()
    assert told.value.code == "no_region"
    assert "canary" not in told.value.message


LAZY = """
import asyncio, sys
from oai_bridge.credentials.aws import AwsCredential
from oai_bridge.credentials.base import Outbound
from oai_bridge.settings.values import AwsAccount, AwsApiKey, AwsKeys

def loaded():
    return {name for name in sys.modules if name.startswith("botocore")}

asyncio.run(AwsCredential(AwsAccount("us-east-1", AwsApiKey("key")), None).access())
print(loaded())
access = asyncio.run(AwsCredential(AwsAccount("us-east-1", AwsKeys("id", "secret")), None).access())
before = loaded()
access.headers(Outbound("POST", "https://host.example/", {}, b""))
print(bool(before), loaded() - before)
"""


def test_botocore_is_imported_when_it_is_needed() -> None:
    """Not by this module, nor for an API key; but all of it before the first request is signed."""
    found = subprocess.run([sys.executable, "-c", LAZY], cwd=ADDON, capture_output=True, text=True, check=True)
    assert found.stdout.split("\n") == ["set()", "True set()", ""]
