"""The stream layer's contract, behaviour by behaviour, in a real proxy with real sockets."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import random
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest
from mitmproxy import http
from mitmproxy.io import FlowReader, FlowWriter
from mitmproxy.proxy import layers, server

from oai_bridge import stream_layer
from oai_bridge.answer import ConnectionFacts, Head
from oai_bridge.stream_layer import BridgeStream, check_mitmproxy, install
from tests.support.toy_addon import MAX_BODY, SSE, Client, Proxy, Script, descriptors, passed, until

JSON = ("content-type", "application/json")
PIECE = b"data: " + b"x" * 16376 + b"\n\n"

Items = AsyncGenerator[Any, None]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    proxy = Proxy(str(tmp_path_factory.mktemp("confdir")))
    yield proxy
    proxy.stop()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[Client]:
    with Client(proxy.port) as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_is_left_and_nothing_crashed(proxy: Proxy, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    until(lambda: proxy.jobs() == 0)
    ours = "oai_bridge.job"  # what it reports is looked at where it is due
    assert [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.ERROR and r.name != ours] == []


async def hello(flow: http.HTTPFlow) -> Items:
    yield SSE
    for word in (b"data: Hello\n\n", b"", b"data: world\n\n"):
        yield word


HELLO = b"data: Hello\n\ndata: world\n\n"


async def echo(flow: http.HTTPFlow) -> Items:
    body = flow.request.content or b""
    yield Head(200, (JSON, ("content-length", str(len(body)))))
    yield body


class Endless:
    """A script that sends without end, and tells what becomes of it."""

    def __init__(self, pause: float = 0.002, head: bool = True, piece: bytes = b"data: again\n\n") -> None:
        self.pause, self.head, self.piece = pause, head, piece
        self.produced = 0
        self.begun = threading.Event()
        self.closed = threading.Event()

    __name__ = "endless"

    async def __call__(self, flow: http.HTTPFlow) -> Items:
        try:
            self.begun.set()
            if not self.head:
                await asyncio.Event().wait()
            yield SSE
            while True:
                self.produced += len(self.piece)
                yield self.piece
                await asyncio.sleep(self.pause)
        finally:
            self.closed.set()


def still_usable(proxy: Proxy, client: Client) -> None:
    """The next request on the same connection is answered."""
    assert client.request(proxy.script(hello)).status() == 200
    assert client.body() == HELLO


# ---- an answer that goes well ------------------------------------------------------------------------------------


def test_a_stream_reaches_the_client_byte_by_byte(proxy: Proxy, client: Client) -> None:
    path = proxy.script(hello)
    client.request(path, b'{"n": 1}', headers=["Connection: close"])
    wire = client.file.read()
    head, _, body = wire.partition(b"\r\n\r\n")
    assert head == b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked"
    # Two pieces that come together may share a chunk; nothing else is free.
    joined = b"%x\r\n%s\r\n" % (len(HELLO), HELLO)
    apart = b"d\r\ndata: Hello\n\n\r\nd\r\ndata: world\n\n\r\n"
    assert body in (joined + b"0\r\n\r\n", apart + b"0\r\n\r\n")


def test_the_flow_is_what_the_client_sent_and_got(proxy: Proxy, client: Client) -> None:
    path = proxy.script(hello)
    assert client.request(path, b'{"n": 1}', headers=["X-Mine: 1"]).status() == 200
    assert client.body() == HELLO
    assert proxy.ended(path) == ["requestheaders", "request", "responseheaders", "response"]
    flow = proxy.flow(path)
    until(lambda: not flow.live)
    assert flow.request.content == b'{"n": 1}' and flow.request.headers["x-mine"] == "1"
    assert flow.response is not None and flow.error is None
    assert flow.response.content == HELLO and flow.response.headers["content-type"] == "text/event-stream"
    assert flow.request.timestamp_start <= flow.response.timestamp_start <= (flow.response.timestamp_end or 0)
    assert "bridge_body_kept" not in flow.metadata


def test_each_piece_is_sent_at_once(proxy: Proxy, client: Client) -> None:
    gates = [threading.Event() for _ in range(4)]

    async def by_turns(flow: http.HTTPFlow) -> Items:
        yield SSE
        for index, gate in enumerate(gates):
            await passed(gate)
            yield b"data: %d\n\n" % index

    client.request(proxy.script(by_turns))
    assert client.status() == 200  # before the first piece exists
    for index, gate in enumerate(gates):
        gate.set()
        assert client.chunk() == b"data: %d\n\n" % index
    assert client.chunk() == b""


def test_a_declared_length_is_kept(proxy: Proxy, client: Client) -> None:
    assert client.request(proxy.script(echo), b"12345").status() == 200
    assert client.headers["content-length"] == "5" and "transfer-encoding" not in client.headers
    assert client.body() == b"12345"
    still_usable(proxy, client)


def test_an_empty_body_ends_properly(proxy: Proxy, client: Client) -> None:
    async def only_a_head(flow: http.HTTPFlow) -> Items:
        yield Head(503, (JSON,))

    assert client.request(proxy.script(only_a_head)).status() == 503
    assert client.body() == b""
    still_usable(proxy, client)


def test_an_http10_client_reads_until_the_end(proxy: Proxy, client: Client) -> None:
    client.send(b"GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n" % proxy.script(hello).encode())
    assert client.status() == 200
    assert "transfer-encoding" not in client.headers
    assert client.file.read() == HELLO


@pytest.mark.parametrize("script", [hello, echo])
def test_head_gets_no_body(proxy: Proxy, client: Client, script: Script) -> None:
    path = proxy.script(script)
    assert client.request(path, b"12345", method="HEAD").status() == 200
    still_usable(proxy, client)
    flow = proxy.flow(path)
    assert proxy.ended(path)[-1] == "response" and flow.response is not None and flow.response.content == b""


def test_head_gets_no_body_of_a_response_that_an_addon_made(proxy: Proxy, client: Client) -> None:
    def answer(flow: http.HTTPFlow) -> None:
        flow.response = http.Response.make(200, b"local")

    proxy.toy.in_hook["request", "/local-head"] = answer
    proxy.toy.early["/early-head"] = lambda: http.Response.make(403, b"early")
    for path, status in (("/local-head", 200), ("/early-head", 403)):
        assert client.request(path, method="HEAD").status() == status
        assert client.headers["content-length"] == "5"
        still_usable(proxy, client)
    assert client.request("/local-head").status() == 200
    assert client.body() == b"local"


def test_a_pipelined_request_waits_for_its_turn(proxy: Proxy, client: Client) -> None:
    first, second = proxy.script(hello), proxy.script(echo)
    client.request(first).request(second, b"second")
    assert (client.status(), client.body()) == (200, HELLO)
    assert (client.status(), client.body()) == (200, b"second")


def test_a_connection_keeps_nothing_of_its_finished_requests(proxy: Proxy, client: Client) -> None:
    def streams() -> int:
        gc.collect()
        return sum(isinstance(thing, BridgeStream) for thing in gc.get_objects())

    proxy.toy.early["/early-keep"] = lambda: http.Response.make(403, b"no")
    still_usable(proxy, client)
    proxy.toy.forget()
    before = streams()
    for _ in range(10):
        still_usable(proxy, client)
        assert client.request("/early-keep", b"12345").status() == 403
        client.body()
    until(lambda: streams() <= before)


def test_other_addons_can_change_the_head_but_not_its_framing(proxy: Proxy, client: Client) -> None:
    def meddle(flow: http.HTTPFlow) -> None:
        assert flow.response is not None
        flow.response.headers["content-length"] = "3"
        flow.response.headers["x-mine"] = "1"

    path = proxy.script(hello)
    proxy.toy.in_hook["responseheaders", path] = meddle
    assert client.request(path).status() == 200
    assert client.headers["x-mine"] == "1"
    assert client.body() == HELLO


@pytest.mark.parametrize("replacement", [None, http.Response.make(403, b"no")])
def test_other_addons_can_replace_the_response(proxy: Proxy, client: Client, replacement: http.Response | None) -> None:
    def replace(flow: http.HTTPFlow) -> None:
        flow.response = replacement

    path = proxy.script(hello)
    proxy.toy.in_hook["responseheaders", path] = replace
    assert client.request(path).status() == (403 if replacement else 200)
    assert client.body() == HELLO
    still_usable(proxy, client)


def test_a_long_body_is_kept_in_part(proxy: Proxy, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_layer, "KEPT_BYTES", 1000)
    path = proxy.script(echo)
    body = bytes(range(256)) * 8
    assert client.request(path, body).status() == 200
    assert client.body() == body
    proxy.ended(path)
    flow = proxy.flow(path)
    assert flow.response is not None and flow.response.content == body[:1000]
    assert flow.metadata["bridge_body_kept"] == 1000


def test_a_long_body_is_kept_up_to_eight_mebibytes(proxy: Proxy, client: Client) -> None:
    async def long(flow: http.HTTPFlow) -> Items:
        yield SSE
        for _ in range(9):
            yield bytes(1024 * 1024)

    path = proxy.script(long)
    assert client.request(path).status() == 200
    assert len(client.body()) == 9 * 1024 * 1024
    proxy.ended(path)
    flow = proxy.flow(path)
    assert flow.response is not None and len(flow.response.content or b"") == 8 * 1024 * 1024
    assert flow.metadata["bridge_body_kept"] == 8 * 1024 * 1024


def test_a_silent_answer_outlives_the_idle_limit(proxy: Proxy) -> None:
    async def late(flow: http.HTTPFlow) -> Items:
        yield SSE
        await asyncio.sleep(2.5)
        yield b"data: at last\n\n"

    usual = proxy.master.options.tcp_timeout
    proxy.call(lambda: proxy.master.options.update(tcp_timeout=1))
    try:
        with Client(proxy.port) as client:
            assert client.request(proxy.script(late)).status() == 200
            assert client.body() == b"data: at last\n\n"
    finally:
        proxy.call(lambda: proxy.master.options.update(tcp_timeout=usual))


# ---- the record --------------------------------------------------------------------------------------------------

FACTS = ConnectionFacts(
    address=("us-east5.example", 443),
    peername=("192.0.2.1", 443),
    sockname=("192.0.2.2", 50000),
    tls=True,
    sni="us-east5.example",
    alpn=b"http/1.1",
    cipher="TLS_AES_256_GCM_SHA384",
    tls_version="TLSv1.3",
    timestamp_start=1.0,
    timestamp_tcp_setup=2.0,
    timestamp_tls_setup=3.0,
)


def test_the_connection_is_shown(proxy: Proxy, client: Client) -> None:
    async def with_facts(flow: http.HTTPFlow) -> Items:
        yield Head(200, (), FACTS)

    path = proxy.script(with_facts)
    assert client.request(path).status() == 200
    assert client.body() == b""
    shown = proxy.flow(path).server_conn
    assert not shown.connected
    for name in FACTS.__slots__:
        assert getattr(shown, name) == getattr(FACTS, name), name


@pytest.mark.parametrize("facts", [None, FACTS, ConnectionFacts(("host", 1), tls_version="TLSv9")])
def test_flows_can_be_written_and_read(proxy: Proxy, client: Client, facts: ConnectionFacts | None) -> None:
    gate = threading.Event()

    async def with_facts(flow: http.HTTPFlow) -> Items:
        yield Head(200, (JSON,), facts)
        yield b"first"
        await passed(gate)
        yield b"second"

    path = proxy.script(with_facts)
    assert client.request(path, b"{}").status() == 200
    assert client.chunk() == b"first"
    assert proxy.call(proxy.flow(path).get_state)["response"]["content"] is None  # in mid-stream
    gate.set()
    assert client.body() == b"second"
    proxy.ended(path)
    file = io.BytesIO()
    proxy.call(lambda: FlowWriter(file).add(proxy.flow(path)))
    file.seek(0)
    (read,) = FlowReader(file).stream()
    assert isinstance(read, http.HTTPFlow) and read.response is not None
    assert read.response.content == b"firstsecond"
    assert read.server_conn.address == (facts.address if facts else None)


# ---- the client hangs up -----------------------------------------------------------------------------------------


def reset(client: Client) -> None:
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.mark.parametrize("leave", [Client.close, reset, lambda client: client.socket.shutdown(socket.SHUT_WR)])
@pytest.mark.parametrize("moment", ["before the head", "after the head", "in mid-stream", "while not reading"])
def test_a_hang_up_closes_the_answer_at_once(proxy: Proxy, client: Client, moment: str, leave: Any) -> None:
    piece = PIECE if moment == "while not reading" else b"data: again\n\n"
    script = Endless(3600 if moment == "after the head" else 0, moment != "before the head", piece)
    path = proxy.script(script)
    client.request(path)
    assert script.begun.wait(5)
    if moment in ("after the head", "in mid-stream"):
        assert client.status() == 200
        assert client.chunk()
    elif moment == "while not reading":
        until(lambda: stands_still(script))
    leave(client)
    assert script.closed.wait(1), "the answer went on without its client"
    assert proxy.ended(path)[-1] == "error"
    time.sleep(0.05)
    assert proxy.toy.hooks[path].count("error") == 1 and "response" not in proxy.toy.hooks[path]
    flow = proxy.flow(path)
    assert flow.error is not None and "disconnected" in flow.error.msg and not flow.live
    if moment != "before the head":
        assert flow.response is not None and (flow.response.content or b"").startswith(b"data: ")


def stands_still(script: Endless) -> bool:
    before = script.produced
    time.sleep(0.2)
    return before == script.produced > 0


def test_a_hang_up_that_mitmproxy_does_not_tell(proxy: Proxy, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = BridgeStream.handle_event

    def deaf(self: BridgeStream, event: Any) -> Any:
        return iter(()) if isinstance(event, stream_layer.RequestProtocolError) else usual(self, event)

    monkeypatch.setattr(BridgeStream, "handle_event", deaf)
    script = Endless()
    path = proxy.script(script)
    assert client.request(path).status() == 200
    client.close()
    assert script.closed.wait(1)
    assert proxy.ended(path)[-1] == "error"


@pytest.mark.parametrize("hook", ["request", "responseheaders"])
def test_a_hang_up_during_a_hook(proxy: Proxy, client: Client, hook: str) -> None:
    entered, gate = threading.Event(), threading.Event()

    async def wait(flow: http.HTTPFlow) -> None:
        entered.set()
        await passed(gate)

    script = Endless()
    path = proxy.script(script)
    proxy.toy.in_hook[hook, path] = wait
    client.request(path)
    assert entered.wait(5)
    client.close()
    if hook == "responseheaders":
        assert script.closed.wait(1)
    gate.set()
    assert proxy.ended(path)[-1] == "error"
    assert script.begun.is_set() == (hook == "responseheaders")


def test_a_hundred_random_hang_ups_leave_nothing(proxy: Proxy) -> None:
    chance = random.Random(7)
    scripts = [Endless(pause=chance.choice([0, 0.001, 0.01]), head=chance.random() < 0.8) for _ in range(100)]
    paths = [proxy.script(script) for script in scripts]
    with Client(proxy.port) as client:
        still_usable(proxy, client)  # everything lazy is loaded
    until(lambda: not proxy.server.connections)
    before = descriptors()

    def visit(number: int) -> None:
        with Client(proxy.port) as client:
            client.request(paths[number])
            client.socket.settimeout(chance.random() * 0.05 + 0.001)
            try:
                while client.socket.recv(100):
                    if chance.random() < 0.2:
                        break
            except TimeoutError:
                pass
            if chance.random() < 0.3:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(visit, range(100)))
    for path, script in zip(paths, scripts, strict=True):
        if script.begun.is_set():
            assert script.closed.wait(1)
        assert "response" not in proxy.toy.hooks[path]
    until(lambda: proxy.jobs() == 0 and not proxy.server.connections)
    until(lambda: abs(descriptors() - before) <= 2)
    until(lambda: proxy.call(lambda: not any(task.get_name() == "bridge ticker" for task in asyncio.all_tasks())))
    assert all(proxy.toy.hooks[path].count("error") == 1 for path in paths if proxy.toy.hooks[path])


def test_two_hundred_parallel_streams(proxy: Proxy) -> None:
    gate = threading.Event()
    here: list[str] = []

    async def together(flow: http.HTTPFlow) -> Items:
        here.append(flow.id)
        yield SSE
        await passed(gate)
        for index in range(20):
            yield b"data: %d\n\n" % index
            await asyncio.sleep(0)

    path = proxy.script(together)
    clients = [Client(proxy.port).request(path) for _ in range(200)]
    until(lambda: len(here) == 200)
    assert proxy.jobs() == 200
    gate.set()
    for client in clients:
        assert client.status() == 200
        assert client.body() == b"".join(b"data: %d\n\n" % index for index in range(20))
        client.close()
    until(lambda: proxy.toy.hooks[path].count("response") == 200)


# ---- the flow is killed ------------------------------------------------------------------------------------------


def assert_killed(proxy: Proxy, path: str) -> None:
    assert proxy.ended(path)[-1] == "error"
    time.sleep(0.05)
    assert proxy.toy.hooks[path].count("error") == 1 and "response" not in proxy.toy.hooks[path]
    error = proxy.flow(path).error
    assert error is not None and error.msg == error.KILLED_MESSAGE


def test_a_kill_before_the_head(proxy: Proxy, client: Client) -> None:
    script = Endless(head=False)
    path = proxy.script(script)
    client.request(path)
    assert script.begun.wait(5)
    proxy.call(proxy.flow(path).kill)
    assert script.closed.wait(1)
    assert client.status() == 502
    assert client.headers["content-type"] == "application/json"
    assert client.body() == b'{"error": "aborted"}'
    assert_killed(proxy, path)
    still_usable(proxy, client)


@pytest.mark.parametrize("pause", [0, 0.002, 3600])
def test_a_kill_in_mid_stream(proxy: Proxy, client: Client, pause: float) -> None:
    script = Endless(pause)
    path = proxy.script(script)
    assert client.request(path).status() == 200
    assert client.chunk()
    proxy.call(proxy.flow(path).kill)
    body = client.body()
    assert body.endswith(b"data: aborted\n\n") and body.count(b"aborted") == 1
    assert script.closed.wait(1)
    assert_killed(proxy, path)
    response = proxy.flow(path).response
    assert (
        response is not None
        and response.content == b"data: again\n\n" * (response.content or b"").count(b"again") + b"data: aborted\n\n"
    )
    still_usable(proxy, client)


def test_a_kill_in_the_hook_before_the_head(proxy: Proxy, client: Client) -> None:
    script = Endless()
    path = proxy.script(script)
    proxy.toy.in_hook["responseheaders", path] = http.HTTPFlow.kill
    assert client.request(path).status() == 200
    assert client.body() == b"data: aborted\n\n"
    assert_killed(proxy, path)


def test_a_kill_in_the_hook_before_the_answer(proxy: Proxy, client: Client) -> None:
    script = Endless()
    path = proxy.script(script)
    proxy.toy.in_hook["request", path] = http.HTTPFlow.kill
    assert client.request(path).status() == 502
    assert client.body() == b'{"error": "aborted"}'
    assert not script.begun.is_set()
    assert_killed(proxy, path)
    still_usable(proxy, client)


@pytest.mark.parametrize("gone", [False, True])
def test_a_kill_of_an_intercepted_request(proxy: Proxy, client: Client, gone: bool) -> None:
    script = Endless()
    path = proxy.script(script)
    proxy.toy.in_hook["request", path] = http.HTTPFlow.intercept
    client.request(path)
    flow = proxy.flow(path)
    until(lambda: flow.intercepted)
    if gone:
        client.close()
        until(lambda: not proxy.server.connections)
    proxy.call(flow.kill)
    assert_killed(proxy, path)
    assert not script.begun.is_set()
    if not gone:
        assert client.status() == 502
        assert client.body() == b'{"error": "aborted"}'
        still_usable(proxy, client)


def test_a_kill_while_the_client_does_not_read(proxy: Proxy) -> None:
    script = Endless(0, piece=PIECE)
    path = proxy.script(script)
    with Client(proxy.port, receive_buffer=8192) as client:
        client.request(path)
        until(lambda: stands_still(script))
        proxy.call(proxy.flow(path).kill)
        assert script.closed.wait(1)
        assert_killed(proxy, path)
        assert client.status() == 200
        assert client.body().endswith(b"data: aborted\n\n")


def test_a_kill_of_an_answer_with_a_declared_length_cuts_the_connection(proxy: Proxy, client: Client) -> None:
    async def stuck(flow: http.HTTPFlow) -> Items:
        yield Head(200, (("content-length", "10"),))
        yield b"12345"
        await asyncio.Event().wait()

    path = proxy.script(stuck)
    assert client.request(path).status() == 200
    assert client.file.read(5) == b"12345"
    proxy.call(proxy.flow(path).kill)
    assert client.closed()
    assert_killed(proxy, path)


# ---- defects of the answer ---------------------------------------------------------------------------------------

SECRET = "a part of the request"


async def raises_at_once(flow: http.HTTPFlow) -> Items:
    raise ValueError(SECRET)
    yield


async def no_head(flow: http.HTTPFlow) -> Items:
    return
    yield


async def bytes_first(flow: http.HTTPFlow) -> Items:
    yield b"data: early\n\n"


async def bad_header(flow: http.HTTPFlow) -> Items:
    yield Head(200, (("x-mine", f"1\r\n{SECRET}: 2"),))


async def bad_status(flow: http.HTTPFlow) -> Items:
    yield Head(101)


async def bad_length(flow: http.HTTPFlow) -> Items:
    yield Head(200, (("Content-Length", "5"), ("content-length", "6")))


async def cancels_itself(flow: http.HTTPFlow) -> Items:
    raise asyncio.CancelledError
    yield


async def no_generator(flow: http.HTTPFlow) -> Any:
    return None


def no_answer(flow: http.HTTPFlow) -> Any:
    raise KeyError(SECRET)


async def raises_later(flow: http.HTTPFlow) -> Items:
    yield SSE
    yield b"data: first\n\n"
    raise ValueError(SECRET)


async def two_heads(flow: http.HTTPFlow) -> Items:
    yield SSE
    yield b"data: first\n\n"
    try:
        yield SSE
    finally:
        await asyncio.sleep(0.2)  # the client need not wait for it


async def no_bytes(flow: http.HTTPFlow) -> Items:
    yield SSE
    yield b"data: first\n\n"
    yield SECRET


async def cancels_itself_later(flow: http.HTTPFlow) -> Items:
    yield SSE
    yield b"data: first\n\n"
    raise asyncio.CancelledError


@pytest.mark.filterwarnings("ignore:coroutine 'no_generator' was never awaited")
@pytest.mark.parametrize(
    "script",
    [
        raises_at_once,
        no_head,
        bytes_first,
        bad_header,
        bad_status,
        bad_length,
        cancels_itself,
        no_generator,
        no_answer,
    ],
)
def test_a_defect_before_the_head(
    proxy: Proxy, client: Client, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    path = proxy.script(script)
    assert client.request(path).status() == 500
    assert client.headers["content-type"] == "application/json"
    assert client.body() == b'{"error": "internal"}'
    assert proxy.ended(path)[-1] == "response" and proxy.flow(path).error is None
    assert_reported(caplog, script)
    still_usable(proxy, client)


@pytest.mark.parametrize("script", [raises_later, two_heads, no_bytes, cancels_itself_later])
def test_a_defect_in_mid_stream(proxy: Proxy, client: Client, script: Script, caplog: pytest.LogCaptureFixture) -> None:
    path = proxy.script(script)
    assert client.request(path).status() == 200
    assert client.body() == b"data: first\n\ndata: internal\n\n"
    assert proxy.ended(path)[-1] == "response" and proxy.flow(path).error is None
    assert proxy.toy.hooks[path].count("response") == 1
    assert_reported(caplog, script)
    still_usable(proxy, client)


def assert_reported(caplog: pytest.LogCaptureFixture, script: Script) -> None:
    if script in (raises_at_once, raises_later, no_answer):
        assert f"in {script.__name__}" in caplog.text  # the traceback
    assert "This is a defect of the program" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("body", [b"123", b"1234567"])
def test_a_wrong_length_cuts_the_connection(
    proxy: Proxy, client: Client, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def wrong(flow: http.HTTPFlow) -> Items:
        yield Head(200, (("content-length", "5"),))
        yield body

    path = proxy.script(wrong)
    assert client.request(path).status() == 200
    assert client.file.read() in (b"123", b"")
    assert proxy.ended(path)[-1] == "error"
    assert "content-length" in str(proxy.flow(path).error)
    assert "bytes than its content-length" in caplog.text


@pytest.mark.parametrize(("script", "body"), [(no_head, b""), (raises_later, b"data: first\n\n")])
def test_a_host_without_a_last_word(
    proxy: Proxy, client: Client, script: Script, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy.toy, "last_word", no_answer)
    assert client.request(proxy.script(script)).status() == (500 if script is no_head else 200)
    assert client.body() == body
    still_usable(proxy, client)


def test_an_answer_that_does_not_mind_being_cancelled(proxy: Proxy) -> None:
    closed = threading.Event()

    async def stubborn(flow: http.HTTPFlow) -> Items:
        try:
            yield SSE
            while True:
                try:
                    yield b"data: again\n\n"
                    await asyncio.sleep(0.05)
                except asyncio.CancelledError:
                    await asyncio.sleep(0.1)
        finally:
            closed.set()

    path = proxy.script(stubborn)
    with Client(proxy.port) as client:
        assert client.request(path).status() == 200
        assert client.chunk()
    assert proxy.ended(path)[-1] == "error"
    assert closed.wait(2)


def test_an_answer_that_says_nothing_leaves_the_loop_free(proxy: Proxy, client: Client) -> None:
    async def empty(flow: http.HTTPFlow) -> Items:
        yield SSE
        while True:
            yield b""

    path = proxy.script(empty)
    assert client.request(path).status() == 200
    with Client(proxy.port) as other:
        still_usable(proxy, other)
    proxy.call(proxy.flow(path).kill)
    assert client.body() == b"data: aborted\n\n"


# ---- backpressure ------------------------------------------------------------------------------------------------


def test_a_slow_reader_holds_the_answer_back(proxy: Proxy) -> None:
    total = 48 * 1024 * 1024
    produced = 0

    async def big(flow: http.HTTPFlow) -> Items:
        nonlocal produced
        yield SSE
        while produced < total:
            produced += len(PIECE)
            yield PIECE

    with Client(proxy.port, receive_buffer=8192) as client:
        assert client.request(proxy.script(big)).status() == 200
        time.sleep(1)
        # 256 KiB in the job, as much again on its way, and what the kernel takes (up to 4 MB by itself).
        assert produced < 8 * 1024 * 1024
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024 * 1024)
        assert len(client.body()) == produced >= total


# ---- request bodies ----------------------------------------------------------------------------------------------

REFUSED = ["requestheaders", "responseheaders", "response"]


def assert_refused(proxy: Proxy, path: str) -> None:
    until(lambda: not proxy.flow(path).live)
    assert proxy.toy.hooks[path] == REFUSED
    request = proxy.flow(path).request
    assert request.content == b"" and request.timestamp_end is not None and proxy.flow(path).error is None


def chunked(size: int, piece: int = 60_000) -> Iterator[bytes]:
    for start in range(0, size, piece):
        length = min(piece, size - start)
        yield b"%x\r\n%s\r\n" % (length, b"x" * length)
    yield b"0\r\n\r\n"


def test_a_body_of_the_limit_is_taken(proxy: Proxy, client: Client) -> None:
    body = b"x" * MAX_BODY
    assert client.request(proxy.script(echo), body).status() == 200
    assert client.body() == body
    path = proxy.script(echo)
    client.request(path, headers=["Transfer-Encoding: chunked"])
    for data in chunked(MAX_BODY):
        client.send(data)
    assert client.status() == 200
    assert client.body() == body
    assert proxy.ended(path)[-1] == "response"


def test_too_large_by_content_length(proxy: Proxy, client: Client) -> None:
    client.request("/large", headers=[f"Content-Length: {MAX_BODY + 1}"])
    assert client.status() == 413  # nothing of the body is sent yet
    assert client.body() == b'{"error": "too large"}'
    assert_refused(proxy, "/large")
    client.send(b"x" * (MAX_BODY + 1))
    still_usable(proxy, client)


def test_too_large_by_chunks(proxy: Proxy, client: Client) -> None:
    client.request("/chunks", headers=["Transfer-Encoding: chunked"])
    pieces = chunked(3 * MAX_BODY)
    for data in pieces:
        client.send(data)
        if proxy.toy.hooks["/chunks"] == REFUSED:
            break
    assert client.status() == 413  # in the middle of the body
    assert client.body() == b'{"error": "too large"}'
    assert_refused(proxy, "/chunks")
    for data in pieces:
        client.send(data)
    still_usable(proxy, client)


@pytest.mark.parametrize("body_comes", [False, True])
def test_too_large_with_expect(proxy: Proxy, body_comes: bool) -> None:
    path = f"/expect-{body_comes}"
    with Client(proxy.port) as client:
        client.request(path, headers=[f"Content-Length: {MAX_BODY + 1}", "Expect: 100-continue"])
        if body_comes:
            client.send(b"x" * (MAX_BODY + 1))
        assert client.status() == 413  # and no 100 before it
        assert client.headers["connection"] == "close"
        assert client.body() == b'{"error": "too large"}'
        assert client.closed()
    assert_refused(proxy, path)


def test_expect_is_answered_where_the_body_is_wanted(proxy: Proxy, client: Client) -> None:
    client.request(proxy.script(echo), headers=["Content-Length: 5", "Expect: 100-continue"])
    assert client.status() == 100
    client.send(b"12345")
    assert client.status() == 200
    assert client.body() == b"12345"


@pytest.mark.parametrize("headers", [["Content-Length: 33554432"], ["Transfer-Encoding: chunked"]])
def test_an_early_refusal_is_sent_while_the_body_still_comes(proxy: Proxy, client: Client, headers: list[str]) -> None:
    size = 32 * 1024 * 1024
    path = f"/early-{headers[0]}".replace(" ", "")
    proxy.toy.early[path] = lambda: http.Response.make(403, b"no", {"x-why": "guard"})
    client.request(path, headers=headers)
    assert client.status() == 403
    assert client.body() == b"no"
    assert_refused(proxy, path)
    tracemalloc.start()
    try:
        for data in chunked(size) if "chunked" in headers[0] else [bytes(65536)] * (size // 65536):
            client.send(data)
        still_usable(proxy, client)
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("hook", ["requestheaders", "responseheaders", "response"])
@pytest.mark.parametrize("early", [False, True])
def test_no_hook_makes_the_body_pile_up(proxy: Proxy, client: Client, hook: str, early: bool) -> None:
    gate, entered = threading.Event(), threading.Event()

    async def wait(flow: http.HTTPFlow) -> None:
        entered.set()
        await passed(gate)

    path = f"/pile-{hook}-{early}"
    proxy.toy.in_hook[hook, path] = wait
    if early:
        proxy.toy.early[path] = lambda: http.Response.make(403, b"no")
    body = b"".join(chunked(6 * 1024 * 1024, 64))
    tracemalloc.start()
    try:
        client.request(path, headers=["Transfer-Encoding: chunked"])
        client.send(body)
        assert entered.wait(5)
        assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    finally:
        tracemalloc.stop()
        gate.set()
    assert client.status() == (403 if early else 413)
    client.body()
    assert_refused(proxy, path)
    still_usable(proxy, client)


@pytest.mark.parametrize("early", [False, True])
def test_a_hang_up_after_a_refusal(proxy: Proxy, early: bool) -> None:
    path = f"/leave-{early}"
    if early:
        proxy.toy.early[path] = lambda: http.Response.make(403, b"no")
    with Client(proxy.port) as client:
        client.request(path, headers=["Content-Length: 1000000"])
        assert client.status() == (403 if early else 413)
    until(lambda: not proxy.server.connections)
    assert_refused(proxy, path)


def test_a_refusal_without_a_body_to_come(proxy: Proxy, client: Client) -> None:
    proxy.toy.early["/get"] = lambda: http.Response.make(403, b"no")
    assert client.request("/get", method="GET").status() == 403
    assert client.body() == b"no"
    assert_refused(proxy, "/get")
    still_usable(proxy, client)


def test_a_host_without_a_refusal(proxy: Proxy, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy.toy, "too_large", no_answer)
    client.request("/no-refusal", headers=[f"Content-Length: {MAX_BODY + 1}"])
    assert client.status() == 413


def test_an_addon_that_streams_the_request_does_no_harm(proxy: Proxy, client: Client) -> None:
    def stream(flow: http.HTTPFlow) -> None:
        flow.request.stream = True

    path = proxy.script(echo)
    proxy.toy.in_hook["requestheaders", path] = stream
    assert client.request(path, b"12345").status() == 200
    assert client.body() == b"12345"


@pytest.mark.parametrize("length", ["9" * 5000, "9" * 4000, "-1", "five", "5, 6"])
def test_an_impossible_content_length(proxy: Proxy, client: Client, length: str) -> None:
    path = f"/impossible-{len(length)}"
    client.request(path, headers=[f"Content-Length: {length}"])
    assert client.file.readline()[9:12] in (b"400", b"413")
    until(lambda: proxy.toy.hooks[path][-1:] in (["error"], ["response"]))


@pytest.mark.parametrize("setting", [{"stream_large_bodies": "1k"}, {"body_size_limit": "1k"}])
def test_mitmproxys_own_limits_do_no_harm(proxy: Proxy, client: Client, setting: dict[str, str]) -> None:
    proxy.call(lambda: proxy.master.options.update(**setting))
    try:
        body = b"x" * 5000
        assert client.request(proxy.script(echo), body).status() == 200
        assert client.body() == body
    finally:
        proxy.call(lambda: proxy.master.options.update(**dict.fromkeys(setting)))


# ---- mitmweb's buttons -------------------------------------------------------------------------------------------


def replay(proxy: Proxy, path: str) -> http.HTTPFlow:
    flow = proxy.flow(path)
    until(lambda: not flow.live)
    del proxy.toy.hooks[path][:]
    proxy.call(lambda: proxy.master.commands.call("replay.client", [flow]))
    until(lambda: set(proxy.toy.hooks[path]) & {"response", "error"} and not flow.live)
    return flow


def test_replay(proxy: Proxy, client: Client) -> None:
    path = proxy.script(echo)
    client.request(path, b"first")
    assert (client.status(), client.body()) == (200, b"first")
    proxy.ended(path)
    proxy.flow(path).request.content = b"second time"
    for _ in range(2):
        flow = replay(proxy, path)
        assert flow.response is not None and flow.response.content == b"second time"
        assert flow.is_replay == "request" and flow.error is None
        assert proxy.toy.hooks[path] == ["requestheaders", "request", "responseheaders", "response"]
    still_usable(proxy, client)


def test_replay_of_a_long_stream(proxy: Proxy, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def long(flow: http.HTTPFlow) -> Items:
        yield SSE
        for _ in range(100):
            yield PIECE
            await asyncio.sleep(0)

    monkeypatch.setattr(stream_layer, "KEPT_BYTES", len(PIECE))
    path = proxy.script(long)
    assert client.request(path).status() == 200
    client.body()
    proxy.ended(path)
    assert proxy.flow(path).metadata["bridge_body_kept"] == len(PIECE)
    monkeypatch.setattr(stream_layer, "KEPT_BYTES", 200 * len(PIECE))
    flow = replay(proxy, path)
    assert flow.response is not None and flow.response.content == PIECE * 100
    assert "bridge_body_kept" not in flow.metadata


@pytest.mark.parametrize("script", [raises_later, no_head])
def test_replay_of_a_defect(proxy: Proxy, client: Client, script: Script) -> None:
    path = proxy.script(script)
    client.request(path).status()
    client.body()
    flow = replay(proxy, path)
    assert flow.response is not None and b"internal" in (flow.response.content or b"")


def test_replay_that_is_killed(proxy: Proxy, client: Client) -> None:
    path = proxy.script(hello)
    client.request(path).status()
    client.body()
    proxy.ended(path)
    script = Endless()
    proxy.toy.scripts[path] = script
    flow = proxy.flow(path)
    until(lambda: not flow.live)
    del proxy.toy.hooks[path][:]
    proxy.call(lambda: proxy.master.commands.call("replay.client", [flow]))
    assert script.begun.wait(5)
    proxy.call(flow.kill)
    assert script.closed.wait(1)
    assert_killed(proxy, path)
    assert flow.response is not None and (flow.response.content or b"").endswith(b"data: aborted\n\n")


def test_an_intercepted_request_is_answered_as_edited(proxy: Proxy, client: Client) -> None:
    path = proxy.script(echo)
    proxy.toy.in_hook["request", path] = http.HTTPFlow.intercept
    client.request(path, b"as it came")
    flow = proxy.flow(path)
    until(lambda: flow.intercepted)

    def edit() -> None:
        flow.request.content = b"as edited"
        flow.resume()

    proxy.call(edit)
    assert client.status() == 200
    assert client.body() == b"as edited"


def test_an_intercepted_response_does_not_keep_the_client_waiting(proxy: Proxy, client: Client) -> None:
    path = proxy.script(hello)
    proxy.toy.in_hook["response", path] = http.HTTPFlow.intercept
    assert client.request(path).status() == 200
    assert client.body() == HELLO
    still_usable(proxy, client)
    proxy.call(proxy.flow(path).resume)


# ---- HTTP/2 clients ----------------------------------------------------------------------------------------------


class Http2Client:
    """One HTTP/2 connection over TLS, which opens its windows only as far as it is told to."""

    def __init__(self, port: int) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(
            socket.create_connection(("127.0.0.1", port), 10), server_hostname="localhost"
        )
        assert self.socket.selected_alpn_protocol() == "h2"
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.connection.data_to_send())

    def request(self, path: str, method: str = "POST", body: bytes = b"") -> int:
        stream = self.connection.get_next_available_stream_id()
        head = [(":method", method), (":path", path), (":scheme", "https"), (":authority", "localhost")]
        self.connection.send_headers(stream, head, end_stream=not body)
        if body:
            self.connection.send_data(stream, body, end_stream=True)
        self.flush()
        return stream

    def read(self, stream: int, acknowledge: bool = True) -> tuple[str, bytes]:
        """Status and body of a stream, to its end."""
        status, body = "", b""
        while data := self.socket.recv(65536):
            for event in self.connection.receive_data(data):
                if isinstance(event, h2.events.DataReceived) and acknowledge:
                    self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if getattr(event, "stream_id", None) != stream:
                    continue
                if isinstance(event, h2.events.ResponseReceived):
                    status = str(dict(event.headers)[":status"])
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    return status, body
                assert not isinstance(event, h2.events.StreamReset)
            self.flush()
        raise AssertionError("the connection ended first")


@pytest.fixture
def http2(proxy: Proxy) -> Iterator[Http2Client]:
    client = Http2Client(proxy.port)
    yield client
    client.socket.close()


def test_http2(proxy: Proxy, http2: Http2Client) -> None:
    path = proxy.script(hello)
    assert http2.read(http2.request(path)) == ("200", HELLO)
    response = proxy.flow(path).response
    assert response is not None and "transfer-encoding" not in response.headers
    assert http2.read(http2.request(proxy.script(echo), body=b"12345")) == ("200", b"12345")
    assert http2.read(http2.request(path, "HEAD")) == ("200", b"")
    assert http2.read(http2.request(proxy.script(raises_later))) == ("200", b"data: first\n\ndata: internal\n\n")
    assert http2.read(http2.request(proxy.script(no_head))) == ("500", b'{"error": "internal"}')
    proxy.toy.early["/early-h2"] = lambda: http.Response.make(403, b"no")
    assert http2.read(http2.request("/early-h2", body=b"12345")) == ("403", b"no")


def test_http2_reset_closes_the_answer_and_leaves_the_others(proxy: Proxy, http2: Http2Client) -> None:
    script = Endless()
    path = proxy.script(script)
    stream = http2.request(path)
    assert script.begun.wait(5)
    http2.connection.reset_stream(stream, 8)
    http2.flush()
    assert script.closed.wait(1)
    assert proxy.ended(path)[-1] == "error"
    assert http2.read(http2.request(proxy.script(hello))) == ("200", HELLO)


def test_http2_with_a_closed_window_holds_the_answer_back(proxy: Proxy, http2: Http2Client) -> None:
    script = Endless(0, piece=PIECE)
    path = proxy.script(script)
    stream = http2.request(path)
    until(lambda: stands_still(script))
    assert script.produced < 2 * 1024 * 1024
    proxy.call(proxy.flow(path).kill)
    assert script.closed.wait(1)
    assert_killed(proxy, path)
    status, body = http2.read(stream)  # opens the window
    assert status == "200" and body.endswith(b"data: aborted\n\n")


def test_http2_goes_on_when_the_window_opens(proxy: Proxy, http2: Http2Client) -> None:
    async def big(flow: http.HTTPFlow) -> Items:
        yield SSE
        for _ in range(200):
            yield PIECE

    assert http2.read(http2.request(proxy.script(big))) == ("200", PIECE * 200)


# ---- installing --------------------------------------------------------------------------------------------------


@pytest.fixture
def reinstalled(proxy: Proxy) -> Iterator[None]:
    yield
    assert proxy.toy.undo is not None
    proxy.call(proxy.toy.undo)
    proxy.toy.undo = proxy.call(install, proxy.toy)


def undo(proxy: Proxy) -> None:
    assert proxy.toy.undo is not None
    proxy.call(proxy.toy.undo)


@pytest.mark.usefixtures("reinstalled")
def test_undo_restores_the_names(proxy: Proxy) -> None:
    assert layers.http.HttpStream is not stream_layer.HttpStream
    ours = server.ConnectionHandler.hook_task
    undo(proxy)
    assert layers.http.HttpStream is stream_layer.HttpStream
    assert server.ConnectionHandler.hook_task is not ours
    assert server.ConnectionHandler.hook_task.__module__ == "mitmproxy.proxy.server"


@pytest.mark.usefixtures("reinstalled")
def test_undo_leaves_what_came_after_it(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = type("Theirs", (layers.http.HttpStream,), {})
    with monkeypatch.context() as patch:
        patch.setattr(layers.http, "HttpStream", theirs)
        undo(proxy)
        assert layers.http.HttpStream is theirs
    undo(proxy)  # now it is ours again
    assert layers.http.HttpStream is stream_layer.HttpStream


@pytest.mark.usefixtures("reinstalled")
@pytest.mark.parametrize("head", [False, True])
def test_undo_ends_the_live_answers(proxy: Proxy, client: Client, head: bool) -> None:
    script = Endless(head=head)
    path = proxy.script(script)
    client.request(path)
    assert script.begun.wait(5)
    if head:
        assert client.status() == 200
        assert client.chunk()
    undo(proxy)
    assert script.closed.wait(1)
    if not head:
        assert client.status() == 502
    assert b"aborted" in client.body()
    assert proxy.ended(path)[-1] == "error" and "stopped" in str(proxy.flow(path).error)


@pytest.mark.usefixtures("reinstalled")
def test_undo_while_a_request_is_in_its_hook(proxy: Proxy, client: Client) -> None:
    path = proxy.script(hello)
    proxy.toy.in_hook["request", path] = http.HTTPFlow.intercept
    client.request(path)
    flow = proxy.flow(path)
    until(lambda: flow.intercepted)
    undo(proxy)
    proxy.call(flow.resume)
    assert client.status() == 502
    assert client.body() == b'{"error": "aborted"}'


def test_only_one_can_be_installed(proxy: Proxy) -> None:
    with pytest.raises(RuntimeError, match="Load the addon only once"):
        install(proxy.toy)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (stream_layer.HttpStream, "make_server_connection"),
        (stream_layer.HttpStream, "check_killed"),
        (server.ConnectionHandler, "server_event"),
        (server.TimeoutWatchdog, "disarm"),
    ],
)
def test_a_missing_name_is_told(proxy: Proxy, owner: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(owner, name)
    with pytest.raises(RuntimeError, match=rf"mitmproxy \S+ lacks {owner.__name__}\.{name}, .*pip install"):
        install(proxy.toy)


def test_a_stream_that_is_not_looked_up_by_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def make_stream(self: object, stream_id: int) -> None: ...

    check_mitmproxy()
    monkeypatch.setattr(stream_layer.HttpLayer, "make_stream", make_stream)
    with pytest.raises(RuntimeError, match="look-up of HttpStream by name"):
        check_mitmproxy()


@pytest.mark.parametrize(("module", "name"), [("_events", "ErrorCode"), ("_hooks", "HttpErrorHook")])
def test_a_missing_name_is_told_at_import(module: str, name: str) -> None:
    program = (
        f"import mitmproxy.proxy.layers.http.{module} as module; del module.{name}\n"
        "try:\n    import oai_bridge.stream_layer\nexcept RuntimeError as error:\n    print(error)"
    )
    addon = Path(stream_layer.__file__).parents[1]
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=addon, capture_output=True, text=True, timeout=60, check=True
    )
    assert f"{module}.{name}, which the stream layer is built on" in run.stdout and "pip install" in run.stdout
