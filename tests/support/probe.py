"""A script for a proxy under test: SIGUSR1 has it count tasks and flows, SIGUSR2 has it set its clock.

It comes before the addon, which then knows no other clock. How many tasks its event loop has, and how many flows of
chats are in memory, goes into the file `counts`; by how many seconds the clock is to be fast stands in `clock`.
Both are in the proxy's folder.
"""

from __future__ import annotations

import asyncio
import datetime
import signal
import time
import weakref
from pathlib import Path

from google.auth import _helpers
from mitmproxy import http

_TIME = time.time
_fast = [0.0]
_flows: weakref.WeakSet[http.HTTPFlow] = weakref.WeakSet()


def running() -> None:
    """mitmproxy's hook: its event loop runs."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, _count)
    loop.add_signal_handler(signal.SIGUSR2, _set)


def request(flow: http.HTTPFlow) -> None:
    if flow.request.method == "POST":
        _flows.add(flow)


def _count() -> None:
    _write("counts", f"{len(asyncio.all_tasks())} {len(_flows)}")


def _set() -> None:
    _fast[0] = float(Path("clock").read_text("utf-8"))
    _write("set", str(_fast[0]))


def _write(name: str, text: str) -> None:
    """All at once, for who waits for it."""
    Path(f"{name}.new").write_text(text, "utf-8")
    Path(f"{name}.new").rename(name)


def _utcnow() -> datetime.datetime:
    return datetime.datetime.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None)


time.time = lambda: _TIME() + _fast[0]
_helpers.utcnow = _utcnow
