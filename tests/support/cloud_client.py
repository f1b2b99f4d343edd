"""Requests to the fake cloud as our own client would send them, for the tests of the fake itself."""

from __future__ import annotations

import json
import socket
from typing import Any

import requests
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from tests.support.fake_vertex import SCOPE, FakeVertex

OLD = "claude-sonnet-4-5@20250929"
BODY: dict[str, Any] = {
    "anthropic_version": "vertex-2023-10-16",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
}


def mint(cloud: FakeVertex, **changes: str) -> str:
    credentials = Credentials.from_service_account_info(cloud.service_account() | changes, scopes=[SCOPE])
    with requests.Session() as session:
        session.trust_env = False  # else REQUESTS_CA_BUNDLE would stand above `verify`
        session.verify = cloud.ca_file or True
        credentials.refresh(Request(session))
    return credentials.token


def path(cloud: FakeVertex, id: str = OLD, method: str = "rawPredict") -> str:
    return f"/v1/projects/{cloud.project}/locations/{cloud.region}/publishers/anthropic/models/{id}:{method}"


def post(
    cloud: FakeVertex,
    body: Any = BODY,
    *,
    at: str | None = None,
    headers: dict[str, str | None] | None = None,
    session: requests.Session | None = None,
    **options: Any,
) -> requests.Response:
    """What our own client would send, but for what the caller changes; a header of `None` is left out."""
    usual: dict[str, str | None] = {"accept-encoding": "identity", "user-agent": "oai-vertex"}
    usual |= {"content-type": "application/json", "authorization": f"Bearer {mint(cloud)}"}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    if session is not None:
        return session.post(cloud.origin + (at or path(cloud)), data=raw, headers=usual | (headers or {}), **options)
    with requests.Session() as own:
        own.trust_env = False
        return own.post(cloud.origin + (at or path(cloud)), data=raw, headers=usual | (headers or {}), **options)


def ask(cloud: FakeVertex, *, streamed: bool = True) -> socket.socket:
    """A good request on a bare socket, so that a test sees every byte and every ending."""
    raw = json.dumps(BODY | {"stream": True} if streamed else BODY).encode()
    head = f"POST {path(cloud, method='streamRawPredict' if streamed else 'rawPredict')} HTTP/1.1\r\nhost: x\r\n"
    head += f"authorization: Bearer {mint(cloud)}\r\ncontent-type: application/json\r\naccept-encoding: identity\r\n"
    connection = socket.create_connection(("127.0.0.1", cloud.port), timeout=30)
    connection.sendall(f"{head}content-length: {len(raw)}\r\n\r\n".encode() + raw)
    return connection


def read_all(connection: socket.socket) -> bytes:
    """All bytes until the peer closes; a reset is `ConnectionResetError`."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65_536), b""))
