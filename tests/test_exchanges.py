"""exchanges/: what is sent again and what never is; a kept connection may die at any moment."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from oai_bridge.answer import Head
from oai_bridge.backends.vertex import VertexClaude
from oai_bridge.credentials.base import Access
from oai_bridge.exchanges import Door, Incoming, Services, exchange
from oai_bridge.fetch import Fetcher
from oai_bridge.inspector.record import Record
from oai_bridge.models.catalog import Catalog
from oai_bridge.pool import Pool
from oai_bridge.routing import Route
from oai_bridge.settings import Claude, Config, Images, Network, Vertex
from oai_bridge.upstream import UpstreamClient

REPLY = b'{"type": "message", "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn"}'
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CHAT = json.dumps({"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hello"}]}).encode()


class Token:
    """A credential that always has a token."""

    label = "test"
    region = "us-east5"

    async def access(self) -> Access:
        return Access("project", self.region, "token")

    def refuse(self, access: Access) -> None:
        raise AssertionError("nobody refused it")


class Cloud:
    """Answers the first request of each connection. What happens to a later one is `later`: seconds until the
    connection is closed without a word."""

    def __init__(self, later: float) -> None:
        self.later = later
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for first in (True, False):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            self.requests += 1
            if first:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(REPLY), REPLY))
            else:
                await asyncio.sleep(self.later)
        writer.close()


@asynccontextmanager
async def services(serve: Serve) -> AsyncIterator[Services]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    config = Config(vertex=Vertex(base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    upstream = UpstreamClient(Network(), ssl.create_default_context)
    door = Door(VertexClaude(config.vertex, Claude()), Pool([Token()]))
    fetcher = Fetcher(Images(), Network(), ssl.create_default_context)
    yield Services(config, Catalog(), {"vertex": door}, upstream, fetcher, time.time)
    await upstream.close()
    await fetcher.close()
    server.close()


async def ask(parts: Services) -> tuple[int, Record]:
    record = Record("req_1")
    pieces = [piece async for piece in exchange(parts, Incoming(Route("chat"), CHAT), record).answer()]
    assert isinstance(pieces[0], Head)
    return pieces[0].status, record


async def test_a_kept_connection_that_was_dead_is_replaced() -> None:
    cloud = Cloud(later=0)
    async with services(cloud.serve) as parts:
        assert (await ask(parts))[0] == 200
        status, record = await ask(parts)
    assert status == 200
    assert [attempt.status for attempt in record.attempts] == [None, 200]
    assert "closed meanwhile" in (record.attempts[0].error or "")
    assert dict(record.to_metadata())["attempts"][0]["headers"]["authorization"] == "Bearer ***"


async def test_a_request_that_may_have_been_worked_on_is_not_sent_again() -> None:
    cloud = Cloud(later=0.8)
    async with services(cloud.serve) as parts:
        assert (await ask(parts))[0] == 200
        status, record = await ask(parts)
    assert status == 502
    assert record.error is not None and record.error.code == "upstream_closed"
    assert cloud.requests == 2


async def test_the_clouds_request_id_is_kept_with_an_error() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"type": "error", "error": {"type": "api_error", "message": "no"}, "request_id": "req_vrtx_1"}'
        writer.write(b"HTTP/1.1 500 Oh\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    async with services(refuse) as parts:
        status, record = await ask(parts)
    assert status == 500
    assert record.to_metadata()["upstream_request_id"] == "req_vrtx_1"


async def test_an_error_that_is_cut_off_keeps_its_status() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 100\r\n\r\n{")
        writer.close()

    async with services(cut) as parts:
        status, record = await ask(parts)
    assert status == 429
    assert record.error is not None and record.error.retry_after == 7
