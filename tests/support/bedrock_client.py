"""AWS's own client for the fake Bedrock, and the requests that the fake's tests have in common."""

from __future__ import annotations

import json
from typing import Any

import boto3
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.support.aws_signatures import Key
from tests.support.fake_bedrock import FakeBedrock

OLD = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NEW = "us.anthropic.claude-opus-4-8"
BODY: dict[str, Any] = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
}
CONVERSE: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
CHAT: dict[str, Any] = {"model": "openai.gpt-oss-20b-1:0", "messages": [{"role": "user", "content": "Hi"}]}


def boto(cloud: FakeBedrock, key: Key | None = None, **options: Any) -> Any:
    """boto3's `bedrock-runtime`. It tries once."""
    key = key or cloud.keys.access_key()
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=cloud.origin,
        region_name=cloud.region,
        aws_access_key_id=key.id,
        aws_secret_access_key=key.secret,
        aws_session_token=key.token,
        config=Config(retries={"total_max_attempts": 1}, **options),
    )


def post(
    cloud: FakeBedrock,
    path: str,
    body: Any,
    *,
    headers: dict[str, str] | None = None,
    key: Key | None = None,
    region: str | None = None,
    service: str = "bedrock",
    unsigned: dict[str, str | None] | None = None,
    **options: Any,
) -> requests.Response:
    """What our own client would send, but for what the caller changes. `unsigned` is added when all is signed; what is
    `None` there is left out."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    key = key or cloud.keys.access_key()
    usual = {"accept-encoding": "identity", "content-type": "application/json", "accept": "application/json"}
    request = AWSRequest("POST", cloud.origin + path, headers=usual | (headers or {}), data=raw)
    SigV4Auth(Credentials(key.id, key.secret, key.token), service, region or cloud.region).add_auth(request)
    signed = {name.lower(): value for name, value in request.headers.items()}
    sent = {**signed, "user-agent": "oai-vertex", **(unsigned or {})}
    return send(cloud, path, raw, {name: value for name, value in sent.items() if value is not None}, **options)


def send(cloud: FakeBedrock, path: str, raw: bytes, headers: dict[str, str], **options: Any) -> requests.Response:
    """These bytes and headers, whatever they say."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers.clear()
        prepared = requests.Request("POST", cloud.origin, data=raw, headers=headers).prepare()
        prepared.url = cloud.origin + path  # as it is written here: the library would write some of it anew
        return session.send(prepared, timeout=30, **options)
