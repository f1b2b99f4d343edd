"""A client that hangs up ends its answer at once, at whatever moment, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from mitmproxy import http

from oai_bridge.streaming import stream_layer
from oai_bridge.streaming.stream_layer import BridgeStream
from tests.support.raw_client import Client
from tests.support.toy_addon import (
    PIECE,
    SSE,
    Endless,
    Items,
    Proxy,
    descriptors,
    passed,
    stands_still,
    still_usable,
    until,
)


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
    assert script.begun.wait(30)
    if moment in ("after the head", "in mid-stream"):
        assert client.status() == 200
        assert client.chunk()
    elif moment == "while not reading":
        until(lambda: stands_still(lambda: script.produced))
    leave(client)
    assert script.closed.wait(10), "the answer went on without its client"
    assert proxy.ended(path)[-1] == "error"
    time.sleep(0.05)
    assert proxy.toy.hooks[path].count("error") == 1 and "response" not in proxy.toy.hooks[path]
    flow = proxy.flow(path)
    assert flow.error is not None and "disconnected" in flow.error.msg and not flow.live
    if moment != "before the head":
        assert flow.response is not None and (flow.response.content or b"").startswith(b"data: ")


def test_a_hang_up_that_mitmproxy_does_not_tell(proxy: Proxy, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = BridgeStream.handle_event

    def deaf(self: BridgeStream, event: Any) -> Any:
        return iter(()) if isinstance(event, stream_layer.RequestProtocolError) else usual(self, event)

    monkeypatch.setattr(BridgeStream, "handle_event", deaf)
    script = Endless()
    path = proxy.script(script)
    assert client.request(path).status() == 200
    client.close()
    assert script.closed.wait(10)
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
    assert entered.wait(30)
    client.close()
    if hook == "responseheaders":
        assert script.closed.wait(10)
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
            assert script.closed.wait(10)
        assert "response" not in proxy.toy.hooks[path]
    until(lambda: proxy.jobs() == 0 and not proxy.server.connections)
    until(lambda: descriptors() <= before + 2)
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
