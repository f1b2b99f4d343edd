"""A fake Vertex AI on a real socket: it checks tokens and requests as Google and Anthropic do and answers as scripted.

    with FakeVertex() as cloud:
        cloud.script(replay("tool_use_response.txt", size=7), anthropic_error(529), Drop(reset=True))
        ...
        assert cloud.wrong == []

`python -m tests.support.fake_vertex` runs it by hand and prints the environment that points to it.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import shlex
import socket
import ssl
import struct
import tempfile
import threading
import time
import urllib.parse
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aiohttp import web
from google.auth import exceptions as google_exceptions
from google.auth import jwt

from tests.support import claude_rules
from tests.support.behaviours import (
    VECTORS,
    Answers,
    Asked,
    Behaviour,
    Drop,
    Hang,
    Reply,
    Stream,
    anthropic_error,
    broken,
    endless,
    garbled,
    google_error,
    html_error,
    huge,
    invalid_grant,
    recorded,
    recordings,
    replay,
    sse,
)
from tests.support.claude_answers import tokens
from tests.support.claude_seals import Seals
from tests.support.claude_troubles import picky, refusing, searcher
from tests.support.cloud_keys import account_key, certificate
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
OWN_USER_AGENT = "oai-vertex"
HEADERS = {
    *("host", "authorization", "content-type", "content-length", "accept", "accept-encoding", "connection"),
    *("user-agent", "x-goog-user-project", "anthropic-beta"),
}
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


@dataclass(slots=True)
class Received:
    """A request to a model, and what became of it. Times are `time.monotonic`, which all local processes share."""

    method: str
    path: str
    headers: Mapping[str, str]
    peer: tuple[str, int]
    arrived: float
    body: bytes = b""
    parsed: Any = None
    asked: Asked | None = None
    """Set when the request was a right one."""
    sent: int = 0
    """Bytes of the answer's body handed to the socket so far."""
    hung_up: float | None = None
    """When the peer left before its answer was whole."""
    finished: float | None = None


