"""Web sites that do as a test says, on bare sockets, so that they can also do what no web server would."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))

Handler = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Is given the head of a request, and answers; then the connection is closed."""


@dataclass(slots=True)
class Site:
    """`heads` are those of all requests; `names` what each TLS client called the server; `open` counts connections."""

    port: int = 0
    heads: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    open: int = 0

    async def wait_until_left(self) -> None:
        """Returns when no connection is open any more."""
        async with asyncio.timeout(20):
            while self.open:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def site(handler: Handler, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Site]:
    here = Site()
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.open += 1
        writers.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                here.heads.append(head)
                await handler(head, reader, writer)
        finally:
            here.open -= 1
            writers.discard(writer)
            writer.close()

    if tls is not None:
        tls.sni_callback = lambda _connection, name, _context: here.names.append(name)
    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        server.close()
        for writer in tuple(writers):
            writer.transport.abort()
        await asyncio.sleep(0.01)  # until all are closed


def answer(body: bytes = PNG, status: int = 200, **headers: str | None) -> Handler:
    """The same answer to all: `body` with these headers besides content-length; None leaves one out."""

    async def handler(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        given = {"content_length": str(len(body)), **headers}
        lines = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in given.items() if text is not None)
        writer.write(f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode() + body)
        await writer.drain()

    return handler


def header(head: str, name: str) -> str | None:
    """The value of a header in the head of a request."""
    for line in head.split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return None
