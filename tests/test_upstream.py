"""The client towards the clouds: whatever is in between, an error that helps, and in time."""

from __future__ import annotations

import asyncio
import random
import ssl
import sys
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from oai_bridge.backends.base import Outbound
from oai_bridge.errors import UpstreamError
from oai_bridge.outward.patience import Patience
from oai_bridge.outward.upstream import UpstreamClient
from oai_bridge.settings.traffic import Timeouts
from oai_bridge.settings.values import Network
from tests.support.connect_proxy import ConnectProxy, SocksProxy
from tests.support.fake_vertex import FakeVertex

CHAT = Outbound("POST", "https://us-east5-aiplatform.googleapis.com/v1", {"authorization": "Bearer ya29.token"}, b"{}")
PASSWORD = "pw-of-the-proxy"

Between = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(3)


async def no_socks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(3)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def no_login(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(3)
    writer.write(b"\x05\xff")


async def no_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(3)
    writer.write(b"\x05\x00")
    await reader.read(100)
    writer.write(b"\x05\x04\x00\x01\0\0\0\0\0\0")


@asynccontextmanager
async def proxy(scheme: str, between: Between) -> AsyncIterator[str]:
    """A proxy's URL, with a password; each connection to it is `between`'s and then closed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(writer)
        await between(reader, writer)
        writer.close()

    served: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"{scheme}://me:{PASSWORD}@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in served:
            writer.close()
        await asyncio.sleep(0.01)  # until all are closed


async def refusal(through: str, connect: float = 30.0) -> UpstreamError:
    client = UpstreamClient(Network({"all": through}), ssl.create_default_context, connect)
    patience = Patience(Timeouts(), asyncio.get_running_loop().time() + 60)
    try:
        async with asyncio.timeout(20):
            with pytest.raises(UpstreamError) as caught:
                await client.send(CHAT, patience)
    finally:
        await client.close()
    assert caught.value.status == 502
    assert PASSWORD not in f"{caught.value.message}{caught.value.__cause__}"
    return caught.value


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize("between", [drop, no_socks, no_login, no_way])
async def test_what_a_socks_proxy_may_do(scheme: str, between: Between) -> None:
    async with proxy(scheme, between) as through:
        assert (await refusal(through)).code == "proxy_unreachable"


async def test_a_socks_proxy_that_is_not_there() -> None:
    assert (await refusal(f"socks5://me:{PASSWORD}@127.0.0.1:9")).code == "proxy_unreachable"


async def test_the_package_for_socks_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp_socks", None)
    error = await refusal(f"socks5://me:{PASSWORD}@127.0.0.1:9")
    assert error.code == "socks_missing" and "run `pip install aiohttp-socks PySocks`" in error.message


@pytest.mark.parametrize("kind", [ConnectProxy, SocksProxy])
async def test_a_ca_that_nobody_knows_is_told_as_such_behind_a_proxy(kind: type[ConnectProxy]) -> None:
    with FakeVertex(tls=True) as cloud, kind({"us-east5-aiplatform.googleapis.com": cloud.port}) as between:
        error = await refusal(between.url)
    assert error.code == "tls_failed" and "network.ca_file" in error.message


@pytest.mark.parametrize(("scheme", "code"), [("http", "connect_timeout"), ("socks5", "proxy_unreachable")])
async def test_a_proxy_that_says_nothing_is_not_waited_for(scheme: str, code: str) -> None:
    async with proxy(scheme, nothing) as through:
        assert (await refusal(through, 0.2)).code == code


async def test_what_was_never_sent_has_not_run() -> None:
    """The time for the first byte ends while TLS is still being agreed upon."""
    client = UpstreamClient(Network(), ssl.create_default_context, 30.0)
    patience = Patience(Timeouts(first_byte=0.2), asyncio.get_running_loop().time() + 60)
    async with proxy("https", nothing) as url:
        with pytest.raises(UpstreamError) as caught:
            await client.send(replace(CHAT, url=f"https://{url.rpartition('@')[2]}"), patience)
        await client.close()
    assert caught.value.code == "first_byte_timeout" and not caught.value.unsure


@pytest.mark.parametrize("size", [0, 1, 262_144, 262_145, 5_000_000])
async def test_a_body_arrives_whole(size: int) -> None:
    body = random.Random(size).randbytes(size)
    head, arrived = await answered(body, size)
    assert f"content-length: {size}" in head.lower() and "chunked" not in head.lower()
    assert arrived == body


async def test_an_answer_that_comes_before_the_body_is_whole_is_heard() -> None:
    _, arrived = await answered(b"x" * 20_000_000, 1000)
    assert len(arrived) < 20_000_000


async def test_a_large_body_is_not_copied() -> None:
    size = 20_000_000
    body = bytes(size)
    tracemalloc.start()
    try:
        _, arrived = await answered(body, size)
        assert len(arrived) == size  # what has arrived is one copy
        assert tracemalloc.get_traced_memory()[1] < 1.7 * size
    finally:
        tracemalloc.stop()


async def answered(body: bytes, until: int) -> tuple[str, bytearray]:
    """The head and the bytes of the body that a cloud has read which answers as soon as it has `until` of them."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal head
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        while len(arrived) < until:
            arrived.extend(await reader.read(65_536))
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 7\r\nconnection: close\r\n\r\nno more")
        await gone.wait()
        writer.close()

    head, arrived, gone = "", bytearray(), asyncio.Event()
    client = UpstreamClient(Network(), ssl.create_default_context, 30.0)
    patience = Patience(Timeouts(), asyncio.get_running_loop().time() + 60)
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        response = await client.send(replace(CHAT, url=url, body=body), patience)
        assert (response.status, await response.read(100)) == (413, b"no more")
        gone.set()
        await client.close()
    return head, arrived
