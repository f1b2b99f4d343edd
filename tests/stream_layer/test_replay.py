"""mitmweb's buttons: replaying, and editing what is intercepted."""

from __future__ import annotations

import asyncio

import pytest
from mitmproxy import http

from oai_bridge.streaming import stream_layer
from tests.support.raw_client import Client
from tests.support.toy_addon import (
    HELLO,
    PIECE,
    SSE,
    Endless,
    Items,
    Proxy,
    Script,
    assert_killed,
    echo,
    hello,
    no_head,
    raises_later,
    still_usable,
    until,
)


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
    assert script.begun.wait(30)
    proxy.call(flow.kill)
    assert script.closed.wait(10)
    assert_killed(proxy, path)
    assert flow.response is not None and (flow.response.content or b"").endswith(b"data: aborted\n\n")


def test_what_mitmproxys_server_replay_has_is_left_to_the_host(proxy: Proxy, client: Client) -> None:
    path = proxy.script(hello)
    assert client.request(path, b"the same").status() == 200
    assert client.body() == HELLO
    proxy.ended(path)
    playback = proxy.master.addons.get("serverplayback")
    proxy.call(lambda: proxy.master.commands.call("replay.server", [proxy.flow(path)]))
    assert playback.count() == 1
    proxy.toy.scripts[path] = echo
    assert client.request(path, b"the same").status() == 200
    assert client.body() == b"the same"
    proxy.call(lambda: proxy.master.commands.call("replay.server.stop"))
    assert not playback.flowmap


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
