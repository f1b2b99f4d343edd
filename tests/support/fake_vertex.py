"""A fake Vertex AI on a real socket: it checks tokens and requests as Google and Anthropic do and answers as scripted.

    with FakeVertex() as cloud:
        cloud.script(replay("tool_use_response.txt", size=7), anthropic_error(529), Drop(reset=True))
        ...
        assert cloud.wrong == []

`python -m tests.support.fake_vertex` runs it by hand and prints the environment that points to it.
"""

from __future__ import annotations

import asyncio
import datetime
import functools
import ipaddress
import itertools
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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from google.auth import exceptions as google_exceptions
from google.auth import jwt

from tests.support import claude_rules

VECTORS = Path(__file__).parent.parent / "vectors"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
"""What google-auth writes as `aud` into every assertion, whatever the key's own `token_uri`."""
OWN_USER_AGENT = "oai-vertex"
HEADERS = {
    *("host", "authorization", "content-type", "content-length", "accept", "accept-encoding", "connection"),
    *("user-agent", "x-goog-user-project", "anthropic-beta"),
}
"""All that may reach the cloud; anything else is the client's and came through."""
PATH = re.compile(
    r"/v1/projects/(?P<project>[a-z][a-z0-9.:-]*)/locations/(?P<region>[a-z0-9-]+)/publishers/anthropic/models/"
    r"(?P<model>[^/:%?]+):(?P<method>rawPredict|streamRawPredict)"
)
GOOGLE_STATUS = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token."),
    403: ("PERMISSION_DENIED", "Permission 'aiplatform.endpoints.predict' denied on resource (or it may not exist)."),
    404: ("NOT_FOUND", "Publisher Model was not found or your project does not have access to it."),
    429: ("RESOURCE_EXHAUSTED", "Quota exceeded for online_prediction_requests_per_base_model."),
    500: ("INTERNAL", "Internal error encountered."),
    503: ("UNAVAILABLE", "The service is currently unavailable."),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole answer. `body` that is no bytes is sent as JSON."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer in pieces, chunked.

    `body` is the stream, or makes its pieces; `message` is what `rawPredict` gets instead, cut up in the same way.
    `size` is the length of each piece, or the lengths in turn; without it the body goes out at once. `delay` seconds
    lie between pieces. After `pause_after` bytes, or `stepwise` between all pieces, it waits for `FakeVertex.release`.
    After `stop_after` bytes, or when all is sent, it ends: `end` properly, `cut` closes without the last chunk, `reset`
    sends a TCP reset.
    """

    body: bytes | Callable[[], Iterable[bytes]]
    message: bytes | None = None
    size: int | Sequence[int] | None = None
    delay: float = 0.0
    pause_after: int | None = None
    stepwise: bool = False
    stop_after: int | None = None
    ending: Literal["end", "cut", "reset"] = "end"

    def steps(self, streamed: bool) -> Iterator[bytes | None]:
        """What to send, piece by piece; `None` stands for the pause."""
        body = self.body if streamed or self.message is None else self.message
        sent = 0
        if self.pause_after == 0:
            yield None
        for whole in split(body, self.size) if isinstance(body, bytes) else body():
            piece = whole if self.stop_after is None else whole[: self.stop_after - sent]
            if self.stepwise and sent:
                yield None
            at = 0 if self.pause_after is None else self.pause_after - sent
            if 0 < at <= len(piece):
                yield piece[:at]
                yield None
                yield piece[at:]
            else:
                yield piece
            sent += len(piece)
            if sent == self.stop_after:
                return


@dataclass(frozen=True, slots=True)
class Drop:
    """Leaves without a word: closes, or resets, before any header."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Hang:
    """Says nothing until `FakeVertex.release` or until the peer leaves, then does `then`."""

    then: Behaviour | None = None


Behaviour = Reply | Stream | Drop | Hang


def recorded(name: str) -> bytes:
    """A recorded stream by its file name, such as `basic_response.txt`."""
    (path,) = VECTORS.glob(f"*/{name}")
    return path.read_bytes()


def recordings() -> list[str]:
    """The names of all recorded streams."""
    return sorted(path.name for path in VECTORS.glob("*/*") if path.suffix in (".txt", ".sse"))


def split(body: bytes, size: int | Sequence[int] | None) -> Iterator[bytes]:
    sizes = itertools.cycle([len(body) or 1] if size is None else [size] if isinstance(size, int) else size)
    start = 0
    while start < len(body):
        end = start + next(sizes)
        yield body[start:end]
        start = end


def sse(data: Mapping[str, Any]) -> bytes:
    """One event as Anthropic writes it."""
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


def replay(name: str = "basic_response.txt", **how: Any) -> Stream:
    """A recorded stream; to `rawPredict` the message that it adds up to. `how`: the other fields of `Stream`."""
    body = recorded(name)
    return Stream(body, json.dumps(claude_rules.message_of(body)).encode(), **how)


def broken(
    type: str = "overloaded_error", message: str = "Overloaded", *, after: int = 0, name: str = "basic_response.txt"
) -> Stream:
    """A recorded stream whose first `after` events are followed by an `error` event and nothing else."""
    error = sse({"type": "error", "error": {"type": type, "message": message}})
    return Stream(b"".join(claude_rules.events_of(recorded(name))[:after]) + error)


def garbled(
    garbage: bytes = b"\x00\xff\xfe\n\ndata: {not json\n\n", *, after: int = 4, name: str = "basic_response.txt"
) -> Stream:
    """A recorded stream with garbage after its first `after` events; the rest follows."""
    events = claude_rules.events_of(recorded(name))
    return Stream(b"".join([*events[:after], garbage, *events[after:]]))


