"""Stopping: what still runs gets its time, which a second Ctrl-C cuts short."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any


async def end_in_peace(ended: Coroutine[Any, Any, None], seconds: float) -> None:
    """Waits until `ended`, at most so long, or until somebody asks a second time to stop."""
    loop = asyncio.get_running_loop()
    hurry = asyncio.Event()
    with suppress(NotImplementedError):  # Windows' event loop has no signal handlers
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, hurry.set)
    waiting = [asyncio.ensure_future(ended), asyncio.ensure_future(hurry.wait())]
    await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    with suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)  # from now on it ends the program at once
