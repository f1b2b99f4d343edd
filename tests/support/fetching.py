"""A fetcher with a resolver of its own, and what is asked of it: for the tests of fetch.py."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from oai_bridge.errors import InvalidRequest
from oai_bridge.openai.chat import ChatRequest, Document, Image, Message, Part, Remote
from oai_bridge.outward import fetch
from oai_bridge.outward.fetch import Fetcher
from oai_bridge.settings.values import Images, Network

PARAM = "messages[0].content[1].image_url.url"
SECRET = "sig-9f8e7d"
PDF = b"%PDF-1.7\n" + b"x" * 100
OPEN = Images(allow_private=True, timeout=60)
LOCAL = ("127.0.0.1",)


class Names:
    """A resolver; a name's n-th look-up gives the n-th list, the last one stays. `asked` are all look-ups."""

    def __init__(self, names: Mapping[str, Sequence[Sequence[str]]] | None = None) -> None:
        self._names = names
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        if self._names is None:
            self.asked.append((host, port))
            return LOCAL
        lists = self._names.get(host)
        if lists is None:
            raise socket.gaierror(socket.EAI_NONAME, f"{host} is unknown to me")
        times = [name for name, _ in self.asked].count(host)
        self.asked.append((host, port))
        return lists[min(times, len(lists) - 1)]


@asynccontextmanager
async def fetcher(
    images: Images = OPEN, names: fetch.Resolver | None = None, trust: ssl.SSLContext | None = None
) -> AsyncIterator[Fetcher]:
    one = Fetcher(images, Network(), lambda: trust or ssl.create_default_context(), names or Names())
    try:
        yield one
    finally:
        await one.close()


async def get(one: Fetcher, url: str) -> Image | Document:
    return (await one.get_all([Remote(url, PARAM)]))[url]


async def got(url: str, images: Images = OPEN, names: Names | None = None) -> Image | Document:
    async with fetcher(images, names) as one:
        return await get(one, url)


async def refusal(url: str, images: Images = OPEN, names: Names | None = None) -> str:
    """The message of the error, which must be as the client expects it."""
    with pytest.raises(InvalidRequest) as caught:
        await got(url, images, names)
    error = caught.value
    assert (error.status, error.code, error.param) == (400, "image_unavailable", PARAM)
    assert error.__cause__ is None
    return error.message


def chat(*parts: Part, role: str = "user") -> ChatRequest:
    return ChatRequest("claude-sonnet-4-5", (Message(role, parts, None, 0),))  # type: ignore[arg-type]  # a parameter


async def slow_head(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def slow_body(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)
