"""A real mitmdump or mitmweb with the addon in it, as a user starts it, in a folder of its own.

with Proxy(folder, environment=cloud.environment()) as proxy:
    answer = proxy.post("/v1/chat/completions", {"model": ..., "messages": [...]})
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import openai

from tests.support import forked

ROOT = Path(__file__).parent.parent.parent
ADDON = ROOT / "addon" / "oai_vertex.py"
CHAT = "/v1/chat/completions"
MODEL = "claude-sonnet-4-5"
ASK: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Say hello."}]}
KEY = "k-7Xq2mZv9LbT4wRc8Ny3Pd6Fh5Js1Ga0"
"""A client key that is long enough."""
ONCE: dict[str, Any] = {"failover": {"attempts": 1, "rest": False}}
"""Settings under which what the cloud answers is what the client gets, whatever came before."""
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For SDKs that speak plain HTTP: to read all CAs for each client takes 50 ms."""
USUAL = {"HOME": "/nowhere", "PATH": os.environ["PATH"], "PYTHONPATH": str(ADDON.parent), "PYTHONUNBUFFERED": "1"}
"""What there is in every proxy's environment; each has a home of its own."""
TROUBLE = re.compile(
    r"Traceback|Unclosed|never retrieved|never awaited|defect|please report|Addon error", re.IGNORECASE
)
"""What the log of a proxy that works never has, whatever its clients and the cloud do."""
PYTHON_BUG = re.compile(r"Exception in callback StreamReaderProtocol.connection_made.*?CancelledError\n", re.DOTALL)
"""What asyncio up to Python 3.12.1 logs for each connection that is open at the end."""
_PORTS = itertools.count(secrets.randbelow(16_000))


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """OpenAI's error object, checked for its shape."""
        error = self.json()["error"]
        assert error.keys() == {"message", "type", "param", "code"}
        assert isinstance(error["message"], str) and error["message"]
        assert isinstance(error["type"], str)
        return error

    @property
    def text(self) -> str:
        """What the model said, whichever way it came."""
        if self.headers["content-type"].startswith("application/json"):
            return self.json()["choices"][0]["message"]["content"]
        chunks = [json.loads(data) for data in events(self.body) if data != "[DONE]"]
        return "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])


