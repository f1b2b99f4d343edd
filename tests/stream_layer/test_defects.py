"""A defect of the answer or of the host is told to the client and the log, without a part of the request."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from mitmproxy import http

from oai_bridge.answer import Head
from tests.support.raw_client import Client
from tests.support.toy_addon import SECRET, SSE, Items, Proxy, Script, no_answer, no_head, raises_later, still_usable


async def raises_at_once(flow: http.HTTPFlow) -> Items:
    raise ValueError(SECRET)
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
    assert closed.wait(10)


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
