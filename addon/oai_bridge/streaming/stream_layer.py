"""Carries answers to mitmproxy's clients: the only file, with `client_end.py`, that knows mitmproxy's internals.

mitmproxy makes one `HttpStream` per request. Ours opens no server connection: when the request is whole it starts the
host's answer as a `Job`, waits for its pieces in a blocking hook of its own and sends them on. mitmproxy's hooks,
recording, replay and client protocols stay as they are. Only while such a hook waits, pieces for a plain HTTP/1 client
take a short cut to its socket: all of mitmproxy's layers would take three times as long as to translate them.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from http.client import responses as reasons
from typing import Any, ClassVar, Literal, Protocol, get_args

from mitmproxy import connection, flow, http, version
from mitmproxy.addons.serverplayback import ServerPlayback
from mitmproxy.proxy import commands, events, layer, layers, server

from ..answer import Answer, ConnectionFacts, Head
from .defects import report_defect
from .job import TICK, Answering, Job, Jobs

_UNFIT = (
    f"mitmproxy {version.VERSION} lacks %s, which the stream layer is built on. "
    'Install a version that is known to work: pip install "mitmproxy>=12.1,<13".'
)
try:
    from mitmproxy.proxy.layers.http import DropStream, HttpLayer, HttpStream, SendHttp
    from mitmproxy.proxy.layers.http._base import HttpEvent
    from mitmproxy.proxy.layers.http._events import (
        ErrorCode,
        RequestData,
        RequestHeaders,
        RequestProtocolError,
        ResponseData,
        ResponseEndOfMessage,
        ResponseHeaders,
        ResponseProtocolError,
    )
    from mitmproxy.proxy.layers.http._hooks import (
        HttpErrorHook,
        HttpRequestHeadersHook,
        HttpResponseHeadersHook,
        HttpResponseHook,
    )
    from mitmproxy.proxy.layers.http._http2 import Http2Server
    from mitmproxy.proxy.layers.http._http_h2 import BufferedH2Connection

    from .client_end import drained, plain_socket
except ImportError as error:
    raise RuntimeError(_UNFIT % f"{error.name}.{error.name_from}") from error

KEPT_BYTES = 8 * 1024 * 1024  # of an answer, in its flow
CUT = "bridge_body_kept"
"""Stands in `flow.metadata` where an answer was longer: how much of it is there."""
_LOOK = 0.5  # seconds between two looks at a running answer, for who watches it
_LOOK_SHARE = 10  # all looks at all answers take a tenth of the time
_STATUS = {"aborted": 502, "stopping": 503, "internal": 500}

# What is called or overridden beyond the names above.
_NEEDED: tuple[tuple[type, str], ...] = (
    (HttpStream, "flow stream_id handle_event state_wait_for_request_headers state_consume_request_body"),
    (HttpStream, "check_body_size check_killed make_server_connection send_response flow_done"),
    (HttpStream, "state_done state_errored context _paused_event_queue"),
    (HttpLayer, "make_stream connections"),
    (Http2Server, "h2_conn"),
    (BufferedH2Connection, "stream_buffers"),
    (server.ConnectionHandler, "hook_task server_event transports client timeout_watchdog"),
    (server.LiveConnectionHandler, "handle_client"),
    (server.ConnectionIO, "writer"),
    (server.TimeoutWatchdog, "disarm"),
    (ServerPlayback, "request flowmap count"),
)


def check_mitmproxy() -> None:
    """Raises RuntimeError if this mitmproxy lacks a name that this file relies on."""
    missing = [f"{kind.__name__}.{name}" for kind, names in _NEEDED for name in names.split() if not _has(kind, name)]
    if "HttpStream" not in HttpLayer.make_stream.__code__.co_names:
        missing.append("a look-up of HttpStream by name in HttpLayer.make_stream")
    if missing:
        raise RuntimeError(_UNFIT % ", ".join(missing))


def _has(kind: type, name: str) -> bool:
    return hasattr(kind, name) or any(name in inspect.get_annotations(parent) for parent in kind.__mro__)


Premature = Literal["aborted", "stopping", "internal"]
"""Why an answer ends before its end: its flow was killed, everything is stopped, or something of ours is broken."""


class Host(Protocol):
    """What the stream layer asks of the addon."""

    max_body: int
    """Bytes of a request body that are accepted."""
    watched: bool
    """Whether flows are shown to somebody while they run."""

    def open(self, flow: http.HTTPFlow) -> Answer:
        """The answer to a request that is whole, as it stands after the request hook and any editing by hand."""

    def too_large(self, flow: http.HTTPFlow) -> http.Response:
        """The 413 for a body over `max_body`."""

    def grew(self, flow: http.HTTPFlow) -> None:
        """Is called when the answer is asked for, and now and then while it comes, if `watched`: the flow has as much
        of it as there is."""

    def last_word(self, flow: http.HTTPFlow, started: bool, reason: Premature) -> bytes:
        """What the client is told at a premature end: the last piece of a started body, else a whole JSON body."""


class BridgeStream(HttpStream):
    """One request of a client and its answer. `install` makes a subclass that has the two class variables."""

    host: ClassVar[Host]
    jobs: ClassVar[Jobs]
    answering: ClassVar[Answering]

    job: Job | None = None
    gone: str | None = None  # how the client left, if it did while the job was running
    refused = False  # answered before the body was read: the rest of the body is dropped
    body_size = 0  # bytes of request body that came in
    started = False  # the answer's head is sent
    length: int | None = None  # the content-length that was sent with it
    chunked = False  # so is the body sent
    kept_awake = False
    sent = 0  # bytes of answer body
    next_look = 0.0  # when the answer so far is shown again

    # ---- the request -------------------------------------------------------------------------------------------

    def handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Sees every event first, also while the stream waits and mitmproxy would put the event into a queue."""
        if isinstance(event, RequestProtocolError) and self.job is not None:
            self.hang_up(event.message)
            return
        if isinstance(event, RequestData):
            if self.refused or self.too_large() or self.is_decided():
                return
            self.body_size += len(event.data)
            if self.too_large():
                event = RequestData(self.stream_id, b"")  # without the bytes, and the last one of this body
        yield from super().handle_event(event)

    def is_decided(self) -> bool:
        """Whether the answer is there while the hook that has made it still keeps it back: of the body nothing is held
        meanwhile."""
        flow: http.HTTPFlow | None = getattr(self, "flow", None)
        return (
            flow is not None and flow.response is not None and self.client_state == self.state_wait_for_request_headers
        )

    def too_large(self) -> bool:
        return self.body_size > self.host.max_body

    def hang_up(self, message: str) -> None:
        """The client is gone: the answer is called off at once, which also wakes the stream up."""
        self.gone = message
        if self.job is not None:
            self.job.stop()

    def check_body_size(self, request: bool) -> layer.CommandGenerator[bool]:
        """Takes mitmproxy's own limits out: they would stream the request or leave the client without an answer."""
        yield from ()
        return False

    def state_wait_for_request_headers(self, event: RequestHeaders) -> layer.CommandGenerator[None]:
        expects = False
        # No reply is lost on the way: hooks give none.
        for command in super().state_wait_for_request_headers(event):
            yield command
            if isinstance(command, HttpRequestHeadersHook):
                self.flow.request.stream = False  # a request is answered as a whole
                if self.flow.response is None and _announced(self.flow.request) > self.host.max_body:
                    self.flow.response = self.refusal()
                if self.flow.response is not None:  # decided: the client need not send its body
                    expects = self.flow.request.headers.pop("expect", None) is not None
        if self.flow.response is not None and self.client_state == self.state_consume_request_body:
            yield from self.refuse(expects)

    def state_consume_request_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        if self.too_large():
            self.flow.response = self.refusal()
            yield from self.refuse(False)
        else:
            yield from super().state_consume_request_body(event)

    def refuse(self, expects: bool) -> layer.CommandGenerator[None]:
        """Sends the response that is decided before the request is whole. What still comes of the body is dropped."""
        assert self.flow.response is not None
        self.refused = True
        self.client_state = self.state_errored  # which drops what is in the queue already
        self.flow.request.data.content = b""
        self.flow.request.timestamp_end = self.flow.response.timestamp_start = time.time()
        expects = expects and self.flow.request.http_version.startswith("HTTP/1")
        if expects:  # nobody knows whether the body will come, so the connection can't be used again
            self.flow.response.headers["connection"] = "close"
        yield HttpResponseHeadersHook(self.flow)
        if (yield from self.check_killed(True)):
            return
        yield from self.send_response()
        if self.server_state == self.state_done:  # not killed meanwhile
            yield from self.flow_done()
            if expects:
                yield commands.CloseTcpConnection(self.context.client, half_close=True)

    def refusal(self) -> http.Response:
        return _safely(lambda: self.host.too_large(self.flow), http.Response.make(413))

    def send_response(self, already_streamed: bool = False) -> layer.CommandGenerator[None]:
        """Sends a response that was made here; mitmproxy would send its body to a HEAD request, too."""
        for command in super().send_response(already_streamed):
            is_body = isinstance(command, SendHttp) and isinstance(command.event, ResponseData)
            if not (is_body and self.flow.request.method == "HEAD"):
                yield command

    def check_killed(self, emit_error_hook: bool) -> layer.CommandGenerator[bool]:
        """Leaves a request that is killed before its answer is begun to `make_server_connection`, which tells the
        client; mitmproxy would cut the connection, and many a client would then send its request again."""
        if self.client_state == self.state_done and self.job is None and self.flow.response is None:
            hung_up = any(isinstance(event, RequestProtocolError) for event in self._paused_event_queue)
            if self.flow.error is not None and not hung_up:
                return False
        return (yield from super().check_killed(emit_error_hook))

    # ---- the answer --------------------------------------------------------------------------------------------

    def make_server_connection(self) -> layer.CommandGenerator[bool]:
        """Is called when the request hook is through and has set no response. There never is a server connection."""
        self.kept = bytearray()
        self.flow.metadata.pop(CUT, None)  # of the flow's former life, on a replay
        self.flow.server_conn = connection.Server(address=None)
        with self.answering.one(), ExitStack() as self.while_answering:
            yield from self.answer()
        return False

    def answer(self) -> layer.CommandGenerator[None]:
        """The answer, whole, up to its last hook."""
        self.job = job = self.jobs.start(lambda: self.host.open(self.flow), lambda: self.flow.error is not None)
        self.show()
        while not self.called_off:
            if job.head is not None and not self.started:
                if job.head.connection is not None:
                    self.flow.server_conn = _server(job.head.connection)
                yield from self.send_head(_response(job.head), job.head.length)
            elif data := job.take():
                yield from self.send_data(data)
            elif job.ended:
                break
            else:
                yield Pull(self)
        if self.gone is None and self.called_off:
            job.stop()
            reason: Premature = "aborted" if self.flow.error else "stopping"
            self.flow.error = self.flow.error or flow.Error("The proxy stopped before the answer was whole.")
            yield from self.send_last_word(reason)
        elif self.gone is None and not job.whole:
            yield from self.send_last_word("internal")
        yield from self.finish()

    @property
    def called_off(self) -> bool:
        """The client is gone, the installation was undone, or the flow was killed, which only sets its error."""
        return self.gone is not None or self.flow.error is not None or self.job is None or self.job.stopped

    def send_head(self, response: http.Response, length: int | None) -> layer.CommandGenerator[None]:
        self.flow.response = response
        yield HttpResponseHeadersHook(self.flow)
        self.flow.response = response = self.flow.response or response
        # The framing comes after the hook, so that no other addon can make it untrue.
        response.headers.pop("transfer-encoding", None)
        response.headers.pop("content-length", None)
        if length is not None:
            response.headers["content-length"] = str(length)
        elif self.flow.request.http_version == "HTTP/1.1":
            response.headers["transfer-encoding"] = "chunked"
            self.chunked = True
        self.length = length
        self.started = True
        yield SendHttp(ResponseHeaders(self.stream_id, response), self.context.client)

    def send_data(self, data: bytes) -> layer.CommandGenerator[None]:
        """Sends bytes, which must not be empty: that would be the end of a chunked body."""
        if self.flow.request.method == "HEAD":
            return
        self.keep(data)
        yield SendHttp(ResponseData(self.stream_id, data), self.context.client)

    def keep(self, data: bytes) -> None:
        """Is called for all that is sent."""
        self.sent += len(data)
        if len(self.kept) < KEPT_BYTES:
            self.kept += data[: KEPT_BYTES - len(self.kept)]
        self.show()

    def show(self) -> None:
        """Puts the answer so far into the flow, from time to time, if somebody watches. mitmweb can abort intercepted
        flows only, so it is told that this is one."""
        if not self.host.watched or (now := time.monotonic()) < self.next_look:
            return
        if self.flow.response is not None:
            self.flow.response.data.content = bytes(self.kept)
        self.flow.intercepted = True
        _safely(lambda: self.host.grew(self.flow), None)
        self.flow.intercepted = False
        if self.flow.response is not None:
            took = time.monotonic() - now
            self.next_look = now + max(_LOOK, _LOOK_SHARE * took * self.answering.count)

    def send_last_word(self, reason: Premature) -> layer.CommandGenerator[None]:
        text = _safely(lambda: self.host.last_word(self.flow, self.started, reason), b"")
        if not self.started:
            response = http.Response.make(_STATUS[reason], b"", {"content-type": "application/json"})
            yield from self.send_head(response, len(text))
        elif self.length is not None:
            return  # no room for it
        if text:
            yield from self.send_data(text)

    def finish(self) -> layer.CommandGenerator[None]:
        """Ends the body first, so that no hook keeps the client waiting, then tells the addons."""
        if self.flow.response is not None:
            self.flow.response.data.content = bytes(self.kept)
            self.flow.response.timestamp_end = time.time()
            if self.sent > len(self.kept):
                self.flow.metadata[CUT] = len(self.kept)
        last: HttpEvent = ResponseEndOfMessage(self.stream_id)
        if self.length is not None and self.sent < self.length and self.flow.request.method != "HEAD":
            # Only a cut connection tells the client that its body is not whole.
            self.flow.error = self.flow.error or flow.Error("The answer was shorter than its content-length.")
            last = ResponseProtocolError(self.stream_id, "cut", ErrorCode.GENERIC_SERVER_ERROR)
        yield DropStream(self.stream_id)
        if self.gone is None:
            yield SendHttp(last, self.context.client)
        else:
            self.flow.error = self.flow.error or flow.Error(self.gone)
        yield HttpErrorHook(self.flow) if self.flow.error else HttpResponseHook(self.flow)
        self.flow.live = False
        self.let_go()

    def let_go(self) -> None:
        """mitmproxy's layers hold one another in circles, which Python takes apart minutes later, or with thousands of
        flows less: the megabytes must not wait for that."""
        self.kept = bytearray()
        self.flow = http.HTTPFlow(self.context.client, self.context.server)

    def never_idle(self, watchdog: server.TimeoutWatchdog) -> None:
        """Holds mitmproxy's limit for idle connections off until the answer's end. To do so for each wait anew would be
        no use: in the moment between two of them mitmproxy begins to count, and does not stop when the next one says
        so."""
        if not self.kept_awake:
            self.kept_awake = True
            self.while_answering.enter_context(watchdog.disarm())

    async def client_ready(self, handler: server.ConnectionHandler) -> None:
        """Waits while the client does not read."""
        if not await drained(self.context, self.stream_id, handler):
            self.hang_up("Client disconnected.")

    def short_cut(self, handler: server.ConnectionHandler) -> Callable[[bytes], bool] | None:
        """To the client's socket, as `Job.sink`. What the client is too slow for goes the long way, which waits."""
        socket = plain_socket(self.context, handler)
        if socket is None or not self.chunked or self.flow.request.method == "HEAD":
            return None

        def send(data: bytes) -> bool:
            if socket.is_closing() or socket.get_write_buffer_size() or self.called_off:
                return False
            self.keep(data)
            socket.write(b"%x\r\n%b\r\n" % (len(data), data))
            return True

        return send


