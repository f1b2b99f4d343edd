"""Answers that go well reach the client byte by byte, at its own pace, and the other addons' hooks stay in force."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading

import pytest
from mitmproxy import http, options
from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._events import ResponseData
from mitmproxy.proxy.layers.http._http1 import Http1Server

from oai_bridge.answer import Head
from oai_bridge.streaming import stream_layer
from oai_bridge.streaming.stream_layer import BridgeStream
from tests.support.raw_client import Client
from tests.support.toy_addon import (
    HELLO,
    JSON,
    PIECE,
    SSE,
    Items,
    Proxy,
    Script,
    echo,
    hello,
    passed,
    stands_still,
    still_usable,
    until,
)


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


@pytest.mark.parametrize("framed", [True, False])
def test_only_pieces_that_are_framed_as_chunks_take_the_short_cut(
    proxy: Proxy, client: Client, framed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_way: list[bytes] = []
    send = Http1Server.send

    def seen(self: Http1Server, event: HttpEvent) -> CommandGenerator[None]:
        if isinstance(event, ResponseData):
            long_way.append(event.data)
        yield from send(self, event)

    async def by_and_by(flow: http.HTTPFlow) -> Items:
        yield SSE if framed else Head(200, (("content-length", "40"),))
        for number in range(20):
            await asyncio.sleep(0.005)
            yield b"%02d" % number

    monkeypatch.setattr(Http1Server, "send", seen)
    path = proxy.script(by_and_by)
    assert client.request(path).status() == 200
    numbers = b"".join(b"%02d" % number for number in range(20))
    assert client.body() == numbers
    flow = proxy.flow(path)
    until(lambda: not flow.live)
    assert flow.response is not None and flow.response.content == numbers
    assert len(long_way) < 3 if framed else b"".join(long_way) == numbers


def test_a_reader_that_stops_and_goes_on_gets_all_in_order(proxy: Proxy) -> None:
    """Pieces take the short cut, the long way while the client does not read, and the short cut again."""
    pieces = [b"%06d" % number + bytes(5000) for number in range(3000)]
    produced = 0

    async def counting(flow: http.HTTPFlow) -> Items:
        nonlocal produced
        yield SSE
        for piece in pieces:
            produced += 1
            yield piece
            if not produced % 100:
                await asyncio.sleep(0.001)

    with Client(proxy.port, receive_buffer=8192) as client:
        assert client.request(proxy.script(counting)).status() == 200
        got = b""
        for pause in range(3):
            until(lambda: stands_still(lambda: produced))
            assert produced < len(pieces)
            while len(got) < 2_000_000 * (pause + 1):
                got += client.chunk()
        assert got + client.body() == b"".join(pieces)


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


@pytest.mark.skipif("tcp_timeout" not in options.Options(), reason="mitmproxy has the option since 12.2")
@pytest.mark.parametrize("before", [0, 2.1])
def test_a_silent_answer_outlives_the_idle_limit(proxy: Proxy, before: float) -> None:
    """Also when mitmproxy begins to count anew, as it does with the first event after the limit."""

    async def late(flow: http.HTTPFlow) -> Items:
        await asyncio.sleep(before)
        yield SSE
        await asyncio.sleep(2.5)
        yield b"data: at last\n\n"

    usual = proxy.master.options.tcp_timeout
    proxy.call(lambda: proxy.master.options.update(tcp_timeout=2))
    try:
        with Client(proxy.port) as client:
            assert client.request(proxy.script(late)).status() == 200
            assert client.body() == b"data: at last\n\n"
    finally:
        proxy.call(lambda: proxy.master.options.update(tcp_timeout=usual))


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
        until(lambda: stands_still(lambda: produced))
        # 256 KiB in the job, as much again on its way, and what the kernel takes (up to 4 MB by itself).
        assert produced < 8 * 1024 * 1024
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024 * 1024)
        assert len(client.body()) == produced >= total
