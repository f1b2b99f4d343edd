"""A fake Vertex AI: it checks tokens and requests as Google and Anthropic do and answers as scripted.

Claude stands behind `rawPredict`, Gemini and open models behind the door that speaks OpenAI's language.
"""

from __future__ import annotations

import json
import re
import secrets
import time
import urllib.parse
from collections import deque
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from aiohttp import web
from google.auth import exceptions as google_exceptions
from google.auth import jwt

from tests.support import claude_rules, gemini_rules
from tests.support.behaviours import (
    VECTORS,
    Answers,
    Asked,
    Behaviour,
    Drop,
    Hang,
    Reply,
    Stream,
    broken,
    endless,
    garbled,
    huge,
    recorded,
    recordings,
    replay,
    sse,
)
from tests.support.claude_answers import digest, tokens
from tests.support.claude_models import Model
from tests.support.claude_shapes import word
from tests.support.claude_troubles import picky, refusing, searcher
from tests.support.cloud_errors import anthropic_error, google_error, html_error, invalid_grant
from tests.support.cloud_keys import account_key
from tests.support.fake_cloud import USUAL_HEADERS, FakeCloud, Received, header_faults, run
from tests.support.gemini_doors import Gemini
from tests.support.openai_claude import as_claude
from tests.support.openai_doors import OpenAI
from tests.support.scripted_claude import agent

__all__ = [
    "SCOPE",
    "VECTORS",
    "Answers",
    "Behaviour",
    "Drop",
    "FakeVertex",
    "Hang",
    "Received",
    "Reply",
    "Stream",
    "agent",
    "anthropic_error",
    "broken",
    "endless",
    "garbled",
    "google_error",
    "html_error",
    "huge",
    "invalid_grant",
    "picky",
    "recorded",
    "recordings",
    "refusing",
    "replay",
    "searcher",
    "sse",
]

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
"""What google-auth writes as `aud` into every assertion, whatever the key's own `token_uri`."""
LEEWAY = 300
"""Seconds that an assertion may be ahead of the server's clock, or behind it."""
OUT_OF_TIME = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp "
    "values in the JWT claim."
)
HEADERS = USUAL_HEADERS | {"x-goog-user-project", "anthropic-beta"}
"""All that may reach the cloud; anything else is the client's and came through."""
COUNTING = "count-tokens"
"""What stands for a model in the path when a body's tokens are to be counted."""
RATELIMITS = {
    f"anthropic-ratelimit-{kind}-{name}": value
    for kind, limit, remaining in (("requests", "4000", "3999"), ("tokens", "400000", "398000"))
    for name, value in (("limit", limit), ("remaining", remaining), ("reset", "2035-01-01T00:00:00Z"))
}
PATH = re.compile(
    r"/v1/projects/(?P<project>[a-z][a-z0-9.:-]*)/locations/(?P<region>[a-z0-9-]+)/publishers/anthropic/models/"
    r"(?P<model>[^/:%?]+):(?P<method>rawPredict|streamRawPredict)"
)
OPENAI_DOOR = "/endpoints/openapi/chat/completions"
OPENAI_PATH = re.compile(r"/v1/projects/(?P<project>[a-z][a-z0-9.:-]*)/locations/(?P<region>[a-z0-9-]+)" + OPENAI_DOOR)