def endless(delay: float = 0.02, text: str = "more ") -> Stream:
    """A stream that writes `text` for ever, at this pace."""
    return Stream(lambda: itertools.chain(_opening(), itertools.repeat(_delta(text))), delay=delay)


def huge(size: int, piece: int = 16_384) -> Stream:
    """A whole stream of about `size` bytes of text, as fast as the reader takes it."""
    return Stream(
        lambda: itertools.chain(_opening(), itertools.repeat(_delta("x" * piece), max(1, size // piece)), _closing())
    )


def anthropic_error(
    status: int, message: str | None = None, *, type: str | None = None, retry_after: float | None = None
) -> Reply:
    """A model's error, in Anthropic's shape."""
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return Reply(status, claude_rules.error_object(status, message, type), headers)


def google_error(
    status: int, message: str | None = None, *, retry_delay: str | None = None, in_array: bool = False
) -> Reply:
    """The platform's error, in Google's shape; `retry_delay` such as `12s` adds a RetryInfo."""
    name, usual = GOOGLE_STATUS[status]
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": retry_delay}
    details = [retry] if retry_delay else []
    error = {"error": {"code": status, "message": message or usual, "status": name, "details": details}}
    return Reply(status, [error] if in_array else error)


def html_error(status: int = 502) -> Reply:
    """What a load balancer says."""
    page = f"<!DOCTYPE html>\n<html><title>Error {status} (Server Error)!!1</title><p>Try again in 30 seconds.</html>\n"
    return Reply(status, page.encode(), content_type="text/html; charset=UTF-8")


def invalid_grant(description: str = "Invalid JWT Signature.") -> Reply:
    """The token endpoint's refusal of a key."""
    return Reply(400, {"error": "invalid_grant", "error_description": description})


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
    sent: int = 0
    """Bytes of the answer's body handed to the socket so far."""
    hung_up: float | None = None
    """When the peer left before its answer was whole."""
    finished: float | None = None


class FakeVertex:
    """The server, in a thread of its own with an event loop of its own; a context manager.

    Public: `requests`, `wrong`, `tokens`, `token_requests`, `connections`, `active`, `hanging`, `default`,
    `token_lifetime`, `ca_file`, `base_url`, `token_uri`.
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
        self.ca_file: str | None = None
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
            "private_key": _key()[0],
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
        """What the next good requests to a model get, one each; afterwards `default` again."""
        self._script.extend(behaviours)

    def script_token(self, *behaviours: Behaviour) -> None:
        """What the next calls of the token endpoint get, one each; afterwards it mints again. `Hang()` mints late."""
        self._token_script.extend(behaviours)

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
        ca_file, chain = _certificate(Path(self._folder.name))
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
            return await self._perform(request, refusal or self._next(), received)
        except (asyncio.CancelledError, ConnectionError):
            if not self._stop.is_set():
                received.hung_up = time.monotonic()
            raise
        finally:
            received.finished = time.monotonic()
            self.active -= 1

    def _next(self) -> Behaviour:
        return self._script.popleft() if self._script else self.default

    async def _perform(self, request: web.BaseRequest, behaviour: Behaviour, received: Received) -> web.StreamResponse:
        match behaviour:
            case Hang(then):
                await self._hang()
                return await self._perform(request, then or self.default, received)
            case Drop(reset):
                return await self._leave(request, web.Response(), reset)
            case Reply():
                return _response(behaviour)
        streamed = ":streamRawPredict" in received.path
        response = web.StreamResponse(headers={"request-id": _request_id()})
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
        if found is None or facts is None or received.method != "POST":
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
        try:
            received.parsed = claude_rules.read_body(received.body)
        except (ValueError, RecursionError) as error:
            faults = [f"The request body is not valid JSON: {error}"]
        else:
            streamed = found["method"] == "streamRawPredict"
            faults = claude_rules.faults(received.parsed, facts, streamed=streamed, version=self.anthropic_version)
        if self.strict_headers:
            faults += _header_faults(received.headers)
        self.wrong += faults
        return anthropic_error(400, faults[0]) if faults else None

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
        claims = jwt.decode(assertion, certs=_key()[1], audience=[self.token_uri, GOOGLE_AUDIENCE])
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


def _response(reply: Reply) -> web.Response:
    body, request_id = reply.body, _request_id()
    if isinstance(body, dict) and body.get("type") == "error":
        body = body | {"request_id": request_id}
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    headers = {"content-type": reply.content_type, "request-id": request_id, **reply.headers}
    return web.Response(status=reply.status, body=body, headers=headers)


def _request_id() -> str:
    return f"req_vrtx_{secrets.token_hex(12)}"


def _opening() -> list[bytes]:
    message = {"id": "msg_vrtx_made", "type": "message", "role": "assistant", "model": "claude-test", "content": []}
    ends = {"stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 1}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    return [sse({"type": "message_start", "message": message | ends}), sse(block)]


def _delta(text: str) -> bytes:
    return sse({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})


def _closing() -> list[bytes]:
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        sse({"type": "content_block_stop", "index": 0}),
        sse({"type": "message_delta", "delta": end, "usage": {"output_tokens": 99}}),
        sse({"type": "message_stop"}),
    ]


@functools.cache
def _key() -> tuple[str, str]:
    """A fresh RSA key for this process: the private and the public half, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Writes a certificate for 127.0.0.1 and localhost, which is its own CA: `(CA file, certificate with its key)`."""
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fake Vertex")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    ca_file, chain = folder / "ca.pem", folder / "server.pem"
    ca_file.write_bytes(certificate)
    chain.write_bytes(certificate + secret)
    return ca_file, chain


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
