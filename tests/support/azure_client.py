"""Requests to the fake Azure and the fake Foundry as our own client would send them, for the fakes' own tests."""

from __future__ import annotations

import json
from typing import Any

import requests

from tests.support.entra import AzureCloud

CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
V1 = "/openai/v1/chat/completions"
OLD = "/openai/deployments/{}/{}?api-version=2024-10-21"


def old(deployment: str = "gpt-4o", what: str = "chat/completions") -> str:
    """The older path, with the deployment in it."""
    return OLD.format(deployment, what)


def post(cloud: AzureCloud, path: str, body: Any, headers: dict[str, str | None] | None = None) -> requests.Response:
    """What our own client would send, but for what the caller changes; a header of `None` is left out."""
    usual: dict[str, str | None] = {"accept-encoding": "identity", "user-agent": "oai-vertex"}
    usual |= {"content-type": "application/json", "api-key": cloud.key()}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with requests.Session() as session:
        session.trust_env = False
        return session.post(cloud.origin + path, data=raw, headers=usual | (headers or {}), timeout=30)
