"""Who is let in at Azure: API keys, and Entra ID's tokens, which a managed identity's endpoint mints.

Vendor sources: Azure's "How to use managed identities for App Service" (the endpoint's protocol), "Azure OpenAI
authentication"; azure-identity reads `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

from aiohttp import web

from tests.support.behaviours import Reply
from tests.support.fake_cloud import FakeCloud

RESOURCES = ("https://cognitiveservices.azure.com", "https://ai.azure.com")
"""What Azure OpenAI takes tokens for; the newer paths and Foundry have the second."""
IDENTITY_PATH = "/msi/token"


class AzureCloud(FakeCloud):
    """A cloud that takes Azure's keys and tokens.

    Public, besides what every fake cloud has: `tokens`, `token_requests`, `token_lifetime`, `resources`.
    """

    resources: tuple[str, ...] = RESOURCES

    def _open(self) -> None:
        """What a constructor has to begin with."""
        self.tokens: list[str] = []
        """All tokens ever minted."""
        self.token_requests = 0
        self.token_lifetime = 3600
        self._secret = secrets.token_hex(16)
        self._keys: set[str] = set()
        self._gone: set[str] = set()
        self._grants: dict[str, tuple[str, float]] = {}

    def key(self) -> str:
        """A new API key that is let in."""
        key = secrets.token_hex(16)
        self._keys.add(key)
        return key

    def token(self, resource: str | None = None) -> str:
        """A new token of Entra ID that is let in."""
        token = f"eyJ0eXAiOiJKV1QifQ.{secrets.token_urlsafe(120)}.{secrets.token_urlsafe(60)}"
        self.tokens.append(token)
        self._grants[token] = (resource or self.resources[-1], time.monotonic() + self.token_lifetime)
        return token

    def revoke(self) -> None:
        """Every key and token made so far is refused from now on."""
        self._gone |= {*self._keys, *self._grants}
        self._keys.clear()
        self._grants.clear()

    def identity_environment(self) -> dict[str, str]:
        """The variables by which azure-identity finds a managed identity here."""
        return {"IDENTITY_ENDPOINT": f"{self.origin}{IDENTITY_PATH}", "IDENTITY_HEADER": self._secret}

    def _let_in(self, headers: Mapping[str, str], names: tuple[str, ...]) -> tuple[bool, str]:
        """Whether a request is let in, by a key in all of these headers or by a token; else why it is not. A key that
        was good once gives no reason: a right client can meet that."""
        keys = [headers[name] for name in names if name in headers]
        bearer = headers.get("authorization")
        if bool(keys) == bool(bearer):
            return False, "a key and a token came together" if bearer else "no key and no token"
        if bearer:
            token = bearer.removeprefix("Bearer ")
            resource, expires = self._grants.get(token, ("", 0.0))
            if token not in self.tokens:
                return False, "the token was not minted here"
            return resource in self.resources and expires > time.monotonic(), ""
        if len(keys) < len(names) or len(set(keys)) > 1:
            return False, f"the key must stand in {' and '.join(names)}"
        return keys[0] in self._keys, "" if keys[0] in self._keys | self._gone else "the key was not made here"

    async def _aside(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """The endpoint of a managed identity."""
        if request.path != IDENTITY_PATH:
            return None
        self.token_requests += 1
        resource = request.query.get("resource", "").removesuffix("/")
        right = request.headers.get("x-identity-header") == self._secret and request.method == "GET"
        if not right or resource not in self.resources or request.query.get("api-version") != "2019-08-01":
            self.wrong.append(f"managed identity: {request.method} {request.path_qs}")
            return self._response(Reply(400, {"error": "invalid_request", "statusCode": 400}), IDENTITY_PATH)
        token = self.token(resource)
        grant = {"access_token": token, "expires_on": str(int(time.time()) + self.token_lifetime)}
        return self._response(Reply(200, grant | {"resource": resource, "token_type": "Bearer"}), IDENTITY_PATH)
