"""A cloud of a few lines for tests of one exchange: a function answers each request, over a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from typing import Any

from oai_bridge.backends import Account, Entry
from oai_bridge.backends.base import Backend
from oai_bridge.credentials.base import Outbound
from oai_bridge.directory import Door, Way
from oai_bridge.errors import NotFound
from oai_bridge.exchanges import Services
from oai_bridge.outward.upstream import UpstreamClient
from oai_bridge.routing import Route
from oai_bridge.settings.traffic import Failover
from oai_bridge.settings.values import Config
from tests.support.parts import parts


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Reply:
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class SmallCloud:
    """`asked` are all requests, in the order of their coming; `most` is how many were under way at the same time."""

    def __init__(self, answer: Callable[[Request], Awaitable[Reply]]) -> None:
        self.asked: list[Request] = []
        self.most = 0
        self._now = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._tasks.add(task)
        with closing(writer), suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                await self._serve_one(reader, writer)

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.asked.append(Request(first.split()[1], headers, json.loads(body)))
        self._now += 1
        self.most = max(self.most, self._now)
        reply = await self._answer(self.asked[-1])
        self._now -= 1
        told = {"content-type": "application/json", **reply.headers, "content-length": str(len(reply.body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        writer.write(f"HTTP/1.1 {reply.status} X\r\n{head}\r\n".encode() + reply.body)
        await writer.drain()

    async def close(self) -> None:
        """Drops what is still under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)


class Key:
    """A credential, and the access that it gives, with a key in one header."""

    label = "test"
    place = "here"
    rank = 0
    region = "us-east-1"
    secrets = ("a-key",)

    def headers(self, outbound: Outbound) -> Mapping[str, str]:
        return {"authorization": "Bearer a-key"}

    def serves(self, model: str) -> bool:
        return True

    def lists(self, model: str) -> bool:
        return False

    async def access(self) -> Key:
        return self

    def refuse(self, access: Key) -> None:
        raise AssertionError("nobody refused it")


class _OneDoor:
    """A directory of a single door."""

    def __init__(self, account: Account, backend: Backend[Any, Any]) -> None:
        entry = Entry(account, "the small cloud", ("x", "y"), ("embeddings", "images"), lambda *_: backend)
        self._door = Door(backend, entry)

    def ways(self, route: Route, name: str, client: object = None) -> tuple[Way, ...]:
        if (facts := self._door.backend.find(name)) is None:
            raise NotFound("There is no such model here.", param="model")
        return (Way(self._door, facts),)


@asynccontextmanager
async def services(
    cloud: SmallCloud, account: Account, make: Callable[[str], Backend[Any, Any]], **config: Any
) -> AsyncIterator[Services]:
    """What an exchange needs to reach the cloud, once, by the door that `make` makes for its URL."""
    server = await asyncio.start_server(cloud.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    directory: Any = _OneDoor(account, make(url))
    try:
        async with parts(Config(**{"failover": Failover(attempts=1), **config}), directory, {account: [Key()]}) as made:
            yield made
    finally:
        server.close()
        await cloud.close()


def in_use(upstream: UpstreamClient) -> int:
    """Connections that are neither closed nor waiting for the next request."""
    return sum(len(session.connector._acquired) for session in upstream._sessions.values() if session.connector)
