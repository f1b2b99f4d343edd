"""What all fake clouds have in common: a server on a real socket that does as scripted and keeps what it received.

    with FakeVertex() as cloud:
        cloud.script(replay("tool_use_response.txt", size=7), anthropic_error(529), Drop(reset=True))
        ...
        assert cloud.wrong == []

`python -m tests.support.fake_vertex` (or another one) runs it by hand and prints the environment that points to it.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import socket
import ssl
import struct
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from tests.support.behaviours import Answers, Asked, Behaviour, Drop, Hang, Reply, Stream
from tests.support.claude_seals import Seals
from tests.support.cloud_keys import certificate
from tests.support.doors import PLAIN, Door, through

OWN_USER_AGENT = "oai-vertex"
USUAL_HEADERS = {
    *("host", "authorization", "content-type", "content-length", "accept", "accept-encoding", "connection"),
    "user-agent",
}
"""What our own client sends to every cloud."""


@dataclass(slots=True)
class Received:
    """A request, and what became of it. Times are `time.monotonic`, which all local processes share."""

    method: str
    path: str
    headers: Mapping[str, str]
    peer: tuple[str, int]
    arrived: float
    body: bytes = b""
    parsed: Any = None
    good: bool = False
    asked: Asked | None = None
    """Set when the request was a right one to a model that answers in words."""
    streamed: bool = False
    door: Door = PLAIN
    usual: Behaviour | None = None
    """What it gets when the script has nothing for it; `None`: the cloud's `default`."""
    sent: int = 0
    """Bytes of the answer's body handed to the socket so far."""
    hung_up: float | None = None
    """When the peer left before its answer was whole."""
    finished: float | None = None


