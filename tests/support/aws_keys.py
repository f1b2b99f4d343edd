"""The keys that a fake AWS lets in: access keys, long-lived and temporary, and Bedrock API keys."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection
from datetime import datetime

from tests.support.aws_signatures import Key, Refused, Signed, signed_region

SIGNED_HEADERS = {"x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}


class Keyring:
    """All keys of one account. `service` is the one that signatures are made for."""

    def __init__(self, region: str, service: str) -> None:
        self._region = region
        self._service = service
        self._keys: dict[str, Key] = {}
        self._api_keys: dict[str, str] = {}
        self._gone: set[str] = set()

    def access_key(self, *, temporary: bool = False) -> Key:
        """A new access key that is let in."""
        token = secrets.token_urlsafe(150) if temporary else None
        name = base64.b32encode(secrets.token_bytes(10)).decode()
        key = Key(f"{'ASIA' if temporary else 'AKIA'}{name}", base64.b64encode(secrets.token_bytes(30)).decode(), token)
        self._keys[key.id] = key
        return key

    def api_key(self, region: str | None = None) -> str:
        """A new Bedrock API key that is let in, in one region."""
        key = f"ABSK{base64.b64encode(secrets.token_bytes(72)).decode()}"
        self._api_keys[key] = region or self._region
        return key

    def revoke(self) -> None:
        """Every key made so far is refused from now on."""
        self._gone |= {*self._keys, *self._api_keys}
        self._keys.clear()
        self._api_keys.clear()

    def region_of(self, request: Signed, *, now: datetime, regions: Collection[str]) -> str:
        """The region that a request is for; raises `Refused`."""
        authorization = request.headers.get("authorization")
        if authorization is None:
            raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
        if not authorization.startswith("Bearer "):
            known, gone = self._keys, self._gone
            return signed_region(request, keys=known, gone=gone, service=self._service, regions=regions, now=now)
        if SIGNED_HEADERS & {name.lower() for name in request.headers}:
            raise Refused("IncompleteSignatureException", "A request with a bearer's key must not be signed, too.")
        key = authorization.removeprefix("Bearer ")
        if key not in self._api_keys:
            message = "Authentication failed: Please make sure your API Key is valid."
            raise Refused("AccessDeniedException", message, stale=key in self._gone, field="Message")
        return self._api_keys[key]
