"""Starts mitmdump and mitmweb from a fork server, which has imported all that they need, or in the usual way."""

from __future__ import annotations

import atexit
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import BinaryIO

SERVER = Path(__file__).parent / "fork_server.py"
PROGRAMS = {Path(sys.executable).parent / name for name in ("mitmdump", "mitmweb")}
"""What can be forked; each is a script of Python's that only calls a function of its name."""
AT_START = re.compile("PYTHON|LANG|LC_|MITMPROXY_|CLOUDSDK_|GOOGLE_API_|SSLKEYLOGFILE")
"""Names of settings that Python reads when it starts, or a module when it is imported."""


class Forked:
    """A running program, with what the tests use of `subprocess.Popen`."""

    def __init__(self, pid: int, end: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._end = end

    def poll(self) -> int | None:
        return self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._wait(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._end.settimeout(timeout)
            try:
                code = self._end.recv(8)
            except (BlockingIOError, TimeoutError):
                return None
            self._end.close()
            assert code, "the fork server has ended"
            self.returncode = int.from_bytes(code, signed=True)
        return self.returncode


class ForkServer:
    """The server as a process; a Python without the modules of `preloaded` would import them when it starts."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._line, its = socket.socketpair()
        self._one_at_a_time = threading.Lock()
        with its:
            command = [sys.executable, "-P", str(SERVER), str(its.fileno()), str(Path(sys.executable).parent.resolve())]
            nothing = subprocess.DEVNULL
            self._process = subprocess.Popen(
                command, env=environment, stdin=nothing, stdout=nothing, pass_fds=[its.fileno()]
            )
        if not self._line.recv(1):
            self.close()
            raise RuntimeError("The fork server does not start; what it has printed says why.")

    def fork(self, command: Sequence[str], folder: Path, environment: Mapping[str, str], log: BinaryIO) -> Forked:
        """Start a program. Its environment is exact: nothing comes from the server's."""
        ours, its = socket.socketpair()
        request = json.dumps({"command": command, "folder": str(folder), "environment": environment})
        with its, self._one_at_a_time:
            socket.send_fds(self._line, [request.encode()], [log.fileno(), its.fileno()])
            pid = self._line.recv(8)
        assert pid, "the fork server has ended"
        return Forked(int.from_bytes(pid), ours)

    def close(self) -> None:
        """End it, and what it has forked."""
        self._line.close()
        self._process.wait()


def start(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: BinaryIO, usual: Mapping[str, str]
) -> Forked | subprocess.Popen[bytes]:
    """A fork where that is the same as a start: of one of `PROGRAMS`, and with nothing that counts `AT_START` set in
    another way than in the `usual` environment."""
    names = [name for name in {*environment, *usual} if AT_START.match(name)]
    same = all(environment.get(name) == usual.get(name) for name in names)
    if same and Path(command[0]) in PROGRAMS and sys.platform == "linux":
        return _server(tuple(usual.items())).fork(command, folder, environment, log)
    return fresh(command, folder, environment, log)


def fresh(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: BinaryIO
) -> subprocess.Popen[bytes]:
    """A real start."""
    nothing = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=folder, env=environment, stdin=nothing, stdout=log, stderr=subprocess.STDOUT)


@cache
def _server(environment: tuple[tuple[str, str], ...]) -> ForkServer:
    """One for all tests of this process."""
    server = ForkServer(dict(environment))
    atexit.register(server.close)
    return server
