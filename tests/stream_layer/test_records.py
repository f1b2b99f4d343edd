"""What the flow keeps of an answer: the connection to the cloud, and a form that can be saved and read."""

from __future__ import annotations

import asyncio
import io
import threading

import pytest
from mitmproxy import http
from mitmproxy.io import FlowReader, FlowWriter

from oai_bridge.answer import ConnectionFacts, Head
from tests.support.raw_client import Client
from tests.support.toy_addon import JSON, Items, Proxy, passed

FACTS = ConnectionFacts(
    address=("us-east5.example", 443),
    peername=("192.0.2.1", 443),
    sockname=("192.0.2.2", 50000),
    tls=True,
    sni="us-east5.example",
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


@pytest.mark.parametrize("watched", [True, False])
def test_who_watches_sees_the_answer_while_it_comes(proxy: Proxy, client: Client, watched: bool) -> None:
    """At once, and then not with each piece: it is copied each time."""
    gate = threading.Event()

    async def in_pieces(flow: http.HTTPFlow) -> Items:
        yield Head(200, (JSON,))
        for _ in range(20):
            yield b"first"
            await asyncio.sleep(0)
        await passed(gate)
        await asyncio.sleep(0.6)
        yield b"second"
        yield b"third"

    path = proxy.script(in_pieces)
    proxy.toy.watched, proxy.toy.grown = watched, []
    try:
        assert client.request(path, b"{}").status() == 200
        assert client.chunk().startswith(b"first")
        shown = proxy.flow(path).response
        assert shown is not None
        assert (shown.raw_content or b"").startswith(b"first" if watched else b"")
        assert (shown.raw_content is None) is not watched
        gate.set()
        assert client.body().endswith(b"third")
        proxy.ended(path)
        whole = b"first" * 20 + b"second" + b"third"
        assert shown.raw_content == whole
        assert len(proxy.toy.grown) == (2 if watched else 0)
        assert all(whole.startswith(grown) for grown in proxy.toy.grown)
    finally:
        proxy.toy.watched = True


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
    running = proxy.call(proxy.flow(path).get_state)  # in mid-stream, where mitmproxy itself has no content
    assert running["response"]["content"] == b"first" and not running["intercepted"]
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
