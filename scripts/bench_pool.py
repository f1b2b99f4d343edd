"""Measures what the pool and the queue cost: the same proxy with them and without, in turns, with one credential.

Run it with the environment of the tests: `.venv-dev/bin/python scripts/bench_pool.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.proxy import CHAT, Proxy

BODY = json.dumps({"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}).encode()
CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}

# Loaded after the addon: everybody may go on at once, and nothing is learned.
WITHOUT = """
from oai_bridge.waiting.gate import Gate
from oai_bridge.waiting.pool import Permit

async def enter(self, visit, wanted, tried, deadline):
    return Permit(wanted[0], 0.0)

Gate.enter = enter
Gate.settle = lambda self, permit, verdict: None
Gate.release = lambda self, permit: None
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000, help="in each round")
    parser.add_argument("--at-once", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, cloud() as port:
        script = Path(folder) / "without.py"
        script.write_text(WITHOUT, "utf-8")
        with proxy(Path(folder) / "with", port) as on, proxy(Path(folder) / "off", port, "-s", str(script)) as off:
            found: dict[str, list[float]] = {"with": [], "without": []}
            for _ in range(given.rounds + 1):
                for name, one in (("with", on), ("without", off)):
                    found[name].append(asyncio.run(rate(one.port, given.requests, given.at_once)))
    print(f"{given.requests} streams of 20 events a round, {given.at_once} at once; the first round warms up")
    for name, rates in found.items():
        shown = " ".join(f"{one:.0f}" for one in rates[1:])
        print(f"  {name + ' the pool':18} {statistics.median(rates[1:]):7.0f} streams/s   ({shown})")
    ratio = statistics.median(a / b for a, b in zip(found["with"][1:], found["without"][1:], strict=True))
    print(f"  ratio {ratio:.3f}, the median of the rounds")


def proxy(folder: Path, port: int, *more: str) -> Proxy:
    folder.mkdir()
    accounts = [{"endpoint": f"http://127.0.0.1:{port}", "api_key": "k" * 32, "deployments": ["gpt-4o"]}]
    return Proxy(folder, config=json.dumps({"azure": {"accounts": accounts}}), arguments=more)


@contextmanager
def cloud() -> Iterator[int]:
    """A cloud that says the same to everybody, in a thread of its own; its port."""
    chunks = [{**CHUNK, "choices": [{"index": 0, "delta": {"content": " word"}, "finish_reason": None}]}] * 19
    chunks.append({**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    body = b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"
    head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {len(body)}\r\n\r\n".encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(asked.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
                writer.write(head + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        started.set_result(server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    started: Future[int] = Future()
    threading.Thread(target=asyncio.run, args=(run(),), daemon=True).start()
    yield started.result(10)


async def rate(port: int, requests: int, at_once: int) -> float:
    """Streams a second, over kept connections."""
    numbers = iter(range(requests))
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in numbers:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n0\r\n\r\n")
            assert b" 200 " in answer[:20] and b"[DONE]" in answer
        writer.close()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(client())
    return requests / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
