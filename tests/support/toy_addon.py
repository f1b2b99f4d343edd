"""A real proxy in a thread, a host whose answers are scripts of the test, and a client that shows every byte."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any, Literal

from mitmproxy import http, options
from mitmproxy.tools.dump import DumpMaster

from oai_bridge.answer import Answer, Head
from oai_bridge.stream_layer import install

Script = Callable[[http.HTTPFlow], AsyncGenerator[Any, None]]

SSE = Head(200, (("content-type", "text/event-stream"),))
MAX_BODY = 256 * 1024


def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
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

    def last_word(self, flow: http.HTTPFlow, started: bool, reason: Literal["aborted", "internal"]) -> bytes:
        return f"data: {reason}\n\n".encode() if started else f'{{"error": "{reason}"}}'.encode()

    # mitmproxy

    def load(self, loader: object) -> None:
        self.undo = install(self)

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
        assert self._ready.wait(10), "the proxy did not start"

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

    def stop(self) -> None:
        self.master.shutdown()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function in the proxy's loop."""

        async def call() -> Any:
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(10)

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


class Client:
    """One HTTP/1 connection."""

    def __init__(self, port: int, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")
        self.headers: dict[str, str] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, path: str, body: bytes = b"", method: str = "POST", headers: Iterable[str] = ()) -> Client:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
        if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode() + body)
        return self

    def status(self) -> int:
        """Reads a head."""
        line = self.file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        self.headers = {}
        while (field := self.file.readline()) not in (b"\r\n", b""):
            name, _, value = field.decode().partition(":")
            self.headers[name.lower()] = value.strip()
        return int(line.split()[1])

    def chunk(self) -> bytes:
        """Reads one chunk; b"" is the terminating one."""
        line = self.file.readline()
        assert line.endswith(b"\r\n"), f"the body was cut: {line!r}"
        size = int(line, 16)
        data = self.file.read(size)
        assert self.file.read(2) == b"\r\n"
        return data

    def body(self) -> bytes:
        """Reads a whole body, and insists on its proper end."""
        if "content-length" in self.headers:
            data = self.file.read(int(self.headers["content-length"]))
            assert len(data) == int(self.headers["content-length"]), "the body was cut"
            return data
        assert self.headers["transfer-encoding"] == "chunked"
        return b"".join(iter(self.chunk, b""))

    def closed(self) -> bool:
        """The server ends the connection, and says nothing before."""
        return self.file.read() == b""
