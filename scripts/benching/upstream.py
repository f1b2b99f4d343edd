"""A fake cloud in a process of its own: plain, with TLS, and with TLS behind a long line. It prints its addresses.

It sends bytes that were made before, looks at a request no more than it has to, and accepts every credential.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from benching import talk
from tests.support.cloud_keys import certificate

ONE_WAY = 0.025
"""Seconds that a byte is on the long line."""
WANTED = re.compile(rb"\[\[(whole|stream|stamped)((?: \d+)*)\]\]")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
LOOKED_AT = 16_384
"""Bytes at the beginning of a body in which it is looked for what is wanted."""
LAST_CHUNK = b"0\r\n\r\n"


def part(data: bytes) -> bytes:
    """As a part of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@cache
def pieces(binary: bool, size: int) -> tuple[bytes, bytes, bytes, bytes]:
    """How a stream begins, so many of its events in one piece, the same with other words (LiteLLM takes a model that
    repeats itself for a broken one), and how it ends."""
    write = talk.chunk if binary else talk.sse
    kind = b"application/vnd.amazon.eventstream" if binary else b"text/event-stream; charset=utf-8"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n" % kind
    first = b"".join(map(write, talk.FIRST))
    one, other = (part(write(talk.delta(words)) * size) for words in (talk.WORDS, talk.WORDS.upper()))
    return head + part(first), one, other, part(b"".join(map(write, talk.LAST))) + LAST_CHUNK


@cache
def json_answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


class Cloud(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self.left = 0  # bytes of the body that are still to come
        self.begun = b""  # of a request: its head, or the beginning of its body
        self.path = b""
        self.room = asyncio.Event()
        self.gone = False
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        if self.task is not None:
            self.task.cancel()

    def pause_writing(self) -> None:
        self.room.clear()

    def resume_writing(self) -> None:
        self.room.set()

    def data_received(self, data: bytes) -> None:
        if not self.left:
            self.begun += data
            head, ended, data = self.begun.partition(b"\r\n\r\n")
            if not ended:
                return
            found = LENGTH.search(head)
            self.path, self.begun = head.split(b" ", 2)[1], b""
            self.left = int(found[1]) if found else 0
        if len(self.begun) < LOOKED_AT:
            self.begun += data
        self.left -= len(data)
        if not self.left:
            asked, self.begun = self.begun, b""
            self.answer(asked)

    def answer(self, body: bytes) -> None:
        if self.path.endswith(b"/token"):
            token = {"access_token": "t" * 200, "expires_in": 3599, "token_type": "Bearer"}
            self.transport.write(json_answer(json.dumps(token).encode()))
            return
        wanted = WANTED.search(body)
        kind = wanted[1] if wanted else b"whole"
        numbers = [int(number) for number in wanted[2].split()] if wanted else []
        binary = self.path.endswith(b"/invoke-with-response-stream")
        if kind == b"whole":
            self.transport.write(json_answer(talk.whole()))
        elif kind == b"stamped":
            self.task = asyncio.create_task(self.stamped(*numbers))
        else:
            self.task = asyncio.create_task(self.stream(binary, *numbers))

    async def stream(self, binary: bool, events: int, size: int, pause: int) -> None:
        first, one, other, last = pieces(binary, size)
        self.transport.write(first)
        due = asyncio.get_running_loop().time()
        for number in range(events // size):
            await self.room.wait()
            self.transport.write(other if number % 2 else one)
            if pause:
                due += pause / 1000
                await asyncio.sleep(due - asyncio.get_running_loop().time())
        self.transport.write(last)

    async def stamped(self, events: int, pause: int) -> None:
        first, *_, last = pieces(False, 1)
        before, _, after = talk.sse(talk.delta(f"@{talk.WORDS}")).partition(b"@")
        self.transport.write(first)
        for _ in range(events):
            stamp = (talk.STAMP % time.monotonic_ns()).encode()
            self.transport.write(part(before + stamp + after))
            await asyncio.sleep(pause / 1000)
        self.transport.write(last)


class Line(asyncio.Protocol):
    """One end of a long line. What is written at `at` arrives `ONE_WAY` later; making a connection takes a round."""

    def __init__(self, other: Line | None, port: int) -> None:
        self.other = other
        self.port = port
        self.transport: asyncio.Transport | None = None
        self.waiting: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        loop = asyncio.get_running_loop()
        self.opens = loop.time() + 2 * ONE_WAY  # a client may speak only now
        if self.other is None:
            self.other = Line(self, self.port)
            self.task = loop.create_task(loop.create_connection(lambda: self.other or self, "127.0.0.1", self.port))
        else:
            self.opens = loop.time()
        for data in self.waiting:
            transport.write(data)

    def data_received(self, data: bytes) -> None:
        other = self.other
        assert other is not None
        loop = asyncio.get_running_loop()
        loop.call_at(max(loop.time(), self.opens) + ONE_WAY, lambda: other.write(data))

    def write(self, data: bytes) -> None:
        if self.transport is None:
            self.waiting.append(data)
        else:
            self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            asyncio.get_running_loop().call_later(ONE_WAY, self.other.transport.close)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        ca_file, chain = certificate(Path(folder))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)

        async def listen(make: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None = None) -> int:
            server = await loop.create_server(make, "127.0.0.1", 0, ssl=tls, backlog=1000)
            return int(server.sockets[0].getsockname()[1])

        plain, tls = await listen(Cloud), await listen(Cloud, context)
        far = await listen(lambda: Line(None, tls))
        print(json.dumps({"plain": plain, "tls": tls, "far": far, "ca_file": str(ca_file)}), flush=True)
        await loop.run_in_executor(None, sys.stdin.read)  # until the one who started it is gone


if __name__ == "__main__":
    asyncio.run(serve())
