"""Clients that ask a proxy for one stream after the other, many at once, beside whatever a test does meanwhile.

with Load(proxy, at_once=50) as load:
    ...
assert load.kinds() == {"answer": len(load.ends)}
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Self

import aiohttp

from tests.support.proxy import CHAT, Proxy
from tests.support.storms import body, ending

_PAUSE = 0.1  # seconds until a client that got no answer asks again


@dataclass(frozen=True, slots=True)
class End:
    """How a request ended: `answer`, the proxy's error, `cut` (the connection), `no connection`, or what is wrong."""

    kind: str
    request_id: str
    began: float
    ended: float


class Load:
    """A context manager: inside it, each of the clients asks again as soon as it has its answer; at its end each waits
    for the last one. `once`: a client that got no answer leaves. Times are `time.monotonic`."""

    def __init__(self, proxy: Proxy, at_once: int, *, name: str = "l", once: bool = False) -> None:
        self._proxy, self._at_once, self._name, self._once = proxy, at_once, name, once
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._over = threading.Event()
        self.sent = 0
        self.ends: list[End] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=180)
        assert not self._thread.is_alive(), "a client still waits for its answer"

    def kinds(self, since: float = 0.0) -> Counter[str]:
        """How many ended in which way, of those that began after this moment."""
        return Counter(end.kind for end in list(self.ends) if end.began > since)

    def answered(self) -> set[str]:
        """The ids of the requests that have their whole answer."""
        return {end.request_id for end in list(self.ends) if end.kind == "answer"}

    async def _run(self) -> None:
        numbers = itertools.count()
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        timeout = aiohttp.ClientTimeout(total=150)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(self._client(session, numbers))

    async def _client(self, session: aiohttp.ClientSession, numbers: itertools.count[int]) -> None:
        while not self._over.is_set():
            began, self.sent = time.monotonic(), self.sent + 1
            kind, request_id = await self._ask(session, f"{self._name}{next(numbers)}")
            self.ends.append(End(kind, request_id, began, time.monotonic()))
            if kind != "answer":
                if self._once:
                    return
                await asyncio.sleep(_PAUSE)

    async def _ask(self, session: aiohttp.ClientSession, name: str) -> tuple[str, str]:
        request_id = ""
        try:
            async with session.post(f"http://127.0.0.1:{self._proxy.port}{CHAT}", json=body(name)) as response:
                request_id = response.headers.get("x-request-id", "")
                return ending(response.status, await response.read()), request_id
        except aiohttp.ClientConnectorError:
            return "no connection", request_id
        except (aiohttp.ClientError, ConnectionError):
            return "cut", request_id
        except (TimeoutError, ValueError, KeyError) as error:
            return f"wrong: {error!r}", request_id
