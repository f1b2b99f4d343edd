"""Entra ID in this process: what azure-identity's requests get when they go through our session."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import urllib3
from requests.adapters import BaseAdapter

TENANT = "11111111-2222-3333-4444-555555555555"
CANARY = "canary-8Q~secret-of-an-app"
_LOGIN = f"https://login.microsoftonline.com/{TENANT}"


class Entra(BaseAdapter):
    """Mints "token-1", "token-2" …; `forms` are the fields of what asked for them, `asked` counts all requests.

    `error`, when set, is what Entra ID says instead; `reachable` whether it says anything. There is no instance whose
    metadata would give an identity.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.forms: list[dict[str, str]] = []
        self.error: Mapping[str, str] | None = None
        self.reachable = True

    def session(self) -> requests.Session:
        session = requests.Session()
        session.mount("https://", self)
        session.mount("http://", self)
        return session

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        self.asked += 1
        url = urlsplit(str(request.url))
        if url.hostname != "login.microsoftonline.com" or not self.reachable:
            raise requests.ConnectionError(
                f"HTTPSConnectionPool(host='{url.hostname}', port=443): Max retries exceeded"
            )
        if request.method == "POST":
            fields = parse_qs(request.body if isinstance(request.body, str) else (request.body or b"").decode())
            self.forms.append({name: values[0] for name, values in fields.items()})
            if self.error is not None:
                return _response(request, 401, self.error)
            token = {"access_token": f"token-{len(self.forms)}", "expires_in": 3600, "token_type": "Bearer"}
            return _response(request, 200, token)
        endpoints = {"authorization_endpoint": f"{_LOGIN}/authorize", "token_endpoint": f"{_LOGIN}/oauth2/v2.0/token"}
        discovery = {"issuer": f"{_LOGIN}/v2.0", "tenant_discovery_endpoint": _LOGIN, "metadata": []}
        return _response(request, 200, {**endpoints, **discovery})

    def close(self) -> None:
        pass


def app(patch: pytest.MonkeyPatch) -> None:
    """The environment of an app with a secret."""
    for name, value in (("TENANT_ID", TENANT), ("CLIENT_ID", "app"), ("CLIENT_SECRET", CANARY)):
        patch.setenv(f"AZURE_{name}", value)


def nobody(patch: pytest.MonkeyPatch, home: Path) -> None:
    """An environment without a login, and without programs that have one."""
    for name in tuple(os.environ):
        if name.startswith(("AZURE_", "IDENTITY_", "MSI_")):
            patch.delenv(name)
    patch.setenv("HOME", str(home))
    patch.setenv("PATH", str(home))


def _response(request: requests.PreparedRequest, status: int, body: Mapping[str, object]) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.request = request
    response.url = str(request.url)
    response.headers["content-type"] = "application/json"
    response.raw = urllib3.HTTPResponse(io.BytesIO(json.dumps(body).encode()), status=status, preload_content=False)
    return response
