"""A real proxy in a thread, a host whose answers are scripts of the test, and the scripts that many tests use."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from typing import Any

from mitmproxy import http, options
from mitmproxy.tools.dump import DumpMaster

from oai_bridge.answer import Answer, Head
from oai_bridge.streaming.stream_layer import Premature, install
from tests.support.raw_client import Client

Items = AsyncGenerator[Any, None]
Script = Callable[[http.HTTPFlow], Items]

JSON = ("content-type", "application/json")
SSE = Head(200, (("content-type", "text/event-stream"),))
MAX_BODY = 256 * 1024
HELLO = b"data: Hello\n\ndata: world\n\n"
PIECE = b"data: " + b"x" * 16376 + b"\n\n"
SECRET = "a part of the request"


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Waits for a condition, or fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)


async def passed(gate: threading.Event) -> None:
    """Waits in the proxy's loop for an event of the test's thread."""
    while not gate.is_set():
        await asyncio.sleep(0.002)


def descriptors() -> int:
    """Open file descriptors of this process (where the system tells them)."""
    return next((len(os.listdir(folder)) for folder in ("/proc/self/fd", "/dev/fd") if os.path.isdir(folder)), 0)


class ToyHost:
    """The addon: answers each path by its script, and keeps what the hooks saw."""

    def __init__(self) -> None:
        self.max_body = MAX_BODY
        self.watched = True
        self.grown: list[bytes] = []  # what a flow had of its answer, each time that it was shown
        self.scripts: dict[str, Script] = {}
        self.early: dict[str, Callable[[], http.Response]] = {}
        self.in_hook: dict[tuple[str, str], Callable[[http.HTTPFlow], Any]] = {}
        self.hooks: dict[str, list[str]] = defaultdict(list)
        self.flows: dict[str, list[http.HTTPFlow]] = defaultdict(list)
        self.undo: Callable[[], None] | None = None

    def forget(self) -> None:
        """Lets go of all flows."""
        self.flows.clear()

    # Host

    def open(self, flow: http.HTTPFlow) -> Answer:
        return self.scripts[flow.request.path](flow)

    def too_large(self, flow: http.HTTPFlow) -> http.Response:
        return http.Response.make(413, b'{"error": "too large"}', {"content-type": "application/json"})

    def last_word(self, flow: http.HTTPFlow, started: bool, reason: Premature) -> bytes:
        return f"data: {reason}\n\n".encode() if started else f'{{"error": "{reason}"}}'.encode()

    def grew(self, flow: http.HTTPFlow) -> None:
        assert flow.intercepted
        if flow.response is not None:
            self.grown.append(flow.response.raw_content or b"")

    # mitmproxy

    def load(self, loader: object) -> None:
        self.undo = install(self).undo

    def done(self) -> None:
        if self.undo is not None:
            self.undo()

    async def _seen(self, name: str, flow: http.HTTPFlow) -> None:
        path = flow.request.path
        if flow not in self.flows[path]:
            self.flows[path].append(flow)
        self.hooks[path].append(name)
        if action := self.in_hook.get((name, path)):
            result = action(flow)
            if asyncio.iscoroutine(result):
                await result

    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        if make := self.early.get(flow.request.path):
            flow.response = make()
        await self._seen("requestheaders", flow)

    async def request(self, flow: http.HTTPFlow) -> None:
        await self._seen("request", flow)

    async def responseheaders(self, flow: http.HTTPFlow) -> None:
        await self._seen("responseheaders", flow)

    async def response(self, flow: http.HTTPFlow) -> None:
        await self._seen("response", flow)

    async def error(self, flow: http.HTTPFlow) -> None:
        await self._seen("error", flow)


class Proxy:
    """A mitmdump with a `ToyHost`, in its own thread and event loop."""

    def __init__(self, confdir: str) -> None:
        self.toy = ToyHost()
        self._confdir = confdir
        self._ready = threading.Event()
        self._paths = 0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._thread.start()
        assert self._ready.wait(30), "the proxy did not start"

    async def _main(self) -> None:
        self.loop = asyncio.get_running_loop()
        settings = options.Options(mode=["reverse:http://127.0.0.1:9@127.0.0.1:0"], confdir=self._confdir)
        self.master = DumpMaster(settings, with_termlog=False, with_dumper=False)
        self.master.options.update(connection_strategy="lazy", keep_host_header=True)
        self.master.addons.add(self.toy)
        running = asyncio.create_task(self.master.run())
        self.server = self.master.addons.get("proxyserver")
        while not (self.server.is_running and self.server.listen_addrs()):
            await asyncio.sleep(0.01)
        self.port = self.server.listen_addrs()[0][1]
        self._ready.set()
        await running
        await self.server.servers.update([])  # else its socket stays open until some later test

    def stop(self) -> None:
        self.master.shutdown()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function in the proxy's loop."""

        async def call() -> Any:
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(30)

    def jobs(self) -> int:
        return self.call(lambda: sum(task.get_name() == "bridge answer" for task in asyncio.all_tasks()))

    def script(self, script: Script) -> str:
        """A path of its own for this script."""
        self._paths += 1
        path = f"/{self._paths}-{script.__name__}"
        self.toy.scripts[path] = script
        return path

    def flow(self, path: str) -> http.HTTPFlow:
        until(lambda: self.toy.flows[path])
        return self.toy.flows[path][-1]

    def ended(self, path: str) -> list[str]:
        """The hooks of the path, after its last one."""
        until(lambda: set(self.toy.hooks[path]) & {"response", "error"})
        return self.toy.hooks[path]


async def hello(flow: http.HTTPFlow) -> Items:
    yield SSE
    for word in (b"data: Hello\n\n", b"", b"data: world\n\n"):
        yield word


async def echo(flow: http.HTTPFlow) -> Items:
    body = flow.request.content or b""
    yield Head(200, (JSON, ("content-length", str(len(body)))))
    yield body


class Endless:
    """A script that sends without end, and tells what becomes of it."""

    def __init__(self, pause: float = 0.002, head: bool = True, piece: bytes = b"data: again\n\n") -> None:
        self.pause, self.head, self.piece = pause, head, piece
        self.produced = 0
        self.begun = threading.Event()
        self.closed = threading.Event()

    __name__ = "endless"

    async def __call__(self, flow: http.HTTPFlow) -> Items:
        try:
            self.begun.set()
            if not self.head:
                await asyncio.Event().wait()
            yield SSE
            while True:
                self.produced += len(self.piece)
                yield self.piece
                await asyncio.sleep(self.pause)
        finally:
            self.closed.set()


async def no_head(flow: http.HTTPFlow) -> Items:
    return
    yield


async def raises_later(flow: http.HTTPFlow) -> Items:
    yield SSE
    yield b"data: first\n\n"
    raise ValueError(SECRET)


def no_answer(flow: http.HTTPFlow) -> Any:
    raise KeyError(SECRET)


def stands_still(produced: Callable[[], int]) -> bool:
    """Whether an answer that has begun produces nothing for a while."""
    before = produced()
    time.sleep(0.2)
    return before == produced() > 0


def still_usable(proxy: Proxy, client: Client) -> None:
    """The next request on the same connection is answered."""
    assert client.request(proxy.script(hello)).status() == 200
    assert client.body() == HELLO


def assert_killed(proxy: Proxy, path: str) -> None:
    assert proxy.ended(path)[-1] == "error"
    time.sleep(0.05)
    assert proxy.toy.hooks[path].count("error") == 1 and "response" not in proxy.toy.hooks[path]
    error = proxy.flow(path).error
    assert error is not None and error.msg == error.KILLED_MESSAGE
