"""The same over HTTP/2: answers, resets and closed windows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mitmproxy import http

from tests.support.raw_client import Http2Client
from tests.support.toy_addon import (
    HELLO,
    PIECE,
    SSE,
    Endless,
    Items,
    Proxy,
    assert_killed,
    echo,
    hello,
    no_head,
    raises_later,
    stands_still,
    until,
)


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
    assert script.begun.wait(30)
    http2.connection.reset_stream(stream, 8)
    http2.flush()
    assert script.closed.wait(10)
    assert proxy.ended(path)[-1] == "error"
    assert http2.read(http2.request(proxy.script(hello))) == ("200", HELLO)


def test_http2_with_a_closed_window_holds_the_answer_back(proxy: Proxy, http2: Http2Client) -> None:
    script = Endless(0, piece=PIECE)
    path = proxy.script(script)
    stream = http2.request(path)
    until(lambda: stands_still(lambda: script.produced))
    assert script.produced < 2 * 1024 * 1024
    proxy.call(proxy.flow(path).kill)
    assert script.closed.wait(10)
    assert_killed(proxy, path)
    status, body = http2.read(stream)  # opens the window
    assert status == "200" and body.endswith(b"data: aborted\n\n")


def test_http2_goes_on_when_the_window_opens(proxy: Proxy, http2: Http2Client) -> None:
    async def big(flow: http.HTTPFlow) -> Items:
        yield SSE
        for _ in range(200):
            yield PIECE

    assert http2.read(http2.request(proxy.script(big))) == ("200", PIECE * 200)