class FakeVertex(FakeCloud):
    """Google's tokens, and models that take them.

    Public, besides what every fake cloud has: `tokens`, `token_requests`, `token_lifetime`, `clock_skew`, `base_url`,
    `token_uri`, `openai_default` (`default` is Claude's).
    """

    ratelimits: Mapping[str, str] = RATELIMITS

    def __init__(
        self,
        *,
        project: str = "test-project",
        region: str = "us-east5",
        anthropic_version: str = claude_rules.VERTEX_VERSION,
        strict_headers: bool = True,
        tls: bool = False,
    ) -> None:
        super().__init__(replay(), strict_headers=strict_headers, tls=tls)
        self.openai_default: Behaviour = agent(eager=True)
        self.project = project
        self.region = region
        self.regions = {region}
        self.anthropic_version = anthropic_version
        self.tokens: list[str] = []
        """All access tokens ever minted."""
        self.token_requests = 0
        self.token_lifetime = 3599
        self.clock_skew = 0.0
        """By how many seconds this server's clock is fast."""
        self._token_script: deque[Behaviour] = deque()
        self._accounts: dict[str, str] = {}
        self._revoked: set[str] = set()
        self._grants: dict[str, tuple[str, float]] = {}

    # What a test is given

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def token_uri(self) -> str:
        return f"{self.origin}/token"

    @property
    def mints(self) -> int:
        return len(self.tokens)

    def service_account(self, project: str | None = None) -> dict[str, Any]:
        """Google's service-account JSON. Another project is another account, which may use its own project alone."""
        project = project or self.project
        email = f"caller@{project}.iam.gserviceaccount.com"
        self._accounts[email] = project
        return {
            "type": "service_account",
            "project_id": project,
            "private_key_id": "0123456789abcdef0123456789abcdef01234567",
            "private_key": account_key()[0],
            "client_email": email,
            "client_id": "100000000000000000000",
            "token_uri": self.token_uri,
        }

    def gcp_credentials(self, region: str = "us-east5", project: str | None = None) -> str:
        """The tutorial's `project:email:region:key` with literal `\\n`. It names no token endpoint: whoever uses it
        asks Google's own, unless told otherwise."""
        self.regions.add(region)
        info = self.service_account(project)
        key = info["private_key"].replace("\n", "\\n")
        return f"{info['project_id']}:{info['client_email']}:{region}:{key}"

    def environment(self) -> dict[str, str]:
        """The variables that point a program here."""
        return {
            "GOOGLE_APPLICATION_CREDENTIALS": json.dumps(self.service_account()),
            "ANTHROPIC_VERTEX_PROJECT_ID": self.project,
            "CLOUD_ML_REGION": self.region,
            "ANTHROPIC_VERTEX_BASE_URL": self.base_url,
        }

    def script_token(self, *behaviours: Behaviour) -> None:
        """What the next calls of the token endpoint get, one each; afterwards it mints again. `Hang()` mints late."""
        self._token_script.extend(behaviours)

    def unscript(self) -> None:
        """Forgets what is left of both scripts."""
        super().unscript()
        self._token_script.clear()

    def revoke_tokens(self) -> None:
        """Every token minted so far is refused from now on."""
        self._grants.clear()

    def revoke(self, project: str) -> None:
        """This account's tokens are refused from now on, and it gets no new ones until `restore`."""
        self._revoked.add(project)
        self._grants = {token: grant for token, grant in self._grants.items() if grant[0] != project}

    def restore(self) -> None:
        """Every account gets tokens again."""
        self._revoked.clear()

    # What is refused

    def _refusal(self, received: Received) -> Reply | None:
        posted = received.path if received.method == "POST" else ""
        if found := OPENAI_PATH.fullmatch(posted):
            return self._stranger(received, found) or self._chat(received)
        found = PATH.fullmatch(posted)
        facts = claude_rules.model(found["model"]) if found else None
        counting = found is not None and (found["model"], found["method"]) == (COUNTING, "rawPredict")
        if found is None or not (facts or counting):
            self.wrong.append(f"no such path or model: {received.method} {received.path}")
            return google_error(404)
        if refusal := self._stranger(received, found):
            return refusal
        faults = self._faults(received, facts, streamed=found["method"] == "streamRawPredict")
        if self.strict_headers:
            faults += header_faults(received.headers, HEADERS)
        self.wrong += faults
        if faults:
            return anthropic_error(400, faults[0])
        facts = facts or claude_rules.model(received.parsed["model"])
        assert facts is not None
        received.asked = Asked(received.parsed, facts, self._seals)
        received.streamed = found["method"] == "streamRawPredict"
        received.usual = Reply(body={"input_tokens": tokens(received.parsed)}) if counting else None
        return None

    def _stranger(self, received: Received, found: re.Match[str]) -> Reply | None:
        """The error for a request without a token, or with one for elsewhere."""
        listed = received.path.endswith(OPENAI_DOOR)
        token = received.headers.get("authorization", "").removeprefix("Bearer ")
        project, expires = self._grants.get(token, ("", 0.0))
        if expires <= time.monotonic():
            if token not in self.tokens:
                self.wrong.append("the bearer token was not minted here")
            return google_error(401, in_array=listed)
        if found["project"] != project or found["region"] not in self.regions:
            self.wrong.append(f"not this account's project or region: {received.path}")
            return google_error(403, in_array=listed)
        return None

    def _chat(self, received: Received) -> Reply | None:
        """What Gemini and open models refuse; a list stands around their errors."""
        try:
            body = received.parsed = claude_rules.read_body(received.body)
        except (ValueError, RecursionError) as error:
            self.wrong.append(f"Invalid JSON payload received. {error}")
            return google_error(400, self.wrong[-1], in_array=True)
        name = word(body, "model") or ""
        if not gemini_rules.known(name):
            why = f"The model {name} does not support ChatCompletions." if "claude" in name else None
            self.wrong.append(why or f"no such model: {name}")
            return google_error(400 if why else 404, why, status="FAILED_PRECONDITION" if why else None, in_array=True)
        faults = gemini_rules.faults(body)
        if self.strict_headers:
            faults += header_faults(received.headers, USUAL_HEADERS | {"x-goog-user-project"})
        self.wrong += faults
        if faults:
            return google_error(400, faults[0], in_array=True)
        received.asked = Asked(as_claude(body), Model(name, (4, 0)), self._seals)
        received.streamed = bool(body.get("stream"))
        received.door = (Gemini if name.startswith("google/") else OpenAI)(body, name, f"{digest(body)}")
        received.usual = self.openai_default
        return None

    def _marks(self, path: str) -> dict[str, str]:
        return {"request-id": f"req_vrtx_{secrets.token_hex(12)}", "date": formatdate(self._now(), usegmt=True)}

    def _now(self) -> float:
        return time.time() + self.clock_skew

    def _faults(self, received: Received, facts: claude_rules.Model | None, *, streamed: bool) -> list[str]:
        """What is wrong with the body, and the betas that go with it; without `facts` it is one to count."""
        try:
            body = received.parsed = claude_rules.read_body(received.body)
        except (ValueError, RecursionError) as error:
            return [f"The request body is not valid JSON: {error}"]
        betas = claude_rules.betas_of(received.headers.get("anthropic-beta", ""))
        version = self.anthropic_version
        if facts is None:
            return claude_rules.count_faults(body, version=version, betas=betas, seals=self._seals)
        return claude_rules.faults(body, facts, streamed=streamed, version=version, betas=betas, seals=self._seals)

    # The token endpoint

    async def _aside(self, request: web.BaseRequest) -> web.StreamResponse | None:
        return await self._token(request) if request.path == "/token" else None

    async def _token(self, request: web.BaseRequest) -> web.StreamResponse:
        self.token_requests += 1
        raw = await request.content.read()
        behaviour = self._token_script.popleft() if self._token_script else None
        if isinstance(behaviour, Hang):
            await self._hang()
            behaviour = behaviour.then
        if behaviour is not None:
            nobody = Received("POST", "/token", {}, ("", 0), time.monotonic())
            return await self._perform(request, behaviour, nobody)
        try:
            project = self._grantee(dict(urllib.parse.parse_qsl(raw.decode())))
        except (ValueError, google_exceptions.GoogleAuthError) as error:
            self.wrong.append(f"token endpoint: {error}")
            return self._response(invalid_grant(str(error)), "/token")
        if project in self._revoked:
            return self._response(invalid_grant("Invalid grant: account not found"), "/token")
        token = f"ya29.{secrets.token_urlsafe(96)}"
        self.tokens.append(token)
        self._grants[token] = (project, time.monotonic() + self.token_lifetime)
        grant = {"access_token": token, "expires_in": self.token_lifetime, "token_type": "Bearer"}
        return self._response(Reply(200, grant), "/token")

    def _grantee(self, form: Mapping[str, str]) -> str:
        """The project of the account whose assertion this is; raises `ValueError` or google-auth's errors."""
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            raise ValueError("Invalid grant_type")
        assertion = form.get("assertion", "")
        claims = jwt.decode(
            assertion,
            certs=account_key()[1],
            audience=[self.token_uri, GOOGLE_AUDIENCE],
            clock_skew_in_seconds=int(abs(self.clock_skew)),
        )
        if jwt.decode_header(assertion).get("alg") != "RS256":
            raise ValueError("Invalid JWT algorithm")
        if claims.get("iss") not in self._accounts:
            raise ValueError("Invalid grant: account not found")
        if SCOPE not in str(claims.get("scope")).split():
            raise ValueError("Invalid OAuth scope")
        if abs(self._now() - claims["iat"]) > LEEWAY:
            raise ValueError(OUT_OF_TIME)
        if claims["exp"] - claims["iat"] > 3600:
            raise ValueError("Invalid JWT: token must be short-lived (60 minutes)")
        return self._accounts[claims["iss"]]


if __name__ == "__main__":
    run(FakeVertex())
