"""A flow that is killed ends its answer, tells the client, and is recorded as killed."""

from __future__ import annotations

import asyncio

import pytest
from mitmproxy import http

from oai_bridge.answer import Head
from tests.support.raw_client import Client
from tests.support.toy_addon import PIECE, Endless, Items, Proxy, assert_killed, stands_still, still_usable, until


def test_a_kill_before_the_head(proxy: Proxy, client: Client) -> None:
    script = Endless(head=False)
    path = proxy.script(script)
    client.request(path)
    assert script.begun.wait(30)
    proxy.call(proxy.flow(path).kill)
    assert script.closed.wait(10)
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
    assert script.closed.wait(10)
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
        until(lambda: stands_still(lambda: script.produced))
        proxy.call(proxy.flow(path).kill)
        assert script.closed.wait(10)
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