@dataclass(eq=False)
class Pull(commands.StartHook):
    """Pauses a stream until its job has news. Never reaches an addon."""

    name: ClassVar[str] = ""  # keeps it out of mitmproxy's list of hooks
    stream: BridgeStream


async def _awake_when_killed(hook_task: Coroutine[Any, Any, None], flow: http.HTTPFlow | None) -> None:
    """Runs a hook. mitmproxy lets a flow that is killed while it is intercepted wait for ever."""
    task = asyncio.ensure_future(hook_task)
    while not task.done():
        await asyncio.wait((task,), timeout=TICK)
        if flow is not None and flow.error is not None:
            flow.intercepted = True
            flow.resume()
    await task


def _safely[T](ask: Callable[[], T], otherwise: T) -> T:
    """What the host says, which must not break the stream."""
    try:
        return ask()
    except Exception as error:
        report_defect("The host failed", error)
        return otherwise


def _announced(request: http.Request) -> int:
    try:
        return int(request.headers.get("content-length", "0"))
    except ValueError:  # mitmproxy refuses it; over HTTP/2 the bytes themselves count
        return 0


def _response(head: Head) -> http.Response:
    headers = http.Headers([(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in head.headers])
    reason = (head.reason or reasons.get(head.status, "")).encode()
    now = time.time()
    response = http.Response(b"HTTP/1.1", head.status, reason, headers, b"", http.Headers(), now, now)
    # To its constructor None is an error that it makes and drops, in whose frames the whole flow would live on.
    response.data.content = response.data.trailers = response.data.timestamp_end = None
    return response


def _server(facts: ConnectionFacts) -> connection.Server:
    fields = asdict(facts)
    if facts.tls_version not in get_args(connection.TlsVersion):  # a saved flow could not be read again
        fields["tls_version"] = None
    return connection.Server(**fields)


@dataclass(frozen=True, slots=True)
class Installation:
    """`undo` takes our stream out again and stops the live answers, each of which then says its last word."""

    answering: Answering
    undo: Callable[[], None]


def install(host: Host) -> Installation:
    """Puts our stream in place. It, and what it returns, belong in the event loop.

    Raises RuntimeError if mitmproxy is not the one this was written for, or if a host is installed already.
    """
    check_mitmproxy()
    if issubclass(layers.http.HttpStream, BridgeStream):
        raise RuntimeError("The stream layer is installed already. Load the addon only once.")
    jobs, answering = Jobs(), Answering()
    hook_task_before = server.ConnectionHandler.hook_task

    async def hook_task(self: server.ConnectionHandler, hook: commands.StartHook) -> None:
        if not isinstance(hook, Pull):
            await _awake_when_killed(hook_task_before(self, hook), getattr(hook, "flow", None))
            return
        stream, job = hook.stream, hook.stream.job
        assert job is not None
        stream.never_idle(self.timeout_watchdog)
        job.sink = stream.short_cut(self)
        try:
            await job.wait(stream.client_ready(self))
        finally:
            job.sink = None
        await self.server_event(events.HookCompleted(hook))

    stream_class = type("InstalledStream", (BridgeStream,), {"host": host, "jobs": jobs, "answering": answering})
    swaps: tuple[tuple[object, str, object, object], ...] = (
        (layers.http, "HttpStream", layers.http.HttpStream, stream_class),
        (server.ConnectionHandler, "hook_task", hook_task_before, hook_task),
        # It would answer in one piece, our own pages too, and let go on what was not recorded. The host replays.
        (ServerPlayback, "request", ServerPlayback.request, None),
    )
    for owner, name, _, ours in swaps:
        setattr(owner, name, ours)

    def undo() -> None:
        jobs.close()
        for owner, name, theirs, ours in swaps:
            if getattr(owner, name) is ours:  # else somebody came after us
                setattr(owner, name, theirs)

    return Installation(answering, undo)
