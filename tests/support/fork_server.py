"""A program that has imported what mitmdump and mitmweb need, and forks one of them whenever its starter asks for it.

It is given the number of its end of a socket, and the program's folder. A request is JSON, with two descriptors: where
to print to, and where to tell the exit code. It ends with its starter, and so do all that it has forked.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
from pathlib import Path

PRELOADED = (
    "mitmproxy.tools.main",
    "mitmproxy.tools.dump",
    "mitmproxy.tools.web.master",
    "oai_vertex",  # mitmproxy loads it once more, by its path
)
LONGEST = 1 << 20
"""Bytes of a request."""


def main() -> None:
    line = socket.socket(fileno=int(sys.argv[1]))
    sys.path[:0] = [sys.argv[2]]  # where Python looks first when it starts a program of that folder
    for name in PRELOADED:
        importlib.import_module(name)
    harmless(line)
    gc.collect()
    gc.freeze()  # else each collection of a fork would copy it all
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which then leave
    line.sendall(b"1")
    serve(line)


def harmless(line: socket.socket) -> None:
    """Nothing that was imported runs by itself or holds something open that all forks would share."""
    assert threading.active_count() == len(os.listdir("/proc/self/task")) == 1
    opened = [name for name in os.listdir("/proc/self/fd") if int(name) > 2 and int(name) != line.fileno()]
    there = [name for name in opened if Path(f"/proc/self/fd/{name}").exists()]  # without the one for listing
    assert not there, there


def serve(line: socket.socket) -> None:
    """Fork for each request; only a fork returns, and it has become the program by then, but for running it."""
    woken, wakes = socket.socketpair()
    woken.setblocking(False)
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)  # only so that it wakes
    forked: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([line, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            tell_ends(forked)
        if line not in ready:
            continue
        request, descriptors, _, _ = socket.recv_fds(line, LONGEST, 2)
        if not request:
            for pid in forked:
                os.kill(pid, signal.SIGKILL)
            os._exit(0)
        log, end = descriptors
        pid = os.fork()
        if not pid:
            break
        os.close(log)
        forked[pid] = socket.socket(fileno=end)
        line.sendall(pid.to_bytes(8))
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for one in (line, woken, wakes, *forked.values()):
        one.close()
    os.close(end)
    become(json.loads(request), log)


def tell_ends(forked: dict[int, socket.socket]) -> None:
    """Whoever asked for a program gets to know its exit code."""
    for pid in list(forked):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with forked.pop(pid) as end, contextlib.suppress(OSError):  # nobody may be there any more
                end.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, signed=True))


def become(request: dict, log: int) -> None:
    """What the kernel does for a program that is started anew."""
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[:] = request["command"]
    sys.orig_argv[:] = [sys.executable, *request["command"]]


if __name__ == "__main__":
    main()
    from mitmproxy.tools import main as tools

    sys.exit(getattr(tools, Path(sys.argv[0]).name)())