class FakeCloud(ABC):
    """The server, in a thread of its own with an event loop of its own; a context manager.

    Public: `requests`, `wrong`, `connections`, `active`, `hanging`, `default`, `rule`, `ratelimits`, `ca_file`,
    `origin`.
    """

    ratelimits: Mapping[str, str] = {}
    """Headers of every answer to a right request."""

    def __init__(self, default: Behaviour, *, strict_headers: bool = True, tls: bool = False) -> None:
        self.default = default
        self.strict_headers = strict_headers
        self.requests: list[Received] = []
        self.wrong: list[str] = []
        """What no request of a right client has; each was also answered with an error."""
        self.connections = 0
        self.active = 0
        self.hanging = 0
        self.ca_file: str | None = None
        self._seals = Seals()
        self._tls = tls
        self.rule: Callable[[Received], Behaviour | None] = lambda received: None
        """What a good request gets before all else; `None`: what is scripted, or the usual."""
        self._script: deque[Behaviour] = deque()

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="fake-cloud-")
        started: Future[int] = Future()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(started),), daemon=True)
        self._thread.start()
        self.port = started.result(timeout=30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=30)
        self._folder.cleanup()

    # What a test is given

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """The variables that point a program here."""

    def script(self, *behaviours: Behaviour) -> None:
        """What the next good requests get, one each, whichever door they come to; afterwards the usual again."""
        self._script.extend(behaviours)

    def unscript(self) -> None:
        """Forgets what is left of the script."""
        self._script.clear()

    def release(self) -> None:
        """Lets all go on that hang now."""
        self._loop.call_soon_threadsafe(self._let_go)

    def wait_until(self, true: Callable[[], bool], timeout: float = 30.0) -> None:
        """Waits until `true()`, looking every few milliseconds; raises `AssertionError` when it takes too long even
        for a busy machine."""
        deadline = time.monotonic() + timeout
        while not true():
            assert time.monotonic() < deadline, f"not within {timeout} s; active {self.active}, hanging {self.hanging}"
            time.sleep(0.002)

    def wait_idle(self, timeout: float = 30.0) -> None:
        """Waits until no exchange with a model is open."""
        self.wait_until(lambda: self.active == 0, timeout)

    def wait_until_left(self, number: int) -> None:
        """Waits until the peer of this request has hung up; not for the 10 s after which a heartbeat would show that
        its own client has."""
        self.wait_until(lambda: self.requests[number].hung_up is not None, 8.0)

    # What each cloud knows

    @abstractmethod
    def _refusal(self, received: Received) -> Reply | None:
        """The error for a request that the cloud would not take; what no right client causes goes into `wrong`. Of a
        good one it fills in what is known by then."""

    @abstractmethod
    def _marks(self, path: str) -> dict[str, str]:
        """The headers of every answer to this path, such as its id."""

    async def _aside(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """The answer to what is no request to a model, such as one for a token."""
        return None

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
        if (aside := await self._aside(request)) is not None:
            return aside
        peer = request.transport.get_extra_info("peername") if request.transport else ("", 0)
        received = Received(request.method, request.raw_path, request.headers, peer, time.monotonic())
        self.active += 1
        try:
            received.body = await request.content.read()
            self.requests.append(received)
            behaviour = self._refusal(received)
            received.good = behaviour is None
            return await self._perform(request, behaviour or self._next(received), received)
        except (asyncio.CancelledError, ConnectionError):
            if not self._stop.is_set():
                received.hung_up = time.monotonic()
            raise
        finally:
            received.finished = time.monotonic()
            self.active -= 1

    def _next(self, received: Received) -> Behaviour:
        if ruled := self.rule(received):
            return ruled
        return self._script.popleft() if self._script else received.usual or self.default

    async def _perform(self, request: web.BaseRequest, behaviour: Behaviour, received: Received) -> web.StreamResponse:
        match behaviour:
            case Hang(then):
                await self._hang()
                return await self._perform(request, then or received.usual or self.default, received)
            case Drop(reset):
                return await self._leave(request, web.Response(), reset)
            case Answers(how):
                assert received.asked is not None
                return await self._perform(request, how(received.asked), received)
            case Reply():
                return self._response(behaviour, received.path, self._told(received))
        return await self._send(request, through(received.door, behaviour), received)

    def _told(self, received: Received) -> Mapping[str, str]:
        return self.ratelimits if received.good else {}

    async def _send(self, request: web.BaseRequest, answer: Stream, received: Received) -> web.StreamResponse:
        as_stream = received.streamed or not answer.message
        content_type = received.door.content_type if as_stream else "application/json; charset=utf-8"
        response = web.StreamResponse(
            headers=self._marks(received.path) | {"content-type": content_type, **self._told(received)}
        )
        response.enable_chunked_encoding()
        await response.prepare(request)
        for count, piece in enumerate(answer.steps(received.streamed)):
            if piece is None:
                await self._hang()
                continue
            if count and answer.delay:
                await asyncio.sleep(answer.delay)
            if piece:
                await response.write(piece)
                received.sent += len(piece)
            await asyncio.sleep(0)
        if answer.ending != "end":
            return await self._leave(request, response, answer.ending == "reset")
        await response.write_eof()
        return response

    def _response(self, reply: Reply, path: str, told: Mapping[str, str] | None = None) -> web.Response:
        body, marks = reply.body, self._marks(path)
        if isinstance(body, dict) and body.get("type") == "error":
            body = body | {"request_id": marks.get("request-id")}
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {"content-type": reply.content_type, **marks, **(told or {}), **reply.headers}
        return web.Response(status=reply.status, body=body, headers=headers)

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


def header_faults(headers: Mapping[str, str], known: Collection[str]) -> list[str]:
    """What our own client never sends: headers that are not `known` are a client's and came through."""
    faults = [f"header {name.lower()} came through" for name in headers if name.lower() not in known]
    if headers.get("content-type", "").partition(";")[0] != "application/json":
        faults.append(f"content-type is {headers.get('content-type')}")
    if headers.get("accept-encoding") != "identity":
        faults.append(f"accept-encoding is {headers.get('accept-encoding')}")
    if not headers.get("user-agent", OWN_USER_AGENT).startswith(OWN_USER_AGENT):
        faults.append(f"user-agent is {headers.get('user-agent')}")
    return faults


def run(cloud: FakeCloud) -> None:
    """Runs it until Ctrl-C and tells what arrives."""
    with cloud:
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