class FakeVertex:
    """The server, in a thread of its own with an event loop of its own; a context manager.

    Public: `requests`, `wrong`, `tokens`, `token_requests`, `connections`, `active`, `hanging`, `default`,
    `ratelimits`, `token_lifetime`, `ca_file`, `base_url`, `token_uri`.
    """

    def __init__(
        self,
        *,
        project: str = "test-project",
        region: str = "us-east5",
        anthropic_version: str = claude_rules.VERTEX_VERSION,
        strict_headers: bool = True,
        tls: bool = False,
    ) -> None:
        self.project = project
        self.region = region
        self.regions = {region}
        self.anthropic_version = anthropic_version
        self.strict_headers = strict_headers
        self.requests: list[Received] = []
        self.wrong: list[str] = []
        """What no request of a right client has; each was also answered with an error."""
        self.tokens: list[str] = []
        """All access tokens ever minted."""
        self.token_requests = 0
        self.token_lifetime = 3599
        self.connections = 0
        self.active = 0
        self.hanging = 0
        self.default: Behaviour = replay()
        self.ratelimits: Mapping[str, str] = RATELIMITS
        """Headers of every answer to a right request."""
        self.ca_file: str | None = None
        self._seals = Seals()
        self._tls = tls
        self._script: deque[Behaviour] = deque()
        self._token_script: deque[Behaviour] = deque()
        self._accounts: dict[str, str] = {}
        self._grants: dict[str, tuple[str, float]] = {}

    def __enter__(self) -> FakeVertex:
        self._folder = tempfile.TemporaryDirectory(prefix="fake-vertex-")
        started: Future[int] = Future()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(started),), daemon=True)
        self._thread.start()
        self.port = started.result(timeout=10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)
        self._folder.cleanup()

    # What a test is given

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

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

    def script(self, *behaviours: Behaviour) -> None:
        """What the next good requests to a model get, one each; afterwards `default` again. Counting tokens takes from
        the script, too, and has an answer of its own instead of `default`."""
        self._script.extend(behaviours)

    def script_token(self, *behaviours: Behaviour) -> None:
        """What the next calls of the token endpoint get, one each; afterwards it mints again. `Hang()` mints late."""
        self._token_script.extend(behaviours)

    def unscript(self) -> None:
        """Forgets what is left of both scripts."""
        self._script.clear()
        self._token_script.clear()

    def revoke_tokens(self) -> None:
        """Every token minted so far is refused from now on."""
        self._grants.clear()

    def release(self) -> None:
        """Lets all go on that hang now."""
        self._loop.call_soon_threadsafe(self._let_go)

    def wait_until(self, true: Callable[[], bool], timeout: float = 5.0) -> None:
        """Waits until `true()`, looking every few milliseconds; raises `AssertionError` when it takes too long."""
        deadline = time.monotonic() + timeout
        while not true():
            assert time.monotonic() < deadline, f"not within {timeout} s; active {self.active}, hanging {self.hanging}"
            time.sleep(0.002)

    def wait_idle(self, timeout: float = 5.0) -> None:
        """Waits until no exchange with a model is open."""
        self.wait_until(lambda: self.active == 0, timeout)

    # The server

    async def _serve(self, started: Future[int]) -> None:
        try:
            self._loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()
            self._resume = asyncio.Event()
            http = web.Server(self._dispatch, handler_cancellation=True, access_log=None)

            def accept() -> web.RequestHandler:
                self.connections += 1
                return http()

            server = await self._loop.create_server(accept, "127.0.0.1", 0, ssl=self._ssl() if self._tls else None)
        except BaseException as error:
            started.set_exception(error)
            raise
        started.set_result(server.sockets[0].getsockname()[1])
        await self._stop.wait()
        server.close()
        await http.shutdown(timeout=0.1)

    def _ssl(self) -> ssl.SSLContext:
        ca_file, chain = certificate(Path(self._folder.name))
        self.ca_file = str(ca_file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _let_go(self) -> None:
        self._resume.set()
        self._resume.clear()

    async def _dispatch(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/token":
            return await self._token(request)
        peer = request.transport.get_extra_info("peername") if request.transport else ("", 0)
        received = Received(request.method, request.raw_path, request.headers, peer, time.monotonic())
        self.active += 1
        try:
            received.body = await request.content.read()
            self.requests.append(received)
            refusal = self._refusal(received)
            return await self._perform(request, refusal or self._next(received), received)
        except (asyncio.CancelledError, ConnectionError):
            if not self._stop.is_set():
                received.hung_up = time.monotonic()
            raise
        finally:
            received.finished = time.monotonic()
            self.active -= 1

    def _next(self, received: Received) -> Behaviour:
        if self._script:
            return self._script.popleft()
        if f"/{COUNTING}:" in received.path:
            return Reply(body={"input_tokens": tokens(received.parsed)})
        return self.default

    async def _perform(self, request: web.BaseRequest, behaviour: Behaviour, received: Received) -> web.StreamResponse:
        match behaviour:
            case Hang(then):
                await self._hang()
                return await self._perform(request, then or self.default, received)
            case Drop(reset):
                return await self._leave(request, web.Response(), reset)
            case Answers(how):
                assert received.asked is not None
                return await self._perform(request, how(received.asked), received)
            case Reply():
                return _response(behaviour, self.ratelimits if received.asked else {})
        streamed = ":streamRawPredict" in received.path
        response = web.StreamResponse(headers={"request-id": _request_id(), **self.ratelimits})
        response.content_type = "text/event-stream" if streamed or not behaviour.message else "application/json"
        response.charset = "utf-8"
        response.enable_chunked_encoding()
        await response.prepare(request)
        for count, piece in enumerate(behaviour.steps(streamed)):
            if piece is None:
                await self._hang()
                continue
            if count and behaviour.delay:
                await asyncio.sleep(behaviour.delay)
            if piece:
                await response.write(piece)
                received.sent += len(piece)
            await asyncio.sleep(0)
        if behaviour.ending != "end":
            return await self._leave(request, response, behaviour.ending == "reset")
        await response.write_eof()
        return response

    async def _hang(self) -> None:
        self.hanging += 1
        try:
            await self._resume.wait()
        finally:
            self.hanging -= 1

    async def _leave(self, request: web.BaseRequest, response: web.StreamResponse, reset: bool) -> web.StreamResponse:
        transport = request.transport
        if transport is None:
            return response
        assert isinstance(transport, asyncio.Transport)
        if not reset:
            transport.close()
            return response
        while transport.get_write_buffer_size():
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.02)  # a reset overtakes what the peer has not read yet
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        return response

    # What is refused

    def _refusal(self, received: Received) -> Reply | None:
        """The error for a request that the cloud would not take. All but a stale token goes into `wrong`."""
        found = PATH.fullmatch(received.path)
        facts = claude_rules.model(found["model"]) if found else None
        counting = bool(found) and (found["model"], found["method"]) == (COUNTING, "rawPredict")
        if found is None or not (facts or counting) or received.method != "POST":
            self.wrong.append(f"no such path or model: {received.method} {received.path}")
            return google_error(404)
        token = received.headers.get("authorization", "").removeprefix("Bearer ")
        project, expires = self._grants.get(token, ("", 0.0))
        if expires <= time.monotonic():
            if token not in self.tokens:
                self.wrong.append("the bearer token was not minted here")
            return google_error(401)
        if (found["project"], found["region"]) != (project, found["region"]) or found["region"] not in self.regions:
            self.wrong.append(f"not this account's project or region: {received.path}")
            return google_error(403)
        faults = self._faults(received, facts, streamed=found["method"] == "streamRawPredict")
        if self.strict_headers:
            faults += _header_faults(received.headers)
        self.wrong += faults
        if faults:
            return anthropic_error(400, faults[0])
        facts = facts or claude_rules.model(received.parsed["model"])
        assert facts is not None
        received.asked = Asked(received.parsed, facts, self._seals)
        return None

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
            return _response(invalid_grant(str(error)))
        token = f"ya29.{secrets.token_urlsafe(96)}"
        self.tokens.append(token)
        self._grants[token] = (project, time.monotonic() + self.token_lifetime)
        return _response(Reply(200, {"access_token": token, "expires_in": self.token_lifetime, "token_type": "Bearer"}))

    def _grantee(self, form: Mapping[str, str]) -> str:
        """The project of the account whose assertion this is; raises `ValueError` or google-auth's errors."""
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            raise ValueError("Invalid grant_type")
        assertion = form.get("assertion", "")
        claims = jwt.decode(assertion, certs=account_key()[1], audience=[self.token_uri, GOOGLE_AUDIENCE])
        if jwt.decode_header(assertion).get("alg") != "RS256":
            raise ValueError("Invalid JWT algorithm")
        if claims.get("iss") not in self._accounts:
            raise ValueError("Invalid grant: account not found")
        if SCOPE not in str(claims.get("scope")).split():
            raise ValueError("Invalid OAuth scope")
        if claims["exp"] - claims["iat"] > 3600:
            raise ValueError("Invalid JWT: token must be short-lived (60 minutes)")
        return self._accounts[claims["iss"]]


def _header_faults(headers: Mapping[str, str]) -> list[str]:
    faults = [f"header {name.lower()} came through" for name in headers if name.lower() not in HEADERS]
    if headers.get("content-type", "").partition(";")[0] != "application/json":
        faults.append(f"content-type is {headers.get('content-type')}")
    if headers.get("accept-encoding") != "identity":
        faults.append(f"accept-encoding is {headers.get('accept-encoding')}")
    if not headers.get("user-agent", OWN_USER_AGENT).startswith(OWN_USER_AGENT):
        faults.append(f"user-agent is {headers.get('user-agent')}")
    return faults


def _response(reply: Reply, told: Mapping[str, str] = MappingProxyType({})) -> web.Response:
    body, request_id = reply.body, _request_id()
    if isinstance(body, dict) and body.get("type") == "error":
        body = body | {"request_id": request_id}
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    headers = {"content-type": reply.content_type, "request-id": request_id, **told, **reply.headers}
    return web.Response(status=reply.status, body=body, headers=headers)


def _request_id() -> str:
    return f"req_vrtx_{secrets.token_hex(12)}"


def main() -> None:
    """Runs until Ctrl-C and tells what arrives."""
    with FakeVertex() as cloud:
        for name, value in cloud.environment().items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        seen = 0
        try:
            while True:
                time.sleep(0.2)
                for received in cloud.requests[seen:]:
                    print(f"# {received.method} {received.path} {len(received.body)} bytes", flush=True)
                seen = len(cloud.requests)
                while cloud.wrong:
                    print(f"# wrong: {cloud.wrong.pop(0)}", flush=True)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