class Proxy:
    """The process; a context manager, which waits until it serves and at the end looks for trouble in its log.

    Nothing of the outer environment gets in: no proxies, no credentials, no settings of this project's own folder.
    mitmproxy's own certificates are there, as after an earlier start; without them it makes new ones.
    `modes` replaces the one reverse mode on `port`; an empty list leaves it to the addon. It is forked where that is as
    good as a start, unless it is to be `fresh`: for tests of the start itself and of what is in memory after it.
    `command`, `environment` and `fresh` may be changed before it starts.
    """

    def __init__(
        self,
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        dotenv: str = "",
        config: str = "",
        program: str = "mitmdump",
        modes: Sequence[str] | None = None,
        arguments: Sequence[str] = (),
        port: int | None = None,
        trouble: re.Pattern[str] = TROUBLE,
        fresh: bool = False,
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._trouble = trouble
        self.fresh = fresh
        (folder / ".env").write_text(dotenv, "utf-8")  # also empty: it hides the one in the project's folder
        (folder / "config.yaml").write_text(config, "utf-8")
        (folder / ".mitmproxy").mkdir(exist_ok=True)
        for name, content in _authority().items():
            (folder / ".mitmproxy" / name).write_bytes(content)
        self.environment = {**USUAL, "HOME": str(folder), "PORT": str(self.port), **(environment or {})}
        if modes is None:
            modes = [f"reverse:http://127.0.0.1:9@127.0.0.1:{self.port}"]
        tool = shutil.which(program, path=str(Path(sys.executable).parent))
        assert tool is not None
        self.command = [tool, "-s", str(ADDON), *(word for mode in modes for word in ("--mode", mode)), *arguments]
        self._log = folder / "log.txt"

    def __enter__(self) -> Proxy:
        self.start()
        try:
            self.wait_until_it_serves()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        code = self.stop()
        if kind is None:
            assert code == 0, self.log()
            assert not self._trouble.search(PYTHON_BUG.sub("", self.log())), self.log()

    def start(self) -> None:
        with self._log.open("wb") as log:
            how = (self.command, self.folder, self.environment, log)
            self.process = forked.fresh(*how) if self.fresh else forked.start(*how, usual=USUAL)

    def wait_until_it_serves(self, timeout: float = 60.0) -> None:
        deadline = time.monotonic() + timeout
        while True:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}\n{self.log()}"
            assert time.monotonic() < deadline, f"it does not serve\n{self.log()}"
            try:
                if self.get("/health").status == 200 and "is ready" in self.log():
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)

    def stop(self) -> int:
        """Asks it to stop, as a user or a service manager does; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def log(self) -> str:
        """Everything it has printed."""
        return self._log.read_text("utf-8", "replace")

    # Clients

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        host: str = "127.0.0.1",
        timeout: float = 30.0,
    ) -> Answer:
        """One request on a connection of its own, with these headers (and Host and Content-Length) and no others."""
        connection = http.client.HTTPConnection(host, self.port, timeout=timeout)
        given = {name.lower() for name in headers or {}}
        try:
            connection.putrequest(method, path, skip_host="host" in given, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body is not None and not given & {"content-length", "transfer-encoding"}:
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """JSON, unless `body` is bytes already."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, raw, {"content-type": "application/json", **(headers or {})})

    def chat(self, **changes: Any) -> Answer:
        """A chat, with these fields changed."""
        return self.post(CHAT, {**ASK, **changes})

    def open_chat(self, headers: Mapping[str, str] | None = None, *, path: str = CHAT, **changes: Any) -> socket.socket:
        """A chat on a bare socket, which is asked to be closed at the end: a test sees every byte and the end."""
        body = json.dumps({**ASK, **changes}).encode()
        lines = {"host": f"127.0.0.1:{self.port}", "content-type": "application/json", "connection": "close"}
        lines |= {"content-length": str(len(body)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        return connection

    def sdk(self, base: str = "/v1", **options: Any) -> openai.OpenAI:
        """OpenAI's SDK. It tries once unless told otherwise."""
        http_client = openai.DefaultHttpxClient(trust_env=False, verify=NO_TLS)
        options = {"api_key": "any", "max_retries": 0, "http_client": http_client} | options
        return openai.OpenAI(base_url=f"http://127.0.0.1:{self.port}{base}", **options)

    def async_sdk(self, base: str = "/v1", **options: Any) -> openai.AsyncOpenAI:
        http_client = openai.DefaultAsyncHttpxClient(trust_env=False, verify=NO_TLS)
        options = {"api_key": "any", "max_retries": 0, "http_client": http_client} | options
        return openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{self.port}{base}", **options)


class Web:
    """mitmweb's page as its scripts use it; `arguments` are for the `Proxy` that it belongs to."""

    def __init__(self) -> None:
        self.port = free_port()
        self._password = secrets.token_hex(16)
        self.arguments = ["--no-web-open-browser", "--set", f"web_port={self.port}"]
        self.arguments += ["--set", f"web_password={self._password}"]

    @property
    def url(self) -> str:
        """The page's address, with its token."""
        return f"http://127.0.0.1:{self.port}/?token={self._password}"

    def ask(self, method: str, path: str, body: Any = None) -> bytes:
        """The body of the answer, which must be a success."""
        token = "0" * 32
        headers = {"authorization": f"Bearer {self._password}", "content-type": "application/json"}
        cookies = f"_mitmproxy_xsrf={token}; _xsrf={token}"  # the name since mitmproxy 12.2, and before
        headers |= {"cookie": cookies, "x-xsrftoken": token}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            raise RuntimeError(f"{response.status} {answer.decode()}")
        return answer

    def chats(self) -> list[dict[str, Any]]:
        """The flows of chats, oldest first, as the page shows them."""
        return [flow for flow in json.loads(self.ask("GET", "/flows")) if flow["request"]["path"].endswith(CHAT)]

    def body(self, flow: Mapping[str, Any], message: str) -> bytes:
        """What the page shows as the `request` or `response` of a flow."""
        return self.ask("GET", f"/flows/{flow['id']}/{message}/content.data")


@cache
def _authority() -> dict[str, bytes]:
    """The files of mitmproxy's certificates, made once for all proxies of a process, since a key takes time."""
    from mitmproxy.certs import CertStore

    with tempfile.TemporaryDirectory() as folder:
        CertStore.create_store(Path(folder), "mitmproxy", 2048)
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


def free_port() -> int:
    """One that nobody is given meanwhile: it is below those that systems hand out by themselves, and each process of
    tests begins somewhere else."""
    while True:
        port = 16_000 + next(_PORTS) % 16_000
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def is_open(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def events(stream: bytes) -> list[str]:
    """The data of each event, as SillyTavern reads them: its regular expression stops at U+2028 and U+2029."""
    found = []
    for event in re.split(r"\r\n\r\n|\n\n|\r\r", stream.decode()):
        lines = (
            re.fullmatch("([^:]+)(?:: ?([^\n\r\u2028\u2029]*))?", line) for line in re.split(r"\r\n|[\r\n]", event)
        )
        data = "\n".join(line[2] for line in lines if line and line[1] == "data")
        if data:
            found.append(data)
    return found


def read_all(connection: socket.socket) -> bytes:
    """All bytes until the peer closes."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def unchunk(raw: bytes) -> tuple[bytes, bytes]:
    """A raw answer as its head and its body; the body must be chunked, properly ended, and the last on the line."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head.lower(), head
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        body += rest[:length]
        assert rest[length : length + 2] == b"\r\n", rest[length:]
        rest = rest[length + 2 :]
        if not length:
            assert rest == b""
            return head, body
