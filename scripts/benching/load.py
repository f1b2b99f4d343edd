"""A load generator in a process of its own: one job as JSON on standard input, what it saw as JSON on standard output.

It sends bytes that were made before and looks at an answer no more than it has to.
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

STAMP = re.compile(rb"<(\d{20})>")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
END = b"\r\n0\r\n\r\n"
ENOUGH = 120.0
"""Seconds that a job may take."""


@dataclass(frozen=True, slots=True)
class Job:
    """So many requests, the same each, over so many connections, which are kept or made anew for each request. A file
    holds the request. Each answer must have `ending` near its end."""

    port: int
    request: str
    requests: int
    connections: int = 1
    keep: bool = True
    ending: str = ""


@dataclass(slots=True)
class Seen:
    """What came: `first` are milliseconds to the first byte or, where there are stamps, to the first stamp; `transit`
    those that each stamped piece was on its way."""

    seconds: float = 0.0
    cpu: float = 0.0
    requests: int = 0
    received: int = 0
    pieces: int = 0
    first: list[float] = field(default_factory=list)
    transit: list[float] = field(default_factory=list)


class BadAnswer(Exception):
    """What is measured must work."""


class Client(asyncio.Protocol):
    """One connection; `ask` sends the request and waits for the whole answer."""

    def __init__(self, seen: Seen, ending: bytes) -> None:
        self.seen = seen
        self.ending = ending
        self.closed = asyncio.Event()
        self.done: asyncio.Future[None] | None = None
        self.head = self.tail = b""
        self.left: int | None = None
        self.told = False
        self.stamped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    async def ask(self, request: bytes, stamped: bool, began: int) -> None:
        """`began`: when its user wanted it, before any connecting."""
        self.done = asyncio.get_running_loop().create_future()
        self.head = self.tail = b""
        self.left, self.told, self.stamped = None, False, stamped
        self.asked = began
        self.transport.write(request)
        await self.done

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        seen = self.seen
        seen.received += len(data)
        seen.pieces += 1
        if not self.told and (not self.stamped or b"<0" in data):
            self.told = True
            seen.first.append((now - self.asked) / 1e6)
        if self.stamped:
            seen.transit += [(now - int(stamp)) / 1e6 for stamp in STAMP.findall(data)]
        if self.left is None:
            self.head += data
            head, ended, data = self.head.partition(b"\r\n\r\n")
            if not ended:
                return
            if b" 200 " not in head[:20]:
                return self.fail(self.head[:2000])
            length = LENGTH.search(head)
            self.left = int(length[1]) if length else -1
            data = b"\r\n" + data if self.left < 0 else data
        self.tail = self.tail[-len(END) - 64 :] + data if len(data) < len(END) + 64 else data
        if self.left < 0:
            if self.tail.endswith(END):
                self.end()
        else:
            self.left -= len(data)
            if not self.left:
                self.end()

    def end(self) -> None:
        assert self.done is not None
        if self.ending not in self.tail:
            return self.fail(self.tail[-2000:])
        self.seen.requests += 1
        if not self.done.done():
            self.done.set_result(None)

    def fail(self, answer: bytes) -> None:
        if self.done is not None and not self.done.done():
            self.done.set_exception(BadAnswer(answer.decode("utf-8", "replace")))

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(b"The connection was closed before the answer was whole.")


async def run(job: Job) -> Seen:
    seen, left = Seen(), iter(range(job.requests))
    request = Path(job.request).read_bytes()
    stamped = b"[[stamped" in request
    loop = asyncio.get_running_loop()

    async def connection() -> Client:
        return (await loop.create_connection(lambda: Client(seen, job.ending.encode()), "127.0.0.1", job.port))[1]

    async def client() -> None:
        one: Client | None = None
        try:
            for _ in left:
                began = time.monotonic_ns()
                one = one or await connection()
                await one.ask(request, stamped, began)
                if not job.keep:
                    one.transport.close()
                    one = None
        finally:
            if one is not None:
                one.transport.abort()

    began, used = time.perf_counter(), cpu()
    async with asyncio.timeout(ENOUGH), asyncio.TaskGroup() as group:
        for _ in range(job.connections):
            group.create_task(client())
    seen.seconds, seen.cpu = time.perf_counter() - began, cpu() - used
    return seen


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    job = Job(**json.loads(sys.stdin.read()))
    try:
        seen = asyncio.run(run(job))
    except* (BadAnswer, OSError, TimeoutError) as error:
        sys.exit(f"The load generator got no good answer: {error.exceptions[0]!r}")
    print(json.dumps(asdict(seen)))


if __name__ == "__main__":
    main()
