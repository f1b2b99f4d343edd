"""The programs under test, as users start them, each in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from benching import processes, talk
from tests.support.cloud_keys import account_key

ROOT = Path(__file__).resolve().parent.parent.parent
HELPERS = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'scripts'}"}
"""The environment of our own processes beside the programs."""
READY_WITHIN = 60.0
AWS = {"access_key_id": "AKIAIOSFODNN7ABCDEFG", "secret_access_key": "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"}
# mitmproxy's streaming without any change of the bytes. What it prints of each flow is off, as our addon has it.
FLOOR = """
def responseheaders(flow):
    flow.response.stream = lambda data: data
"""
QUIET = ["--set", "flow_detail=0", "--set", "termlog_verbosity=warn"]


class Broken(Exception):
    """A program does not work, so that nothing can be measured."""


@dataclass
class Program:
    """A context manager; `port` is where it serves. Without one it is told by whoever knows."""

    command: list[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0

    def __enter__(self) -> Self:
        self.begin()
        deadline = time.monotonic() + READY_WITHIN
        while not is_open(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise Broken(f"{self.command[0]} does not serve:\n{self.log()[-2000:]}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self) -> None:
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env={"HOME": str(self.folder), "PATH": os.environ["PATH"], **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        return (self.folder / "log.txt").read_text("utf-8", "replace")

    @property
    def cpu(self) -> float:
        return processes.cpu(self.process.pid)

    @property
    def memory(self) -> float:
        return processes.memory(self.process.pid)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the fake cloud is."""

    plain: int
    tls: int
    far: int
    ca_file: str


class Upstream:
    """The fake cloud's process; a context manager."""

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benching.upstream"],
            env=HELPERS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.ports = Ports(**json.loads(self.process.stdout.readline()))
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=15)

    @property
    def cpu(self) -> float:
        return processes.cpu(self.process.pid)

    @property
    def memory(self) -> float:
        return processes.memory(self.process.pid)


def ours(folder: Path, ports: Ports, to: str = "plain", *, bedrock: bool = True) -> Program:
    """The addon with its record and its ledger, as they are by default."""
    folder.mkdir(exist_ok=True)
    port, origin = free_port(), origin_of(ports, to)
    account = {
        "type": "service_account",
        "project_id": talk.PROJECT,
        "private_key_id": "0" * 40,
        "private_key": account_key()[0],
        "client_email": "bench@bench-project.iam.gserviceaccount.com",
        "token_uri": f"http://127.0.0.1:{ports.plain}/token",
    }
    config: dict[str, Any] = {
        "vertex": {
            "base_url": origin + "/v1",
            "accounts": [{"credentials": json.dumps(account), "region": talk.REGION}],
        }
    }
    if to != "plain":
        config["network"] = {"ca_file": ports.ca_file}
    if bedrock:
        config["bedrock"] = {"base_url": origin, "accounts": [{**AWS, "region": "us-east-1"}]}
    (folder / "config.yaml").write_text(json.dumps(config), "utf-8")
    (folder / ".env").write_text("", "utf-8")  # it hides the one in the project's folder
    addon = str(ROOT / "addon" / "oai_vertex.py")
    command = [mitmdump(), "-s", addon, "--mode", f"reverse:http://127.0.0.1:9@127.0.0.1:{port}"]
    return Program(command, folder, {"XDG_STATE_HOME": str(folder / "state")}, port)


def floor(folder: Path, ports: Ports, to: str = "plain") -> Program:
    """mitmdump that lets everything through."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    script = folder / "through.py"
    script.write_text(FLOOR, "utf-8")
    command = [mitmdump(), "-s", str(script), "--mode", f"reverse:{origin_of(ports, to)}@127.0.0.1:{port}", *QUIET]
    return Program([*command, "--set", f"ssl_verify_upstream_trusted_ca={ports.ca_file}"], folder, {}, port)


def origin_of(ports: Ports, to: str) -> str:
    return f"{'http' if to == 'plain' else 'https'}://127.0.0.1:{getattr(ports, to)}"


def mitmdump() -> str:
    return str(Path(sys.executable).parent / "mitmdump")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def seconds_to_answer(program: Program, request: bytes) -> float:
    """From the start of the program to its first whole answer; it is left running."""
    began = time.perf_counter()
    program.begin()
    while True:
        try:
            with socket.create_connection(("127.0.0.1", program.port), timeout=10) as connection:
                connection.sendall(request)
                answer = b"".join(iter(partial(connection.recv, 65_536), b""))
            if b" 200 " in answer[:20]:
                return time.perf_counter() - began
        except OSError:
            pass
        if time.perf_counter() - began > READY_WITHIN:
            raise Broken(f"{program.command[0]} does not answer:\n{program.log()[-2000:]}")
        time.sleep(0.005)
